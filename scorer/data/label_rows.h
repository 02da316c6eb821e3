/* SPDX-License-Identifier: MIT */
/*
 * Labels as rows of texts, for the commitment to them and for nothing else. A row is an image:
 *
 *   classification  the class id: "4"
 *   detection       its boxes, "CLASS X Y WIDTH HEIGHT AREA CROWD" joined by ';', in ascending
 * order of class ids and within a class in the order of the file; nothing without boxes
 *
 * Numbers are the shortest decimals that read back the same, as a scorecard has them: "1.0", "0.1".
 */
#pragma once

#include "schemas/commitment.h"
#include "scorer/data/labels.h"

/* {0} … label_rows_free */
struct label_rows {
    const struct labels *labels; /* borrowed */
    uint32_t *first;             /* owned; detection: an image's boxes are box[first] and so on */
    uint32_t *box;               /* owned */
    char *text;                  /* owned; of one row */
    char id[CATALOG_ID_BYTES_MAX];
};

/*
 * Gets labels ready to be asked for row by row.
 *
 * Errors   ERR_SYSTEM  no memory
 * Owns     *rows is owned by the caller; end it with label_rows_free
 */
MUST_CHECK bool label_rows_open(struct label_rows *rows, const struct labels *labels,
                                struct err *err);
void label_rows_free(struct label_rows *rows);

/* The rows, as the commitment asks for them; borrowed from `rows`. */
struct commitment_rows label_rows_all(struct label_rows *rows);

/* Images of each split. */
void label_rows_count(size_t counts[static N_SPLITS], const struct labels *labels);

/*
 * The root of the commitment to labels.
 *
 * Errors   ERR_SYSTEM  no memory
 */
MUST_CHECK bool label_rows_root(struct tree_hash *root, const struct labels *labels,
                                const char *competition,
                                const uint8_t seed[static COMMITMENT_SEED_BYTES], struct err *err);
