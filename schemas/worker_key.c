/* SPDX-License-Identifier: MIT */
/*
 * Keys of workers. See the header.
 */
#include "schemas/worker_key.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/keyfile.h"
#include "common/text.h"

enum { KEY_HEX = 2 * CRYPT_KEY_BYTES, KEY_SIGN = 4, KEY_SEAL, PATH_SIZE = 4096 };

static const char purpose[8] = {'S', 'c', 'o', 'r', 'e', 'S', 'i', 'g'};

void worker_key_text(char text[static WORKER_KEY_TEXT_SIZE], const struct worker_public_key *key)
{
    char sign[KEY_HEX + 1];
    char seal[KEY_HEX + 1];

    hex_text(sign, key->sign, sizeof(key->sign));
    hex_text(seal, key->seal, sizeof(key->seal));
    snprintf(text, WORKER_KEY_TEXT_SIZE, "%s:%s:%s", key->name, sign, seal);
}

bool worker_key_read(struct worker_public_key *key, const char *text, size_t size, struct err *err)
{
    char again[WORKER_KEY_TEXT_SIZE];
    size_t name = 0;

    *key = (struct worker_public_key){0};
    while (name < size && name < WORKER_KEY_NAME_SIZE - 1 &&
           memchr("abcdefghijklmnopqrstuvwxyz0123456789-", text[name], 37) != NULL) {
        key->name[name] = text[name];
        name++;
    }
    const char *sign = text + name + 1;
    bool is_read = name > 0 && size == name + 2 * (1 + KEY_HEX) &&
                   hex_read(key->sign, sizeof(key->sign), sign, KEY_HEX, err) &&
                   hex_read(key->seal, sizeof(key->seal), sign + KEY_HEX + 1, KEY_HEX, err);
    if (is_read) {
        worker_key_text(again, key);
    }
    if (!is_read || memcmp(again, text, size) != 0) {
        return err_set(err, ERR_INPUT, "not the key of a worker: NAME:HEX:HEX");
    }
    return true;
}

bool worker_keys_read(struct worker_public_key keys[static WORKER_KEYS_MAX], size_t *n_keys,
                      const char *text, size_t size, struct err *err)
{
    const char *end = text + size;

    *n_keys = 0;
    for (const char *at = text; at <= end && size > 0; at++) {
        const char *space = memchr(at, ' ', (size_t)(end - at));
        const char *word_end = space == NULL ? end : space;
        struct worker_public_key *key = &keys[*n_keys];
        if (*n_keys == WORKER_KEYS_MAX) {
            return err_set(err, ERR_INPUT, "more than %d workers", WORKER_KEYS_MAX);
        }
        if (!worker_key_read(key, at, (size_t)(word_end - at), err)) {
            return false;
        }
        for (size_t i = 0; i < *n_keys; i++) {
            if (strcmp(keys[i].name, key->name) == 0 ||
                memcmp(keys[i].sign, key->sign, sizeof(key->sign)) == 0) {
                return err_set(err, ERR_INPUT, "worker '%s' is there twice", key->name);
            }
        }
        ++*n_keys;
        at = word_end;
    }
    return true;
}

/* What differs from the file is put there: its reader sees the old or the new word. */
static bool write_public(const struct worker_public_key *key, const char *folder, const char *name,
                         struct err *err)
{
    char path[PATH_SIZE];
    char text[WORKER_KEY_TEXT_SIZE + 1];
    struct bytes found = {0};
    struct err ignored;

    worker_key_text(text, key);
    size_t size = strlen(text);
    text[size++] = '\n';
    /* as long as the path of the secret, which was opened */
    int n = snprintf(path, sizeof(path), "%s/%s" WORKER_KEY_SUFFIX, folder, name);
    assert(n > 0 && n < PATH_SIZE);
    bool is_there = access(path, F_OK) == 0 && file_read(&found, path, sizeof(text), &ignored) &&
                    found.size_bytes == size && memcmp(found.data, text, size) == 0;
    bytes_free(&found);
    return is_there || file_write_durable(path, text, size, 0644, err);
}

static void seal_pair(struct scoreseal_key *key, const uint8_t master[static CRYPT_KEY_BYTES])
{
    crypt_derive(key->secret_key, KEY_SEAL, purpose, master);
    crypt_curve_public(key->public_key, key->secret_key);
}

static void sign_pair(uint8_t public_key[static CRYPT_PUBLIC_KEY_BYTES],
                      uint8_t secret_key[static CRYPT_SECRET_KEY_BYTES],
                      const uint8_t master[static CRYPT_KEY_BYTES])
{
    uint8_t seed[CRYPT_SEED_BYTES];

    crypt_derive(seed, KEY_SIGN, purpose, master);
    crypt_sign_keys(public_key, secret_key, seed);
    crypt_wipe(seed, sizeof(seed));
}

bool worker_key_open(struct worker_key *key, const char *folder, const char *name, struct err *err)
{
    uint8_t master[KEYFILE_BYTES];
    char file[WORKER_KEY_NAME_SIZE + sizeof(".secret")];

    *key = (struct worker_key){0};
    snprintf(file, sizeof(file), "%s.secret", name);
    if (!text_copy(key->public_key.name, sizeof(key->public_key.name), name, err) ||
        !keyfile_open(master, folder, file, err)) {
        return false;
    }
    sign_pair(key->public_key.sign, key->sign_secret, master);
    seal_pair(&key->seal, master);
    memcpy(key->public_key.seal, key->seal.public_key, sizeof(key->public_key.seal));
    crypt_wipe(master, sizeof(master));
    return write_public(&key->public_key, folder, name, err);
}

bool worker_key_public(struct worker_public_key *key, const char *folder, const char *name,
                       struct err *err)
{
    struct worker_key all;
    bool ok = worker_key_open(&all, folder, name, err);

    *key = all.public_key;
    crypt_wipe(&all, sizeof(all));
    return ok;
}

bool organizer_key_open(struct organizer_key *key, const char *folder, const char *name,
                        struct err *err)
{
    uint8_t master[KEYFILE_BYTES];

    if (!keyfile_open(master, folder, name, err)) {
        return false;
    }
    seal_pair(&key->seal, master);
    sign_pair(key->sign, key->sign_secret, master);
    crypt_wipe(master, sizeof(master));
    return true;
}
