/* SPDX-License-Identifier: MIT */
/* The number grammar, and the same bits as strtod for millions of seeded random texts. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/draw.h"
#include "common/macros.h"
#include "scorer/data/number.h"

static struct draw draw = {20170601};

static void assert_same_as_strtod(const char *text)
{
    double expected = strtod(text, NULL);
    double value = 0;
    enum number_status status = number_double(&value, text, strlen(text));

    if (isinf(expected)) {
        assert_int_equal(status, NUMBER_RANGE);
    } else if (status != NUMBER_OK || memcmp(&value, &expected, sizeof(value)) != 0) {
        fail_msg("'%s' gives %a, strtod says %a (status %d)", text, value, expected, (int)status);
    }
}

static void test_number_double_grammar(void **state)
{
    static const struct {
        const char *text;
        enum number_status status;
        double value;
    } cases[] = {
        {"0", NUMBER_OK, 0.0},
        {"-0", NUMBER_OK, -0.0},
        {"+1", NUMBER_OK, 1.0},
        {"007", NUMBER_OK, 7.0},
        {"0.1", NUMBER_OK, 0.1},
        {"1e5", NUMBER_OK, 1e5},
        {"1E+5", NUMBER_OK, 1e5},
        {"1.5e-3", NUMBER_OK, 1.5e-3},
        {"123456789012345678901234567890", NUMBER_OK, 123456789012345678901234567890.0},
        {"0.00000000000000000000000000000000001", NUMBER_OK, 1e-35},
        {"9007199254740993", NUMBER_OK, 9007199254740992.0},
        {"1e-99999999999999999999", NUMBER_OK, 0.0},
        {"0e99999999999999999999", NUMBER_OK, 0.0},
        {"1e309", NUMBER_RANGE, 0},
        {"-1e99999999999999999999", NUMBER_RANGE, 0},
        {"", NUMBER_BAD, 0},
        {"+", NUMBER_BAD, 0},
        {"-", NUMBER_BAD, 0},
        {".5", NUMBER_BAD, 0},
        {"5.", NUMBER_BAD, 0},
        {"5.e1", NUMBER_BAD, 0},
        {"1e", NUMBER_BAD, 0},
        {"1e+", NUMBER_BAD, 0},
        {"1.5.5", NUMBER_BAD, 0},
        {"--1", NUMBER_BAD, 0},
        {" 1", NUMBER_BAD, 0},
        {"1 ", NUMBER_BAD, 0},
        {"0x10", NUMBER_BAD, 0},
        {"inf", NUMBER_BAD, 0},
        {"nan", NUMBER_BAD, 0},
        {"1,5", NUMBER_BAD, 0},
        {"1e5f", NUMBER_BAD, 0},
        {"12345678x", NUMBER_BAD, 0},
        {"1234567:", NUMBER_BAD, 0},
        {"1234567/", NUMBER_BAD, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        double value = 42;
        enum number_status status = number_double(&value, cases[i].text, strlen(cases[i].text));
        double expected = cases[i].status == NUMBER_OK ? cases[i].value : 42;
        if (status != cases[i].status || memcmp(&value, &expected, sizeof(value)) != 0) {
            fail_msg("'%s' gives %d, %a", cases[i].text, (int)status, value);
        }
    }
}

static void test_number_double_refuses_a_nul_and_long_texts(void **state)
{
    char text[NUMBER_BYTES_MAX + 1];
    double value;

    (void)state;
    memset(text, '1', sizeof(text));
    text[1] = '.';
    assert_int_equal(number_double(&value, text, NUMBER_BYTES_MAX), NUMBER_OK);
    assert_int_equal(number_double(&value, text, NUMBER_BYTES_MAX + 1), NUMBER_BAD);
    assert_int_equal(number_double(&value, "1\0", 2), NUMBER_BAD);
}

static void test_number_double_is_strtod_at_the_borders(void **state)
{
    static const char *const texts[] = {
        "2.2250738585072011e-308", /* between the largest subnormal and the smallest normal */
        "2.2250738585072014e-308",
        "2.2250738585072012e-308",
        "4.9406564584124654e-324",
        "2.4703282292062327e-324", /* just below half of the smallest subnormal */
        "2.4703282292062328e-324",
        "1.7976931348623157e308",
        "1.7976931348623158e308",
        "1.797693134862315807e308",
        "9007199254740993.00000000000000000000000000001",
        "9007199254740992.99999999999999999999999999999",
        "0.500000000000000166533453693773481063544750213623046875", /* half way */
        "8.5e22",
        "1e23",
        "7.2057594037927933e16",
        "6929495644600919.5",
        "3.237883913302901289588352412501532174863037669423108059901297049552301970670676565786835"
        "742587799557860615776559838283435514391084153169252689190564396459577394618038928365305143"
        "463955100356696665629202017331344031730044369360205258345803431471660032699580731300954848"
        "363975548690010751530018881758184174569652173110473696022749934638425380623369774736560008"
        "997404060967498028389191878963968575439222206416981462690113342524002724385941651051293552"
        "601421155333430225237291523843322331326138431477823591142408800030775170625915670728657003"
        "151953664260769822494937951845801530895238439819708403389937873241463484205608000027270531"
        "106827387907791444918534771598750162812548862768493201518991668028251730299953143924168545"
        "708663913273994694463908672332763671875e-319",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        assert_same_as_strtod(texts[i]);
    }
}

/* A text of the grammar: up to 25 digits, a point anywhere, an exponent in one of two. */
static void random_text(char text[static 64])
{
    size_t at = 0;
    uint64_t r = draw_bits(&draw);
    int n_digits = 1 + (int)(r % 25);
    int point = (int)((r >> 8) % 30);
    static const int spans[] = {8, 30, 320, 345};
    int span = spans[(r >> 16) % 4];

    if ((r >> 24) % 4 == 0) {
        text[at++] = '-';
    }
    for (int i = 0; i < n_digits; i++) {
        if (i == point && i > 0) {
            text[at++] = '.';
        }
        text[at++] = (char)('0' + draw_bits(&draw) % 10);
    }
    text[at] = '\0';
    if ((r >> 32) % 2 == 0) {
        snprintf(text + at, 16, "e%d", (int)(draw_bits(&draw) % (2 * span)) - span);
    }
}

static void test_number_double_is_strtod_for_random_texts(void **state)
{
    char text[64];

    (void)state;
    for (int i = 0; i < 1000000; i++) {
        random_text(text);
        assert_same_as_strtod(text);
    }
}

/* Doubles of random bits, printed with 17 digits (round trip), fewer, and half way between two. */
static void test_number_double_is_strtod_for_random_doubles(void **state)
{
    char text[1100];

    (void)state;
    for (int i = 0; i < 1000000; i++) {
        uint64_t bits = draw_bits(&draw) & ~(1ULL << 63);
        double value;
        memcpy(&value, &bits, sizeof(value));
        if (!isfinite(value)) {
            continue;
        }
        snprintf(text, sizeof(text), "%.*e", (int)(draw_bits(&draw) % 20), value);
        assert_same_as_strtod(text);
        if (i % 100 == 0) {
            long double middle = ((long double)value + (long double)nextafter(value, HUGE_VAL)) / 2;
            snprintf(text, sizeof(text), "%.780Le", middle);
            assert_same_as_strtod(text);
        }
    }
}

/* Exactly half way between two doubles, with 0 to 4 digits behind the point. */
static void test_number_double_is_strtod_for_ties(void **state)
{
    static const char *const fractions[] = {"5", "25", "125", "0625"};
    char text[64];

    (void)state;
    for (int i = 0; i < 100000; i++) {
        for (int digits = 0; digits < 4; digits++) {
            uint64_t whole = (1ULL << (52 - digits)) + (draw_bits(&draw) >> (12 + digits));
            snprintf(text, sizeof(text), "%llu.%s", (unsigned long long)whole, fractions[digits]);
            assert_same_as_strtod(text);
        }
        uint64_t odd = (1ULL << 53) + (draw_bits(&draw) >> 11);
        snprintf(text, sizeof(text), "%llu", (unsigned long long)odd);
        assert_same_as_strtod(text);
    }
}

static void test_number_int64(void **state)
{
    static const struct {
        const char *text;
        enum number_status status;
        int64_t value;
    } cases[] = {
        {"0", NUMBER_OK, 0},
        {"-0", NUMBER_OK, 0},
        {"+12", NUMBER_OK, 12},
        {"0042", NUMBER_OK, 42},
        {"-7", NUMBER_OK, -7},
        {"9223372036854775807", NUMBER_OK, INT64_MAX},
        {"-9223372036854775808", NUMBER_OK, INT64_MIN},
        {"9223372036854775808", NUMBER_RANGE, 0},
        {"-9223372036854775809", NUMBER_RANGE, 0},
        {"99999999999999999999999", NUMBER_RANGE, 0},
        {"99999999999999999999999x", NUMBER_BAD, 0},
        {"", NUMBER_BAD, 0},
        {"-", NUMBER_BAD, 0},
        {"1.0", NUMBER_BAD, 0},
        {"1e3", NUMBER_BAD, 0},
        {" 1", NUMBER_BAD, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t value = 42;
        enum number_status status = number_int64(&value, cases[i].text, strlen(cases[i].text));
        int64_t expected = cases[i].status == NUMBER_OK ? cases[i].value : 42;
        if (status != cases[i].status || value != expected) {
            fail_msg("'%s' gives %d, %lld", cases[i].text, (int)status, (long long)value);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_number_double_grammar),
        cmocka_unit_test(test_number_double_refuses_a_nul_and_long_texts),
        cmocka_unit_test(test_number_double_is_strtod_at_the_borders),
        cmocka_unit_test(test_number_double_is_strtod_for_random_texts),
        cmocka_unit_test(test_number_double_is_strtod_for_random_doubles),
        cmocka_unit_test(test_number_double_is_strtod_for_ties),
        cmocka_unit_test(test_number_int64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
