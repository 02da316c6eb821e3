/* SPDX-License-Identifier: MIT */
/*
 * Precision-recall curves of one class from its hits (boxes that match anything) and from counts
 * of the boxes that match nothing. Precision only rises at a right box, so that the curve needs no
 * other point. The numbers are those of pycocotools 2.0.11 to the bit; means add up in the order
 * of thresholds.
 */
#pragma once

#include "schemas/scorecard.h"
#include "scorer/metric/match.h"

/* How many boxes of an image and class are looked at. */
enum box_limit {
    LIMIT_1,
    LIMIT_10,
    LIMIT_100,
};

enum { N_LIMITS = 3 };

extern const uint32_t curve_limits[N_LIMITS];

/* numpy.linspace(0, 1, 101): ten of them are one step above i / 100. */
extern const double curve_recalls[CURVE_POINTS];

struct hit {
    uint64_t key; /* rises as the score falls */
    uint32_t image;
    uint32_t row; /* in the class */
    struct verdict verdict;
    uint8_t rank;  /* in its image, below 100 */
    uint8_t split; /* SPLIT_PUBLIC or SPLIT_PRIVATE */
};

/* Counts of one place between hits, by match_size; 32 bytes, so that none straddles lines. */
struct misses {
    uint32_t count[8];
};

struct curve_set {
    size_t n_hits;
    const struct hit *hits; /* falling score, then rising image, then rising row */
    /* By limit: misses between hit i - 1 and hit i stand at [split * n_hits + i]; NULL where the
     * limit is not wanted. */
    const struct misses *misses[N_LIMITS];
    uint32_t positives[N_SPLITS][N_AREAS]; /* true boxes that count */
    double *precision;                     /* scratch, N_THRESHOLDS x n_hits */
    uint8_t *reached;                      /* scratch, n_hits + 1 */
};

/*
 * The twelve numbers of the class in a split; a number without true boxes has no value.
 *
 *   values   out
 *   curve    out, CURVE_POINTS precisions at IoU 0.5, area all; NULL where not wanted
 *   set      needs the misses of LIMIT_100
 */
void curve_numbers(struct metric_values *values, double *curve, const struct curve_set *set,
                   enum card_split split);

/*
 * All curves, in the layout of pycocotools' eval: precision and scores [T][R][K][A][M], recall
 * [T][K][A][M], with -1 where there are no true boxes.
 */
struct curve_arrays {
    size_t n_classes; /* K */
    double *precision;
    double *recall;
    double *scores;
};

/*
 * Writes one class into the arrays; all but `arrays` and what it points to is input.
 *
 *   top_score  score of the first box of the class in the split, 0 where it has none
 *   score      of all rows of the class
 *   set        needs the misses of all limits
 */
void curve_write(const struct curve_arrays *arrays, size_t category, const struct curve_set *set,
                 enum card_split split, double top_score, const double *score);

/* Fills the arrays with -1. */
void curve_clear(const struct curve_arrays *arrays);
