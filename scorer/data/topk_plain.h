/* SPDX-License-Identifier: MIT */
/*
 * The short way through rows of the format topk that are as plain as they come: id,predicted, no
 * spaces but the ones between class ids, no quotes, ids that the catalog finds as they stand. Two
 * readers take them: one for every processor, number by number, and one with AVX2, which finds all
 * separators of a row at once, so that no number waits for the end of the one before. The second
 * takes fewer forms than the first, never one more, and takes them as it does.
 */
#pragma once

#include "schemas/competition.h"
#include "scorer/data/catalog.h"

enum { TOPK_BATCH = 64 };

/* Rows that were read, from the first one on. */
struct topk_batch {
    uint32_t image[TOPK_BATCH];
    uint16_t row_bytes[TOPK_BATCH];                /* with its line end */
    uint16_t class_index[TOPK_BATCH * TOPK_K_MAX]; /* k of each row */
};

/*
 * Takes rows from `at` on, as long as they are plain and end at `end` or before it, n_max of them
 * at most, which is up to TOPK_BATCH. Up to WINDOW_PAD bytes before `at` and from `end` on may
 * be read. With the fastest reader of this processor.
 *
 *   batch    out
 *   catalog  with class_slot and is_plain, of listed images
 *   k        class ids a row, 1 to TOPK_K_MAX
 *
 * Returns how many were taken.
 */
size_t topk_plain_read(struct topk_batch *batch, size_t n_max, const struct catalog *catalog,
                       size_t k, const char *at, const char *end);

/* The same with the reader for every processor. */
size_t topk_plain_portable(struct topk_batch *batch, size_t n_max, const struct catalog *catalog,
                           size_t k, const char *at, const char *end);
