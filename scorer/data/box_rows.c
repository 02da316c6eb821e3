/* SPDX-License-Identifier: MIT */
/*
 * The format boxes: one row a box, image_id,category_id,score,x,y,width,height.
 */
#include "scorer/data/box_stage.h"
#include "scorer/data/number.h"
#include "scorer/data/plain_fields.h"

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

static bool take_row(struct reading *reading, struct part *part, struct table *table,
                     struct err *err)
{
    double numbers[N_NUMBERS] = {0};
    struct staged_box staged;

    bool ok = reading_find_image(&staged.image, reading, part, table, COLUMN_IMAGE, err);
    ok = read_class(&staged.class_index, reading->source->catalog, table) && ok;
    for (size_t i = 0; i < N_NUMBERS; i++) {
        ok = read_number(&numbers[i], table, COLUMN_SCORE + i) && ok;
    }
    if (!ok || reading->source->catalog->is_open_images) {
        return err->code == ERR_NONE;
    }
    struct box_block *block = box_stage_room(reading, part, 1, err);
    if (block == NULL) {
        return false;
    }
    staged.score = numbers[0];
    staged.box = (struct box){numbers[1], numbers[2], numbers[3], numbers[4]};
    box_stage_put(block, &staged);
    return true;
}

/* A plain row; NULL where it is not. */
static const char *plain_row(struct staged_box *staged, const struct catalog *catalog,
                             const char *at, const char *end)
{
    struct box *box = &staged->box;

    if ((at = plain_image(&staged->image, catalog, at, end)) == NULL ||
        (at = plain_class(&staged->class_index, catalog, at, ',')) == NULL ||
        (at = plain_number(&staged->score, at, ',')) == NULL ||
        (at = plain_number(&box->x, at, ',')) == NULL ||
        (at = plain_number(&box->y, at, ',')) == NULL ||
        (at = plain_number(&box->width, at, ',')) == NULL ||
        (at = plain_number(&box->height, at, '\n')) == NULL || box->width < 0 || box->height < 0) {
        return NULL;
    }
    return at;
}

static const char *take_plain(struct reading *reading, struct part *part, struct rows *rows)
{
    const struct catalog *catalog = reading->source->catalog;
    const char *at = rows->at;
    struct staged_box staged;
    struct err err;

    while (at < rows->end) {
        struct box_block *block = box_stage_room(reading, part, 1, &err);
        const char *next = block == NULL ? NULL : plain_row(&staged, catalog, at, rows->end);
        if (next == NULL || next > rows->end) {
            break;
        }
        box_stage_put(block, &staged);
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
