/* SPDX-License-Identifier: MIT */
/*
 * What the entries of a whole log vouch for, entry by entry, from public bytes alone: that listed
 * workers signed the results and confirmations, that the organizer ordered reveal and corrections,
 * that published scores and labels are those that were committed to, and that the root of each
 * re-score is that of the results before it.
 */
#pragma once

#include "common/file.h"
#include "schemas/entry.h"
#include "schemas/note.h"
#include "schemas/worker_key.h"

/* A submission, and where its results stand. */
struct attest_submission {
    char id[33];
    uint8_t file_sha256[SHA256_BYTES];
};

struct attest_result {
    char id[33];
    int64_t labels; /* version */
    int64_t index;
    bool is_scored;
    const char *line; /* borrowed */
    size_t line_size;
    uint8_t public_commitment[SHA256_BYTES];
    uint8_t private_commitment[SHA256_BYTES];
};

/* What was seen so far. {0} … attest_free. */
struct attest {
    char metric[201];
    uint8_t organizer[CRYPT_PUBLIC_KEY_BYTES];
    uint8_t score_seed_sha256[SHA256_BYTES];
    struct worker_public_key *workers; /* owned, as all that follow */
    size_t n_workers;
    struct tree_hash *label_roots; /* of version 1 and up */
    size_t n_label_roots;
    void *submissions; /* ordered by id */
    void *results;     /* ordered by id and label version */
    size_t n_results;
    size_t n_orders;    /* of the organizer */
    size_t n_opened;    /* results whose commitments were opened */
    size_t n_disclosed; /* label versions that were published */
    size_t n_rescores;  /* whose root was made again */
    size_t n_unequal;   /* re-scores with differences or failures, whose root was not */
    size_t n_confirmed; /* signatures of further workers */
};

/*
 * Looks at the next entry of a log.
 *
 *   line  of the entry, borrowed until attest_free
 *   file  that the entry names, of the right hash; empty where it names none
 *
 * Errors   ERR_INPUT   what the text says is wrong
 *          ERR_SYSTEM  no memory
 */
MUST_CHECK bool attest_entry(struct attest *attest, const struct entry *entry, const char *line,
                             size_t line_size, const struct bytes *file, struct err *err);

void attest_free(struct attest *attest);
