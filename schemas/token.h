/* SPDX-License-Identifier: MIT */
/*
 * Bearer tokens: "asy1_", 12 characters of id, "_", 52 characters of secret, in the base32 alphabet
 * of RFC 4648 in lower case. The store keeps the id and a keyed hash of the secret, never the
 * token.
 */
#pragma once

#include "common/crypt.h"

enum {
    TOKEN_ID_LENGTH = 12,
    TOKEN_SECRET_LENGTH = 52,
    TOKEN_SIZE = 5 + TOKEN_ID_LENGTH + 1 + TOKEN_SECRET_LENGTH + 1, /* with the NUL */
    TOKEN_HASH_BYTES = 32,
};

struct token {
    char id[TOKEN_ID_LENGTH + 1];
    char secret[TOKEN_SECRET_LENGTH + 1];
};

/* Makes a token from 64 random bytes; its secret has 256 bits of them. */
void token_make(struct token *token, const uint8_t random[static 64]);

/* The text a person is given, once. */
void token_text(char text[static TOKEN_SIZE], const struct token *token);

/* Errors: ERR_INPUT (not of this form); the text of the error holds nothing of the token. */
MUST_CHECK bool token_read(struct token *token, const void *text, size_t size, struct err *err);

/* What the store keeps: BLAKE2b-256 of the secret under the server's pepper. */
void token_hash(uint8_t hash[static TOKEN_HASH_BYTES], const struct token *token,
                const uint8_t pepper[static CRYPT_KEY_BYTES]);
