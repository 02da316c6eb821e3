/* SPDX-License-Identifier: MIT */
/* Statements of workers: the exact lines, and a signature that holds for nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/statement.h"

static const uint8_t hashes[6][SHA256_BYTES] = {{1}, {2}, {3}, {4}, {5}, {6}};

static struct statement make(void)
{
    return (struct statement){.competition = "birds",
                              .submission = "00112233445566778899aabbccddeeff",
                              .file_sha256 = hashes[0],
                              .labels = 2,
                              .label_root = hashes[1],
                              .rules = 1,
                              .outcome = "scored",
                              .score = "0.25000",
                              .scorecard_sha256 = hashes[2],
                              .sealed_sha256 = hashes[3],
                              .public_commitment = hashes[4],
                              .private_commitment = hashes[5],
                              .problems = 7,
                              .build = "0.1.0"};
}

#define ZEROS "00000000000000000000000000000000000000000000000000000000000000"

static void test_statement_text(void **state)
{
    static const char expected[] = "assay/result/v1\n"
                                   "competition birds\n"
                                   "submission 00112233445566778899aabbccddeeff\n"
                                   "file_sha256 01" ZEROS "\n"
                                   "labels 2\n"
                                   "label_root 02" ZEROS "\n"
                                   "rules 1\n"
                                   "outcome scored\n"
                                   "score 0.25000\n"
                                   "scorecard_sha256 03" ZEROS "\n"
                                   "sealed_sha256 04" ZEROS "\n"
                                   "public_commitment 05" ZEROS "\n"
                                   "private_commitment 06" ZEROS "\n"
                                   "problems 7\n"
                                   "build 0.1.0\n";
    struct statement statement = make();
    char text[STATEMENT_SIZE];

    (void)state;
    assert_int_equal(statement_text(text, &statement), sizeof(expected) - 1);
    assert_string_equal(text, expected);
}

static void test_statement_of_result(void **state)
{
    const struct wire_result scored = {.outcome = OUTCOME_SCORED,
                                       .scorecard = wire_text("{}"),
                                       .sealed = wire_text("s"),
                                       .n_problems = 3,
                                       .build = wire_text("b")};
    struct wire_result invalid = scored;
    struct statement statement = {0};
    struct statement_parts parts;
    uint8_t hash[SHA256_BYTES];

    (void)state;
    statement_of_result(&statement, &parts, &scored);
    assert_string_equal(statement.outcome, "scored");
    sha256_of(hash, "{}", 2);
    assert_memory_equal(statement.scorecard_sha256, hash, sizeof(hash));
    sha256_of(hash, "s", 1);
    assert_memory_equal(statement.sealed_sha256, hash, sizeof(hash));
    assert_ptr_equal(statement.public_commitment, scored.public_commitment);
    assert_ptr_equal(statement.private_commitment, scored.private_commitment);
    assert_int_equal(statement.problems, 3);
    assert_string_equal(statement.build, "b");
    invalid.outcome = OUTCOME_INVALID;
    statement_of_result(&statement, &parts, &invalid);
    assert_string_equal(statement.outcome, "invalid");
}

static void test_statement_check(void **state)
{
    static const uint8_t seed[CRYPT_SEED_BYTES] = {1};
    uint8_t public_key[CRYPT_PUBLIC_KEY_BYTES];
    uint8_t secret_key[CRYPT_SECRET_KEY_BYTES];
    uint8_t signature[CRYPT_SIGNATURE_BYTES];
    struct statement statement = make();

    (void)state;
    crypt_sign_keys(public_key, secret_key, seed);
    statement_sign(signature, &statement, secret_key);
    assert_true(statement_check(signature, &statement, public_key));
    statement.score = "0.25001";
    assert_false(statement_check(signature, &statement, public_key));
    statement = make();
    statement.private_commitment = hashes[0];
    assert_false(statement_check(signature, &statement, public_key));
    statement = make();
    statement.labels = 1;
    assert_false(statement_check(signature, &statement, public_key));
    statement = make();
    for (size_t bit = 0; bit < 8 * sizeof(signature); bit++) {
        signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(statement_check(signature, &statement, public_key));
        signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    public_key[0] ^= 1;
    assert_false(statement_check(signature, &statement, public_key));
}

static int start(void **state)
{
    struct err err;

    (void)state;
    return crypt_start(&err) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statement_text),
        cmocka_unit_test(test_statement_of_result),
        cmocka_unit_test(test_statement_check),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
