/* SPDX-License-Identifier: MIT */
/*
 * Detection beside the golden cases: random problems in which the short way must give the bits of
 * the complete one, memory that ends at any point, coarser classes, and cards checked by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scorer/metric/coarsen.h"
#include "scorer/metric/detection.h"
#include "scorer/metric/evaluate.h"

enum { ARENA_MAX = 256 << 20, IMAGES = 9, CLASSES = 5, ROWS_MAX = 4000 };

static uint64_t random_state;

static uint32_t random_below(uint32_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 20) % limit);
}

/* A problem with everything at once: ties, crowds, ignored images, more than 100 boxes of a class
 * on images with and without true boxes, areas on the bounds. */
struct problem_set {
    size_t box_start[CLASSES + 1];
    size_t truth_start[CLASSES + 1];
    uint32_t box_image[ROWS_MAX];
    uint32_t truth_image[ROWS_MAX];
    double score[ROWS_MAX];
    struct box box[ROWS_MAX];
    struct box truth_box[ROWS_MAX];
    double area[ROWS_MAX];
    uint8_t is_crowd[ROWS_MAX];
    uint8_t split[IMAGES];
    struct box_columns columns;
    struct box_labels labels;
};

static struct box random_box(void)
{
    static const double sides[] = {16, 32, 33, 96, 97, 200};

    return (struct box){random_below(40), random_below(40),
                        sides[random_below(ARRAY_SIZE(sides))] + random_below(3),
                        sides[random_below(ARRAY_SIZE(sides))]};
}

static void set_fill(struct problem_set *set, uint64_t seed)
{
    size_t n_boxes = 0;
    size_t n_truths = 0;

    random_state = seed * 2654435761u + 88172645463325252u;
    for (size_t image = 0; image < IMAGES; image++) {
        set->split[image] = (uint8_t)random_below(N_SPLITS);
    }
    for (size_t category = 0; category < CLASSES; category++) {
        set->box_start[category] = n_boxes;
        set->truth_start[category] = n_truths;
        size_t n = random_below(12); /* of true boxes; now and then none */
        for (size_t i = 0; i < n; i++, n_truths++) {
            set->truth_image[n_truths] = random_below(IMAGES / 2);
            set->truth_box[n_truths] = random_box();
            set->area[n_truths] = set->truth_box[n_truths].width * set->truth_box[n_truths].height /
                                  (1 + random_below(2));
            set->is_crowd[n_truths] = random_below(6) == 0;
        }
        n = random_below(4) == 0 ? ROWS_MAX / CLASSES : random_below(60);
        for (size_t i = 0; i < n; i++, n_boxes++) {
            set->box_image[n_boxes] = random_below(4) == 0 ? IMAGES - 1 : random_below(IMAGES);
            set->box[n_boxes] = random_box();
            set->score[n_boxes] = random_below(20) / 10.0 - 0.5;
        }
    }
    set->box_start[CLASSES] = n_boxes;
    set->truth_start[CLASSES] = n_truths;
    set->columns = (struct box_columns){.n_rows = n_boxes,
                                        .n_classes = CLASSES,
                                        .class_start = set->box_start,
                                        .image = set->box_image,
                                        .score = set->score,
                                        .box = set->box};
    set->labels = (struct box_labels){IMAGES,           CLASSES,          n_truths,
                                      set->truth_start, set->truth_image, set->truth_box,
                                      set->area,        set->is_crowd,    set->split};
}

static void test_detection_evaluate_short_equals_complete(void **state)
{
    (void)state;
    enum { POINTS = N_THRESHOLDS * CLASSES * N_AREAS * N_LIMITS };
    static double precision[POINTS * CURVE_POINTS];
    static double recall[POINTS];
    static double scores[POINTS * CURVE_POINTS];
    const struct curve_arrays arrays = {CLASSES, precision, recall, scores};
    struct problem_set *set = malloc(sizeof(*set));

    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct arena *arena = NULL;
        struct err err = {0};
        struct detection_result short_way;
        struct detection_result complete;
        set_fill(set, seed);
        assert_true(arena_open(&arena, ARENA_MAX, &err));
        assert_true(detection_evaluate(&complete, &set->columns, &set->labels,
                                       &(struct detection_options){.n_threads = 1 + seed % 3,
                                                                   .has_curves = true,
                                                                   .arrays = &arrays,
                                                                   .arrays_split = seed % 3},
                                       arena, &err));
        assert_true(detection_evaluate(
            &short_way, &set->columns, &set->labels,
            &(struct detection_options){.n_threads = 1 + seed % 2, .has_curves = true}, arena,
            &err));
        for (unsigned split = 0; split < N_CARD_SPLITS; split++) {
            assert_memory_equal(short_way.classes[split], complete.classes[split],
                                CLASSES * sizeof(struct metric_values));
            assert_memory_equal(short_way.curves[split], complete.curves[split],
                                CLASSES * CURVE_POINTS * sizeof(double));
        }
        for (size_t category = 0; category < CLASSES; category++) {
            const struct metric_values *values = &complete.classes[seed % 3][category];
            double first = precision[category * N_AREAS * N_LIMITS + LIMIT_100];
            double value = -1;
            assert_int_equal(metric_get(&value, values, BOX_AP), first >= 0);
            assert_true(first < 0 || first == complete.curves[seed % 3][category * CURVE_POINTS]);
        }
        arena_close(&arena);
    }
    free(set);
}

static void test_detection_evaluate_fails_without_memory(void **state)
{
    (void)state;
    struct problem_set *set = malloc(sizeof(*set));
    size_t n_failed = 0;
    bool ok = false;

    set_fill(set, 7);
    for (size_t limit = 64; !ok; limit += limit / 8) {
        struct arena *arena = NULL;
        struct err err = {0};
        struct detection_result result;
        assert_true(arena_open(&arena, limit, &err));
        ok = detection_evaluate(&result, &set->columns, &set->labels,
                                &(struct detection_options){.n_threads = 2}, arena, &err);
        assert_true(ok || err.code == ERR_LIMIT);
        n_failed += !ok;
        arena_close(&arena);
    }
    assert_true(n_failed > 10);
    free(set);
}

static void test_detection_evaluate_limits_rows(void **state)
{
    (void)state;
    struct arena *arena = NULL;
    struct err err = {0};
    struct detection_result result;
    struct box_columns columns = {.n_rows = UINT32_MAX};
    struct box_labels labels = {0};

    assert_true(arena_open(&arena, ARENA_MAX, &err));
    assert_false(detection_evaluate(&result, &columns, &labels,
                                    &(struct detection_options){.n_threads = 1}, arena, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    arena_close(&arena);
}

/* Classes 0 and 2 become group 1, class 1 becomes group 0. */
static void test_coarsen(void **state)
{
    (void)state;
    static const size_t class_start[] = {0, 2, 3, 5};
    static const uint32_t image[] = {0, 1, 2, 3, 4};
    static const double score[] = {.5, .6, .7, .8, .9};
    static const struct box box[] = {{.x = 0}, {.x = 1}, {.x = 2}, {.x = 3}, {.x = 4}};
    static const double area[] = {10, 11, 12, 13, 14};
    static const uint8_t is_crowd[] = {0, 1, 0, 0, 1};
    static const uint8_t split[5] = {0};
    static const uint16_t group[] = {1, 0, 1};
    static const uint32_t expected[] = {2, 0, 1, 3, 4};
    const struct grouping grouping = {.n_groups = 2, .group = group};
    struct arena *arena = NULL;
    struct err err = {0};
    struct box_columns columns;
    struct box_labels labels;

    assert_true(arena_open(&arena, ARENA_MAX, &err));
    assert_true(coarsen_columns(&columns,
                                &(struct box_columns){.n_rows = 5,
                                                      .n_classes = 3,
                                                      .class_start = class_start,
                                                      .image = image,
                                                      .score = score,
                                                      .box = box},
                                &grouping, arena, &err));
    assert_true(coarsen_labels(
        &labels, &(struct box_labels){5, 3, 5, class_start, image, box, area, is_crowd, split},
        &grouping, arena, &err));
    assert_int_equal(columns.n_classes, 2);
    assert_int_equal(columns.n_rows, 5);
    assert_int_equal(labels.n_classes, 2);
    for (size_t at = 0; at < 3; at++) {
        static const size_t starts[] = {0, 1, 5};
        assert_int_equal(columns.class_start[at], starts[at]);
        assert_int_equal(labels.class_start[at], starts[at]);
    }
    for (size_t at = 0; at < 5; at++) {
        uint32_t row = expected[at];
        assert_int_equal(columns.image[at], row);
        assert_true(columns.score[at] == score[row] && columns.box[at].x == row);
        assert_true(labels.image[at] == row && labels.area[at] == area[row]);
        assert_true(labels.is_crowd[at] == is_crowd[row] && labels.box[at].x == row);
    }
    arena_close(&arena);
}

static void test_coarsen_fails_without_memory(void **state)
{
    (void)state;
    static const uint16_t group[CLASSES] = {0, 1, 0, 1, 0};
    const struct grouping grouping = {.n_groups = 2, .group = group};
    struct problem_set *set = malloc(sizeof(*set));
    struct box_columns columns;
    struct box_labels labels;
    size_t n_failed = 0;
    bool ok = false;

    set_fill(set, 3);
    for (size_t limit = 64; !ok; limit += 64) {
        struct arena *arena = NULL;
        struct err err = {0};
        assert_true(arena_open(&arena, limit, &err));
        ok = coarsen_columns(&columns, &set->columns, &grouping, arena, &err) &&
             coarsen_labels(&labels, &set->labels, &grouping, arena, &err);
        assert_true(ok || err.code == ERR_LIMIT);
        n_failed += !ok;
        arena_close(&arena);
    }
    assert_true(n_failed > 4);
    free(set);
}

/*
 * Image 0 (public) holds a box of class 0, found with another score below it; image 1 (private)
 * holds one of class 1, missed. Class 2 has no true box at all.
 */
static void test_evaluate_boxes(void **state)
{
    (void)state;
    static const size_t class_start[] = {0, 1, 2, 2};
    static const size_t box_start[] = {0, 2, 3, 4};
    static const uint32_t truth_image[] = {0, 1};
    static const uint32_t box_image[] = {0, 0, 1, 1};
    static const struct box truth_box[] = {{0, 0, 40, 40}, {0, 0, 40, 40}};
    static const struct box box[] = {{0, 0, 40, 40}, {80, 80, 9, 9}, {90, 90, 5, 5}, {0, 0, 9, 9}};
    static const double area[] = {1600, 1600};
    static const double score[] = {0.9, 0.5, 0.9, 0.9};
    static const uint8_t is_crowd[2] = {0};
    static const uint8_t split[] = {SPLIT_PUBLIC, SPLIT_PRIVATE, SPLIT_IGNORED};
    static const int64_t id[] = {1, 2, 3};
    static const char *const names[] = {"animal", "plant"};
    static const uint16_t group[] = {0, 0, 1};
    static const struct {
        enum card_split split;
        const char *metric;
        double value; /* -1: none */
    } cases[] = {{CARD_PUBLIC, "AP", 1},        {CARD_PRIVATE, "AP", 0},
                 {CARD_ALL, "AP", 0.5},         {CARD_PUBLIC, "AR1", 1},
                 {CARD_ALL, "AR100", 0.5},      {CARD_PUBLIC, "AP_medium", 1},
                 {CARD_PUBLIC, "AP_small", -1}, {CARD_PRIVATE, "AP_large", -1}};
    struct arena *arena = NULL;
    struct scorecard card = {.competition = "boxes"};
    struct jwriter writer;
    struct err err = {0};

    assert_true(arena_open(&arena, ARENA_MAX, &err));
    assert_true(evaluate_boxes(
        &card,
        &(struct box_columns){.n_rows = 4,
                              .n_classes = 3,
                              .class_start = box_start,
                              .image = box_image,
                              .score = score,
                              .box = box},
        &(struct box_labels){3, 3, 2, class_start, truth_image, truth_box, area, is_crowd, split},
        &(struct class_info){
            .n_classes = 3, .id = id, .n_groups = 2, .group_name = names, .group = group},
        &(struct evaluate_options){.n_threads = 2, .has_curves = true}, arena, &err));
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        double value = -1;
        assert_int_equal(scorecard_metric(&value, &card, cases[i].split, cases[i].metric),
                         cases[i].value >= 0);
        assert_true(cases[i].value < 0 ||
                    (value > cases[i].value - 1e-12 && value < cases[i].value + 1e-12));
    }
    assert_int_equal(card.splits[CARD_ALL].images, 2);
    assert_int_equal(card.splits[CARD_ALL].classes, 2);
    assert_int_equal(card.splits[CARD_PRIVATE].groups[0].images, 1);
    assert_int_equal(card.splits[CARD_ALL].groups[0].images, 2);
    assert_int_equal(card.splits[CARD_ALL].groups[0].classes, 2);
    assert_int_equal(card.splits[CARD_ALL].groups[1].classes, 0);
    assert_int_equal(card.n_curves, 3);
    assert_true(card.splits[CARD_ALL].curves[1].has_value);
    assert_false(card.splits[CARD_ALL].curves[2].has_value);
    jwriter_start(&writer, 1 << 20);
    scorecard_write(&writer, &card, CARD_BITS_ALL);
    assert_true(jwriter_ok(&writer, &err));
    assert_non_null(strstr((const char *)writer.out.data,
                           "\"plant\":{\"classes\":0,\"images\":0,\"metrics\":{\"AP\":null,"));
    jwriter_end(&writer);
    arena_close(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_detection_evaluate_short_equals_complete),
        cmocka_unit_test(test_detection_evaluate_fails_without_memory),
        cmocka_unit_test(test_detection_evaluate_limits_rows),
        cmocka_unit_test(test_coarsen),
        cmocka_unit_test(test_coarsen_fails_without_memory),
        cmocka_unit_test(test_evaluate_boxes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
