/* SPDX-License-Identifier: MIT */
/*
 * The format boxes: one row a box, image_id,category_id,score,x,y,width,height.
 */
#include "scorer/data/box_stage.h"
#include "scorer/data/number.h"

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

const struct format boxes_format = {
    .n_columns = N_COLUMNS,
    .parts_a_lane = 8,
    .take_row = take_row,
    .finish = box_stage_finish,
};
