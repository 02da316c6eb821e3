/* SPDX-License-Identifier: MIT */
/*
 * Top-k counts. Blocks of images are compared column by column, which vectorises, into one byte an
 * image; then the bytes are added to the classes. A word holds all three counts of a class, so that
 * an image is one addition; they are unpacked before they could overflow.
 */
#include "scorer/metric/topk.h"

#include <assert.h>

enum { BLOCK = 1024 }; /* 2 KiB a column: the block stays in the first cache */

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

/* Places of a class in packed counts, by split; so a place is found by shifts. */
enum { CLASS_SHIFT = 2, RIGHT_BITS = 2 };

static_assert(N_SPLITS <= 1 << CLASS_SHIFT, "a class has a place for each split");

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

/* Adds a block to the packed counts. Where and what is put together in a loop of its own, which
 * vectorises: the loop that adds is as long as its loads. */
static void add_block(uint64_t *restrict packed, const uint8_t *restrict right,
                      const uint16_t *restrict truth, const uint8_t *restrict split, size_t n)
{
    uint32_t keys[BLOCK];

    for (size_t i = 0; i < n; i++) {
        keys[i] = (uint32_t)truth[i] << (CLASS_SHIFT + RIGHT_BITS) |
                  (uint32_t)split[i] << RIGHT_BITS | right[i];
    }
    for (size_t i = 0; i < n; i++) {
        packed[keys[i] >> RIGHT_BITS] += words[keys[i] & ((1 << RIGHT_BITS) - 1)];
    }
}

static void unpack(struct topk_count *counts, uint64_t *packed, size_t n_classes)
{
    for (size_t i = 0; i < n_classes << CLASS_SHIFT; i++) {
        size_t split = i & ((1 << CLASS_SHIFT) - 1);
        if (split < N_SPLITS && packed[i] != 0) {
            struct topk_count *count = &counts[split * n_classes + (i >> CLASS_SHIFT)];
            count->images += (uint32_t)(packed[i] & COUNT_MASK);
            count->top1 += (uint32_t)(packed[i] >> TOP1_SHIFT & COUNT_MASK);
            count->top5 += (uint32_t)(packed[i] >> TOP5_SHIFT);
            packed[i] = 0;
        }
    }
}

bool topk_count(struct topk_counts *counts, const struct topk_columns *columns,
                const struct class_labels *labels, struct arena *arena, struct err *err)
{
    size_t n_classes = labels->n_classes; /* the ignored images are counted aside */
    struct topk_count *cells = arena_alloc(arena, N_SPLITS * n_classes, sizeof(*cells), err);
    uint64_t *packed = arena_alloc(arena, n_classes << CLASS_SHIFT, sizeof(*packed), err);
    uint8_t right[BLOCK];
    size_t n_blocks = 0;

    assert(columns->n_images == labels->n_images && columns->k >= 1);
    if (cells == NULL || packed == NULL) {
        return false;
    }
    for (size_t start = 0; start < labels->n_images; start += BLOCK) {
        size_t n = labels->n_images - start < BLOCK ? labels->n_images - start : BLOCK;
        compare_block(right, columns, labels->truth, start, n);
        add_block(packed, right, labels->truth + start, labels->split + start, n);
        if (++n_blocks == BLOCKS_PACKED) {
            unpack(cells, packed, n_classes);
            n_blocks = 0;
        }
    }
    unpack(cells, packed, n_classes);
    *counts = (struct topk_counts){
        .n_classes = n_classes,
        .has_top5 = columns->k >= TOP5,
        .classes = {cells + SPLIT_PUBLIC * n_classes, cells + SPLIT_PRIVATE * n_classes},
    };
    return true;
}
