/* SPDX-License-Identifier: MIT */
/*
 * Reading a solution. See the header. No text of this file quotes what the columns expected and
 * usage hold.
 */
#include "scorer/data/solution.h"

#include <stdlib.h>
#include <string.h>

#include "scorer/data/number.h"
#include "scorer/data/plain_fields.h"
#include "scorer/data/plain_file.h"

enum column { COLUMN_ID, COLUMN_EXPECTED, COLUMN_USAGE, N_COLUMNS };

static const struct table_column columns[N_COLUMNS] = {
    [COLUMN_ID] = {"id", NULL, false},
    [COLUMN_EXPECTED] = {"expected", NULL, false},
    [COLUMN_USAGE] = {"usage", NULL, false},
};

/* The rows of the file, in its order. */
struct answers {
    size_t n;
    struct id_text *id; /* or */
    uint32_t *number;   /* in a plain file */
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

/* Without branches between the names, which follow each other as they like. */
const char *solution_plain_usage(uint8_t *split, const char *at)
{
    static const char names[3][8] = {"Public", "Private", "Ignored"};
    uint64_t words[3];
    uint64_t word;

    memcpy(words, names, sizeof(words));
    memcpy(&word, at, sizeof(word));
    bool is_public = ((word ^ words[0]) << 16) == 0; /* the first six bytes are the lowest */
    bool is_private = ((word ^ words[1]) << 8) == 0;
    bool is_ignored = ((word ^ words[2]) << 8) == 0;
    *split = (uint8_t)(is_public * SPLIT_PUBLIC + is_private * SPLIT_PRIVATE +
                       is_ignored * SPLIT_IGNORED);
    return is_public || is_private || is_ignored ? at + 7 - is_public : NULL;
}

/* plain_file's callback */
static const char *take_answers(void *data, const char *at, const char *end)
{
    struct answers *answers = data;
    size_t row = answers->n;

    while (at < end) {
        const char *next = at;
        uint32_t number;
        uint32_t expected;
        if ((next = plain_number_id(&number, next, ',')) == NULL ||
            (next = plain_digits(&expected, next, ',')) == NULL ||
            (next = solution_plain_usage(&answers->split[row], next)) == NULL ||
            (next = plain_line_end(next)) == NULL || next > end) {
            break;
        }
        answers->number[row] = number;
        answers->expected[row++] = expected;
        at = next;
    }
    answers->n = row;
    return at;
}

/* Reads a plain solution with ids that are numbers close together, none twice; false for others. */
static bool read_plain(struct answers *answers, const char *path, struct arena *scratch)
{
    enum { ROW_BYTES_MIN = 11 }; /* 1,1,Public and a line end */
    struct plain_file file = {
        .path = path, .header = "id,expected,usage", .take = take_answers, .data = answers};
    size_t n_max = (size_t)(plain_file_size(path) / ROW_BYTES_MIN) + 1;
    struct err err;

    *answers = (struct answers){
        .number = arena_alloc(scratch, n_max, sizeof(*answers->number), &err),
        .expected = arena_alloc(scratch, n_max, sizeof(*answers->expected), &err),
        .split = arena_alloc(scratch, n_max, sizeof(*answers->split), &err),
    };
    if (answers->number == NULL || answers->expected == NULL || answers->split == NULL ||
        !plain_file_read(&file, scratch)) {
        return false;
    }
    uint64_t min = UINT64_MAX;
    uint64_t max = 0;
    for (size_t i = 0; i < answers->n; i++) {
        min = answers->number[i] < min ? answers->number[i] : min;
        max = answers->number[i] > max ? answers->number[i] : max;
    }
    return catalog_are_close(min, max, answers->n);
}

static int compare_ids(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;

    return (left > right) - (left < right);
}

/* The ids that the answers name, ascending, each once; NULL with err filled. */
static int64_t *distinct_ids(size_t *n_distinct, const struct answers *answers,
                             struct arena *scratch, struct err *err)
{
    enum { SMALL_IDS = 1 << 20 };
    int64_t *ids = arena_alloc(scratch, answers->n, sizeof(*ids), err);
    bool *is_met = arena_alloc(scratch, SMALL_IDS, sizeof(*is_met), err);
    size_t n = 0;

    if (ids == NULL || is_met == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < answers->n; i++) { /* most ids are small: few stay to be sorted */
        int64_t id = answers->expected[i];
        if (id >= SMALL_IDS || !is_met[id]) {
            ids[n++] = id;
        }
        if (id < SMALL_IDS) {
            is_met[id] = true;
        }
    }
    qsort(ids, n, sizeof(*ids), compare_ids);
    *n_distinct = 0;
    for (size_t i = 0; i < n; i++) {
        if (*n_distinct == 0 || ids[*n_distinct - 1] != ids[i]) {
            ids[(*n_distinct)++] = ids[i];
        }
    }
    return ids;
}

/* The classes that the answers name, where the competition lists none. */
static bool classes_of_answers(struct class_info *classes, const struct answers *answers,
                               const struct loading *loading, struct err *err)
{
    size_t n;
    const int64_t *distinct = distinct_ids(&n, answers, loading->scratch, err);
    int64_t *ids = distinct == NULL ? NULL : arena_alloc(loading->arena, n, sizeof(*ids), err);

    if (ids == NULL) {
        return false;
    }
    memcpy(ids, distinct, n * sizeof(*ids));
    *classes = (struct class_info){.n_classes = n, .id = ids};
    return true;
}

/* Says what is wrong with a row that has a problem; plain rows have no place and no text. */
static void place_problem(struct table *table, const struct answers *answers, size_t row,
                          bool is_repeated)
{
    char excerpt[EXCERPT_SIZE];

    if (is_repeated) {
        table_problem(table, &answers->at[row], "id '%s' repeats",
                      input_excerpt(excerpt, answers->id[row].text, answers->id[row].size));
    } else {
        table_problem(table, &answers->at[row],
                      "the expected class of this image is not in the categories file");
    }
}

/* Puts the answers into the order of the catalog; false with err unset where a row is wrong. */
static bool place_answers(struct class_labels *labels, const struct catalog *catalog,
                          const uint32_t *image_of, struct table *table,
                          const struct answers *answers, struct arena *arena, struct err *err)
{
    enum { UNSET = UINT8_MAX };
    uint16_t *truth = arena_alloc(arena, catalog->n_images, sizeof(*truth), err);
    uint8_t *split = arena_alloc(arena, catalog->n_images, sizeof(*split), err);
    bool ok = true;

    if (truth == NULL || split == NULL) {
        return false;
    }
    memset(split, UNSET, catalog->n_images);
    for (size_t row = 0; row < answers->n; row++) {
        uint32_t image = image_of[row];
        uint32_t class_index = catalog_find_class(catalog, answers->expected[row]);
        bool is_repeated = split[image] != UNSET;
        if (is_repeated || class_index == CATALOG_NONE) {
            ok = false;
            if (table == NULL) {
                return false;
            }
            place_problem(table, answers, row, is_repeated);
        }
        split[image] = answers->split[row];
        truth[image] = (uint16_t)class_index;
    }
    *labels = (struct class_labels){.n_images = catalog->n_images,
                                    .n_classes = catalog->n_classes,
                                    .truth = truth,
                                    .split = split};
    return ok;
}

/* The catalog and the labels of the answers; false with err unset where a row is wrong: problems
 * tell, if there is a table to add them to. */
static bool make_solution(struct solution *solution, struct class_info *classes,
                          struct table *table, const struct answers *answers,
                          const struct loading *loading, struct err *err)
{
    struct class_info found = *classes;
    uint32_t *image_of = answers->number; /* which are not needed any more */

    if (image_of == NULL &&
        (image_of = arena_alloc(loading->scratch, answers->n, sizeof(*image_of), err)) == NULL) {
        return false;
    }
    if (classes->id == NULL && !classes_of_answers(&found, answers, loading, err)) {
        return false;
    }
    struct catalog_source source = {.n_ids = answers->n,
                                    .ids = answers->id,
                                    .numbers = answers->number,
                                    .n_classes = found.n_classes,
                                    .class_ids = found.id,
                                    .is_open_classes = classes->id == NULL};
    if (!catalog_make(&solution->catalog, image_of, &source, loading->arena, err) ||
        !place_answers(&solution->truth, &solution->catalog, image_of, table, answers,
                       loading->arena, err)) {
        return false;
    }
    *classes = found;
    return true;
}

bool solution_load(struct solution *solution, struct class_info *classes, const char *path,
                   const struct loading *loading, struct err *err)
{
    struct table_source source = {.columns = columns, .n_columns = N_COLUMNS};
    uint64_t n_problems = loading->problems->n_all;
    struct answers answers;
    struct table table;

    *err = (struct err){0};
    if (read_plain(&answers, path, loading->scratch)) {
        bool is_made = make_solution(solution, classes, NULL, &answers, loading, err);
        if (is_made || err->code != ERR_NONE) {
            return is_made;
        }
    }
    bool ok = table_load(&table, path, &source, loading->problems, loading->scratch, err) &&
              read_answers(&answers, &table, loading, err) &&
              make_solution(solution, classes, &table, &answers, loading, err);
    if (err->code == ERR_NONE && loading->problems->n_all > n_problems) {
        ok = err_set(err, ERR_INPUT, "%s is wrong", path);
    }
    table_close(&table);
    return ok;
}
