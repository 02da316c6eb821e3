/* SPDX-License-Identifier: MIT */
/*
 * CSV rows, as libcsv reads RFC 4180 in its strict mode: LF, CRLF or CR ends a row, empty rows
 * vanish, spaces and tabs around a field are dropped, a quote opens a field or is an error. Rows
 * without a quote are split by hand, the others by libcsv; both give the same events. Works on
 * memory that the caller fills, so that several threads can read parts of a file.
 */
#pragma once

#include "common/err.h"

#include <stddef.h>

enum {
    ROW_BYTES_MAX = 4 << 20, /* a longer row ends the reading: what one row can cost is bounded */
    ROW_FIELDS_KEPT = 256,   /* further fields of a row are counted, not kept */
};

struct row_field {
    const char *text; /* not NUL-terminated */
    size_t size;
    uint64_t line; /* where it starts, 1-based; a quoted field at its opening quote */
    uint32_t column;
    bool is_quoted;
};

struct row {
    uint64_t line;
    bool is_copied;  /* its texts lie in a buffer that the next row reuses, not in the data given */
    size_t n_fields; /* fields[] holds the first ROW_FIELDS_KEPT of them */
    struct row_field fields[ROW_FIELDS_KEPT];
};

struct rows_quoted;

/* Reads rows from at to end. `at` and `line` move; a caller may move them itself past whole rows.
 */
struct rows {
    const char *at;
    const char *end;
    uint64_t line; /* of *at, from 1 */
    bool is_last;  /* the input ends at `end` */
    bool is_after_cr;
    struct rows_quoted *quoted; /* libcsv and its buffers, from the first quote on */
};

enum rows_event {
    ROWS_ROW,
    ROWS_BAD,  /* a row with a wrong quote, told in err; the next call goes on behind its line */
    ROWS_MORE, /* at to end is the start of a row: call rows_give with more behind it */
    ROWS_END,
    ROWS_STOP, /* told in err; nothing behind it can be read */
};

/* Starts at the first byte of line `line`; end with rows_free. */
void rows_start(struct rows *rows, uint64_t line);
void rows_free(struct rows *rows);

/*
 * Sets the bytes to read next. After ROWS_MORE these are the bytes from rows->at on, and more.
 *
 *   is_last  nothing follows these bytes
 * Owns       nothing; data is borrowed until the next rows_give
 */
void rows_give(struct rows *rows, const char *data, size_t size, bool is_last);

/*
 * Reads the next row that is not empty.
 *
 *   row   out, with ROWS_ROW; its texts are valid until the next call or rows_give
 *   err   with ROWS_BAD and ROWS_STOP: ERR_INPUT (line, column), ERR_LIMIT (a row too long, with
 *         line), ERR_SYSTEM (no memory)
 */
MUST_CHECK enum rows_event rows_next(struct rows *rows, struct row *row, struct err *err);

/* The bytes of a UTF-8 byte order mark at the start of a file: 3, or 0 where there is none. */
size_t rows_mark_size(const char *data, size_t size);
