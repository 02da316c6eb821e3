/* SPDX-License-Identifier: MIT */
/*
 * The label sets that a scorer has loaded, kept for the next job. Only the scorer's process ever
 * holds one. The set that has waited longest goes when there are LABEL_SETS_MAX.
 */
#pragma once

#include "schemas/competition.h"
#include "scorer/data/columns.h"
#include "scorer/data/labels.h"

enum { LABEL_SETS_MAX = 16 };

struct label_set {
    struct competition competition;
    uint32_t version;
    struct labels *labels; /* owned; NULL in a free place */
    struct columns_frame frame;
    int sheet;     /* owned; the descriptor of the job sheet */
    uint64_t used; /* count of the last use */
};

/* {0} … label_sets_free */
struct label_sets {
    struct label_set sets[LABEL_SETS_MAX];
    uint64_t uses;
};

void label_sets_free(struct label_sets *sets);

/*
 * Finds a set, loading it where it is not there yet.
 *
 *   set   out, borrowed until the next call
 *
 * Errors   ERR_CONFIG  there is no such set, or its files are wrong
 *          ERR_LIMIT   a file or a count is too large
 *          ERR_SYSTEM
 */
MUST_CHECK bool label_sets_get(struct label_set **set, struct label_sets *sets, const char *folder,
                               const char *competition, uint32_t version, struct err *err);
