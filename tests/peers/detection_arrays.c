/* SPDX-License-Identifier: MIT */
/*
 * The points of every curve, for a comparison with another engine. Reads names of folders (as those
 * of tests/golden/detection) from stdin and writes a line for each: SHA-256 of the precision,
 * recall and score arrays and the twelve numbers, then the same with all classes taken as one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/sha256.h"
#include "common/text.h"
#include "scorer/data/labels.h"
#include "scorer/data/submission.h"
#include "scorer/metric/coarsen.h"
#include "scorer/metric/detection.h"

enum { MEMORY_MAX = 1 << 30, PATH_SIZE = 4096 };

static void print_hash(const double *array, size_t count)
{
    uint8_t digest[SHA256_BYTES];
    char hex[SHA256_HEX_SIZE];

    sha256_of(digest, array, count * sizeof(*array));
    hex_text(hex, digest, sizeof(digest));
    printf("%s ", hex);
}

static bool print_level(const struct box_columns *columns, const struct box_labels *labels,
                        struct arena *arena, struct err *err)
{
    size_t n = N_THRESHOLDS * labels->n_classes * N_AREAS * N_LIMITS;
    struct curve_arrays arrays = {
        .n_classes = labels->n_classes,
        .precision = arena_alloc(arena, n, CURVE_POINTS * sizeof(double), err),
        .recall = arena_alloc(arena, n, sizeof(double), err),
        .scores = arena_alloc(arena, n, CURVE_POINTS * sizeof(double), err),
    };
    struct detection_options options = {
        .n_threads = 2, .arrays = &arrays, .arrays_split = CARD_ALL};
    struct detection_result result;
    struct metric_values mean;

    if (arrays.precision == NULL || arrays.recall == NULL || arrays.scores == NULL ||
        !detection_evaluate(&result, columns, labels, &options, arena, err)) {
        return false;
    }
    print_hash(arrays.precision, n * CURVE_POINTS);
    print_hash(arrays.recall, n);
    print_hash(arrays.scores, n * CURVE_POINTS);
    options.arrays = NULL; /* the numbers by the short way */
    if (!detection_evaluate(&result, columns, labels, &options, arena, err)) {
        return false;
    }
    detection_mean(&mean, &result, CARD_ALL, NULL, 0);
    for (unsigned i = 0; i < N_BOX_METRICS; i++) {
        double value = -1;
        printf("%.17g ", metric_get(&value, &mean, i) ? value : -1);
    }
    return true;
}

static bool print_coarse(const struct box_columns *columns, const struct box_labels *labels,
                         struct arena *arena, struct err *err)
{
    uint16_t *group = arena_alloc(arena, labels->n_classes, sizeof(*group), err);
    const struct grouping one = {.n_groups = 1, .group = group};
    struct box_columns coarse_columns;
    struct box_labels coarse_labels;

    return group != NULL && coarsen_columns(&coarse_columns, columns, &one, arena, err) &&
           coarsen_labels(&coarse_labels, labels, &one, arena, err) &&
           print_level(&coarse_columns, &coarse_labels, arena, err);
}

static bool print_folder(const char *folder, struct arena *arena, struct problems *problems,
                         struct err *err)
{
    static const struct submission_columns names = {.image_id = "image_id",
                                                    .category_id = "category_id",
                                                    .score = "score",
                                                    .x = "x",
                                                    .y = "y",
                                                    .width = "width",
                                                    .height = "height"};
    char path[PATH_SIZE];
    struct labels *labels = NULL;
    struct submission submission;

    if (!labels_load(&labels, &(struct labels_source){.task = TASK_DETECTION, .path = folder},
                     problems, err)) {
        return false;
    }
    snprintf(path, sizeof(path), "%s/predictions.csv", folder);
    struct submission_source source = {.form = {.format = FORMAT_BOXES, .columns = &names},
                                       .catalog = &labels->catalog,
                                       .n_threads = 1,
                                       .fd = open(path, O_RDONLY | O_CLOEXEC)};
    bool ok = source.fd >= 0 ? submission_read(&submission, &source, arena, problems, err)
                             : err_set(err, ERR_SYSTEM, "open %s: %s", path, strerror(errno));
    ok = ok && print_level(&submission.boxes, &labels->boxes, arena, err) &&
         print_coarse(&submission.boxes, &labels->boxes, arena, err);
    if (source.fd >= 0) {
        close(source.fd);
    }
    labels_close(&labels);
    return ok;
}

int main(void)
{
    static struct problems problems;
    char folder[PATH_SIZE - 64];
    struct arena *arena = NULL;
    struct err err = {0};

    bool ok = arena_open(&arena, MEMORY_MAX, &err);
    while (ok && fgets(folder, sizeof(folder), stdin) != NULL) {
        folder[strcspn(folder, "\n")] = '\0';
        arena_reset(arena);
        ok = print_folder(folder, arena, &problems, &err);
        puts("");
    }
    if (!ok) {
        fprintf(stderr, "%s: %s %s\n", folder, err.text, problems.kept[0].text);
    }
    arena_close(&arena);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
