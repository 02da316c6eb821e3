/* SPDX-License-Identifier: MIT */
/*
 * What the loads share: a real broker with a competition and its teams, and requests on their way.
 */
#pragma once

#include <inttypes.h>
#include <stdint.h>
#include <sys/resource.h>

#include "tests/unit/broker_fixture.h"

enum { WINDOW_MAX = 4096, WINDOW = 256 };

/* A broker, and competition "load" with so many teams. */
struct load {
    struct fixture fixture;
    size_t n_teams;
    char (*tokens)[TOKEN_SIZE]; /* owned */
};

void load_open(struct load *load, size_t n_teams);
void load_close(struct load *load);

int64_t now_us(void);

/* Processor time and resident memory of the broker until now. */
int64_t load_cpu_us(const struct load *load);
int64_t load_memory_kib(const struct load *load);

/* Requests on their way, by their place in a ring. */
struct flight {
    int64_t sent_us[WINDOW_MAX];
    int64_t *latencies_us; /* owned */
    size_t n_sent;
    size_t n_answered;
    uint64_t first_request;
};

/* Takes one answer; its type must be the expected one. */
void land(struct flight *flight, struct channel *channel, size_t window, enum wire_type expected,
          struct wire_message *answer);
static inline void take_off(struct load *load, struct flight *flight, struct channel *channel,
                            size_t window, struct wire_message *request)
{
    flight->sent_us[flight->n_sent++ % window] = now_us();
    fixture_send(&load->fixture, channel, request); /* signs by the jobs that this file has seen */
}
void print_flight(const char *what, struct flight *flight, int64_t took_us);

/* p of 100; sorts. */
int64_t percentile(int64_t *values, size_t n_values, size_t p);

/* Submits the files `first` up to `end`, `window` at a time. */
void submit_range(struct load *load, const char *what, size_t first, size_t end, size_t window);

/* Claims and completes everything; one answer in turn leads to the next request. */
void work_all(struct load *load, size_t n_submissions, size_t window);

/* ---- the loads ---- */

int load_accepts(size_t n_submissions, size_t window);
int load_queue(size_t n_submissions);
int load_burst(size_t n_seconds, size_t per_second);
int load_ranks(size_t n_teams);
int load_board(size_t n_teams, char **command);
