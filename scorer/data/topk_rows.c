/* SPDX-License-Identifier: MIT */
/*
 * The format topk: id,predicted, where predicted is k class ids separated by single spaces, best
 * first. Ranks are kept rank by rank in the order of the image list.
 */
#include <assert.h>
#include <string.h>

#include "scorer/data/number.h"
#include "scorer/data/plain_fields.h"
#include "scorer/data/reading.h"

enum column { COLUMN_ID, COLUMN_PREDICTED, N_COLUMNS };

/* The class ids of a row as they are read. */
struct ranking {
    size_t n;
    int64_t id[TOPK_K_MAX];
    uint16_t class_index[TOPK_K_MAX];
};

/* Says what is wrong with the class id at `token`. */
static void token_problem(struct table *table, const struct row_field *field, const char *token,
                          size_t size, const char *what)
{
    struct row_field at = *field;
    char excerpt[EXCERPT_SIZE];

    if (!field->is_quoted) {
        at.column += (uint32_t)(token - field->text);
    }
    table_problem(table, &at, "'%s' %s", input_excerpt(excerpt, token, size), what);
}

/* Takes one class id behind the others; false where it is wrong. */
static bool take_token(struct ranking *ranking, const struct catalog *catalog, struct table *table,
                       const struct row_field *field, const char *token, size_t size)
{
    int64_t id = -1;
    enum number_status status = number_int64(&id, token, size);

    if (status != NUMBER_OK || id < 0) {
        token_problem(table, field, token, size,
                      status == NUMBER_RANGE ? "is too large for a class id"
                                             : "is no class id (a whole number from 0)");
        return false;
    }
    for (size_t i = 0; i < ranking->n; i++) {
        if (ranking->id[i] == id) {
            token_problem(table, field, token, size, "repeats in this row");
            return false;
        }
    }
    uint32_t class_index = catalog_find_class(catalog, id);
    if (class_index == CATALOG_NONE) {
        token_problem(table, field, token, size, "is not in the list of classes");
        return false;
    }
    ranking->id[ranking->n] = id;
    ranking->class_index[ranking->n++] = (uint16_t)class_index;
    return true;
}

/* Reads the k class ids of a field; every wrong one becomes a problem. */
static bool read_ranking(struct ranking *ranking, const struct submission_source *source,
                         struct table *table, const struct row_field *field)
{
    const char *at = field->text;
    const char *end = field->text + field->size;
    size_t n_tokens = 0;
    bool ok = true;

    ranking->n = 0;
    for (;;) {
        const char *space = memchr(at, ' ', (size_t)(end - at));
        const char *token_end = space == NULL ? end : space;
        if (token_end == at && field->size > 0) {
            token_problem(table, field, at, (size_t)(end - at),
                          "follows a space too many: class ids are separated by single spaces");
            return false;
        }
        n_tokens += token_end > at;
        if (n_tokens <= source->form.k && token_end > at) {
            ok = take_token(ranking, source->catalog, table, field, at, (size_t)(token_end - at)) &&
                 ok;
        }
        if (space == NULL) {
            break;
        }
        at = space + 1;
    }
    if (n_tokens != source->form.k) {
        table_problem(table, field, "row has %zu class ids, expected %zu", n_tokens,
                      source->form.k);
    }
    return ok && n_tokens == source->form.k;
}

static bool take_row(struct reading *reading, struct part *part, struct table *table,
                     struct err *err)
{
    struct ranking ranking;
    uint32_t image;

    bool is_image = reading_find_image(&image, reading, part, table, COLUMN_ID, err);
    bool is_ranking =
        read_ranking(&ranking, reading->source, table, table_field(table, COLUMN_PREDICTED));
    if (!is_image || !is_ranking || reading->ranks == NULL) {
        return err->code == ERR_NONE;
    }
    for (size_t rank = 0; rank < ranking.n; rank++) {
        /* two parts may hold the same id: which of them wins is no matter, the file is invalid */
        __atomic_store_n(&reading->ranks[rank * reading->stride + image], ranking.class_index[rank],
                         __ATOMIC_RELAXED);
    }
    return true;
}

/* A plain class id; false where it is none, repeats, or is not listed. */
static bool add_plain(struct ranking *ranking, const struct catalog *catalog, uint32_t id)
{
    uint16_t slot = id < catalog->n_class_slots ? catalog->class_slot[id] : 0;

    if (slot == 0 && !catalog->is_open_classes) {
        return false;
    }
    for (size_t i = 0; i < ranking->n; i++) {
        if (ranking->id[i] == id) {
            return false;
        }
    }
    ranking->id[ranking->n] = id;
    ranking->class_index[ranking->n++] = slot == 0 ? CLASS_OTHER : (uint16_t)(slot - 1);
    return true;
}

/* The class ids behind the comma and the line end; NULL where they are not plain. */
static const char *plain_ranking(struct ranking *ranking, const struct catalog *catalog, size_t k,
                                 const char *at)
{
    ranking->n = 0;
    for (;;) {
        uint64_t word = digits_load(at);
        unsigned n = digits_count(word);
        if (n == 0 || n == 8 || !add_plain(ranking, catalog, digits_value(word, n))) {
            return NULL;
        }
        at += n;
        if (ranking->n == k) {
            break;
        }
        if (*at++ != ' ') {
            return NULL;
        }
    }
    return plain_line_end(at);
}

static const char *take_plain(struct reading *reading, struct part *part, struct rows *rows)
{
    const struct catalog *catalog = reading->source->catalog;
    size_t k = reading->source->form.k;
    size_t stride = reading->stride;
    const char *at = rows->at;
    struct ranking ranking;
    uint32_t image;

    while (at < rows->end) {
        const char *next = plain_image(&image, catalog, at, rows->end);
        next = next == NULL ? NULL : plain_ranking(&ranking, catalog, k, next);
        if (next == NULL || next > rows->end || part->seen[image] != 0) {
            break;
        }
        part->seen[image] = 1;
        for (size_t rank = 0; rank < k; rank++) {
            __atomic_store_n(&reading->ranks[rank * stride + image], ranking.class_index[rank],
                             __ATOMIC_RELAXED);
        }
        rows->line++;
        at = next;
    }
    return at;
}

/* Whether rows can be plain: the columns in their order, ids as they stand in the file. */
static bool has_plain(const struct reading *reading, const struct table *table)
{
    const struct catalog *catalog = reading->source->catalog;

    return !catalog->is_open_images && catalog->is_plain && catalog->class_slot != NULL &&
           table->n_header_fields == N_COLUMNS && table->place[COLUMN_ID] == 0;
}

static bool finish(struct submission *submission, struct reading *reading, struct err *err)
{
    (void)err;
    submission->topk = (struct topk_columns){.n_images = reading->source->catalog->n_images,
                                             .stride = reading->stride,
                                             .k = reading->source->form.k,
                                             .ranks = reading->ranks};
    return true;
}

const struct format topk_format = {
    .n_columns = N_COLUMNS,
    .has_unique_ids = true,
    .parts_a_lane = 1,
    .has_plain = has_plain,
    .take_plain = take_plain,
    .take_row = take_row,
    .finish = finish,
};
