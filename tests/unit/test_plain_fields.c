/* SPDX-License-Identifier: MIT */
/* Fields of plain rows: what they take, the number grammar takes with the same value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/draw.h"
#include "common/macros.h"
#include "scorer/data/plain_fields.h"

enum { PAD = 64 };

static struct draw draw = {20170601};

/* Texts of up to 12 characters, mostly digits; the bytes behind the comma are noise. */
static void test_plain_number_is_number_double(void **state)
{
    static const char letters[] = "0123456789012345678901234567890123456789....--+eEx \"";
    char text[16 + PAD];
    unsigned n_taken = 0;
    unsigned n_numbers = 0;

    (void)state;
    for (int i = 0; i < 2000000; i++) {
        size_t size = 1 + draw_bits(&draw) % 12;
        uint64_t noise = draw_bits(&draw);
        double expected;
        double value;
        for (size_t j = 0; j < size; j++) {
            text[j] = letters[draw_bits(&draw) % (sizeof(letters) - 1)];
        }
        text[size] = ',';
        memcpy(text + size + 1, &noise, sizeof(noise));
        bool is_number = number_double(&expected, text, size) == NUMBER_OK;
        const char *next = plain_number(&value, text, ',');
        if (next != NULL && (!is_number || next != text + size + 1 ||
                             memcmp(&value, &expected, sizeof(value)) != 0)) {
            fail_msg("'%.*s' gives %a, expected %a", (int)size, text, value, expected);
        }
        n_taken += next != NULL;
        n_numbers += is_number;
    }
    assert_int_equal(n_taken, n_numbers); /* no number of this length is left out */
    assert_true(n_numbers > 500000);
}

static void test_plain_digits_and_ids(void **state)
{
    static const struct {
        const char *text;
        bool is_digits;
        bool is_id;
        uint32_t value;
    } cases[] = {
        {"0,", true, true, 0},
        {"7,", true, true, 7},
        {"1234567,", true, true, 1234567},
        {"07,", true, false, 7},
        {"00,", true, false, 0},
        {"12345678,", false, false, 0},
        {",", false, false, 0},
        {"-1,", false, false, 0},
        {"1 ,", false, false, 0},
        {"1", false, false, 0},
        {"1\n", false, false, 0},
        {"1\xff,", false, false, 0},
        {"\xff\xff\xff,", false, false, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[16 + PAD] = "";
        uint32_t value = 0;
        strcpy(text, cases[i].text);
        const char *next = plain_digits(&value, text, ',');
        assert_int_equal(next != NULL, cases[i].is_digits);
        if (next != NULL) {
            assert_int_equal(value, cases[i].value);
            assert_ptr_equal(next, text + strlen(cases[i].text));
        }
        assert_int_equal(plain_number_id(&value, text, ',') != NULL, cases[i].is_id);
    }
}

static void test_plain_line_end(void **state)
{
    (void)state;
    assert_string_equal(plain_line_end("\nx"), "x");
    assert_string_equal(plain_line_end("\r\nx"), "x");
    assert_null(plain_line_end("\rx"));
    assert_null(plain_line_end(" \n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_number_is_number_double),
        cmocka_unit_test(test_plain_digits_and_ids),
        cmocka_unit_test(test_plain_line_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
