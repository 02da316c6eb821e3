/* SPDX-License-Identifier: MIT */
/*
 * Sealing of private scores. See the header.
 */
#include "scorer/worker/seal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/keyfile.h"

enum { PLAIN_VERSION = 2, NONCE_AND_TAG = 24 + 16 };

enum { HAS_VALUE = 1, HAS_PUBLIC_VALUE = 2 };

static_assert(NONCE_AND_TAG == CRYPT_NONCE_BYTES + CRYPT_BOX_EXTRA_BYTES, "layout of a box");

/* In front of the JSON. */
struct head {
    uint32_t version;
    uint32_t values;
    double value;
    double public_value;
};

static_assert(sizeof(struct head) == 24, "no padding that could differ");

bool seal_key_open(struct seal_key *key, const char *folder, struct err *err)
{
    return keyfile_open(key->key, folder, "seal.key", err);
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
    const struct head head = {
        .version = PLAIN_VERSION,
        .values =
            (score->has_value ? HAS_VALUE : 0u) | (score->has_public_value ? HAS_PUBLIC_VALUE : 0u),
        .value = score->has_value ? score->value : 0,
        .public_value = score->has_public_value ? score->public_value : 0,
    };
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
    *score = (struct seal_score){.has_value = (head.values & HAS_VALUE) != 0,
                                 .value = head.value,
                                 .has_public_value = (head.values & HAS_PUBLIC_VALUE) != 0,
                                 .public_value = head.public_value,
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
