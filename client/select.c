/* SPDX-License-Identifier: MIT */
/*
 * `assay select`: what of a team's submissions counts in the end.
 */
#include <stdio.h>

#include "client/commands.h"
#include "client/options.h"
#include "common/jwriter.h"

struct select_arguments {
    struct options options;
    char **ids;
    int n_ids;
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct select_arguments *arguments = state->input;

    (void)text;
    switch (key) {
    case ARGP_KEY_INIT:
        options_share(state, &arguments->options);
        return 0;
    case ARGP_KEY_ARGS:
        arguments->ids = state->argv + state->next;
        arguments->n_ids = state->argc - state->next;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "which submissions?");
        return 0;
    case ARGP_KEY_END:
        options_need_competition(&arguments->options, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static bool write_selection(struct jwriter *writer, const struct select_arguments *arguments,
                            struct err *err)
{
    jwriter_object(writer);
    jwriter_key(writer, "submissions");
    jwriter_array(writer);
    for (int i = 0; i < arguments->n_ids; i++) {
        if (!service_check_submission(arguments->ids[i], err)) {
            return false;
        }
        jwriter_text(writer, arguments->ids[i]);
    }
    jwriter_array_end(writer);
    jwriter_object_end(writer);
    return jwriter_ok(writer, err);
}

static int put_selection(struct service *service, void *context)
{
    const struct select_arguments *arguments = context;
    char path[SERVICE_PATH_SIZE];
    struct service_answer answer = {0};
    struct jwriter writer;
    struct err err;
    int code;

    jwriter_start(&writer, 64 << 10);
    if (!service_check_competition(arguments->options.competition, &err) ||
        !service_path(path, &err, "/v1/competitions/%s/selection",
                      arguments->options.competition) ||
        !write_selection(&writer, arguments, &err)) {
        code = command_failed(&err);
    } else {
        const struct service_request request = {.method = "PUT",
                                                .path = path,
                                                .content_type = "application/json",
                                                .body = writer.out.data,
                                                .body_bytes = writer.out.size_bytes,
                                                .n_tries = 4};
        code = service_ask(service, &answer, &request);
    }
    if (code == EXIT_DONE) {
        fprintf(stderr, "Selected %d submission%s\n", arguments->n_ids,
                arguments->n_ids == 1 ? "" : "s");
    }
    service_answer_free(&answer);
    jwriter_end(&writer);
    return code;
}

int command_select(int argc, char **argv)
{
    static const struct argp argp = {
        NULL,
        parse_option,
        "ID...",
        "Picks the submissions that the reveal looks at, in place of an earlier choice. Without "
        "one, your best public ones count.",
        options_competition,
        NULL,
        NULL};
    struct select_arguments arguments = {0};

    return options_run(argc, argv, &argp, &arguments, put_selection);
}
