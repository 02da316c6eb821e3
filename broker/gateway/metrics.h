/* SPDX-License-Identifier: MIT */
/*
 * The gateway's own numbers, and all numbers as Prometheus reads them (text format 0.0.4). Labels
 * are routes, methods, status classes and the few states of jobs: their number is fixed at build
 * time. No competition, team or submission is ever named, and no score.
 */
#pragma once

#include "broker/gateway/router.h"
#include "common/jwriter.h"
#include "schemas/wire.h"

#include <stdint.h>

enum { METRICS_ROUTES_MAX = 64, METRICS_CLASSES = 5, METRICS_BUCKETS = 10 };

struct metrics {
    uint64_t answers[METRICS_ROUTES_MAX + 1][METRICS_CLASSES]; /* the last: no route */
    uint64_t took[METRICS_BUCKETS + 1];                        /* the last: longer than all */
    int64_t took_ms;
    uint64_t n_open; /* requests without an answer */
    uint64_t upload_bytes;
};

/* An answer went out; `route` is NULL or one of routes.h, others are not counted. */
void metrics_answered(struct metrics *metrics, const struct route *route, unsigned status,
                      int64_t took_ms);

/*
 * Writes everything.
 *
 *   free_bytes  where uploads are written
 *   broker      its numbers; NULL where it does not answer
 */
void metrics_write(struct jwriter *writer, const struct metrics *metrics, uint64_t free_bytes,
                   const struct wire_stats *broker);
