/* SPDX-License-Identifier: MIT */
/*
 * What an organizer signs with the key that the genesis entry names: plain lines, "KEY VALUE" LF,
 * behind a first line that no other signed text of Assay begins with. Workers open nothing without
 * it, so that whoever holds the broker cannot ask them early.
 *
 *   assay/reveal/v1
 *   competition, score_seed_sha256
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

void order_reveal_sign(uint8_t signature[static CRYPT_SIGNATURE_BYTES],
                       const struct order_reveal *order,
                       const uint8_t secret_key[static CRYPT_SECRET_KEY_BYTES]);
MUST_CHECK bool order_reveal_check(const uint8_t signature[static CRYPT_SIGNATURE_BYTES],
                                   const struct order_reveal *order,
                                   const uint8_t public_key[static CRYPT_PUBLIC_KEY_BYTES]);
