/* SPDX-License-Identifier: MIT */
/*
 * Top-k counts against a plain count of random columns, and the scorecard of a case small enough
 * to check by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scorer/metric/evaluate.h"
#include "scorer/metric/topk.h"

enum { ARENA_MAX = 64 << 20 };

static uint64_t random_state = 88172645463325252u;

static uint32_t random_below(uint32_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 20) % limit);
}

static void test_topk_count_equals_a_plain_count(void **state)
{
    (void)state;
    enum { CLASSES = 7 };
    static const size_t sizes[] = {1, 31, 32, 4095, 4096, 4097, 10001};

    for (size_t at = 0; at < ARRAY_SIZE(sizes); at++) {
        for (size_t k = 1; k <= 7; k++) {
            size_t n = sizes[at];
            size_t stride = (n + 31) / 32 * 32;
            struct arena *arena = NULL;
            struct err err = {0};
            assert_true(arena_open(&arena, ARENA_MAX, &err));
            uint16_t *ranks = arena_alloc(arena, k * stride, sizeof(*ranks), &err);
            uint16_t *truth = arena_alloc(arena, n, sizeof(*truth), &err);
            uint8_t *split = arena_alloc(arena, n, 1, &err);
            struct topk_count expected[N_SPLITS][CLASSES] = {0};
            for (size_t i = 0; i < n; i++) {
                truth[i] = (uint16_t)random_below(CLASSES);
                split[i] = (uint8_t)random_below(N_SPLITS);
                struct topk_count *count = &expected[split[i]][truth[i]];
                bool is_found = false;
                for (size_t rank = 0; rank < k; rank++) {
                    uint16_t guess = (uint16_t)random_below(CLASSES + 1);
                    guess = guess == CLASSES ? CLASS_OTHER : guess;
                    ranks[rank * stride + i] = guess;
                    is_found = is_found || (rank < 5 && guess == truth[i]);
                }
                count->images++;
                count->top1 += ranks[i] == truth[i];
                count->top5 += is_found;
            }
            struct topk_counts counts;
            assert_true(topk_count(&counts, &(struct topk_columns){n, stride, k, ranks},
                                   &(struct class_labels){n, CLASSES, truth, split}, arena, &err));
            assert_int_equal(counts.has_top5, k >= 5);
            for (size_t s = 0; s < 2; s++) {
                for (size_t category = 0; category < CLASSES; category++) {
                    const struct topk_count *count = &counts.classes[s][category];
                    assert_int_equal(count->images, expected[s][category].images);
                    assert_int_equal(count->top1, expected[s][category].top1);
                    assert_true(k < 5 || count->top5 == expected[s][category].top5);
                }
            }
            arena_close(&arena);
        }
    }
}

static void test_topk_count_fails_without_memory(void **state)
{
    (void)state;
    struct arena *arena = NULL;
    struct err err = {0};
    struct topk_counts counts;
    uint16_t ranks[32] = {0};
    uint16_t truth[1] = {0};
    uint8_t split[1] = {SPLIT_PUBLIC};

    assert_true(arena_open(&arena, 64, &err));
    assert_false(topk_count(&counts, &(struct topk_columns){1, 32, 1, ranks},
                            &(struct class_labels){1, 1, truth, split}, arena, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    arena_close(&arena);
}

/* Seven images of four classes: worked out by hand. */
static const char small_card[] =
    "{\"schema\":\"assay/scorecard/1\",\"competition\":\"birds\",\"task\":\"classification\","
    "\"rules\":1,\"labels\":3,\"submission\":{\"sha256\":"
    "\"0000000000000000000000000000000000000000000000000000000000000000\",\"bytes\":70,\"rows\":7},"
    "\"splits\":{\"public\":{\"images\":3,\"metrics\":{\"top1_accuracy\":0.6666666666666666,"
    "\"top5_accuracy\":null,\"top1_error\":0.3333333333333333,\"top5_error\":null,"
    "\"mean_class_top1_accuracy\":0.75,\"mean_class_top5_accuracy\":null},"
    "\"counts\":{\"top1_correct\":2,\"top5_correct\":null,\"classes\":2},"
    "\"groups\":{\"supercategory\":{"
    "\"Aves\":{\"classes\":2,\"images\":3,\"metrics\":{\"top1_accuracy\":0.75,"
    "\"top5_accuracy\":null,\"top1_error\":0.25,\"top5_error\":null,"
    "\"mean_class_top1_accuracy\":0.75,\"mean_class_top5_accuracy\":null},"
    "\"counts\":{\"top1_correct\":2,\"top5_correct\":null}},"
    "\"Fungi\":{\"classes\":0,\"images\":0,\"metrics\":{\"top1_accuracy\":null,"
    "\"top5_accuracy\":null,\"top1_error\":null,\"top5_error\":null,"
    "\"mean_class_top1_accuracy\":null,\"mean_class_top5_accuracy\":null},"
    "\"counts\":{\"top1_correct\":0,\"top5_correct\":null}}},\"train_images\":{}},"
    "\"curves\":{}}}}";

/*
 * image  split    truth  guess
 * 0, 1   public   0      0, 2    class 0: 1 of 2
 * 2      public   1      1       class 1: 1 of 1
 * 3      private  0      0
 * 4, 5   private  2      2, 0
 * 6      ignored  3      3
 */
static bool small_evaluate(struct scorecard *card, struct arena *arena, struct err *err)
{
    static const uint16_t ranks[32] = {0, 2, 1, 0, 2, 0, 3};
    static const uint16_t truth[7] = {0, 0, 1, 0, 2, 2, 3};
    static const uint8_t split[7] = {0, 0, 0, 1, 1, 1, 2};
    static const int64_t id[4] = {10, 20, 30, 40};
    static const char *const names[2] = {"Aves", "Fungi"};
    static const uint16_t group[4] = {0, 0, 1, 1};

    *card = (struct scorecard){
        .competition = "birds", .labels = 3, .submission_bytes = 70, .submission_rows = 7};
    return evaluate_topk(
        card, &(struct topk_columns){7, 32, 1, ranks}, &(struct class_labels){7, 4, truth, split},
        &(struct class_info){
            .n_classes = 4, .id = id, .n_groups = 2, .group_name = names, .group = group},
        arena, err);
}

static void test_evaluate_topk_writes_the_card(void **state)
{
    (void)state;
    struct arena *arena = NULL;
    struct scorecard card;
    struct jwriter writer;
    struct err err = {0};

    assert_true(arena_open(&arena, ARENA_MAX, &err));
    assert_true(small_evaluate(&card, arena, &err));
    jwriter_start(&writer, 1 << 20);
    scorecard_write(&writer, &card, CARD_BIT(CARD_PUBLIC));
    assert_true(jwriter_ok(&writer, &err));
    assert_string_equal((const char *)writer.out.data, small_card);
    jwriter_end(&writer);
    arena_close(&arena);
}

static void test_scorecard_metric(void **state)
{
    (void)state;
    static const struct {
        enum card_split split;
        const char *name;
        bool has;
        double value;
    } cases[] = {
        {CARD_PUBLIC, "top1_accuracy", true, 2.0 / 3},
        {CARD_PRIVATE, "top1_accuracy", true, 2.0 / 3},
        {CARD_PRIVATE, "mean_class_top1_accuracy", true, 0.75},
        {CARD_ALL, "top1_error", true, 2.0 / 6},
        {CARD_ALL, "mean_class_top1_accuracy", true, (2.0 / 3 + 1 + 0.5) / 3},
        {CARD_ALL, "top5_error", false, 0},
        {CARD_ALL, "AP", false, 0},
        {CARD_ALL, "", false, 0},
    };
    struct arena *arena = NULL;
    struct scorecard card;
    struct err err = {0};

    assert_true(arena_open(&arena, ARENA_MAX, &err));
    assert_true(small_evaluate(&card, arena, &err));
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        double value = 0;
        assert_int_equal(scorecard_metric(&value, &card, cases[i].split, cases[i].name),
                         cases[i].has);
        assert_true(!cases[i].has || value == cases[i].value);
    }
    assert_int_equal(card.splits[CARD_ALL].images, 6); /* the ignored image is in no split */
    arena_close(&arena);
}

static void test_evaluate_topk_groups_by_training_images(void **state)
{
    (void)state;
    static const uint16_t ranks[32] = {0, 1, 2, 3, 5, 4};
    static const uint16_t truth[6] = {0, 1, 2, 3, 4, 5};
    static const uint8_t split[6] = {0, 0, 0, 0, 0, 0};
    static const int64_t id[6] = {1, 2, 3, 4, 5, 6};
    static const int64_t train_images[6] = {20, 21, 50, 1000, 1001, -1};
    static const struct {
        const char *name;
        int64_t classes;
        int64_t top1;
    } expected[] = {{"0-20", 1, 1},    {"21-50", 2, 2},    {"51-100", 0, 0},   {"101-200", 0, 0},
                    {"201-500", 0, 0}, {"501-1000", 1, 1}, {"over 1000", 1, 0}};
    struct arena *arena = NULL;
    struct scorecard card = {0};
    struct err err = {0};

    assert_true(arena_open(&arena, ARENA_MAX, &err));
    assert_true(evaluate_topk(
        &card, &(struct topk_columns){6, 32, 1, ranks}, &(struct class_labels){6, 6, truth, split},
        &(struct class_info){.n_classes = 6, .id = id, .train_images = train_images}, arena, &err));
    assert_int_equal(card.n_bins, ARRAY_SIZE(expected));
    for (size_t i = 0; i < card.n_bins; i++) {
        const struct scorecard_group *bin = &card.splits[CARD_ALL].bins[i];
        assert_string_equal(bin->name, expected[i].name);
        assert_int_equal(bin->classes, expected[i].classes);
        assert_int_equal(bin->top1_correct, expected[i].top1);
    }
    arena_close(&arena);
}

static void test_metric_table_names_are_unique(void **state)
{
    (void)state;
    static const enum task tasks[] = {TASK_CLASSIFICATION, TASK_DETECTION};

    for (size_t i = 0; i < ARRAY_SIZE(tasks); i++) {
        size_t count;
        const struct metric_info *table = metric_table(&count, tasks[i]);
        for (size_t metric = 0; metric < count; metric++) {
            assert_ptr_equal(metric_find(tasks[i], table[metric].name), &table[metric]);
            assert_int_equal(table[metric].task, tasks[i]);
        }
    }
    assert_false(metric_find(TASK_CLASSIFICATION, "top5_error")->is_higher_better);
    assert_true(metric_find(TASK_DETECTION, "AP50")->is_higher_better);
    assert_null(metric_find(TASK_DETECTION, "top5_error"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_topk_count_equals_a_plain_count),
        cmocka_unit_test(test_topk_count_fails_without_memory),
        cmocka_unit_test(test_evaluate_topk_writes_the_card),
        cmocka_unit_test(test_scorecard_metric),
        cmocka_unit_test(test_evaluate_topk_groups_by_training_images),
        cmocka_unit_test(test_metric_table_names_are_unique),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
