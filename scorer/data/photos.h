/* SPDX-License-Identifier: MIT */
/*
 * The list of photos that a test set is made from: a CSV file with the columns photo, taxon,
 * observer and observation, in any order and among others. Whole in memory, at most 4 GiB.
 */
#pragma once

#include "common/problems.h"
#include "scorer/data/test_split.h"

struct photo_id {
    const char *text; /* not NUL-terminated */
    size_t size;
};

struct photos {
    struct photo_columns columns;
    const struct photo_id *photo; /* columns.n_photos, ascending in byte order */
    const struct photo_id *taxon; /* columns.n_taxa, ascending in byte order */
};

/*
 * Reads the list.
 *
 *   photos    out, borrowed from the arena
 *   problems  every wrong row, in the order of the file: an empty field, a row too short, a photo
 *             that repeats, an observation with two taxa or two observers
 *
 * Errors   ERR_INPUT  the file has problems: the first one, and how many more
 *          ERR_SYSTEM, ERR_LIMIT  it cannot be read, or memory is out
 */
MUST_CHECK bool photos_read(struct photos *photos, const char *path, struct problems *problems,
                            struct arena *arena, struct err *err);
