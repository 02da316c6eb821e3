/* SPDX-License-Identifier: MIT */
/*
 * What a pipe and what a terminal see of an upload.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/progress.h"
#include "common/macros.h"

struct step {
    int64_t done_bytes;
    int64_t now_ms;
};

static void check_shown(const struct step *steps, size_t n_steps, bool is_terminal,
                        int64_t total_bytes, const char *expected)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = tmpfile();

    assert_non_null(out);
    struct progress progress = progress_start(out, total_bytes, 1000);
    progress.is_terminal = is_terminal;
    for (size_t i = 0; i < n_steps; i++) {
        progress_show(&progress, steps[i].done_bytes, steps[i].now_ms);
    }
    progress_end(&progress);
    size = (size_t)ftell(out);
    rewind(out);
    text = calloc(1, size + 1);
    assert_int_equal(fread(text, 1, size, out), size);
    assert_string_equal(text, expected);
    free(text);
    fclose(out);
}

static void test_progress_in_a_pipe(void **state)
{
    (void)state;
    static const struct step steps[] = {{0, 1000},  {5, 1001},  {10, 1002},  {19, 1003}, {20, 1004},
                                        {55, 1005}, {99, 1006}, {100, 1007}, {100, 1008}};

    check_shown(steps, ARRAY_SIZE(steps), false, 100, "0 %\n10 %\n20 %\n50 %\n90 %\n100 %\n");
}

static void test_progress_of_nothing(void **state)
{
    (void)state;
    static const struct step steps[] = {{0, 1000}};

    check_shown(steps, 1, false, 0, "100 %\n");
    check_shown(NULL, 0, false, 100, "");
}

static void test_progress_on_a_terminal(void **state)
{
    (void)state;
    static const struct step steps[] = {{0, 1000},
                                        {1000000, 1050}, /* too soon */
                                        {2750000, 2000},
                                        {5500000, 3000},
                                        {5500000, 3200}}; /* nothing new */

    check_shown(steps, ARRAY_SIZE(steps), true, 5500000,
                "\r  0%|          | 0/5.5M [00:00<00:00, 0B/s]  "
                "\r 50%|█████     | 2.8M/5.5M [00:01<00:01, 2.8MB/s]  "
                "\r100%|██████████| 5.5M/5.5M [00:02<00:00, 2.8MB/s]  \n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_progress_in_a_pipe),
        cmocka_unit_test(test_progress_of_nothing),
        cmocka_unit_test(test_progress_on_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
