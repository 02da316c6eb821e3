/* SPDX-License-Identifier: MIT */
/*
 * Receipts: the signature file of an entry, in minisign's prehashed format, so that stock
 * `minisign -V` accepts it. Ed25519 over BLAKE2b-512 is deterministic: the same entry always has
 * the byte-identical receipt. Both comments are constant and mean nothing.
 *
 * Source: minisign 0.11, src/minisign.h
 */
#pragma once

#include "common/crypt.h"

enum {
    RECEIPT_SIGNATURE_SIZE = 512, /* room for the text of a signature file, with its NUL */
    RECEIPT_KEY_TEXT_SIZE = 256,  /* of a public key file */
    RECEIPT_KEY_BASE64_SIZE = CRYPT_BASE64_SIZE(42),
};

struct receipt_public_key {
    uint8_t number[8]; /* first bytes of BLAKE2b(key): says which key signed, proves nothing */
    uint8_t key[CRYPT_PUBLIC_KEY_BYTES];
};

struct receipt_key {
    struct receipt_public_key public_key;
    uint8_t secret_key[CRYPT_SECRET_KEY_BYTES];
};

/* The signing key of a seed; wipe it with crypt_wipe. */
void receipt_key_of(struct receipt_key *key, const uint8_t seed[static CRYPT_SEED_BYTES]);

/* Writes the key's second line without its LF, as `minisign -P` takes it. */
void receipt_public_key_base64(char base64[static RECEIPT_KEY_BASE64_SIZE],
                               const struct receipt_public_key *key);

/* Writes the public key file, NUL-terminated. */
void receipt_public_key_text(char text[static RECEIPT_KEY_TEXT_SIZE],
                             const struct receipt_public_key *key);

/*
 * Reads a public key file, ours or one that minisign wrote (any comment).
 *
 * Errors   ERR_INPUT
 */
MUST_CHECK bool receipt_public_key_read(struct receipt_public_key *key, const void *text,
                                        size_t size, struct err *err);

/* Writes the signature file of an entry, NUL-terminated. */
void receipt_sign(char text[static RECEIPT_SIGNATURE_SIZE], const struct receipt_key *key,
                  const void *entry, size_t size);

/*
 * Checks a signature file. Stricter than minisign: the file must be the exact bytes that
 * receipt_sign writes, comments and armour included.
 *
 * Errors   ERR_INPUT  the signature, the entry, the key or the form of the file is wrong
 */
MUST_CHECK bool receipt_check(const struct receipt_public_key *key, const void *entry,
                              size_t entry_size, const void *text, size_t text_size,
                              struct err *err);
