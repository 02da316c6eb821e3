/* SPDX-License-Identifier: MIT */
/*
 * Durable accepts, then claims and results, as fast as they go. Every accept counts only when its
 * receipt came back.
 */
#include "tests/load/load.h"

void work_all(struct load *load, size_t n_submissions, size_t window)
{
    struct flight flight = {.latencies_us = calloc(2 * n_submissions, sizeof(int64_t)),
                            .first_request = load->fixture.next_request + 1};
    struct wire_message answer;
    size_t n_claims = 0;
    int64_t start_us = now_us();

    while (flight.n_answered < 2 * n_submissions) {
        while (n_claims < n_submissions && flight.n_sent - flight.n_answered < window) {
            struct wire_message claim = {.type = WIRE_CLAIM};
            claim.claim.worker = wire_text("load");
            claim.claim.build = wire_text("load");
            attester_claim(claim.claim.key);
            take_off(load, &flight, load->fixture.worker, window, &claim);
            n_claims++;
        }
        struct channel *channel = load->fixture.worker;
        bool is_there = false;
        for (int i = 0; i < 30 && !is_there; i++) {
            is_there = fixture_receive(channel, &answer);
        }
        if (!is_there || (answer.type != WIRE_JOB && answer.type != WIRE_RESULT_TAKEN)) {
            fixture_fail("no job");
        }
        size_t place = (size_t)(answer.request_id - flight.first_request) % window;
        flight.latencies_us[flight.n_answered++] = now_us() - flight.sent_us[place];
        if (answer.type == WIRE_JOB) {
            struct wire_message result = fixture_result(answer.job.job_id, answer.job.fence,
                                                        (double)(answer.job.job_id % 9973) / 9973);
            take_off(load, &flight, load->fixture.worker, window, &result);
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

int load_accepts(size_t n_submissions, size_t window)
{
    static struct load load;

    load_open(&load, 64);
    submit_range(&load, "accepts", 0, n_submissions, window);
    work_all(&load, n_submissions, window);
    fixture_stop(&load.fixture, SIGTERM);
    print_usage(n_submissions);
    fixture_close(&load.fixture);
    free(load.tokens);
    return 0;
}
