/* SPDX-License-Identifier: MIT */
/*
 * `assay up`: broker, gateway and workers on one machine, from one configuration. The daemons are
 * those beside this program.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <argp.h>

#include "client/command.h"
#include "client/commands.h"
#include "client/programs.h"
#include "client/state_folder.h"
#include "client/supervisor.h"
#include "common/log.h"
#include "common/text.h"

enum {
    KEY_CONFIG = 0x2000,
    KEY_STATE,
    KEY_WORKERS,
    KEY_LISTEN,
    KEY_CHECK,
    LOOK_MS = 20, /* between looks for the gateway's address */
    PATIENCE_MS = 10000,
};

/* Gateway and workers are ended before the broker that they talk to. */
enum { STOP_FIRST, STOP_BROKER };

struct up_arguments {
    const char *config;
    const char *state;
    const char *listen;
    int64_t workers; /* 0: as configured */
    bool is_check;
};

static const struct argp_option list[] = {
    {"config", KEY_CONFIG, "FILE", 0, "the configuration, YAML (default: every default)", 1},
    {"state", KEY_STATE, "DIR", 0, "folder for everything that is kept (default: assay-state)", 1},
    {"listen", KEY_LISTEN, "HOST:PORT", 0, "where the HTTP server listens; port 0 picks one", 1},
    {"workers", KEY_WORKERS, "N", 0, "processes that score", 1},
    {"check", KEY_CHECK, NULL, 0, "print the configuration as it is understood, and exit", 2},
    {0},
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct up_arguments *arguments = state->input;
    char *end;

    switch (key) {
    case KEY_CONFIG:
        arguments->config = text;
        return 0;
    case KEY_STATE:
        arguments->state = text;
        return 0;
    case KEY_LISTEN:
        arguments->listen = text;
        return 0;
    case KEY_CHECK:
        arguments->is_check = true;
        return 0;
    case KEY_WORKERS:
        arguments->workers = strtol(text, &end, 10);
        if (end == text || *end != '\0' || arguments->workers < 1 ||
            arguments->workers > UP_WORKERS_MAX) {
            argp_error(state, "--workers: expected 1 to %d, found '%s'", UP_WORKERS_MAX, text);
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* The file, and what the command line puts in its place. */
static bool load_settings(struct up_settings *settings, const struct up_arguments *arguments,
                          struct problems *problems, struct err *err)
{
    if (arguments->config == NULL) {
        *settings = up_settings_default();
    } else if (!up_settings_load(settings, arguments->config, problems, err)) {
        return false;
    }
    if (arguments->workers > 0) {
        settings->workers = arguments->workers;
    }
    return (arguments->state == NULL ||
            text_copy(settings->state, sizeof(settings->state), arguments->state, err)) &&
           (arguments->listen == NULL ||
            text_copy(settings->listen, sizeof(settings->listen), arguments->listen, err)) &&
           up_settings_check_listen(settings->listen, err) &&
           (settings->metrics[0] == '\0' || up_settings_check_listen(settings->metrics, err));
}

static bool add_daemon(struct supervisor *supervisor, const char *name, const char *config,
                       struct err *err)
{
    char program[PROGRAM_PATH_SIZE];
    int phase = strcmp(name, "assay-broker") == 0 ? STOP_BROKER : STOP_FIRST;

    return program_find(program, name, err) &&
           supervisor_add(supervisor, program, config, phase, err);
}

static bool add_daemons(struct supervisor *supervisor, const struct up_settings *settings,
                        struct err *err)
{
    char config[64];

    if (!add_daemon(supervisor, "assay-broker", STATE_CONFIG_BROKER, err) ||
        !add_daemon(supervisor, "assay-gateway", STATE_CONFIG_GATEWAY, err)) {
        return false;
    }
    for (unsigned i = 1; i <= (unsigned)settings->workers; i++) {
        snprintf(config, sizeof(config), STATE_CONFIG_WORKER, i);
        if (!add_daemon(supervisor, "assay-worker", config, err)) {
            return false;
        }
    }
    return true;
}

static void print_ready(const struct state_folder *folder, const char *address)
{
    const char *state = folder->path;

    printf("Assay runs at %s (Ctrl-C stops it)\n", address);
    printf("  state            %s\n", state);
    printf("  organizer token  %s/" STATE_ORGANIZER_TOKEN "\n", state);
    printf("  receipt key      %s/" STATE_RECEIPT_KEY "\n", state);
    printf("  labels           %s/" STATE_LABELS "\n", state);
    printf("Next, in another terminal:\n");
    printf("  export ASSAY_URL=%s\n", address);
    printf("  export ASSAY_TOKEN=$(cat '%s/" STATE_ORGANIZER_TOKEN "')\n", state);
    printf("  assay competition create COMPETITION.yaml --labels LABELS --state '%s'\n", state);
    printf("  assay team create -c COMPETITION TEAM --token-file TEAM.token\n");
    printf("  assay leaderboard publish -c COMPETITION\n");
    printf("  assay submit -c COMPETITION -f FILE -m TEXT --wait --token-file TEAM.token\n");
    fflush(stdout);
}

/* Until a signal; false when the start failed. */
static bool run(struct supervisor *supervisor, const struct up_settings *settings,
                const struct state_folder *folder, struct err *err)
{
    char address[STATE_ADDRESS_SIZE];
    bool is_ready = false;

    for (;;) {
        switch (supervisor_step(supervisor, is_ready ? -1 : LOOK_MS)) {
        case SUPERVISOR_STOP:
            return true;
        case SUPERVISOR_FAILED:
            return err_set(err, ERR_CONFIG, "the service does not start; its reasons stand above");
        case SUPERVISOR_NOTHING:
            break;
        }
        if (!is_ready && state_folder_address(address)) {
            is_ready = true;
            supervisor_ready(supervisor);
            if (!state_folder_keep_address(settings, address, err)) {
                return false;
            }
            print_ready(folder, address);
        }
    }
}

/* In the state folder, which is locked. */
static bool supervise(const struct up_settings *settings, const struct state_folder *folder,
                      struct err *err)
{
    struct supervisor *supervisor = NULL;

    state_folder_forget_address();
    if (!state_folder_configure(settings, err) || !supervisor_open(&supervisor, err)) {
        return false;
    }
    bool ok = add_daemons(supervisor, settings, err) && run(supervisor, settings, folder, err);
    supervisor_stop(supervisor, PATIENCE_MS);
    supervisor_close(&supervisor);
    state_folder_forget_address();
    return ok;
}

int command_up(int argc, char **argv)
{
    static const struct argp argp = {
        list,
        parse_option,
        NULL,
        "Runs the whole service on this machine: broker, gateway and workers. What dies is started "
        "again; Ctrl-C or SIGTERM stops all of it.\v"
        "Everything is kept in the state folder, and the next start finds it there.",
        NULL,
        NULL,
        NULL};
    static struct problems problems;
    struct up_arguments arguments = {0};
    struct state_folder folder;
    struct up_settings settings;
    struct err err;

    if (argp_parse(&argp, argc, argv, 0, NULL, &arguments) != 0) {
        return EXIT_USAGE;
    }
    if (!load_settings(&settings, &arguments, &problems, &err)) {
        return command_bad_config(arguments.config, &problems, &err);
    }
    if (arguments.is_check) {
        conf_print(stdout, &up_settings_table, &settings);
        return EXIT_DONE;
    }
    log_start("assay-up", (enum log_level)settings.log);
    bool ok =
        state_folder_enter(&folder, settings.state, &err) && supervise(&settings, &folder, &err);
    int code = ok ? EXIT_DONE : command_failed(&err);
    state_folder_leave(&folder);
    return code;
}
