/* SPDX-License-Identifier: MIT */
/*
 * Boxes on their way to class-major columns: every part of a file appends its own to lists of small
 * pieces, one list a class, and these lists are the columns. A box is written once and not moved
 * again: what a large file costs is mostly the memory that is touched for the first time.
 */
#pragma once

#include "scorer/data/reading.h"

/* The pieces of one part and class; the count of the last one is kept here until the end. */
struct box_list {
    struct box_piece *first;
    struct box_piece *last;
    uint32_t n_last;
    uint32_t n_rows;
};

/* Readies a part for its first box; may be called again. Errors: ERR_LIMIT, ERR_SYSTEM. */
MUST_CHECK bool box_stage_ready(struct reading *reading, struct part *part, struct err *err);

/* Appends a box to a part that is ready. Errors: ERR_LIMIT, ERR_SYSTEM. */
MUST_CHECK bool box_stage_put_wide(struct reading *reading, struct part *part, uint16_t class_index,
                                   const struct wide_box *box, struct err *err);

/* As box_stage_put, where the list's last piece has no room for a packed box. */
MUST_CHECK bool box_stage_put_first(struct reading *reading, struct part *part,
                                    uint16_t class_index, const struct packed_box *box,
                                    struct err *err);

/* Appends a packed box to a part that is ready. Errors: ERR_LIMIT, ERR_SYSTEM. */
MUST_CHECK static inline bool box_stage_put(struct reading *reading, struct part *part,
                                            uint16_t class_index, const struct packed_box *box,
                                            struct err *err)
{
    struct box_list *list = &part->boxes[class_index];

    if (list->last == NULL || list->n_last == PIECE_PACKED || list->last->is_wide) {
        return box_stage_put_first(reading, part, class_index, box, err);
    }
    list->last->packed[list->n_last++] = *box;
    list->n_rows++;
    return true;
}

/* Makes the columns of all parts of a reading. Errors: ERR_LIMIT, ERR_SYSTEM. */
MUST_CHECK bool box_stage_finish(struct submission *submission, struct reading *reading,
                                 struct err *err);
