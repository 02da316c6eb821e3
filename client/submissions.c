/* SPDX-License-Identifier: MIT */
/*
 * `assay submissions`: a team's own list.
 */
#include <inttypes.h>
#include <stdio.h>

#include "client/commands.h"
#include "client/listing.h"
#include "client/options.h"
#include "client/service.h"

enum { KEY_LIMIT = 0x2000, KEY_BEFORE, LIMIT_DEFAULT = 20, LIMIT_MAX = 1000 };

struct list_arguments {
    struct options options;
    int64_t limit;
    const char *before; /* sequence number, or NULL */
};

static const struct argp_option list[] = {
    {"limit", KEY_LIMIT, "N", 0, "at most N submissions, newest first (default: 20)", 1},
    {"before", KEY_BEFORE, "SEQUENCE", 0, "only those before this sequence number", 1},
    {0},
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct list_arguments *arguments = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        options_share(state, &arguments->options);
        return 0;
    case KEY_LIMIT:
        arguments->limit = options_number(text, LIMIT_MAX, state);
        return 0;
    case KEY_BEFORE:
        (void)options_number(text, INT64_MAX, state);
        arguments->before = text;
        return 0;
    case ARGP_KEY_ARG:
        return options_take_competition(&arguments->options, text) ? 0 : ARGP_ERR_UNKNOWN;
    case ARGP_KEY_END:
        options_need_competition(&arguments->options, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int ask_list(struct service *service, struct service_answer *answer,
                    const struct list_arguments *arguments)
{
    char path[SERVICE_PATH_SIZE];
    char limit[24];
    struct err err;

    snprintf(limit, sizeof(limit), "%" PRId64, arguments->limit);
    if (!service_check_competition(arguments->options.competition, &err) ||
        !service_path(path, &err, "/v1/competitions/%s/submissions",
                      arguments->options.competition) ||
        !service_query(path, "limit", limit, &err) ||
        (arguments->before != NULL && !service_query(path, "before", arguments->before, &err))) {
        return command_failed(&err);
    }
    return service_get(service, answer, path);
}

static void fill_row(struct listing *listing, const struct jvalue *submission)
{
    static const char *const keys[] = {"id",    "team",         "file_name",     "received",
                                       "state", "public_score", "private_score", "message"};

    listing_int(listing, service_int(submission, "sequence"));
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        if (i + 1 == ARRAY_SIZE(keys)) {
            listing_text(listing, service_bool(submission, "is_selected") ? "yes" : "");
        }
        listing_text(listing, service_text(submission, keys[i]));
    }
    listing_text(listing, service_text(submission, "reason"));
    listing_text(listing, service_int(submission, "n_workers") > 1 ? "yes" : "");
}

static bool print_list(const struct jvalue *root, enum options_form form, struct err *err)
{
    static const struct listing_column columns[] = {
        {"sequence", true},  {"id", false},          {"team", false},       {"fileName", false},
        {"date", false},     {"status", false},      {"publicScore", true}, {"privateScore", true},
        {"selected", false}, {"description", false}, {"reason", false},     {"confirmed", false},
    };
    const struct jvalue *submissions = jvalue_member(root, "submissions");
    struct listing listing = listing_of(columns, ARRAY_SIZE(columns));

    for (size_t i = 0; i < jvalue_count(submissions); i++) {
        fill_row(&listing, jvalue_item(submissions, i));
    }
    bool ok = form == FORM_CSV ? listing_print_csv(&listing, stdout, err)
                               : listing_print(&listing, stdout, err);
    listing_free(&listing);
    int64_t next = service_int(root, "next");
    fflush(stdout);
    if (next > 0) {
        fprintf(stderr, "There are more: --before %" PRId64 "\n", next);
    }
    return ok;
}

static int show_list(struct service *service, void *context)
{
    const struct list_arguments *arguments = context;
    struct service_answer answer = {0};
    struct err err;

    int code = ask_list(service, &answer, arguments);
    if (code == EXIT_DONE && arguments->options.form == FORM_JSON) {
        service_print_body(&answer);
    } else if (code == EXIT_DONE &&
               !print_list(service_root(&answer), arguments->options.form, &err)) {
        code = command_failed(&err);
    }
    service_answer_free(&answer);
    return code;
}

int command_submissions(int argc, char **argv)
{
    static const struct argp argp = {
        list,
        parse_option,
        "[COMP]",
        "Lists your team's submissions, newest first; an organizer sees every team's.",
        options_table,
        NULL,
        NULL};
    struct list_arguments arguments = {.limit = LIMIT_DEFAULT};

    return options_run(argc, argv, &argp, &arguments, show_list);
}
