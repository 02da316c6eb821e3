/* SPDX-License-Identifier: MIT */
/*
 * The boxes of a class, whatever form their columns have.
 */
#pragma once

#include "common/arena.h"
#include "scorer/metric/arrays.h"

/* Rows of a class. */
static inline size_t boxrows_count(const struct box_columns *columns, size_t category)
{
    return columns->class_start[category + 1] - columns->class_start[category];
}

/* Whether all boxes are packed. */
bool boxrows_are_packed(const struct box_columns *columns);

/*
 * The packed boxes of a class, one behind the other, and their images and scores.
 *
 *   image, score  out, boxrows_count of them
 *   room          as many boxes; used where they stand in pieces
 */
const struct packed_box *boxrows_packed(uint32_t *image, double *score, struct packed_box *room,
                                        const struct box_columns *columns, size_t category);

/* Unpacks and copies the boxes of a class into boxrows_count images, scores and boxes. */
void boxrows_copy(uint32_t *image, double *score, struct box *box,
                  const struct box_columns *columns, size_t category);

/*
 * The same columns as arrays.
 *
 * Errors   ERR_LIMIT, ERR_SYSTEM  no memory in the arena
 * Owns     the arrays are borrowed from the arena, or from `columns` where they are arrays already
 */
MUST_CHECK bool boxrows_flatten(struct box_columns *flat, const struct box_columns *columns,
                                struct arena *arena, struct err *err);
