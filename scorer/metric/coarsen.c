/* SPDX-License-Identifier: MIT */
/*
 * Coarser classes: rows move class by class to where their group's rows begin.
 */
#include "scorer/metric/coarsen.h"

#include <assert.h>
#include <string.h>

#include "scorer/metric/boxrows.h"

struct move {
    const size_t *class_start; /* of n_classes + 1 */
    size_t n_classes;
    const struct grouping *grouping;
    const size_t *group_start; /* of n_groups + 1 */
    struct arena *arena;
};

static bool move_start(struct move *move, const size_t *class_start, size_t n_classes,
                       const struct grouping *grouping, struct arena *arena, struct err *err)
{
    size_t *start = arena_alloc(arena, grouping->n_groups + 1, sizeof(*start), err);

    if (start == NULL) {
        return false;
    }
    for (size_t category = 0; category < n_classes; category++) {
        assert(grouping->group[category] < grouping->n_groups);
        start[grouping->group[category] + 1] += class_start[category + 1] - class_start[category];
    }
    for (size_t group = 0; group < grouping->n_groups; group++) {
        start[group + 1] += start[group];
    }
    *move = (struct move){class_start, n_classes, grouping, start, arena};
    return true;
}

static void *move_column(const struct move *move, const void *column, size_t size, struct err *err)
{
    size_t n_groups = move->grouping->n_groups;
    size_t *next = arena_alloc(move->arena, n_groups, sizeof(*next), err);
    char *moved = arena_alloc(move->arena, move->group_start[n_groups], size, err);

    if (next == NULL || moved == NULL) {
        return NULL;
    }
    memcpy(next, move->group_start, n_groups * sizeof(*next));
    for (size_t category = 0; category < move->n_classes; category++) {
        size_t row = move->class_start[category];
        size_t n_rows = move->class_start[category + 1] - row;
        size_t *to = &next[move->grouping->group[category]];
        if (n_rows > 0) {
            memcpy(moved + *to * size, (const char *)column + row * size, n_rows * size);
        }
        *to += n_rows;
    }
    return moved;
}

bool coarsen_columns(struct box_columns *coarse, const struct box_columns *columns,
                     const struct grouping *grouping, struct arena *arena, struct err *err)
{
    struct box_columns flat;
    struct move move;

    if (!boxrows_flatten(&flat, columns, arena, err) ||
        !move_start(&move, flat.class_start, flat.n_classes, grouping, arena, err)) {
        return false;
    }
    *coarse = flat;
    coarse->n_classes = grouping->n_groups;
    coarse->class_start = move.group_start;
    coarse->image = move_column(&move, flat.image, sizeof(*coarse->image), err);
    coarse->score = move_column(&move, flat.score, sizeof(*coarse->score), err);
    coarse->box = move_column(&move, flat.box, sizeof(*coarse->box), err);
    return coarse->image != NULL && coarse->score != NULL && coarse->box != NULL;
}

bool coarsen_labels(struct box_labels *coarse, const struct box_labels *labels,
                    const struct grouping *grouping, struct arena *arena, struct err *err)
{
    struct move move;

    if (!move_start(&move, labels->class_start, labels->n_classes, grouping, arena, err)) {
        return false;
    }
    *coarse = *labels;
    coarse->n_classes = grouping->n_groups;
    coarse->class_start = move.group_start;
    coarse->image = move_column(&move, labels->image, sizeof(*coarse->image), err);
    coarse->box = move_column(&move, labels->box, sizeof(*coarse->box), err);
    coarse->area = move_column(&move, labels->area, sizeof(*coarse->area), err);
    coarse->is_crowd = move_column(&move, labels->is_crowd, sizeof(*coarse->is_crowd), err);
    return coarse->image != NULL && coarse->box != NULL && coarse->area != NULL &&
           coarse->is_crowd != NULL;
}
