/* SPDX-License-Identifier: MIT */
/*
 * What entries name at the end of a competition: scores that open the commitments, rows of labels,
 * and the order that the organizer signs for it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/text.h"
#include "schemas/label_list.h"
#include "schemas/opening.h"
#include "schemas/order.h"

#define ID "0123456789abcdef0123456789abcdef"

static const uint8_t seed[COMMITMENT_SEED_BYTES] = {1, 2, 3};

/* ---- scores ---- */

static void test_opening_read(void **state)
{
    static const struct {
        const char *name;
        const char *line;
        bool is_good;
    } cases[] = {
        {"both", ID " 1 0.25 0.125\n", true},
        {"none", ID " 12 - -\n", true},
        {"private alone", ID " 4294967295 - 1e-07\n", true},
        {"longest", ID " 1 -1.797693134862315700000000e+308 0.0\n", true},
        {"empty", "", false},
        {"no end", ID " 1 0.25 0.125", false},
        {"more behind it", ID " 1 0.25 0.125\n\n", false},
        {"short id", "0123 1 0.25 0.125\n", false},
        {"upper case", "0123456789ABCDEF0123456789abcdef 1 0.25 0.125\n", false},
        {"long id", ID "0 1 0.25 0.125\n", false},
        {"no version", ID "  0.25 0.125\n", false},
        {"version 0", ID " 0 0.25 0.125\n", false},
        {"leading zero", ID " 01 0.25 0.125\n", false},
        {"large version", ID " 4294967296 0.25 0.125\n", false},
        {"version of letters", ID " 1a 0.25 0.125\n", false},
        {"long version", ID " 11111111111 0.25 0.125\n", false},
        {"no scores", ID " 1\n", false},
        {"one score", ID " 1 0.25\n", false},
        {"empty score", ID " 1  0.125\n", false},
        {"empty private score", ID " 1 0.25 \n", false},
        {"a word", ID " 1 nan 0.125\n", false},
        {"a private word", ID " 1 0.25 0.125 \n", false},
        {"long score", ID " 1 0.2500000000000000000000000000000001 0\n", false},
        {"longer than a line can be",
         ID " 1 0.25 0.125                                                            "
            "                                                                         \n",
         false},
        {"too long",
         ID " 1 0.25 0.125                                                            \n", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char line[OPENING_LINE_SIZE];
        struct opening opening;
        struct err err;
        bool is_good = opening_read(&opening, cases[i].line, strlen(cases[i].line), &err);
        if (is_good != cases[i].is_good) {
            fail_msg("%s: %d", cases[i].name, is_good);
        }
        if (is_good) {
            assert_int_equal(opening_write(line, &opening), strlen(cases[i].line));
            assert_string_equal(line, cases[i].line);
        } else {
            assert_int_equal(err.code, ERR_INPUT);
        }
    }
}

/* A NUL is no score, though it is as long as the sign for none. */
static void test_opening_read_refuses_nul(void **state)
{
    static const char line[] = ID " 1 0.25 \0\n";
    struct opening opening;
    struct err err;

    (void)state;
    assert_false(opening_read(&opening, line, sizeof(line) - 1, &err));
    assert_int_equal(err.code, ERR_INPUT);
}

static void commit_to(uint8_t commitment[static COMMITMENT_BYTES], const char *metric,
                      const char *score, const uint8_t *file)
{
    const struct commitment_score parts = {.competition = "demo",
                                           .submission = ID,
                                           .file_sha256 = file,
                                           .label_version = 2,
                                           .metric = metric,
                                           .score = score};

    commitment_score(commitment, seed, &parts);
}

static void test_opening_fits(void **state)
{
    static const uint8_t file[SHA256_BYTES] = {9};
    static const uint8_t other_seed[COMMITMENT_SEED_BYTES] = {1, 2, 4};
    uint8_t commitments[2][COMMITMENT_BYTES];
    const struct opening_subject subject = {.competition = "demo",
                                            .metric = "AP",
                                            .file_sha256 = file,
                                            .public_commitment = commitments[0],
                                            .private_commitment = commitments[1]};
    const struct opening right = {
        .submission = ID, .labels = 2, .public_score = "0.5", .private_score = "0.25"};
    struct opening wrong = right;

    (void)state;
    commit_to(commitments[0], "AP/public", "0.5", file);
    commit_to(commitments[1], "AP/private", "0.25", file);
    assert_true(opening_fits(&right, &subject, seed));
    assert_false(opening_fits(&right, &subject, other_seed));
    wrong.public_score[2] = '6';
    assert_false(opening_fits(&wrong, &subject, seed));
    wrong = right;
    wrong.private_score[0] = '\0';
    assert_false(opening_fits(&wrong, &subject, seed));
    wrong = right;
    wrong.labels = 1;
    assert_false(opening_fits(&wrong, &subject, seed));
}

static void test_opening_is_before(void **state)
{
    const struct opening a = {.submission = ID, .labels = 2};
    struct opening b = a;

    (void)state;
    assert_false(opening_is_before(&a, &b));
    b.labels = 3;
    assert_true(opening_is_before(&a, &b));
    assert_false(opening_is_before(&b, &a));
    b.submission[0] = '1';
    b.labels = 1;
    assert_true(opening_is_before(&a, &b));
    assert_false(opening_is_before(&b, &a));
}

/* ---- rows of labels ---- */

enum { N_ROWS = 300 };

static const char *const splits[] = {"public", "private", "ignored"};

static void get_row(struct commitment_row *row, void *context, size_t index)
{
    static char id[32];

    snprintf(id, sizeof(id), "%s%zu", (const char *)context, index);
    *row = (struct commitment_row){.id = id,
                                   .id_size = strlen(id),
                                   .split = splits[index % 3],
                                   .label = "1 0.0 2.5;2 0.0 1.0",
                                   .label_size = index % 20};
}

static void test_label_list(void **state)
{
    char prefix[] = "image\t ";
    const struct commitment_rows rows = {.n = N_ROWS, .get = get_row, .context = prefix};
    struct tree_hash leaves[N_ROWS];
    struct tree_hash root;
    struct label_list_sum sum;
    struct bytes list = {0};
    struct err err;

    (void)state;
    assert_true(label_list_make(&list, seed, &rows, &err));
    assert_true(commitment_leaves(leaves, seed, "demo", &rows, &err));
    assert_true(commitment_root(&root, leaves, N_ROWS, &err));
    assert_true(label_list_check(&sum, list.data, list.size_bytes, seed, "demo", &err));
    assert_memory_equal(&sum.root, &root, sizeof(root));
    assert_int_equal(sum.n, N_ROWS);
    assert_int_equal(sum.n_public, N_ROWS / 3);
    assert_int_equal(sum.n_private, N_ROWS / 3);
    assert_true(label_list_check(&sum, list.data, list.size_bytes, seed, "other", &err));
    assert_memory_not_equal(&sum.root, &root, sizeof(root));
    const uint8_t other_seed[COMMITMENT_SEED_BYTES] = {1};
    assert_false(label_list_check(&sum, list.data, list.size_bytes, other_seed, "demo", &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_false(label_list_check(&sum, list.data, list.size_bytes - 1, seed, "demo", &err));
    bytes_free(&list);
}

/* A row that stands twice, or two that change places, are out of order. */
static void test_label_list_order(void **state)
{
    char prefix[] = "";
    const struct commitment_rows rows = {.n = 2, .get = get_row, .context = prefix};
    struct label_list_sum sum;
    struct bytes list = {0};
    char text[128];
    struct err err;

    (void)state;
    assert_true(label_list_make(&list, seed, &rows, &err));
    const char *second = (const char *)memchr(list.data, '\n', list.size_bytes) + 1;
    int first_size = (int)(second - (const char *)list.data);
    int second_size = (int)list.size_bytes - first_size;
    snprintf(text, sizeof(text), "%.*s%.*s", second_size, second, first_size,
             (const char *)list.data);
    assert_false(label_list_check(&sum, text, strlen(text), seed, "demo", &err));
    assert_int_equal(err.code, ERR_INPUT);
    snprintf(text, sizeof(text), "%.*s%.*s", second_size, second, second_size, second);
    assert_false(label_list_check(&sum, text, strlen(text), seed, "demo", &err));
    assert_true(label_list_check(&sum, text, (size_t)second_size, seed, "demo", &err));
    assert_true(label_list_check(&sum, text, 0, seed, "demo", &err));
    assert_int_equal(sum.n, 0);
    bytes_free(&list);
}

static void test_label_list_make_refuses_line_ends(void **state)
{
    char prefix[] = "two\n";
    const struct commitment_rows rows = {.n = 1, .get = get_row, .context = prefix};
    struct bytes list = {0};
    struct err err;

    (void)state;
    assert_false(label_list_make(&list, seed, &rows, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_null(list.data);
}

static void test_label_list_next_refuses(void **state)
{
    static const char *const lines[] = {
        "public\t4\timage",   "public\t4\n",   "public\n",       "\n",
        "Public\t4\timage\n", "publi\t4\ti\n", "publics\t4\ti\n"};
    char text[COMMITMENT_ID_MAX + 32];
    struct label_list_row row;
    struct err err;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        const char *at = lines[i];
        assert_false(label_list_next(&row, &at, lines[i] + strlen(lines[i]), &err));
        assert_int_equal(err.code, ERR_INPUT);
        assert_ptr_equal(at, lines[i]);
    }
    for (size_t more = 0; more < 2; more++) {
        const char *at = text;
        memset(text, 'x', sizeof(text));
        memcpy(text, "ignored\t\t", 9);
        text[9 + COMMITMENT_ID_MAX + more] = '\n';
        assert_int_equal(label_list_next(&row, &at, text + sizeof(text), &err), more == 0);
    }
    assert_int_equal(row.row.id_size, COMMITMENT_ID_MAX);
    assert_int_equal(row.row.label_size, 0);
}

/* ---- orders ---- */

static void test_order_reveal(void **state)
{
    static const char text[] = "assay/reveal/v1\ncompetition demo\nscore_seed_sha256 "
                               "0707070707070707070707070707070707070707070707070707070707070707\n";
    uint8_t hash[SHA256_BYTES];
    uint8_t public_key[CRYPT_PUBLIC_KEY_BYTES];
    uint8_t secret_key[CRYPT_SECRET_KEY_BYTES];
    uint8_t signature[CRYPT_SIGNATURE_BYTES];
    struct order_reveal order = {.competition = "demo", .score_seed_sha256 = hash};
    struct err err;

    (void)state;
    assert_true(crypt_start(&err));
    memset(hash, 7, sizeof(hash));
    crypt_sign_keys(public_key, secret_key, seed);
    order_reveal_sign(signature, &order, secret_key);
    assert_true(order_reveal_check(signature, &order, public_key));
    assert_true(crypt_verify(signature, text, strlen(text), public_key));
    order.competition = "demo2";
    assert_false(order_reveal_check(signature, &order, public_key));
    order.competition = "demo";
    hash[31] ^= 1;
    assert_false(order_reveal_check(signature, &order, public_key));
    hash[31] ^= 1;
    public_key[0] ^= 1;
    assert_false(order_reveal_check(signature, &order, public_key));
}

static void test_order_correct(void **state)
{
    static const char text[] =
        "assay/correct/v1\ncompetition demo\nlabels 2\n"
        "old_root 0707070707070707070707070707070707070707070707070707070707070707\n"
        "new_root 0808080808080808080808080808080808080808080808080808080808080808\n"
        "label_set_sha256 0909090909090909090909090909090909090909090909090909090909090909\n"
        "proof_sha256 0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a\n"
        "reason a mistake\n";
    uint8_t hashes[4][SHA256_BYTES];
    uint8_t public_key[CRYPT_PUBLIC_KEY_BYTES];
    uint8_t secret_key[CRYPT_SECRET_KEY_BYTES];
    uint8_t signature[CRYPT_SIGNATURE_BYTES];
    struct order_correct order = {.competition = "demo",
                                  .labels = 2,
                                  .old_root = hashes[0],
                                  .new_root = hashes[1],
                                  .label_set_sha256 = hashes[2],
                                  .proof_sha256 = hashes[3],
                                  .reason = "a mistake"};
    struct err err;

    (void)state;
    assert_true(crypt_start(&err));
    for (int i = 0; i < 4; i++) {
        memset(hashes[i], 7 + i, sizeof(hashes[i]));
    }
    crypt_sign_keys(public_key, secret_key, seed);
    order_correct_sign(signature, &order, secret_key);
    assert_true(order_correct_check(signature, &order, public_key));
    assert_true(crypt_verify(signature, text, strlen(text), public_key));
    for (int i = 0; i < 4; i++) {
        hashes[i][0] ^= 1;
        assert_false(order_correct_check(signature, &order, public_key));
        hashes[i][0] ^= 1;
    }
    order.labels = 3;
    assert_false(order_correct_check(signature, &order, public_key));
    order.labels = 2;
    order.reason = "a mistak";
    assert_false(order_correct_check(signature, &order, public_key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opening_read),
        cmocka_unit_test(test_opening_read_refuses_nul),
        cmocka_unit_test(test_opening_fits),
        cmocka_unit_test(test_opening_is_before),
        cmocka_unit_test(test_label_list),
        cmocka_unit_test(test_label_list_order),
        cmocka_unit_test(test_label_list_make_refuses_line_ends),
        cmocka_unit_test(test_label_list_next_refuses),
        cmocka_unit_test(test_order_reveal),
        cmocka_unit_test(test_order_correct),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
