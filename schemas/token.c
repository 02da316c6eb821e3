/* SPDX-License-Identifier: MIT */
/*
 * The form of a token. See the header.
 */
#include "schemas/token.h"

#include <stdio.h>
#include <string.h>

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
static const char prefix[] = "asy1_";

/* One character per byte: five of its bits, so that every character is equally likely. */
static void spell(char *text, size_t length, const uint8_t *random)
{
    for (size_t i = 0; i < length; i++) {
        text[i] = alphabet[random[i] & 31];
    }
    text[length] = '\0';
}

void token_make(struct token *token, const uint8_t random[static 64])
{
    spell(token->id, TOKEN_ID_LENGTH, random);
    spell(token->secret, TOKEN_SECRET_LENGTH, random + TOKEN_ID_LENGTH);
}

void token_text(char text[static TOKEN_SIZE], const struct token *token)
{
    snprintf(text, TOKEN_SIZE, "%s%s_%s", prefix, token->id, token->secret);
}

bool token_read(struct token *token, const void *text, size_t size, struct err *err)
{
    const char *id = (const char *)text + sizeof(prefix) - 1;
    const char *secret = id + TOKEN_ID_LENGTH + 1;

    if (size != TOKEN_SIZE - 1 || memcmp(text, prefix, sizeof(prefix) - 1) != 0 ||
        id[TOKEN_ID_LENGTH] != '_') {
        return err_set(err, ERR_INPUT, "not a token: expected %s, an id and a secret", prefix);
    }
    memcpy(token->id, id, TOKEN_ID_LENGTH);
    token->id[TOKEN_ID_LENGTH] = '\0';
    memcpy(token->secret, secret, TOKEN_SECRET_LENGTH);
    token->secret[TOKEN_SECRET_LENGTH] = '\0';
    if (strspn(token->id, alphabet) != TOKEN_ID_LENGTH ||
        strspn(token->secret, alphabet) != TOKEN_SECRET_LENGTH) {
        return err_set(err, ERR_INPUT, "not a token: expected letters a-z and digits 2-7");
    }
    return true;
}

void token_hash(uint8_t hash[static TOKEN_HASH_BYTES], const struct token *token,
                const uint8_t pepper[static CRYPT_KEY_BYTES])
{
    crypt_hash(hash, TOKEN_HASH_BYTES, token->secret, TOKEN_SECRET_LENGTH, pepper);
}
