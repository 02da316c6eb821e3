/* SPDX-License-Identifier: MIT */
/*
 * Tables. See the header.
 */
#include "client/table.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client/terminal.h"

enum { COLUMNS_MAX = 32 };

struct table table_of(const struct table_column *columns, size_t n_columns)
{
    assert(n_columns <= COLUMNS_MAX);
    return (struct table){.columns = columns, .n_columns = n_columns};
}

void table_free(struct table *table)
{
    for (size_t i = 0; i < table->n_cells; i++) {
        free(table->cells[i]);
    }
    free(table->cells);
    *table = (struct table){0};
}

static bool grow(struct table *table)
{
    if (table->n_cells < table->cells_max) {
        return true;
    }
    size_t cells_max = table->cells_max == 0 ? 64 : table->cells_max * 2;
    char **cells = reallocarray(table->cells, cells_max, sizeof(*cells));
    if (cells == NULL) {
        return false;
    }
    table->cells = cells;
    table->cells_max = cells_max;
    return true;
}

void table_text(struct table *table, const char *text)
{
    char *copy = grow(table) ? strdup(text) : NULL;

    if (copy == NULL) {
        table->is_failed = true;
        return;
    }
    terminal_make_safe(copy, strlen(copy));
    table->cells[table->n_cells++] = copy;
}

void table_int(struct table *table, int64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRId64, value);
    table_text(table, text);
}

static void print_spaces(FILE *out, size_t n, char letter)
{
    for (size_t i = 0; i < n; i++) {
        putc(letter, out);
    }
}

/* One line; the last column has no spaces behind it. */
static void print_line(const struct table *table, FILE *out, const size_t *widths,
                       const char *const *cells)
{
    for (size_t c = 0; c < table->n_columns; c++) {
        size_t space = widths[c] - terminal_width(cells[c]);
        bool is_number = table->columns[c].is_number;
        bool is_last = c + 1 == table->n_columns;
        print_spaces(out, is_number ? space : 0, ' ');
        fputs(cells[c], out);
        print_spaces(out, is_last ? 0 : (is_number ? 0 : space) + 2, ' ');
    }
    putc('\n', out);
}

static void measure(const struct table *table, size_t *widths)
{
    for (size_t c = 0; c < table->n_columns; c++) {
        widths[c] = terminal_width(table->columns[c].title);
    }
    for (size_t i = 0; i < table->n_cells; i++) {
        size_t width = terminal_width(table->cells[i]);
        size_t *widest = &widths[i % table->n_columns];
        *widest = width > *widest ? width : *widest;
    }
}

static bool check_whole(const struct table *table, struct err *err)
{
    if (table->is_failed) {
        return err_set(err, ERR_SYSTEM, "no memory for a table of %zu cells", table->n_cells);
    }
    assert(table->n_cells % table->n_columns == 0);
    return true;
}

bool table_print(const struct table *table, FILE *out, struct err *err)
{
    const char *titles[COLUMNS_MAX];
    size_t widths[COLUMNS_MAX];

    if (!check_whole(table, err)) {
        return false;
    }
    measure(table, widths);
    for (size_t c = 0; c < table->n_columns; c++) {
        titles[c] = table->columns[c].title;
    }
    print_line(table, out, widths, titles);
    for (size_t c = 0; c < table->n_columns; c++) {
        print_spaces(out, widths[c], '-');
        fputs(c + 1 == table->n_columns ? "\n" : "  ", out);
    }
    for (size_t i = 0; i < table->n_cells; i += table->n_columns) {
        print_line(table, out, widths, (const char *const *)table->cells + i);
    }
    return true;
}

static void print_csv_cell(FILE *out, const char *text)
{
    if (strpbrk(text, ",\"\r\n") == NULL) {
        fputs(text, out);
        return;
    }
    putc('"', out);
    for (; *text != '\0'; text++) {
        fputs(*text == '"' ? "\"\"" : (char[]){*text, '\0'}, out);
    }
    putc('"', out);
}

bool table_print_csv(const struct table *table, FILE *out, struct err *err)
{
    if (!check_whole(table, err)) {
        return false;
    }
    for (size_t c = 0; c < table->n_columns; c++) {
        print_csv_cell(out, table->columns[c].title);
        putc(c + 1 == table->n_columns ? '\n' : ',', out);
    }
    for (size_t i = 0; i < table->n_cells; i++) {
        print_csv_cell(out, table->cells[i]);
        putc((i + 1) % table->n_columns == 0 ? '\n' : ',', out);
    }
    return true;
}
