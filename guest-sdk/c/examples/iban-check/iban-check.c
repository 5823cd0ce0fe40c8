/* Whether an IBAN is one, by the registry of ISO 13616: country, length, structure and check digits.
 *
 * {"iban": "DE89 3704 0044 0532 0130 00"} gives
 * {"valid":true,"iban":"DE89370400440532013000","formatted":"DE89 3704 0044 0532 0130 00","country":"DE","country_name":"Germany",
 *  "bank":"37040044"}, and what is none {"valid":false,"reason":"checksum","message":"..."} with what is known of it. */
#include "flowcell.h"

typedef struct {
    const char *code, *name;
    /* What follows the check digits, as the registry writes it: a count, and n for digits, a for capitals, c for both. */
    const char *structure;
    /* Where in it the bank stands. */
    int bank, bank_length;
} country;

static const country countries[] = {
    {"AD", "Andorra", "8n12c", 0, 4},
    {"AE", "United Arab Emirates", "19n", 0, 3},
    {"AL", "Albania", "8n16c", 0, 3},
    {"AT", "Austria", "16n", 0, 5},
    {"AZ", "Azerbaijan", "4a20c", 0, 4},
    {"BA", "Bosnia and Herzegovina", "16n", 0, 3},
    {"BE", "Belgium", "12n", 0, 3},
    {"BG", "Bulgaria", "4a6n8c", 0, 4},
    {"BH", "Bahrain", "4a14c", 0, 4},
    {"BI", "Burundi", "23n", 0, 5},
    {"BR", "Brazil", "23n1a1c", 0, 8},
    {"BY", "Belarus", "4c4n16c", 0, 4},
    {"CH", "Switzerland", "5n12c", 0, 5},
    {"CR", "Costa Rica", "18n", 0, 4},
    {"CY", "Cyprus", "8n16c", 0, 3},
    {"CZ", "Czechia", "20n", 0, 4},
    {"DE", "Germany", "18n", 0, 8},
    {"DJ", "Djibouti", "23n", 0, 5},
    {"DK", "Denmark", "14n", 0, 4},
    {"DO", "Dominican Republic", "4c20n", 0, 4},
    {"EE", "Estonia", "16n", 0, 2},
    {"EG", "Egypt", "25n", 0, 4},
    {"ES", "Spain", "20n", 0, 4},
    {"FI", "Finland", "14n", 0, 3},
    {"FK", "Falkland Islands", "2a12n", 0, 2},
    {"FO", "Faroe Islands", "14n", 0, 4},
    {"FR", "France", "10n11c2n", 0, 5},
    {"GB", "United Kingdom", "4a14n", 0, 4},
    {"GE", "Georgia", "2a16n", 0, 2},
    {"GI", "Gibraltar", "4a15c", 0, 4},
    {"GL", "Greenland", "14n", 0, 4},
    {"GR", "Greece", "7n16c", 0, 3},
    {"GT", "Guatemala", "24c", 0, 4},
    {"HR", "Croatia", "17n", 0, 7},
    {"HU", "Hungary", "24n", 0, 3},
    {"IE", "Ireland", "4a14n", 0, 4},
    {"IL", "Israel", "19n", 0, 3},
    {"IQ", "Iraq", "4a15n", 0, 4},
    {"IS", "Iceland", "22n", 0, 4},
    {"IT", "Italy", "1a10n12c", 1, 5},
    {"JO", "Jordan", "4a4n18c", 0, 4},
    {"KW", "Kuwait", "4a22c", 0, 4},
    {"KZ", "Kazakhstan", "3n13c", 0, 3},
    {"LB", "Lebanon", "4n20c", 0, 4},
    {"LC", "Saint Lucia", "4a24c", 0, 4},
    {"LI", "Liechtenstein", "5n12c", 0, 5},
    {"LT", "Lithuania", "16n", 0, 5},
    {"LU", "Luxembourg", "3n13c", 0, 3},
    {"LV", "Latvia", "4a13c", 0, 4},
    {"LY", "Libya", "21n", 0, 3},
    {"MC", "Monaco", "10n11c2n", 0, 5},
    {"MD", "Moldova", "20c", 0, 2},
    {"ME", "Montenegro", "18n", 0, 3},
    {"MK", "North Macedonia", "3n10c2n", 0, 3},
    {"MN", "Mongolia", "16n", 0, 4},
    {"MR", "Mauritania", "23n", 0, 5},
    {"MT", "Malta", "4a5n18c", 0, 4},
    {"MU", "Mauritius", "4a19n3a", 0, 6},
    {"NI", "Nicaragua", "4a20n", 0, 4},
    {"NL", "Netherlands", "4a10n", 0, 4},
    {"NO", "Norway", "11n", 0, 4},
    {"OM", "Oman", "3n16c", 0, 3},
    {"PK", "Pakistan", "4a16c", 0, 4},
    {"PL", "Poland", "24n", 0, 8},
    {"PS", "Palestine", "4a21c", 0, 4},
    {"PT", "Portugal", "21n", 0, 4},
    {"QA", "Qatar", "4a21c", 0, 4},
    {"RO", "Romania", "4a16c", 0, 4},
    {"RS", "Serbia", "18n", 0, 3},
    {"RU", "Russia", "14n15c", 0, 9},
    {"SA", "Saudi Arabia", "2n18c", 0, 2},
    {"SC", "Seychelles", "4a20n3a", 0, 6},
    {"SD", "Sudan", "14n", 0, 2},
    {"SE", "Sweden", "20n", 0, 3},
    {"SI", "Slovenia", "15n", 0, 5},
    {"SK", "Slovakia", "20n", 0, 4},
    {"SM", "San Marino", "1a10n12c", 1, 5},
    {"SO", "Somalia", "19n", 0, 4},
    {"ST", "Sao Tome and Principe", "21n", 0, 4},
    {"SV", "El Salvador", "4a20n", 0, 4},
    {"TL", "Timor-Leste", "19n", 0, 3},
    {"TN", "Tunisia", "20n", 0, 2},
    {"TR", "Turkey", "6n16c", 0, 5},
    {"UA", "Ukraine", "6n19c", 0, 6},
    {"VA", "Vatican City", "18n", 0, 3},
    {"VG", "British Virgin Islands", "4a16n", 0, 4},
    {"XK", "Kosovo", "16n", 0, 4},
    {"YE", "Yemen", "4a4n18c", 0, 4},
};

enum { LONGEST = 34 };

typedef struct {
    char iban[LONGEST + 1];
    size_t length;
    const country *country;
    /* NULL if it is valid. */
    const char *reason, *message;
} check;

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_capital(char c) { return c >= 'A' && c <= 'Z'; }

static const country *find_country(const char *iban) {
    for (size_t i = 0; i < sizeof countries / sizeof *countries; i++)
        if (!memcmp(countries[i].code, iban, 2)) return &countries[i];
    return NULL;
}

static size_t length_of(const country *country) {
    size_t length = 4, count = 0;
    for (const char *at = country->structure; *at; at++) {
        if (is_digit(*at)) {
            count = count * 10 + (size_t)(*at - '0');
        } else {
            length += count;
            count = 0;
        }
    }
    return length;
}

/* The text is as long as the structure says. */
static bool fits(const char *text, const char *structure) {
    size_t count = 0;
    for (const char *at = structure; *at; at++) {
        if (is_digit(*at)) {
            count = count * 10 + (size_t)(*at - '0');
            continue;
        }
        for (; count > 0; count--, text++)
            if (!(is_digit(*text) && *at != 'a') && !(is_capital(*text) && *at != 'n')) return false;
    }
    return true;
}

/* ISO 7064 mod 97-10 with the first four characters at the end, letters as 10 to 35. */
static bool checksum_holds(const char *iban, size_t length) {
    unsigned rest = 0;
    for (size_t i = 0; i < length; i++) {
        char c = iban[(i + 4) % length];
        rest = is_digit(c) ? (rest * 10 + (unsigned)(c - '0')) % 97 : (rest * 100 + (unsigned)(c - 'A' + 10)) % 97;
    }
    return rest == 1;
}

static check refuse(check check, const char *reason, const char *message) {
    check.reason = reason;
    check.message = message;
    return check;
}

/* Spaces and hyphens between, and small letters, are how people write it. */
static check check_iban(const char *text) {
    check check = {0};
    for (; *text; text++) {
        char c = *text >= 'a' && *text <= 'z' ? (char)(*text - 'a' + 'A') : *text;
        if (c == ' ' || c == '-') continue;
        if (!is_digit(c) && !is_capital(c)) return refuse(check, "characters", "an IBAN has letters, digits and spaces only");
        if (check.length == LONGEST) return refuse(check, "length", "no IBAN has more than 34 characters");
        check.iban[check.length++] = c;
    }
    if (check.length < 5 || !is_capital(check.iban[0]) || !is_capital(check.iban[1]) || !is_digit(check.iban[2]) ||
        !is_digit(check.iban[3]))
        return refuse(check, "structure", "an IBAN begins with two letters and two digits, as in DE89");
    check.country = find_country(check.iban);
    if (!check.country) return refuse(check, "country", "this country has no IBANs");
    size_t wanted = length_of(check.country);
    if (check.length < wanted) return refuse(check, "length", "it is too short for its country");
    if (check.length > wanted) return refuse(check, "length", "it is too long for its country");
    if (!fits(check.iban + 4, check.country->structure))
        return refuse(check, "structure", "letters and digits do not stand where its country has them");
    if (!checksum_holds(check.iban, check.length)) return refuse(check, "checksum", "the check digits do not fit: a typing error");
    return check;
}

static void put_formatted(const check *check) {
    char formatted[LONGEST + LONGEST / 4 + 1];
    size_t length = 0;
    for (size_t i = 0; i < check->length; i++) {
        if (i > 0 && i % 4 == 0) formatted[length++] = ' ';
        formatted[length++] = check->iban[i];
    }
    fc_put_text_n(formatted, length);
}

static void put_check(const check *check) {
    fc_begin('{');
    fc_key("valid"), fc_put_bool(!check->reason);
    fc_key("iban"), fc_put_text(check->iban);
    fc_key("formatted"), put_formatted(check);
    if (check->country) {
        fc_key("country"), fc_put_text(check->country->code);
        fc_key("country_name"), fc_put_text(check->country->name);
    }
    if (check->reason) {
        fc_key("reason"), fc_put_text(check->reason);
        fc_key("message"), fc_put_text(check->message);
    } else {
        fc_key("bank"), fc_put_text_n(check->iban + 4 + check->country->bank, (size_t)check->country->bank_length);
    }
    fc_end('}');
}

int main(void) {
    const char *iban = fc_text(fc_get(fc_input(), "iban"));
    if (!iban) fc_fail("bad_input", "`iban` is missing, or no text");
    check check = check_iban(iban);
    put_check(&check);
    return 0;
}
