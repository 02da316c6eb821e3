/* SPDX-License-Identifier: MIT */
/*
 * A table of texts for people (header, dashes, two-space gaps, numbers right) or as CSV. Cells are
 * copied and made safe for terminals. Failure to get memory is sticky and told by table_print.
 */
#pragma once

#include "common/err.h"

#include <stdint.h>
#include <stdio.h>

struct table_column {
    const char *title;
    bool is_number; /* to the right */
};

struct table {
    const struct table_column *columns; /* borrowed until table_free */
    size_t n_columns;
    char **cells; /* row-major */
    size_t n_cells;
    size_t cells_max;
    bool is_failed;
};

/* A table without rows yet; end it with table_free. */
struct table table_of(const struct table_column *columns, size_t n_columns);
void table_free(struct table *table);

/* Adds the next cell, from left to right, row by row. */
void table_text(struct table *table, const char *text);
void table_int(struct table *table, int64_t value);

/* Prints for people. Errors: ERR_SYSTEM (no memory). */
MUST_CHECK bool table_print(const struct table *table, FILE *out, struct err *err);

/* Prints RFC 4180 CSV with LF line ends. Errors: ERR_SYSTEM (no memory). */
MUST_CHECK bool table_print_csv(const struct table *table, FILE *out, struct err *err);
