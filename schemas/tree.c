/* SPDX-License-Identifier: MIT */
/*
 * The RFC 6962 tree. See the header. Only complete subtrees are kept: what lies at the right edge
 * is put together from them, at most one hash a level.
 */
#include "schemas/tree.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void tree_free(struct tree *tree)
{
    for (size_t i = 0; i < TREE_LEVELS; i++) {
        free(tree->levels[i].hashes);
    }
    *tree = (struct tree){0};
}

uint64_t tree_size(const struct tree *tree)
{
    return tree->levels[0].n;
}

/* SHA-256 of 0x01, left, right */
static void join(struct tree_hash *parent, const struct tree_hash *left,
                 const struct tree_hash *right)
{
    struct sha256 hash;

    sha256_start(&hash);
    sha256_add(&hash, "\1", 1);
    sha256_add(&hash, left->bytes, TREE_HASH_BYTES);
    sha256_add(&hash, right->bytes, TREE_HASH_BYTES);
    sha256_finish(&hash, parent->bytes);
}

static bool make_room(struct tree_level *level, struct err *err)
{
    if (level->n < level->capacity) {
        return true;
    }
    size_t capacity = level->capacity == 0 ? 16 : 2 * level->capacity;
    struct tree_hash *grown = realloc(level->hashes, capacity * sizeof(*grown));
    if (grown == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for %zu hashes", capacity);
    }
    level->hashes = grown;
    level->capacity = capacity;
    return true;
}

bool tree_append(struct tree *tree, const struct tree_hash *leaf, struct err *err)
{
    size_t top = 0; /* the highest level that this leaf completes a subtree of */

    while ((tree->levels[0].n + 1) >> top << top == tree->levels[0].n + 1) {
        if (!make_room(&tree->levels[top], err)) {
            return false;
        }
        top++;
    }
    struct tree_hash hash = *leaf;
    struct tree_level *level = &tree->levels[0];
    level->hashes[level->n++] = hash;
    for (; level->n % 2 == 0; level->hashes[level->n++] = hash) { /* ends below `top' */
        join(&hash, &level->hashes[level->n - 2], &level->hashes[level->n - 1]);
        level++;
    }
    return true;
}

/* The largest power of two below n; n > 1. */
static uint64_t split_of(uint64_t n)
{
    return (uint64_t)1 << (63 - __builtin_clzll(n - 1));
}

static const struct tree_hash *complete(const struct tree *tree, uint64_t start, uint64_t n)
{
    unsigned level = (unsigned)__builtin_ctzll(n);

    return &tree->levels[level].hashes[start >> level];
}

/*
 * The root of leaves start to end - 1; `start` is a multiple of the largest power of two in the
 * count. The left part of a split is always complete, so the parts are folded from the right.
 */
static void root_of(struct tree_hash *root, const struct tree *tree, uint64_t start, uint64_t end)
{
    const struct tree_hash *parts[64];
    size_t n_parts = 0;

    while (((end - start) & (end - start - 1)) != 0) {
        uint64_t left = split_of(end - start);
        parts[n_parts++] = complete(tree, start, left);
        start += left;
    }
    *root = *complete(tree, start, end - start);
    while (n_parts > 0) {
        join(root, parts[--n_parts], root);
    }
}

void tree_root(struct tree_hash *root, const struct tree *tree, uint64_t size)
{
    assert(size <= tree_size(tree));
    if (size == 0) {
        sha256_of(root->bytes, "", 0);
    } else {
        root_of(root, tree, 0, size);
    }
}

static void reverse(struct tree_proof *proof)
{
    for (size_t i = 0; i < proof->n / 2; i++) {
        struct tree_hash hash = proof->hashes[i];
        proof->hashes[i] = proof->hashes[proof->n - 1 - i];
        proof->hashes[proof->n - 1 - i] = hash;
    }
}

void tree_prove_leaf(struct tree_proof *proof, const struct tree *tree, uint64_t index,
                     uint64_t size)
{
    uint64_t start = 0;
    uint64_t end = size;

    assert(index < size && size <= tree_size(tree));
    proof->n = 0;
    while (end - start > 1) {
        uint64_t middle = start + split_of(end - start);
        struct tree_hash *sibling = &proof->hashes[proof->n++];
        if (index < middle) {
            root_of(sibling, tree, middle, end);
            end = middle;
        } else {
            root_of(sibling, tree, start, middle);
            start = middle;
        }
    }
    reverse(proof);
}

void tree_prove_growth(struct tree_proof *proof, const struct tree *tree, uint64_t old_size,
                       uint64_t size)
{
    uint64_t start = 0;
    uint64_t end = size;
    bool is_old_whole = true; /* the old tree is all of start to end so far: its root is known */

    assert(old_size <= size && size <= tree_size(tree));
    proof->n = 0;
    if (old_size == 0 || old_size == size) {
        return;
    }
    while (old_size != end) {
        uint64_t middle = start + split_of(end - start);
        struct tree_hash *sibling = &proof->hashes[proof->n++];
        if (old_size <= middle) {
            root_of(sibling, tree, middle, end);
            end = middle;
        } else {
            root_of(sibling, tree, start, middle);
            start = middle;
            is_old_whole = false;
        }
    }
    if (!is_old_whole) {
        root_of(&proof->hashes[proof->n++], tree, start, end);
    }
    reverse(proof);
}

static bool is_same(const struct tree_hash *a, const struct tree_hash *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

bool tree_check_leaf(const struct tree_hash *leaf, uint64_t index, uint64_t size,
                     const struct tree_proof *proof, const struct tree_hash *root, struct err *err)
{
    struct tree_hash hash = *leaf;
    uint64_t node = index;
    uint64_t last = size - 1;

    if (index >= size) {
        return err_set(err, ERR_INPUT, "leaf is not in a tree of that size");
    }
    for (size_t i = 0; i < proof->n; i++) {
        if (last == 0) {
            return err_set(err, ERR_INPUT, "proof is too long");
        }
        if (node % 2 == 1 || node == last) {
            join(&hash, &proof->hashes[i], &hash);
            while (node % 2 == 0) { /* it is not 0, as `last' is not */
                node >>= 1;
                last >>= 1;
            }
        } else {
            join(&hash, &hash, &proof->hashes[i]);
        }
        node >>= 1;
        last >>= 1;
    }
    if (last != 0) {
        return err_set(err, ERR_INPUT, "proof is too short");
    }
    if (!is_same(&hash, root)) {
        return err_set(err, ERR_INPUT, "proof leads to another root");
    }
    return true;
}

/* The walk of RFC 9162 §2.1.4.2 for 0 < old_size < size: both roots from one proof. */
static bool walk_growth(uint64_t old_size, const struct tree_hash *old_root, uint64_t size,
                        const struct tree_hash *root, const struct tree_proof *proof,
                        struct err *err)
{
    uint64_t node = old_size - 1;
    uint64_t last = size - 1;
    size_t next = 0;

    while (node % 2 == 1) {
        node >>= 1;
        last >>= 1;
    }
    if (node != 0 && proof->n == 0) {
        return err_set(err, ERR_INPUT, "proof is too short");
    }
    struct tree_hash old_hash = node == 0 ? *old_root : proof->hashes[next++];
    struct tree_hash hash = old_hash;
    for (; next < proof->n; next++) {
        const struct tree_hash *sibling = &proof->hashes[next];
        if (last == 0) {
            return err_set(err, ERR_INPUT, "proof is too long");
        }
        if (node % 2 == 1 || node == last) {
            join(&old_hash, sibling, &old_hash);
            join(&hash, sibling, &hash);
            while (node % 2 == 0) { /* it is not 0, as `last' is not */
                node >>= 1;
                last >>= 1;
            }
        } else {
            join(&hash, &hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if (last != 0) {
        return err_set(err, ERR_INPUT, "proof is too short");
    }
    if (!is_same(&old_hash, old_root) || !is_same(&hash, root)) {
        return err_set(err, ERR_INPUT, "proof leads to another root");
    }
    return true;
}

bool tree_check_growth(uint64_t old_size, const struct tree_hash *old_root, uint64_t size,
                       const struct tree_hash *root, const struct tree_proof *proof,
                       struct err *err)
{
    if (old_size > size) {
        return err_set(err, ERR_INPUT, "tree is smaller than it was");
    }
    if (old_size == 0 || old_size == size) {
        if (proof->n != 0) {
            return err_set(err, ERR_INPUT, "proof is too long");
        }
        if (old_size == size && !is_same(old_root, root)) {
            return err_set(err, ERR_INPUT, "two roots for one size");
        }
        return true;
    }
    return walk_growth(old_size, old_root, size, root, proof, err);
}
