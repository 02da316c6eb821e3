/* SPDX-License-Identifier: MIT */
/* The arguments of a daemon, its hardening, and a stop signal that is read from a descriptor. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/daemon.h"

struct values {
    char name[8];
};

static const struct conf_key keys[] = {
    {.path = "name",
     .type = CONF_TEXT,
     CONF_MEMBER(struct values, name),
     .fallback = "anna",
     .help = "A name."},
};

static const struct conf_table table = {"test", "A test", keys, ARRAY_SIZE(keys)};

static void write_config(char *path, const char *text)
{
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void test_daemon_start(void **state)
{
    (void)state;
    char good[] = "/tmp/assay-daemon-XXXXXX";
    char bad[] = "/tmp/assay-daemon-XXXXXX";
    write_config(good, "name: berta\n");
    write_config(bad, "nam: berta\n");
    const struct {
        const char *name;
        const char *line; /* GOOD and BAD stand for the files */
        enum daemon_start expected;
    } cases[] = {
        {"no argument", "d", DAEMON_USAGE},
        {"config", "d --config GOOD", DAEMON_RUN},
        {"check", "d --check --config GOOD", DAEMON_DONE},
        {"doctor", "d --config GOOD --doctor", DAEMON_DOCTOR},
        {"version", "d --version", DAEMON_DONE},
        {"help", "d --help", DAEMON_DONE},
        {"config without a file", "d --config", DAEMON_USAGE},
        {"unknown", "d --config GOOD --fast", DAEMON_USAGE},
        {"missing file", "d --config /nonexistent/file", DAEMON_USAGE},
        {"wrong file", "d --config BAD", DAEMON_USAGE},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct values values = {0};
        char line[64];
        char *args[6] = {NULL};
        int n = 0;
        snprintf(line, sizeof(line), "%s", cases[i].line);
        for (char *word = strtok(line, " "); word != NULL; word = strtok(NULL, " ")) {
            args[n++] = strcmp(word, "GOOD") == 0 ? good : strcmp(word, "BAD") == 0 ? bad : word;
        }
        print_message("case: %s\n", cases[i].name);
        assert_int_equal(daemon_start(&values, &table, "d", n, args), cases[i].expected);
        if (cases[i].expected == DAEMON_RUN) {
            assert_string_equal(values.name, "berta");
        }
    }
    unlink(good);
    unlink(bad);
}

static void test_daemon_harden(void **state)
{
    (void)state;
    struct rlimit limit;
    struct err err;

    assert_true(daemon_harden(&err));
    assert_int_equal(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
    assert_int_equal(getrlimit(RLIMIT_CORE, &limit), 0);
    assert_int_equal(limit.rlim_max, 0);
}

static void test_daemon_signals(void **state)
{
    (void)state;
    struct signalfd_siginfo info;
    struct err err;
    int fd = -1;

    assert_true(daemon_signals_open(&fd, &err));
    assert_true(read(fd, &info, sizeof(info)) < 0);
    assert_int_equal(raise(SIGTERM), 0);
    assert_int_equal(read(fd, &info, sizeof(info)), sizeof(info));
    assert_int_equal(info.ssi_signo, SIGTERM);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_daemon_start),
        cmocka_unit_test(test_daemon_harden),
        cmocka_unit_test(test_daemon_signals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
