/* Plugins for Flowcell in C: a command that reads one JSON value on stdin and writes one on stdout.
 *
 *     #include "flowcell.h"
 *
 *     int main(void) {
 *         const fc_value *input = fc_input();
 *         const char *name = fc_text(fc_get(input, "name"));
 *         if (!name) fc_fail("bad_input", "`name` is missing");
 *         fc_begin('{');
 *         fc_key("length"), fc_put_number((double)strlen(name));
 *         fc_end('}');
 *         return 0;
 *     }
 *
 * Nothing is freed: a command has one input, and its memory ends with it. This header is to be included in one file. */
#ifndef FLOWCELL_H
#define FLOWCELL_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__)
#define FC_API __attribute__((unused)) static
#else
#define FC_API static
#endif

/* Reading. */

typedef enum { FC_NULL, FC_FALSE, FC_TRUE, FC_NUMBER, FC_TEXT, FC_ARRAY, FC_OBJECT } fc_type;

typedef struct fc_value {
    fc_type type;
    double number;
    /* UTF-8 of a text, and a 0 after it. */
    char *text;
    size_t length;
    /* The items of an array or object, each with the `next` one, and its `key` in an object. */
    struct fc_value *first, *next;
    char *key;
    size_t key_length;
} fc_value;

/* Ends the plugin: `code` for programs, `message` for people. The step fails with what stderr said last. */
_Noreturn FC_API void fc_fail(const char *code, const char *message) {
    fputs(code, stderr), fputs(": ", stderr), fputs(message, stderr), fputs("\n", stderr);
    exit(1);
}

FC_API void *fc_allocate(size_t size) {
    void *memory = calloc(1, size ? size : 1);
    if (!memory) fc_fail("out_of_memory", "the input needs more memory than the plugin may have");
    return memory;
}

/* All of stdin, and a 0 after it. */
FC_API char *fc_read_all(size_t *length) {
    size_t room = 65536, used = 0;
    char *text = fc_allocate(room);
    for (;;) {
        size_t read = fread(text + used, 1, room - used - 1, stdin);
        used += read;
        if (read == 0) break;
        if (used + 1 == room) {
            text = realloc(text, room *= 2);
            if (!text) fc_fail("out_of_memory", "the input needs more memory than the plugin may have");
        }
    }
    text[used] = 0;
    *length = used;
    return text;
}

typedef struct {
    const char *at, *end;
    const char *wrong;
    int depth;
} fc_reader;

FC_API fc_value *fc_read_value(fc_reader *reader);

FC_API void fc_skip_space(fc_reader *reader) {
    while (reader->at < reader->end && strchr(" \t\r\n", *reader->at) && *reader->at) reader->at++;
}

FC_API bool fc_take(fc_reader *reader, char wanted) {
    fc_skip_space(reader);
    if (reader->at == reader->end || *reader->at != wanted) return false;
    reader->at++;
    return true;
}

FC_API void *fc_wrong(fc_reader *reader, const char *what) {
    if (!reader->wrong) reader->wrong = what;
    return NULL;
}

/* Four hexadecimal digits, or -1. */
FC_API long fc_read_hex(fc_reader *reader) {
    long code = 0;
    if (reader->end - reader->at < 4) return -1;
    for (int i = 0; i < 4; i++) {
        char c = *reader->at++;
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (digit < 0) return -1;
        code = code * 16 + digit;
    }
    return code;
}

FC_API char *fc_write_utf8(char *out, long code) {
    if (code < 0x80) {
        *out++ = (char)code;
    } else if (code < 0x800) {
        *out++ = (char)(0xc0 | code >> 6);
        *out++ = (char)(0x80 | (code & 63));
    } else if (code < 0x10000) {
        *out++ = (char)(0xe0 | code >> 12);
        *out++ = (char)(0x80 | (code >> 6 & 63));
        *out++ = (char)(0x80 | (code & 63));
    } else {
        *out++ = (char)(0xf0 | code >> 18);
        *out++ = (char)(0x80 | (code >> 12 & 63));
        *out++ = (char)(0x80 | (code >> 6 & 63));
        *out++ = (char)(0x80 | (code & 63));
    }
    return out;
}

/* After `\u`. A surrogate without its other half becomes U+FFFD. */
FC_API long fc_read_unicode(fc_reader *reader) {
    long code = fc_read_hex(reader);
    if (code < 0xd800 || code > 0xdfff) return code;
    if (code < 0xdc00 && reader->end - reader->at >= 6 && reader->at[0] == '\\' && reader->at[1] == 'u') {
        const char *before = reader->at;
        reader->at += 2;
        long low = fc_read_hex(reader);
        if (low < 0) return low;
        if (low >= 0xdc00 && low <= 0xdfff) return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        reader->at = before;
    }
    return 0xfffd;
}

/* After the opening quote. What is escaped is never shorter than what it stands for. */
FC_API char *fc_read_text(fc_reader *reader, size_t *length) {
    const char *close = reader->at;
    while (close < reader->end && *close != '"') close += *close == '\\' ? 2 : 1;
    if (close >= reader->end) return fc_wrong(reader, "a text does not end");
    char *text = fc_allocate((size_t)(close - reader->at) + 1), *out = text;
    while (reader->at < close) {
        char c = *reader->at++;
        if ((unsigned char)c < 0x20) return fc_wrong(reader, "a control character in a text");
        if (c != '\\') {
            *out++ = c;
            continue;
        }
        static const char escapes[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
        char kind = *reader->at++;
        if (kind == 'u') {
            long code = fc_read_unicode(reader);
            if (code < 0) return fc_wrong(reader, "\\u without four hexadecimal digits");
            out = fc_write_utf8(out, code);
            continue;
        }
        int escape = 0;
        while (escapes[escape] && escapes[escape] != kind) escape += 2;
        if (!escapes[escape]) return fc_wrong(reader, "an unknown escape in a text");
        *out++ = escapes[escape + 1];
    }
    reader->at = close + 1;
    *out = 0;
    *length = (size_t)(out - text);
    return text;
}

FC_API const char *fc_skip_digits(const char *at) {
    while (*at >= '0' && *at <= '9') at++;
    return at;
}

/* By the grammar of JSON: strtod alone would take 0x1F, inf and 007 too. A 0 follows the input, so that looking ahead is safe. */
FC_API fc_value *fc_read_number(fc_reader *reader, fc_value *value) {
    const char *at = reader->at + (*reader->at == '-');
    const char *digits = fc_skip_digits(at);
    if (digits == at || (*at == '0' && digits - at > 1)) return fc_wrong(reader, "a value is expected");
    at = digits;
    if (*at == '.') {
        digits = fc_skip_digits(at + 1);
        if (digits == at + 1) return fc_wrong(reader, "a number ends with its point");
        at = digits;
    }
    if (*at == 'e' || *at == 'E') {
        at += 1 + (at[1] == '+' || at[1] == '-');
        digits = fc_skip_digits(at);
        if (digits == at) return fc_wrong(reader, "a number ends with its exponent");
        at = digits;
    }
    value->type = FC_NUMBER;
    value->number = strtod(reader->at, NULL);
    reader->at = at;
    return value;
}

FC_API fc_value *fc_read_items(fc_reader *reader, fc_value *value) {
    bool object = value->type == FC_OBJECT;
    char close = object ? '}' : ']';
    fc_value **last = &value->first;
    if (++reader->depth > 256) return fc_wrong(reader, "nested more than 256 deep");
    if (!fc_take(reader, close)) {
        do {
            char *key = NULL;
            size_t key_length = 0;
            if (object) {
                if (!fc_take(reader, '"')) return fc_wrong(reader, "a key is expected");
                key = fc_read_text(reader, &key_length);
                if (!key) return NULL;
                if (!fc_take(reader, ':')) return fc_wrong(reader, "`:` is expected");
            }
            fc_value *item = fc_read_value(reader);
            if (!item) return NULL;
            item->key = key;
            item->key_length = key_length;
            *last = item;
            last = &item->next;
        } while (fc_take(reader, ','));
        if (!fc_take(reader, close)) return fc_wrong(reader, object ? "`,` or `}` is expected" : "`,` or `]` is expected");
    }
    reader->depth--;
    return value;
}

FC_API fc_value *fc_read_word(fc_reader *reader, fc_value *value, const char *word, fc_type type) {
    size_t length = strlen(word);
    if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, word, length)) return fc_wrong(reader, "a value is expected");
    reader->at += length;
    value->type = type;
    return value;
}

FC_API fc_value *fc_read_value(fc_reader *reader) {
    fc_value *value = fc_allocate(sizeof *value);
    fc_skip_space(reader);
    if (reader->at == reader->end) return fc_wrong(reader, "it ends too early");
    switch (*reader->at) {
    case '{':
    case '[':
        value->type = *reader->at++ == '{' ? FC_OBJECT : FC_ARRAY;
        return fc_read_items(reader, value);
    case '"':
        reader->at++;
        value->type = FC_TEXT;
        value->text = fc_read_text(reader, &value->length);
        return value->text ? value : NULL;
    case 'n':
        return fc_read_word(reader, value, "null", FC_NULL);
    case 't':
        return fc_read_word(reader, value, "true", FC_TRUE);
    case 'f':
        return fc_read_word(reader, value, "false", FC_FALSE);
    default:
        return fc_read_number(reader, value);
    }
}

/* One JSON value; NULL if it is none, and then `*wrong` says why. A 0 must follow the text. */
FC_API fc_value *fc_parse(const char *text, size_t length, const char **wrong) {
    fc_reader reader = {text, text + length, NULL, 0};
    fc_value *value = fc_read_value(&reader);
    fc_skip_space(&reader);
    if (value && reader.at != reader.end) value = fc_wrong(&reader, "something follows the value");
    if (wrong) *wrong = reader.wrong;
    return value;
}

/* The input; without one the plugin ends. */
FC_API const fc_value *fc_input(void) {
    size_t length;
    const char *wrong, *text = fc_read_all(&length);
    fc_value *value = fc_parse(text, length, &wrong);
    if (!value) fc_fail("bad_json", wrong);
    return value;
}

/* A field, or NULL: of what is no object too. */
FC_API const fc_value *fc_get(const fc_value *object, const char *key) {
    const fc_value *found = NULL;
    if (!object || object->type != FC_OBJECT) return NULL;
    for (const fc_value *item = object->first; item; item = item->next)
        if (item->key_length == strlen(key) && !memcmp(item->key, key, item->key_length)) found = item;
    return found;
}

/* Its text; NULL of what is none, and of a text with a 0 in it. */
FC_API const char *fc_text(const fc_value *value) {
    return value && value->type == FC_TEXT && strlen(value->text) == value->length ? value->text : NULL;
}

FC_API double fc_number(const fc_value *value, double otherwise) {
    return value && value->type == FC_NUMBER ? value->number : otherwise;
}

FC_API bool fc_bool(const fc_value *value, bool otherwise) {
    return value && (value->type == FC_TRUE || value->type == FC_FALSE) ? value->type == FC_TRUE : otherwise;
}

/* Writing, to stdout: commas come by themselves. */

static struct {
    int depth;
    bool after_key;
    bool has_items[256];
} fc_writer;

FC_API void fc_before_item(void) {
    if (fc_writer.after_key)
        fc_writer.after_key = false;
    else if (fc_writer.has_items[fc_writer.depth])
        putchar(',');
    fc_writer.has_items[fc_writer.depth] = true;
}

/* `{` or `[`. */
FC_API void fc_begin(char open) {
    fc_before_item();
    if (fc_writer.depth == 255) fc_fail("too_deep", "the output is nested more than 255 deep");
    fc_writer.has_items[++fc_writer.depth] = false;
    putchar(open);
}

/* `}` or `]`. */
FC_API void fc_end(char close) {
    fc_writer.depth--;
    putchar(close);
}

FC_API void fc_write_quoted(const char *text, size_t length) {
    putchar('"');
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\') putchar('\\');
        if (c >= 0x20) {
            putchar(c);
        } else {
            fputs("\\u00", stdout);
            putchar("0123456789abcdef"[c >> 4]);
            putchar("0123456789abcdef"[c & 15]);
        }
    }
    putchar('"');
}

FC_API void fc_key(const char *key) {
    fc_before_item();
    fc_write_quoted(key, strlen(key));
    putchar(':');
    fc_writer.after_key = true;
}

FC_API void fc_put_text_n(const char *text, size_t length) {
    fc_before_item();
    fc_write_quoted(text, length);
}

FC_API void fc_put_text(const char *text) {
    fc_put_text_n(text, strlen(text));
}

FC_API void fc_put_bool(bool value) {
    fc_before_item();
    fputs(value ? "true" : "false", stdout);
}

FC_API void fc_put_null(void) {
    fc_before_item();
    fputs("null", stdout);
}

/* What JSON has no number for becomes null. */
FC_API void fc_put_number(double value) {
    fc_before_item();
    if (isfinite(value))
        printf("%.17g", value);
    else
        fputs("null", stdout);
}

#endif
