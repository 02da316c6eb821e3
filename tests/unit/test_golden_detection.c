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

enum { ARENA_MAX = 1 << 30, FIELDS_MAX = 8 };

struct rows {
    size_t n_rows;
    double (*field)[FIELDS_MAX];
};

static void rows_read(struct rows *rows, struct golden *golden, const char *name)
{
    char path[GOLDEN_PATH_SIZE];
    char line[1024];

    golden_file(path, golden, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof(line), file));
    *rows = (struct rows){0};
    size_t capacity = 0;
    while (fgets(line, sizeof(line), file) != NULL) {
        char *at = line;
        if (rows->n_rows == capacity) {
            capacity = capacity * 2 + 16;
            rows->field = realloc(rows->field, capacity * sizeof(*rows->field));
        }
        for (size_t i = 0; i < FIELDS_MAX && *at != '\n' && *at != '\0'; i++) {
            rows->field[rows->n_rows][i] = strtod(at, &at);
            at += *at == ',';
        }
        rows->n_rows++;
    }
    fclose(file);
}

static int compare_rows(const void *a, const void *b)
{
    double left = ((const double *)a)[0];
    double right = ((const double *)b)[0];

    return (left > right) - (left < right);
}

static size_t find_id(const struct rows *sorted, double id)
{
    for (size_t low = 0, high = sorted->n_rows; low < high;) {
        size_t middle = (low + high) / 2;
        if (sorted->field[middle][0] == id) {
            return middle;
        }
        if (sorted->field[middle][0] < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return SIZE_MAX;
}

static void sort_ids(struct rows *rows)
{
    size_t n = 0;

    qsort(rows->field, rows->n_rows, sizeof(*rows->field), compare_rows);
    for (size_t i = 0; i < rows->n_rows; i++) {
        if (n == 0 || rows->field[n - 1][0] != rows->field[i][0]) {
            memcpy(rows->field[n++], rows->field[i], sizeof(*rows->field));
        }
    }
    rows->n_rows = n;
}

struct problem_set {
    struct box_columns columns;
    struct box_labels labels;
    struct arena *arena;
};

/* Class-major order; `keep` gets the source rows. Rows with an unknown image or class are dropped,
 * as the expected numbers have it. */
static size_t class_major(size_t *class_start, size_t *keep, const struct rows *rows,
                          const struct rows *images, const struct rows *categories)
{
    size_t n = 0;

    for (size_t category = 0; category < categories->n_rows; category++) {
        class_start[category] = n;
        for (size_t row = 0; row < rows->n_rows; row++) {
            if (rows->field[row][1] == categories->field[category][0] &&
                find_id(images, rows->field[row][0]) != SIZE_MAX) {
                keep[n++] = row;
            }
        }
    }
    class_start[categories->n_rows] = n;
    return n;
}

static void set_read(struct problem_set *set, struct golden *golden)
{
    struct rows images;
    struct rows categories;
    struct rows truths;
    struct rows boxes;
    struct err err = {0};

    rows_read(&images, golden, "images.csv");
    rows_read(&categories, golden, "categories.csv");
    rows_read(&truths, golden, "ground_truth.csv");
    rows_read(&boxes, golden, "predictions.csv");
    sort_ids(&images);
    sort_ids(&categories);
    assert_true(arena_open(&set->arena, ARENA_MAX, &err));
    struct arena *arena = set->arena;
    size_t n_classes = categories.n_rows;
    size_t *truth_start = arena_alloc(arena, n_classes + 1, sizeof(size_t), &err);
    size_t *box_start = arena_alloc(arena, n_classes + 1, sizeof(size_t), &err);
    size_t *keep = arena_alloc(arena, truths.n_rows + boxes.n_rows, sizeof(size_t), &err);
    size_t n_truths = class_major(truth_start, keep, &truths, &images, &categories);
    uint32_t *truth_image = arena_alloc(arena, n_truths, sizeof(uint32_t), &err);
    struct box *truth_box = arena_alloc(arena, n_truths, sizeof(struct box), &err);
    double *area = arena_alloc(arena, n_truths, sizeof(double), &err);
    uint8_t *is_crowd = arena_alloc(arena, n_truths, 1, &err);
    for (size_t i = 0; i < n_truths; i++) {
        const double *field = truths.field[keep[i]];
        truth_image[i] = (uint32_t)find_id(&images, field[0]);
        truth_box[i] = (struct box){field[2], field[3], field[4], field[5]};
        area[i] = field[6];
        is_crowd[i] = field[7] != 0;
    }
    uint8_t *split = arena_alloc(arena, images.n_rows, 1, &err);
    set->labels = (struct box_labels){images.n_rows, n_classes, n_truths, truth_start, truth_image,
                                      truth_box,     area,      is_crowd, split};
    size_t n_boxes = class_major(box_start, keep, &boxes, &images, &categories);
    uint32_t *box_image = arena_alloc(arena, n_boxes, sizeof(uint32_t), &err);
    struct box *box = arena_alloc(arena, n_boxes, sizeof(struct box), &err);
    double *score = arena_alloc(arena, n_boxes, sizeof(double), &err);
    for (size_t i = 0; i < n_boxes; i++) {
        const double *field = boxes.field[keep[i]];
        box_image[i] = (uint32_t)find_id(&images, field[0]);
        score[i] = field[2];
        box[i] = (struct box){field[3], field[4], field[5], field[6]};
    }
    set->columns = (struct box_columns){n_boxes, n_classes, box_start, box_image, score, box};
    free(images.field);
    free(categories.field);
    free(truths.field);
    free(boxes.field);
}

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
static void check_splits(const struct problem_set *set)
{
    static const uint8_t of_card[N_CARD_SPLITS] = {SPLIT_PUBLIC, SPLIT_PRIVATE, N_SPLITS};
    size_t n_images = set->labels.n_images;
    struct box_labels labels = set->labels;
    struct detection_options options = {.n_threads = 2};
    struct detection_result mixed;
    struct detection_result alone;
    struct err err = {0};
    uint8_t *split = malloc(n_images);
    uint8_t *masked = malloc(n_images);

    for (size_t image = 0; image < n_images; image++) {
        split[image] = (uint8_t)(image * 2654435761u >> 7) % N_SPLITS;
    }
    labels.split = split;
    assert_true(detection_evaluate(&mixed, &set->columns, &labels, &options, set->arena, &err));
    for (unsigned card = 0; card < N_CARD_SPLITS; card++) {
        for (size_t image = 0; image < n_images; image++) {
            bool is_in = split[image] == of_card[card] ||
                         (card == CARD_ALL && split[image] != SPLIT_IGNORED);
            masked[image] = is_in ? SPLIT_PUBLIC : SPLIT_IGNORED;
        }
        labels.split = masked;
        assert_true(detection_evaluate(&alone, &set->columns, &labels, &options, set->arena, &err));
        assert_memory_equal(mixed.classes[card], alone.classes[CARD_ALL],
                            alone.n_classes * sizeof(struct metric_values));
    }
    free(split);
    free(masked);
}

static void check_case(const char *name)
{
    struct golden golden;
    struct problem_set set;
    struct err err = {0};
    struct detection_result complete;
    struct detection_result result;
    struct metric_values values;

    golden_open(&golden, name);
    set_read(&set, &golden);
    size_t n_points = N_THRESHOLDS * set.labels.n_classes * N_AREAS * N_LIMITS;
    struct curve_arrays arrays = {
        .n_classes = set.labels.n_classes,
        .precision = malloc(n_points * CURVE_POINTS * sizeof(double)),
        .recall = malloc(n_points * sizeof(double)),
        .scores = malloc(n_points * CURVE_POINTS * sizeof(double)),
    };
    assert_true(detection_evaluate(
        &complete, &set.columns, &set.labels,
        &(struct detection_options){.n_threads = 2, .arrays = &arrays, .arrays_split = CARD_ALL},
        set.arena, &err));
    assert_sha256(&golden, "precision", arrays.precision, n_points * CURVE_POINTS);
    assert_sha256(&golden, "recall", arrays.recall, n_points);
    assert_sha256(&golden, "scores", arrays.scores, n_points * CURVE_POINTS);
    for (size_t n_threads = 1; n_threads <= 3; n_threads++) {
        assert_true(detection_evaluate(&result, &set.columns, &set.labels,
                                       &(struct detection_options){.n_threads = n_threads},
                                       set.arena, &err));
        assert_same_numbers(&result, &complete);
    }
    detection_mean(&values, &result, CARD_ALL, NULL, 0);
    assert_numbers(&golden, &values);
    check_splits(&set);
    free(arrays.precision);
    free(arrays.recall);
    free(arrays.scores);
    arena_close(&set.arena);
    golden_close(&golden);
}

static void test_edge_cases(void **state)
{
    (void)state;
    static const char *const not_finite = "nan_score"; /* what the reader refuses */
    size_t n_cases = 0;

    DIR *folder = opendir(ASSAY_SOURCE_DIR "/tests/golden/detection/edge");
    assert_non_null(folder);
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        char name[GOLDEN_PATH_SIZE];
        if (entry->d_name[0] == '.' || strcmp(entry->d_name, not_finite) == 0) {
            continue;
        }
        snprintf(name, sizeof(name), "detection/edge/%s", entry->d_name);
        check_case(name);
        n_cases++;
    }
    closedir(folder);
    assert_int_equal(n_cases, 52);
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
        cmocka_unit_test(test_edge_cases),
        cmocka_unit_test(test_coco_val2014_100),
        cmocka_unit_test(test_coco_like_500),
        cmocka_unit_test(test_inat_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
