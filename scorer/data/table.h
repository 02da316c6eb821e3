/* SPDX-License-Identifier: MIT */
/*
 * A CSV file with a header: finds the columns by name, then gives row by row the fields asked for.
 * Rows of the wrong length and wrong quotes become problems and are passed over.
 */
#pragma once

#include "common/problems.h"
#include "scorer/data/catalog.h"
#include "scorer/data/input.h"
#include "scorer/data/rows.h"

enum { TABLE_COLUMNS_MAX = 16, TABLE_FILE_SIZE = 64, TABLE_HEADER_SIZE = 120 };

struct table_column {
    const char *name;
    const char *other_name; /* accepted too; NULL without */
    bool is_optional;
};

struct table_source {
    const char *file; /* named in problems; NULL: not named (table_load: the name of the file) */
    const struct table_column *columns;
    size_t n_columns;
    bool is_strict; /* other columns are an error, not ignored */
};

struct table {
    struct table_source source;
    struct rows rows;
    struct row row; /* the row read last */
    size_t n_header_fields;
    size_t place[TABLE_COLUMNS_MAX]; /* field of each column, SIZE_MAX without */
    struct problems *problems;
    char where[TABLE_FILE_SIZE + 4]; /* "file: " or "" */
};

enum table_event {
    TABLE_ROW,
    TABLE_MORE, /* as ROWS_MORE */
    TABLE_END,
    TABLE_STOP, /* nothing behind this can be read: a problem was added, or err was filled */
};

/*
 * Starts a table; its header is read by table_header from what rows_give(&table->rows) was given.
 * End with table_close. `problems` and `source` are borrowed until then.
 */
void table_open(struct table *table, const struct table_source *source, struct problems *problems);
void table_close(struct table *table);

/*
 * Starts a table on a whole file, read into `arena`, and reads its header. The table must be closed
 * even on failure.
 *
 * Errors   ERR_INPUT  the file is missing, or its header is wrong (a problem was added)
 *          others as input_load
 */
MUST_CHECK bool table_load(struct table *table, const char *path, const struct table_source *source,
                           struct problems *problems, struct arena *arena, struct err *err);

/*
 * Reads the header; TABLE_ROW where it is right.
 *
 * Errors   ERR_SYSTEM  no memory; otherwise err->code stays ERR_NONE
 */
MUST_CHECK enum table_event table_header(struct table *table, struct err *err);

/* Takes over the header that another table read from the same file. */
void table_adopt_header(struct table *table, const struct table *other);

/* Reads the next row with as many fields as the header. Errors as table_header. */
MUST_CHECK enum table_event table_next(struct table *table, struct err *err);

/* The field of a column in the last row; NULL where the file has no such column. */
const struct row_field *table_field(const struct table *table, size_t column);

/*
 * The whole-file form of table_next: true with a row; false at the end, or with err filled where
 * reading failed or stopped.
 */
MUST_CHECK bool table_row(struct table *table, struct err *err);

/* At most so many rows are still to come: the line ends in the bytes given, and one. */
size_t table_rows_max(const struct table *table);

/*
 * The text of a column for as long as the file's data stays: copied to `arena` where it lies in a
 * passing buffer.
 */
MUST_CHECK bool table_keep(struct id_text *text, const struct table *table, size_t column,
                           struct arena *arena, struct err *err);

/* Adds a problem at a field, with the name of the file before the text. */
void table_problem(struct table *table, const struct row_field *field, const char *format, ...)
    PRINTF_LIKE(3, 4);
