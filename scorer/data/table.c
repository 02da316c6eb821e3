/* SPDX-License-Identifier: MIT */
/*
 * CSV with a header. See the header file.
 */
#include "scorer/data/table.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LABEL_FILE_BYTES_MAX ((size_t)4 << 30)

void table_open(struct table *table, const struct table_source *source, struct problems *problems)
{
    assert(source->n_columns <= TABLE_COLUMNS_MAX);
    table->source = *source;
    table->problems = problems;
    table->where[0] = '\0';
    if (source->file != NULL) {
        snprintf(table->where, sizeof(table->where), "%.*s: ", TABLE_FILE_SIZE, source->file);
    }
    rows_start(&table->rows, 1);
}

void table_close(struct table *table)
{
    rows_free(&table->rows);
}

void table_problem(struct table *table, const struct row_field *field, const char *format, ...)
{
    char text[PROBLEM_TEXT_MAX];
    va_list args;

    if (table->problems->n_kept == PROBLEMS_KEPT) {
        table->problems->n_all++;
        return;
    }
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    problems_add(table->problems, field->line, field->column, "%s%s", table->where, text);
}

/* "id,predicted": the columns that the header must have. */
static const char *expected_header(const struct table *table, char text[static TABLE_HEADER_SIZE])
{
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < table->source.n_columns && used < TABLE_HEADER_SIZE; i++) {
        const struct table_column *column = &table->source.columns[i];
        if (!column->is_optional) {
            used += (size_t)snprintf(text + used, TABLE_HEADER_SIZE - used, "%s%s",
                                     used == 0 ? "" : ",", column->name);
        }
    }
    return text;
}

static bool is_named(const struct row_field *field, const char *name)
{
    return name != NULL && strlen(name) == field->size &&
           memcmp(name, field->text, field->size) == 0;
}

static bool header_has(const struct table *table, const char *name)
{
    for (size_t i = 0; i < table->row.n_fields && i < ROW_FIELDS_KEPT; i++) {
        if (is_named(&table->row.fields[i], name)) {
            return true;
        }
    }
    return false;
}

/* The column that a field of the header names, or n_columns. A column's other name is just a name
 * where the first one stands too: `class` beside `category_id` is a rank. */
static size_t find_column(const struct table *table, const struct row_field *field)
{
    const struct table_column *columns = table->source.columns;
    size_t i = 0;

    while (i < table->source.n_columns && !is_named(field, columns[i].name) &&
           !(is_named(field, columns[i].other_name) && !header_has(table, columns[i].name))) {
        i++;
    }
    return i;
}

static bool match_header(struct table *table)
{
    uint64_t n_before = table->problems->n_all;
    char expected[TABLE_HEADER_SIZE];
    char excerpt[EXCERPT_SIZE];

    expected_header(table, expected);
    for (size_t i = 0; i < TABLE_COLUMNS_MAX; i++) {
        table->place[i] = SIZE_MAX;
    }
    for (size_t i = 0; i < table->row.n_fields && i < ROW_FIELDS_KEPT; i++) {
        const struct row_field *field = &table->row.fields[i];
        size_t column = find_column(table, field);
        if (column == table->source.n_columns) {
            if (table->source.is_strict) {
                table_problem(table, field, "unknown column '%s', expected the header '%s'",
                              input_excerpt(excerpt, field->text, field->size), expected);
            }
        } else if (table->place[column] != SIZE_MAX) {
            table_problem(table, field, "column '%s' stands twice",
                          table->source.columns[column].name);
        } else {
            table->place[column] = i;
        }
    }
    for (size_t i = 0; i < table->source.n_columns; i++) {
        if (table->place[i] == SIZE_MAX && !table->source.columns[i].is_optional) {
            table_problem(table, &table->row.fields[0],
                          "column '%s' is missing, expected the header '%s'",
                          table->source.columns[i].name, expected);
        }
    }
    table->n_header_fields = table->row.n_fields;
    return table->problems->n_all == n_before;
}

/* What rows_next tells; *is_bad is out for a wrong quote. Told problems are added. */
static enum table_event next_event(struct table *table, bool *is_bad, struct err *err)
{
    struct err found = {0};
    enum rows_event event = rows_next(&table->rows, &table->row, &found);

    *is_bad = event == ROWS_BAD;
    switch (event) {
    case ROWS_ROW:
        return TABLE_ROW;
    case ROWS_MORE:
        return TABLE_MORE;
    case ROWS_END:
        return TABLE_END;
    case ROWS_BAD:
    case ROWS_STOP:
        break;
    }
    if (found.code == ERR_SYSTEM) {
        *err = found;
    } else {
        problems_add(table->problems, found.line, found.column, "%s%s", table->where, found.text);
    }
    return TABLE_STOP;
}

enum table_event table_header(struct table *table, struct err *err)
{
    char expected[TABLE_HEADER_SIZE];
    bool is_bad; /* stops too: without a header, rows are no use */
    enum table_event event = next_event(table, &is_bad, err);

    if (event == TABLE_END) {
        problems_add(table->problems, 1, 1, "%sfile is empty, expected the header '%s'",
                     table->where, expected_header(table, expected));
        return TABLE_STOP;
    }
    return event != TABLE_ROW || match_header(table) ? event : TABLE_STOP;
}

void table_adopt_header(struct table *table, const struct table *other)
{
    memcpy(table->place, other->place, sizeof(table->place));
    table->n_header_fields = other->n_header_fields;
}

bool table_load(struct table *table, const char *path, const struct table_source *source,
                struct problems *problems, struct arena *arena, struct err *err)
{
    struct table_source named = *source;
    const char *slash = strrchr(path, '/');
    struct input input;

    named.file = slash == NULL ? path : slash + 1;
    table_open(table, &named, problems);
    if (!input_load(&input, path, LABEL_FILE_BYTES_MAX, arena, err)) {
        return false;
    }
    size_t n_mark = rows_mark_size(input.data, input.size);
    rows_give(&table->rows, input.data + n_mark, input.size - n_mark, true);
    *err = (struct err){0};
    if (table_header(table, err) == TABLE_ROW) {
        return true;
    }
    if (err->code == ERR_NONE) {
        err_set(err, ERR_INPUT, "%s has a wrong header", path);
    }
    return false;
}

bool table_row(struct table *table, struct err *err)
{
    *err = (struct err){0};
    switch (table_next(table, err)) {
    case TABLE_ROW:
        return true;
    case TABLE_STOP:
        if (err->code == ERR_NONE) {
            err_set(err, ERR_INPUT, "%scannot be read to its end", table->where);
        }
        return false;
    case TABLE_MORE:
    case TABLE_END:
        break;
    }
    return false;
}

size_t table_rows_max(const struct table *table)
{
    size_t n = 1;

    for (const char *at = table->rows.at; at < table->rows.end; at++) {
        n += *at == '\n' || *at == '\r';
    }
    return n;
}

bool table_keep(struct id_text *text, const struct table *table, size_t column, struct arena *arena,
                struct err *err)
{
    const struct row_field *field = table_field(table, column);
    char *copy = NULL;

    *text = (struct id_text){.text = field->text, .size = field->size};
    if (!table->row.is_copied) {
        return true;
    }
    copy = arena_alloc(arena, field->size, 1, err);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, field->text, field->size);
    text->text = copy;
    return true;
}

enum table_event table_next(struct table *table, struct err *err)
{
    for (;;) {
        bool is_bad;
        enum table_event event = next_event(table, &is_bad, err);
        if (is_bad) {
            continue;
        }
        if (event != TABLE_ROW || table->row.n_fields == table->n_header_fields) {
            return event;
        }
        problems_add(table->problems, table->row.line, 1,
                     "%srow has %zu fields, the header has %zu", table->where, table->row.n_fields,
                     table->n_header_fields);
    }
}

const struct row_field *table_field(const struct table *table, size_t column)
{
    size_t place = table->place[column];

    return place < ROW_FIELDS_KEPT ? &table->row.fields[place] : NULL;
}
