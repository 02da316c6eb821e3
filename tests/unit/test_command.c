/* SPDX-License-Identifier: MIT */
/*
 * Which command runs, what it is called with, and which exit code an error becomes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "client/command.h"

static char seen[128];

static int run_seen(int argc, char **argv)
{
    size_t length = 0;

    for (int i = 0; i < argc; i++) {
        length += (size_t)snprintf(seen + length, sizeof(seen) - length, "%s%s", i == 0 ? "" : "|",
                                   argv[i]);
    }
    return EXIT_REFUSED;
}

static const struct command commands[] = {
    {"submit", run_seen, "Send a file"},
    {"submissions", run_seen, "List"},
};
static const struct command_group group = {"assay", NULL, commands, ARRAY_SIZE(commands)};

static void test_command_run(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *argv[5];
        int argc;
        int code;
        const char *seen;
    } cases[] = {
        {"nothing", {"assay"}, 1, EXIT_USAGE, ""},
        {"help", {"assay", "help"}, 2, EXIT_DONE, ""},
        {"--help", {"assay", "--help"}, 2, EXIT_DONE, ""},
        {"unknown", {"assay", "submitt"}, 2, EXIT_USAGE, ""},
        {"control bytes", {"assay", "\033[2J"}, 2, EXIT_USAGE, ""},
        {"found", {"assay", "submit", "-f", "x"}, 4, EXIT_REFUSED, "assay submit|-f|x"},
        {"help of one",
         {"assay", "help", "submissions"},
         3,
         EXIT_REFUSED,
         "assay submissions|--help"},
        {"help of an unknown one", {"assay", "help", "nothing"}, 3, EXIT_USAGE, ""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char texts[5][32];
        char *argv[5];
        for (int a = 0; a < cases[i].argc; a++) {
            snprintf(texts[a], sizeof(texts[a]), "%s", cases[i].argv[a]);
            argv[a] = texts[a];
        }
        seen[0] = '\0';
        int code = command_run(&group, cases[i].argc, argv);
        if (code != cases[i].code || strcmp(seen, cases[i].seen) != 0) {
            fail_msg("%s: code %d, seen '%s'", cases[i].name, code, seen);
        }
    }
}

static void test_command_exit_code(void **state)
{
    (void)state;
    static const struct {
        enum err_code code;
        enum exit_code expected;
    } cases[] = {
        {ERR_NONE, EXIT_DONE},    {ERR_INPUT, EXIT_INVALID},    {ERR_CONFIG, EXIT_USAGE},
        {ERR_LIMIT, EXIT_USAGE},  {ERR_PEER, EXIT_UNREACHABLE}, {ERR_STORE, EXIT_UNREACHABLE},
        {ERR_SYSTEM, EXIT_USAGE},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct err err = {.code = cases[i].code};
        assert_int_equal(command_exit_code(&err), cases[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_command_run),
        cmocka_unit_test(test_command_exit_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
