/* SPDX-License-Identifier: MIT */
/*
 * The file of scores that an `opening` entry names: what every commitment of the log was made to. A
 * line for each result entry, in the order of the submissions' ids and then of the label versions:
 *
 *   SUBMISSION SP LABELS SP PUBLIC SP PRIVATE LF
 *
 * A submission is its 32 hexadecimal digits; a score is the text that was committed to, the
 * shortest decimal of its double, or "-" where there was none.
 */
#pragma once

#include "schemas/commitment.h"

enum {
    OPENING_SCORE_SIZE = 33, /* of a score's text, with its NUL */
    OPENING_LINE_SIZE = 32 + 1 + 10 + 2 * (1 + OPENING_SCORE_SIZE) + 2,
};

struct opening {
    char submission[33];
    uint32_t labels; /* version */
    char public_score[OPENING_SCORE_SIZE];
    char private_score[OPENING_SCORE_SIZE]; /* "" without one, as the public one */
};

/* Writes a line with a NUL behind it; returns its size without that. */
size_t opening_write(char line[static OPENING_LINE_SIZE], const struct opening *opening);

/* Reads what opening_write writes, LF included, and nothing else. Errors: ERR_INPUT. */
MUST_CHECK bool opening_read(struct opening *opening, const void *line, size_t size,
                             struct err *err);

/* What of a result a commitment is about, besides the scores. */
struct opening_subject {
    const char *competition; /* all borrowed */
    const char *metric;
    const uint8_t *file_sha256;
    const uint8_t *public_commitment;
    const uint8_t *private_commitment;
};

/* True where both commitments open with these scores and this seed. */
MUST_CHECK bool opening_fits(const struct opening *opening, const struct opening_subject *subject,
                             const uint8_t seed[static COMMITMENT_SEED_BYTES]);

/* True where line `b` may stand behind `a`. */
bool opening_is_before(const struct opening *a, const struct opening *b);
