/* SPDX-License-Identifier: MIT */
/*
 * The configuration of `assay up`: the example, the defaults, the address.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "client/up_settings.h"

static void test_up_settings_default(void **state)
{
    (void)state;
    struct up_settings settings = up_settings_default();

    assert_string_equal(settings.listen, "127.0.0.1:8080");
    assert_string_equal(settings.state, "assay-state");
    assert_int_equal(settings.workers, 1);
    assert_string_equal(up_settings_log(&settings), "info");
    assert_string_equal(up_settings_sandbox(&settings), "required");
}

static void test_up_settings_load_example(void **state)
{
    (void)state;
    static struct problems problems;
    struct up_settings settings;
    struct err err;

    assert_true(
        up_settings_load(&settings, ASSAY_SOURCE_DIR "/configs/assay.yaml", &problems, &err));
    assert_string_equal(settings.state, ASSAY_SOURCE_DIR "/configs/../assay-state");
    assert_int_equal(settings.workers, 2);
    assert_false(up_settings_load(&settings, "/nonexistent.yaml", &problems, &err));
    assert_int_equal(err.code, ERR_SYSTEM);
}

static void test_up_settings_check_listen(void **state)
{
    (void)state;
    static const struct {
        const char *listen;
        bool is_right;
    } cases[] = {
        {"127.0.0.1:8080", true}, {"[::1]:0", true},       {"localhost:65535", true},
        {"127.0.0.1", false},     {":8080", false},        {"127.0.0.1:", false},
        {"a:65536", false},       {"a:80x", false},        {"a\":80", false},
        {"a\nb: c:80", false},    {"127.0.0.1:-1", false}, {"", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct err err = {0};
        bool is_right = up_settings_check_listen(cases[i].listen, &err);
        if (is_right != cases[i].is_right || (!is_right && err.code != ERR_CONFIG)) {
            fail_msg("'%s': %d", cases[i].listen, is_right);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_up_settings_default),
        cmocka_unit_test(test_up_settings_load_example),
        cmocka_unit_test(test_up_settings_check_listen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
