/* SPDX-License-Identifier: MIT */
/*
 * What the parts of boxclass share: its scratch memory, the bits of images, the order of boxes, and
 * the count of the boxes that match nothing (boxmiss.c).
 */
#pragma once

#include "scorer/metric/boxclass.h"
#include "scorer/metric/packed.h"

#include <string.h>

enum scratch_use {
    ROW_IMAGES,
    ROW_SCORES,
    ROW_BOXES,
    ROWS_PACKED,
    TRUTH_ITEMS,
    SORT_ITEMS,
    TRUTHS,
    PAIRS,
    IMAGES,
    CANDIDATES,
    BOXES,
    OVERLAPS,
    HITS,
    HIT_ITEMS,
    SORTED_HITS,
    STEPS,
    MISSES,
    PRECISION,
    REACHED,
    REPEATED,
};

/* Images in a word: a bit each, or the two bits of a split. */
enum { WORD_BITS = 64, WORD_SPLITS = 32 };
enum { BOXES_MAX = 100, BOXES_FULL = BOXES_MAX + 1 };

/*
 * Room for `count` items, of which the first `n_kept` stay as they are; the class before had it,
 * too.
 *
 * Errors   ERR_LIMIT, ERR_SYSTEM  no memory in the arena: NULL
 */
void *boxclass_reserve(struct boxclass *work, enum scratch_use use, size_t count, size_t size,
                       size_t n_kept, struct err *err);

static inline struct box box_of(const struct boxclass *work, uint32_t row)
{
    return work->rows.box != NULL ? work->rows.box[row] : packed_box_value(&work->rows.packed[row]);
}

/* Rises as the score falls; -0.0 and 0.0 are the same. */
static inline uint64_t key_of_score(double score)
{
    double plain = score + 0.0;
    uint64_t bits;

    memcpy(&bits, &plain, sizeof(bits));
    return (bits >> 63) != 0 ? bits : ~bits & INT64_MAX;
}

static inline bool is_set(const uint64_t *bits, uint32_t image)
{
    return (bits[image / WORD_BITS] >> (image % WORD_BITS) & 1) != 0;
}

static inline void set_bit(uint64_t *bits, uint32_t image)
{
    bits[image / WORD_BITS] |= 1ULL << (image % WORD_BITS);
}

static inline uint8_t split_of(const struct boxclass *work, uint32_t image)
{
    return work->splits[image / WORD_SPLITS] >> 2 * (image % WORD_SPLITS) & 3;
}

/* Where a pair's boxes end that are looked at. */
static inline uint32_t boxes_end(const struct pair *pair)
{
    return pair->box_end - pair->box_start > BOXES_MAX ? pair->box_start + BOXES_MAX
                                                       : pair->box_end;
}

/*
 * Counts the boxes that match nothing into the places between the sorted hits, which are in
 * work->set; the set is then ready for curves.
 *
 * Errors   ERR_LIMIT, ERR_SYSTEM  no memory in the arena
 */
MUST_CHECK bool boxmiss_count(struct boxclass *work, struct err *err);
