/* SPDX-License-Identifier: MIT */
/*
 * `assay competition list` and `show`; `create` has a file of its own.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/commands.h"
#include "client/competition_create.h"
#include "client/listing.h"
#include "client/options.h"
#include "client/service.h"
#include "client/terminal.h"

static error_t parse_list_option(int key, char *text, struct argp_state *state)
{
    (void)text;
    if (key == ARGP_KEY_INIT) {
        options_share(state, state->input);
        return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

static bool print_list(const struct jvalue *competitions, enum options_form form, struct err *err)
{
    static const struct listing_column columns[] = {
        {"id", false},     {"task", false}, {"metric", false},     {"board", false},
        {"closes", false}, {"teams", true}, {"submissions", true}, {"title", false},
    };
    static const char *const keys[] = {"id", "task", "metric", "state", "closes"};
    struct listing listing = listing_of(columns, ARRAY_SIZE(columns));

    for (size_t i = 0; i < jvalue_count(competitions); i++) {
        const struct jvalue *competition = jvalue_item(competitions, i);
        for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
            listing_text(&listing, service_text(competition, keys[k]));
        }
        listing_int(&listing, service_int(competition, "n_teams"));
        listing_int(&listing, service_int(competition, "n_submissions"));
        listing_text(&listing, service_text(competition, "title"));
    }
    bool ok = form == FORM_CSV ? listing_print_csv(&listing, stdout, err)
                               : listing_print(&listing, stdout, err);
    listing_free(&listing);
    return ok;
}

static int ask_list(struct service *service, void *context)
{
    const struct options *options = context;
    struct service_answer answer = {0};
    struct err err;

    int code = service_get(service, &answer, "/v1/competitions");
    if (code == EXIT_DONE && options->form == FORM_JSON) {
        service_print_body(&answer);
    } else if (code == EXIT_DONE &&
               !print_list(jvalue_member(service_root(&answer), "competitions"), options->form,
                           &err)) {
        code = command_failed(&err);
    }
    service_answer_free(&answer);
    return code;
}

static int run_list(int argc, char **argv)
{
    static const struct argp argp = {
        NULL, parse_list_option, NULL, "Lists the competitions.", options_list, NULL, NULL};
    struct options options = {0};

    return options_run(argc, argv, &argp, &options, ask_list);
}

/* Every plain member, in the service's order. */
static void print_members(const struct jvalue *object)
{
    const struct jvalue *value;
    const char *key;
    void *iter = NULL;
    int64_t number;

    while (jvalue_next(object, &iter, &key, &value)) {
        const char *text = jvalue_text(value);
        bool is_number = jvalue_int(&number, value);
        if (text == NULL && !is_number) {
            continue;
        }
        terminal_put(stdout, key);
        for (size_t width = terminal_width(key); width < 17; width++) {
            putchar(' ');
        }
        if (is_number) {
            printf("%" PRId64, number);
        } else {
            terminal_put(stdout, text);
        }
        putchar('\n');
    }
}

static int show(struct service *service, void *context)
{
    const struct options *options = context;
    char path[SERVICE_PATH_SIZE];
    struct service_answer answer = {0};
    struct err err;

    if (!service_check_competition(options->competition, &err) ||
        !service_path(path, &err, "/v1/competitions/%s", options->competition)) {
        return command_failed(&err);
    }
    int code = service_get(service, &answer, path);
    if (code == EXIT_DONE && options->form == FORM_JSON) {
        service_print_body(&answer);
    } else if (code == EXIT_DONE) {
        print_members(service_root(&answer));
    }
    service_answer_free(&answer);
    return code;
}

static int run_show(int argc, char **argv)
{
    static const struct argp argp = {NULL,
                                     options_parse_competition,
                                     "[COMP]",
                                     "Shows what is public about a competition.",
                                     options_report,
                                     NULL,
                                     NULL};
    struct options options = {0};

    return options_run(argc, argv, &argp, &options, show);
}

int command_competition(int argc, char **argv)
{
    static const struct command commands[] = {
        {"correct", competition_correct, "Correct labels of one"},
        {"create", competition_create, "Create a competition with its labels"},
        {"list", run_list, "List the competitions"},
        {"show", run_show, "Show one of them"},
        {"workers", competition_workers, "Let further workers score one"},
    };
    static const struct command_group group = {"assay competition", NULL, commands,
                                               ARRAY_SIZE(commands)};

    return command_run(&group, argc, argv);
}
