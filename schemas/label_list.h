/* SPDX-License-Identifier: MIT */
/*
 * The file of label rows that a `disclosure` entry names: all rows of a label set, in the order of
 * the tree over them (commitment.h), a line each:
 *
 *   SPLIT TAB LABEL TAB ID LF
 *
 * With the label seed, which the entry holds, they give salts, order and label root again.
 */
#pragma once

#include "common/file.h"
#include "schemas/commitment.h"

/* A row of the file, borrowed from it. */
struct label_list_row {
    struct commitment_row row;
    const char *line;
    size_t line_size; /* with its LF */
};

/*
 * Writes the file.
 *
 * Errors   ERR_INPUT   an id holds a line end
 *          ERR_SYSTEM  no memory
 * Owns     *list is owned by the caller
 */
MUST_CHECK bool label_list_make(struct bytes *list,
                                const uint8_t seed[static COMMITMENT_SEED_BYTES],
                                const struct commitment_rows *rows, struct err *err);

/*
 * Takes the next row off the front of a file.
 *
 *   at     in: where it begins; out: behind it
 *
 * Errors   ERR_INPUT  not such a line
 */
MUST_CHECK bool label_list_next(struct label_list_row *row, const char **at, const char *end,
                                struct err *err);

/* What a file of rows says of its label set. */
struct label_list_sum {
    struct tree_hash root;
    size_t n;
    size_t n_public;
    size_t n_private;
};

/*
 * Makes the label root again.
 *
 * Errors   ERR_INPUT   not such a file, or rows that are out of the order of this seed
 *          ERR_SYSTEM  no memory
 */
MUST_CHECK bool label_list_check(struct label_list_sum *sum, const void *data, size_t size,
                                 const uint8_t seed[static COMMITMENT_SEED_BYTES],
                                 const char *competition, struct err *err);
