/* SPDX-License-Identifier: MIT */
/*
 * Running gnuplot. Script and output are files in memory, so that neither side waits for the other.
 */
#include "client/report/plot.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PLOT_MS_MAX = 60 * 1000, SVG_BYTES_MAX = 64 << 20, COMPLAINT_SIZE = 120 };

struct files {
    int script;
    int output;
    int errors;
};

static bool files_open(struct files *files, struct err *err)
{
    files->script = memfd_create("script", MFD_CLOEXEC);
    files->output = memfd_create("output", MFD_CLOEXEC);
    files->errors = memfd_create("errors", MFD_CLOEXEC);
    if (files->script < 0 || files->output < 0 || files->errors < 0) {
        return err_set(err, ERR_SYSTEM, "make a file in memory: %s", strerror(errno));
    }
    return true;
}

static void files_close(struct files *files)
{
    const int all[] = {files->script, files->output, files->errors};

    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        if (all[i] >= 0) {
            close(all[i]);
        }
    }
}

static bool start(pid_t *pid, const struct files *files, struct err *err)
{
    char program[] = "gnuplot";
    char no_startup_file[] = "-d";
    char plain_locale[] = "LC_ALL=C.UTF-8";
    char *argv[] = {program, no_startup_file, NULL};
    char *environment[] = {plain_locale, NULL};
    posix_spawn_file_actions_t actions;

    int failed = posix_spawn_file_actions_init(&actions);
    if (failed == 0) {
        failed = posix_spawn_file_actions_adddup2(&actions, files->script, STDIN_FILENO);
        if (failed == 0) {
            failed = posix_spawn_file_actions_adddup2(&actions, files->output, STDOUT_FILENO);
        }
        if (failed == 0) {
            failed = posix_spawn_file_actions_adddup2(&actions, files->errors, STDERR_FILENO);
        }
        if (failed == 0) {
            failed = posix_spawnp(pid, program, &actions, NULL, argv, environment);
        }
        posix_spawn_file_actions_destroy(&actions);
    }
    if (failed == ENOENT || failed == EACCES) {
        return err_set(err, ERR_CONFIG, "gnuplot is not installed (Debian: gnuplot-nox)");
    }
    return failed == 0 || err_set(err, ERR_SYSTEM, "start gnuplot: %s", strerror(failed));
}

/* Waits for the end; false where it had to be stopped or did not end well. */
static bool finish(pid_t pid, const struct files *files, struct err *err)
{
    char complaint[COMPLAINT_SIZE] = "";
    int status = -1;
    int fd = pidfd_open(pid, 0);
    struct pollfd end = {.fd = fd, .events = POLLIN};

    bool is_late = fd < 0 || poll(&end, 1, PLOT_MS_MAX) <= 0;
    if (is_late) {
        kill(pid, SIGKILL);
    }
    if (fd >= 0) {
        close(fd);
    }
    waitpid(pid, &status, 0);
    if (is_late) {
        return err_set(err, ERR_PEER, "gnuplot took more than %d s", PLOT_MS_MAX / 1000);
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return true;
    }
    ssize_t size = pread(files->errors, complaint, sizeof(complaint) - 1, 0);
    complaint[size < 0 ? 0 : size] = '\0';
    return err_set(err, ERR_PEER, "gnuplot failed: %s", complaint);
}

static bool read_output(struct bytes *svg, int fd, struct err *err)
{
    off_t size = lseek(fd, 0, SEEK_END);

    if (size <= 0 || size > SVG_BYTES_MAX || lseek(fd, 0, SEEK_SET) != 0) {
        return err_set(err, ERR_PEER, "gnuplot printed %lld bytes", (long long)size);
    }
    svg->data = malloc((size_t)size + 1);
    if (svg->data == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for %lld bytes", (long long)size);
    }
    svg->size_bytes = (size_t)size;
    svg->data[size] = '\0';
    return read_full(fd, svg->data, svg->size_bytes, err);
}

bool plot_svg(struct bytes *svg, const void *script, size_t size, struct err *err)
{
    struct files files = {-1, -1, -1};
    bool ok = false;
    pid_t pid;

    *svg = (struct bytes){0};
    if (!files_open(&files, err)) {
        goto out;
    }
    if (!write_full(files.script, script, size, err) || lseek(files.script, 0, SEEK_SET) != 0) {
        goto out;
    }
    ok =
        start(&pid, &files, err) && finish(pid, &files, err) && read_output(svg, files.output, err);
out:
    files_close(&files);
    if (!ok) {
        bytes_free(svg);
    }
    return ok;
}
