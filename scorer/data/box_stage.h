/* SPDX-License-Identifier: MIT */
/*
 * Boxes on their way to class-major columns: every part of a file appends its own to lists of small
 * pieces, one list a class, and these lists are the columns. A box is written once and not moved
 * again: what a large file costs is mostly the memory that is touched for the first time.
 */
#pragma once

#include "scorer/data/reading.h"

/*
 * The lists of one part, by class. What is touched for every box is one pointer a class, so that
 * thousands of classes stay in the first-level cache.
 */
struct box_lists {
    /* Where the next packed box goes; at a multiple of BOX_PIECE_BYTES (or NULL) there is no room.
     */
    struct packed_box **next;
    const struct box_piece **first;
    struct box_piece **last; /* where packed, its n is kept by `next` until the end */
    size_t *n_before;        /* boxes before the last piece */
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
    struct packed_box **next = &part->boxes->next[class_index];

    if ((uintptr_t)*next % BOX_PIECE_BYTES == 0) {
        return box_stage_put_first(reading, part, class_index, box, err);
    }
    *(*next)++ = *box;
    return true;
}

/* Asks for the memory that the next packed box of a class goes to, some boxes ahead of it. */
static inline void box_stage_prefetch(const struct part *part, uint16_t class_index)
{
    __builtin_prefetch(part->boxes->next[class_index], 1);
}

/* Makes the columns of all parts of a reading. Errors: ERR_LIMIT, ERR_SYSTEM. */
MUST_CHECK bool box_stage_finish(struct submission *submission, struct reading *reading,
                                 struct err *err);
