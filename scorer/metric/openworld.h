/* SPDX-License-Identifier: MIT */
/*
 * The open world: test images may show what no training image did. One class is reserved for "none
 * of the known"; a submission guesses it like any other. Counts only.
 */
#pragma once

#include "scorer/metric/arrays.h"

struct open_world {
    int64_t known; /* images of classes that could be learned */
    int64_t known_top1;
    int64_t known_top5; /* 0 where k < 5 */
    int64_t unknown;
    int64_t guessed_unknown; /* images whose first guess is the reserved class */
    int64_t right_unknown;   /* those of them that are unknown */
};

/*
 * Counts the images whose split has its bit in `splits`.
 *
 *   reserved      the class for "none of the known"
 *   train_images  n_classes, a class with 0 is unknown too; NULL: only the reserved one is
 */
void open_world_count(struct open_world *counts, const struct topk_columns *columns,
                      const struct class_labels *labels, uint16_t reserved,
                      const int64_t *train_images, unsigned splits);
