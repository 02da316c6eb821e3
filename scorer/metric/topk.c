/* SPDX-License-Identifier: MIT */
/*
 * Top-k counts. Blocks of images are compared column by column, which vectorises, into one byte an
 * image; then the bytes are added to the classes. A word holds all three counts of a class, so that
 * an image is one addition; they are unpacked before they could overflow.
 */
#include "scorer/metric/topk.h"

#include <assert.h>

enum { BLOCK = 4096 }; /* 8 KiB a column: the block stays in the first cache */

enum { RIGHT_AT_1 = 1, RIGHT_AT_5 = 2 };

/* A packed count: images from bit 0, right at 1 from bit 21, right within 5 from bit 42. */
enum { COUNT_BITS = 21, TOP1_SHIFT = COUNT_BITS, TOP5_SHIFT = 2 * COUNT_BITS };
enum { BLOCKS_PACKED = (1 << COUNT_BITS) / BLOCK - 1 };

#define COUNT_MASK (((uint64_t)1 << COUNT_BITS) - 1)

/* What an image adds to its class, by the bits of right[]. */
static const uint64_t words[] = {
    1,
    1 | (uint64_t)1 << TOP1_SHIFT,
    1 | (uint64_t)1 << TOP5_SHIFT,
    1 | (uint64_t)1 << TOP1_SHIFT | (uint64_t)1 << TOP5_SHIFT,
};

/* right[i] = RIGHT_AT_1 and RIGHT_AT_5 of image `start` + i. */
static void compare_block(uint8_t *restrict right, const struct topk_columns *columns,
                          const uint16_t *restrict truth, size_t start, size_t n)
{
    const uint16_t *restrict first = columns->ranks + start;

    for (size_t i = 0; i < n; i++) {
        right[i] = first[i] == truth[start + i] ? RIGHT_AT_1 | RIGHT_AT_5 : 0;
    }
    size_t k = columns->k < TOP5 ? columns->k : TOP5;
    for (size_t rank = 1; rank < k; rank++) {
        const uint16_t *restrict guess = columns->ranks + rank * columns->stride + start;
        for (size_t i = 0; i < n; i++) {
            right[i] = (uint8_t)(right[i] | (guess[i] == truth[start + i] ? RIGHT_AT_5 : 0));
        }
    }
}

static void unpack(struct topk_count *counts, uint64_t *packed, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        counts[i].images += (uint32_t)(packed[i] & COUNT_MASK);
        counts[i].top1 += (uint32_t)(packed[i] >> TOP1_SHIFT & COUNT_MASK);
        counts[i].top5 += (uint32_t)(packed[i] >> TOP5_SHIFT);
        packed[i] = 0;
    }
}

bool topk_count(struct topk_counts *counts, const struct topk_columns *columns,
                const struct class_labels *labels, struct arena *arena, struct err *err)
{
    size_t n_classes = labels->n_classes;
    size_t n_cells = N_SPLITS * n_classes; /* the ignored images are counted aside */
    struct topk_count *cells = arena_alloc(arena, n_cells, sizeof(*cells), err);
    uint64_t *packed = arena_alloc(arena, n_cells, sizeof(*packed), err);
    uint8_t right[BLOCK];
    size_t n_blocks = 0;

    assert(columns->n_images == labels->n_images && columns->k >= 1);
    if (cells == NULL || packed == NULL) {
        return false;
    }
    for (size_t start = 0; start < labels->n_images; start += BLOCK) {
        size_t n = labels->n_images - start < BLOCK ? labels->n_images - start : BLOCK;
        compare_block(right, columns, labels->truth, start, n);
        for (size_t i = start; i < start + n; i++) {
            packed[labels->split[i] * n_classes + labels->truth[i]] += words[right[i - start]];
        }
        if (++n_blocks == BLOCKS_PACKED) {
            unpack(cells, packed, n_cells);
            n_blocks = 0;
        }
    }
    unpack(cells, packed, n_cells);
    *counts = (struct topk_counts){
        .n_classes = n_classes,
        .has_top5 = columns->k >= TOP5,
        .classes = {cells + SPLIT_PUBLIC * n_classes, cells + SPLIT_PRIVATE * n_classes},
    };
    return true;
}
