/* SPDX-License-Identifier: MIT */
/*
 * The list of photos: the rows are read into texts, each column's texts are sorted and numbered,
 * and the numbers are put into the order of the photos. About 150 bytes a row while it works.
 */
#include "scorer/data/photos.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "scorer/data/rows.h"

enum column { COLUMN_PHOTO, COLUMN_TAXON, COLUMN_OBSERVER, COLUMN_OBSERVATION, N_COLUMNS };

static const char *const column_names[N_COLUMNS] = {"photo", "taxon", "observer", "observation"};

/* A text of a column and the row that it stands in; later its number. */
struct name {
    struct photo_id id;
    uint32_t row;
};

/* What the file holds, before it is numbered. */
struct table {
    size_t n_rows;
    size_t rows_max;
    struct name *names[N_COLUMNS]; /* rows_max each */
    uint32_t *number[N_COLUMNS];   /* of the text among the column's, by row */
    uint64_t *line;                /* by row */
    size_t field_at[N_COLUMNS];    /* which field of a row the column is */
    char *texts;                   /* copies: the row reader's do not last */
};

static bool table_make(struct table *table, size_t rows_max, size_t texts_size, struct arena *arena,
                       struct err *err)
{
    *table = (struct table){.rows_max = rows_max};
    table->texts = arena_alloc(arena, texts_size, 1, err);
    table->line = table->texts == NULL ? NULL : arena_alloc(arena, rows_max, sizeof(uint64_t), err);
    if (table->line == NULL) {
        return false;
    }
    for (int column = 0; column < N_COLUMNS; column++) {
        table->names[column] = arena_alloc(arena, rows_max, sizeof(struct name), err);
        if (table->names[column] == NULL) {
            return false;
        }
        table->number[column] = arena_alloc(arena, rows_max, sizeof(uint32_t), err);
        if (table->number[column] == NULL) {
            return false;
        }
    }
    return true;
}

static bool is_field(const struct row_field *field, const char *name)
{
    return field->size == strlen(name) && memcmp(field->text, name, field->size) == 0;
}

/* Finds the columns in the header. */
static void read_header(struct table *table, const struct row *header, struct problems *problems)
{
    size_t n_fields = header->n_fields < ROW_FIELDS_KEPT ? header->n_fields : ROW_FIELDS_KEPT;

    for (int column = 0; column < N_COLUMNS; column++) {
        size_t n_found = 0;
        for (size_t i = 0; i < n_fields; i++) {
            if (is_field(&header->fields[i], column_names[column])) {
                table->field_at[column] = i;
                n_found++;
            }
        }
        if (n_found != 1) {
            problems_add(problems, header->line, 1, "header has %zu columns '%s', expected 1",
                         n_found, column_names[column]);
        }
    }
}

/* Keeps the texts of a row, or says what is wrong with it. */
static void read_row(struct table *table, const struct row *row, struct problems *problems)
{
    for (int column = 0; column < N_COLUMNS; column++) {
        if (table->field_at[column] >= row->n_fields) {
            problems_add(problems, row->line, 1, "row has %zu fields, %s is field %zu",
                         row->n_fields, column_names[column], table->field_at[column] + 1);
            return;
        }
        const struct row_field *field = &row->fields[table->field_at[column]];
        if (field->size == 0) {
            problems_add(problems, field->line, field->column, "%s is empty", column_names[column]);
            return;
        }
    }
    for (int column = 0; column < N_COLUMNS; column++) {
        const struct row_field *field = &row->fields[table->field_at[column]];
        memcpy(table->texts, field->text, field->size);
        table->names[column][table->n_rows] =
            (struct name){{table->texts, field->size}, (uint32_t)table->n_rows};
        table->texts += field->size;
    }
    table->line[table->n_rows++] = row->line;
}

/* Reads all rows of the file; false only where that cannot be done. */
static bool read_rows(struct table *table, struct rows *rows, struct problems *problems,
                      struct err *err)
{
    struct row row;
    bool has_header = false;

    for (;;) {
        switch (rows_next(rows, &row, err)) {
        case ROWS_ROW:
            if (has_header) {
                read_row(table, &row, problems);
                break;
            }
            read_header(table, &row, problems);
            if (problems->n_all > 0) {
                return true;
            }
            has_header = true;
            break;
        case ROWS_BAD:
            problems_add(problems, err->line, err->column, "%s", err->text);
            break;
        case ROWS_MORE: /* never: the whole file was given */
        case ROWS_END:
            if (!has_header) {
                problems_add(problems, 1, 1, "file has no header");
            }
            return true;
        case ROWS_STOP:
            if (err->code == ERR_SYSTEM) {
                return false;
            }
            problems_add(problems, err->line, err->column, "%s", err->text);
            return true;
        }
    }
}

static int id_order(const struct photo_id *a, const struct photo_id *b)
{
    size_t size = a->size < b->size ? a->size : b->size;
    int order = memcmp(a->text, b->text, size);

    return order != 0 ? order : (a->size > b->size) - (a->size < b->size);
}

/* By text, equal ones by row. */
static int name_order(const void *left, const void *right)
{
    const struct name *a = left;
    const struct name *b = right;
    int order = id_order(&a->id, &b->id);

    return order != 0 ? order : (a->row > b->row) - (a->row < b->row);
}

/* Sorts a column's texts, numbers them in that order and keeps one name of each; returns how many.
 */
static size_t number_column(struct table *table, enum column column)
{
    struct name *names = table->names[column];
    size_t n_names = 0;

    qsort(names, table->n_rows, sizeof(*names), name_order);
    for (size_t i = 0; i < table->n_rows; i++) {
        if (n_names == 0 || id_order(&names[n_names - 1].id, &names[i].id) != 0) {
            names[n_names++] = names[i];
        }
        table->number[column][names[i].row] = (uint32_t)n_names - 1;
    }
    return n_names;
}

/* What the rows say against each other. names[] hold the first row of every text. */
static void check_rows(const struct table *table, struct problems *problems)
{
    for (size_t row = 0; row < table->n_rows; row++) {
        const struct name *photo = &table->names[COLUMN_PHOTO][table->number[COLUMN_PHOTO][row]];
        const struct name *observation =
            &table->names[COLUMN_OBSERVATION][table->number[COLUMN_OBSERVATION][row]];
        if (photo->row != row) {
            problems_add(problems, table->line[row], 1, "photo '%.*s' stands in line %" PRIu64,
                         (int)photo->id.size, photo->id.text, table->line[photo->row]);
        }
        for (int column = COLUMN_TAXON; column <= COLUMN_OBSERVER; column++) {
            if (table->number[column][row] != table->number[column][observation->row]) {
                problems_add(problems, table->line[row], 1,
                             "observation '%.*s' has another %s in line %" PRIu64,
                             (int)observation->id.size, observation->id.text, column_names[column],
                             table->line[observation->row]);
            }
        }
    }
}

/* Puts the numbers into the order of the photos; every photo has one row. */
static bool columns_make(struct photos *photos, const struct table *table, size_t n_taxa,
                         struct arena *arena, struct err *err)
{
    size_t n_photos = table->n_rows;
    uint32_t *ordered[N_COLUMNS] = {NULL};
    struct photo_id *photo = arena_alloc(arena, n_photos, sizeof(*photo), err);
    struct photo_id *taxon = photo == NULL ? NULL : arena_alloc(arena, n_taxa, sizeof(*taxon), err);

    if (taxon == NULL) {
        return false;
    }
    for (int column = COLUMN_TAXON; column < N_COLUMNS; column++) {
        ordered[column] = arena_alloc(arena, n_photos, sizeof(uint32_t), err);
        if (ordered[column] == NULL) {
            return false;
        }
        for (size_t i = 0; i < n_photos; i++) {
            ordered[column][i] = table->number[column][table->names[COLUMN_PHOTO][i].row];
        }
    }
    for (size_t i = 0; i < n_photos; i++) {
        photo[i] = table->names[COLUMN_PHOTO][i].id;
    }
    for (size_t i = 0; i < n_taxa; i++) {
        taxon[i] = table->names[COLUMN_TAXON][i].id;
    }
    *photos = (struct photos){
        .columns = {.n_photos = n_photos,
                    .n_taxa = n_taxa,
                    .taxon = ordered[COLUMN_TAXON],
                    .observer = ordered[COLUMN_OBSERVER],
                    .observation = ordered[COLUMN_OBSERVATION]},
        .photo = photo,
        .taxon = taxon,
    };
    return true;
}

/* Rows that `text` can hold at most. */
static size_t count_lines(const char *text, size_t size)
{
    size_t n_lines = 1;

    for (size_t i = 0; i < size; i++) {
        n_lines += text[i] == '\n' || text[i] == '\r';
    }
    return n_lines;
}

static bool photos_parse(struct photos *photos, const char *text, size_t size,
                         struct problems *problems, struct arena *arena, struct err *err)
{
    struct problems between_rows = {0};
    struct table table;
    struct rows rows;

    if (!table_make(&table, count_lines(text, size), size, arena, err)) {
        return false;
    }
    size_t mark = rows_mark_size(text, size);
    rows_start(&rows, 1);
    rows_give(&rows, text + mark, size - mark, true);
    bool is_read = read_rows(&table, &rows, problems, err);
    rows_free(&rows);
    if (!is_read) {
        return false;
    }
    number_column(&table, COLUMN_PHOTO);
    number_column(&table, COLUMN_OBSERVER);
    number_column(&table, COLUMN_OBSERVATION);
    size_t n_taxa = number_column(&table, COLUMN_TAXON);
    check_rows(&table, &between_rows);
    problems_merge(problems, &between_rows);
    return problems->n_all > 0 || columns_make(photos, &table, n_taxa, arena, err);
}

bool photos_read(struct photos *photos, const char *path, struct problems *problems,
                 struct arena *arena, struct err *err)
{
    struct bytes text = {0};

    if (!file_read(&text, path, UINT32_MAX, err)) {
        return false;
    }
    bool ok = photos_parse(photos, (const char *)text.data, text.size_bytes, problems, arena, err);
    bytes_free(&text);
    if (ok && problems->n_all > 0) {
        const struct problem *first = &problems->kept[0];
        ok = err_set_at(err, ERR_INPUT, first->line, first->column,
                        "%s:%" PRIu64 ":%" PRIu32 ": %s, and %" PRIu64 " more problems", path,
                        first->line, first->column, first->text, problems->n_all - 1);
    }
    return ok;
}
