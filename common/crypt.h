/* SPDX-License-Identifier: MIT */
/*
 * Signatures, keyed hashes, sealing and random bytes, all from libsodium. Sizes are named here so
 * that no other file includes the library. SHA-256 is in sha256.h.
 */
#pragma once

#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

enum {
    CRYPT_SEED_BYTES = 32,
    CRYPT_PUBLIC_KEY_BYTES = 32,
    CRYPT_SECRET_KEY_BYTES = 64,
    CRYPT_SIGNATURE_BYTES = 64,
    CRYPT_HASH_BYTES = 64, /* largest BLAKE2b */
    CRYPT_KEY_BYTES = 32,  /* of keyed hashes and of boxes */
    CRYPT_NONCE_BYTES = 24,
    CRYPT_BOX_EXTRA_BYTES = 16, /* a box is so much longer than its contents */
    CRYPT_SEALED_EXTRA_BYTES = 48,
    CRYPT_STREAM_EXTRA_BYTES = 17, /* of each chunk */
    CRYPT_STREAM_HEADER_BYTES = 24,
};

/* Must be called once before the rest. Errors: ERR_SYSTEM (no random bytes to be had). */
MUST_CHECK bool crypt_start(struct err *err);

void crypt_random(void *data, size_t size);

/* Overwrites a secret in a way that the compiler cannot drop. */
void crypt_wipe(void *data, size_t size);

/* Compares in constant time. */
bool crypt_equal(const void *a, const void *b, size_t size);

/* BLAKE2b of `size` bytes, 16 to 64 bytes long; `key` is CRYPT_KEY_BYTES or NULL. */
void crypt_hash(void *hash, size_t hash_size, const void *data, size_t size, const uint8_t *key);

enum { CRYPT_SHA512_BYTES = 64 };

/* SHA-512, which SSH signatures are made over. */
void crypt_sha512(uint8_t hash[static CRYPT_SHA512_BYTES], const void *data, size_t size);

/* Ed25519. The key pair of a seed is always the same. */
void crypt_sign_keys(uint8_t public_key[static CRYPT_PUBLIC_KEY_BYTES],
                     uint8_t secret_key[static CRYPT_SECRET_KEY_BYTES],
                     const uint8_t seed[static CRYPT_SEED_BYTES]);
void crypt_sign(uint8_t signature[static CRYPT_SIGNATURE_BYTES], const void *data, size_t size,
                const uint8_t secret_key[static CRYPT_SECRET_KEY_BYTES]);
MUST_CHECK bool crypt_verify(const uint8_t signature[static CRYPT_SIGNATURE_BYTES],
                             const void *data, size_t size,
                             const uint8_t public_key[static CRYPT_PUBLIC_KEY_BYTES]);

/* X25519: the public key of 32 secret random bytes, as CURVE uses it. */
void crypt_curve_public(uint8_t public_key[static CRYPT_KEY_BYTES],
                        const uint8_t secret_key[static CRYPT_KEY_BYTES]);

/* A key for one purpose from a master key; `purpose` has 8 bytes. */
void crypt_derive(uint8_t key[static CRYPT_KEY_BYTES], uint64_t id, const char purpose[static 8],
                  const uint8_t master[static CRYPT_KEY_BYTES]);

/* XSalsa20-Poly1305: `box` has size + CRYPT_BOX_EXTRA_BYTES bytes. */
void crypt_box_seal(uint8_t *box, const void *data, size_t size,
                    const uint8_t nonce[static CRYPT_NONCE_BYTES],
                    const uint8_t key[static CRYPT_KEY_BYTES]);

/* Opens a box of `box_size` bytes into box_size - CRYPT_BOX_EXTRA_BYTES bytes; false where it was
 * changed or is not of this key. */
MUST_CHECK bool crypt_box_open(void *data, const uint8_t *box, size_t box_size,
                               const uint8_t nonce[static CRYPT_NONCE_BYTES],
                               const uint8_t key[static CRYPT_KEY_BYTES]);

/* Seals to an X25519 public key; `box` has size + CRYPT_SEALED_EXTRA_BYTES bytes. Who made it
 * cannot be told. */
void crypt_seal(uint8_t *box, const void *data, size_t size,
                const uint8_t public_key[static CRYPT_KEY_BYTES]);
MUST_CHECK bool crypt_seal_open(void *data, const uint8_t *box, size_t box_size,
                                const uint8_t public_key[static CRYPT_KEY_BYTES],
                                const uint8_t secret_key[static CRYPT_KEY_BYTES]);

/* A stream of chunks (libsodium's secretstream); what a chunk adds is CRYPT_STREAM_EXTRA_BYTES. */
struct crypt_stream {
    _Alignas(16) unsigned char state[64]; /* the library's own */
};

/* Draws a header and starts a stream. */
void crypt_stream_start(struct crypt_stream *stream,
                        uint8_t header[static CRYPT_STREAM_HEADER_BYTES],
                        const uint8_t key[static CRYPT_KEY_BYTES]);
void crypt_stream_open(struct crypt_stream *stream,
                       const uint8_t header[static CRYPT_STREAM_HEADER_BYTES],
                       const uint8_t key[static CRYPT_KEY_BYTES]);
void crypt_stream_push(struct crypt_stream *stream, uint8_t *chunk, const void *data, size_t size,
                       const void *additional, size_t additional_size, bool is_last);

/* Opens a chunk of `chunk_size` bytes; false where it was changed, has another place in the stream,
 * or is not the last exactly where it should be. */
MUST_CHECK bool crypt_stream_pull(struct crypt_stream *stream, void *data, const uint8_t *chunk,
                                  size_t chunk_size, const void *additional, size_t additional_size,
                                  bool is_last);

/* Room for the base64 of n bytes, with its NUL. */
#define CRYPT_BASE64_SIZE(n) (((n) + 2) / 3 * 4 + 1)

/* RFC 4648 base64 with padding. */
void crypt_base64(char *text, size_t text_size, const void *data, size_t size);

/* Reads exactly `size` bytes of canonical base64. Errors: ERR_INPUT. */
MUST_CHECK bool crypt_base64_read(void *data, size_t size, const char *text, size_t text_size,
                                  struct err *err);
