/* SPDX-License-Identifier: MIT */
/*
 * What a correction of labels proves: exactly which rows changed, without saying which images they
 * are. The tree of a label set keeps its size and its order (commitment.h), so that one list of
 * sibling hashes leads from the old leaves to the old root and from the new ones to the new root.
 * A file:
 *
 *   "assay/correction/v1" LF  "size " n LF
 *   PLACE SP old leaf hash SP new leaf hash LF …   ascending places, from 0; at least one
 *   LF
 *   hash LF …    roots of the subtrees in which nothing changed, from left to right, each as large
 * as can be
 *
 * Hashes are 64 lower-case hexadecimal digits.
 */
#pragma once

#include "common/file.h"
#include "schemas/tree.h"

enum { CORRECTION_SIZE_MAX = 1 << 30 }; /* rows of a label set */

struct correction_change {
    uint64_t place;
    struct tree_hash old_leaf;
    struct tree_hash new_leaf;
};

/* {0} … correction_free */
struct correction {
    uint64_t size;                     /* rows */
    struct correction_change *changes; /* owned */
    size_t n_changes;
    struct tree_hash *siblings; /* owned */
    size_t n_siblings;
};

void correction_free(struct correction *correction);

/*
 * Finds what changed between the leaves of two label sets of the same rows, n of each.
 *
 * Errors   ERR_INPUT   nothing did
 *          ERR_SYSTEM  no memory
 * Owns     *correction is owned by the caller
 */
MUST_CHECK bool correction_make(struct correction *correction, const struct tree_hash *old_leaves,
                                const struct tree_hash *new_leaves, size_t n, struct err *err);

/* Writes the file. Errors: ERR_SYSTEM. Owns: *text is owned by the caller. */
MUST_CHECK bool correction_write(struct bytes *text, const struct correction *correction,
                                 struct err *err);

/*
 * Reads what correction_write writes, and nothing else.
 *
 * Errors   ERR_INPUT   not such a file
 *          ERR_SYSTEM  no memory
 * Owns     *correction is owned by the caller
 */
MUST_CHECK bool correction_read(struct correction *correction, const void *text, size_t size,
                                struct err *err);

/*
 * Checks that these rows changed, and no other.
 *
 * Errors   ERR_INPUT  the siblings are too few or too many, or do not lead to these roots
 */
MUST_CHECK bool correction_check(const struct correction *correction,
                                 const struct tree_hash *old_root, const struct tree_hash *new_root,
                                 struct err *err);
