/* SPDX-License-Identifier: MIT */
/*
 * What libcsv alone makes of an input, fed byte by byte: the oracle of the row reader's unit test
 * and of its fuzz program. After an error a new parser goes on at the end of that line.
 */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <csv.h>

#include "scorer/data/rows.h"

/* Rows, fields, errors and positions as text, so that two readings compare by memcmp. */
struct transcript {
    char *text;
    size_t size;
    size_t room;
};

static void transcript_add(struct transcript *transcript, const void *text, size_t size)
{
    if (transcript->size + size > transcript->room) {
        transcript->room = 2 * (transcript->size + size) + 256;
        transcript->text = realloc(transcript->text, transcript->room);
        assert(transcript->text != NULL);
    }
    if (size > 0) {
        memcpy(transcript->text + transcript->size, text, size);
    }
    transcript->size += size;
}

static void transcript_free(struct transcript *transcript)
{
    free(transcript->text);
    *transcript = (struct transcript){0};
}

static void transcript_field(struct transcript *transcript, uint64_t line, uint32_t column,
                             bool is_quoted, const void *text, size_t size)
{
    char head[80];
    int length = snprintf(head, sizeof(head), " %llu:%u%s[", (unsigned long long)line, column,
                          is_quoted ? "q" : "");

    transcript_add(transcript, head, (size_t)length);
    transcript_add(transcript, text, size);
    transcript_add(transcript, "]", 1);
}

static void transcript_end(struct transcript *transcript, const char *what, uint64_t line,
                           uint32_t column, size_t n_fields)
{
    char head[80];
    int length = snprintf(head, sizeof(head), " %s %llu:%u %zu\n", what, (unsigned long long)line,
                          column, n_fields);

    transcript_add(transcript, head, (size_t)length);
}

struct reference {
    struct transcript *transcript;
    struct transcript row; /* of the row being read: dropped when it turns out wrong */
    const char *data;
    size_t size;
    size_t field_start;
    size_t n_fields;
    uint64_t row_line;

    /* where reference_position was last */
    size_t at;
    size_t line_start;
    uint64_t n_lines;
};

/* Line and column of a byte; counted from the last one on, or from the start of the input. */
static void reference_position(struct reference *reference, size_t offset, uint64_t *line,
                               uint32_t *column)
{
    if (offset < reference->at) {
        reference->at = 0;
        reference->line_start = 0;
        reference->n_lines = 0;
    }
    for (; reference->at < offset; reference->at++) {
        size_t i = reference->at;
        bool is_crlf =
            reference->data[i] == '\r' && i + 1 < reference->size && reference->data[i + 1] == '\n';
        if (reference->data[i] == '\n' || (reference->data[i] == '\r' && !is_crlf)) {
            reference->line_start = i + 1;
            reference->n_lines++;
        }
    }
    *line = reference->n_lines + 1;
    *column = (uint32_t)(offset - reference->line_start) + 1;
}

static size_t reference_text_start(const struct reference *reference)
{
    size_t at = reference->field_start;

    while (at < reference->size && (reference->data[at] == ' ' || reference->data[at] == '\t')) {
        at++;
    }
    return at;
}

static void reference_on_field(void *text, size_t size, void *data)
{
    struct reference *reference = data;
    size_t start = reference_text_start(reference);
    uint64_t line;
    uint32_t column;

    reference_position(reference, start, &line, &column);
    if (reference->n_fields == 0) {
        reference->row_line = line;
    }
    if (reference->n_fields < ROW_FIELDS_KEPT) {
        bool is_quoted = start < reference->size && reference->data[start] == '"';
        transcript_field(&reference->row, line, column, is_quoted, text, size);
    }
    reference->n_fields++;
}

static void reference_on_row(int line_end, void *data)
{
    struct reference *reference = data;

    (void)line_end;
    transcript_add(reference->transcript, reference->row.text, reference->row.size);
    transcript_end(reference->transcript, "row", reference->row_line, 0, reference->n_fields);
    reference->row.size = 0;
    reference->n_fields = 0;
}

static void reference_error(struct reference *reference, const char *what, size_t offset)
{
    uint64_t line;
    uint32_t column;

    reference_position(reference, offset, &line, &column);
    transcript_end(reference->transcript, what, line, column, 0);
    reference->row.size = 0;
    reference->n_fields = 0;
}

static void reference_parser(struct csv_parser *parser)
{
    int made = csv_init(parser, CSV_STRICT | CSV_STRICT_FINI | CSV_APPEND_NULL);

    assert(made == 0);
}

/* Reads all of `data` with libcsv. */
static void reference_read(struct transcript *transcript, const char *data, size_t size)
{
    struct reference reference = {.transcript = transcript, .data = data, .size = size};
    struct csv_parser parser;
    size_t n_before = 0;

    reference_parser(&parser);
    for (size_t at = 0; at < size; at++) {
        n_before = reference.n_fields;
        if (csv_parse(&parser, data + at, 1, reference_on_field, reference_on_row, &reference) ==
            0) {
            reference_error(&reference, "bad", at);
            csv_free(&parser);
            reference_parser(&parser);
            while (at < size && data[at] != '\n' && data[at] != '\r') {
                at++;
            }
            reference.field_start = at + 1;
            continue;
        }
        bool is_line_end = data[at] == '\n' || data[at] == '\r';
        if (reference.n_fields != n_before ||
            (is_line_end && reference.n_fields == 0 && parser.pstate == 0)) {
            reference.field_start = at + 1;
        }
    }
    if (csv_fini(&parser, reference_on_field, reference_on_row, &reference) != 0) {
        reference_error(&reference, "stop", reference_text_start(&reference));
    }
    csv_free(&parser);
    transcript_free(&reference.row);
}

/*
 * Reads all of `data` with the row reader, given in pieces: `cut` is asked for the size of the next
 * one (0: all the rest).
 */
static void reader_read(struct transcript *transcript, const char *data, size_t size,
                        size_t (*cut)(void *state), void *state)
{
    static struct row row;
    struct err err = {0};
    struct rows rows;
    enum rows_event event;
    size_t given = 0;

    rows_start(&rows, 1);
    rows_give(&rows, data, 0, size == 0);
    do {
        event = rows_next(&rows, &row, &err);
        if (event == ROWS_MORE) {
            size_t more = cut(state);
            given = more == 0 || more > size - given ? size : given + more;
            rows_give(&rows, rows.at, (size_t)(data + given - rows.at), given == size);
        } else if (event == ROWS_ROW) {
            for (size_t i = 0; i < row.n_fields && i < ROW_FIELDS_KEPT; i++) {
                const struct row_field *field = &row.fields[i];
                transcript_field(transcript, field->line, field->column, field->is_quoted,
                                 field->text, field->size);
            }
            transcript_end(transcript, "row", row.line, 0, row.n_fields);
        } else if (event != ROWS_END) {
            transcript_end(transcript, event == ROWS_BAD ? "bad" : "stop", err.line, err.column, 0);
        }
    } while (event != ROWS_END && event != ROWS_STOP);
    rows_free(&rows);
}
