/* SPDX-License-Identifier: MIT */
/*
 * A label set as one block of memory: the competition file, the catalog, the answers, the seeds of
 * the commitments and the organizer's public key. It is what lies sealed in a worker's label
 * folder. Read where it lies: the answers are never copied. Numbers are those of the machine,
 * little-endian.
 *
 * A header, then arrays in the order of enum label_section, each aligned to 64 bytes with zeros
 * between; nothing else, so that a set has exactly one block. Its SHA-256 stands in the log.
 */
#pragma once

#include "common/file.h"
#include "schemas/commitment.h"
#include "scorer/data/labels.h"

enum { LABEL_VERSION_FIRST = 1 };

struct label_seeds {
    uint8_t label[COMMITMENT_SEED_BYTES]; /* of the salts */
    uint8_t score[COMMITMENT_SEED_BYTES]; /* of the nonces */
};

struct label_block {
    uint32_t version;
    const struct label_seeds *seeds; /* borrowed from the block, as all that follows */
    const uint8_t *organizer;        /* CRYPT_PUBLIC_KEY_BYTES: whose orders count; see order.h */
    struct competition competition;
    const void *yaml;
    size_t yaml_size;
    struct labels labels; /* without an arena of its own: not for labels_close */
};

/* What a block is made of; all borrowed for the call. */
struct label_block_source {
    uint32_t version;
    const struct label_seeds *seeds;
    const uint8_t *organizer;
    const void *yaml; /* the competition file, which loads */
    size_t yaml_size;
    const struct labels *labels;
};

/*
 * Makes a block.
 *
 * Errors   ERR_SYSTEM  no memory
 * Owns     *block is owned by the caller
 */
MUST_CHECK bool label_block_make(struct bytes *block, const struct label_block_source *source,
                                 struct err *err);

/*
 * Reads a block, checking everything that looking at it relies on.
 *
 *   data   aligned to 64 bytes; borrowed as long as the block is used
 *   arena  for lists of names, as long
 *
 * Errors   ERR_PEER    not a block, or a damaged one
 *          ERR_SYSTEM  no memory; ERR_LIMIT the same, of the arena
 */
MUST_CHECK bool label_block_open(struct label_block *block, const void *data, size_t size,
                                 struct arena *arena, struct err *err);
