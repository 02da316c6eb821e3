/* SPDX-License-Identifier: MIT */
/*
 * Reading a solution. See the header. No text of this file quotes what the columns expected and
 * usage hold.
 */
#include "scorer/data/solution.h"

#include <stdlib.h>
#include <string.h>

#include "scorer/data/number.h"

enum column { COLUMN_ID, COLUMN_EXPECTED, COLUMN_USAGE, N_COLUMNS };

static const struct table_column columns[N_COLUMNS] = {
    [COLUMN_ID] = {"id", NULL, false},
    [COLUMN_EXPECTED] = {"expected", NULL, false},
    [COLUMN_USAGE] = {"usage", NULL, false},
};

/* The rows of the file, in its order. */
struct answers {
    size_t n;
    struct id_text *id;
    int64_t *expected;
    uint8_t *split;
    struct row_field *at; /* of the id, for problems */
};

bool solution_usage(uint8_t *split, const struct row_field *usage)
{
    static const struct {
        const char *name;
        enum split split;
    } names[] = {
        {"Public", SPLIT_PUBLIC},
        {"Private", SPLIT_PRIVATE},
        {"Ignored", SPLIT_IGNORED},
    };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (strlen(names[i].name) == usage->size &&
            memcmp(names[i].name, usage->text, usage->size) == 0) {
            *split = (uint8_t)names[i].split;
            return true;
        }
    }
    return false;
}

static bool answers_open(struct answers *answers, size_t n_max, struct arena *scratch,
                         struct err *err)
{
    *answers = (struct answers){
        .id = arena_alloc(scratch, n_max, sizeof(*answers->id), err),
        .expected = arena_alloc(scratch, n_max, sizeof(*answers->expected), err),
        .split = arena_alloc(scratch, n_max, sizeof(*answers->split), err),
        .at = arena_alloc(scratch, n_max, sizeof(*answers->at), err),
    };
    return answers->id != NULL && answers->expected != NULL && answers->split != NULL &&
           answers->at != NULL;
}

/* Reads one row behind the others; false where it is wrong or memory is out (err is filled). */
static bool read_answer(struct answers *answers, struct table *table, struct arena *scratch,
                        struct err *err)
{
    const struct row_field *id = table_field(table, COLUMN_ID);
    const struct row_field *expected = table_field(table, COLUMN_EXPECTED);
    const struct row_field *usage = table_field(table, COLUMN_USAGE);
    size_t n = answers->n;
    bool ok = true;

    if (id->size == 0 || id->size > CATALOG_ID_BYTES_MAX) {
        table_problem(table, id, "id has %zu bytes, 1 to %d are allowed", id->size,
                      CATALOG_ID_BYTES_MAX);
        ok = false;
    }
    if (number_int64(&answers->expected[n], expected->text, expected->size) != NUMBER_OK ||
        answers->expected[n] < 0) {
        table_problem(table, expected, "expected is no class id (a whole number from 0)");
        ok = false;
    }
    if (!solution_usage(&answers->split[n], usage)) {
        table_problem(table, usage, "usage is none of Public, Private, Ignored");
        ok = false;
    }
    answers->at[n] = *id;
    return ok && table_keep(&answers->id[n], table, COLUMN_ID, scratch, err);
}

static bool read_answers(struct answers *answers, struct table *table,
                         const struct loading *loading, struct err *err)
{
    if (!answers_open(answers, table_rows_max(table), loading->scratch, err)) {
        return false;
    }
    while (table_row(table, err)) {
        answers->n += read_answer(answers, table, loading->scratch, err);
        if (err->code != ERR_NONE) {
            return false;
        }
    }
    return err->code == ERR_NONE;
}

static int compare_ids(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;

    return (left > right) - (left < right);
}

/* The classes that the answers name, where the competition lists none. */
static bool classes_of_answers(struct class_info *classes, const struct answers *answers,
                               const struct loading *loading, struct err *err)
{
    int64_t *ids = arena_alloc(loading->arena, answers->n, sizeof(*ids), err);
    size_t n = 0;

    if (ids == NULL) {
        return false;
    }
    memcpy(ids, answers->expected, answers->n * sizeof(*ids));
    qsort(ids, answers->n, sizeof(*ids), compare_ids);
    for (size_t i = 0; i < answers->n; i++) {
        if (n == 0 || ids[n - 1] != ids[i]) {
            ids[n++] = ids[i];
        }
    }
    *classes = (struct class_info){.n_classes = n, .id = ids};
    return true;
}

static bool find_truth(uint16_t *truth, const struct catalog *catalog, struct table *table,
                       const struct answers *answers, size_t row)
{
    uint32_t class_index = catalog_find_class(catalog, answers->expected[row]);

    if (class_index == CATALOG_NONE) {
        table_problem(table, &answers->at[row],
                      "the expected class of this image is not in the categories file");
        return false;
    }
    *truth = (uint16_t)class_index;
    return true;
}

/* Puts the answers into the order of the catalog. */
static bool place_answers(struct class_labels *labels, const struct catalog *catalog,
                          const uint32_t *image_of, struct table *table,
                          const struct answers *answers, struct arena *arena, struct err *err)
{
    enum { UNSET = UINT8_MAX };
    uint16_t *truth = arena_alloc(arena, catalog->n_images, sizeof(*truth), err);
    uint8_t *split = arena_alloc(arena, catalog->n_images, sizeof(*split), err);
    char excerpt[EXCERPT_SIZE];

    if (truth == NULL || split == NULL) {
        return false;
    }
    memset(split, UNSET, catalog->n_images);
    for (size_t row = 0; row < answers->n; row++) {
        uint32_t image = image_of[row];
        if (split[image] != UNSET) {
            table_problem(table, &answers->at[row], "id '%s' repeats",
                          input_excerpt(excerpt, answers->id[row].text, answers->id[row].size));
            continue;
        }
        split[image] = answers->split[row];
        if (!find_truth(&truth[image], catalog, table, answers, row)) {
            continue;
        }
    }
    *labels = (struct class_labels){.n_images = catalog->n_images,
                                    .n_classes = catalog->n_classes,
                                    .truth = truth,
                                    .split = split};
    return true;
}

static bool make_solution(struct solution *solution, struct class_info *classes,
                          struct table *table, const struct answers *answers,
                          const struct loading *loading, struct err *err)
{
    bool is_open = classes->id == NULL;
    uint32_t *image_of = arena_alloc(loading->scratch, answers->n, sizeof(*image_of), err);

    if (image_of == NULL || (is_open && !classes_of_answers(classes, answers, loading, err))) {
        return false;
    }
    struct catalog_source source = {.n_ids = answers->n,
                                    .ids = answers->id,
                                    .n_classes = classes->n_classes,
                                    .class_ids = classes->id,
                                    .is_open_classes = is_open};
    return catalog_make(&solution->catalog, image_of, &source, loading->arena, err) &&
           place_answers(&solution->truth, &solution->catalog, image_of, table, answers,
                         loading->arena, err);
}

bool solution_load(struct solution *solution, struct class_info *classes, const char *path,
                   const struct loading *loading, struct err *err)
{
    struct table_source source = {.columns = columns, .n_columns = N_COLUMNS};
    uint64_t n_problems = loading->problems->n_all;
    struct answers answers;
    struct table table;

    bool ok = table_load(&table, path, &source, loading->problems, loading->scratch, err) &&
              read_answers(&answers, &table, loading, err) &&
              make_solution(solution, classes, &table, &answers, loading, err);
    if (ok && loading->problems->n_all > n_problems) {
        ok = err_set(err, ERR_INPUT, "%s is wrong", path);
    }
    table_close(&table);
    return ok;
}
