/* SPDX-License-Identifier: MIT */
/*
 * Classification against tests/golden/classification: the counts exactly, shares and means to
 * 1e-12. The expected numbers were counted in Python, apart from this code; what the official
 * iNaturalist script lets through and ours does not is an error with its place.
 */
#include "golden.h"

#include <math.h>

#include "scorer/metric/evaluate.h"

static void assert_near(const char *what, double value, double expected)
{
    if (fabs(value - expected) > 1e-12) {
        fail_msg("%s is %.17g, not %.17g", what, value, expected);
    }
}

static void open_case(struct golden *golden, struct competition *competition, const char *name,
                      int k)
{
    char text[256];
    char folder[GOLDEN_PATH_SIZE];

    snprintf(text, sizeof(text),
             "competition: golden\ntask: classification\nmetric: top1_error\n"
             "submission: {format: topk, k: %d}\n",
             k);
    golden_competition(competition, text);
    snprintf(folder, sizeof(folder), "classification/%s", name);
    golden_open(golden, folder);
}

static double share(const struct scorecard *card, enum card_split split, const char *name)
{
    double value = -1;

    assert_true(scorecard_metric(&value, card, split, name));
    return value;
}

/* What the iNaturalist script gave for a split; 0 also where it has no image. */
static void check_official(const struct scorecard *card, const struct jvalue *expected,
                           const char *k, const char *metric)
{
    const struct jvalue *official = jvalue_member(jvalue_member(expected, "inat_comp"), k);

    if (!jvalue_is_object(official)) {
        return;
    }
    if (card->splits[CARD_PUBLIC].images > 0) {
        assert_near("public", share(card, CARD_PUBLIC, metric), golden_number(official, "public"));
    }
    if (card->splits[CARD_PRIVATE].images > 0) {
        assert_near("private", share(card, CARD_PRIVATE, metric),
                    golden_number(official, "private"));
    }
}

/* The mean of all groups' numbers: groups are means over their classes. */
static void check_groups(const struct scorecard *card, const struct jvalue *top,
                         enum topk_metric metric, bool is_top5)
{
    const struct jvalue *pooled = jvalue_member(top, "super_pooled");
    const struct scorecard_split *split = &card->splits[CARD_ALL];
    double sum = 0;

    if (pooled == NULL) {
        return;
    }
    for (size_t i = 0; i < card->n_groups; i++) {
        const struct scorecard_group *group = &split->groups[i];
        const struct jvalue *counts = jvalue_member(pooled, group->name);
        int64_t correct;
        int64_t images;
        double value;
        assert_true(jvalue_int(&correct, jvalue_item(counts, 0)));
        assert_true(jvalue_int(&images, jvalue_item(counts, 1)));
        assert_int_equal(is_top5 ? group->top5_correct : group->top1_correct, correct);
        assert_int_equal(group->images, images);
        assert_true(metric_get(&value, &group->metrics, metric));
        sum += value;
    }
    assert_near("super_macro_of_class_means", sum / (double)card->n_groups,
                golden_number(top, "super_macro_of_class_means"));
}

static void check_card(const struct golden *golden, const struct scorecard *card)
{
    const struct jvalue *expected = jdoc_root(golden->expected);
    const struct jvalue *top1 = jvalue_member(expected, "top1");
    const struct jvalue *top5 = jvalue_member(expected, "top5");
    const struct scorecard_split *split = &card->splits[CARD_ALL];

    assert_true(split->images == (int64_t)golden_number(expected, "n"));
    assert_true(split->classes == (int64_t)golden_number(top1, "n_classes_in_solution"));
    assert_true(split->top1_correct == (int64_t)golden_number(top1, "correct"));
    assert_near("top1", share(card, CARD_ALL, "top1_accuracy"), golden_number(top1, "accuracy"));
    assert_near("error", share(card, CARD_ALL, "top1_error"), golden_number(top1, "error_mean"));
    assert_near("macro", share(card, CARD_ALL, "mean_class_top1_accuracy"),
                golden_number(top1, "per_class_macro"));
    check_official(card, expected, "k1", "top1_accuracy");
    check_groups(card, top1, TOP1_ACCURACY, false);
    assert_int_equal(card->has_top5, top5 != NULL);
    if (top5 == NULL) {
        return;
    }
    assert_true(split->top5_correct == (int64_t)golden_number(top5, "correct"));
    assert_near("top5", share(card, CARD_ALL, "top5_accuracy"), golden_number(top5, "accuracy"));
    assert_near("error", share(card, CARD_ALL, "top5_error"), golden_number(top5, "error_mean"));
    assert_near("macro", share(card, CARD_ALL, "mean_class_top5_accuracy"),
                golden_number(top5, "per_class_macro"));
    check_official(card, expected, "k5", "top5_accuracy");
    check_groups(card, top5, TOP5_ACCURACY, true);
}

static void test_scored_cases(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int k;
        const char *solution; /* "": in the folder */
    } cases[] = {
        {"cifar10_top5_real", 5, ""},    {"edge_all_right", 5, ""},
        {"edge_crlf_and_spaces", 5, ""}, {"edge_macro", 5, ""},
        {"edge_usage", 5, ""},           {"imagenet_val_top1_real", 1, "solution.csv"},
        {"inat_like_20000", 5, ""},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct competition competition;
        struct golden golden;
        struct scorecard card = {0};
        struct err err = {0};
        open_case(&golden, &competition, cases[i].name, cases[i].k);
        golden_labels(&golden, cases[i].solution, &competition);
        assert_true(golden_read(&golden, "submission.csv", &competition));
        assert_true(evaluate_topk(&card, &golden.submission.topk, &golden.labels->truth,
                                  &golden.labels->classes, golden.arena, &err));
        check_card(&golden, &card);
        golden_close(&golden);
    }
}

static void test_refused_cases(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint64_t n_all;
        struct golden_problem problems[3]; /* the first ones */
    } cases[] = {
        {"edge_double_space",
         2,
         {{2, 5, "' 2 7 8 9' follows a space too many: class ids are separated by single spaces"},
          {3, 5, "' 7 8 9 4' follows a space too many: class ids are separated by single spaces"}}},
        {"edge_duplicate_ids", 1, {{3, 1, "id 'a' repeats"}}},
        {"edge_duplicate_labels",
         7,
         {{2, 5, "'7' repeats in this row"},
          {2, 7, "'7' repeats in this row"},
          {2, 9, "'7' repeats in this row"}}},
        {"edge_extra_ids", 1, {{3, 1, "id 'z' is not in the list of images"}}},
        {"edge_missing_ids", 1, {{3, 1, "1 id is missing: 'b'"}}},
        {"edge_rank5_and_rank6", 1, {{3, 3, "row has 6 class ids, expected 5"}}},
        {"edge_short_rows",
         2,
         {{2, 3, "row has 1 class ids, expected 5"}, {3, 3, "row has 2 class ids, expected 5"}}},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct competition competition;
        struct golden golden;
        size_t n = cases[i].n_all < ARRAY_SIZE(cases[i].problems) ? cases[i].n_all
                                                                  : ARRAY_SIZE(cases[i].problems);
        open_case(&golden, &competition, cases[i].name, 5);
        golden_labels(&golden, "", &competition);
        assert_false(golden_read(&golden, "submission.csv", &competition));
        golden_problems(&golden, cases[i].n_all, cases[i].problems, n);
        golden_close(&golden);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scored_cases),
        cmocka_unit_test(test_refused_cases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
