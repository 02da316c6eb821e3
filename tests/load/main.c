/* SPDX-License-Identifier: MIT */
/*
 * Drives a real broker in a temporary folder: `assay-load [SUBMISSIONS [WINDOW]]`. Submits with a
 * window of unanswered requests, then claims and completes everything, and prints rates and the
 * latency of answers. Every accept counts only when its receipt came back.
 */
#include <inttypes.h>
#include <stdint.h>
#include <sys/resource.h>

#include "tests/unit/broker_fixture.h"

enum { N_TEAMS = 64, WINDOW_MAX = 4096 };

static const char yaml[] = "competition: load\n"
                           "task: classification\n"
                           "metric: top1_accuracy\n"
                           "submission: {format: topk, k: 1}\n"
                           "limits: {per_day: 1000}\n";

static struct fixture fixture;
static char tokens[N_TEAMS][TOKEN_SIZE];

static int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Requests on their way, by their place in a ring. */
struct flight {
    int64_t sent_us[WINDOW_MAX];
    int64_t *latencies_us; /* owned */
    size_t n_sent;
    size_t n_answered;
    uint64_t first_request;
};

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;

    return (left > right) - (left < right);
}

static void print_flight(const char *what, struct flight *flight, int64_t took_us)
{
    qsort(flight->latencies_us, flight->n_answered, sizeof(int64_t), compare);
    printf("%-12s %8zu  %9.0f/s   p50 %.2f ms   p99 %.2f ms\n", what, flight->n_answered,
           1e6 * (double)flight->n_answered / (double)took_us,
           1e-3 * (double)flight->latencies_us[flight->n_answered / 2],
           1e-3 * (double)flight->latencies_us[flight->n_answered * 99 / 100]);
}

/* Takes one answer; its type must be the expected one. */
static void land(struct flight *flight, struct channel *channel, size_t window,
                 enum wire_type expected, struct wire_message *answer)
{
    if (!fixture_receive(channel, answer) || answer->type != expected) {
        fixture_fail(answer->type == WIRE_REFUSED ? "refused" : "no answer");
    }
    size_t place = (size_t)(answer->request_id - flight->first_request) % window;
    flight->latencies_us[flight->n_answered++] = now_us() - flight->sent_us[place];
}

static void take_off(struct flight *flight, struct channel *channel, size_t window,
                     struct wire_message *request)
{
    flight->sent_us[flight->n_sent++ % window] = now_us();
    fixture_send(&fixture, channel, request);
}

static void submit_all(size_t n_submissions, size_t window)
{
    struct flight flight = {.latencies_us = calloc(n_submissions, sizeof(int64_t)),
                            .first_request = fixture.next_request + 1};
    struct wire_message answer;
    int64_t start_us = now_us();

    while (flight.n_answered < n_submissions) {
        while (flight.n_sent < n_submissions && flight.n_sent - flight.n_answered < window) {
            uint64_t number = flight.n_sent;
            struct wire_message request =
                fixture_submission("load", tokens[number % N_TEAMS], number, number);
            take_off(&flight, fixture.gateway, window, &request);
        }
        land(&flight, fixture.gateway, window, WIRE_SUBMIT_ACCEPTED, &answer);
    }
    print_flight("accepts", &flight, now_us() - start_us);
    free(flight.latencies_us);
}

/* Claims and completes; one answer in turn leads to the next request. */
static void work_all(size_t n_submissions, size_t window)
{
    struct flight flight = {.latencies_us = calloc(2 * n_submissions, sizeof(int64_t)),
                            .first_request = fixture.next_request + 1};
    struct wire_message answer;
    size_t n_claims = 0;
    int64_t start_us = now_us();

    while (flight.n_answered < 2 * n_submissions) {
        while (n_claims < n_submissions && flight.n_sent - flight.n_answered < window) {
            struct wire_message claim = {.type = WIRE_CLAIM};
            claim.claim.worker = wire_text("load");
            claim.claim.build = wire_text("load");
            take_off(&flight, fixture.worker, window, &claim);
            n_claims++;
        }
        struct channel *channel = fixture.worker;
        if (!fixture_receive(channel, &answer) ||
            (answer.type != WIRE_JOB && answer.type != WIRE_RESULT_TAKEN)) {
            fixture_fail("no job");
        }
        size_t place = (size_t)(answer.request_id - flight.first_request) % window;
        flight.latencies_us[flight.n_answered++] = now_us() - flight.sent_us[place];
        if (answer.type == WIRE_JOB) {
            struct wire_message result = fixture_result(answer.job.job_id, answer.job.fence,
                                                        (double)(answer.job.job_id % 9973) / 9973);
            take_off(&flight, fixture.worker, window, &result);
        }
    }
    print_flight("claim+result", &flight, now_us() - start_us);
    free(flight.latencies_us);
}

/* What the broker used, start and end included. */
static void print_usage(size_t n_submissions)
{
    struct rusage usage;

    getrusage(RUSAGE_CHILDREN, &usage);
    double seconds = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                     1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    printf("broker       %.0f us of processor a submission, %ld MiB at most\n",
           1e6 * seconds / (double)n_submissions, usage.ru_maxrss / 1024);
}

int main(int argc, char **argv)
{
    size_t n_submissions = argc > 1 ? strtoul(argv[1], NULL, 10) : 20000;
    size_t window = argc > 2 ? strtoul(argv[2], NULL, 10) : 256;

    if (n_submissions == 0 || n_submissions > 1000 * N_TEAMS || window == 0 ||
        window > WINDOW_MAX) {
        fprintf(stderr, "usage: assay-load [SUBMISSIONS (to %d) [WINDOW (to %d)]]\n",
                1000 * N_TEAMS, WINDOW_MAX);
        return 2;
    }
    fixture_open(&fixture, 600000);
    fixture_make_competition(&fixture, yaml);
    for (int i = 0; i < N_TEAMS; i++) {
        char name[32];
        snprintf(name, sizeof(name), "team %d", i);
        fixture_make_team(&fixture, "load", name, tokens[i]);
    }
    submit_all(n_submissions, window);
    work_all(n_submissions, window);
    fixture_stop(&fixture, SIGTERM);
    print_usage(n_submissions);
    fixture_close(&fixture);
    return 0;
}
