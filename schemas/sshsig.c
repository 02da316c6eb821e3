/* SPDX-License-Identifier: MIT */
/*
 * OpenSSH's file signatures, made and checked. See the header.
 */
#include "schemas/sshsig.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const char magic[] = "SSHSIG";
static const char key_type[] = "ssh-ed25519";
static const char hash_name[] = "sha512";
static const char armour_begin[] = "-----BEGIN SSH SIGNATURE-----\n";
static const char armour_end[] = "-----END SSH SIGNATURE-----\n";

enum {
    ARMOUR_WIDTH = 70, /* as ssh-keygen wraps it */
    KEY_BLOB_BYTES = 4 + sizeof(key_type) - 1 + 4 + CRYPT_PUBLIC_KEY_BYTES,
    SIGNATURE_BLOB_BYTES = 4 + sizeof(key_type) - 1 + 4 + CRYPT_SIGNATURE_BYTES,
    BLOB_BYTES = sizeof(magic) - 1 + 4 + 4 + KEY_BLOB_BYTES + 4 + sizeof(SSHSIG_NAMESPACE) - 1 + 4 +
                 4 + sizeof(hash_name) - 1 + 4 + SIGNATURE_BLOB_BYTES,
    MESSAGE_BYTES = sizeof(magic) - 1 + 4 + sizeof(SSHSIG_NAMESPACE) - 1 + 4 + 4 +
                    sizeof(hash_name) - 1 + 4 + CRYPT_SHA512_BYTES,
    BLOB_BASE64_SIZE = CRYPT_BASE64_SIZE(BLOB_BYTES),
};

static_assert((int)SSHSIG_KEY_TEXT_SIZE == (int)CRYPT_BASE64_SIZE(KEY_BLOB_BYTES), "key text size");

/* Bytes under construction; the room is known to be enough. */
struct packer {
    uint8_t *at;
};

static void put_raw(struct packer *packer, const void *data, size_t size)
{
    memcpy(packer->at, data, size);
    packer->at += size;
}

static void put_u32(struct packer *packer, uint32_t value)
{
    const uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                              (uint8_t)value};

    put_raw(packer, bytes, sizeof(bytes));
}

/* SSH's string: a big-endian size and the bytes. */
static void put_string(struct packer *packer, const void *data, size_t size)
{
    put_u32(packer, (uint32_t)size);
    put_raw(packer, data, size);
}

static void pack_key(uint8_t blob[static KEY_BLOB_BYTES], const uint8_t *public_key)
{
    struct packer packer = {blob};

    put_string(&packer, key_type, sizeof(key_type) - 1);
    put_string(&packer, public_key, CRYPT_PUBLIC_KEY_BYTES);
}

/* What is signed: the namespace and the SHA-512 of the entry. */
static void pack_message(uint8_t message[static MESSAGE_BYTES], const void *entry, size_t size)
{
    uint8_t hash[CRYPT_SHA512_BYTES];
    struct packer packer = {message};

    crypt_sha512(hash, entry, size);
    put_raw(&packer, magic, sizeof(magic) - 1);
    put_string(&packer, SSHSIG_NAMESPACE, sizeof(SSHSIG_NAMESPACE) - 1);
    put_string(&packer, "", 0);
    put_string(&packer, hash_name, sizeof(hash_name) - 1);
    put_string(&packer, hash, sizeof(hash));
}

static void pack_blob(uint8_t blob[static BLOB_BYTES], const uint8_t *public_key,
                      const uint8_t *signature)
{
    uint8_t key_blob[KEY_BLOB_BYTES];
    uint8_t signature_blob[SIGNATURE_BLOB_BYTES];
    struct packer packer = {blob};
    struct packer inner = {signature_blob};

    pack_key(key_blob, public_key);
    put_string(&inner, key_type, sizeof(key_type) - 1);
    put_string(&inner, signature, CRYPT_SIGNATURE_BYTES);
    put_raw(&packer, magic, sizeof(magic) - 1);
    put_u32(&packer, 1);
    put_string(&packer, key_blob, sizeof(key_blob));
    put_string(&packer, SSHSIG_NAMESPACE, sizeof(SSHSIG_NAMESPACE) - 1);
    put_string(&packer, "", 0);
    put_string(&packer, hash_name, sizeof(hash_name) - 1);
    put_string(&packer, signature_blob, sizeof(signature_blob));
    assert(packer.at == blob + BLOB_BYTES);
}

/* The one spelling of a signature by this key. */
static void write_text(char text[static SSHSIG_SIZE], const uint8_t *public_key,
                       const uint8_t *signature)
{
    uint8_t blob[BLOB_BYTES];
    char base64[BLOB_BASE64_SIZE];
    size_t length = 0;

    pack_blob(blob, public_key, signature);
    crypt_base64(base64, sizeof(base64), blob, sizeof(blob));
    length += (size_t)snprintf(text, SSHSIG_SIZE, "%s", armour_begin);
    for (size_t at = 0; at < sizeof(base64) - 1; at += ARMOUR_WIDTH) {
        length += (size_t)snprintf(text + length, SSHSIG_SIZE - length, "%.*s\n", ARMOUR_WIDTH,
                                   base64 + at);
    }
    snprintf(text + length, SSHSIG_SIZE - length, "%s", armour_end);
}

void sshsig_sign(char text[static SSHSIG_SIZE], const void *entry, size_t size,
                 const uint8_t public_key[static CRYPT_PUBLIC_KEY_BYTES],
                 const uint8_t secret_key[static CRYPT_SECRET_KEY_BYTES])
{
    uint8_t message[MESSAGE_BYTES];
    uint8_t signature[CRYPT_SIGNATURE_BYTES];

    pack_message(message, entry, size);
    crypt_sign(signature, message, sizeof(message), secret_key);
    write_text(text, public_key, signature);
}

/* The base64 between the armour lines, without its line ends; false where it has another length. */
static bool strip_armour(char base64[static BLOB_BASE64_SIZE], const char *text, size_t size)
{
    size_t begin = sizeof(armour_begin) - 1;
    size_t length = 0;

    for (size_t at = begin; at < size && text[at] != '-'; at++) {
        if (text[at] == '\n') {
            continue;
        }
        if (length == BLOB_BASE64_SIZE - 1) {
            return false;
        }
        base64[length++] = text[at];
    }
    base64[length] = '\0';
    return length == BLOB_BASE64_SIZE - 1;
}

bool sshsig_check(const uint8_t public_key[static CRYPT_PUBLIC_KEY_BYTES], const void *entry,
                  size_t entry_size, const void *text, size_t text_size, struct err *err)
{
    char base64[BLOB_BASE64_SIZE];
    uint8_t blob[BLOB_BYTES];
    char again[SSHSIG_SIZE];
    uint8_t message[MESSAGE_BYTES];

    if (!strip_armour(base64, text, text_size)) {
        return err_set(err, ERR_INPUT, "not an SSH signature of a receipt");
    }
    if (!crypt_base64_read(blob, sizeof(blob), base64, strlen(base64), err)) {
        return false;
    }
    const uint8_t *signature = blob + BLOB_BYTES - CRYPT_SIGNATURE_BYTES;
    write_text(again, public_key, signature);
    if (strlen(again) != text_size || memcmp(again, text, text_size) != 0) {
        return err_set(err, ERR_INPUT, "SSH signature is of another key, or not canonical");
    }
    pack_message(message, entry, entry_size);
    if (!crypt_verify(signature, message, sizeof(message), public_key)) {
        return err_set(err, ERR_INPUT, "SSH signature does not fit the entry");
    }
    return true;
}

void sshsig_key_text(char base64[static SSHSIG_KEY_TEXT_SIZE],
                     const uint8_t public_key[static CRYPT_PUBLIC_KEY_BYTES])
{
    uint8_t blob[KEY_BLOB_BYTES];

    pack_key(blob, public_key);
    crypt_base64(base64, SSHSIG_KEY_TEXT_SIZE, blob, sizeof(blob));
}

void sshsig_signer(char line[static SSHSIG_SIGNER_SIZE], const char *principal,
                   const uint8_t public_key[static CRYPT_PUBLIC_KEY_BYTES])
{
    char base64[SSHSIG_KEY_TEXT_SIZE];

    sshsig_key_text(base64, public_key);
    snprintf(line, SSHSIG_SIGNER_SIZE, "%s namespaces=\"" SSHSIG_NAMESPACE "\" %s %s\n", principal,
             key_type, base64);
}

bool sshsig_signer_read(uint8_t public_key[static CRYPT_PUBLIC_KEY_BYTES], const void *text,
                        size_t size, struct err *err)
{
    static const char before[] = " namespaces=\"" SSHSIG_NAMESPACE "\" ssh-ed25519 ";
    uint8_t blob[KEY_BLOB_BYTES];
    uint8_t again[KEY_BLOB_BYTES];
    const char *end = memchr(text, '\n', size);
    const char *space = memchr(text, ' ', size);
    size_t length = sizeof(before) - 1 + SSHSIG_KEY_TEXT_SIZE - 1;

    if (end == NULL || space == NULL || (size_t)(end - space) != length ||
        memcmp(space, before, sizeof(before) - 1) != 0) {
        return err_set(err, ERR_INPUT, "not an allowed_signers line of a receipt key");
    }
    if (!crypt_base64_read(blob, sizeof(blob), space + sizeof(before) - 1, SSHSIG_KEY_TEXT_SIZE - 1,
                           err)) {
        return false;
    }
    memcpy(public_key, blob + KEY_BLOB_BYTES - CRYPT_PUBLIC_KEY_BYTES, CRYPT_PUBLIC_KEY_BYTES);
    pack_key(again, public_key);
    if (memcmp(again, blob, sizeof(blob)) != 0) {
        return err_set(err, ERR_INPUT, "not an Ed25519 key");
    }
    return true;
}
