/* SPDX-License-Identifier: MIT */
/*
 * The same boxes at a coarser granularity of classes: super-categories, or any class at all (the
 * paper's Table 6). Copies the columns once; it does not evaluate.
 */
#pragma once

#include "common/arena.h"
#include "scorer/metric/arrays.h"
#include "scorer/metric/groups.h"

/*
 * The same boxes with coarser classes: class c becomes grouping->group[c], which must not be
 * GROUP_NONE. Boxes of a coarse class stand in the order of their fine classes, which decides ties
 * as pycocotools' useCats=0 does.
 *
 * Errors   ERR_LIMIT, ERR_SYSTEM  no memory in the arena
 * Owns     the arrays of the outputs are borrowed from the arena
 */
MUST_CHECK bool coarsen_columns(struct box_columns *coarse, const struct box_columns *columns,
                                const struct grouping *grouping, struct arena *arena,
                                struct err *err);
MUST_CHECK bool coarsen_labels(struct box_labels *coarse, const struct box_labels *labels,
                               const struct grouping *grouping, struct arena *arena,
                               struct err *err);
