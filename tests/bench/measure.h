/* SPDX-License-Identifier: MIT */
/*
 * Runs something several times and takes the medians. Everything is run in a child process, and
 * this process stays small: a child's peak memory starts at its parent's.
 */
#pragma once

#include "common/err.h"

#include <stddef.h>

enum { MEASURE_RUNS_MAX = 101, MEASURE_TIMES_MAX = 8 };

struct measure {
    double wall_ms;
    double best_ms;  /* the shortest wall time of all runs */
    double cpu_ms;   /* user and system, all threads */
    double peak_mb;  /* resident, 10^6 bytes */
    bool is_late;    /* it was killed when its time was over */
    bool is_stopped; /* so, or it failed: the numbers are unset */
};

struct measure_limits {
    size_t n_runs;       /* 1 to MEASURE_RUNS_MAX; one where the first takes over 10 s */
    double wall_s;       /* a run is killed after so long */
    size_t memory_bytes; /* address space of the process */
};

/*
 * Runs a program, its standard output into a file.
 *
 *   argv     ends with NULL; argv[0] is a path
 *
 * Errors   ERR_SYSTEM  it cannot be started; one that fails or is too slow is an outcome
 */
MUST_CHECK bool measure_program(struct measure *measure, const char *const *argv,
                                const char *output_path, const struct measure_limits *limits,
                                struct err *err);

/*
 * Runs a function in a child process and takes the median of each time that it reports.
 *
 *   times     out, n_times of them, in ms
 *   function  fills n_times times; false with err filled where it cannot
 *
 * Errors   ERR_SYSTEM, or what the function reports
 */
MUST_CHECK bool measure_function(double *times, size_t n_times,
                                 bool (*function)(double *times, void *data, struct err *err),
                                 void *data, size_t n_runs, struct err *err);

/* The middle of the values, which are sorted; of an even number the mean of both. */
double measure_median(double *values, size_t n);

/* Milliseconds of a clock that only moves on. */
double measure_now_ms(void);
