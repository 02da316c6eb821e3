/* SPDX-License-Identifier: MIT */
/*
 * Reading an image list. See the header.
 */
#include "scorer/data/image_list.h"

#include <string.h>

#include "scorer/data/number.h"
#include "scorer/data/plain_fields.h"
#include "scorer/data/plain_file.h"
#include "scorer/data/solution.h"

enum column { COLUMN_ID, COLUMN_USAGE, COLUMN_WIDTH, COLUMN_HEIGHT, N_COLUMNS };

static const struct table_column columns[N_COLUMNS] = {
    [COLUMN_ID] = {"image_id", "id", false},
    [COLUMN_USAGE] = {"usage", NULL, true},
    [COLUMN_WIDTH] = {"width", NULL, true},
    [COLUMN_HEIGHT] = {"height", NULL, true},
};

/* Reads the pixels of an image from its two columns; false where one is wrong. */
static bool read_size(uint32_t size[static 2], struct table *table)
{
    char excerpt[EXCERPT_SIZE];

    for (size_t i = 0; i < 2; i++) {
        const struct row_field *field = table_field(table, COLUMN_WIDTH + i);
        int64_t pixels;
        if (number_int64(&pixels, field->text, field->size) != NUMBER_OK || pixels < 1 ||
            pixels > UINT32_MAX) {
            table_problem(table, field, "%s '%s' is no count of pixels",
                          columns[COLUMN_WIDTH + i].name,
                          input_excerpt(excerpt, field->text, field->size));
            return false;
        }
        size[i] = (uint32_t)pixels;
    }
    return true;
}

/* Reads one row behind the others; false where it is wrong or memory is out (err is filled). */
static bool read_image(struct image_list *list, struct table *table, const struct loading *loading,
                       struct err *err)
{
    const struct row_field *id = table_field(table, COLUMN_ID);
    const struct row_field *usage = table_field(table, COLUMN_USAGE);
    size_t n = list->n;

    if (id->size == 0 || id->size > CATALOG_ID_BYTES_MAX) {
        table_problem(table, id, "image id has %zu bytes, 1 to %d are allowed", id->size,
                      CATALOG_ID_BYTES_MAX);
        return false;
    }
    list->split[n] = SPLIT_PUBLIC;
    if (usage != NULL && !solution_usage(&list->split[n], usage)) {
        table_problem(table, usage, "usage is none of Public, Private, Ignored");
        return false;
    }
    if (list->size != NULL && !read_size(list->size[n], table)) {
        return false;
    }
    return table_keep(&list->id[n], table, COLUMN_ID, loading->scratch, err);
}

static bool read_images(struct image_list *list, struct table *table, const struct loading *loading,
                        struct err *err)
{
    size_t n_max = table_rows_max(table);

    *list = (struct image_list){
        .id = arena_alloc(loading->scratch, n_max, sizeof(*list->id), err),
        .split = arena_alloc(loading->scratch, n_max, sizeof(*list->split), err),
    };
    if (list->id == NULL || list->split == NULL) {
        return false;
    }
    if (table_field(table, COLUMN_WIDTH) != NULL && table_field(table, COLUMN_HEIGHT) != NULL) {
        list->size = arena_alloc(loading->scratch, n_max, sizeof(*list->size), err);
        if (list->size == NULL) {
            return false;
        }
    }
    while (table_row(table, err)) {
        list->n += read_image(list, table, loading, err);
        if (err->code != ERR_NONE) {
            return false;
        }
    }
    return err->code == ERR_NONE;
}

/* plain_file's callback for the header image_id,width,height */
static const char *take_images(void *data, const char *at, const char *end)
{
    struct image_list *list = data;

    while (at < end) {
        const char *next = at;
        uint32_t number;
        uint32_t *size = list->size[list->n];
        if ((next = plain_number_id(&number, next, ',')) == NULL ||
            (next = plain_digits(&size[0], next, ',')) == NULL ||
            (next = plain_digits(&size[1], next, '\n')) == NULL || next > end || size[0] == 0 ||
            size[1] == 0) {
            break;
        }
        list->split[list->n] = SPLIT_PUBLIC;
        list->number[list->n++] = number;
        at = next;
    }
    return at;
}

/* plain_file's callback for the headers image_id,usage and id,usage */
static const char *take_usages(void *data, const char *at, const char *end)
{
    struct image_list *list = data;

    while (at < end) {
        const char *next = at;
        uint32_t number;
        if ((next = plain_number_id(&number, next, ',')) == NULL ||
            (next = solution_plain_usage(&list->split[list->n], next)) == NULL ||
            (next = plain_line_end(next)) == NULL || next > end) {
            break;
        }
        list->number[list->n++] = number;
        at = next;
    }
    return at;
}

/* Reads a plain list of numbers that are close together; false for others. */
static bool read_plain(struct image_list *list, const char *path, struct arena *scratch)
{
    enum { ROW_BYTES_MIN = 6 }; /* 1,1,1 and a line end */
    struct plain_file files[] = {
        {.path = path, .header = "image_id,width,height", .take = take_images, .data = list},
        {.path = path, .header = "image_id,usage", .take = take_usages, .data = list},
        {.path = path, .header = "id,usage", .take = take_usages, .data = list},
    };
    size_t n_max = (size_t)(plain_file_size(path) / ROW_BYTES_MIN) + 1;
    bool is_read = false;
    struct err err;

    *list = (struct image_list){
        .number = arena_alloc(scratch, n_max, sizeof(*list->number), &err),
        .split = arena_alloc(scratch, n_max, sizeof(*list->split), &err),
    };
    uint32_t(*size)[2] = arena_alloc(scratch, n_max, sizeof(*size), &err);
    for (size_t i = 0; i < ARRAY_SIZE(files) && !is_read; i++) {
        list->n = 0;
        list->size = files[i].take == take_images ? size : NULL;
        is_read = list->number != NULL && list->split != NULL && size != NULL &&
                  plain_file_read(&files[i], scratch);
    }
    uint64_t min = UINT64_MAX;
    uint64_t max = 0;
    for (size_t i = 0; i < list->n; i++) {
        min = list->number[i] < min ? list->number[i] : min;
        max = list->number[i] > max ? list->number[i] : max;
    }
    return is_read && catalog_are_close(min, max, list->n);
}

bool image_list_load(struct image_list *list, const char *path, const struct loading *loading,
                     struct err *err)
{
    struct table_source source = {.columns = columns, .n_columns = N_COLUMNS};
    uint64_t n_problems = loading->problems->n_all;
    struct table table;

    if (read_plain(list, path, loading->scratch)) {
        return true;
    }
    bool ok = table_load(&table, path, &source, loading->problems, loading->scratch, err) &&
              read_images(list, &table, loading, err);
    if (ok && loading->problems->n_all > n_problems) {
        ok = err_set(err, ERR_INPUT, "%s is wrong", path);
    }
    table_close(&table);
    return ok;
}

bool image_list_catalog(struct catalog *catalog, const uint8_t **split,
                        const struct image_list *list, const struct class_info *classes,
                        const struct loading *loading, struct err *err)
{
    enum { UNSET = UINT8_MAX };
    struct catalog_source source = {.n_ids = list->n,
                                    .ids = list->id,
                                    .numbers = list->number,
                                    .sizes = (const void *)list->size,
                                    .n_classes = classes->n_classes,
                                    .class_ids = classes->id,
                                    .class_names = classes->name};
    uint32_t *image_of = list->number; /* which are not needed any more */
    char excerpt[EXCERPT_SIZE];
    char id[CATALOG_ID_BYTES_MAX];

    if (image_of == NULL) {
        image_of = arena_alloc(loading->scratch, list->n, sizeof(*image_of), err);
    }
    if (image_of == NULL || !catalog_make(catalog, image_of, &source, loading->arena, err)) {
        return false;
    }
    uint8_t *placed = arena_alloc(loading->arena, catalog->n_images, 1, err);
    if (placed == NULL) {
        return false;
    }
    memset(placed, UNSET, catalog->n_images);
    for (size_t i = 0; i < list->n; i++) {
        uint8_t *at = &placed[image_of[i]];
        if (*at != UNSET && *at != list->split[i]) {
            size_t size = catalog_image_id(id, catalog, image_of[i]);
            problems_add(loading->problems, 0, 0, "image list: id '%s' has two usages",
                         input_excerpt(excerpt, id, size));
            return err_set(err, ERR_INPUT, "the image list is wrong");
        }
        *at = list->split[i];
    }
    *split = placed;
    return true;
}
