/* SPDX-License-Identifier: MIT */
/*
 * `assay team create` and `assay team token`: a team and its token. The token is shown once, or
 * goes into a file that its owner alone can read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/commands.h"
#include "client/options.h"
#include "client/service.h"
#include "common/jwriter.h"

enum {
    KEY_MEMBER = 0x2000,
    KEY_TOKEN_OUT,
    KEY_READ_ONLY,
    KEY_DAYS,
    MEMBERS_MAX = 50,
    DAYS_MAX = 3660
};

struct team_arguments {
    struct options options;
    const char *token_out; /* file, or NULL for standard output */
    const char *name;
    const char *members[MEMBERS_MAX];
    size_t n_members;
    bool is_reader;
    int64_t days; /* 0: it does not expire */
};

/* --token-file is where the team's token goes, so the shared options are not taken here. */
static const struct argp_option list[] = {
    {"competition", 'c', "COMP", 0, "the competition", 0},
    {"member", KEY_MEMBER, "USER", 0, "user name of a member, once for each", 1},
    {"token-file", KEY_TOKEN_OUT, "FILE", 0,
     "write the team's token to FILE, mode 0600 (default: to standard output)", 1},
    {"url", 'u', "URL", 0, "address of the service (else ASSAY_URL, else as logged in)", 10},
    {0},
};

static const struct argp_option token_list[] = {
    {"competition", 'c', "COMP", 0, "the competition", 0},
    {"read-only", KEY_READ_ONLY, NULL, 0,
     "a token that shows what the team may see and sends nothing; the others stay good", 1},
    {"days", KEY_DAYS, "N", 0, "the token expires after N days (default: never)", 1},
    {"token-file", KEY_TOKEN_OUT, "FILE", 0,
     "write the token to FILE, mode 0600 (default: to standard output)", 1},
    {"url", 'u', "URL", 0, "address of the service (else ASSAY_URL, else as logged in)", 10},
    {0},
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct team_arguments *arguments = state->input;

    switch (key) {
    case 'c':
        arguments->options.competition = text;
        return 0;
    case 'u':
        arguments->options.url = text;
        return 0;
    case KEY_TOKEN_OUT:
        arguments->token_out = text;
        return 0;
    case KEY_READ_ONLY:
        arguments->is_reader = true;
        return 0;
    case KEY_DAYS:
        arguments->days = options_number(text, DAYS_MAX, state);
        return 0;
    case KEY_MEMBER:
        if (arguments->n_members == MEMBERS_MAX) {
            argp_error(state, "at most %d members", MEMBERS_MAX);
        }
        arguments->members[arguments->n_members++] = text;
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->name != NULL) {
            argp_error(state, "one team only: %s", text);
        }
        arguments->name = text;
        return 0;
    case ARGP_KEY_END:
        options_need_competition(&arguments->options, state);
        if (arguments->name == NULL) {
            argp_error(state, "the name of the team?");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static bool write_team(struct jwriter *writer, const struct team_arguments *arguments,
                       struct err *err)
{
    jwriter_object(writer);
    jwriter_key_text(writer, "name", arguments->name);
    jwriter_key(writer, "members");
    jwriter_array(writer);
    for (size_t i = 0; i < arguments->n_members; i++) {
        jwriter_text(writer, arguments->members[i]);
    }
    jwriter_array_end(writer);
    jwriter_object_end(writer);
    return jwriter_ok(writer, err);
}

static bool write_token(struct jwriter *writer, const struct team_arguments *arguments,
                        struct err *err)
{
    jwriter_object(writer);
    jwriter_key_text(writer, "name", arguments->name);
    jwriter_key_bool(writer, "read_only", arguments->is_reader);
    if (arguments->days > 0) {
        jwriter_key_int(writer, "days", arguments->days);
    }
    jwriter_object_end(writer);
    return jwriter_ok(writer, err);
}

/* The token, checked, to where it was asked for. */
static bool keep_token(const struct team_arguments *arguments, const struct jvalue *team,
                       struct err *err)
{
    struct login made = {0};
    char line[TOKEN_SIZE + 1];

    if (!login_set_token(&made, service_text(team, "token"), err)) {
        return err_set(err, ERR_PEER, "the service answered without a token");
    }
    int size = snprintf(line, sizeof(line), "%s\n", made.token);
    bool ok = true;
    if (arguments->token_out == NULL) {
        fputs(line, stdout);
    } else {
        ok = file_write_durable(arguments->token_out, line, (size_t)size, 0600, err);
    }
    crypt_wipe(&made, sizeof(made));
    crypt_wipe(line, sizeof(line));
    return ok;
}

/* Posts the body to where a token is made, and keeps the token. */
static int make_token(struct service *service, const struct team_arguments *arguments,
                      const char *address, const char *told,
                      bool (*write)(struct jwriter *writer, const struct team_arguments *arguments,
                                    struct err *err))
{
    char path[SERVICE_PATH_SIZE];
    struct service_answer answer = {0};
    struct jwriter writer;
    struct err err;
    int code;

    jwriter_start(&writer, 64 << 10);
    if (!service_check_competition(arguments->options.competition, &err) ||
        !service_path(path, &err, "/v1/competitions/%s/%s", arguments->options.competition,
                      address) ||
        !write(&writer, arguments, &err)) {
        code = command_failed(&err);
    } else {
        const struct service_request request = {.method = "POST",
                                                .path = path,
                                                .content_type = "application/json",
                                                .body = writer.out.data,
                                                .body_bytes = writer.out.size_bytes};
        code = service_ask(service, &answer, &request);
    }
    if (code == EXIT_DONE && !keep_token(arguments, service_root(&answer), &err)) {
        code = command_failed(&err);
    } else if (code == EXIT_DONE) {
        fprintf(stderr, "%s %s%s%s\n", told, arguments->name,
                arguments->token_out == NULL ? "" : ", its token is in ",
                arguments->token_out == NULL ? "" : arguments->token_out);
    }
    service_answer_free(&answer);
    jwriter_end(&writer);
    return code;
}

static int create_team(struct service *service, void *context)
{
    return make_token(service, context, "teams", "Made team", write_team);
}

static int renew_token(struct service *service, void *context)
{
    return make_token(service, context, "tokens", "Made a new token for team", write_token);
}

static int run_create(int argc, char **argv)
{
    static const struct argp argp = {
        list,
        parse_option,
        "NAME",
        "Makes a team and its token (organizer). The token is shown once; the service keeps a hash "
        "of it.\v"
        "The organizer's own token comes from ASSAY_TOKEN or `assay login'.",
        NULL,
        NULL,
        NULL};
    struct team_arguments arguments = {0};

    return options_run(argc, argv, &argp, &arguments, create_team);
}

static int run_token(int argc, char **argv)
{
    static const struct argp argp = {
        token_list,
        parse_option,
        "NAME",
        "Makes a new token for a team (organizer): for a lost one, or one that others know. The "
        "tokens before are good no more from the same moment on; one that only reads leaves them "
        "as they are.\v"
        "The organizer's own token comes from ASSAY_TOKEN or `assay login'.",
        NULL,
        NULL,
        NULL};
    struct team_arguments arguments = {0};

    return options_run(argc, argv, &argp, &arguments, renew_token);
}

int command_team(int argc, char **argv)
{
    static const struct command commands[] = {{"create", run_create, "Make a team and its token"},
                                              {"token", run_token, "Make a new token for a team"}};
    static const struct command_group group = {"assay team", NULL, commands, ARRAY_SIZE(commands)};

    return command_run(&group, argc, argv);
}
