/* SPDX-License-Identifier: MIT */
/*
 * How fast submissions are scored: the mean of what the last ones took from claim to result, and
 * how many workers were heard of lately. Everything here may be forgotten; with nothing measured
 * nothing is promised to anybody.
 */
#include <string.h>

#include "broker/queue/inside.h"

enum { WORKER_ALIVE_MS = 90000 }; /* longer than a claim waits and a lease is renewed */

void pace_claimed(struct pace *pace, int64_t job, int64_t fence, int64_t boot_ms)
{
    size_t place = pace->next_claim++ % PACE_CLAIMS;

    pace->claims[place].job = job;
    pace->claims[place].fence = fence;
    pace->claims[place].boot_ms = boot_ms;
}

void pace_finished(struct pace *pace, int64_t job, int64_t fence, int64_t boot_ms)
{
    for (size_t i = 0; i < PACE_CLAIMS; i++) {
        if (pace->claims[i].job == job && pace->claims[i].fence == fence && job != 0) {
            int64_t took_ms = boot_ms - pace->claims[i].boot_ms;
            pace->samples_ms[pace->n_samples++ % PACE_SAMPLES] = took_ms > 0 ? took_ms : 1;
            pace->claims[i].job = 0;
            return;
        }
    }
}

void pace_seen(struct pace *pace, const struct channel_peer *worker, int64_t boot_ms)
{
    size_t place = pace->n_workers;

    for (size_t i = 0; i < pace->n_workers; i++) {
        if (core_is_same_peer(&pace->workers[i].peer, worker)) {
            pace->workers[i].seen_boot_ms = boot_ms;
            return;
        }
        if (boot_ms - pace->workers[i].seen_boot_ms > WORKER_ALIVE_MS) {
            place = i; /* one that is gone leaves its place */
        }
    }
    if (place == pace->n_workers) {
        if (place == WAITERS_MAX) {
            return;
        }
        pace->n_workers++;
    }
    pace->workers[place].peer = *worker;
    pace->workers[place].seen_boot_ms = boot_ms;
}

struct store_pace pace_now(const struct pace *pace, int64_t boot_ms)
{
    struct store_pace now = {0};
    size_t n_samples = pace->n_samples < PACE_SAMPLES ? pace->n_samples : PACE_SAMPLES;
    int64_t sum_ms = 0;

    for (size_t i = 0; i < n_samples; i++) {
        sum_ms += pace->samples_ms[i];
    }
    now.service_ms = n_samples == 0 ? 0 : (sum_ms + (int64_t)n_samples - 1) / (int64_t)n_samples;
    for (size_t i = 0; i < pace->n_workers; i++) {
        now.n_workers += boot_ms - pace->workers[i].seen_boot_ms <= WORKER_ALIVE_MS;
    }
    return now;
}
