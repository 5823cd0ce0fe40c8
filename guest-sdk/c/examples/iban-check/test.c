/* The logic of iban-check and the header's JSON, outside WebAssembly. */
#define main iban_check_main
#include "iban-check.c"
#undef main

static int failures;

static void expect(bool holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "failed: %s\n", what);
    failures++;
}

static void test_reasons(void) {
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {"DE89 3704 0044 0532 0130 00", NULL},
        {"de89-3704-0044-0532-0130-00", NULL},
        {"GB82WEST12345698765432", NULL},
        {"FR1420041010050500013M02606", NULL},
        {"IT60X0542811101000000123456", NULL},
        {"NO9386011117947", NULL},
        {"MT84MALT011000012345MTLCAST001S", NULL},
        {"BR1800360305000010009795493C1", NULL},
        {"SA0380000000608010167519", NULL},
        {"CH9300762011623852957", NULL},
        {"TR330006100519786457841326", NULL},
        {"LC55HEMM000100010012001200023015", NULL},
        {"RU0204452560040702810412345678901", NULL},
        {"DE89370400440532013001", "checksum"},
        {"DE8937040044053201300", "length"},
        {"DE893704004405320130000", "length"},
        {"DE8937040044053201300A", "structure"},
        {"US89370400440532013000", "country"},
        {"DEXX370400440532013000", "structure"},
        {"DE89.3704", "characters"},
        {"D\xc3\x84", "characters"},
        {"DE891111111111111111111111111111111111", "length"},
        {"", "structure"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check check = check_iban(cases[i].text);
        bool same = cases[i].reason ? check.reason && !strcmp(check.reason, cases[i].reason) : !check.reason;
        expect(same, cases[i].text);
    }
}

static void test_json(void) {
    static const char *good[] = {"null", " [1, -0.5e+3, \"a\\u00e4\\ud83d\\ude00\\n\"] ", "{\"a\":{\"b\":[true,false]}}", "{}", "[]"};
    static const char *bad[] = {"",      "nul",   "[1,]",     "{\"a\"}", "{a:1}", "01",     "1.",      "1e",    "\"",
                                "\"\\",  "\"\\u12\"", "\"\\x\"", "\"\n\"",  "[1 2]", "null x", "inf",     "0x10",  "-",
                                "{\"a\":1,}"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) expect(fc_parse(good[i], strlen(good[i]), NULL), good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) expect(!fc_parse(bad[i], strlen(bad[i]), NULL), bad[i]);

    const char *text = "{\"a\":\"\\ud83d\\ude00\\ud83d\",\"b\":-12.5,\"a\\u0000\":1,\"c\":true}";
    const fc_value *value = fc_parse(text, strlen(text), NULL);
    expect(!strcmp(fc_text(fc_get(value, "a")), "\xf0\x9f\x98\x80\xef\xbf\xbd"), "surrogates");
    expect(fc_number(fc_get(value, "b"), 0) == -12.5, "a number");
    expect(fc_bool(fc_get(value, "c"), false), "a bool");
    expect(!fc_text(fc_get(value, "b")) && !fc_get(value, "d") && !fc_get(NULL, "a"), "what is not there");

    char deep[600];
    memset(deep, '[', 599), deep[599] = 0;
    expect(!fc_parse(deep, 599, NULL), "nested too deep");
}

int main(void) {
    test_reasons();
    test_json();
    if (!failures) puts("iban-check: all tests passed");
    return failures > 0;
}
