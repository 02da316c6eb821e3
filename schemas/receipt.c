/* SPDX-License-Identifier: MIT */
/*
 * minisign's files, made and checked. See the header.
 */
#include "schemas/receipt.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const char key_comment[] = "untrusted comment: assay receipt key\n";
static const char untrusted[] = "untrusted comment: assay receipt\n";
static const char trusted_prefix[] = "trusted comment: ";
static const char trusted[] = "assay receipt";

enum { PREHASH_BYTES = 64 };

struct key_blob {
    char algorithm[2]; /* "Ed" */
    struct receipt_public_key public_key;
};

struct signature_blob {
    char algorithm[2]; /* "ED": Ed25519 over BLAKE2b-512 */
    uint8_t number[8];
    uint8_t signature[CRYPT_SIGNATURE_BYTES];
};

static_assert(sizeof(struct key_blob) == 42, "as minisign lays it out");
static_assert(sizeof(struct signature_blob) == 74, "as minisign lays it out");

/* What the second signature covers: the first one and the trusted comment. */
struct global_message {
    uint8_t signature[CRYPT_SIGNATURE_BYTES];
    char comment[sizeof(trusted) - 1];
};

void receipt_key_of(struct receipt_key *key, const uint8_t seed[static CRYPT_SEED_BYTES])
{
    uint8_t hash[16];

    crypt_sign_keys(key->public_key.key, key->secret_key, seed);
    crypt_hash(hash, sizeof(hash), key->public_key.key, sizeof(key->public_key.key), NULL);
    memcpy(key->public_key.number, hash, sizeof(key->public_key.number));
}

void receipt_public_key_base64(char base64[static RECEIPT_KEY_BASE64_SIZE],
                               const struct receipt_public_key *key)
{
    struct key_blob blob = {.algorithm = {'E', 'd'}, .public_key = *key};

    crypt_base64(base64, RECEIPT_KEY_BASE64_SIZE, &blob, sizeof(blob));
}

void receipt_public_key_text(char text[static RECEIPT_KEY_TEXT_SIZE],
                             const struct receipt_public_key *key)
{
    char base64[RECEIPT_KEY_BASE64_SIZE];

    receipt_public_key_base64(base64, key);
    snprintf(text, RECEIPT_KEY_TEXT_SIZE, "%s%s\n", key_comment, base64);
}

bool receipt_public_key_read(struct receipt_public_key *key, const void *text, size_t size,
                             struct err *err)
{
    const char *first_end = memchr(text, '\n', size);
    struct key_blob blob;

    if (first_end == NULL || size < 18 || memcmp(text, "untrusted comment:", 18) != 0) {
        return err_set(err, ERR_INPUT, "not a minisign public key: no untrusted comment");
    }
    const char *line = first_end + 1;
    size_t rest = size - (size_t)(line - (const char *)text);
    const char *line_end = memchr(line, '\n', rest);
    size_t length = line_end == NULL ? rest : (size_t)(line_end - line);
    if (!crypt_base64_read(&blob, sizeof(blob), line, length, err)) {
        return false;
    }
    if (memcmp(blob.algorithm, "Ed", 2) != 0) {
        return err_set(err, ERR_INPUT, "not an Ed25519 public key");
    }
    *key = blob.public_key;
    return true;
}

/* The one spelling of a signature file. */
static void write_text(char text[static RECEIPT_SIGNATURE_SIZE], const struct signature_blob *blob,
                       const uint8_t global_signature[static CRYPT_SIGNATURE_BYTES])
{
    char first[CRYPT_BASE64_SIZE(sizeof(*blob))];
    char second[CRYPT_BASE64_SIZE(CRYPT_SIGNATURE_BYTES)];

    crypt_base64(first, sizeof(first), blob, sizeof(*blob));
    crypt_base64(second, sizeof(second), global_signature, CRYPT_SIGNATURE_BYTES);
    snprintf(text, RECEIPT_SIGNATURE_SIZE, "%s%s\n%s%s\n%s\n", untrusted, first, trusted_prefix,
             trusted, second);
}

static struct global_message global_of(const struct signature_blob *blob)
{
    struct global_message message;

    memcpy(message.signature, blob->signature, sizeof(message.signature));
    memcpy(message.comment, trusted, sizeof(message.comment));
    return message;
}

void receipt_sign(char text[static RECEIPT_SIGNATURE_SIZE], const struct receipt_key *key,
                  const void *entry, size_t size)
{
    struct signature_blob blob = {.algorithm = {'E', 'D'}};
    uint8_t prehash[PREHASH_BYTES];
    uint8_t global_signature[CRYPT_SIGNATURE_BYTES];

    memcpy(blob.number, key->public_key.number, sizeof(blob.number));
    crypt_hash(prehash, sizeof(prehash), entry, size, NULL);
    crypt_sign(blob.signature, prehash, sizeof(prehash), key->secret_key);
    struct global_message message = global_of(&blob);
    crypt_sign(global_signature, &message, sizeof(message), key->secret_key);
    write_text(text, &blob, global_signature);
}

/* Takes a base64 line of `size` bytes off the front of the text. */
static bool take_line(void *data, size_t size, const char **at, const char *end, struct err *err)
{
    const char *line_end = memchr(*at, '\n', (size_t)(end - *at));

    if (line_end == NULL) {
        return err_set(err, ERR_INPUT, "signature file ends early");
    }
    if (!crypt_base64_read(data, size, *at, (size_t)(line_end - *at), err)) {
        return false;
    }
    *at = line_end + 1;
    return true;
}

static bool skip_text(const char **at, const char *end, const char *text)
{
    size_t length = strlen(text);

    if ((size_t)(end - *at) < length || memcmp(*at, text, length) != 0) {
        return false;
    }
    *at += length;
    return true;
}

static bool read_text(struct signature_blob *blob,
                      uint8_t global_signature[static CRYPT_SIGNATURE_BYTES], const void *text,
                      size_t size, struct err *err)
{
    const char *at = text;
    const char *end = at + size;

    if (!skip_text(&at, end, untrusted)) {
        return err_set(err, ERR_INPUT, "signature file has another untrusted comment");
    }
    if (!take_line(blob, sizeof(*blob), &at, end, err)) {
        return false;
    }
    if (!skip_text(&at, end, trusted_prefix) || !skip_text(&at, end, trusted) ||
        !skip_text(&at, end, "\n")) {
        return err_set(err, ERR_INPUT, "signature file has another trusted comment");
    }
    if (!take_line(global_signature, CRYPT_SIGNATURE_BYTES, &at, end, err)) {
        return false;
    }
    if (at != end) { /* all before it has one spelling alone */
        return err_set(err, ERR_INPUT, "signature file has bytes behind its end");
    }
    return true;
}

bool receipt_check(const struct receipt_public_key *key, const void *entry, size_t entry_size,
                   const void *text, size_t text_size, struct err *err)
{
    struct signature_blob blob;
    uint8_t global_signature[CRYPT_SIGNATURE_BYTES];
    uint8_t prehash[PREHASH_BYTES];

    if (!read_text(&blob, global_signature, text, text_size, err)) {
        return false;
    }
    if (memcmp(blob.algorithm, "ED", 2) != 0 ||
        memcmp(blob.number, key->number, sizeof(blob.number)) != 0) {
        return err_set(err, ERR_INPUT, "signed with another key");
    }
    crypt_hash(prehash, sizeof(prehash), entry, entry_size, NULL);
    if (!crypt_verify(blob.signature, prehash, sizeof(prehash), key->key)) {
        return err_set(err, ERR_INPUT, "signature does not fit the entry");
    }
    struct global_message message = global_of(&blob);
    if (!crypt_verify(global_signature, &message, sizeof(message), key->key)) {
        return err_set(err, ERR_INPUT, "signature of the comment is wrong");
    }
    return true;
}
