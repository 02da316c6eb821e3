/* SPDX-License-Identifier: MIT */
/*
 * Top-k counts. Blocks of images are compared column by column, which vectorises, into one byte an
 * image; then the bytes are added to the classes.
 */
#include "scorer/metric/topk.h"

#include <assert.h>

enum { BLOCK = 4096 }; /* 8 KiB a column: the block stays in the first cache */

enum { RIGHT_AT_1 = 1, RIGHT_AT_5 = 2 };

/* right[i] = RIGHT_AT_1 and RIGHT_AT_5 of image `start` + i; the columns' stride holds whole blocks
 * of 32, the labels do not, so that the loop ends at n. */
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

bool topk_count(struct topk_counts *counts, const struct topk_columns *columns,
                const struct class_labels *labels, struct arena *arena, struct err *err)
{
    struct topk_count *classes[N_SPLITS];
    uint8_t right[BLOCK];

    assert(columns->n_images == labels->n_images && columns->k >= 1);
    for (size_t split = 0; split < N_SPLITS; split++) { /* the ignored ones are counted aside */
        classes[split] = arena_alloc(arena, labels->n_classes, sizeof(struct topk_count), err);
        if (classes[split] == NULL) {
            return false;
        }
    }
    for (size_t start = 0; start < labels->n_images; start += BLOCK) {
        size_t n = labels->n_images - start < BLOCK ? labels->n_images - start : BLOCK;
        compare_block(right, columns, labels->truth, start, n);
        for (size_t i = 0; i < n; i++) {
            struct topk_count *count = &classes[labels->split[start + i]][labels->truth[start + i]];
            count->images++;
            count->top1 += right[i] & RIGHT_AT_1;
            count->top5 += right[i] >> 1;
        }
    }
    *counts = (struct topk_counts){
        .n_classes = labels->n_classes,
        .has_top5 = columns->k >= TOP5,
        .classes = {classes[SPLIT_PUBLIC], classes[SPLIT_PRIVATE]},
    };
    return true;
}
