/* SPDX-License-Identifier: MIT */
/*
 * Statements of workers. See the header.
 */
#include "schemas/statement.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "common/text.h"

void statement_of_result(struct statement *statement, struct statement_parts *parts,
                         const struct wire_result *result)
{
    sha256_of(parts->scorecard_sha256, result->scorecard.data, result->scorecard.size);
    sha256_of(parts->sealed_sha256, result->sealed.data, result->sealed.size);
    wire_text_copy(parts->build, sizeof(parts->build), result->build);
    statement->outcome = result->outcome == OUTCOME_SCORED ? "scored" : "invalid";
    statement->scorecard_sha256 = parts->scorecard_sha256;
    statement->sealed_sha256 = parts->sealed_sha256;
    statement->public_commitment = result->public_commitment;
    statement->private_commitment = result->private_commitment;
    statement->problems = result->n_problems;
    statement->build = parts->build;
}

size_t statement_text(char text[static STATEMENT_SIZE], const struct statement *statement)
{
    const uint8_t *const hashes[] = {statement->file_sha256,       statement->label_root,
                                     statement->scorecard_sha256,  statement->sealed_sha256,
                                     statement->public_commitment, statement->private_commitment};
    char hex[ARRAY_SIZE(hashes)][SHA256_HEX_SIZE];

    for (size_t i = 0; i < ARRAY_SIZE(hashes); i++) {
        hex_text(hex[i], hashes[i], SHA256_BYTES);
    }
    int n = snprintf(text, STATEMENT_SIZE,
                     "assay/result/v1\ncompetition %s\nsubmission %s\nfile_sha256 %s\n"
                     "labels %" PRIu32 "\nlabel_root %s\nrules %" PRIu32 "\noutcome %s\nscore %s\n"
                     "scorecard_sha256 %s\nsealed_sha256 %s\npublic_commitment %s\n"
                     "private_commitment %s\nproblems %" PRIu64 "\nbuild %s\n",
                     statement->competition, statement->submission, hex[0], statement->labels,
                     hex[1], statement->rules, statement->outcome, statement->score, hex[2], hex[3],
                     hex[4], hex[5], statement->problems, statement->build);
    assert(n > 0 && n < STATEMENT_SIZE);
    return (size_t)n;
}

void statement_sign(uint8_t signature[static CRYPT_SIGNATURE_BYTES],
                    const struct statement *statement,
                    const uint8_t secret_key[static CRYPT_SECRET_KEY_BYTES])
{
    char text[STATEMENT_SIZE];

    crypt_sign(signature, text, statement_text(text, statement), secret_key);
}

bool statement_check(const uint8_t signature[static CRYPT_SIGNATURE_BYTES],
                     const struct statement *statement,
                     const uint8_t public_key[static CRYPT_PUBLIC_KEY_BYTES])
{
    char text[STATEMENT_SIZE];

    return crypt_verify(signature, text, statement_text(text, statement), public_key);
}
