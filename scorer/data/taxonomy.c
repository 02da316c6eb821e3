/* SPDX-License-Identifier: MIT */
/*
 * Ranks and counts of classes. See the header.
 */
#include "scorer/data/taxonomy.h"

#include <stdlib.h>
#include <string.h>

#include "scorer/data/number.h"
#include "scorer/data/table.h"

enum { COLUMN_ID, COLUMN_FIRST_RANK, N_COLUMNS = COLUMN_FIRST_RANK + TAXON_RANKS_MAX };

/* A file without category_id has no ranks: its column `class` is the id. */
static const struct table_column rank_columns[N_COLUMNS] = {
    {"category_id", NULL, true}, {"kingdom", NULL, true}, {"phylum", NULL, true},
    {"class", NULL, true},       {"order", NULL, true},   {"family", NULL, true},
    {"genus", NULL, true},
};

enum { COUNT_ID, COUNT_TRAIN_IMAGES, N_COUNT_COLUMNS };

static const struct table_column count_columns[N_COUNT_COLUMNS] = {
    [COUNT_ID] = {"category_id", "class", false},
    [COUNT_TRAIN_IMAGES] = {"train_images", NULL, false},
};

/* A taxon's name on its way to its number. */
struct named {
    struct id_text name;
    size_t category;
};

static int id_order(const void *left, const void *right)
{
    const int64_t *a = left;
    const int64_t *b = right;

    return (*a > *b) - (*a < *b);
}

static int named_order(const void *left, const void *right)
{
    const struct named *a = left;
    const struct named *b = right;
    int order = memcmp(a->name.text, b->name.text,
                       a->name.size < b->name.size ? a->name.size : b->name.size);

    return order != 0 ? order : (a->name.size > b->name.size) - (a->name.size < b->name.size);
}

/* The index of the class that a row is about; n_classes where it is none of ours, or no id (a
 * problem was added). */
static size_t find_class(struct table *table, size_t column, const struct class_info *info)
{
    const struct row_field *field = table_field(table, column);
    char excerpt[EXCERPT_SIZE];
    int64_t id;

    if (number_int64(&id, field->text, field->size) != NUMBER_OK) {
        table_problem(table, field, "'%s' is no class id (a whole number)",
                      input_excerpt(excerpt, field->text, field->size));
        return info->n_classes;
    }
    const int64_t *found = bsearch(&id, info->id, info->n_classes, sizeof(id), id_order);
    return found == NULL ? info->n_classes : (size_t)(found - info->id);
}

/* Numbers the names of a rank; classes whose name is empty have none. */
static bool rank_number(const uint32_t **taxon, struct named *names, size_t n_classes,
                        struct arena *arena, struct err *err)
{
    uint32_t *numbers = arena_alloc(arena, n_classes, sizeof(*numbers), err);
    uint32_t number = 0;

    if (numbers == NULL) {
        return false;
    }
    for (size_t i = 0; i < n_classes; i++) {
        names[i].category = i;
    }
    qsort(names, n_classes, sizeof(*names), named_order);
    for (size_t i = 0; i < n_classes; i++) {
        number += i > 0 && named_order(&names[i - 1], &names[i]) != 0;
        numbers[names[i].category] = names[i].name.size == 0 ? TAXON_NONE : number;
    }
    *taxon = numbers;
    return true;
}

/* Reads all rows: the names of rank r stand at names[r * n_classes]. */
static bool read_ranks(struct named *names, struct table *table, const struct class_info *info,
                       struct arena *arena, struct err *err)
{
    for (size_t i = 0; i < TAXON_RANKS_MAX * info->n_classes; i++) {
        names[i].name.text = ""; /* a class that the file does not have */
    }
    while (table_row(table, err)) {
        size_t category = find_class(table, COLUMN_ID, info);
        for (size_t rank = 0; rank < TAXON_RANKS_MAX && category < info->n_classes; rank++) {
            struct named *named = &names[rank * info->n_classes + category];
            if (table_field(table, COLUMN_FIRST_RANK + rank) != NULL &&
                !table_keep(&named->name, table, COLUMN_FIRST_RANK + rank, arena, err)) {
                return false;
            }
        }
    }
    return err->code == ERR_NONE;
}

/* What a loader ends with: problems that were added make it fail. */
static bool finish(bool ok, const char *path, uint64_t n_before, const struct problems *problems,
                   struct err *err)
{
    if (ok && problems->n_all > n_before) {
        return err_set(err, ERR_INPUT, "%s is wrong", path);
    }
    return ok;
}

static bool taxonomy_make(struct taxonomy *taxonomy, struct table *table,
                          const struct class_info *info, struct arena *arena, struct err *err)
{
    size_t n_names;
    struct named *names = NULL;

    *taxonomy = (struct taxonomy){.n_classes = info->n_classes};
    if (table_field(table, COLUMN_ID) == NULL) {
        return true;
    }
    if (!size_mul(&n_names, TAXON_RANKS_MAX, info->n_classes)) {
        return err_set(err, ERR_LIMIT, "%zu classes are too many", info->n_classes);
    }
    names = arena_alloc(arena, n_names, sizeof(*names), err);
    if (names == NULL || !read_ranks(names, table, info, arena, err)) {
        return false;
    }
    for (size_t rank = 0; rank < TAXON_RANKS_MAX; rank++) {
        if (table->place[COLUMN_FIRST_RANK + rank] == SIZE_MAX) {
            continue;
        }
        taxonomy->rank_name[taxonomy->n_ranks] = rank_columns[COLUMN_FIRST_RANK + rank].name;
        if (!rank_number(&taxonomy->taxon[taxonomy->n_ranks], names + rank * info->n_classes,
                         info->n_classes, arena, err)) {
            return false;
        }
        taxonomy->n_ranks++;
    }
    return true;
}

bool taxonomy_load(struct taxonomy *taxonomy, const char *path, const struct class_info *info,
                   struct problems *problems, struct arena *arena, struct err *err)
{
    struct table_source source = {.columns = rank_columns, .n_columns = N_COLUMNS};
    uint64_t n_before = problems->n_all;
    struct table table;

    bool ok = table_load(&table, path, &source, problems, arena, err) &&
              taxonomy_make(taxonomy, &table, info, arena, err);
    table_close(&table);
    return finish(ok, path, n_before, problems, err);
}

static bool read_counts(int64_t *train_images, struct table *table, const struct class_info *info,
                        struct err *err)
{
    for (size_t i = 0; i < info->n_classes; i++) {
        train_images[i] = -1;
    }
    while (table_row(table, err)) {
        size_t category = find_class(table, COUNT_ID, info);
        const struct row_field *field = table_field(table, COUNT_TRAIN_IMAGES);
        char excerpt[EXCERPT_SIZE];
        int64_t count;
        if (number_int64(&count, field->text, field->size) != NUMBER_OK || count < 0) {
            table_problem(table, field, "'%s' is no count of images",
                          input_excerpt(excerpt, field->text, field->size));
        } else if (category < info->n_classes) {
            train_images[category] = count;
        }
    }
    return err->code == ERR_NONE;
}

bool taxonomy_load_counts(const int64_t **train_images, const char *path,
                          const struct class_info *info, struct problems *problems,
                          struct arena *arena, struct err *err)
{
    struct table_source source = {.columns = count_columns, .n_columns = N_COUNT_COLUMNS};
    uint64_t n_before = problems->n_all;
    struct table table;
    bool ok = false;

    int64_t *counts = arena_alloc(arena, info->n_classes, sizeof(*counts), err);
    if (counts == NULL) {
        return false;
    }
    ok = table_load(&table, path, &source, problems, arena, err) &&
         read_counts(counts, &table, info, err);
    table_close(&table);
    *train_images = counts;
    return finish(ok, path, n_before, problems, err);
}
