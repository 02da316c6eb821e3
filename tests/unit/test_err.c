/* SPDX-License-Identifier: MIT */
/* The error value and the list of problems. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/err.h"
#include "common/problems.h"

static void test_err_set_returns_false_and_cleans_control_bytes(void **state)
{
    (void)state;
    struct err err = {0};

    assert_false(err_set_at(&err, ERR_INPUT, 3, 7, "bad \x1b[31m value %d", 5));
    assert_int_equal(err.code, ERR_INPUT);
    assert_int_equal(err.line, 3);
    assert_int_equal(err.column, 7);
    assert_string_equal(err.text, "bad ?[31m value 5");
}

static void test_err_set_cuts_long_text(void **state)
{
    (void)state;
    struct err err = {0};

    assert_false(err_set(&err, ERR_LIMIT, "%0500d", 1));
    assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
}

static void test_problems_add_keeps_the_first_and_counts_all(void **state)
{
    (void)state;
    static struct problems problems;

    for (uint64_t line = 1; line <= 250; line++) {
        problems_add(&problems, line, 1, "row %d", (int)line);
    }
    assert_int_equal(problems.n_all, 250);
    assert_int_equal(problems.n_kept, PROBLEMS_KEPT);
    assert_int_equal(problems.kept[PROBLEMS_KEPT - 1].line, 100);
}

static void test_problems_merge_orders_by_position(void **state)
{
    (void)state;
    static struct problems a;
    static struct problems b;

    problems_add(&a, 2, 5, "a");
    problems_add(&a, 9, 1, "b");
    problems_add(&b, 2, 3, "c");
    problems_add(&b, 0, 0, "whole file");
    problems_merge(&a, &b);
    assert_int_equal(a.n_all, 4);
    assert_string_equal(a.kept[0].text, "c");
    assert_string_equal(a.kept[1].text, "a");
    assert_string_equal(a.kept[2].text, "b");
    assert_string_equal(a.kept[3].text, "whole file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_err_set_returns_false_and_cleans_control_bytes),
        cmocka_unit_test(test_err_set_cuts_long_text),
        cmocka_unit_test(test_problems_add_keeps_the_first_and_counts_all),
        cmocka_unit_test(test_problems_merge_orders_by_position),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
