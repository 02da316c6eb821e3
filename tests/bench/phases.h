/* SPDX-License-Identifier: MIT */
/*
 * What the time of a scoring is made of, inside one process, and libcsv doing the reading alone.
 */
#pragma once

#include "tests/bench/workload.h"

struct phases {
    double labels_ms;  /* labels and catalog, on all cores */
    double read_ms;    /* submission to columns, one thread */
    double libcsv_ms;  /* libcsv, the same fields found, converted and looked up, one thread */
    double score_ms;   /* columns to scorecard, one thread */
    double rescore_ms; /* a stored column block to a scorecard: checked and scored, one thread */
};

/* Measures all of them; medians of `n_runs`. Errors: what the engine says, ERR_SYSTEM. */
MUST_CHECK bool phases_measure(struct phases *phases, const struct workload_files *files,
                               size_t n_runs, struct err *err);
