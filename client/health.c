/* SPDX-License-Identifier: MIT */
/*
 * `assay health`: one question, for health checks. It needs no token and does not try again.
 */
#include <stdio.h>

#include "client/commands.h"
#include "client/options.h"
#include "client/service.h"
#include "client/terminal.h"

enum { KEY_READY = 0x2000 };

struct health_arguments {
    struct options options;
    bool is_ready;
};

static const struct argp_option list[] = {
    {"ready", KEY_READY, NULL, 0, "ask whether it takes submissions, not only whether it answers",
     1},
    {0},
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct health_arguments *arguments = state->input;

    (void)text;
    switch (key) {
    case ARGP_KEY_INIT:
        options_share(state, &arguments->options);
        return 0;
    case KEY_READY:
        arguments->is_ready = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int ask(struct service *service, void *context)
{
    const struct health_arguments *arguments = context;
    struct service_answer answer = {0};
    const struct service_request request = {.method = "GET",
                                            .path = arguments->is_ready ? "/readyz" : "/healthz"};
    int code = service_ask(service, &answer, &request);

    if (code == EXIT_DONE && arguments->options.form == FORM_JSON) {
        service_print_body(&answer);
    } else if (code == EXIT_DONE) {
        terminal_put(stdout, service_text(service_root(&answer), "status"));
        putchar('\n');
    }
    service_answer_free(&answer);
    return code;
}

int command_health(int argc, char **argv)
{
    static const struct argp argp = {
        list,
        parse_option,
        NULL,
        "Asks the service whether it is well. Exits with 0 when it is, with 4 when it does not "
        "answer or says that it is not.",
        options_answer,
        NULL,
        NULL};
    struct health_arguments arguments = {0};

    return options_run(argc, argv, &argp, &arguments, ask);
}
