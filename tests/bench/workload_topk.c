/* SPDX-License-Identifier: MIT */
/*
 * A classification workload: long-tailed classes, two thirds of the images right at the first
 * guess, 13 % among the next four; wrong guesses are mostly of the same super-class.
 */
#include "tests/bench/workload.h"

#include <math.h>
#include <stdlib.h>

#include "tests/bench/random.h"

enum { K = 5, N_CLASSES = 5089, N_SUPERS = 13, SEED = 2017 };

/* iNaturalist 2017: classes of every super-class */
static const uint32_t super_sizes[N_SUPERS] = {2101, 1021, 964, 289, 186, 121, 115,
                                               93,   77,   56,  53,  9,   4};

struct classes {
    double cumulated[N_CLASSES];
    uint32_t super_start[N_CLASSES]; /* first class of the same super-class */
    uint32_t super_size[N_CLASSES];
    uint32_t super_id[N_CLASSES];
};

static void classes_make(struct classes *classes, struct draw *draw)
{
    double sum = 0;
    uint32_t start = 0;

    for (uint32_t super = 0; super < N_SUPERS; super++) {
        for (uint32_t i = start; i < start + super_sizes[super]; i++) {
            sum += exp(1.1 * random_normal(draw));
            classes->cumulated[i] = sum;
            classes->super_start[i] = start;
            classes->super_size[i] = super_sizes[super];
            classes->super_id[i] = super;
        }
        start += super_sizes[super];
    }
}

/* A guess that is not the rank of the right one. */
static uint32_t other_guess(const struct classes *classes, struct draw *draw, uint32_t truth)
{
    if (random_chance(draw, 0.8)) {
        return classes->super_start[truth] + (uint32_t)draw_below(draw, classes->super_size[truth]);
    }
    return (uint32_t)draw_below(draw, N_CLASSES);
}

static bool is_among(const uint32_t *guesses, size_t n, uint32_t guess)
{
    for (size_t i = 0; i < n; i++) {
        if (guesses[i] == guess) {
            return true;
        }
    }
    return false;
}

/* K different classes, the truth among them with the right chance. */
static void guesses_make(uint32_t guesses[static K], const struct classes *classes,
                         struct draw *draw, uint32_t truth)
{
    size_t right_at = K; /* nowhere */

    if (random_chance(draw, 0.67)) {
        right_at = 0;
    } else if (random_chance(draw, 0.6)) {
        right_at = 1 + (size_t)draw_below(draw, K - 1);
    }
    for (size_t rank = 0; rank < K; rank++) {
        if (rank == right_at) {
            guesses[rank] = truth;
            continue;
        }
        do {
            guesses[rank] = other_guess(classes, draw, truth);
            if (classes->super_size[truth] < 2 * K) { /* a small super-class runs out */
                guesses[rank] = (uint32_t)draw_below(draw, N_CLASSES);
            }
        } while (guesses[rank] == truth || is_among(guesses, rank, guesses[rank]));
    }
}

static bool write_categories(const char *folder, const struct classes *classes, struct err *err)
{
    FILE *out = workload_open(folder, "categories.csv", err);

    if (out == NULL) {
        return false;
    }
    fprintf(out, "category_id,supercategory\n");
    for (uint32_t i = 0; i < N_CLASSES; i++) {
        fprintf(out, "%u,super%u\n", i, classes->super_id[i]);
    }
    return workload_close(out, "categories.csv", err);
}

static bool write_submission(const char *folder, const struct classes *classes, struct draw *draw,
                             const uint32_t *ids, const uint32_t *truth, size_t n_images,
                             struct err *err)
{
    FILE *out = workload_open(folder, "submission.csv", err);

    if (out == NULL) {
        return false;
    }
    fprintf(out, "id,predicted\n");
    for (size_t i = 0; i < n_images; i++) {
        uint32_t guesses[K];
        guesses_make(guesses, classes, draw, truth[i]);
        fprintf(out, "%u,%u %u %u %u %u\n", ids[i], guesses[0], guesses[1], guesses[2], guesses[3],
                guesses[4]);
    }
    return workload_close(out, "submission.csv", err);
}

/* The labels, in another order than the submission. */
static bool write_solution(const char *folder, struct draw *draw, const uint32_t *ids,
                           const uint32_t *truth, uint32_t *order, size_t n_images, struct err *err)
{
    FILE *out = workload_open(folder, "solution.csv", err);

    if (out == NULL) {
        return false;
    }
    for (size_t i = 0; i < n_images; i++) {
        order[i] = (uint32_t)i;
    }
    random_shuffle(draw, order, n_images);
    fprintf(out, "id,expected,usage\n");
    for (size_t i = 0; i < n_images; i++) {
        fprintf(out, "%u,%u,%s\n", ids[order[i]], truth[order[i]],
                random_chance(draw, 0.33) ? "Public" : "Private");
    }
    return workload_close(out, "solution.csv", err);
}

bool workload_topk_write(const char *folder, size_t n_images, struct err *err)
{
    struct draw draw = {.state = SEED};
    struct classes *classes = calloc(1, sizeof(*classes));
    uint32_t *numbers = calloc(3 * n_images, sizeof(*numbers));
    bool ok = false;

    if (classes == NULL || numbers == NULL) {
        err_set(err, ERR_SYSTEM, "no memory for %zu images", n_images);
        goto out;
    }
    uint32_t *ids = numbers;
    uint32_t *truth = numbers + n_images;
    classes_make(classes, &draw);
    for (uint32_t i = 0; i < n_images; i++) {
        ids[i] = 3 * (i + 1) + (uint32_t)draw_below(&draw, 3);
        truth[i] = (uint32_t)random_weighted(&draw, classes->cumulated, N_CLASSES);
    }
    random_shuffle(&draw, ids, n_images);
    ok = write_categories(folder, classes, err) &&
         write_submission(folder, classes, &draw, ids, truth, n_images, err) &&
         write_solution(folder, &draw, ids, truth, numbers + 2 * n_images, n_images, err);
out:
    free(numbers);
    free(classes);
    return ok;
}
