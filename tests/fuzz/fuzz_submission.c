/* SPDX-License-Identifier: MIT */
/*
 * A submission read in one piece, and again in parts by two threads: the same columns, the same
 * problems. The first byte chooses format, catalog and size of the parts. A thread costs more than
 * all the rest: most inputs find that none can be made, and read their parts on the first one.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "scorer/data/submission.h"
#include "scorer/metric/boxrows.h"
#include "tests/fuzz/fuzz.h"

enum { N_WAYS = 2, N_CATALOGS = 4, INPUTS_A_THREAD = 16 };

static const struct submission_columns columns = {.id = "id",
                                                  .predicted = "p",
                                                  .image_id = "i",
                                                  .category_id = "c",
                                                  .score = "s",
                                                  .x = "x",
                                                  .y = "y",
                                                  .width = "w",
                                                  .height = "h",
                                                  .prediction_string = "b"};

static const struct prediction_form by_edges = {
    .n_tokens = 6,
    .tokens = {PREDICTION_LABEL, PREDICTION_SCORE, PREDICTION_X, PREDICTION_Y, PREDICTION_XMAX,
               PREDICTION_YMAX},
    .has_label = true,
    .is_normalized = true,
    .none = "no",
};

static const int64_t class_ids[] = {0, 1, 2, 7, 90};
static const char *const class_names[] = {"a", "b", "", "7", "/m/5"};
static const uint32_t sizes[][2] = {{3, 4}, {100, 1}, {7, 7}};

static bool is_without_threads;

/* The linker's --wrap puts the first in the place of the second. */
int __wrap_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*function)(void *), void *data)
{
    if (is_without_threads) {
        return EAGAIN;
    }
    return __real_pthread_create(thread, attributes, function, data);
}

static struct arena *arenas[N_WAYS];
static struct problems problems[N_WAYS];

/* The catalog of this choice, made once: readings do not change it. */
static const struct catalog *choose_catalog(unsigned choice)
{
    static const struct id_text numbers[] = {{"1", 1}, {"2", 1}, {"30", 2}};
    static const struct id_text texts[] = {{"a", 1}, {"2", 1}, {"x,\"y", 4}};
    static struct catalog catalogs[N_CATALOGS];
    static struct arena *catalog_arenas[N_CATALOGS];
    struct catalog_source source = {.ids = choice % 2 == 0 ? numbers : texts,
                                    .n_ids = 3,
                                    .class_ids = class_ids,
                                    .class_names = class_names,
                                    .sizes = sizes,
                                    .n_classes = 5,
                                    .is_open_classes = choice == 2,
                                    .is_open_images = choice == 3};
    struct err err;

    if (catalog_arenas[choice] == NULL) {
        source.n_ids = source.is_open_images ? 0 : 3;
        source.sizes = source.is_open_images ? NULL : sizes;
        FUZZ_CHECK(arena_open(&catalog_arenas[choice], 64 << 20, &err));
        FUZZ_CHECK(catalog_make(&catalogs[choice], NULL, &source, catalog_arenas[choice], &err));
    }
    return &catalogs[choice];
}

static void check_same_boxes(const struct box_columns *left, const struct box_columns *right)
{
    struct box_columns a;
    struct box_columns b;
    struct err err;

    FUZZ_CHECK(left->n_rows == right->n_rows && left->has_wide == right->has_wide);
    FUZZ_CHECK(memcmp(left->class_start, right->class_start, 6 * sizeof(size_t)) == 0);
    FUZZ_CHECK(boxrows_flatten(&a, left, arenas[0], &err) &&
               boxrows_flatten(&b, right, arenas[1], &err));
    FUZZ_CHECK(memcmp(a.image, b.image, a.n_rows * sizeof(uint32_t)) == 0);
    FUZZ_CHECK(memcmp(a.score, b.score, a.n_rows * sizeof(double)) == 0);
    FUZZ_CHECK(memcmp(a.box, b.box, a.n_rows * sizeof(struct box)) == 0);
}

static void check_same(const struct submission *a, const struct submission *b, bool is_topk)
{
    FUZZ_CHECK(a->n_rows == b->n_rows);
    if (is_topk && a->topk.ranks != NULL) {
        FUZZ_CHECK(memcmp(a->topk.ranks, b->topk.ranks, 2 * a->topk.stride * sizeof(uint16_t)) ==
                   0);
    }
    if (!is_topk && a->boxes.class_start != NULL) {
        check_same_boxes(&a->boxes, &b->boxes);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct submission read[N_WAYS];
    bool ok[N_WAYS];
    struct err err;

    if (size == 0) {
        return 0;
    }
    enum submission_format format = data[0] % 16 == 0  ? FORMAT_PREDICTION_STRING
                                    : data[0] % 2 == 0 ? FORMAT_TOPK
                                                       : FORMAT_BOXES;
    is_without_threads = size % INPUTS_A_THREAD != 0;
    for (size_t way = 0; way < N_WAYS; way++) {
        if (arenas[way] == NULL) {
            FUZZ_CHECK(arena_open(&arenas[way], 64 << 20, &err));
        }
        arena_reset(arenas[way]);
        struct submission_source source = {
            .form = {.format = format, .k = 2, .columns = &columns, .prediction = &by_edges},
            .unpacked_max = 1 << 16,
            .catalog = choose_catalog(data[0] / 2 % N_CATALOGS),
            .data = (const char *)data + 1,
            .size = size - 1,
            .n_threads = way == 0 ? 1 : 2,
            .part_bytes = 1 + data[0] / 4,
        };
        ok[way] = submission_read(&read[way], &source, arenas[way], &problems[way], &err);
        FUZZ_CHECK(ok[way] == (problems[way].n_all == 0));
    }
    is_without_threads = false;
    FUZZ_CHECK(problems[0].n_all == problems[1].n_all);
    for (uint32_t i = 0; i < problems[0].n_kept; i++) {
        FUZZ_CHECK(problems[0].kept[i].line == problems[1].kept[i].line);
        FUZZ_CHECK(problems[0].kept[i].column == problems[1].kept[i].column);
        FUZZ_CHECK(strcmp(problems[0].kept[i].text, problems[1].kept[i].text) == 0);
    }
    if (ok[0]) {
        check_same(&read[0], &read[1], format == FORMAT_TOPK);
    }
    return 0;
}
