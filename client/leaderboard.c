/* SPDX-License-Identifier: MIT */
/*
 * `assay leaderboard`: the board for everybody, and its moves for the organizer.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/commands.h"
#include "client/listing.h"
#include "client/options.h"
#include "client/reveal.h"
#include "client/service.h"
#include "client/terminal.h"

enum { KEY_PRIVATE = 0x2000, KEY_LIMIT, LIMIT_DEFAULT = 100, LIMIT_MAX = 10000 };

struct board_arguments {
    struct options options;
    bool is_private;
    int64_t limit;
};

static const struct argp_option list[] = {
    {"private", KEY_PRIVATE, NULL, 0, "the final board, after the reveal", 1},
    {"limit", KEY_LIMIT, "N", 0, "at most N teams (default: 100; --csv has all)", 1},
    {0},
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct board_arguments *arguments = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        options_share(state, &arguments->options);
        return 0;
    case KEY_PRIVATE:
        arguments->is_private = true;
        return 0;
    case KEY_LIMIT:
        arguments->limit = options_number(text, LIMIT_MAX, state);
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

static int ask_board(struct service *service, struct service_answer *answer,
                     const struct board_arguments *arguments)
{
    bool is_csv = arguments->options.form == FORM_CSV;
    char path[SERVICE_PATH_SIZE];
    char limit[24];
    struct err err;

    snprintf(limit, sizeof(limit), "%" PRId64, arguments->limit);
    if (!service_check_competition(arguments->options.competition, &err) ||
        !service_path(path, &err, "/v1/competitions/%s/leaderboard%s",
                      arguments->options.competition, is_csv ? ".csv" : "") ||
        !service_query(path, "track", arguments->is_private ? "private" : "public", &err) ||
        (!is_csv && !service_query(path, "limit", limit, &err))) {
        return command_failed(&err);
    }
    return service_get(service, answer, path);
}

/* "ada, grace" */
static void members_cell(struct listing *listing, const struct jvalue *members)
{
    char text[512] = "";
    size_t length = 0;

    for (size_t i = 0; i < jvalue_count(members) && length < sizeof(text); i++) {
        const char *member = jvalue_text(jvalue_item(members, i));
        length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s", i == 0 ? "" : ", ",
                                   member == NULL ? "" : member);
    }
    listing_text(listing, text);
}

/* How far the reveal moved the team: "+2" is two places up. */
static void change_cell(struct listing *listing, const struct jvalue *row)
{
    int64_t public_rank = service_int(row, "public_rank");
    int64_t change = public_rank - service_int(row, "rank");
    char text[24] = "";

    if (public_rank > 0) {
        snprintf(text, sizeof(text), change == 0 ? "=" : "%+" PRId64, change);
    }
    listing_text(listing, text);
}

static void fill_row(struct listing *listing, const struct jvalue *row, bool is_private)
{
    listing_int(listing, service_int(row, "rank"));
    if (is_private) {
        change_cell(listing, row);
    }
    listing_text(listing, service_text(row, "team"));
    listing_text(listing, service_text(row, "score"));
    listing_int(listing, service_int(row, "n_submissions"));
    listing_text(listing, service_text(row, "last_submission"));
    members_cell(listing, jvalue_member(row, "members"));
}

static bool print_board(const struct jvalue *root, bool is_private, struct err *err)
{
    static const struct listing_column columns[] = {
        {"rank", true},    {"change", true}, {"teamName", false}, {"score", true},
        {"entries", true}, {"last", false},  {"members", false},
    };
    static const struct listing_column public_columns[] = {
        {"rank", true},    {"teamName", false}, {"score", true},
        {"entries", true}, {"last", false},     {"members", false},
    };
    const struct jvalue *rows = jvalue_member(root, "rows");
    struct listing listing = is_private ? listing_of(columns, ARRAY_SIZE(columns))
                                        : listing_of(public_columns, ARRAY_SIZE(public_columns));

    for (size_t i = 0; i < jvalue_count(rows); i++) {
        fill_row(&listing, jvalue_item(rows, i), is_private);
    }
    bool ok = listing_print(&listing, stdout, err);
    listing_free(&listing);
    fflush(stdout);
    fputs("Board: ", stderr);
    terminal_put(stderr, service_text(root, "state"));
    fprintf(stderr, ", %zu of %" PRId64 " teams\n", jvalue_count(rows),
            service_int(root, "n_teams"));
    return ok;
}

static int show_board(struct service *service, void *context)
{
    const struct board_arguments *arguments = context;
    struct service_answer answer = {0};
    struct err err;

    int code = ask_board(service, &answer, arguments);
    if (code == EXIT_DONE && arguments->options.form != FORM_TEXT) {
        service_print_body(&answer);
    } else if (code == EXIT_DONE &&
               !print_board(service_root(&answer), arguments->is_private, &err)) {
        code = command_failed(&err);
    }
    service_answer_free(&answer);
    return code;
}

static int run_show(int argc, char **argv)
{
    static const struct argp argp = {
        list,
        parse_option,
        "[COMP]\npublish -c COMP\nfreeze -c COMP\nreveal -c COMP",
        "Shows the board of a competition: the best score of each team, equal scores by the "
        "earlier "
        "submission.\v"
        "The organizer's `publish' makes the board visible, `freeze' keeps the public board as it "
        "stands, `reveal' opens the private scores and ranks by those of the selected submissions.",
        options_table,
        NULL,
        NULL};
    struct board_arguments arguments = {.limit = LIMIT_DEFAULT};

    return options_run(argc, argv, &argp, &arguments, show_board);
}

/* ---- moves ---- */

struct move_arguments {
    struct options options;
    const char *move;
    const char *done; /* what to say then */
};

static int post_move(struct service *service, const char *competition, const char *move)
{
    char path[SERVICE_PATH_SIZE];
    char body[64];
    struct service_answer answer = {0};
    struct err err;

    int size = snprintf(body, sizeof(body), "{\"move\":\"%s\"}", move);
    if (!service_check_competition(competition, &err) ||
        !service_path(path, &err, "/v1/competitions/%s/leaderboard", competition)) {
        return command_failed(&err);
    }
    const struct service_request request = {.method = "POST",
                                            .path = path,
                                            .content_type = "application/json",
                                            .body = body,
                                            .body_bytes = (size_t)size};
    int code = service_ask(service, &answer, &request);
    service_answer_free(&answer);
    return code;
}

static int move_board(struct service *service, void *context)
{
    const struct move_arguments *arguments = context;
    const char *competition = arguments->options.competition;

    int code = post_move(service, competition, arguments->move);
    if (code == EXIT_DONE) {
        fprintf(stderr, "%s: %s\n", competition, arguments->done);
    }
    return code;
}

static int run_move(int argc, char **argv, const char *move, const char *done)
{
    static const struct argp argp = {NULL,
                                     options_parse_competition,
                                     "[COMP]",
                                     "Moves the board of a competition on (organizer).",
                                     options_competition,
                                     NULL,
                                     NULL};
    struct move_arguments arguments = {.move = move, .done = done};

    return options_run(argc, argv, &argp, &arguments, move_board);
}

int command_leaderboard(int argc, char **argv)
{
    static const struct {
        const char *move;
        const char *done;
    } moves[] = {
        {"publish", "the board is public"},
        {"freeze", "the public board stays as it stands"},
    };
    char name[64];

    if (argc > 1 && strcmp(argv[1], "reveal") == 0) {
        snprintf(name, sizeof(name), "%s reveal", argv[0]);
        argv[1] = name;
        return leaderboard_reveal(argc - 1, argv + 1);
    }
    for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(moves); i++) {
        if (strcmp(argv[1], moves[i].move) == 0) {
            snprintf(name, sizeof(name), "%s %s", argv[0], argv[1]);
            argv[1] = name;
            return run_move(argc - 1, argv + 1, moves[i].move, moves[i].done);
        }
    }
    return run_show(argc, argv);
}
