/* SPDX-License-Identifier: MIT */
/*
 * `assay status` and `assay retry`, and what `assay submit` shares with them. The service holds
 * each question open until the state changes, so that waiting costs a request per WAIT_SECONDS; who
 * waits longer than FIRST_SECONDS is told the place in the queue, and again when it has changed.
 */
#include "client/submission.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/commands.h"
#include "client/options.h"
#include "client/terminal.h"
#include "common/text.h"

enum { FIRST_SECONDS = 2, WAIT_SECONDS = 10, N_TRIES = 6, PAUSE_MS = 200, POSITION_MAX = 1000 };

static bool is_state(const struct jvalue *submission, const char *state)
{
    return strcmp(service_text(submission, "state"), state) == 0;
}

static bool is_final(const struct jvalue *submission)
{
    return is_state(submission, "scored") || is_state(submission, "invalid") ||
           is_state(submission, "failed") || is_state(submission, "expired");
}

/* What the state means for who waits. */
static int tell_state(const struct jvalue *submission, const char *id)
{
    if (is_state(submission, "scored")) {
        return EXIT_DONE;
    }
    if (!is_final(submission)) {
        fprintf(stderr, "assay: accepted, not scored yet; `assay status %s --wait' waits on\n", id);
        return EXIT_DONE;
    }
    if (is_state(submission, "expired")) {
        return EXIT_REFUSED;
    }
    return is_state(submission, "invalid") ? EXIT_INVALID : EXIT_UNREACHABLE;
}

static int ask(struct service *service, struct service_answer *answer, const char *id,
               int wait_seconds)
{
    char path[SERVICE_PATH_SIZE];
    struct err err;

    if (!service_check_submission(id, &err) ||
        !service_path(path, &err, "/v1/submissions/%s", id)) {
        return command_failed(&err);
    }
    const struct service_request request = {
        .method = "GET", .path = path, .wait_seconds = wait_seconds, .n_tries = N_TRIES};
    return service_ask(service, answer, &request);
}

/* Where it is by now, on stderr; *told is the place that was told last, and the next one's. */
static void tell_place(int64_t *told, const struct jvalue *submission)
{
    int64_t position = service_int(submission, "queue_position");
    int64_t expected;

    if (position <= 0 || position == *told) {
        return;
    }
    *told = position;
    if (position > POSITION_MAX) {
        fprintf(stderr, "assay: waiting, more than %d are before it", POSITION_MAX);
    } else {
        fprintf(stderr, "assay: waiting, place %" PRId64 " in the queue", position);
    }
    if (jvalue_int(&expected, jvalue_member(submission, "expected_seconds"))) {
        fprintf(stderr, ", score expected about %" PRId64 " s from now", expected);
    }
    fputc('\n', stderr);
}

int submission_wait(struct service *service, struct service_answer *answer, const char *id,
                    int64_t wait_ms)
{
    int64_t start_ms = time_boot_ms();
    int64_t seconds_max = FIRST_SECONDS;
    int64_t told = 0;

    for (;;) {
        int64_t asked_ms = time_boot_ms();
        int64_t left_ms = wait_ms - (asked_ms - start_ms);
        int64_t seconds = left_ms <= 0 ? 0 : left_ms / 1000 + 1;
        int code =
            ask(service, answer, id, seconds < seconds_max ? (int)seconds : (int)seconds_max);
        if (code != EXIT_DONE) {
            return code;
        }
        if (is_final(service_root(answer)) || left_ms <= 0) {
            return tell_state(service_root(answer), id);
        }
        tell_place(&told, service_root(answer));
        seconds_max = WAIT_SECONDS;
        service_answer_free(answer);
        if (time_boot_ms() - asked_ms < PAUSE_MS) { /* it did not hold the question open */
            nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000L}, NULL);
        }
    }
}

static void print_value(const struct jvalue *submission, const char *key, const char *title)
{
    const char *text = service_text(submission, key);

    if (text[0] != '\0') {
        printf("%-14s ", title);
        terminal_put(stdout, text);
        putchar('\n');
    }
}

void submission_print(const struct jvalue *submission)
{
    int64_t position = service_int(submission, "queue_position");
    int64_t n_problems = service_int(submission, "n_problems");
    int64_t expected;

    print_value(submission, "state", "state");
    print_value(submission, "public_score", "public score");
    print_value(submission, "private_score", "private score");
    print_value(submission, "reason", "reason");
    if (position > POSITION_MAX) {
        printf("%-14s more than %d\n", "queue position", POSITION_MAX);
    } else if (position > 0) {
        printf("%-14s %" PRId64 "\n", "queue position", position);
    }
    if (jvalue_int(&expected, jvalue_member(submission, "expected_seconds"))) {
        printf("%-14s about %" PRId64 " s from now\n", "score expected", expected);
    }
    if (is_state(submission, "receiving")) {
        print_value(submission, "until", "bytes until");
    }
    fflush(stdout);
    if (n_problems > 0) {
        fprintf(stderr, "assay: the submission is invalid: %" PRId64 " error%s\n", n_problems,
                n_problems == 1 ? "" : "s");
        service_print_errors(submission);
        int64_t n_shown = (int64_t)jvalue_count(jvalue_member(submission, "errors"));
        if (n_shown < n_problems) {
            fprintf(stderr, "  and %" PRId64 " more\n", n_problems - n_shown);
        }
    }
}

struct status_arguments {
    struct options options;
    const char *id;
    bool is_waiting;
};

static const struct argp_option list[] = {
    {"wait", 'w', NULL, 0, "wait until it is scored, invalid or failed", 1},
    {0},
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct status_arguments *arguments = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        options_share(state, &arguments->options);
        return 0;
    case 'w':
        arguments->is_waiting = true;
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->id != NULL) {
            argp_error(state, "one submission only: %s", text);
        }
        arguments->id = text;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "which submission?");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void print_all(const struct jvalue *submission)
{
    print_value(submission, "id", "submission");
    print_value(submission, "competition", "competition");
    print_value(submission, "team", "team");
    print_value(submission, "file_name", "file");
    print_value(submission, "message", "message");
    print_value(submission, "received", "received");
    print_value(submission, "sha256", "sha256");
    submission_print(submission);
}

static int show(struct service *service, void *context)
{
    const struct status_arguments *arguments = context;
    struct service_answer answer = {0};

    int code = arguments->is_waiting ? submission_wait(service, &answer, arguments->id, INT64_MAX)
                                     : ask(service, &answer, arguments->id, 0);
    bool is_known = service_text(service_root(&answer), "state")[0] != '\0';
    if (is_known && arguments->options.form == FORM_JSON) {
        service_print_body(&answer);
    } else if (is_known) {
        print_all(service_root(&answer));
    }
    service_answer_free(&answer);
    return code;
}

static int retry(struct service *service, void *context)
{
    const struct status_arguments *arguments = context;
    char path[SERVICE_PATH_SIZE];
    struct service_answer answer = {0};
    struct err err;

    if (!service_check_submission(arguments->id, &err) ||
        !service_path(path, &err, "/v1/submissions/%s/retry", arguments->id)) {
        return command_failed(&err);
    }
    const struct service_request request = {.method = "POST", .path = path, .body = ""};
    int code = service_ask(service, &answer, &request);
    if (code == EXIT_DONE) {
        terminal_put(stderr, service_text(service_root(&answer), "status"));
        putc('\n', stderr);
    }
    service_answer_free(&answer);
    if (code != EXIT_DONE) {
        return code;
    }
    return arguments->is_waiting ? show(service, context) : EXIT_DONE;
}

int command_retry(int argc, char **argv)
{
    static const struct argp argp = {
        list,
        parse_option,
        "ID",
        "Puts a submission back into the queue that failed on the service's side (organizer): it "
        "gets all its tries again. Its receive time stays.",
        options_answer,
        NULL,
        NULL};
    struct status_arguments arguments = {0};

    return options_run(argc, argv, &argp, &arguments, retry);
}

int command_status(int argc, char **argv)
{
    static const struct argp argp = {
        list,
        parse_option,
        "ID",
        "Shows a submission: its state, scores and errors.\v"
        "Exits with 0 when it is there, whatever its state; with --wait with 0 when it is scored, "
        "1 when it is invalid, 3 when it was promised and its bytes did not come in time, 4 when "
        "it "
        "failed on the service's side.",
        options_answer,
        NULL,
        NULL};
    struct status_arguments arguments = {0};

    return options_run(argc, argv, &argp, &arguments, show);
}
