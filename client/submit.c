/* SPDX-License-Identifier: MIT */
/*
 * `assay submit`: one command is one submission, however often the connection breaks, because every
 * try carries the same key. The receipt is compared with the file that was sent. A failed upload
 * never exits with 0.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/commands.h"
#include "client/digest.h"
#include "client/options.h"
#include "client/receipts.h"
#include "client/service.h"
#include "client/submission.h"
#include "client/terminal.h"
#include "common/text.h"

enum { N_TRIES = 10, KEY_WAIT = 0x2000, KEY_RECEIPTS };

struct submit_arguments {
    struct options options;
    const char *file_path;
    const char *message;
    const char *receipts; /* folder, or NULL */
    bool is_quiet;
    bool is_waiting;
    int64_t wait_ms;
};

static const struct argp_option list[] = {
    {"file", 'f', "FILE", 0, "the submission", 1},
    {"message", 'm', "TEXT", 0, "what it is, for your own list", 1},
    {"quiet", 'q', NULL, 0, "no progress", 2},
    {"receipts", KEY_RECEIPTS, "DIR", 0, "store the receipts in DIR", 2},
    {"wait", KEY_WAIT, "SECONDS", OPTION_ARG_OPTIONAL,
     "wait for the score, at most SECONDS (default: as long as it takes); `--wait 30' works too",
     2},
    {0},
};

/* `--wait 30`: an optional argument stands in the next word where that is a number. */
static const char *wait_argument(char *text, struct argp_state *state)
{
    if (text == NULL && state->next < state->argc) {
        char *next = state->argv[state->next];
        if (*next != '\0' && strspn(next, "0123456789") == strlen(next)) {
            state->next++;
            return next;
        }
    }
    return text;
}

static void take_wait(struct submit_arguments *arguments, char *text, struct argp_state *state)
{
    const char *seconds = wait_argument(text, state);

    arguments->is_waiting = true;
    arguments->wait_ms = INT64_MAX;
    if (seconds != NULL) {
        char *end;
        long value = strtol(seconds, &end, 10);
        if (end == seconds || *end != '\0' || value < 0 || value > 1000000) {
            argp_error(state, "--wait: expected seconds, found '%s'", seconds);
        }
        arguments->wait_ms = value * 1000;
    }
}

static void check_arguments(const struct submit_arguments *arguments,
                            const struct argp_state *state)
{
    options_need_competition(&arguments->options, state);
    if (arguments->file_path == NULL) {
        argp_error(state, "which file? -f FILE says it");
    } else if (arguments->message == NULL) {
        argp_error(state, "what is it? -m TEXT says it");
    }
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct submit_arguments *arguments = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        options_share(state, &arguments->options);
        return 0;
    case 'f':
        arguments->file_path = text;
        return 0;
    case 'm':
        arguments->message = text;
        return 0;
    case 'q':
        arguments->is_quiet = true;
        return 0;
    case KEY_RECEIPTS:
        arguments->receipts = text;
        return 0;
    case KEY_WAIT:
        take_wait(arguments, text, state);
        return 0;
    case ARGP_KEY_ARG:
        return options_take_competition(&arguments->options, text) ? 0 : ARGP_ERR_UNKNOWN;
    case ARGP_KEY_END:
        check_arguments(arguments, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static bool make_path(char path[static SERVICE_PATH_SIZE], const struct submit_arguments *arguments,
                      struct err *err)
{
    const char *slash = strrchr(arguments->file_path, '/');
    const char *file_name = slash == NULL ? arguments->file_path : slash + 1;

    return service_check_competition(arguments->options.competition, err) &&
           service_path(path, err, "/v1/competitions/%s/submissions",
                        arguments->options.competition) &&
           service_query(path, "file_name", file_name, err) &&
           service_query(path, "message", arguments->message, err);
}

/* Sends the file, as often as it takes. */
static int upload(struct service *service, struct service_answer *answer,
                  const struct submit_arguments *arguments, const struct digest *digest)
{
    char path[SERVICE_PATH_SIZE];
    char key[SERVICE_KEY_SIZE];
    uint8_t random[16];
    struct err err;

    if (!make_path(path, arguments, &err) || !crypt_start(&err)) {
        return command_failed(&err);
    }
    crypt_random(random, sizeof(random));
    hex_text(key, random, sizeof(random));
    const struct service_request request = {
        .method = "PUT",
        .path = path,
        .content_type = "application/octet-stream",
        .file_path = arguments->file_path,
        .file_bytes = digest->size_bytes,
        .idempotency_key = key,
        .n_tries = N_TRIES,
        .has_progress = !arguments->is_quiet,
    };
    return service_ask(service, answer, &request);
}

/* The service must have received what the file held. */
static bool check_received(const struct jvalue *accepted, const struct digest *digest,
                           struct err *err)
{
    if (!service_check_submission(service_text(accepted, "id"), err)) {
        err->code = ERR_PEER;
        return false;
    }
    if (strcmp(service_text(accepted, "sha256"), digest->text) != 0) {
        return err_set(err, ERR_PEER,
                       "the service received other bytes: the file's sha256 is %s (did it change "
                       "during the upload?)",
                       digest->text);
    }
    return true;
}

static void print_accepted(const struct jvalue *accepted)
{
    int64_t remaining;

    printf("%s\n", service_text(accepted, "id"));
    fflush(stdout); /* whoever waits has it now */
    fputs("Received ", stderr);
    terminal_put(stderr, service_text(accepted, "received"));
    fputs(service_bool(accepted, "is_repeated") ? " (an earlier try had arrived)\n" : "\n", stderr);
    if (jvalue_int(&remaining, jvalue_member(accepted, "remaining_today"))) {
        fprintf(stderr, "%" PRId64 " submission%s remaining today; they return at ", remaining,
                remaining == 1 ? "" : "s");
        terminal_put(stderr, service_text(accepted, "resets_at"));
        putc('\n', stderr);
    }
}

/* Everything after the file has arrived: receipt, waiting, score. */
static int finish(struct service *service, const struct submit_arguments *arguments,
                  const struct service_answer *accepted)
{
    const char *id = service_text(service_root(accepted), "id");
    bool is_json = arguments->options.form == FORM_JSON;
    struct service_answer answer = {0};
    int code = EXIT_DONE;

    if (!is_json) {
        print_accepted(service_root(accepted));
    } else if (!arguments->is_waiting) {
        service_print_body(accepted);
    }
    if (arguments->is_waiting) {
        code = submission_wait(service, &answer, id, arguments->wait_ms);
    }
    if (arguments->is_waiting && answer.json != NULL) {
        is_json ? service_print_body(&answer) : submission_print(service_root(&answer));
    }
    if (arguments->receipts != NULL) {
        int stored = receipts_fetch(service, id, arguments->receipts);
        code = code == EXIT_DONE ? stored : code;
    }
    service_answer_free(&answer);
    return code;
}

static int submit(struct service *service, void *context)
{
    const struct submit_arguments *arguments = context;
    struct service_answer answer = {0};
    struct digest digest;
    struct err err;

    if (!digest_of_file(&digest, arguments->file_path, &err)) {
        return command_failed(&err);
    }
    int code = upload(service, &answer, arguments, &digest);
    if (code == EXIT_DONE && !check_received(service_root(&answer), &digest, &err)) {
        code = command_failed(&err);
    } else if (code == EXIT_DONE) {
        code = finish(service, arguments, &answer);
    }
    service_answer_free(&answer);
    return code;
}

int command_submit(int argc, char **argv)
{
    static const struct argp argp = {
        list,
        parse_option,
        "[COMP]",
        "Uploads a submission, prints its id, and with --wait its score.\v"
        "The id is printed once the file is durable at the service. A broken connection is tried "
        "again with the same key, so that this is one submission however often it had to knock. "
        "An invalid file costs no attempt: its errors are listed with line and column, and with "
        "--wait the exit code is 1.",
        options_report,
        NULL,
        NULL};
    struct submit_arguments arguments = {0};

    return options_run(argc, argv, &argp, &arguments, submit);
}
