/* SPDX-License-Identifier: MIT */
/*
 * Boxes on their way to class-major columns: each part of a file gathers its own in blocks, in the
 * order of the file; at the end they are spread to their classes, part by part.
 */
#pragma once

#include "scorer/data/reading.h"

struct staged_box {
    uint32_t image;
    uint16_t class_index;
    double score;
    struct box box;
};

/* Some thousand boxes of one part. */
struct box_block {
    struct box_block *next; /* the one before it in the file */
    size_t n;
    size_t room;
    uint16_t *class_index;
    uint32_t *image;
    double *score;
    struct box *box;
};

/*
 * The block of a part with room for at least `n` more boxes, n at most BOX_BLOCK_MIN.
 *
 * Errors   NULL with err filled: ERR_LIMIT, ERR_SYSTEM
 */
enum { BOX_BLOCK_MIN = 64 };
MUST_CHECK struct box_block *box_stage_room(struct reading *reading, struct part *part, size_t n,
                                            struct err *err);

/* Puts a box into a block that has room. */
static inline void box_stage_put(struct box_block *block, const struct staged_box *staged)
{
    size_t at = block->n++;

    block->class_index[at] = staged->class_index;
    block->image[at] = staged->image;
    block->score[at] = staged->score;
    block->box[at] = staged->box;
}

/* Makes the columns of all parts of a reading. Errors: ERR_LIMIT, ERR_SYSTEM. */
MUST_CHECK bool box_stage_finish(struct submission *submission, struct reading *reading,
                                 struct err *err);
