/* SPDX-License-Identifier: MIT */
/*
 * Reading an image list. See the header.
 */
#include "scorer/data/image_list.h"

#include <string.h>

#include "scorer/data/solution.h"

enum column { COLUMN_ID, COLUMN_USAGE, N_COLUMNS };

static const struct table_column columns[N_COLUMNS] = {
    [COLUMN_ID] = {"image_id", "id", false},
    [COLUMN_USAGE] = {"usage", NULL, true},
};

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
    while (table_row(table, err)) {
        list->n += read_image(list, table, loading, err);
        if (err->code != ERR_NONE) {
            return false;
        }
    }
    return err->code == ERR_NONE;
}

bool image_list_load(struct image_list *list, const char *path, const struct loading *loading,
                     struct err *err)
{
    struct table_source source = {.columns = columns, .n_columns = N_COLUMNS};
    uint64_t n_problems = loading->problems->n_all;
    struct table table;

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
                                    .n_classes = classes->n_classes,
                                    .class_ids = classes->id};
    uint32_t *image_of = arena_alloc(loading->scratch, list->n, sizeof(*image_of), err);
    char excerpt[EXCERPT_SIZE];

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
            problems_add(loading->problems, 0, 0, "image list: id '%s' has two usages",
                         input_excerpt(excerpt, list->id[i].text, list->id[i].size));
            return err_set(err, ERR_INPUT, "the image list is wrong");
        }
        *at = list->split[i];
    }
    *split = placed;
    return true;
}
