/* SPDX-License-Identifier: MIT */
/*
 * `assay doctor`: every daemon looks at its own configuration and what it needs. Run it as the
 * user that the daemons run as.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <argp.h>

#include "client/command.h"
#include "client/commands.h"
#include "client/programs.h"
#include "common/text.h"

enum { KEY_STATE = 0x2000, KEY_CONFIG };

struct doctor_arguments {
    const char *state;  /* or NULL */
    const char *config; /* or NULL */
};

static const struct argp_option list[] = {
    {"state", KEY_STATE, "DIR", 0, "state folder of `assay up' (default: assay-state)", 1},
    {"config", KEY_CONFIG, "DIR", 0,
     "folder of broker.yaml, gateway.yaml and worker.yaml instead, such as /etc/assay", 1},
    {0},
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct doctor_arguments *arguments = state->input;

    switch (key) {
    case KEY_STATE:
        arguments->state = text;
        return 0;
    case KEY_CONFIG:
        arguments->config = text;
        return 0;
    case ARGP_KEY_END:
        if (arguments->state != NULL && arguments->config != NULL) {
            argp_error(state, "either --state or --config");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* Runs a daemon's own look to its end; *is_well tells what came of it. */
static bool examine(bool *is_well, const char *name, const char *config, struct err *err)
{
    char program[PROGRAM_PATH_SIZE];
    int status = -1;

    if (!program_find(program, name, err)) {
        return false;
    }
    printf("%s, %s\n", name, config);
    fflush(stdout);
    pid_t pid = fork();
    if (pid < 0) {
        return err_set(err, ERR_SYSTEM, "fork: %s", strerror(errno));
    }
    if (pid == 0) {
        execl(program, name, "--config", config, "--doctor", (char *)NULL);
        _exit(EXIT_USAGE);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    *is_well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    putchar('\n');
    return true;
}

static bool enter(const struct doctor_arguments *arguments, struct err *err)
{
    const char *folder = arguments->config != NULL  ? arguments->config
                         : arguments->state != NULL ? arguments->state
                                                    : "assay-state";

    return chdir(folder) == 0 || err_set(err, ERR_CONFIG, "enter %s: %s", folder, strerror(errno));
}

static bool examine_all(int *n_ill, bool is_state, struct err *err)
{
    static const struct {
        const char *name;
        const char *config; /* in --config */
        const char *state;  /* in a state folder, which paths in it are relative to */
    } daemons[] = {
        {"assay-broker", "broker.yaml", "run/broker.yaml"},
        {"assay-gateway", "gateway.yaml", "run/gateway.yaml"},
        {"assay-worker", "worker.yaml", "run/worker-1.yaml"},
    };
    int n_found = 0;

    for (size_t i = 0; i < ARRAY_SIZE(daemons); i++) {
        const char *config = is_state ? daemons[i].state : daemons[i].config;
        bool is_well;
        if (access(config, F_OK) != 0) {
            continue; /* that one runs elsewhere */
        }
        if (!examine(&is_well, daemons[i].name, config, err)) {
            return false;
        }
        n_found++;
        *n_ill += !is_well;
    }
    return n_found > 0 || err_set(err, ERR_CONFIG, "there is no configuration of a daemon here");
}

int command_doctor(int argc, char **argv)
{
    static const struct argp argp = {
        list,
        parse_option,
        NULL,
        "Looks at everything that the daemons on this machine need: configuration, folders and "
        "permissions, keys, disk, database, sockets, kernel, limits, clock. It changes nothing and "
        "may be run beside them; run it as their user.\v"
        "Exits with 0 when nothing is wrong, with 2 when something is.",
        NULL,
        NULL,
        NULL};
    struct doctor_arguments arguments = {0};
    struct err err;
    int n_ill = 0;

    if (argp_parse(&argp, argc, argv, 0, NULL, &arguments) != 0) {
        return EXIT_USAGE;
    }
    if (!enter(&arguments, &err) || !examine_all(&n_ill, arguments.config == NULL, &err)) {
        return command_failed(&err);
    }
    puts(n_ill == 0 ? "Nothing is wrong." : "Something is wrong: see above.");
    return n_ill == 0 ? EXIT_DONE : EXIT_USAGE;
}
