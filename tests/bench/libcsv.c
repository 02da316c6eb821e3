/* SPDX-License-Identifier: MIT */
/*
 * Reading by libcsv. See the header.
 */
#include "tests/bench/libcsv.h"

#include <string.h>

#include <csv.h>

#include "scorer/data/number.h"

enum { CHUNK_BYTES = 256 << 10, BOX_FIELDS = 7, TOPK_FIELDS = 2 };

struct reading {
    const struct catalog *catalog;
    enum submission_format format;
    size_t n_rows; /* with the header */
    size_t field;
    size_t rows_max;
    uint32_t *image;
    uint16_t *category;            /* topk: 5 a row */
    double (*numbers)[BOX_FIELDS]; /* score, x, y, width, height */
    bool is_wrong;
};

static void take_class(struct reading *reading, size_t place, const char *text, size_t size)
{
    int64_t id = -1;

    if (number_int64(&id, text, size) != NUMBER_OK) {
        reading->is_wrong = true;
    }
    uint32_t category = catalog_find_class(reading->catalog, id);
    reading->is_wrong = reading->is_wrong || category == CATALOG_NONE;
    reading->category[place] = (uint16_t)category;
}

/* The class ids of a row of topk. */
static void take_ranks(struct reading *reading, size_t row, const char *text, size_t size)
{
    const char *end = text + size;

    for (size_t rank = 0; rank < 5; rank++) {
        const char *space = memchr(text, ' ', (size_t)(end - text));
        const char *stop = space == NULL ? end : space;
        take_class(reading, 5 * row + rank, text, (size_t)(stop - text));
        text = space == NULL ? end : space + 1;
    }
}

static void on_field(void *text, size_t size, void *context)
{
    struct reading *reading = context;
    size_t row = reading->n_rows - 1;
    size_t field = reading->field++;

    if (reading->n_rows == 0 || row >= reading->rows_max) {
        return; /* the header */
    }
    if (field == 0) {
        reading->image[row] = catalog_find_image(reading->catalog, text, size);
        reading->is_wrong = reading->is_wrong || reading->image[row] == CATALOG_NONE;
    } else if (reading->format == FORMAT_TOPK) {
        take_ranks(reading, row, text, size);
    } else if (field == 1) {
        take_class(reading, row, text, size);
    } else if (field < BOX_FIELDS &&
               number_double(&reading->numbers[row][field - 2], text, size) != NUMBER_OK) {
        reading->is_wrong = true;
    }
}

static void on_row(int line_end, void *context)
{
    struct reading *reading = context;

    (void)line_end;
    reading->n_rows++;
    reading->field = 0;
}

static bool reading_open(struct reading *reading, const char *data, size_t size,
                         struct arena *arena, struct err *err)
{
    size_t n_lines = 1;

    for (size_t i = 0; i < size; i++) {
        n_lines += data[i] == '\n';
    }
    reading->rows_max = n_lines;
    reading->image = arena_alloc(arena, n_lines, sizeof(*reading->image), err);
    reading->category = arena_alloc(arena, 5 * n_lines, sizeof(*reading->category), err);
    reading->numbers = arena_alloc(arena, n_lines, sizeof(*reading->numbers), err);
    return reading->image != NULL && reading->category != NULL && reading->numbers != NULL;
}

bool libcsv_read(size_t *n_rows, const char *data, size_t size, enum submission_format format,
                 const struct catalog *catalog, struct arena *arena, struct err *err)
{
    struct reading reading = {.catalog = catalog, .format = format};
    struct csv_parser parser;
    size_t at = 0;

    if (!reading_open(&reading, data, size, arena, err)) {
        return false;
    }
    if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) != 0) {
        return err_set(err, ERR_SYSTEM, "libcsv does not start");
    }
    while (at < size) {
        size_t part = size - at < CHUNK_BYTES ? size - at : CHUNK_BYTES;
        if (csv_parse(&parser, data + at, part, on_field, on_row, &reading) != part) {
            break;
        }
        at += part;
    }
    bool is_whole = at == size && csv_fini(&parser, on_field, on_row, &reading) == 0;
    csv_free(&parser);
    *n_rows = reading.n_rows;
    if (!is_whole || reading.is_wrong) {
        return err_set(err, ERR_INPUT, "libcsv: the submission is not valid");
    }
    return true;
}
