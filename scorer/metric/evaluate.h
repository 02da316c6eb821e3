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
