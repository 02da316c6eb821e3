/* SPDX-License-Identifier: MIT */
/*
 * The supervisor with real children: shell scripts in a temporary folder that count their starts.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/supervisor.h"
#include "common/file.h"
#include "common/text.h"

enum { PATIENCE_MS = 60000 };

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/assay-supervisor-XXXXXX");
    assert_non_null(mkdtemp(folder));
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];

    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command); /* tidy: a test's own folder */
}

static void path_of(char path[static 128], const char *name)
{
    snprintf(path, 128, "%s/%s", folder, name);
}

/* A program that adds a line with its process number to `starts`, then does as `body` says. */
static void write_program(char path[static 128], const char *body)
{
    char text[512];
    struct err err;

    path_of(path, "program");
    int size =
        snprintf(text, sizeof(text), "#!/bin/sh\necho $$ $1 $2 >>%s/starts\n%s\n", folder, body);
    assert_true(file_write_durable(path, text, (size_t)size, 0700, &err));
}

static size_t count_starts(long *last_pid)
{
    char path[128];
    struct bytes text = {0};
    struct err err;
    size_t n = 0;

    path_of(path, "starts");
    if (!file_read(&text, path, 1 << 20, &err)) {
        return 0;
    }
    const char *line = (const char *)text.data;
    for (const char *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *last_pid = strtol(line, NULL, 10);
        n++;
    }
    bytes_free(&text);
    return n;
}

static enum supervisor_event step_until_started(struct supervisor *supervisor, size_t n_starts)
{
    int64_t end_ms = time_boot_ms() + PATIENCE_MS;
    long pid;

    while (count_starts(&pid) < n_starts) {
        enum supervisor_event event = supervisor_step(supervisor, 20);
        if (event != SUPERVISOR_NOTHING) {
            return event;
        }
        assert_true(time_boot_ms() < end_ms);
    }
    return SUPERVISOR_NOTHING;
}

static void test_supervisor_starts_again(void **state)
{
    (void)state;
    struct supervisor *supervisor = NULL;
    char program[128];
    long pid = 0;
    struct err err;

    write_program(program, "exec sleep 1000");
    assert_true(supervisor_open(&supervisor, &err));
    assert_true(supervisor_add(supervisor, program, "x.yaml", 0, &err));
    assert_int_equal(step_until_started(supervisor, 1), SUPERVISOR_NOTHING);
    supervisor_ready(supervisor);
    for (size_t n = 2; n <= 4; n++) {
        count_starts(&pid);
        kill((pid_t)pid, SIGKILL);
        assert_int_equal(step_until_started(supervisor, n), SUPERVISOR_NOTHING);
    }
    count_starts(&pid);
    assert_int_equal(kill((pid_t)pid, 0), 0);
    supervisor_stop(supervisor, PATIENCE_MS);
    assert_int_equal(kill((pid_t)pid, 0), -1); /* gone, and collected */
    supervisor_close(&supervisor);
    supervisor_close(&supervisor);
}

static void test_supervisor_gives_up_at_start(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        size_t n_starts;
    } cases[] = {{"exit 2", 1}, {"exit 1", 3}};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct supervisor *supervisor = NULL;
        char path[128];
        long pid;
        struct err err;
        path_of(path, "starts");
        unlink(path);
        write_program(path, cases[i].body);
        assert_true(supervisor_open(&supervisor, &err));
        assert_true(supervisor_add(supervisor, path, "x.yaml", 0, &err));
        assert_int_equal(step_until_started(supervisor, SIZE_MAX), SUPERVISOR_FAILED);
        assert_int_equal(count_starts(&pid), cases[i].n_starts);
        supervisor_close(&supervisor);
    }
}

static void test_supervisor_missing_program(void **state)
{
    (void)state;
    struct supervisor *supervisor = NULL;
    struct err err;

    assert_true(supervisor_open(&supervisor, &err));
    assert_true(supervisor_add(supervisor, "/nonexistent/assay-worker", "x.yaml", 0, &err));
    assert_int_equal(step_until_started(supervisor, SIZE_MAX), SUPERVISOR_FAILED);
    supervisor_close(&supervisor);
}

static void test_supervisor_stop_signal(void **state)
{
    (void)state;
    struct supervisor *supervisor = NULL;
    struct err err;

    assert_true(supervisor_open(&supervisor, &err));
    kill(getpid(), SIGTERM); /* blocked: it waits to be read */
    assert_int_equal(supervisor_step(supervisor, PATIENCE_MS), SUPERVISOR_STOP);
    assert_int_equal(supervisor_step(supervisor, 0), SUPERVISOR_NOTHING);
    supervisor_close(&supervisor);
}

/* Neither a child that ignores SIGTERM nor what it started is left. */
static void test_supervisor_stop_kills(void **state)
{
    (void)state;
    struct supervisor *supervisor = NULL;
    char program[128];
    char path[128];
    struct bytes text = {0};
    long pid = 0;
    struct err err;

    write_program(program, "trap '' TERM\nsleep 1000 &\necho $! >$0.below.new\n"
                           "mv $0.below.new $0.below\nwait");
    path_of(path, "program.below");
    assert_true(supervisor_open(&supervisor, &err));
    assert_true(supervisor_add(supervisor, program, "x.yaml", 0, &err));
    while (!file_read(&text, path, 100, &err)) {
        assert_int_equal(supervisor_step(supervisor, 20), SUPERVISOR_NOTHING);
    }
    long below = strtol((const char *)text.data, NULL, 10);
    bytes_free(&text);
    assert_int_equal(kill((pid_t)below, 0), 0);
    supervisor_stop(supervisor, 10);
    supervisor_close(&supervisor);
    count_starts(&pid);
    assert_int_equal(kill((pid_t)pid, 0), -1);
    for (int64_t end_ms = time_boot_ms() + PATIENCE_MS; kill((pid_t)below, 0) == 0;) {
        assert_true(time_boot_ms() < end_ms); /* killed, maybe not collected yet */
        siginfo_t info;
        (void)waitid(P_PID, (id_t)below, &info, WEXITED | WNOHANG);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_supervisor_starts_again, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_supervisor_gives_up_at_start, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_supervisor_missing_program, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_supervisor_stop_signal, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_supervisor_stop_kills, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
