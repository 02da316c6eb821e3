/* SPDX-License-Identifier: MIT */
/*
 * The label sets that a scorer has loaded, kept for the next job. Only the scorer's process ever
 * holds one. A set counts only when it is what the log of the competition says: its block by its
 * SHA-256, its rows by the root that was committed to. The set that has waited longest goes when
 * there are LABEL_SETS_MAX.
 */
#pragma once

#include "schemas/wire.h"
#include "scorer/data/columns.h"
#include "scorer/data/label_file.h"

enum { LABEL_SETS_MAX = 16 };

struct label_set {
    struct label_file file; /* closed in a free place */
    struct tree_hash root;
    struct columns_frame frame;
    int sheet;     /* owned; the descriptor of the job sheet */
    uint64_t used; /* count of the last use */
};

/* {0} … label_sets_free */
struct label_sets {
    const char *folder;              /* of the sealed sets; borrowed */
    const struct scoreseal_key *key; /* that they are sealed to; borrowed */
    struct label_set sets[LABEL_SETS_MAX];
    uint64_t uses;
};

void label_sets_free(struct label_sets *sets);

/*
 * Finds the set that a job names, loading it where it is not there yet.
 *
 *   set   out, borrowed until the next call
 *
 * Errors   ERR_CONFIG  there is no such set, or it is not the one of the log
 *          ERR_PEER    it was changed or cut
 *          ERR_LIMIT   a file or a count is too large
 *          ERR_SYSTEM
 */
MUST_CHECK bool label_sets_get(struct label_set **set, struct label_sets *sets,
                               const struct wire_job *job, struct err *err);
