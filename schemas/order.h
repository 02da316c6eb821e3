/* SPDX-License-Identifier: MIT */
/*
 * What an organizer signs with the key that the genesis entry names: plain lines, "KEY VALUE" LF,
 * behind a first line that no other signed text of Assay begins with. Workers open nothing without
 * it, so that whoever holds the broker cannot ask them early.
 *
 *   assay/reveal/v1                    to open private scores
 *   competition, score_seed_sha256
 *
 *   assay/correct/v1                   to score by other labels
 *   competition, labels (version), old_root, new_root, label_set_sha256, proof_sha256, reason
 *
 * The hash of the score seed stands in the genesis entry; a worker makes it from the seed that it
 * has, so that an order for a competition of the same name elsewhere is none for this one. The
 * signature is plain Ed25519.
 */
#pragma once

#include "common/crypt.h"
#include "common/sha256.h"

struct order_reveal {
    const char *competition;          /* borrowed; holds no line end */
    const uint8_t *score_seed_sha256; /* SHA256_BYTES, borrowed */
};

struct order_correct {
    const char *competition; /* all borrowed; texts hold no line end */
    uint32_t labels;         /* version */
    const uint8_t *old_root; /* SHA256_BYTES each */
    const uint8_t *new_root;
    const uint8_t *label_set_sha256;
    const uint8_t *proof_sha256;
    const char *reason; /* at most 200 bytes */
};

void order_correct_sign(uint8_t signature[static CRYPT_SIGNATURE_BYTES],
                        const struct order_correct *order,
                        const uint8_t secret_key[static CRYPT_SECRET_KEY_BYTES]);
MUST_CHECK bool order_correct_check(const uint8_t signature[static CRYPT_SIGNATURE_BYTES],
                                    const struct order_correct *order,
                                    const uint8_t public_key[static CRYPT_PUBLIC_KEY_BYTES]);

void order_reveal_sign(uint8_t signature[static CRYPT_SIGNATURE_BYTES],
                       const struct order_reveal *order,
                       const uint8_t secret_key[static CRYPT_SECRET_KEY_BYTES]);
MUST_CHECK bool order_reveal_check(const uint8_t signature[static CRYPT_SIGNATURE_BYTES],
                                   const struct order_reveal *order,
                                   const uint8_t public_key[static CRYPT_PUBLIC_KEY_BYTES]);
