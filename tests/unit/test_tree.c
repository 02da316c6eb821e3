/* SPDX-License-Identifier: MIT */
/*
 * The Merkle tree: the roots that transparency-dev/merkle lists, and every pair of sizes up to 33
 * with every wrong hash, index, size and length refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/text.h"
#include "schemas/entry.h"
#include "schemas/tree.h"

enum { SIZE_MAX_TESTED = 33 };

static void append(struct tree *tree, const void *data, size_t size)
{
    struct tree_hash leaf;
    struct err err;

    entry_leaf(leaf.bytes, data, size);
    assert_true(tree_append(tree, &leaf, &err));
}

static void fill(struct tree *tree, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        unsigned char data = (unsigned char)i;
        append(tree, &data, 1);
    }
}

static void assert_root(const struct tree *tree, uint64_t size, const char *expected)
{
    struct tree_hash root;
    char text[SHA256_HEX_SIZE];

    tree_root(&root, tree, size);
    hex_text(text, root.bytes, sizeof(root.bytes));
    assert_string_equal(text, expected);
}

static void test_tree_root_of_known_leaves(void **state)
{
    (void)state;
    /* Certificate Transparency's reference leaves and roots (merkle_tree_test.cc) */
    static const unsigned char third[] = {0x10};
    static const unsigned char fourth[] = {0x20, 0x21};
    static const unsigned char fifth[] = {0x30, 0x31};
    static const unsigned char sixth[] = {0x40, 0x41, 0x42, 0x43};
    static const unsigned char seventh[] = {0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57};
    static const unsigned char eighth[] = {0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67,
                                           0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f};
    struct tree tree = {0};

    assert_root(&tree, 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    append(&tree, "", 0);
    append(&tree, "", 1);
    append(&tree, third, sizeof(third));
    append(&tree, fourth, sizeof(fourth));
    append(&tree, fifth, sizeof(fifth));
    append(&tree, sixth, sizeof(sixth));
    append(&tree, seventh, sizeof(seventh));
    append(&tree, eighth, sizeof(eighth));
    assert_root(&tree, 1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    assert_root(&tree, 2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125");
    assert_root(&tree, 3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77");
    assert_root(&tree, 4, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7");
    assert_root(&tree, 5, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4");
    assert_root(&tree, 6, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef");
    assert_root(&tree, 7, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c");
    assert_root(&tree, 8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
    tree_free(&tree);
}

/* Every way to be wrong about one leaf proof. */
static void refuse_wrong_leaf_proofs(const struct tree_hash *leaf, uint64_t index, uint64_t size,
                                     struct tree_proof proof, struct tree_hash root)
{
    struct tree_hash wrong = *leaf;
    struct err err;

    wrong.bytes[31] ^= 1;
    assert_false(tree_check_leaf(&wrong, index, size, &proof, &root, &err));
    for (uint64_t other = 0; other <= size; other++) {
        if (other != index) {
            assert_false(tree_check_leaf(leaf, other, size, &proof, &root, &err));
        }
    }
    assert_false(tree_check_leaf(leaf, index, 2 * size, &proof, &root, &err)); /* a longer path */
    assert_false(tree_check_leaf(leaf, index, size / 2, &proof, &root, &err)); /* a shorter one */
    for (size_t i = 0; i < proof.n; i++) {
        proof.hashes[i].bytes[0] ^= 1;
        assert_false(tree_check_leaf(leaf, index, size, &proof, &root, &err));
        proof.hashes[i].bytes[0] ^= 1;
    }
    proof.hashes[proof.n] = root;
    proof.n++;
    assert_false(tree_check_leaf(leaf, index, size, &proof, &root, &err));
    proof.n--;
    if (proof.n > 0) {
        proof.n--;
        assert_false(tree_check_leaf(leaf, index, size, &proof, &root, &err));
        proof.n++;
    }
    root.bytes[0] ^= 1;
    assert_false(tree_check_leaf(leaf, index, size, &proof, &root, &err));
}

static void test_tree_check_leaf_exhaustively(void **state)
{
    (void)state;
    struct tree tree = {0};
    struct err err;

    fill(&tree, SIZE_MAX_TESTED);
    for (uint64_t size = 1; size <= SIZE_MAX_TESTED; size++) {
        struct tree_hash root;
        tree_root(&root, &tree, size);
        for (uint64_t index = 0; index < size; index++) {
            struct tree_proof proof;
            const struct tree_hash *leaf = &tree.levels[0].hashes[index];
            tree_prove_leaf(&proof, &tree, index, size);
            assert_true(tree_check_leaf(leaf, index, size, &proof, &root, &err));
            refuse_wrong_leaf_proofs(leaf, index, size, proof, root);
        }
        assert_false(tree_check_leaf(&root, 0, 0, &(struct tree_proof){0}, &root, &err));
    }
    tree_free(&tree);
}

/* The right half of a tree is no tree of its own: its path is too long for that. */
static void test_tree_check_leaf_refuses_a_path_above_the_root(void **state)
{
    (void)state;
    struct tree tree = {0};
    struct tree_proof proof;
    struct tree_hash root;
    struct err err;

    fill(&tree, 8);
    for (uint64_t size = 2; size <= 8; size *= 2) {
        tree_root(&root, &tree, size);
        tree_prove_leaf(&proof, &tree, size - 1, size);
        const struct tree_hash *last = &tree.levels[0].hashes[size - 1];
        assert_true(tree_check_leaf(last, size - 1, size, &proof, &root, &err));
        assert_false(tree_check_leaf(last, 0, 1, &proof, &root, &err));
    }
    tree_free(&tree);
}

static void refuse_wrong_growth(uint64_t old_size, struct tree_hash old_root, uint64_t size,
                                struct tree_hash root, struct tree_proof proof)
{
    struct err err;

    if (old_size > 0) {
        old_root.bytes[5] ^= 1;
        assert_false(tree_check_growth(old_size, &old_root, size, &root, &proof, &err));
        old_root.bytes[5] ^= 1;
        root.bytes[5] ^= 1;
        assert_false(tree_check_growth(old_size, &old_root, size, &root, &proof, &err));
        root.bytes[5] ^= 1;
        assert_false(tree_check_growth(old_size, &old_root, 2 * size, &root, &proof, &err));
        assert_false(tree_check_growth(old_size, &old_root, size / 2, &root, &proof, &err));
    }
    for (size_t i = 0; i < proof.n; i++) {
        proof.hashes[i].bytes[0] ^= 1;
        assert_false(tree_check_growth(old_size, &old_root, size, &root, &proof, &err));
        proof.hashes[i].bytes[0] ^= 1;
    }
    proof.hashes[proof.n] = root;
    proof.n++;
    assert_false(tree_check_growth(old_size, &old_root, size, &root, &proof, &err));
    proof.n--;
    if (proof.n > 0) {
        proof.n--;
        assert_false(tree_check_growth(old_size, &old_root, size, &root, &proof, &err));
    }
}

static void test_tree_check_growth_exhaustively(void **state)
{
    (void)state;
    struct tree tree = {0};
    struct err err;

    fill(&tree, SIZE_MAX_TESTED);
    for (uint64_t size = 0; size <= SIZE_MAX_TESTED; size++) {
        struct tree_hash root;
        tree_root(&root, &tree, size);
        for (uint64_t old_size = 0; old_size <= size; old_size++) {
            struct tree_hash old_root;
            struct tree_proof proof;
            tree_root(&old_root, &tree, old_size);
            tree_prove_growth(&proof, &tree, old_size, size);
            assert_true(tree_check_growth(old_size, &old_root, size, &root, &proof, &err));
            refuse_wrong_growth(old_size, old_root, size, root, proof);
            if (old_size < size) {
                assert_false(tree_check_growth(size, &root, old_size, &old_root, &proof, &err));
            }
        }
    }
    tree_free(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree_root_of_known_leaves),
        cmocka_unit_test(test_tree_check_leaf_exhaustively),
        cmocka_unit_test(test_tree_check_leaf_refuses_a_path_above_the_root),
        cmocka_unit_test(test_tree_check_growth_exhaustively),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
