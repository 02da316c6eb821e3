/* SPDX-License-Identifier: MIT */
/*
 * What the bytes of a file cost whoever reads them: to touch each once, and to find every comma and
 * line end. One thread, the file in memory already.
 */
#pragma once

#include "common/err.h"

struct floor {
    double touch_ms;
    double separate_ms;
};

/* Measures both; medians of `n_runs`. Errors: ERR_SYSTEM. */
MUST_CHECK bool floor_measure(struct floor *floor, const char *path, size_t n_runs,
                              struct err *err);
