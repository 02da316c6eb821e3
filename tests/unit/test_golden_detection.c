/* SPDX-License-Identifier: MIT */
/*
 * Detection against tests/golden/detection: every point of every curve equal by SHA-256, the
 * twelve numbers to 1e-12. The expected numbers come from pycocotools 2.0.11, those of
 * coco_val2014_100 are also what its authors publish for the official fake results.
 */
#include "golden.h"

#include <dirent.h>
#include <math.h>

#include "common/sha256.h"
#include "common/text.h"
#include "scorer/metric/detection.h"

static const char competition_text[] = "competition: golden\ntask: detection\nmetric: AP\n"
                                       "submission: {format: boxes}\n";

static void assert_sha256(const struct golden *golden, const char *key, const double *array,
                          size_t count)
{
    uint8_t digest[SHA256_BYTES];
    char hex[SHA256_HEX_SIZE];
    const struct jvalue *sums = jvalue_member(jdoc_root(golden->expected), "sha256");

    sha256_of(digest, array, count * sizeof(*array));
    hex_text(hex, digest, sizeof(digest));
    if (strcmp(hex, jvalue_text(jvalue_member(sums, key))) != 0) {
        print_error("%s: %s differs\n", golden->folder, key);
        fail();
    }
}

/* The names of the twelve numbers in expected.json. */
static const char *const stat_names[N_BOX_METRICS] = {"AP",  "AP50", "AP75",  "APs", "APm", "APl",
                                                      "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"};

static void assert_numbers(const struct golden *golden, const struct metric_values *values)
{
    const struct jvalue *stats = jvalue_member(jdoc_root(golden->expected), "stats");

    for (unsigned i = 0; i < N_BOX_METRICS; i++) {
        double expected = golden_number(stats, stat_names[i]);
        double value = -1; /* how pycocotools says that there is no ground truth */
        bool has = metric_get(&value, values, i);
        if (has != (expected >= 0) || fabs(value - expected) > 1e-12) {
            print_error("%s: %s is %.17g, not %.17g\n", golden->folder, stat_names[i], value,
                        expected);
            fail();
        }
    }
}

static void assert_same_numbers(const struct detection_result *a, const struct detection_result *b)
{
    for (unsigned split = 0; split < N_CARD_SPLITS; split++) {
        assert_memory_equal(a->classes[split], b->classes[split],
                            a->n_classes * sizeof(struct metric_values));
    }
}

/* Every split must be what all images give where the images of the others are ignored. */
static void check_splits(const struct golden *golden)
{
    static const uint8_t of_card[N_CARD_SPLITS] = {SPLIT_PUBLIC, SPLIT_PRIVATE, N_SPLITS};
    const struct box_columns *columns = &golden->submission.boxes;
    struct box_labels labels = golden->labels->boxes;
    struct detection_options options = {.n_threads = 2};
    struct detection_result mixed;
    struct detection_result alone;
    struct err err = {0};
    uint8_t *split = malloc(labels.n_images);
    uint8_t *masked = malloc(labels.n_images);

    for (size_t image = 0; image < labels.n_images; image++) {
        split[image] = (uint8_t)(image * 2654435761u >> 7) % N_SPLITS;
    }
    labels.split = split;
    assert_true(detection_evaluate(&mixed, columns, &labels, &options, golden->arena, &err));
    for (unsigned card = 0; card < N_CARD_SPLITS; card++) {
        for (size_t image = 0; image < labels.n_images; image++) {
            bool is_in = split[image] == of_card[card] ||
                         (card == CARD_ALL && split[image] != SPLIT_IGNORED);
            masked[image] = is_in ? SPLIT_PUBLIC : SPLIT_IGNORED;
        }
        labels.split = masked;
        assert_true(detection_evaluate(&alone, columns, &labels, &options, golden->arena, &err));
        assert_memory_equal(mixed.classes[card], alone.classes[CARD_ALL],
                            alone.n_classes * sizeof(struct metric_values));
    }
    free(split);
    free(masked);
}

static void check_curves(const struct golden *golden)
{
    const struct box_columns *columns = &golden->submission.boxes;
    const struct box_labels *labels = &golden->labels->boxes;
    size_t n_points = N_THRESHOLDS * labels->n_classes * N_AREAS * N_LIMITS;
    struct curve_arrays arrays = {
        .n_classes = labels->n_classes,
        .precision = malloc(n_points * CURVE_POINTS * sizeof(double)),
        .recall = malloc(n_points * sizeof(double)),
        .scores = malloc(n_points * CURVE_POINTS * sizeof(double)),
    };
    struct detection_options options = {
        .n_threads = 2, .arrays = &arrays, .arrays_split = CARD_ALL};
    struct detection_result complete;
    struct detection_result result;
    struct metric_values values;
    struct err err = {0};

    assert_true(detection_evaluate(&complete, columns, labels, &options, golden->arena, &err));
    assert_sha256(golden, "precision", arrays.precision, n_points * CURVE_POINTS);
    assert_sha256(golden, "recall", arrays.recall, n_points);
    assert_sha256(golden, "scores", arrays.scores, n_points * CURVE_POINTS);
    options.arrays = NULL;
    for (options.n_threads = 1; options.n_threads <= 3; options.n_threads++) {
        assert_true(detection_evaluate(&result, columns, labels, &options, golden->arena, &err));
        assert_same_numbers(&result, &complete);
    }
    detection_mean(&values, &result, CARD_ALL, NULL, 0);
    assert_numbers(golden, &values);
    free(arrays.precision);
    free(arrays.recall);
    free(arrays.scores);
}

static void check_case(const char *name)
{
    struct competition competition;
    struct golden golden;

    golden_competition(&competition, competition_text);
    golden_open(&golden, name);
    golden_labels(&golden, "", &competition);
    assert_true(golden_read(&golden, "predictions.csv", &competition));
    check_curves(&golden);
    check_splits(&golden);
    golden_close(&golden);
}

/* Where pycocotools drops a row in silence, fails, or sorts a nan last, ours is an error. */
static const struct {
    const char *name;
    struct golden_problem problem;
} refused[] = {
    {"nan_score", {2, 5, "score 'nan' is no number"}},
    {"unknown_category", {2, 3, "class '9' is not in the list of classes"}},
    {"unknown_image", {2, 1, "id '99' is not in the list of images"}},
};

static void test_refused_cases(void **state)
{
    (void)state;
    struct competition competition;

    golden_competition(&competition, competition_text);
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        struct golden golden;
        char name[GOLDEN_PATH_SIZE];
        snprintf(name, sizeof(name), "detection/edge/%s", refused[i].name);
        golden_open(&golden, name);
        golden_labels(&golden, "", &competition);
        assert_false(golden_read(&golden, "predictions.csv", &competition));
        golden_problems(&golden, 1, &refused[i].problem, 1);
        golden_close(&golden);
    }
}

static bool is_refused(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        if (strcmp(refused[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void test_edge_cases(void **state)
{
    (void)state;
    size_t n_cases = 0;

    DIR *folder = opendir(ASSAY_SOURCE_DIR "/tests/golden/detection/edge");
    assert_non_null(folder);
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        char name[GOLDEN_PATH_SIZE];
        if (entry->d_name[0] == '.' || is_refused(entry->d_name)) {
            continue;
        }
        snprintf(name, sizeof(name), "detection/edge/%s", entry->d_name);
        check_case(name);
        n_cases++;
    }
    closedir(folder);
    assert_int_equal(n_cases, 53 - ARRAY_SIZE(refused));
}

static void test_coco_val2014_100(void **state)
{
    (void)state;
    check_case("detection/coco_val2014_100");
}

static void test_coco_like_500(void **state)
{
    (void)state;
    check_case("detection/coco_like_500");
}

static void test_inat_small(void **state)
{
    (void)state;
    check_case("detection/inat_small");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edge_cases),       cmocka_unit_test(test_refused_cases),
        cmocka_unit_test(test_coco_val2014_100), cmocka_unit_test(test_coco_like_500),
        cmocka_unit_test(test_inat_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
