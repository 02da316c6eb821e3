/* SPDX-License-Identifier: MIT */
/*
 * The format boxes: one row a box, image_id,category_id,score,x,y,width,height.
 */
#include "scorer/data/box_stage.h"
#include "scorer/data/number.h"
#include "scorer/data/plain_fields.h"
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
    if (!ok || reading->source->catalog->is_open_images) {
        return err->code == ERR_NONE;
    }
    return put_row(reading, part, table, class_index, &wide, err);
}

/* The first fields of a plain row; NULL where it is not. */
static const char *plain_start(uint32_t *image, uint16_t *class_index,
                               const struct catalog *catalog, const char *at, const char *end)
{
    at = plain_image(image, catalog, at, end);
    return at == NULL ? NULL : plain_class(class_index, catalog, at, ',');
}

/* The numbers of a plain row, packed. */
static const char *plain_packed_box(struct packed_box *box, const char *at)
{
    if ((at = plain_packed(&box->score, at, ',')) == NULL ||
        (at = plain_packed(&box->x, at, ',')) == NULL ||
        (at = plain_packed(&box->y, at, ',')) == NULL ||
        (at = plain_packed(&box->width, at, ',')) == NULL ||
        (at = plain_packed(&box->height, at, '\n')) == NULL || packed_is_negative(box->width) ||
        packed_is_negative(box->height)) {
        return NULL;
    }
    return at;
}

static const char *plain_wide_box(struct wide_box *wide, const char *at)
{
    struct box *box = &wide->box;

    if ((at = plain_number(&wide->score, at, ',')) == NULL ||
        (at = plain_number(&box->x, at, ',')) == NULL ||
        (at = plain_number(&box->y, at, ',')) == NULL ||
        (at = plain_number(&box->width, at, ',')) == NULL ||
        (at = plain_number(&box->height, at, '\n')) == NULL || box->width < 0 || box->height < 0) {
        return NULL;
    }
    return at;
}

/* Takes one plain row; NULL where it is not, or where there is no memory. */
static const char *take_plain_row(struct reading *reading, struct part *part, const char *at,
                                  const char *end, struct err *err)
{
    const struct catalog *catalog = reading->source->catalog;
    struct packed_box packed;
    struct wide_box wide;
    uint16_t class_index;
    const char *next;

    at = plain_start(&packed.image, &class_index, catalog, at, end);
    if (at == NULL) {
        return NULL;
    }
    if (!part->is_wide && (next = plain_packed_box(&packed, at)) != NULL) {
        return next <= end && box_stage_put(reading, part, class_index, &packed, err) ? next : NULL;
    }
    wide.image = packed.image;
    next = plain_wide_box(&wide, at);
    return next != NULL && next <= end && box_stage_put_wide(reading, part, class_index, &wide, err)
               ? next
               : NULL;
}

static const char *take_plain(struct reading *reading, struct part *part, struct rows *rows)
{
    const char *at = rows->at;
    const char *next;
    struct err err;

    if (!box_stage_ready(reading, part, &err)) { /* the general way runs into it again */
        return at;
    }
    while (at < rows->end && (next = take_plain_row(reading, part, at, rows->end, &err)) != NULL) {
        rows->line++;
        at = next;
    }
    return at;
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
