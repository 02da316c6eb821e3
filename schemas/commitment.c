/* SPDX-License-Identifier: MIT */
/*
 * Salted hashes of labels and scores. See the header.
 */
#include "schemas/commitment.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { CONTEXT_BYTES = 16, KEYED_MAX = CONTEXT_BYTES + COMMITMENT_ID_MAX };

static_assert(sizeof("scoring-labsalt1") - 1 == CONTEXT_BYTES, "contexts have 16 bytes");

/* A row's place in the order of the tree. */
struct placed {
    uint8_t place[CRYPT_KEY_BYTES];
    uint32_t row;
};

static void put_u32(uint8_t bytes[static 4], uint32_t number)
{
    for (int i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(number >> (24 - 8 * i));
    }
}

void commitment_frame(struct sha256 *hash, const void *data, size_t size)
{
    uint8_t length[4];

    put_u32(length, (uint32_t)size);
    sha256_add(hash, length, sizeof(length));
    sha256_add(hash, data, size);
}

static void frame_text(struct sha256 *hash, const char *text)
{
    commitment_frame(hash, text, strlen(text));
}

/* BLAKE2b-256 of a context of 16 bytes and an id. */
static void keyed_hash(uint8_t hash[static CRYPT_KEY_BYTES], const char *context, const void *id,
                       size_t id_size, const uint8_t seed[static COMMITMENT_SEED_BYTES])
{
    uint8_t data[KEYED_MAX];

    assert(id_size <= sizeof(data) - CONTEXT_BYTES);
    memcpy(data, context, CONTEXT_BYTES);
    memcpy(data + CONTEXT_BYTES, id, id_size);
    crypt_hash(hash, CRYPT_KEY_BYTES, data, CONTEXT_BYTES + id_size, seed);
}

/* ---- labels ---- */

void commitment_salt(uint8_t salt[static CRYPT_KEY_BYTES],
                     const uint8_t seed[static COMMITMENT_SEED_BYTES], const void *id,
                     size_t id_size)
{
    keyed_hash(salt, "scoring-labsalt1", id, id_size, seed);
}

void commitment_place(uint8_t place[static CRYPT_KEY_BYTES],
                      const uint8_t seed[static COMMITMENT_SEED_BYTES], const void *id,
                      size_t id_size)
{
    keyed_hash(place, "scoring-labsort1", id, id_size, seed);
}

void commitment_leaf(struct tree_hash *leaf, const uint8_t seed[static COMMITMENT_SEED_BYTES],
                     const char *competition, const struct commitment_row *row)
{
    uint8_t salt[CRYPT_KEY_BYTES];
    struct sha256 hash;

    commitment_salt(salt, seed, row->id, row->id_size);
    sha256_start(&hash);
    sha256_add(&hash, "\0", 1);
    frame_text(&hash, "scoring/label/v1");
    frame_text(&hash, competition);
    commitment_frame(&hash, row->id, row->id_size);
    frame_text(&hash, row->split);
    commitment_frame(&hash, row->label, row->label_size);
    commitment_frame(&hash, salt, sizeof(salt));
    sha256_finish(&hash, leaf->bytes);
}

static int compare_places(const void *a, const void *b)
{
    const struct placed *left = a;
    const struct placed *right = b;

    return memcmp(left->place, right->place, sizeof(left->place));
}

bool commitment_order(uint32_t **order, const uint8_t seed[static COMMITMENT_SEED_BYTES],
                      const struct commitment_rows *rows, struct err *err)
{
    struct placed *placed = calloc(rows->n + 1, sizeof(*placed)); /* not of 0 bytes */
    uint32_t *places = calloc(rows->n + 1, sizeof(*places));
    struct commitment_row row;

    if (placed == NULL || places == NULL) {
        free(placed);
        free(places);
        return err_set(err, ERR_SYSTEM, "no memory to commit to %zu rows", rows->n);
    }
    for (size_t i = 0; i < rows->n; i++) {
        rows->get(&row, rows->context, i);
        commitment_place(placed[i].place, seed, row.id, row.id_size);
        placed[i].row = (uint32_t)i;
    }
    qsort(placed, rows->n, sizeof(*placed), compare_places);
    for (size_t i = 0; i < rows->n; i++) {
        places[i] = placed[i].row;
    }
    free(placed);
    *order = places;
    return true;
}

bool commitment_leaves(struct tree_hash *leaves, const uint8_t seed[static COMMITMENT_SEED_BYTES],
                       const char *competition, const struct commitment_rows *rows, struct err *err)
{
    uint32_t *order = NULL;
    struct commitment_row row;

    if (!commitment_order(&order, seed, rows, err)) {
        return false;
    }
    for (size_t i = 0; i < rows->n; i++) {
        rows->get(&row, rows->context, order[i]);
        commitment_leaf(&leaves[i], seed, competition, &row);
    }
    free(order);
    return true;
}

bool commitment_root(struct tree_hash *root, const struct tree_hash *leaves, size_t n,
                     struct err *err)
{
    struct tree tree = {0};
    bool ok = true;

    for (size_t i = 0; i < n && ok; i++) {
        ok = tree_append(&tree, &leaves[i], err);
    }
    if (ok) {
        tree_root(root, &tree, n);
    }
    tree_free(&tree);
    return ok;
}

/* ---- scores ---- */

void commitment_nonce(uint8_t nonce[static CRYPT_KEY_BYTES],
                      const uint8_t seed[static COMMITMENT_SEED_BYTES], const char *competition,
                      const char *submission, uint32_t label_version)
{
    const char *parts[] = {competition, submission};
    uint8_t data[KEYED_MAX];
    size_t size = 0;

    for (size_t i = 0; i < 2; i++) {
        size_t length = strlen(parts[i]);
        assert(length <= KEYED_MAX / 4);
        put_u32(data + size, (uint32_t)length);
        memcpy(data + size + 4, parts[i], length);
        size += 4 + length;
    }
    put_u32(data + size, label_version);
    keyed_hash(nonce, "scoring-scornon1", data, size + 4, seed);
}

void commitment_score(uint8_t commitment[static COMMITMENT_BYTES],
                      const uint8_t seed[static COMMITMENT_SEED_BYTES],
                      const struct commitment_score *score)
{
    uint8_t nonce[CRYPT_KEY_BYTES];
    uint8_t version[4];
    struct sha256 hash;

    commitment_nonce(nonce, seed, score->competition, score->submission, score->label_version);
    put_u32(version, score->label_version);
    sha256_start(&hash);
    frame_text(&hash, "scoring/score/v1");
    frame_text(&hash, score->competition);
    frame_text(&hash, score->submission);
    commitment_frame(&hash, score->file_sha256, SHA256_BYTES);
    sha256_add(&hash, version, sizeof(version));
    frame_text(&hash, score->metric);
    frame_text(&hash, score->score);
    commitment_frame(&hash, nonce, sizeof(nonce));
    sha256_finish(&hash, commitment);
}

void commitment_result_leaf(struct tree_hash *leaf,
                            const uint8_t public_commitment[static COMMITMENT_BYTES],
                            const uint8_t private_commitment[static COMMITMENT_BYTES])
{
    struct sha256 hash;

    sha256_start(&hash);
    sha256_add(&hash, "\0", 1);
    sha256_add(&hash, public_commitment, COMMITMENT_BYTES);
    sha256_add(&hash, private_commitment, COMMITMENT_BYTES);
    sha256_finish(&hash, leaf->bytes);
}
