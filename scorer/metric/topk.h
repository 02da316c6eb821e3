/* SPDX-License-Identifier: MIT */
/*
 * Top-k counts: how many images of every class are right at the first guess and within five.
 * Integers only, so that no order of summing can change a score. One pass over the columns.
 */
#pragma once

#include "common/arena.h"
#include "scorer/metric/arrays.h"

enum { TOP5 = 5 };

struct topk_count {
    uint32_t images;
    uint32_t top1; /* images whose first guess is right */
    uint32_t top5; /* images right within five guesses; unset where k < 5 */
};

/* Counts per class of the public and the private images; ignored ones are in neither. */
struct topk_counts {
    size_t n_classes;
    bool has_top5;
    const struct topk_count *classes[2]; /* by SPLIT_PUBLIC, SPLIT_PRIVATE; n_classes each */
};

/*
 * Counts right guesses per class and split.
 *
 *   counts   out
 *   columns  k guesses of every image, n_images as in the labels
 *
 * Errors   ERR_LIMIT, ERR_SYSTEM  no memory in the arena
 * Owns     counts->classes is borrowed from the arena
 * Source   Russakovsky et al. 2015 (ILSVRC): an image is right if its class is among the first k
 */
MUST_CHECK bool topk_count(struct topk_counts *counts, const struct topk_columns *columns,
                           const struct class_labels *labels, struct arena *arena, struct err *err);
