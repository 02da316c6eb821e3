/* SPDX-License-Identifier: MIT */
/*
 * The format topk: id,predicted, where predicted is k class ids separated by single spaces, best
 * first. Ranks are kept rank by rank in the order of the image list. Rows come in any order: each
 * is put in one place first, since k places far apart cost k misses of the cache.
 */
#include <string.h>

#include "scorer/data/number.h"
#include "scorer/data/reading.h"
#include "scorer/data/topk_plain.h"

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

/* Two parts may hold the same id: which of them wins is no matter, the file is invalid. */
static void put_ranking(struct reading *reading, uint32_t image, const uint16_t *class_index)
{
    size_t k = reading->source->form.k;
    uint16_t *ranking = reading->rankings + image * k;

    for (size_t rank = 0; rank < k; rank++) {
        __atomic_store_n(&ranking[rank], class_index[rank], __ATOMIC_RELAXED);
    }
}

static bool take_row(struct reading *reading, struct part *part, struct table *table,
                     struct err *err)
{
    struct ranking ranking;
    uint32_t image;

    bool is_image = reading_find_image(&image, reading, part, table, COLUMN_ID, err);
    bool is_ranking =
        read_ranking(&ranking, reading->source, table, table_field(table, COLUMN_PREDICTED));
    if (!is_image || !is_ranking || reading->rankings == NULL) {
        return err->code == ERR_NONE;
    }
    put_ranking(reading, image, ranking.class_index);
    return true;
}

#if defined(__x86_64__)
/* An instruction that asks for a cache line to write it; 64-bit processors that do not have it
 * (none since 2005) pass over it. Without it a line that another lane wrote is asked for twice. */
#define PREFETCHES_WRITES __attribute__((target("prfchw")))
#else
#define PREFETCHES_WRITES
#endif

/* Puts rows in their places up to the first whose image was met before; returns how many. */
PREFETCHES_WRITES static size_t put_rows(struct reading *reading, struct part *part,
                                         const struct topk_batch *batch, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        __builtin_prefetch(reading->rankings + batch->image[i] * reading->source->form.k, 1);
    }
    for (size_t i = 0; i < n; i++) {
        if (!part_sees(part, batch->image[i])) {
            return i;
        }
        put_ranking(reading, batch->image[i], &batch->class_index[i * reading->source->form.k]);
    }
    return n;
}

static const char *take_plain(struct reading *reading, struct part *part, struct rows *rows)
{
    const struct catalog *catalog = reading->source->catalog;
    size_t k = reading->source->form.k;
    const char *at = rows->at;
    struct topk_batch batch;

    for (;;) {
        size_t n_max = part_batch(part, TOPK_BATCH);
        size_t n = topk_plain_read(&batch, n_max, catalog, k, at, rows->end);
        if (n == 0) {
            n = topk_plain_portable(&batch, n_max, catalog, k, at, rows->end);
        }
        size_t n_put = put_rows(reading, part, &batch, n);
        part->n_taken = n_put + 1;
        for (size_t i = 0; i < n_put; i++) {
            at += batch.row_bytes[i];
        }
        rows->line += n_put;
        if (n_put == 0 || n_put < n) {
            return at;
        }
    }
}

/* Whether rows can be plain: the columns in their order, ids as they stand in the file. */
static bool has_plain(const struct reading *reading, const struct table *table)
{
    const struct catalog *catalog = reading->source->catalog;

    return !catalog->is_open_images && catalog->is_plain && catalog->class_slot != NULL &&
           table->n_header_fields == N_COLUMNS && table->place[COLUMN_ID] == 0;
}

/* Image by image to rank by rank. */
static inline __attribute__((always_inline)) void
turn(uint16_t *restrict ranks, size_t stride, const uint16_t *restrict rankings, size_t n, size_t k)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t rank = 0; rank < k; rank++) {
            ranks[rank * stride + i] = rankings[i * k + rank];
        }
    }
}

static void turn_rankings(struct reading *reading)
{
    enum { K_USUAL = 5 }; /* known to the compiler, which then needs no inner loop */
    size_t n = reading->source->catalog->n_images;
    size_t k = reading->source->form.k;

    if (k == K_USUAL) {
        turn(reading->ranks, reading->stride, reading->rankings, n, K_USUAL);
    } else {
        turn(reading->ranks, reading->stride, reading->rankings, n, k);
    }
}

static bool finish(struct submission *submission, struct reading *reading, struct err *err)
{
    (void)err;
    turn_rankings(reading);
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
