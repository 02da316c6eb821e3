/* SPDX-License-Identifier: MIT */
/*
 * Matching of boxes with true boxes inside one image and class, exactly as pycocotools 2.0.11 does
 * it: ten IoU thresholds and four ranges of area at once. Doubles in the order that the source
 * states, never contracted.
 */
#pragma once

#include "scorer/metric/arrays.h"

enum box_area {
    AREA_ALL,    /* 0 to 1e10 pixels */
    AREA_SMALL,  /* 0 to 32 x 32 */
    AREA_MEDIUM, /* 32 x 32 to 96 x 96 */
    AREA_LARGE,  /* 96 x 96 to 1e10; every range with both its ends */
};

enum { N_AREAS = 4, N_THRESHOLDS = 10, THRESHOLDS_ALL = (1 << N_THRESHOLDS) - 1 };

/* numpy.linspace(0.5, 0.95, 10): the ninth is 0.8999999999999999. */
extern const double match_thresholds[N_THRESHOLDS];

/*
 * Where an area stands among the bounds, rising with the area; MATCH_SIZE_NONE is in no range.
 * An area of exactly 1024 is small and medium, so that a bound is a size of its own.
 */
enum { MATCH_SIZE_NONE = 5, N_SIZES = 6 };

/* The size of an area; a negative one is in no range. */
static inline unsigned match_size(double area)
{
    unsigned above =
        (area >= 1024) + (area > 1024) + (area >= 9216) + (area > 9216) + (area > 1e10);

    return area < 0 ? MATCH_SIZE_NONE : above;
}

/* Bit a: sizes[size] lies in the range a. */
extern const uint8_t match_size_areas[N_SIZES];

/* A true box, and which thresholds have taken it so far. */
struct truth {
    double x;
    double y;
    double right;
    double bottom;
    double size;     /* width x height, for the IoU */
    uint8_t counted; /* bit a: counts in range a; 0 bits are ignored there, and so is every crowd */
    bool is_crowd;
    uint16_t taken[N_AREAS]; /* bit t; starts as 0 */
};

/* Fills a truth from a row of the labels. */
void truth_set(struct truth *truth, const struct box *box, double area, bool is_crowd);

/* What became of a box: bit t of matched[a] and ignored[a] for threshold t in range a. */
struct verdict {
    uint16_t matched[N_AREAS];
    uint16_t ignored[N_AREAS]; /* neither right nor wrong there */
};

/* A true box that the box at hand overlaps by 0.5 or more. */
struct overlap {
    double iou;
    uint32_t truth;
};

/*
 * Judges one box. Boxes of an image come in falling order of score, ties in the order of the file.
 *
 *   verdict    out; set only where the result is true
 *   truths     n_truths in the order of the file, all of the box's image and class; taken by it
 *   overlaps   scratch, n_truths
 *
 * True where the box matches a truth at any threshold in any range. Where it does not, it is wrong
 * at every threshold in the ranges that its own area is in, and ignored in the others.
 *
 * Source   pycocotools 2.0.11, cocoeval.py evaluateImg and maskApi.c bbIou
 */
bool match_box(struct verdict *verdict, const struct box *box, struct truth *truths,
               size_t n_truths, struct overlap *overlaps);
