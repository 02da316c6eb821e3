/* SPDX-License-Identifier: MIT */
/* JSON both ways, SHA-256, hexadecimal and times. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/jdoc.h"
#include "common/jwriter.h"
#include "common/sha256.h"
#include "common/text.h"

static void test_jwriter_escapes(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *text;
        size_t size;
        const char *expected;
    } cases[] = {
        {"plain", "abc", 3, "\"abc\""},
        {"quotes", "a\"b\\c", 5, "\"a\\\"b\\\\c\""},
        {"control", "\n\t\x01\x7f", 4, "\"\\n\\t\\u0001\\u007f\""},
        {"nul", "a\0b", 3, "\"a\\u0000b\""},
        {"utf-8", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9,
         "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {"not utf-8", "a\xff\xc3", 3, "\"a\xef\xbf\xbd\xef\xbf\xbd\""},
        {"surrogate", "\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {"empty", "", 0, "\"\""},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct jwriter writer;
        jwriter_start(&writer, 1000);
        jwriter_text_n(&writer, cases[i].text, cases[i].size);
        assert_string_equal((const char *)writer.out.data, cases[i].expected);
        jwriter_end(&writer);
    }
}

static void test_jwriter_document(void **state)
{
    (void)state;
    struct jwriter writer;
    struct err err;

    jwriter_start(&writer, 1000);
    jwriter_object(&writer);
    jwriter_key_int(&writer, "a", -5);
    jwriter_key(&writer, "b");
    jwriter_array(&writer);
    jwriter_double(&writer, 0.1);
    jwriter_double(&writer, 1);
    jwriter_double(&writer, -0.0);
    jwriter_null(&writer);
    jwriter_array_end(&writer);
    jwriter_key_bool(&writer, "c", true);
    jwriter_key_text(&writer, "d", "x");
    jwriter_object_end(&writer);
    assert_true(jwriter_ok(&writer, &err));
    assert_string_equal((const char *)writer.out.data,
                        "{\"a\":-5,\"b\":[0.1,1.0,-0.0,null],\"c\":true,\"d\":\"x\"}");
    jwriter_end(&writer);
}

static void test_jwriter_limit_is_sticky(void **state)
{
    (void)state;
    struct jwriter writer;
    struct err err;

    jwriter_start(&writer, 8);
    jwriter_text(&writer, "0123456789");
    jwriter_raw(&writer, "x", 1);
    assert_false(jwriter_ok(&writer, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    jwriter_end(&writer);
}

static void test_double_text_reads_back(void **state)
{
    (void)state;
    uint64_t seed = 1;

    for (int i = 0; i < 100000; i++) {
        char text[DOUBLE_TEXT_SIZE];
        double value;
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        uint64_t bits = seed ^ (seed >> 29);
        memcpy(&value, &bits, sizeof(value));
        if (value != value || value - value != 0) {
            continue;
        }
        double_text(text, value);
        double back = strtod(text, NULL);
        assert_memory_equal(&back, &value, sizeof(value));
    }
}

/* The text that printf and strtod find, one digit count after the other. */
static void plain_double_text(char text[static DOUBLE_TEXT_SIZE], double value)
{
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, DOUBLE_TEXT_SIZE, "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    if (strpbrk(text, ".eni") == NULL) {
        strcat(text, ".0");
    }
}

static void assert_plain_text(double value)
{
    char text[DOUBLE_TEXT_SIZE];
    char plain[DOUBLE_TEXT_SIZE];

    double_text(text, value);
    plain_double_text(plain, value);
    assert_string_equal(text, plain);
}

static void test_double_text_of_shares(void **state)
{
    (void)state;
    static const double corners[] = {0,    0.0001, 0.001, 0.01, 0.1,
                                     0.25, 0.5,    1,     0.3,  0x1.fffffffffffffp-1};
    uint64_t seed = 1;

    for (size_t i = 0; i < ARRAY_SIZE(corners); i++) {
        double value = corners[i];
        double next = value;
        assert_plain_text(value);
        for (int step = 0; step < 3; step++) {
            value = nextafter(value, 2);
            next = nextafter(next, -1);
            assert_plain_text(value);
            assert_plain_text(next);
        }
    }
    for (int i = 0; i < 100000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        uint64_t whole = (seed >> 20) % 200000 + 1;
        assert_plain_text((double)((seed >> 40) % (whole + 1)) / (double)whole);
        assert_plain_text((double)(seed >> 11) * 0x1p-53);
        assert_plain_text((double)(seed >> 11) * 0x1p-53 * 0.001);
        assert_plain_text((double)((seed >> 13) % 100000) / 1e5); /* few digits */
    }
}

static void test_jdoc_open_and_walk(void **state)
{
    (void)state;
    static const char text[] = "{\"a\": [1, 2.5, \"x\", true, null], \"b\": {\"c\": 7}}";
    struct jdoc *doc = NULL;
    struct err err;
    int64_t number;
    double real;
    bool flag;

    assert_true(jdoc_open(&doc, text, strlen(text), &err));
    const struct jvalue *a = jvalue_member(jdoc_root(doc), "a");
    assert_int_equal(jvalue_count(a), 5);
    assert_true(jvalue_int(&number, jvalue_item(a, 0)) && number == 1);
    assert_false(jvalue_int(&number, jvalue_item(a, 1)));
    assert_true(jvalue_double(&real, jvalue_item(a, 1)) && real > 2.4);
    assert_string_equal(jvalue_text(jvalue_item(a, 2)), "x");
    assert_true(jvalue_bool(&flag, jvalue_item(a, 3)) && flag);
    assert_true(jvalue_is_null(jvalue_item(a, 4)));
    assert_true(jvalue_int(&number, jvalue_member(jvalue_member(jdoc_root(doc), "b"), "c")) &&
                number == 7);
    assert_null(jvalue_member(a, "b"));
    assert_null(jvalue_member(NULL, "b"));
    jdoc_close(&doc);
    assert_false(jdoc_open(&doc, "{\n \"a\": 1, \"a\": 2}", 19, &err));
    assert_int_equal(err.line, 2);
    assert_null(doc);
    jdoc_close(&doc);
}

static void test_sha256_of_known_vectors(void **state)
{
    (void)state;
    uint8_t digest[SHA256_BYTES];
    char text[SHA256_HEX_SIZE];
    struct sha256 hash;

    /* FIPS 180-4, examples */
    sha256_of(digest, "abc", 3);
    hex_text(text, digest, sizeof(digest));
    assert_string_equal(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256_start(&hash);
    sha256_add(&hash, "a", 1);
    sha256_add(&hash, "bc", 2);
    sha256_finish(&hash, digest);
    hex_text(text, digest, sizeof(digest));
    assert_string_equal(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void test_hex_read(void **state)
{
    (void)state;
    unsigned char data[2];
    struct err err;

    assert_true(hex_read(data, 2, "0aFf", 4, &err));
    assert_int_equal(data[1], 0xff);
    assert_false(hex_read(data, 2, "0aF", 3, &err));
    assert_false(hex_read(data, 2, "0aFg", 4, &err));
}

static void test_time_text_pads_the_year(void **state)
{
    (void)state;
    char text[TIME_TEXT_SIZE];
    int64_t ms;
    struct err err;

    assert_true(time_read(&ms, "0954-06-01T00:00:00Z", &err));
    time_text(text, ms);
    assert_string_equal(text, "0954-06-01T00:00:00Z");
}

static void test_time_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms; /* -1: refused */
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2017-06-01T00:00:00.250Z", 1496275200250},
        {"2016-02-29T12:00:00Z", 1456747200000},
        {"9999-12-31T23:59:59Z", 253402300799000},
        {"2017-02-29T12:00:00Z", -1},
        {"2017-06-01T00:00:00", -1},
        {"2017-06-01T24:00:00Z", -1},
        {"2017-06-01 00:00:00Z", -1},
        {"", -1},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct err err;
        int64_t ms = -1;
        char text[TIME_TEXT_SIZE];
        assert_int_equal(time_read(&ms, cases[i].text, &err), cases[i].ms >= 0);
        if (cases[i].ms >= 0) {
            assert_int_equal(ms, cases[i].ms);
            time_text(text, ms);
            assert_string_equal(text, cases[i].text);
        }
    }
}

static void test_text_distance(void **state)
{
    (void)state;
    static const struct {
        const char *a;
        const char *b;
        size_t edits;
    } cases[] = {
        {"", "", 0},    {"submit", "submit", 0},  {"submit", "sumbit", 2}, {"submit", "submi", 1},
        {"", "abc", 3}, {"kitten", "sitting", 3},
    };
    char long_word[65];

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(text_distance(cases[i].a, cases[i].b), cases[i].edits);
        assert_int_equal(text_distance(cases[i].b, cases[i].a), cases[i].edits);
    }
    memset(long_word, 'a', 64);
    long_word[64] = '\0';
    assert_true(text_distance(long_word, "a") == SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jwriter_escapes),
        cmocka_unit_test(test_jwriter_document),
        cmocka_unit_test(test_jwriter_limit_is_sticky),
        cmocka_unit_test(test_double_text_reads_back),
        cmocka_unit_test(test_double_text_of_shares),
        cmocka_unit_test(test_jdoc_open_and_walk),
        cmocka_unit_test(test_sha256_of_known_vectors),
        cmocka_unit_test(test_hex_read),
        cmocka_unit_test(test_time_text_pads_the_year),
        cmocka_unit_test(test_time_read),
        cmocka_unit_test(test_text_distance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
