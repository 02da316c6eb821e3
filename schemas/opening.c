/* SPDX-License-Identifier: MIT */
/*
 * Scores that were committed to. See the header.
 */
#include "schemas/opening.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { METRIC_SIZE = 64 };

static const char *shown(const char *score)
{
    return score[0] == '\0' ? "-" : score;
}

size_t opening_write(char line[static OPENING_LINE_SIZE], const struct opening *opening)
{
    int n = snprintf(line, OPENING_LINE_SIZE, "%s %" PRIu32 " %s %s\n", opening->submission,
                     opening->labels, shown(opening->public_score), shown(opening->private_score));

    assert(n > 0 && n < OPENING_LINE_SIZE);
    return (size_t)n;
}

/* Takes a word and the byte that ends it off the front. */
static bool take_word(char *word, size_t word_size, const char **at, const char *end, char last)
{
    const char *word_end = memchr(*at, last, (size_t)(end - *at));

    if (word_end == NULL || word_end == *at || (size_t)(word_end - *at) >= word_size) {
        return false;
    }
    memcpy(word, *at, (size_t)(word_end - *at));
    word[word_end - *at] = '\0';
    *at = word_end + 1;
    return true;
}

static bool take_score(char score[static OPENING_SCORE_SIZE], const char **at, const char *end,
                       char last)
{
    if (!take_word(score, OPENING_SCORE_SIZE, at, end, last) ||
        strspn(score, "0123456789.e+-") != strlen(score)) {
        return false;
    }
    if (strcmp(score, "-") == 0) {
        score[0] = '\0';
    }
    return true;
}

/* 1 to 2^32 - 1; 0 for anything else. */
static uint32_t read_version(const char *digits)
{
    uint64_t version = 0;

    for (; *digits >= '0' && *digits <= '9'; digits++) {
        version = 10 * version + (uint64_t)(*digits - '0');
    }
    return *digits == '\0' && version <= UINT32_MAX ? (uint32_t)version : 0;
}

static bool take_opening(struct opening *opening, const char *at, const char *end)
{
    char labels[11];

    if (!take_word(opening->submission, sizeof(opening->submission), &at, end, ' ') ||
        strspn(opening->submission, "0123456789abcdef") != sizeof(opening->submission) - 1) {
        return false;
    }
    if (!take_word(labels, sizeof(labels), &at, end, ' ')) {
        return false;
    }
    opening->labels = read_version(labels);
    if (opening->labels == 0 || !take_score(opening->public_score, &at, end, ' ')) {
        return false;
    }
    return take_score(opening->private_score, &at, end, '\n');
}

bool opening_read(struct opening *opening, const void *line, size_t size, struct err *err)
{
    char again[OPENING_LINE_SIZE];

    *opening = (struct opening){0};
    if (size >= OPENING_LINE_SIZE || !take_opening(opening, line, (const char *)line + size) ||
        opening_write(again, opening) != size || memcmp(again, line, size) != 0) {
        return err_set(err, ERR_INPUT,
                       "not a line of an opening: SUBMISSION LABELS PUBLIC PRIVATE");
    }
    return true;
}

static bool is_made_to(const struct opening *opening, const struct opening_subject *subject,
                       const uint8_t seed[static COMMITMENT_SEED_BYTES], const char *track,
                       const char *score, const uint8_t commitment[static COMMITMENT_BYTES])
{
    char metric[METRIC_SIZE];
    uint8_t made[COMMITMENT_BYTES];
    const struct commitment_score parts = {.competition = subject->competition,
                                           .submission = opening->submission,
                                           .file_sha256 = subject->file_sha256,
                                           .label_version = opening->labels,
                                           .metric = metric,
                                           .score = score};

    snprintf(metric, sizeof(metric), "%s/%s", subject->metric, track);
    commitment_score(made, seed, &parts);
    return memcmp(made, commitment, sizeof(made)) == 0;
}

bool opening_fits(const struct opening *opening, const struct opening_subject *subject,
                  const uint8_t seed[static COMMITMENT_SEED_BYTES])
{
    return is_made_to(opening, subject, seed, "public", opening->public_score,
                      subject->public_commitment) &&
           is_made_to(opening, subject, seed, "private", opening->private_score,
                      subject->private_commitment);
}

bool opening_is_before(const struct opening *a, const struct opening *b)
{
    int order = strcmp(a->submission, b->submission);

    return order < 0 || (order == 0 && a->labels < b->labels);
}
