/* SPDX-License-Identifier: MIT */
/*
 * The frame of a daemon. See the header.
 */
#include "common/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

static void print_usage(FILE *out, const char *name)
{
    fprintf(out,
            "usage: %s --config FILE [--check | --doctor]\n"
            "\n"
            "  --config FILE  the configuration, YAML\n"
            "  --check        print the configuration as it is understood, and exit\n"
            "  --doctor       look at everything that it needs, and exit\n"
            "  --version      print the version, and exit\n",
            name);
}

static enum daemon_start load(void *values, const struct conf_table *table, const char *name,
                              const char *path)
{
    struct problems *problems = calloc(1, sizeof(*problems));
    struct err err = {0};

    if (problems == NULL) {
        fprintf(stderr, "%s: no memory\n", name);
        return DAEMON_USAGE;
    }
    bool ok = conf_load_file(values, table, path, problems, &err);
    if (!ok && problems->n_kept == 0) {
        fprintf(stderr, "%s: %s\n", name, err.text);
    }
    for (uint32_t i = 0; !ok && i < problems->n_kept; i++) {
        const struct problem *problem = &problems->kept[i];
        fprintf(stderr, "%s:%" PRIu64 ":%" PRIu32 ": %s\n", path, problem->line, problem->column,
                problem->text);
    }
    free(problems);
    return ok ? DAEMON_RUN : DAEMON_USAGE;
}

enum daemon_start daemon_start(void *values, const struct conf_table *table, const char *name,
                               int argc, char **argv)
{
    const char *path = NULL;
    bool is_check = false;
    bool is_doctor = false;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--version") == 0) {
            printf("%s %s\n", name, ASSAY_VERSION); /* tidy: asked for by a person */
            return DAEMON_DONE;
        }
        if (strcmp(argv[i], "--help") == 0) {
            print_usage(stdout, name);
            return DAEMON_DONE;
        }
        if (strcmp(argv[i], "--check") == 0) {
            is_check = true;
        } else if (strcmp(argv[i], "--doctor") == 0) {
            is_doctor = true;
        } else if (strcmp(argv[i], "--config") == 0 && i + 1 < argc && path == NULL) {
            path = argv[++i];
        } else {
            path = NULL;
            break;
        }
    }
    if (path == NULL) {
        print_usage(stderr, name);
        return DAEMON_USAGE;
    }
    enum daemon_start start = load(values, table, name, path);
    if (start == DAEMON_RUN && is_check) {
        conf_print(stdout, table, values);
        return DAEMON_DONE;
    }
    return start == DAEMON_RUN && is_doctor ? DAEMON_DOCTOR : start;
}

bool daemon_harden(struct err *err)
{
    const struct rlimit none = {0};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
        return err_set(err, ERR_SYSTEM, "no_new_privs: %s", strerror(errno));
    }
    if (setrlimit(RLIMIT_CORE, &none) < 0) {
        return err_set(err, ERR_SYSTEM, "core dump limit: %s", strerror(errno));
    }
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || signal(SIGXFSZ, SIG_IGN) == SIG_ERR) {
        return err_set(err, ERR_SYSTEM, "ignore signals: %s", strerror(errno));
    }
    return true;
}

int64_t daemon_memory_bytes(void)
{
    char text[128];
    char *end;
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

    if (fd >= 0) {
        close(fd);
    }
    if (size <= 0) {
        return 0;
    }
    text[size] = '\0';
    strtoll(text, &end, 10); /* all of it, mapped or not */
    return strtoll(end, NULL, 10) * sysconf(_SC_PAGESIZE);
}

bool daemon_signals_open(int *fd, struct err *err)
{
    sigset_t stops;

    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    if (sigprocmask(SIG_BLOCK, &stops, NULL) < 0) {
        return err_set(err, ERR_SYSTEM, "block signals: %s", strerror(errno));
    }
    *fd = signalfd(-1, &stops, SFD_CLOEXEC | SFD_NONBLOCK);
    if (*fd < 0) {
        return err_set(err, ERR_SYSTEM, "signalfd: %s", strerror(errno));
    }
    return true;
}
