/* SPDX-License-Identifier: MIT */
/*
 * A sorted list of sorted blocks, and a Fenwick tree over their sizes. A full block is split in
 * two; the last key of a block takes the block with it. See the header.
 */
#include "broker/board/ranking.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_KEYS = 256 };

struct block {
    size_t n_keys;
    struct ranking_key keys[BLOCK_KEYS];
};

struct ranking {
    struct block **blocks; /* owned, and the blocks too */
    size_t *sums;          /* owned; Fenwick tree, 1-based */
    size_t n_blocks;
    size_t capacity;
    size_t n_keys;
};

bool ranking_is_before(const struct ranking_key *a, const struct ranking_key *b)
{
    if (a->sort_key != b->sort_key) {
        return a->sort_key < b->sort_key;
    }
    if (a->received_ms != b->received_ms) {
        return a->received_ms < b->received_ms;
    }
    if (a->submission != b->submission) {
        return a->submission < b->submission;
    }
    return a->team < b->team;
}

static bool is_same(const struct ranking_key *a, const struct ranking_key *b)
{
    return !ranking_is_before(a, b) && !ranking_is_before(b, a);
}

bool ranking_open(struct ranking **ranking, struct err *err)
{
    *ranking = calloc(1, sizeof(**ranking));
    return *ranking != NULL || err_set(err, ERR_SYSTEM, "no memory for a ranking");
}

void ranking_clear(struct ranking *ranking)
{
    for (size_t i = 0; i < ranking->n_blocks; i++) {
        free(ranking->blocks[i]);
    }
    free(ranking->blocks);
    free(ranking->sums);
    *ranking = (struct ranking){0};
}

void ranking_close(struct ranking **ranking)
{
    if (*ranking != NULL) {
        ranking_clear(*ranking);
        free(*ranking);
        *ranking = NULL;
    }
}

size_t ranking_count(const struct ranking *ranking)
{
    return ranking->n_keys;
}

/* ---- the Fenwick tree ---- */

static void sums_rebuild(struct ranking *ranking)
{
    memset(ranking->sums, 0, (ranking->n_blocks + 1) * sizeof(*ranking->sums));
    for (size_t i = 1; i <= ranking->n_blocks; i++) {
        ranking->sums[i] += ranking->blocks[i - 1]->n_keys;
        size_t parent = i + (i & (~i + 1));
        if (parent <= ranking->n_blocks) {
            ranking->sums[parent] += ranking->sums[i];
        }
    }
}

/* Adds 1, or takes 1 away where `delta` is SIZE_MAX. */
static void sums_add(struct ranking *ranking, size_t block, size_t delta)
{
    for (size_t i = block + 1; i <= ranking->n_blocks; i += i & (~i + 1)) {
        ranking->sums[i] += delta;
    }
}

static size_t sums_before(const struct ranking *ranking, size_t block)
{
    size_t sum = 0;

    for (size_t i = block; i > 0; i &= i - 1) {
        sum += ranking->sums[i];
    }
    return sum;
}

/* The block that holds a place, which becomes the place within it. */
static size_t sums_find(const struct ranking *ranking, size_t *place)
{
    size_t block = 0;
    size_t step = 1;

    while (2 * step <= ranking->n_blocks) {
        step *= 2;
    }
    for (; step > 0; step /= 2) {
        if (block + step <= ranking->n_blocks && ranking->sums[block + step] <= *place) {
            block += step;
            *place -= ranking->sums[block];
        }
    }
    return block;
}

/* ---- blocks ---- */

/* Keys of a block before `key`. */
static size_t place_in_block(const struct block *block, const struct ranking_key *key)
{
    size_t low = 0;
    size_t high = block->n_keys;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ranking_is_before(&block->keys[middle], key)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/*
 * The last block whose first key is not behind `key`, else 0. Blocks are never empty while they
 * are more than one: the last key of a block takes the block with it.
 */
static size_t block_of(const struct ranking *ranking, const struct ranking_key *key)
{
    size_t low = 0;
    size_t high = ranking->n_blocks;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (ranking_is_before(key, &ranking->blocks[middle]->keys[0])) {
            high = middle;
        } else {
            low = middle;
        }
    }
    return low;
}

static bool make_room(struct ranking *ranking, struct err *err)
{
    size_t capacity = ranking->capacity == 0 ? 16 : 2 * ranking->capacity;

    if (ranking->n_blocks < ranking->capacity) {
        return true;
    }
    struct block **blocks = realloc(ranking->blocks, capacity * sizeof(struct block *));
    if (blocks == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for %zu blocks of a ranking", capacity);
    }
    ranking->blocks = blocks;
    size_t *sums = realloc(ranking->sums, (capacity + 1) * sizeof(*sums));
    if (sums == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for %zu blocks of a ranking", capacity);
    }
    ranking->sums = sums;
    ranking->capacity = capacity;
    return true;
}

/* Puts a block at a place; it takes the upper half of the block before it. */
static bool add_block(struct ranking *ranking, size_t at, struct err *err)
{
    struct block *added = calloc(1, sizeof(*added));

    if (added == NULL || !make_room(ranking, err)) {
        free(added);
        return err_set(err, ERR_SYSTEM, "no memory for a block of a ranking");
    }
    if (at > 0) {
        struct block *full = ranking->blocks[at - 1];
        size_t n_kept = full->n_keys / 2;
        added->n_keys = full->n_keys - n_kept;
        memcpy(added->keys, full->keys + n_kept, added->n_keys * sizeof(added->keys[0]));
        full->n_keys = n_kept;
    }
    memmove(ranking->blocks + at + 1, ranking->blocks + at,
            (ranking->n_blocks - at) * sizeof(ranking->blocks[0]));
    ranking->blocks[at] = added;
    ranking->n_blocks++;
    sums_rebuild(ranking);
    return true;
}

bool ranking_insert(struct ranking *ranking, const struct ranking_key *key, struct err *err)
{
    if (ranking->n_blocks == 0 && !add_block(ranking, 0, err)) {
        return false;
    }
    size_t at = block_of(ranking, key);
    if (ranking->blocks[at]->n_keys == BLOCK_KEYS) {
        if (!add_block(ranking, at + 1, err)) {
            return false;
        }
        at = block_of(ranking, key);
    }
    struct block *block = ranking->blocks[at];
    size_t place = place_in_block(block, key);
    memmove(block->keys + place + 1, block->keys + place,
            (block->n_keys - place) * sizeof(block->keys[0]));
    block->keys[place] = *key;
    block->n_keys++;
    ranking->n_keys++;
    sums_add(ranking, at, 1);
    return true;
}

void ranking_remove(struct ranking *ranking, const struct ranking_key *key)
{
    if (ranking->n_keys == 0) {
        return;
    }
    size_t at = block_of(ranking, key);
    struct block *block = ranking->blocks[at];
    size_t place = place_in_block(block, key);
    if (place == block->n_keys || !is_same(&block->keys[place], key)) {
        return;
    }
    memmove(block->keys + place, block->keys + place + 1,
            (block->n_keys - place - 1) * sizeof(block->keys[0]));
    block->n_keys--;
    ranking->n_keys--;
    sums_add(ranking, at, SIZE_MAX);
    if (block->n_keys == 0 && ranking->n_blocks > 1) {
        free(block);
        ranking->n_blocks--;
        memmove(ranking->blocks + at, ranking->blocks + at + 1,
                (ranking->n_blocks - at) * sizeof(ranking->blocks[0]));
        sums_rebuild(ranking);
    }
}

size_t ranking_place(const struct ranking *ranking, const struct ranking_key *key)
{
    if (ranking->n_keys == 0) {
        return 0;
    }
    size_t at = block_of(ranking, key);
    return sums_before(ranking, at) + place_in_block(ranking->blocks[at], key);
}

const struct ranking_key *ranking_at(const struct ranking *ranking, size_t place)
{
    assert(place < ranking->n_keys);
    size_t at = sums_find(ranking, &place);
    return &ranking->blocks[at]->keys[place];
}
