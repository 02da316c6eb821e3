/* SPDX-License-Identifier: MIT */
/*
 * COCO bbox evaluation, as pycocotools 2.0.11 computes it. Memory follows the boxes: there is no
 * table of images by classes. Classes are shared out to threads; each writes its own cells and all
 * sums run in the order of the classes, so that the result does not depend on their number.
 */
#pragma once

#include "common/arena.h"
#include "schemas/scorecard.h"
#include "scorer/metric/arrays.h"
#include "scorer/metric/curve.h"
#include "scorer/metric/groups.h"

struct detection_options {
    size_t n_threads; /* 1 or more, the caller's own included */
    bool has_curves;  /* keep the curve at IoU 0.5 of every class */
    /* Every point of every curve of one split: for tests and reports, much more work. NULL where
     * not wanted; the arrays are the caller's. */
    const struct curve_arrays *arrays;
    enum card_split arrays_split;
};

struct detection_result {
    size_t n_classes;
    const struct metric_values *classes[N_CARD_SPLITS]; /* n_classes each */
    const double *curves[N_CARD_SPLITS];                /* n_classes x CURVE_POINTS, or NULL */
};

/*
 * Evaluates boxes, for all splits at once.
 *
 *   result   out; the numbers of every class
 *   columns  boxes; image and class lists as in the labels
 *
 * Errors   ERR_LIMIT   the arena is too small, or there are 2^32 boxes or more
 *          ERR_SYSTEM  no memory in the arena
 * Owns     the result's arrays are borrowed from the arena
 * Source   pycocotools 2.0.11, cocoeval.py
 */
MUST_CHECK bool detection_evaluate(struct detection_result *result,
                                   const struct box_columns *columns,
                                   const struct box_labels *labels,
                                   const struct detection_options *options, struct arena *arena,
                                   struct err *err);

/*
 * Means over the classes of a group that have a value, in the order of the classes; returns how
 * many classes have ground truth.
 *
 *   grouping  NULL: all classes
 */
size_t detection_mean(struct metric_values *mean, const struct detection_result *result,
                      enum card_split split, const struct grouping *grouping, size_t group);

/* The mean of the curves at IoU 0.5, likewise; false where no class has ground truth. */
MUST_CHECK bool detection_mean_curve(double curve[static CURVE_POINTS],
                                     const struct detection_result *result, enum card_split split,
                                     const struct grouping *grouping, size_t group);
