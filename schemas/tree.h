/* SPDX-License-Identifier: MIT */
/*
 * The Merkle tree of RFC 6962 over SHA-256: the tree itself (append, root, proofs; 64 bytes a leaf
 * in memory) and the two checks that need nothing but hashes. Leaf hashes are made by entry_leaf.
 *
 * Source: RFC 6962 §2.1; RFC 9162 §2.1.3.2 and §2.1.4.2 for the checks
 */
#pragma once

#include "common/err.h"
#include "common/sha256.h"

#include <stddef.h>

enum { TREE_HASH_BYTES = SHA256_BYTES, TREE_LEVELS = 63, TREE_PROOF_MAX = 64 };

struct tree_hash {
    uint8_t bytes[TREE_HASH_BYTES];
};

/* A path of hashes, as handed out and as checked. */
struct tree_proof {
    size_t n;
    struct tree_hash hashes[TREE_PROOF_MAX];
};

/* Level k holds the roots of the complete subtrees of 2^k leaves. {0} … tree_free. */
struct tree_level {
    struct tree_hash *hashes; /* owned */
    size_t n;
    size_t capacity;
};

struct tree {
    struct tree_level levels[TREE_LEVELS];
};

void tree_free(struct tree *tree);

/* Leaves in the tree. */
uint64_t tree_size(const struct tree *tree);

/*
 * Adds a leaf hash at the end.
 *
 * Errors   ERR_SYSTEM  no memory; the tree is as it was
 */
MUST_CHECK bool tree_append(struct tree *tree, const struct tree_hash *leaf, struct err *err);

/* The root of the first `size` leaves; of none, SHA-256 of nothing. size <= tree_size. */
void tree_root(struct tree_hash *root, const struct tree *tree, uint64_t size);

/* The path that leads from leaf `index` to the root of the first `size`; index < size. */
void tree_prove_leaf(struct tree_proof *proof, const struct tree *tree, uint64_t index,
                     uint64_t size);

/* That the first `old_size` leaves are the beginning of the first `size`; old_size <= size. */
void tree_prove_growth(struct tree_proof *proof, const struct tree *tree, uint64_t old_size,
                       uint64_t size);

/*
 * Checks that `leaf` stands at `index` under `root` of `size` leaves.
 *
 * Errors   ERR_INPUT  it does not, or the proof has another length than it must have
 */
MUST_CHECK bool tree_check_leaf(const struct tree_hash *leaf, uint64_t index, uint64_t size,
                                const struct tree_proof *proof, const struct tree_hash *root,
                                struct err *err);

/*
 * Checks that the tree of `old_size` and `old_root` is the beginning of that of `size` and `root`.
 * Everything continues the empty tree.
 *
 * Errors   ERR_INPUT  it is not, or the proof has another length than it must have
 */
MUST_CHECK bool tree_check_growth(uint64_t old_size, const struct tree_hash *old_root,
                                  uint64_t size, const struct tree_hash *root,
                                  const struct tree_proof *proof, struct err *err);
