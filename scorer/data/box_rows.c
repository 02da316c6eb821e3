/* SPDX-License-Identifier: MIT */
/*
 * The format boxes: one row a box, image_id,category_id,score,x,y,width,height.
 */
#include "scorer/data/box_plain.h"
#include "scorer/data/box_stage.h"
#include "scorer/data/number.h"
#include "scorer/metric/packed.h"

enum column {
    COLUMN_IMAGE,
    COLUMN_CLASS,
    COLUMN_SCORE,
    COLUMN_X,
    COLUMN_Y,
    COLUMN_WIDTH,
    COLUMN_HEIGHT,
    N_COLUMNS,
};

enum { N_NUMBERS = N_COLUMNS - COLUMN_SCORE };

/* Rows read before they are added, and how far ahead their places are asked for. */
enum { BATCH = 64, PREFETCH = 8 };

static bool read_class(uint16_t *class_index, const struct catalog *catalog, struct table *table)
{
    const struct row_field *field = table_field(table, COLUMN_CLASS);
    enum number_status status;
    char excerpt[EXCERPT_SIZE];
    int64_t id;

    status = number_int64(&id, field->text, field->size);
    if (status != NUMBER_OK) {
        table_problem(table, field, "'%s' is no class id (a whole number)",
                      input_excerpt(excerpt, field->text, field->size));
        return false;
    }
    uint32_t found = catalog_find_class(catalog, id);
    if (found == CATALOG_NONE) {
        table_problem(table, field, "class '%s' is not in the list of classes",
                      input_excerpt(excerpt, field->text, field->size));
        return false;
    }
    *class_index = (uint16_t)found;
    return true;
}

static bool read_number(double *value, struct table *table, size_t column)
{
    const struct row_field *field = table_field(table, column);
    enum number_status status = number_double(value, field->text, field->size);
    char excerpt[EXCERPT_SIZE];

    if (status == NUMBER_OK && (*value >= 0 || column < COLUMN_WIDTH)) {
        return true;
    }
    table_problem(table, field, "%s '%s' %s", table->source.columns[column].name,
                  input_excerpt(excerpt, field->text, field->size),
                  status == NUMBER_BAD     ? "is no number"
                  : status == NUMBER_RANGE ? "is too large for a number"
                                           : "is negative");
    return false;
}

/* Adds the box of a row that is right: packed where its numbers can be. */
static bool put_row(struct reading *reading, struct part *part, const struct table *table,
                    uint16_t class_index, const struct wide_box *wide, struct err *err)
{
    struct packed_box packed = {.image = wide->image};
    uint32_t *const numbers[N_NUMBERS] = {&packed.score, &packed.x, &packed.y, &packed.width,
                                          &packed.height};
    bool is_packed = true;

    for (size_t i = 0; i < N_NUMBERS && is_packed; i++) {
        const struct row_field *field = table_field(table, COLUMN_SCORE + i);
        is_packed = number_packed(numbers[i], field->text, field->size);
    }
    return box_stage_ready(reading, part, err) &&
           (is_packed ? box_stage_put(reading, part, class_index, &packed, err)
                      : box_stage_put_wide(reading, part, class_index, wide, err));
}

static bool take_row(struct reading *reading, struct part *part, struct table *table,
                     struct err *err)
{
    struct wide_box wide = {0};
    double *const numbers[N_NUMBERS] = {&wide.score, &wide.box.x, &wide.box.y, &wide.box.width,
                                        &wide.box.height};
    uint16_t class_index = 0;

    bool ok = reading_find_image(&wide.image, reading, part, table, COLUMN_IMAGE, err);
    ok = read_class(&class_index, reading->source->catalog, table) && ok;
    for (size_t i = 0; i < N_NUMBERS; i++) {
        ok = read_number(numbers[i], table, COLUMN_SCORE + i) && ok;
    }
    if (!ok || reading->source->catalog->is_open_images || class_index == CLASS_OTHER) {
        return err->code == ERR_NONE; /* what an open catalog does not list is never evaluated */
    }
    return put_row(reading, part, table, class_index, &wide, err);
}

/* Adds boxes that were read from rows->at on; false where there is no memory, rows then stands at
 * the first row that was not added. */
static bool put_plain(struct reading *reading, struct part *part, struct rows *rows,
                      const struct plain_box *boxes, size_t n)
{
    struct err ignored; /* the general way runs into it again */

    for (size_t i = 0; i < n; i++) {
        box_stage_prefetch(part, boxes[i + PREFETCH < n ? i + PREFETCH : i].class_index);
        if (!box_stage_put(reading, part, boxes[i].class_index, &boxes[i].box, &ignored)) {
            return false;
        }
        rows->at += boxes[i].row_bytes;
        rows->line++;
    }
    return true;
}

/* Takes a row that none of the readers takes; false where it is not plain, or there is no memory.
 */
static bool take_odd_row(struct reading *reading, struct part *part, struct rows *rows)
{
    const struct catalog *catalog = reading->source->catalog;
    struct plain_box box;
    struct wide_box wide;
    uint16_t class_index;
    struct err ignored;

    if (!part->is_wide && box_plain_portable(&box, 1, catalog, rows->at, rows->end) == 1) {
        return put_plain(reading, part, rows, &box, 1);
    }
    const char *next = box_plain_wide(&wide, &class_index, catalog, rows->at, rows->end);
    if (next == NULL || !box_stage_put_wide(reading, part, class_index, &wide, &ignored)) {
        return false;
    }
    rows->at = next;
    rows->line++;
    return true;
}

static const char *take_plain(struct reading *reading, struct part *part, struct rows *rows)
{
    const struct catalog *catalog = reading->source->catalog;
    struct plain_box boxes[BATCH];
    struct err ignored;

    if (!box_stage_ready(reading, part, &ignored)) {
        return rows->at;
    }
    while (rows->at < rows->end) {
        size_t n_max = part_batch(part, BATCH);
        size_t n = part->is_wide ? 0 : box_plain_read(boxes, n_max, catalog, rows->at, rows->end);
        part->n_taken = n + 1;
        if (!put_plain(reading, part, rows, boxes, n) ||
            (n < n_max && rows->at < rows->end && !take_odd_row(reading, part, rows))) {
            break;
        }
    }
    return rows->at;
}

/* Whether rows can be plain: the columns in their order, ids as they stand in the file. */
static bool has_plain(const struct reading *reading, const struct table *table)
{
    const struct catalog *catalog = reading->source->catalog;
    bool is_ordered = table->n_header_fields == N_COLUMNS;

    for (size_t i = 0; i < N_COLUMNS; i++) {
        is_ordered = is_ordered && table->place[i] == i;
    }
    return is_ordered && !catalog->is_open_images && catalog->is_plain &&
           catalog->class_slot != NULL && !catalog->is_open_classes;
}

const struct format boxes_format = {
    .n_columns = N_COLUMNS,
    .parts_a_lane = 8,
    .has_plain = has_plain,
    .take_plain = take_plain,
    .take_row = take_row,
    .finish = box_stage_finish,
};
