/* SPDX-License-Identifier: MIT */
/*
 * What a worker signs of a result: plain lines, "KEY VALUE" LF, all of them and in this order,
 * behind a first line that no other signed text of Assay begins with. Everything in it is in the
 * log, so that anybody who holds the entries can write it again; the name of the worker is not, so
 * that two workers that agree sign the same bytes.
 *
 *   assay/result/v1
 *   competition, submission, file_sha256, labels, label_root, rules, outcome, score,
 *   scorecard_sha256, sealed_sha256, public_commitment, private_commitment, problems, build
 *
 * The score is the released one, as the board shows it. The signature is plain Ed25519.
 */
#pragma once

#include "common/crypt.h"
#include "common/sha256.h"
#include "schemas/wire.h"

enum { STATEMENT_SIZE = 1536 }; /* of the text, with its NUL */

struct statement {
    const char *competition; /* all texts are borrowed, and hold no line end */
    const char *submission;
    const uint8_t *file_sha256; /* SHA256_BYTES each */
    uint32_t labels;            /* version */
    const uint8_t *label_root;
    uint32_t rules;
    const char *outcome; /* "scored" or "invalid" */
    const char *score;   /* "" without one */
    const uint8_t *scorecard_sha256;
    const uint8_t *sealed_sha256;
    const uint8_t *public_commitment;
    const uint8_t *private_commitment;
    uint64_t problems;
    const char *build;
};

/* What of a statement stands in a RESULT message. */
struct statement_parts {
    uint8_t scorecard_sha256[SHA256_BYTES];
    uint8_t sealed_sha256[SHA256_BYTES];
    char build[65];
};

/* Fills outcome, hashes, commitments, problems and build; the rest is the caller's to fill. */
void statement_of_result(struct statement *statement, struct statement_parts *parts,
                         const struct wire_result *result);

/* Writes the lines, NUL-terminated; returns their size. */
size_t statement_text(char text[static STATEMENT_SIZE], const struct statement *statement);

void statement_sign(uint8_t signature[static CRYPT_SIGNATURE_BYTES],
                    const struct statement *statement,
                    const uint8_t secret_key[static CRYPT_SECRET_KEY_BYTES]);
MUST_CHECK bool statement_check(const uint8_t signature[static CRYPT_SIGNATURE_BYTES],
                                const struct statement *statement,
                                const uint8_t public_key[static CRYPT_PUBLIC_KEY_BYTES]);
