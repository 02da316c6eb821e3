/* SPDX-License-Identifier: MIT */
/*
 * The row reader. libcsv reports neither positions nor lines, so it is fed piece by piece, each
 * ending at a comma or a line end: its callbacks then tell which piece ended a field. It is never
 * asked to go on after an error; the parser is made anew and reading resumes behind the line.
 */
#include "scorer/data/rows.h"

#include <assert.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include <csv.h>

enum { CSV_OPTIONS = CSV_STRICT | CSV_STRICT_FINI | CSV_APPEND_NULL };

/* libcsv with what it found in the row it is reading. */
struct rows_quoted {
    struct csv_parser parser;
    struct row *row;
    const char *field_start; /* where the field being read starts in the input */
    uint64_t line;           /* of the byte to be fed next */
    const char *line_start;
    char *texts; /* copies of the row's fields: libcsv reuses its buffer */
    size_t texts_size;
    size_t texts_room;
    bool is_row_done;
};

void rows_start(struct rows *rows, uint64_t line)
{
    *rows = (struct rows){.line = line};
}

void rows_free(struct rows *rows)
{
    if (rows->quoted != NULL) {
        csv_free(&rows->quoted->parser);
        free(rows->quoted->texts);
        free(rows->quoted);
    }
    *rows = (struct rows){0};
}

void rows_give(struct rows *rows, const char *data, size_t size, bool is_last)
{
    rows->at = data;
    rows->end = data + size;
    rows->is_last = is_last;
}

size_t rows_mark_size(const char *data, size_t size)
{
    return size >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

static bool is_line_end(char c)
{
    return c == '\n' || c == '\r';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

/* Whether a byte of the word is zero: exact as a whole, though not which byte. */
static bool has_zero(uint64_t word)
{
    return ((word - 0x0101010101010101) & ~word & 0x8080808080808080) != 0;
}

/* The first line end or quote from `at` on, or `end`. */
static const char *find_end_or_quote(const char *at, const char *end)
{
    while (end - at >= 8) {
        uint64_t word;
        memcpy(&word, at, sizeof(word));
        if (has_zero(word ^ 0x0a0a0a0a0a0a0a0a) || has_zero(word ^ 0x0d0d0d0d0d0d0d0d) ||
            has_zero(word ^ 0x2222222222222222)) {
            break;
        }
        at += 8;
    }
    while (at < end && !is_line_end(*at) && *at != '"') {
        at++;
    }
    return at;
}

/* Steps over the line end at *at, CR LF being one; a CR at the end may have its LF in what comes.
 */
static void step_over_line_end(struct rows *rows, const char *line_end)
{
    rows->at = line_end + 1;
    rows->line++;
    if (*line_end == '\r') {
        rows->is_after_cr = rows->at == rows->end;
        rows->at += rows->at < rows->end && *rows->at == '\n';
    }
}

/* A row without a quote, from `start` to `row_end`. */
static void split(struct row *row, const char *start, const char *row_end, uint64_t line)
{
    const char *at = start;
    size_t n = 0;

    for (;;) {
        const char *comma = memchr(at, ',', (size_t)(row_end - at));
        const char *field_end = comma == NULL ? row_end : comma;
        if (n < ROW_FIELDS_KEPT) {
            const char *text = at;
            const char *text_end = field_end;
            while (text < text_end && is_space(*text)) {
                text++;
            }
            while (text_end > text && is_space(text_end[-1])) {
                text_end--;
            }
            row->fields[n] = (struct row_field){.text = text,
                                                .size = (size_t)(text_end - text),
                                                .line = line,
                                                .column = (uint32_t)(text - start) + 1};
        }
        n++;
        if (comma == NULL) {
            break;
        }
        at = comma + 1;
    }
    row->line = line;
    row->is_copied = false;
    row->n_fields = n;
}

/*
 * libcsv's realloc: bounded, and without mremap, which a sandboxed reader does not have. libcsv
 * asks again for less when refused, so the bound is met to the byte.
 */
static void *field_buffer(void *old, size_t size)
{
    enum { FIELD_BYTES_MAX = ROW_BYTES_MAX + 1024 };
    void *made = size > FIELD_BYTES_MAX ? NULL : malloc(size);

    if (made != NULL && old != NULL) {
        size_t old_size = malloc_usable_size(old);
        memcpy(made, old, old_size < size ? old_size : size);
        free(old);
    }
    return made;
}

static void parser_reset(struct rows_quoted *quoted)
{
    csv_free(&quoted->parser);
    int made = csv_init(&quoted->parser, CSV_OPTIONS);
    assert(made == 0); /* fails for a null pointer only */
    csv_set_realloc_func(&quoted->parser, field_buffer);
}

/* Makes libcsv's buffer, when it must grow, at least twice as large and large enough. */
static void parser_room(struct rows_quoted *quoted, size_t piece_size)
{
    size_t now = csv_get_buffer_size(&quoted->parser);

    csv_set_blk_size(&quoted->parser, (now > piece_size ? now : piece_size) + 256);
}

/* Readies libcsv and room for the texts of a row of at most `size` bytes. */
static bool quoted_ready(struct rows *rows, size_t size, struct err *err)
{
    struct rows_quoted *quoted = rows->quoted;

    if (quoted == NULL) {
        quoted = calloc(1, sizeof(*quoted));
        if (quoted == NULL) {
            return err_set(err, ERR_SYSTEM, "no memory for a CSV row");
        }
        parser_reset(quoted);
        rows->quoted = quoted;
    }
    if (quoted->texts_room < size) {
        free(quoted->texts);
        quoted->texts = malloc(size);
        quoted->texts_room = quoted->texts == NULL ? 0 : size;
        if (quoted->texts == NULL) {
            return err_set(err, ERR_SYSTEM, "no memory for a CSV row");
        }
    }
    return true;
}

/* libcsv's callback at the end of a field */
static void on_field(void *text, size_t size, void *data)
{
    struct rows_quoted *quoted = data;
    struct row *row = quoted->row;

    if (row->n_fields < ROW_FIELDS_KEPT) {
        struct row_field *field = &row->fields[row->n_fields];
        char *copy = quoted->texts + quoted->texts_size;
        memcpy(copy, text, size); /* has room: a row's fields are no longer than its bytes */
        quoted->texts_size += size;
        field->text = copy;
        field->size = size;
    }
    row->n_fields++;
}

/* libcsv's callback at the end of a row */
static void on_row(int line_end, void *data)
{
    struct rows_quoted *quoted = data;

    (void)line_end;
    quoted->is_row_done = true;
}

/* Notes where the field that starts at `at` stands: at its first byte that is no space. */
static void note_field_start(struct rows_quoted *quoted, const char *at, const char *end)
{
    while (at < end && is_space(*at)) {
        at++;
    }
    quoted->field_start = at;
    if (quoted->row->n_fields < ROW_FIELDS_KEPT) {
        quoted->row->fields[quoted->row->n_fields] =
            (struct row_field){.line = quoted->line,
                               .column = (uint32_t)(at - quoted->line_start) + 1,
                               .is_quoted = at < end && *at == '"'};
    }
}

static const char *find_separator(const char *at, const char *end)
{
    while (at < end && *at != ',' && !is_line_end(*at)) {
        at++;
    }
    return at;
}

static enum rows_event row_too_long(const struct rows *rows, struct err *err)
{
    err_set_at(err, ERR_LIMIT, rows->line, 1, "row has more than %d bytes", ROW_BYTES_MAX);
    return ROWS_STOP;
}

/* After a wrong quote at `bad`: told in err, reading resumes behind that line. */
static enum rows_event wrong_quote(struct rows *rows, const char *bad, struct err *err)
{
    struct rows_quoted *quoted = rows->quoted;
    uint32_t column = (uint32_t)(bad - quoted->line_start) + 1;
    const char *line_end = bad;

    while (line_end < rows->end && !is_line_end(*line_end)) {
        line_end++;
    }
    if (line_end - rows->at > ROW_BYTES_MAX) {
        return row_too_long(rows, err);
    }
    if (line_end == rows->end && !rows->is_last) {
        return ROWS_MORE;
    }
    if (*quoted->field_start == '"') {
        err_set_at(err, ERR_INPUT, quoted->line, column,
                   "text behind the closing quote of a field");
    } else {
        err_set_at(err, ERR_INPUT, quoted->line, column, "quote inside a field without quotes");
    }
    rows->line = quoted->line;
    if (line_end == rows->end) {
        rows->at = rows->end;
    } else {
        step_over_line_end(rows, line_end);
    }
    return ROWS_BAD;
}

/* The input ends inside a row. */
static enum rows_event finish_row(struct rows *rows, struct err *err)
{
    struct rows_quoted *quoted = rows->quoted;
    const struct row_field *open = &quoted->row->fields[0];

    if (quoted->row->n_fields < ROW_FIELDS_KEPT) {
        open = &quoted->row->fields[quoted->row->n_fields];
    }
    if (csv_fini(&quoted->parser, on_field, on_row, quoted) != 0) {
        err_set_at(err, ERR_INPUT, open->line, open->column, "this quote never closes");
        return ROWS_STOP;
    }
    rows->line = quoted->line;
    rows->at = rows->end;
    return ROWS_ROW;
}

/* Moves the line count over the piece that ended in a line end inside a quoted field. */
static void count_line(struct rows_quoted *quoted, const char *line_end, const char *row_start)
{
    bool is_second_of_crlf = *line_end == '\n' && line_end > row_start && line_end[-1] == '\r';

    quoted->line += !is_second_of_crlf;
    quoted->line_start = line_end + 1;
}

/* Feeds libcsv from rows->at until the row ends. */
static enum rows_event feed(struct rows *rows, struct err *err)
{
    struct rows_quoted *quoted = rows->quoted;
    const char *at = rows->at;

    note_field_start(quoted, at, rows->end);
    while (at < rows->end) {
        const char *separator = find_separator(at, rows->end);
        const char *piece_end = separator < rows->end ? separator + 1 : separator;
        size_t size = (size_t)(piece_end - at);
        size_t n_fields = quoted->row->n_fields;

        if (piece_end - rows->at > ROW_BYTES_MAX) {
            break;
        }
        parser_room(quoted, size);
        size_t n_read = csv_parse(&quoted->parser, at, size, on_field, on_row, quoted);
        if (n_read < size) {
            if (csv_error(&quoted->parser) == CSV_EPARSE) {
                return wrong_quote(rows, at + n_read, err);
            }
            err_set(err, ERR_SYSTEM, "no memory for a CSV field");
            return ROWS_STOP;
        }
        if (quoted->is_row_done) {
            rows->line = quoted->line;
            step_over_line_end(rows, separator);
            return ROWS_ROW;
        }
        if (separator < rows->end && is_line_end(*separator)) {
            count_line(quoted, separator, rows->at);
        }
        if (quoted->row->n_fields > n_fields) {
            note_field_start(quoted, piece_end, rows->end);
        }
        at = piece_end;
    }
    if (at < rows->end) {
        return row_too_long(rows, err);
    }
    return rows->is_last ? finish_row(rows, err) : ROWS_MORE;
}

/* A row that holds a quote. */
static enum rows_event next_quoted(struct rows *rows, struct row *row, struct err *err)
{
    size_t size = (size_t)(rows->end - rows->at);

    if (!quoted_ready(rows, size < ROW_BYTES_MAX ? size : ROW_BYTES_MAX, err)) {
        return ROWS_STOP;
    }
    struct rows_quoted *quoted = rows->quoted;
    row->line = rows->line;
    row->is_copied = true;
    row->n_fields = 0;
    quoted->row = row;
    quoted->line = rows->line;
    quoted->line_start = rows->at;
    quoted->texts_size = 0;
    quoted->is_row_done = false;
    enum rows_event event = feed(rows, err);
    if (event != ROWS_ROW) {
        parser_reset(quoted); /* half a row, or an error: libcsv must not go on from there */
    }
    return event;
}

static bool is_blank(const char *at, const char *end)
{
    while (at < end && is_space(*at)) {
        at++;
    }
    return at == end;
}

enum rows_event rows_next(struct rows *rows, struct row *row, struct err *err)
{
    while (rows->at < rows->end) {
        if (rows->is_after_cr) {
            rows->is_after_cr = false;
            rows->at += *rows->at == '\n';
            continue;
        }
        const char *start = rows->at;
        const char *row_end = find_end_or_quote(start, rows->end);
        if (row_end < rows->end && *row_end == '"') {
            return next_quoted(rows, row, err);
        }
        if (row_end - start > ROW_BYTES_MAX) {
            return row_too_long(rows, err);
        }
        if (row_end == rows->end && !rows->is_last) {
            return ROWS_MORE;
        }
        uint64_t line = rows->line;
        if (row_end < rows->end) {
            step_over_line_end(rows, row_end);
        } else {
            rows->at = row_end;
        }
        if (!is_blank(start, row_end)) {
            split(row, start, row_end, line);
            return ROWS_ROW;
        }
    }
    return rows->is_last ? ROWS_END : ROWS_MORE;
}
