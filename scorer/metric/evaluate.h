/* SPDX-License-Identifier: MIT */
/*
 * Columns and labels to a scorecard: all metrics of all splits and groups. Pure arithmetic; every
 * sum runs in the order of the classes, so that the card is the same bits on every run.
 */
#pragma once

#include "common/arena.h"
#include "schemas/scorecard.h"
#include "scorer/metric/arrays.h"

/*
 * Scores a classification.
 *
 *   card     out; only what the metrics decide is set: task, splits, groups, has_top5. The caller
 *            fills in competition, labels and submission
 *   info     the catalog; its names are borrowed by the card
 *
 * Errors   ERR_LIMIT, ERR_SYSTEM  no memory in the arena
 * Owns     the card's arrays are borrowed from the arena
 */
MUST_CHECK bool evaluate_topk(struct scorecard *card, const struct topk_columns *columns,
                              const struct class_labels *labels, const struct class_info *info,
                              struct arena *arena, struct err *err);

struct evaluate_options {
    size_t n_threads; /* 1 or more; changes the time, never the numbers */
    bool has_curves;  /* curves are a fifth of the work; without them the card is not complete */
};

/*
 * Scores a detection; otherwise as evaluate_topk.
 *
 * Errors   ERR_LIMIT   the arena is too small, or there are 2^32 boxes or more
 *          ERR_SYSTEM  no memory in the arena
 */
MUST_CHECK bool evaluate_boxes(struct scorecard *card, const struct box_columns *columns,
                               const struct box_labels *labels, const struct class_info *info,
                               const struct evaluate_options *options, struct arena *arena,
                               struct err *err);
