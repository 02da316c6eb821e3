/* SPDX-License-Identifier: MIT */
/*
 * A table of texts for people (header, dashes, two-space gaps, numbers right) or as CSV. Cells are
 * copied and made safe for terminals. Failure to get memory is sticky and told by listing_print.
 */
#pragma once

#include "common/err.h"

#include <stdint.h>
#include <stdio.h>

struct listing_column {
    const char *title;
    bool is_number; /* to the right */
};

struct listing {
    const struct listing_column *columns; /* borrowed until listing_free */
    size_t n_columns;
    char **cells; /* row-major */
    size_t n_cells;
    size_t cells_max;
    bool is_failed;
};

/* A table without rows yet; end it with listing_free. */
struct listing listing_of(const struct listing_column *columns, size_t n_columns);
void listing_free(struct listing *listing);

/* Adds the next cell, from left to right, row by row. */
void listing_text(struct listing *listing, const char *text);
void listing_int(struct listing *listing, int64_t value);

/* Prints for people. Errors: ERR_SYSTEM (no memory). */
MUST_CHECK bool listing_print(const struct listing *listing, FILE *out, struct err *err);

/* Prints RFC 4180 CSV with LF line ends. Errors: ERR_SYSTEM (no memory). */
MUST_CHECK bool listing_print_csv(const struct listing *listing, FILE *out, struct err *err);
