/* SPDX-License-Identifier: MIT */
/*
 * Sealing of private scores. See the header.
 */
#include "scorer/worker/seal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PLAIN_VERSION = 1, KEY_PATH_SIZE = 4096, NONCE_AND_TAG = 24 + 16 };

static_assert(NONCE_AND_TAG == CRYPT_NONCE_BYTES + CRYPT_BOX_EXTRA_BYTES, "layout of a box");

/* In front of the JSON. */
struct head {
    uint32_t version;
    uint32_t has_value;
    double value;
};

static_assert(sizeof(struct head) == 16, "no padding that could differ");

/* The first worker's key is linked to its name, which fails for every later one. */
static bool make_key(const char *folder, const char *path, struct err *err)
{
    struct seal_key key;
    char beside[KEY_PATH_SIZE];

    if (snprintf(beside, sizeof(beside), "%s.new.%ld", path, (long)getpid()) >=
        (int)sizeof(beside)) {
        return err_set(err, ERR_LIMIT, "path is longer than %d bytes", KEY_PATH_SIZE - 1);
    }
    crypt_random(key.key, sizeof(key.key));
    bool ok = file_write_durable(beside, key.key, sizeof(key.key), 0600, err);
    crypt_wipe(&key, sizeof(key));
    if (ok && link(beside, path) < 0 && errno != EEXIST) {
        ok = err_set(err, ERR_SYSTEM, "make %s: %s", path, strerror(errno));
    }
    unlink(beside);
    return ok && folder_sync(folder, err);
}

bool seal_key_open(struct seal_key *key, const char *folder, struct err *err)
{
    char path[KEY_PATH_SIZE];
    struct bytes found = {0};

    if (!folder_make(folder, 0700, err) ||
        !path_join(path, sizeof(path), folder, "seal.key", err) ||
        (access(path, F_OK) < 0 && !make_key(folder, path, err)) ||
        !file_read(&found, path, sizeof(key->key), err)) {
        return false;
    }
    bool ok = found.size_bytes == sizeof(key->key) ||
              err_set(err, ERR_CONFIG, "%s has %zu bytes, a key has %zu", path, found.size_bytes,
                      sizeof(key->key));
    if (ok) {
        memcpy(key->key, found.data, sizeof(key->key));
    }
    crypt_wipe(found.data, found.size_bytes);
    bytes_free(&found);
    return ok;
}

/* Keyed hash of (submission, versions, hash of the contents); every part has its fixed place. */
static void make_nonce(uint8_t nonce[static CRYPT_NONCE_BYTES], const struct seal_key *key,
                       const struct seal_subject *subject, const void *plain, size_t size)
{
    struct {
        uint8_t submission[32];
        uint8_t contents[32];
        uint32_t label_version;
        uint32_t rules_version;
    } parts = {.label_version = subject->label_version, .rules_version = subject->rules_version};

    crypt_hash(parts.submission, sizeof(parts.submission), subject->submission,
               subject->submission_size, NULL);
    crypt_hash(parts.contents, sizeof(parts.contents), plain, size, key->key);
    crypt_hash(nonce, CRYPT_NONCE_BYTES, &parts, sizeof(parts), key->key);
}

bool seal_close(struct bytes *box, const struct seal_key *key, const struct seal_subject *subject,
                const struct seal_score *score, struct err *err)
{
    const struct head head = {.version = PLAIN_VERSION,
                              .has_value = score->has_value,
                              .value = score->has_value ? score->value : 0};
    size_t size = sizeof(head) + score->json_size;

    if (score->json_size > SEAL_BOX_MAX - sizeof(head) - NONCE_AND_TAG) {
        return err_set(err, ERR_LIMIT, "private scorecard has %zu bytes, limit is %zu",
                       score->json_size, SEAL_BOX_MAX - sizeof(head) - NONCE_AND_TAG);
    }
    unsigned char *plain = malloc(size);
    unsigned char *made = malloc(size + NONCE_AND_TAG);
    if (plain == NULL || made == NULL) {
        free(plain);
        free(made);
        return err_set(err, ERR_SYSTEM, "no memory to seal %zu bytes", size);
    }
    memcpy(plain, &head, sizeof(head));
    memcpy(plain + sizeof(head), score->json, score->json_size);
    make_nonce(made, key, subject, plain, size);
    crypt_box_seal(made + CRYPT_NONCE_BYTES, plain, size, made, key->key);
    crypt_wipe(plain, size);
    free(plain);
    *box = (struct bytes){.data = made, .size_bytes = size + NONCE_AND_TAG};
    return true;
}

static bool read_plain(struct seal_score *score, const struct bytes *plain,
                       const struct seal_key *key, const struct seal_subject *subject,
                       const uint8_t *nonce)
{
    uint8_t expected[CRYPT_NONCE_BYTES];
    struct head head;

    make_nonce(expected, key, subject, plain->data, plain->size_bytes);
    memcpy(&head, plain->data, sizeof(head));
    *score = (struct seal_score){.has_value = head.has_value != 0,
                                 .value = head.value,
                                 .json = plain->data + sizeof(head),
                                 .json_size = plain->size_bytes - sizeof(head)};
    return crypt_equal(expected, nonce, sizeof(expected)) && head.version == PLAIN_VERSION;
}

bool seal_open(struct seal_score *score, struct bytes *plain, const struct seal_key *key,
               const struct seal_subject *subject, const void *box, size_t box_size,
               struct err *err)
{
    const uint8_t *nonce = box;
    const uint8_t *sealed = nonce + CRYPT_NONCE_BYTES;

    *plain = (struct bytes){0};
    if (box_size < NONCE_AND_TAG + sizeof(struct head)) {
        return err_set(err, ERR_PEER, "sealed score has %zu bytes", box_size);
    }
    plain->size_bytes = box_size - NONCE_AND_TAG;
    plain->data = malloc(plain->size_bytes);
    if (plain->data == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory to open %zu bytes", plain->size_bytes);
    }
    if (!crypt_box_open(plain->data, sealed, box_size - CRYPT_NONCE_BYTES, nonce, key->key) ||
        !read_plain(score, plain, key, subject, nonce)) {
        crypt_wipe(plain->data, plain->size_bytes);
        bytes_free(plain);
        return err_set(err, ERR_PEER, "sealed score does not open for this submission");
    }
    return true;
}
