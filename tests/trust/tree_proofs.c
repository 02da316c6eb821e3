/* SPDX-License-Identifier: MIT */
/*
 * Proofs of our trees, for verifiers that we did not write: a line each on stdout,
 *   leaf SIZE ROOT INDEX LEAF HASH,HASH,…   growth SIZE ROOT OLD OLD_ROOT HASH,HASH,…
 * in hexadecimal. `tree_proofs SIZE EACH`: of every size up to SIZE (and of SIZE itself) proofs of
 * EACH leaves and old sizes, spread over the tree; of every one where EACH is 0. With a third word
 * only of SIZE.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/draw.h"
#include "common/text.h"
#include "schemas/entry.h"
#include "schemas/tree.h"

static void print_hash(const struct tree_hash *hash)
{
    char text[SHA256_HEX_SIZE];

    hex_text(text, hash->bytes, sizeof(hash->bytes));
    fputs(text, stdout);
}

static void print_root(const struct tree *tree, uint64_t size)
{
    struct tree_hash root;

    tree_root(&root, tree, size);
    print_hash(&root);
}

static void print_proof(const struct tree_proof *proof)
{
    putchar(' ');
    for (size_t i = 0; i < proof->n; i++) {
        if (i > 0) {
            putchar(',');
        }
        print_hash(&proof->hashes[i]);
    }
    putchar('\n');
}

static void print_leaf(const struct tree *tree, uint64_t index, uint64_t size)
{
    struct tree_proof proof;

    tree_prove_leaf(&proof, tree, index, size);
    printf("leaf %" PRIu64 " ", size);
    print_root(tree, size);
    printf(" %" PRIu64 " ", index);
    print_hash(&tree->levels[0].hashes[index]);
    print_proof(&proof);
}

static void print_growth(const struct tree *tree, uint64_t old_size, uint64_t size)
{
    struct tree_proof proof;

    tree_prove_growth(&proof, tree, old_size, size);
    printf("growth %" PRIu64 " ", size);
    print_root(tree, size);
    printf(" %" PRIu64 " ", old_size);
    print_root(tree, old_size);
    print_proof(&proof);
}

static void print_size(const struct tree *tree, uint64_t size, uint64_t each, struct draw *draw)
{
    uint64_t n = each == 0 || each > size ? size : each;

    for (uint64_t i = 0; i < n; i++) {
        uint64_t place = n == size ? i : i == 0 ? 0 : i == 1 ? size - 1 : draw_below(draw, size);
        print_leaf(tree, place, size);
        print_growth(tree, place + 1, size);
    }
}

static bool add_leaf(struct tree *tree, uint64_t index, struct err *err)
{
    char line[32];
    struct tree_hash leaf;

    int size = snprintf(line, sizeof(line), "entry %" PRIu64 "\n", index);
    entry_leaf(leaf.bytes, line, (size_t)size);
    return tree_append(tree, &leaf, err);
}

int main(int argc, char **argv)
{
    uint64_t size_max = argc > 1 ? strtoull(argv[1], NULL, 10) : 33;
    uint64_t each = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
    bool is_last_only = argc > 3;
    struct draw draw = {.state = size_max};
    struct tree tree = {0};
    struct err err;

    for (uint64_t size = 1; size <= size_max; size++) {
        if (!add_leaf(&tree, size - 1, &err)) {
            fprintf(stderr, "tree_proofs: %s\n", err.text);
            return 1;
        }
        if (!is_last_only || size == size_max) {
            print_size(&tree, size, each, &draw);
        }
    }
    tree_free(&tree);
    return 0;
}
