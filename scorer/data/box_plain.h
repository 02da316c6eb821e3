/* SPDX-License-Identifier: MIT */
/*
 * The short way through rows of the format boxes that are as plain as they come: columns in their
 * order, no spaces, quotes or exponents, ids that the catalog finds as they stand. Two readers take
 * them: one for every processor, field by field, and one with AVX2, which finds all separators of a
 * row at once, so that its numbers do not wait for each other. The second takes fewer forms than
 * the first, never one more, and takes them as it does.
 */
#pragma once

#include "scorer/data/catalog.h"
#include "scorer/metric/arrays.h"

struct plain_box {
    struct packed_box box;
    uint16_t class_index;
    uint16_t row_bytes; /* with its line end */
};

enum { PLAIN_ROW_MAX_BYTES = 512 };

/*
 * Takes rows from `at` on, as long as they are plain and end at `end` or before it, n_max at most,
 * with the fastest reader of this processor. Up to 64 bytes before `at` and behind `end` may be
 * read.
 *
 *   boxes    out, n_max
 *   catalog  with class_slot and is_plain, of listed images and classes
 *
 * Returns how many were taken.
 */
size_t box_plain_read(struct plain_box *boxes, size_t n_max, const struct catalog *catalog,
                      const char *at, const char *end);

/* The same with the reader for every processor. */
size_t box_plain_portable(struct plain_box *boxes, size_t n_max, const struct catalog *catalog,
                          const char *at, const char *end);

/* A plain row whose numbers cannot all be packed; returns the byte behind it, NULL where it is not
 * plain. Reads as they do. */
const char *box_plain_wide(struct wide_box *wide, uint16_t *class_index,
                           const struct catalog *catalog, const char *at, const char *end);
