/* SPDX-License-Identifier: MIT */
/*
 * Tables. See the header.
 */
#include "client/listing.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client/terminal.h"

enum { COLUMNS_MAX = 32 };

struct listing listing_of(const struct listing_column *columns, size_t n_columns)
{
    assert(n_columns <= COLUMNS_MAX);
    return (struct listing){.columns = columns, .n_columns = n_columns};
}

void listing_free(struct listing *listing)
{
    for (size_t i = 0; i < listing->n_cells; i++) {
        free(listing->cells[i]);
    }
    free(listing->cells);
    *listing = (struct listing){0};
}

static bool grow(struct listing *listing)
{
    if (listing->n_cells < listing->cells_max) {
        return true;
    }
    size_t cells_max = listing->cells_max == 0 ? 64 : listing->cells_max * 2;
    char **cells = reallocarray(listing->cells, cells_max, sizeof(*cells));
    if (cells == NULL) {
        return false;
    }
    listing->cells = cells;
    listing->cells_max = cells_max;
    return true;
}

void listing_text(struct listing *listing, const char *text)
{
    char *copy = grow(listing) ? strdup(text) : NULL;

    if (copy == NULL) {
        listing->is_failed = true;
        return;
    }
    terminal_make_safe(copy, strlen(copy));
    listing->cells[listing->n_cells++] = copy;
}

void listing_int(struct listing *listing, int64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRId64, value);
    listing_text(listing, text);
}

static void print_spaces(FILE *out, size_t n, char letter)
{
    for (size_t i = 0; i < n; i++) {
        putc(letter, out);
    }
}

/* One line; the last column has no spaces behind it. */
static void print_line(const struct listing *listing, FILE *out, const size_t *widths,
                       const char *const *cells)
{
    for (size_t c = 0; c < listing->n_columns; c++) {
        size_t space = widths[c] - terminal_width(cells[c]);
        bool is_number = listing->columns[c].is_number;
        bool is_last = c + 1 == listing->n_columns;
        print_spaces(out, is_number ? space : 0, ' ');
        fputs(cells[c], out);
        print_spaces(out, is_last ? 0 : (is_number ? 0 : space) + 2, ' ');
    }
    putc('\n', out);
}

static void measure(const struct listing *listing, size_t *widths)
{
    for (size_t c = 0; c < listing->n_columns; c++) {
        widths[c] = terminal_width(listing->columns[c].title);
    }
    for (size_t i = 0; i < listing->n_cells; i++) {
        size_t width = terminal_width(listing->cells[i]);
        size_t *widest = &widths[i % listing->n_columns];
        *widest = width > *widest ? width : *widest;
    }
}

static bool check_whole(const struct listing *listing, struct err *err)
{
    if (listing->is_failed) {
        return err_set(err, ERR_SYSTEM, "no memory for a table of %zu cells", listing->n_cells);
    }
    assert(listing->n_cells % listing->n_columns == 0);
    return true;
}

bool listing_print(const struct listing *listing, FILE *out, struct err *err)
{
    const char *titles[COLUMNS_MAX];
    size_t widths[COLUMNS_MAX];

    if (!check_whole(listing, err)) {
        return false;
    }
    measure(listing, widths);
    for (size_t c = 0; c < listing->n_columns; c++) {
        titles[c] = listing->columns[c].title;
    }
    print_line(listing, out, widths, titles);
    for (size_t c = 0; c < listing->n_columns; c++) {
        print_spaces(out, widths[c], '-');
        fputs(c + 1 == listing->n_columns ? "\n" : "  ", out);
    }
    for (size_t i = 0; i < listing->n_cells; i += listing->n_columns) {
        print_line(listing, out, widths, (const char *const *)listing->cells + i);
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

bool listing_print_csv(const struct listing *listing, FILE *out, struct err *err)
{
    if (!check_whole(listing, err)) {
        return false;
    }
    for (size_t c = 0; c < listing->n_columns; c++) {
        print_csv_cell(out, listing->columns[c].title);
        putc(c + 1 == listing->n_columns ? '\n' : ',', out);
    }
    for (size_t i = 0; i < listing->n_cells; i++) {
        print_csv_cell(out, listing->cells[i]);
        putc((i + 1) % listing->n_columns == 0 ? '\n' : ',', out);
    }
    return true;
}
