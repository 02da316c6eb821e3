/* SPDX-License-Identifier: MIT */
/*
 * What is committed to before anybody may know it: the labels, by the root of a Merkle tree over
 * salted rows, and every score, by a salted hash. Whoever has the seed, and nobody else, can make
 * them again or open one. A part of what is hashed is framed by its length: F(x) is four bytes of
 * length, most significant first, and x.
 *
 *   salt(id)     BLAKE2b-256(key label_seed, "scoring-labsalt1" id)
 *   place(id)    BLAKE2b-256(key label_seed, "scoring-labsort1" id): rows stand in this order, so
 *                that a place in the tree does not tell which row it is
 *   leaf data    F("scoring/label/v1") F(competition) F(id) F(split) F(label) F(salt)
 *   label root   RFC 6962 root over the leaf data in that order
 *   nonce        BLAKE2b-256(key score_seed, "scoring-scornon1" F(competition) F(submission)
 *                u32 label version)
 *   score        SHA-256(F("scoring/score/v1") F(competition) F(submission) F(SHA-256 of the file)
 *                u32 label version F(metric) F(score) F(nonce))
 *
 * Splits are "public", "private" and "ignored"; a submission is its 32 hexadecimal digits; a score
 * is the shortest decimal of its double, or empty where there is none; a metric is followed by
 * "/public" or "/private". Costs about 2 us a row.
 */
#pragma once

#include "common/crypt.h"
#include "schemas/tree.h"

#include <stddef.h>
#include <stdint.h>

enum {
    COMMITMENT_SEED_BYTES = CRYPT_KEY_BYTES,
    COMMITMENT_BYTES = SHA256_BYTES,
    COMMITMENT_ID_MAX = 1008, /* bytes of an id */
};

/* Adds F(data). */
void commitment_frame(struct sha256 *hash, const void *data, size_t size);

/* ---- labels ---- */

struct commitment_row {
    const void *id;
    size_t id_size;
    const char *split;
    const void *label;
    size_t label_size;
};

/* The rows of a label set by their index; a row is borrowed until the next is asked for. */
struct commitment_rows {
    size_t n;
    void (*get)(struct commitment_row *row, void *context, size_t index);
    void *context;
};

/* The salt of a row. */
void commitment_salt(uint8_t salt[static CRYPT_KEY_BYTES],
                     const uint8_t seed[static COMMITMENT_SEED_BYTES], const void *id,
                     size_t id_size);

/* What decides a row's place in the order of the tree: ascending. */
void commitment_place(uint8_t place[static CRYPT_KEY_BYTES],
                      const uint8_t seed[static COMMITMENT_SEED_BYTES], const void *id,
                      size_t id_size);

/* The leaf hash of a row. */
void commitment_leaf(struct tree_hash *leaf, const uint8_t seed[static COMMITMENT_SEED_BYTES],
                     const char *competition, const struct commitment_row *row);

/*
 * Finds the row at each place of the tree.
 *
 * Errors   ERR_SYSTEM  no memory
 * Owns     *order, rows->n of them, is the caller's to free
 */
MUST_CHECK bool commitment_order(uint32_t **order, const uint8_t seed[static COMMITMENT_SEED_BYTES],
                                 const struct commitment_rows *rows, struct err *err);

/*
 * Makes the leaf hashes of all rows, in the order of the tree.
 *
 *   leaves   out, rows->n
 *
 * Errors   ERR_SYSTEM  no memory
 */
MUST_CHECK bool commitment_leaves(struct tree_hash *leaves,
                                  const uint8_t seed[static COMMITMENT_SEED_BYTES],
                                  const char *competition, const struct commitment_rows *rows,
                                  struct err *err);

/* The root over leaf hashes, n of them. Errors: ERR_SYSTEM. */
MUST_CHECK bool commitment_root(struct tree_hash *root, const struct tree_hash *leaves, size_t n,
                                struct err *err);

/* ---- scores ---- */

struct commitment_score {
    const char *competition;
    const char *submission;     /* 32 hexadecimal digits */
    const uint8_t *file_sha256; /* SHA256_BYTES */
    uint32_t label_version;
    const char *metric; /* "top1_error/private" */
    const char *score;  /* "0.25", or "" */
};

void commitment_nonce(uint8_t nonce[static CRYPT_KEY_BYTES],
                      const uint8_t seed[static COMMITMENT_SEED_BYTES], const char *competition,
                      const char *submission, uint32_t label_version);

/* The commitment to a score. */
void commitment_score(uint8_t commitment[static COMMITMENT_BYTES],
                      const uint8_t seed[static COMMITMENT_SEED_BYTES],
                      const struct commitment_score *score);

/* The leaf hash of a result in the tree of a re-score, whose leaves stand in the order of the
 * submissions' ids: the leaf data is both commitments, the public one first. */
void commitment_result_leaf(struct tree_hash *leaf,
                            const uint8_t public_commitment[static COMMITMENT_BYTES],
                            const uint8_t private_commitment[static COMMITMENT_BYTES]);
