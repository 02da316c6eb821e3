/* SPDX-License-Identifier: MIT */
/*
 * `assay backup`: asks the broker for a copy of its database, waits for it, and brings it where it
 * is wanted. The broker makes the copy, because nobody else may open its database.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/commands.h"
#include "client/options.h"
#include "client/state_folder.h"
#include "client/terminal.h"
#include "common/file.h"

enum { KEY_STATE = 0x2000, KEY_OUT, PAUSE_MS = 100 };

struct backup_arguments {
    struct options options;
    const char *state; /* or NULL */
    const char *out;   /* or NULL */
    char url[STATE_ADDRESS_SIZE];
    char token_path[STATE_PATH_SIZE];
};

static const struct argp_option list[] = {
    {"state", KEY_STATE, "DIR", 0, "state folder of `assay up': says address and token, too", 1},
    {"out", KEY_OUT, "FILE", 0, "copy it here; it holds secrets and is for its owner alone", 1},
    {0},
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct backup_arguments *arguments = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        options_share(state, &arguments->options);
        return 0;
    case KEY_STATE:
        arguments->state = text;
        return 0;
    case KEY_OUT:
        arguments->out = text;
        return 0;
    case ARGP_KEY_END:
        if (arguments->out != NULL && arguments->state == NULL) {
            argp_error(state, "--out needs --state DIR, where the broker's backups are");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* What the state folder knows of its service, where the options do not say it. */
static bool look_into_state(struct backup_arguments *arguments, struct err *err)
{
    char path[STATE_PATH_SIZE];
    struct bytes text = {0};

    if (arguments->state == NULL) {
        return true;
    }
    if (!path_join(arguments->token_path, sizeof(arguments->token_path), arguments->state,
                   STATE_ORGANIZER_TOKEN, err) ||
        !path_join(path, sizeof(path), arguments->state, STATE_ADDRESS, err) ||
        !file_read(&text, path, sizeof(arguments->url) - 1, err)) {
        return false;
    }
    snprintf(arguments->url, sizeof(arguments->url), "%.*s",
             (int)strcspn((const char *)text.data, "\r\n"), (const char *)text.data);
    bytes_free(&text);
    struct options *options = &arguments->options;
    options->url = options->url != NULL ? options->url : arguments->url;
    options->token_path = options->token_path != NULL ? options->token_path : arguments->token_path;
    return true;
}

static bool is_in(const struct service_answer *answer, const char *state)
{
    return strcmp(service_text(service_root(answer), "state"), state) == 0;
}

/* Begins one and asks until it is finished. */
static int make(struct service *service, struct service_answer *answer)
{
    const struct service_request begin = {.method = "POST", .path = "/v1/backups", .body = ""};
    int code = service_ask(service, answer, &begin);

    while (code == EXIT_DONE && is_in(answer, "running")) {
        service_answer_free(answer);
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000}, NULL);
        code = service_get(service, answer, "/v1/backups");
    }
    return code;
}

/* The service's word for a name in a path is not taken. */
static bool is_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzTZ0123456789-.";

    return name[0] != '\0' && name[0] != '.' && strspn(name, letters) == strlen(name);
}

static bool bring(const struct backup_arguments *arguments, const char *name, struct err *err)
{
    char folder[STATE_PATH_SIZE];
    char path[STATE_PATH_SIZE];

    if (!is_name(name)) {
        return err_set(err, ERR_PEER, "the service answered without a name");
    }
    return path_join(folder, sizeof(folder), arguments->state, STATE_BACKUPS, err) &&
           path_join(path, sizeof(path), folder, name, err) &&
           file_copy_durable(arguments->out, path, 0600, err);
}

static int show(const struct backup_arguments *arguments, const struct service_answer *answer)
{
    const struct jvalue *root = service_root(answer);
    struct err err;

    if (!is_in(answer, "done")) {
        err_set(&err, ERR_STORE, "no backup: %s",
                is_in(answer, "failed") ? service_text(root, "reason")
                                        : "the broker was started anew meanwhile");
        return command_failed(&err);
    }
    if (arguments->out != NULL && !bring(arguments, service_text(root, "name"), &err)) {
        return command_failed(&err);
    }
    if (arguments->options.form == FORM_JSON) {
        service_print_body(answer);
    } else {
        terminal_put(stdout, arguments->out != NULL ? arguments->out : service_text(root, "name"));
        printf("  %lld bytes, checked\n", (long long)service_int(root, "bytes"));
    }
    return EXIT_DONE;
}

static int backup(struct service *service, const struct backup_arguments *arguments)
{
    struct service_answer answer = {0};
    int code = make(service, &answer);

    if (code == EXIT_DONE) {
        code = show(arguments, &answer);
    }
    service_answer_free(&answer);
    return code;
}

int command_backup(int argc, char **argv)
{
    static const struct argp argp = {
        list,
        parse_option,
        NULL,
        "Has the broker copy its database while it goes on working, checks the copy and waits for "
        "it (organizer). Without --out it stays in the broker's folder of backups.\v"
        "The uploaded files and the keys are not in it: docs/OPERATOR.md says how to keep them and "
        "how to put a backup back.",
        options_answer,
        NULL,
        NULL};
    struct backup_arguments arguments = {0};
    struct service *service = NULL;
    struct err err;

    if (argp_parse(&argp, argc, argv, 0, NULL, &arguments) != 0) {
        return EXIT_USAGE;
    }
    if (!look_into_state(&arguments, &err) ||
        !service_open(&service, arguments.options.url, arguments.options.token_path, &err)) {
        return command_failed(&err);
    }
    int code = backup(service, &arguments);
    service_close(&service);
    return code;
}
