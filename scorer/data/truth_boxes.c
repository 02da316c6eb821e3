/* SPDX-License-Identifier: MIT */
/*
 * True boxes. See the header. No text of this file quotes a value of a box.
 */
#include "scorer/data/truth_boxes.h"

#include <string.h>

#include "scorer/data/number.h"
#include "scorer/data/plain_fields.h"
#include "scorer/data/plain_file.h"

enum column {
    COLUMN_IMAGE,
    COLUMN_CLASS,
    COLUMN_X,
    COLUMN_Y,
    COLUMN_WIDTH,
    COLUMN_HEIGHT,
    COLUMN_AREA,
    COLUMN_CROWD,
    N_COLUMNS,
};

static const struct table_column columns[N_COLUMNS] = {
    [COLUMN_IMAGE] = {"image_id", NULL, false},
    [COLUMN_CLASS] = {"category_id", NULL, false},
    [COLUMN_X] = {"x", NULL, false},
    [COLUMN_Y] = {"y", NULL, false},
    [COLUMN_WIDTH] = {"width", NULL, false},
    [COLUMN_HEIGHT] = {"height", NULL, false},
    [COLUMN_AREA] = {"area", NULL, true},
    [COLUMN_CROWD] = {"iscrowd", NULL, false},
};

/* The arrays of box_labels while they are filled. */
struct filling {
    size_t *class_start;
    uint32_t *image;
    struct box *box;
    double *area;
    uint8_t *is_crowd;
};

static bool filling_open(struct filling *filling, size_t n_rows, size_t n_classes,
                         struct arena *arena, struct err *err)
{
    *filling = (struct filling){
        .class_start = arena_alloc(arena, n_classes + 1, sizeof(size_t), err),
        .image = arena_alloc(arena, n_rows, sizeof(uint32_t), err),
        .box = arena_alloc(arena, n_rows, sizeof(struct box), err),
        .area = arena_alloc(arena, n_rows, sizeof(double), err),
        .is_crowd = arena_alloc(arena, n_rows, 1, err),
    };
    return filling->class_start != NULL && filling->image != NULL && filling->box != NULL &&
           filling->area != NULL && filling->is_crowd != NULL;
}

bool truth_boxes_make(struct box_labels *labels, const struct truth_list *list,
                      const struct catalog *catalog, const uint8_t *split,
                      const struct loading *loading, struct err *err)
{
    size_t n_classes = catalog->n_classes;
    size_t *next = arena_alloc(loading->scratch, n_classes + 1, sizeof(*next), err);
    struct filling filling;

    if (next == NULL || !filling_open(&filling, list->n, n_classes, loading->arena, err)) {
        return false;
    }
    for (size_t i = 0; i < list->n; i++) {
        filling.class_start[list->items[i].class_index + 1]++;
    }
    for (size_t c = 0; c < n_classes; c++) {
        filling.class_start[c + 1] += filling.class_start[c];
        next[c] = filling.class_start[c];
    }
    for (size_t i = 0; i < list->n; i++) {
        const struct truth_box *item = &list->items[i];
        size_t row = next[item->class_index]++;
        filling.image[row] = item->image;
        filling.box[row] = item->box;
        filling.area[row] = item->area;
        filling.is_crowd[row] = item->is_crowd;
    }
    *labels = (struct box_labels){.n_images = catalog->n_images,
                                  .n_classes = n_classes,
                                  .n_rows = list->n,
                                  .class_start = filling.class_start,
                                  .image = filling.image,
                                  .box = filling.box,
                                  .area = filling.area,
                                  .is_crowd = filling.is_crowd,
                                  .split = split};
    return true;
}

static bool read_ids(struct truth_box *item, struct table *table, const struct catalog *catalog)
{
    const struct row_field *image = table_field(table, COLUMN_IMAGE);
    const struct row_field *class_id = table_field(table, COLUMN_CLASS);
    char excerpt[EXCERPT_SIZE];
    int64_t id;
    uint32_t class_index = CATALOG_NONE;

    item->image = catalog_find_image(catalog, image->text, image->size);
    if (item->image == CATALOG_NONE) {
        table_problem(table, image, "image '%s' is not in the image list",
                      input_excerpt(excerpt, image->text, image->size));
    }
    if (number_int64(&id, class_id->text, class_id->size) == NUMBER_OK) {
        class_index = catalog_find_class(catalog, id);
    }
    if (class_index == CATALOG_NONE) {
        table_problem(table, class_id, "the class of this box is not in the categories");
    }
    item->class_index = (uint16_t)class_index;
    return item->image != CATALOG_NONE && class_index != CATALOG_NONE;
}

/* Reads one row; every wrong field becomes a problem. */
static bool read_box(struct truth_box *item, struct table *table, const struct catalog *catalog)
{
    static const struct {
        enum column column;
        bool may_be_negative;
    } numbers[] = {{COLUMN_X, true},
                   {COLUMN_Y, true},
                   {COLUMN_WIDTH, false},
                   {COLUMN_HEIGHT, false},
                   {COLUMN_AREA, false}};
    const struct row_field *crowd = table_field(table, COLUMN_CROWD);
    double values[ARRAY_SIZE(numbers)] = {0};
    bool ok = read_ids(item, table, catalog);

    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        const struct row_field *field = table_field(table, numbers[i].column);
        if (numbers[i].column == COLUMN_AREA && (field == NULL || field->size == 0)) {
            values[i] = AREA_WITHOUT_MASK * values[2] * values[3];
        } else if (number_double(&values[i], field->text, field->size) != NUMBER_OK ||
                   (values[i] < 0 && !numbers[i].may_be_negative)) {
            table_problem(table, field, "%s is no number%s", columns[numbers[i].column].name,
                          numbers[i].may_be_negative ? "" : " from 0");
            ok = false;
        }
    }
    item->box = (struct box){values[0], values[1], values[2], values[3]};
    item->area = values[4];
    item->is_crowd = crowd->size == 1 && crowd->text[0] == '1';
    if (crowd->size != 1 || (crowd->text[0] != '0' && crowd->text[0] != '1')) {
        table_problem(table, crowd, "iscrowd is neither 0 nor 1");
        ok = false;
    }
    return ok;
}

struct plain_truth {
    struct truth_list *list;
    const struct catalog *catalog;
};

/* One plain row; NULL where it is none. */
static const char *plain_box(struct truth_box *item, const struct catalog *catalog, const char *at,
                             const char *end)
{
    struct box *box = &item->box;

    if ((at = plain_image(&item->image, catalog, at, end)) == NULL ||
        (at = plain_class(&item->class_index, catalog, at, ',')) == NULL ||
        (at = plain_number(&box->x, at, ',')) == NULL ||
        (at = plain_number(&box->y, at, ',')) == NULL ||
        (at = plain_number(&box->width, at, ',')) == NULL ||
        (at = plain_number(&box->height, at, ',')) == NULL ||
        (at = plain_number(&item->area, at, ',')) == NULL || (*at != '0' && *at != '1') ||
        box->width < 0 || box->height < 0 || item->area < 0) {
        return NULL;
    }
    item->is_crowd = *at == '1';
    return plain_line_end(at + 1);
}

/* plain_file's callback */
static const char *take_boxes(void *data, const char *at, const char *end)
{
    const struct plain_truth *plain = data;
    struct truth_list *list = plain->list;

    while (at < end) {
        const char *next = plain_box(&list->items[list->n], plain->catalog, at, end);
        if (next == NULL || next > end) {
            break;
        }
        list->n++;
        at = next;
    }
    return at;
}

/* Reads a plain file; false for others. */
static bool read_plain(struct truth_list *list, const char *path, const struct catalog *catalog,
                       struct arena *scratch)
{
    enum { ROW_BYTES_MIN = 16 }; /* 1,1,0,0,0,0,0,0 and a line end */
    struct plain_truth plain = {.list = list, .catalog = catalog};
    struct plain_file file = {
        .path = path,
        .header = "image_id,category_id,x,y,width,height,area,iscrowd",
        .take = take_boxes,
        .data = &plain,
    };
    size_t n_max = (size_t)(plain_file_size(path) / ROW_BYTES_MIN) + 1;
    struct err err;

    if (!catalog->is_plain || catalog->class_slot == NULL) {
        return false;
    }
    list->items = arena_alloc(scratch, n_max, sizeof(*list->items), &err);
    return list->items != NULL && plain_file_read(&file, scratch);
}

bool truth_boxes_load(struct truth_list *list, const char *path, const struct catalog *catalog,
                      const struct loading *loading, struct err *err)
{
    struct table_source source = {.columns = columns, .n_columns = N_COLUMNS};
    uint64_t n_problems = loading->problems->n_all;
    struct table table;
    bool ok = false;

    *list = (struct truth_list){0};
    if (read_plain(list, path, catalog, loading->scratch)) {
        return true;
    }
    *list = (struct truth_list){0};
    if (!table_load(&table, path, &source, loading->problems, loading->scratch, err)) {
        goto out;
    }
    list->items = arena_alloc(loading->scratch, table_rows_max(&table), sizeof(*list->items), err);
    if (list->items == NULL) {
        goto out;
    }
    while (table_row(&table, err)) {
        list->n += read_box(&list->items[list->n], &table, catalog);
    }
    ok = err->code == ERR_NONE;
    if (ok && loading->problems->n_all > n_problems) {
        ok = err_set(err, ERR_INPUT, "%s is wrong", path);
    }
out:
    table_close(&table);
    return ok;
}
