/* SPDX-License-Identifier: MIT */
/* Commitments to labels and scores: the vectors were computed with Python's hashlib. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/text.h"
#include "schemas/commitment.h"

enum { N_ROWS = 5 };

static const char competition[] = "demo-2026";
static const char submission[] = "00000000000000000000000000000001";

static void make_seed(uint8_t seed[static COMMITMENT_SEED_BYTES], uint8_t first)
{
    for (int i = 0; i < COMMITMENT_SEED_BYTES; i++) {
        seed[i] = (uint8_t)(first + i);
    }
}

static void expect_hex(const void *data, const char *expected)
{
    char text[SHA256_HEX_SIZE];

    hex_text(text, data, SHA256_BYTES);
    assert_string_equal(text, expected);
}

/* row0 to row4, every third public, the label the lowest bit. */
static void get_row(struct commitment_row *row, void *context, size_t index)
{
    static char id[8];

    (void)context;
    snprintf(id, sizeof(id), "row%zu", index);
    *row = (struct commitment_row){.id = id,
                                   .id_size = strlen(id),
                                   .split = index % 3 == 0 ? "public" : "private",
                                   .label = index % 2 == 0 ? "0" : "1",
                                   .label_size = 1};
}

static void test_commitment_leaves(void **state)
{
    static const uint32_t expected[] = {4, 1, 3, 2, 0};
    const struct commitment_rows rows = {.n = N_ROWS, .get = get_row};
    uint8_t seed[COMMITMENT_SEED_BYTES];
    uint8_t salt[CRYPT_KEY_BYTES];
    struct tree_hash leaves[N_ROWS];
    struct tree_hash root;
    uint32_t *order = NULL;
    struct err err;

    (void)state;
    make_seed(seed, 0);
    commitment_salt(salt, seed, "row0", 4);
    expect_hex(salt, "16f7dd2ff03a703efa811a485345f01068a3fd93751d08bd043e582619d5500c");
    assert_true(commitment_order(&order, seed, &rows, &err));
    assert_memory_equal(order, expected, sizeof(expected));
    free(order);
    assert_true(commitment_leaves(leaves, seed, competition, &rows, &err));
    expect_hex(&leaves[4], "d7cc6b75b96436b15fd7498418c3888c5e5ab47bd3b34a5ede8d0254b5a26da4");
    assert_true(commitment_root(&root, leaves, N_ROWS, &err));
    expect_hex(&root, "87335f216e9a695dd3841ff7176966199ae9263331904c0b2c4b2dc417f487e5");
}

static void test_commitment_leaves_of_nothing(void **state)
{
    const struct commitment_rows rows = {.n = 0, .get = get_row};
    uint8_t seed[COMMITMENT_SEED_BYTES] = {0};
    struct tree_hash root;
    struct err err;

    (void)state;
    assert_true(commitment_leaves(NULL, seed, competition, &rows, &err));
    assert_true(commitment_root(&root, NULL, 0, &err));
    expect_hex(&root, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* Every part of a row, the competition and the seed change its leaf. */
static void test_commitment_leaf_binds(void **state)
{
    const struct commitment_row row = {"ab", 2, "public", "1", 1};
    const struct commitment_row others[] = {
        {"ac", 2, "public", "1", 1},  {"ab", 2, "private", "1", 1}, {"ab", 2, "public", "2", 1},
        {"ab", 2, "public", "11", 2}, {"a", 1, "public", "1", 1},
    };
    uint8_t seed[COMMITMENT_SEED_BYTES] = {0};
    struct tree_hash leaf;
    struct tree_hash other;

    (void)state;
    commitment_leaf(&leaf, seed, "c", &row);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        commitment_leaf(&other, seed, "c", &others[i]);
        assert_memory_not_equal(&leaf, &other, sizeof(leaf));
    }
    commitment_leaf(&other, seed, "d", &row);
    assert_memory_not_equal(&leaf, &other, sizeof(leaf));
    seed[31] = 1;
    commitment_leaf(&other, seed, "c", &row);
    assert_memory_not_equal(&leaf, &other, sizeof(leaf));
}

/*
 * The published vector of the design hashes the scorer's build, which ours leaves out: it is made
 * here with the same framing and nonce, and ours beside it.
 */
static void test_commitment_score(void **state)
{
    static const uint8_t version[] = {0, 0, 0, 1};
    uint8_t seed[COMMITMENT_SEED_BYTES];
    uint8_t file[SHA256_BYTES];
    uint8_t build[SHA256_BYTES];
    uint8_t nonce[CRYPT_KEY_BYTES];
    uint8_t made[SHA256_BYTES];
    struct sha256 hash;

    (void)state;
    make_seed(seed, 32);
    sha256_of(file, "id,pred\n1,0.5\n", 14);
    sha256_of(build, "scorer build", 12);
    commitment_nonce(nonce, seed, competition, submission, 1);
    expect_hex(nonce, "08b4d2fb5c308ef62a64de5336ec660e519d79c036ba06323bc53267064f3335");
    for (int with_build = 1; with_build >= 0; with_build--) {
        sha256_start(&hash);
        commitment_frame(&hash, "scoring/score/v1", 16);
        commitment_frame(&hash, competition, 9);
        commitment_frame(&hash, submission, 32);
        commitment_frame(&hash, file, sizeof(file));
        sha256_add(&hash, version, sizeof(version));
        if (with_build) {
            commitment_frame(&hash, build, sizeof(build));
        }
        commitment_frame(&hash, "auc", 3);
        commitment_frame(&hash, "0.912345", 8);
        commitment_frame(&hash, nonce, sizeof(nonce));
        sha256_finish(&hash, made);
        if (with_build) {
            expect_hex(made, "599bab24e1fd022d07c6ce5b452ed6f5cbe873d50262199ff6ec5767e9d58edf");
        }
    }
    const struct commitment_score score = {competition, submission, file, 1, "auc", "0.912345"};
    uint8_t ours[COMMITMENT_BYTES];
    commitment_score(ours, seed, &score);
    assert_memory_equal(ours, made, sizeof(ours));
}

static void test_commitment_score_binds(void **state)
{
    uint8_t file[2][SHA256_BYTES] = {{0}, {1}};
    const struct commitment_score scores[] = {
        {competition, submission, file[0], 1, "auc", "0.9"},
        {"demo-2027", submission, file[0], 1, "auc", "0.9"},
        {competition, "10000000000000000000000000000001", file[0], 1, "auc", "0.9"},
        {competition, submission, file[1], 1, "auc", "0.9"},
        {competition, submission, file[0], 2, "auc", "0.9"},
        {competition, submission, file[0], 1, "aucc", ".9"},
        {competition, submission, file[0], 1, "auc", "0.8"},
        {competition, submission, file[0], 1, "auc", ""},
    };
    uint8_t seed[COMMITMENT_SEED_BYTES] = {0};
    uint8_t made[ARRAY_SIZE(scores)][COMMITMENT_BYTES];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(scores); i++) {
        commitment_score(made[i], seed, &scores[i]);
        for (size_t k = 0; k < i; k++) {
            assert_memory_not_equal(made[i], made[k], COMMITMENT_BYTES);
        }
    }
}

static void test_commitment_result_leaf(void **state)
{
    uint8_t parts[2][COMMITMENT_BYTES] = {{1}, {2}};
    struct tree_hash leaf;

    (void)state;
    commitment_result_leaf(&leaf, parts[0], parts[1]);
    expect_hex(&leaf, "ebd52e90a0f1e26f0f576f6839d1f938f3bbc488d34f6ed04c36f7c234afe517");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commitment_leaves),
        cmocka_unit_test(test_commitment_leaves_of_nothing),
        cmocka_unit_test(test_commitment_leaf_binds),
        cmocka_unit_test(test_commitment_score),
        cmocka_unit_test(test_commitment_score_binds),
        cmocka_unit_test(test_commitment_result_leaf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
