/* SPDX-License-Identifier: MIT */
/*
 * SCORESEAL1: a file that only the holders of some X25519 keys can read. Anybody can make one: who
 * opens it must check what is in it against something public. It adds 2.6 bytes to 10 KB.
 *
 *   "SCORESEAL1" LF | u8 n | n x ( recipient's public key[32] | sealed box of the file key[80] ) |
 *   secretstream header[24] | chunks
 *
 * A chunk holds 65,536 bytes, the last one what is left (nothing only where the whole is empty),
 * and 17 more: XChaCha20-Poly1305 as libsodium's secretstream makes it. The first chunk's
 * additional data is BLAKE2b-256 of all bytes before it, so that the list of recipients cannot be
 * changed; the last one, and no other, has the tag FINAL.
 */
#pragma once

#include "common/crypt.h"
#include "common/file.h"

enum { SCORESEAL_RECIPIENTS_MAX = 32, SCORESEAL_CHUNK_BYTES = 65536 };

/* An X25519 key pair. */
struct scoreseal_key {
    uint8_t public_key[CRYPT_KEY_BYTES];
    uint8_t secret_key[CRYPT_KEY_BYTES];
};

/*
 * Seals `size` bytes to 1 to SCORESEAL_RECIPIENTS_MAX public keys.
 *
 * Errors   ERR_SYSTEM  no memory
 *          ERR_LIMIT   no recipient, or too many
 * Owns     *sealed is owned by the caller
 */
MUST_CHECK bool scoreseal_make(struct bytes *sealed, const uint8_t (*recipients)[CRYPT_KEY_BYTES],
                               size_t n_recipients, const void *plain, size_t size,
                               struct err *err);

/*
 * How many bytes a container opens to, by its length and number of recipients alone.
 *
 * Errors   ERR_PEER  it is none
 */
MUST_CHECK bool scoreseal_plain_size(size_t *plain_size, const void *sealed, size_t size,
                                     struct err *err);

/* The public keys that a container is sealed to; returns how many, 0 for what is none. */
size_t scoreseal_recipients(uint8_t recipients[static SCORESEAL_RECIPIENTS_MAX][CRYPT_KEY_BYTES],
                            const void *sealed, size_t size);

/*
 * Opens a container into memory of the caller's, scoreseal_plain_size bytes. What is there after a
 * failure means nothing.
 *
 * Errors   ERR_PEER  it is none, is not sealed to this key, or was changed or cut
 */
MUST_CHECK bool scoreseal_open(void *plain, const void *sealed, size_t size,
                               const struct scoreseal_key *key, struct err *err);
