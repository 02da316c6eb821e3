/* SPDX-License-Identifier: MIT */
/*
 * The tables of the benchmark, as Markdown, a row as soon as it is measured.
 */
#pragma once

#include "tests/bench/measure.h"
#include "tests/bench/workload.h"

struct bench {
    bool is_quick;
    size_t n_runs; /* of ours; 0: by the size of the file */
    size_t limit_s;
    const struct workload *only; /* NULL: all */
    char assay[WORKLOAD_PATH_SIZE];
    char folder[WORKLOAD_PATH_SIZE];
    char output[WORKLOAD_PATH_SIZE]; /* what the last program printed */
};

/* Prints the machine, and our times beside the cost of the bytes and the budgets. */
MUST_CHECK bool report_ours(const struct bench *bench, struct err *err);

/* Prints what our times are made of, inside one process. */
MUST_CHECK bool report_phases(const struct bench *bench, struct err *err);

/* Prints the other engines' times, and ours as their multiple. */
MUST_CHECK bool report_peers(const struct bench *bench, struct err *err);
