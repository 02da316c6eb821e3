/* SPDX-License-Identifier: MIT */
/*
 * `assay rescore`: everything that is stored is scored again and compared bit for bit. For a timer:
 * it exits with 0 only when every one was equal.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/commands.h"
#include "client/options.h"
#include "client/service.h"
#include "client/terminal.h"

enum { PAUSE_FIRST_MS = 50, PAUSE_LAST_MS = 2000 };

static int start_run(struct service *service, const char *competition, int64_t *run)
{
    char path[SERVICE_PATH_SIZE];
    struct service_answer answer = {0};
    struct err err;

    if (!service_check_competition(competition, &err) ||
        !service_path(path, &err, "/v1/competitions/%s/rescores", competition)) {
        return command_failed(&err);
    }
    const struct service_request request = {.method = "POST", .path = path, .body = ""};
    int code = service_ask(service, &answer, &request);
    if (code == EXIT_DONE && !jvalue_int(run, jvalue_member(service_root(&answer), "run"))) {
        err_set(&err, ERR_PEER, "the service answered without a run");
        code = command_failed(&err);
    }
    service_answer_free(&answer);
    return code;
}

/* Asks until the run is finished; *answer is the last answer. */
static int wait_for_run(struct service *service, struct service_answer *answer, int64_t run)
{
    char path[SERVICE_PATH_SIZE];
    int64_t pause_ms = PAUSE_FIRST_MS;
    struct err err;

    if (!service_path(path, &err, "/v1/rescores/%" PRId64, run)) {
        return command_failed(&err);
    }
    for (;;) {
        int code = service_get(service, answer, path);
        if (code != EXIT_DONE || service_bool(service_root(answer), "is_finished")) {
            return code;
        }
        service_answer_free(answer);
        nanosleep(
            &(struct timespec){.tv_sec = pause_ms / 1000, .tv_nsec = pause_ms % 1000 * 1000000},
            NULL);
        pause_ms = pause_ms * 2 < PAUSE_LAST_MS ? pause_ms * 2 : PAUSE_LAST_MS;
    }
}

static void print_run(const struct jvalue *run)
{
    const struct jvalue *differences = jvalue_member(run, "differences");

    printf("%" PRId64 " scored again: %" PRId64 " equal, %" PRId64 " different, %" PRId64
           " failed\n%" PRId64 " confirmed by a second worker\n",
           service_int(run, "planned"), service_int(run, "equal"), service_int(run, "different"),
           service_int(run, "failed"), service_int(run, "confirmed"));
    for (size_t i = 0; i < jvalue_count(differences); i++) {
        const struct jvalue *difference = jvalue_item(differences, i);
        fputs("  ", stdout);
        terminal_put(stdout, service_text(difference, "submission"));
        fputs("  ", stdout);
        terminal_put(stdout, service_text(difference, "text"));
        putchar('\n');
    }
}

static int rescore(struct service *service, void *context)
{
    const struct options *options = context;
    struct service_answer answer = {0};
    int64_t run = 0;

    int code = start_run(service, options->competition, &run);
    if (code == EXIT_DONE) {
        code = wait_for_run(service, &answer, run);
    }
    if (code == EXIT_DONE) {
        const struct jvalue *root = service_root(&answer);
        if (options->form == FORM_JSON) {
            service_print_body(&answer);
        } else {
            print_run(root);
        }
        code =
            service_int(root, "equal") == service_int(root, "planned") ? EXIT_DONE : EXIT_INVALID;
    }
    service_answer_free(&answer);
    return code;
}

int command_rescore(int argc, char **argv)
{
    static const struct argp argp = {
        NULL,
        options_parse_competition,
        "[COMP]",
        "Scores every stored submission again, compares each with what is recorded, bit for bit, "
        "and waits until that is done (organizer). It changes nothing.\v"
        "Exits with 0 when all are equal, 1 when one differs or could not be scored.",
        options_report,
        NULL,
        NULL};
    struct options options = {0};

    return options_run(argc, argv, &argp, &options, rescore);
}
