/* SPDX-License-Identifier: MIT */
/*
 * `assay submit`: one command is one submission, however often the connection breaks, because every
 * try carries the same key. The receipt is compared with the file that was sent. A failed upload
 * never exits with 0.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/commands.h"
#include "client/delivery.h"
#include "client/digest.h"
#include "client/options.h"
#include "client/receipts.h"
#include "client/service.h"
#include "client/submission.h"
#include "client/terminal.h"
#include "common/jwriter.h"
#include "common/text.h"

enum { N_TRIES = 10, KEY_WAIT = 0x2000, KEY_RECEIPTS, KEY_RESUME, WAIT_DEFAULT_MS = 600000 };

struct submit_arguments {
    struct options options;
    const char *file_path;
    const char *message;
    const char *receipts; /* folder, or NULL */
    const char *resume;   /* id of the promise that is kept, or NULL */
    bool is_quiet;
    bool is_waiting;
    int64_t wait_ms;
};

static const struct argp_option list[] = {
    {"file", 'f', "FILE", 0, "the submission", 1},
    {"message", 'm', "TEXT", 0, "what it is, for your own list", 1},
    {"quiet", 'q', NULL, 0, "no progress", 2},
    {"receipts", KEY_RECEIPTS, "DIR", 0, "store the receipts in DIR", 2},
    {"resume", KEY_RESUME, "ID", 0, "go on with the upload of a submission that broke off", 2},
    {"wait", KEY_WAIT, "SECONDS", OPTION_ARG_OPTIONAL,
     "wait for the score, at most SECONDS (default: 600); `--wait 30' works too", 2},
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
    arguments->wait_ms = WAIT_DEFAULT_MS;
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
    } else if (arguments->message == NULL && arguments->resume == NULL) {
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
    case KEY_RESUME:
        arguments->resume = text;
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

/* {"sha256","bytes","file_name","message"} */
static bool write_promise(struct jwriter *writer, const struct submit_arguments *arguments,
                          const struct digest *digest, struct err *err)
{
    const char *slash = strrchr(arguments->file_path, '/');

    jwriter_object(writer);
    jwriter_key_text(writer, "sha256", digest->text);
    jwriter_key_int(writer, "bytes", digest->size_bytes);
    jwriter_key_text(writer, "file_name", slash == NULL ? arguments->file_path : slash + 1);
    jwriter_key_text(writer, "message", arguments->message);
    jwriter_object_end(writer);
    return jwriter_ok(writer, err);
}

/* Promises the file; the answer names the submission that it will be. */
static int promise(struct service *service, struct service_answer *answer,
                   const struct submit_arguments *arguments, const struct digest *digest)
{
    char path[SERVICE_PATH_SIZE];
    char key[SERVICE_KEY_SIZE];
    uint8_t random[16];
    struct jwriter writer;
    struct err err;
    int code;

    jwriter_start(&writer, 64 << 10);
    if (!service_check_competition(arguments->options.competition, &err) ||
        !service_path(path, &err, "/v1/competitions/%s/uploads", arguments->options.competition) ||
        !write_promise(&writer, arguments, digest, &err) || !crypt_start(&err)) {
        code = command_failed(&err);
    } else {
        crypt_random(random, sizeof(random));
        hex_text(key, random, sizeof(random));
        const struct service_request request = {.method = "POST",
                                                .path = path,
                                                .content_type = "application/json",
                                                .body = writer.out.data,
                                                .body_bytes = writer.out.size_bytes,
                                                .idempotency_key = key,
                                                .n_tries = N_TRIES};
        code = service_ask(service, answer, &request);
    }
    jwriter_end(&writer);
    return code;
}

/* Keeps a promise; where that cannot be done now, tells how to go on. */
static int deliver(struct service *service, struct service_answer *answer, const char *id,
                   const struct submit_arguments *arguments, const struct digest *digest)
{
    const struct delivery delivery = {.id = id,
                                      .file_path = arguments->file_path,
                                      .file_bytes = digest->size_bytes,
                                      .has_progress = !arguments->is_quiet,
                                      .is_begun = arguments->resume != NULL};

    int code = delivery_send(service, answer, &delivery);
    if (code == EXIT_UNREACHABLE) {
        fprintf(stderr,
                "assay: the file is promised: `assay submit %s -f %s --resume %s' goes on\n",
                arguments->options.competition, arguments->file_path, id);
    }
    return code;
}

/* Promises the file and sends it, as often as it takes. */
static int upload(struct service *service, struct service_answer *answer,
                  const struct submit_arguments *arguments, const struct digest *digest)
{
    struct service_answer promised = {0};
    const char *id = arguments->resume;
    struct err err;
    int code = EXIT_DONE;

    if (id == NULL) {
        code = promise(service, &promised, arguments, digest);
        id = service_text(service_root(&promised), "id");
    }
    if (code == EXIT_DONE && !service_check_submission(id, &err)) {
        err.code = arguments->resume == NULL ? ERR_PEER : ERR_CONFIG;
        code = command_failed(&err);
    } else if (code == EXIT_DONE) {
        code = deliver(service, answer, id, arguments, digest);
    }
    service_answer_free(&promised);
    return code;
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
    printf("%s\n", service_text(accepted, "id"));
    fflush(stdout); /* whoever waits has it now */
    fputs("Received ", stderr);
    terminal_put(stderr, service_text(accepted, "received"));
    fputs(service_bool(accepted, "is_repeated") ? " (an earlier try had arrived)\n" : "\n", stderr);
    service_print_quota(accepted);
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
        "The file is promised first, by its hash: that is the time it counts as received, however "
        "long its bytes take. A broken connection goes on where it broke, with the same key, so "
        "that this is one submission however often it had to knock. The id is printed once the "
        "file is durable at the service. With --wait a submission that is not scored in time is "
        "accepted all the same: the exit code is 0. An invalid file costs no attempt: its errors "
        "are listed with line and column, and with "
        "--wait the exit code is 1.",
        options_report,
        NULL,
        NULL};
    struct submit_arguments arguments = {0};

    return options_run(argc, argv, &argp, &arguments, submit);
}
