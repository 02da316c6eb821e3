/* SPDX-License-Identifier: MIT */
/*
 * Classes and their super-categories. See the header.
 */
#include "scorer/data/categories.h"

#include <stdlib.h>
#include <string.h>

#include "scorer/data/number.h"

enum column { COLUMN_ID, COLUMN_NAME, COLUMN_GROUP, COLUMN_TRAIN_IMAGES, N_COLUMNS };

static const struct table_column columns[N_COLUMNS] = {
    [COLUMN_ID] = {"category_id", "class", false},
    [COLUMN_NAME] = {"name", NULL, true},
    [COLUMN_GROUP] = {"supercategory", "supercategory_id", true},
    [COLUMN_TRAIN_IMAGES] = {"train_images", NULL, true},
};

/* Classes in a row that are of one group; its name is on its way to its number. */
struct named {
    struct id_text name;
    size_t first;
    size_t n;
};

static int compare_texts(const struct id_text *a, const struct id_text *b)
{
    int order = memcmp(a->text, b->text, a->size < b->size ? a->size : b->size);

    return order != 0 ? order : (a->size > b->size) - (a->size < b->size);
}

static int compare_names(const void *a, const void *b)
{
    return compare_texts(&((const struct named *)a)->name, &((const struct named *)b)->name);
}

static int compare_ids(const void *a, const void *b)
{
    const struct category *left = a;
    const struct category *right = b;

    if (left->id != right->id) {
        return left->id < right->id ? -1 : 1;
    }
    return (left->at.line > right->at.line) - (left->at.line < right->at.line);
}

/* Most files list their classes in order. */
static bool is_sorted(const struct category_list *list)
{
    size_t i = 1;

    while (i < list->n && list->items[i - 1].id < list->items[i].id) {
        i++;
    }
    return i >= list->n;
}

/* Sorts by id and drops what repeats. */
static bool sort_list(struct category_list *list, const struct loading *loading, struct err *err)
{
    size_t n = 0;

    if (!is_sorted(list)) {
        qsort(list->items, list->n, sizeof(*list->items), compare_ids);
    }
    for (size_t i = 0; i < list->n; i++) {
        const struct category *item = &list->items[i];
        const struct category *last = n == 0 ? NULL : &list->items[n - 1];
        if (last == NULL || last->id != item->id) {
            list->items[n++] = *item;
        } else if (last->train_images != item->train_images ||
                   (list->has_groups && compare_texts(&last->group, &item->group) != 0)) {
            problems_add(loading->problems, item->at.line, item->at.column,
                         "%s: class repeats with another super-category or count", list->file);
            return err_set(err, ERR_INPUT, "%s has a class twice", list->file);
        }
    }
    list->n = n;
    if (n > CLASSES_MAX) {
        return err_set(err, ERR_LIMIT, "%s has %zu classes, limit is %d", list->file, n,
                       CLASSES_MAX);
    }
    return true;
}

/* Fills the runs of classes of one group, of which there are far fewer than classes. */
static size_t find_runs(struct named *runs, const struct category_list *list)
{
    size_t n_runs = 0;

    for (size_t i = 0; i < list->n; i++) {
        const struct id_text *name = &list->items[i].group;
        if (n_runs == 0 || compare_texts(&runs[n_runs - 1].name, name) != 0) {
            runs[n_runs++] = (struct named){.name = *name, .first = i};
        }
        runs[n_runs - 1].n++;
    }
    return n_runs;
}

static bool make_groups(struct class_info *info, const struct category_list *list,
                        const struct loading *loading, struct err *err)
{
    struct named *named = arena_alloc(loading->scratch, list->n, sizeof(*named), err);
    uint16_t *group = arena_alloc(loading->arena, list->n, sizeof(*group), err);
    char **names = arena_alloc(loading->arena, list->n, sizeof(*names), err);
    size_t n_groups = 0;

    if (named == NULL || group == NULL || names == NULL) {
        return false;
    }
    size_t n_runs = find_runs(named, list);
    qsort(named, n_runs, sizeof(*named), compare_names);
    for (size_t i = 0; i < n_runs; i++) {
        if (i == 0 || compare_names(&named[i - 1], &named[i]) != 0) {
            char *name = arena_alloc(loading->arena, named[i].name.size + 1, 1, err);
            if (name == NULL) {
                return false;
            }
            memcpy(name, named[i].name.text, named[i].name.size);
            names[n_groups++] = name;
        }
        for (size_t j = 0; j < named[i].n; j++) {
            group[named[i].first + j] = (uint16_t)(n_groups - 1);
        }
    }
    info->n_groups = n_groups;
    info->group_name = (const char *const *)names;
    info->group = group;
    return true;
}

/* Copies the names of all classes behind each other. */
static bool make_names(struct class_info *info, const struct category_list *list,
                       const struct loading *loading, struct err *err)
{
    const char **names = arena_alloc(loading->arena, list->n, sizeof(*names), err);
    size_t n_bytes = 0;

    for (size_t i = 0; i < list->n; i++) {
        n_bytes += list->items[i].name.size + 1;
    }
    char *texts = arena_alloc(loading->arena, n_bytes, 1, err);
    if (names == NULL || texts == NULL) {
        return false;
    }
    for (size_t i = 0; i < list->n; i++) {
        const struct id_text *name = &list->items[i].name;
        names[i] = texts;
        if (name->size > 0) {
            memcpy(texts, name->text, name->size);
        }
        texts += name->size + 1; /* the arena's bytes are zero */
    }
    info->name = names;
    return true;
}

bool categories_make(struct class_info *info, struct category_list *list,
                     const struct loading *loading, struct err *err)
{
    if (!sort_list(list, loading, err)) {
        return false;
    }
    int64_t *ids = arena_alloc(loading->arena, list->n, sizeof(*ids), err);
    int64_t *train_images = arena_alloc(loading->arena, list->n, sizeof(*train_images), err);
    if (ids == NULL || train_images == NULL) {
        return false;
    }
    for (size_t i = 0; i < list->n; i++) {
        ids[i] = list->items[i].id;
        train_images[i] = list->items[i].train_images;
    }
    *info = (struct class_info){.n_classes = list->n,
                                .id = ids,
                                .train_images = list->has_train_images ? train_images : NULL};
    return (!list->has_names || list->n == 0 || make_names(info, list, loading, err)) &&
           (!list->has_groups || list->n == 0 || make_groups(info, list, loading, err));
}

/* Reads the fields of one row; false where one is wrong (a problem was added) or memory is out. */
static bool read_category(struct category *category, struct table *table,
                          const struct loading *loading, struct err *err)
{
    const struct row_field *id = table_field(table, COLUMN_ID);
    const struct row_field *group = table_field(table, COLUMN_GROUP);
    const struct row_field *train_images = table_field(table, COLUMN_TRAIN_IMAGES);
    char excerpt[EXCERPT_SIZE];

    *category = (struct category){.train_images = -1, .at = *id};
    if (number_int64(&category->id, id->text, id->size) != NUMBER_OK) {
        table_problem(table, id, "'%s' is no class id (a whole number)",
                      input_excerpt(excerpt, id->text, id->size));
        return false;
    }
    if (group != NULL && (group->size == 0 || memchr(group->text, '\0', group->size) != NULL)) {
        table_problem(table, group, "super-category is empty");
        return false;
    }
    if (train_images != NULL && train_images->size > 0 &&
        (number_int64(&category->train_images, train_images->text, train_images->size) !=
             NUMBER_OK ||
         category->train_images < 0)) {
        table_problem(table, train_images, "'%s' is no count of images",
                      input_excerpt(excerpt, train_images->text, train_images->size));
        return false;
    }
    return (table_field(table, COLUMN_NAME) == NULL ||
            table_keep(&category->name, table, COLUMN_NAME, loading->scratch, err)) &&
           (group == NULL ||
            table_keep(&category->group, table, COLUMN_GROUP, loading->scratch, err));
}

bool categories_load(struct class_info *info, const char *path, const struct loading *loading,
                     struct err *err)
{
    struct table_source source = {.columns = columns, .n_columns = N_COLUMNS};
    uint64_t n_problems = loading->problems->n_all;
    struct table table;
    bool ok = false;

    if (!table_load(&table, path, &source, loading->problems, loading->scratch, err)) {
        goto out;
    }
    struct category_list list = {
        .file = table.source.file,
        .has_names = table_field(&table, COLUMN_NAME) != NULL,
        .has_groups = table_field(&table, COLUMN_GROUP) != NULL,
        .has_train_images = table_field(&table, COLUMN_TRAIN_IMAGES) != NULL,
    };
    list.items = arena_alloc(loading->scratch, table_rows_max(&table), sizeof(*list.items), err);
    if (list.items == NULL) {
        goto out;
    }
    while (table_row(&table, err)) {
        list.n += read_category(&list.items[list.n], &table, loading, err);
        if (err->code != ERR_NONE) {
            goto out;
        }
    }
    if (err->code == ERR_NONE && loading->problems->n_all > n_problems) {
        err_set(err, ERR_INPUT, "%s is wrong", path);
    }
    ok = err->code == ERR_NONE && categories_make(info, &list, loading, err);
out:
    table_close(&table);
    return ok;
}
