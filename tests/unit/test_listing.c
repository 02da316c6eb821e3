/* SPDX-License-Identifier: MIT */
/*
 * Tables and CSV as people and programs see them, and what becomes of hostile texts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/listing.h"
#include "client/terminal.h"

static const struct listing_column columns[] = {{"rank", true}, {"team", false}, {"score", true}};

static void check_print(const struct listing *listing, bool is_csv, const char *expected)
{
    char *text = NULL;
    size_t size = 0;
    struct err err;
    FILE *out = open_memstream(&text, &size);

    assert_true(is_csv ? listing_print_csv(listing, out, &err) : listing_print(listing, out, &err));
    fclose(out);
    assert_string_equal(text, expected);
    free(text);
}

static void test_listing_print(void **state)
{
    (void)state;
    struct listing listing = listing_of(columns, ARRAY_SIZE(columns));

    listing_int(&listing, 1);
    listing_text(&listing, "kestrel");
    listing_text(&listing, "0.5");
    listing_int(&listing, 10);
    listing_text(&listing, "Ünïcödé 鳥");
    listing_text(&listing, "0.12345");
    check_print(&listing, false,
                "rank  team          score\n"
                "----  ----------  -------\n"
                "   1  kestrel         0.5\n"
                "  10  Ünïcödé 鳥  0.12345\n");
    listing_free(&listing);
    listing_free(&listing);
}

static void test_listing_print_empty(void **state)
{
    (void)state;
    struct listing listing = listing_of(columns, ARRAY_SIZE(columns));

    check_print(&listing, false, "rank  team  score\n----  ----  -----\n");
    check_print(&listing, true, "rank,team,score\n");
    listing_free(&listing);
}

static void test_listing_print_csv_quotes(void **state)
{
    (void)state;
    struct listing listing = listing_of(columns, ARRAY_SIZE(columns));

    listing_int(&listing, 1);
    listing_text(&listing, "a,\"b\"");
    listing_text(&listing, "two\nlines"); /* made safe: no line end is left */
    check_print(&listing, true, "rank,team,score\n1,\"a,\"\"b\"\"\",two?lines\n");
    listing_free(&listing);
}

static void test_listing_many_rows(void **state)
{
    (void)state;
    struct listing listing = listing_of(columns, ARRAY_SIZE(columns));

    for (int i = 0; i < 1000; i++) {
        listing_int(&listing, i);
        listing_text(&listing, "t");
        listing_text(&listing, "");
    }
    assert_int_equal(listing.n_cells, 3000);
    assert_false(listing.is_failed);
    listing_free(&listing);
}

static void test_terminal_make_safe(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *text;
        const char *expected;
    } cases[] = {
        {"plain", "abc", "abc"},
        {"letters stay", "é鳥", "é鳥"},
        {"escape", "\033[2Jx", "?[2Jx"},
        {"bell, delete, line end", "\a\177\n", "???"},
        {"C1 in UTF-8", "a\xc2\x9bz", "a??z"},
        {"not C1", "\xc2\xa0\xc3\x9b", "\xc2\xa0\xc3\x9b"},
        {"cut short", "\xc2", "\xc2"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[32];
        snprintf(text, sizeof(text), "%s", cases[i].text);
        terminal_make_safe(text, strlen(text));
        if (strcmp(text, cases[i].expected) != 0) {
            fail_msg("%s: '%s'", cases[i].name, text);
        }
    }
}

static void test_terminal_write_keeps_lines(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    terminal_put(out, "a\n\tb\033\xc2\x9b\r");
    fclose(out);
    assert_string_equal(text, "a\n\tb???");
    free(text);
}

static void test_terminal_width(void **state)
{
    (void)state;
    assert_int_equal(terminal_width(""), 0);
    assert_int_equal(terminal_width("abc"), 3);
    assert_int_equal(terminal_width("é鳥"), 3);
    assert_int_equal(terminal_width("\xff\xfe"
                                    "a"),
                     3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listing_print),
        cmocka_unit_test(test_listing_print_empty),
        cmocka_unit_test(test_listing_print_csv_quotes),
        cmocka_unit_test(test_listing_many_rows),
        cmocka_unit_test(test_terminal_make_safe),
        cmocka_unit_test(test_terminal_write_keeps_lines),
        cmocka_unit_test(test_terminal_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
