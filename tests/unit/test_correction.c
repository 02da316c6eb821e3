/* SPDX-License-Identifier: MIT */
/*
 * Proofs of corrections: for every tree of up to 33 rows and many sets of changes they hold, and
 * they do not for a change more or less, another order, or another root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/commitment.h"
#include "schemas/correction.h"

enum { N_MAX = 33, SETS = 64 };

static struct tree_hash old_leaves[N_MAX];
static struct tree_hash new_leaves[N_MAX];
static struct tree_hash old_root;
static struct tree_hash new_root;

/* Trees of n rows, of which those in `set` change: bit i % 60 for row i. */
static size_t make_trees(size_t n, uint64_t set)
{
    size_t n_changes = 0;
    struct err err;

    for (size_t i = 0; i < n; i++) {
        bool is_changed = (set >> i % 60 & 1) != 0;
        memset(&old_leaves[i], (int)i + 1, sizeof(old_leaves[i]));
        new_leaves[i] = old_leaves[i];
        new_leaves[i].bytes[31] ^= is_changed;
        n_changes += is_changed;
    }
    assert_true(commitment_root(&old_root, old_leaves, n, &err));
    assert_true(commitment_root(&new_root, new_leaves, n, &err));
    return n_changes;
}

static void expect_round_trip(const struct correction *correction)
{
    struct correction again;
    struct bytes text = {0};
    struct bytes text_again = {0};
    struct err err;

    assert_true(correction_write(&text, correction, &err));
    assert_true(correction_read(&again, text.data, text.size_bytes, &err));
    assert_int_equal(again.size, correction->size);
    assert_int_equal(again.n_changes, correction->n_changes);
    assert_int_equal(again.n_siblings, correction->n_siblings);
    assert_true(correction_check(&again, &old_root, &new_root, &err));
    assert_true(correction_write(&text_again, &again, &err));
    assert_int_equal(text.size_bytes, text_again.size_bytes);
    assert_memory_equal(text.data, text_again.data, text.size_bytes);
    correction_free(&again);
    bytes_free(&text);
    bytes_free(&text_again);
}

static void refuse(const struct correction *correction, const struct tree_hash *from,
                   const struct tree_hash *to)
{
    struct err err;

    assert_false(correction_check(correction, from, to, &err));
    assert_int_equal(err.code, ERR_INPUT);
}

/* A further row that changed silently, and one that is only said to. */
static void refuse_other_changes(struct correction *correction, size_t n)
{
    struct tree_hash other_root;
    struct err err;

    for (size_t i = 0; i < n; i++) {
        new_leaves[i].bytes[0] ^= 1;
        assert_true(commitment_root(&other_root, new_leaves, n, &err));
        refuse(correction, &old_root, &other_root);
        new_leaves[i].bytes[0] ^= 1;
    }
    for (size_t i = 0; i < correction->n_changes; i++) {
        correction->changes[i].new_leaf.bytes[5] ^= 1;
        refuse(correction, &old_root, &new_root);
        correction->changes[i].new_leaf.bytes[5] ^= 1;
        correction->changes[i].old_leaf.bytes[5] ^= 1;
        refuse(correction, &old_root, &new_root);
        correction->changes[i].old_leaf.bytes[5] ^= 1;
    }
}

static void refuse_other_siblings(struct correction *correction)
{
    for (size_t i = 0; i < correction->n_siblings; i++) {
        correction->siblings[i].bytes[9] ^= 1;
        refuse(correction, &old_root, &new_root);
        correction->siblings[i].bytes[9] ^= 1;
    }
    if (correction->n_siblings > 0) {
        correction->n_siblings--;
        refuse(correction, &old_root, &new_root);
        correction->n_siblings++;
    }
}

static void test_correction(void **state)
{
    (void)state;
    uint64_t set = 1;

    for (size_t n = 1; n <= N_MAX; n++) {
        for (size_t i = 0; i < SETS; i++) {
            struct correction correction;
            struct err err;
            set = set * 6364136223846793005u + 1442695040888963407u;
            uint64_t sparse = i % 3 == 0   ? set
                              : i % 3 == 1 ? set & set >> 7 & set << 9
                                           : 1u << i % 32;
            size_t n_changes = make_trees(n, sparse >> i % 13);
            if (n_changes == 0) {
                assert_false(correction_make(&correction, old_leaves, new_leaves, n, &err));
                assert_int_equal(err.code, ERR_INPUT);
                continue;
            }
            assert_true(correction_make(&correction, old_leaves, new_leaves, n, &err));
            assert_int_equal(correction.n_changes, n_changes);
            assert_true(correction_check(&correction, &old_root, &new_root, &err));
            refuse(&correction, &new_root, &old_root);
            refuse(&correction, &old_root, &old_root);
            refuse(&correction, &new_root, &new_root);
            expect_round_trip(&correction);
            refuse_other_changes(&correction, n);
            refuse_other_siblings(&correction);
            correction_free(&correction);
        }
    }
}

/* One hash more at the end. */
static void test_correction_too_long(void **state)
{
    struct tree_hash more[64];
    struct correction correction;
    struct err err;

    (void)state;
    make_trees(20, 1 << 7);
    assert_true(correction_make(&correction, old_leaves, new_leaves, 20, &err));
    memcpy(more, correction.siblings, correction.n_siblings * sizeof(more[0]));
    memset(&more[correction.n_siblings], 7, sizeof(more[0]));
    struct correction longer = correction;
    longer.siblings = more;
    longer.n_siblings++;
    refuse(&longer, &old_root, &new_root);
    correction_free(&correction);
}

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEAD "assay/correction/v1\n"

static void test_correction_read(void **state)
{
    static const struct {
        const char *name;
        const char *text;
        bool is_good;
    } cases[] = {
        {"one row", HEAD "size 1\n0 " HASH " " OTHER "\n\n", true},
        {"two rows", HEAD "size 9\n0 " HASH " " OTHER "\n8 " OTHER " " HASH "\n\n" HASH "\n", true},
        {"largest", HEAD "size 1073741824\n1073741823 " HASH " " OTHER "\n\n", true},
        {"empty", "", false},
        {"title", "assay/correction/v2\nsize 1\n0 " HASH " " OTHER "\n\n", false},
        {"no size", HEAD "0 " HASH " " OTHER "\n\n", false},
        {"size without digits", HEAD "size \n0 " HASH " " OTHER "\n\n", false},
        {"size with a zero before", HEAD "size 01\n0 " HASH " " OTHER "\n\n", false},
        {"size too large", HEAD "size 1073741825\n0 " HASH " " OTHER "\n\n", false},
        {"endless size", HEAD "size 99999999999999999999999\n0 " HASH " " OTHER "\n\n", false},
        {"size and more", HEAD "size 1 \n0 " HASH " " OTHER "\n\n", false},
        {"cut in the size", HEAD "size 1", false},
        {"no change", HEAD "size 1\n\n", false},
        {"place beyond", HEAD "size 1\n1 " HASH " " OTHER "\n\n", false},
        {"place twice", HEAD "size 2\n1 " HASH " " OTHER "\n1 " HASH " " OTHER "\n\n", false},
        {"places descend", HEAD "size 2\n1 " HASH " " OTHER "\n0 " HASH " " OTHER "\n\n", false},
        {"no change in a row", HEAD "size 1\n0 " HASH " " HASH "\n\n", false},
        {"no place", HEAD "size 1\n " HASH " " OTHER "\n\n", false},
        {"no space", HEAD "size 1\n0" HASH " " OTHER "\n\n", false},
        {"colon between", HEAD "size 1\n0:" HASH " " OTHER "\n\n", false},
        {"upper case", HEAD "size 1\n0 A" HASH " " OTHER "\n\n", false},
        {"old leaf of letters", HEAD "size 1\n0 x" HASH "\n\n", false},
        {"upper case alone",
         HEAD "size 1\n0 A123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef " OTHER
              "\n\n",
         false},
        {"tab between", HEAD "size 1\n0 " HASH "\t" OTHER "\n\n", false},
        {"new leaf cut", HEAD "size 1\n0 " HASH " 01234", false},
        {"no line end", HEAD "size 1\n0 " HASH " " OTHER " \n", false},
        {"no empty line", HEAD "size 1\n0 " HASH " " OTHER "\n", false},
        {"half a sibling", HEAD "size 1\n0 " HASH " " OTHER "\n\n01234\n", false},
        {"sibling without line end", HEAD "size 1\n0 " HASH " " OTHER "\n\n" HASH, false},
        {"empty line behind", HEAD "size 1\n0 " HASH " " OTHER "\n\n\n", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct correction correction;
        struct err err;
        size_t size = strlen(cases[i].text);
        char *text = malloc(size + 1); /* so that a reader beyond its end is seen */
        memcpy(text, cases[i].text, size);
        bool is_good = correction_read(&correction, text, size, &err);
        if (is_good != cases[i].is_good) {
            fail_msg("%s: %d", cases[i].name, is_good);
        }
        if (!is_good) {
            assert_int_equal(err.code, ERR_INPUT);
            assert_null(correction.changes);
        }
        correction_free(&correction);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_correction),
        cmocka_unit_test(test_correction_too_long),
        cmocka_unit_test(test_correction_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
