/* SPDX-License-Identifier: MIT */
/*
 * What the reveal published: the scores behind the commitments, and the labels behind the root.
 */
#include "client/audit/audit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "schemas/label_list.h"
#include "schemas/score.h"

/* The score of an opening as it was to be released. */
static void released_text(char text[static SCORE_TEXT_SIZE], const struct audit *audit,
                          const struct opening *opening)
{
    text[0] = '\0';
    if (opening->public_score[0] != '\0') {
        score_text(text, strtod(opening->public_score, NULL),
                   (int)audit->competition.board.decimals);
    }
}

static bool check_line(struct audit *audit, const char *line, size_t size, struct err *err)
{
    char released[SCORE_TEXT_SIZE];
    struct opening opening;

    if (!opening_read(&opening, line, size, err)) {
        return false;
    }
    const struct audit_submission *submission = audit_submission(audit, opening.submission);
    struct audit_result *result =
        submission == NULL
            ? NULL
            : audit_result(audit, (size_t)(submission - audit->submissions), opening.labels);
    if (result == NULL || result->is_opened) {
        return err_set(err, ERR_INPUT, "submission %s is opened twice, or has no result",
                       opening.submission);
    }
    const struct opening_subject subject = {.competition = audit->competition.id,
                                            .metric = audit->competition.metric,
                                            .file_sha256 = submission->file_sha256,
                                            .public_commitment = result->public_commitment,
                                            .private_commitment = result->private_commitment};
    if (!opening_fits(&opening, &subject, audit->score_seed)) {
        return err_set(err, ERR_INPUT,
                       "entry %" PRId64 " committed to other scores than were opened",
                       result->index);
    }
    released_text(released, audit, &opening);
    if (strcmp(released, result->score) != 0) {
        return err_set(err, ERR_INPUT, "entry %" PRId64 " released %s, the score is %s",
                       result->index, result->score, opening.public_score);
    }
    result->is_opened = true;
    result->opening = opening;
    return true;
}

static void check_lines(struct audit *audit)
{
    const char *at = (const char *)audit->scores.data;
    const char *end = at + audit->scores.size_bytes;
    struct err err;

    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        size_t size = (size_t)((line_end == NULL ? end : line_end + 1) - at);
        if (!check_line(audit, at, size, &err)) {
            audit_failed(audit, "scores", "%s", err.text);
        }
        at += size;
    }
}

bool audit_openings(struct audit *audit, struct err *err)
{
    size_t n_failed = audit->n_failed;
    uint8_t digest[SHA256_BYTES];

    (void)err;
    if (audit->opening_index == 0) {
        audit_skipped("scores", "the commitments are not opened yet");
        return true;
    }
    sha256_of(digest, audit->score_seed, sizeof(audit->score_seed));
    if (memcmp(digest, audit->score_seed_sha256, sizeof(digest)) != 0) {
        audit_failed(audit, "scores", "the seed is not the one that was fixed at the start");
    }
    if (!audit->is_ordered) {
        audit_failed(audit, "scores", "they were opened without the organizer's signature");
    }
    check_lines(audit);
    for (size_t i = 0; i < audit->n_results; i++) {
        if (!audit->results[i].is_opened) {
            audit_failed(audit, "scores", "entry %" PRId64 " was not opened",
                         audit->results[i].index);
        }
    }
    if (audit->n_failed == n_failed) {
        audit_passed("scores", "%zu results open to what was committed to and released",
                     audit->n_results);
    }
    return true;
}

/* Checks one version; false only where it could not be done. */
static bool check_version(struct audit *audit, size_t version, struct err *err)
{
    const struct audit_labels *labels = &audit->labels[version - 1];
    struct label_list_sum sum;

    if (!label_list_check(&sum, labels->rows.data, labels->rows.size_bytes, labels->seed,
                          audit->competition.id, err)) {
        if (err->code != ERR_INPUT) {
            return false;
        }
        audit_failed(audit, "labels", "version %zu: %s", version, err->text);
        return true;
    }
    if (memcmp(&sum.root, &labels->root, sizeof(sum.root)) != 0 ||
        (int64_t)sum.n_public != labels->n_public || (int64_t)sum.n_private != labels->n_private) {
        audit_failed(audit, "labels", "version %zu is not what was committed to", version);
        return true;
    }
    audit_passed("labels", "version %zu: %zu rows, as committed to", version, sum.n);
    return true;
}

bool audit_labels(struct audit *audit, struct err *err)
{
    for (size_t version = 1; version <= audit->n_labels; version++) {
        if (audit->labels[version - 1].is_disclosed) {
            if (!check_version(audit, version, err)) {
                return false;
            }
        } else if (audit->opening_index != 0 &&
                   audit->competition.label_reveal == LABEL_REVEAL_FULL) {
            audit_failed(audit, "labels", "version %zu was to be published", version);
        } else {
            audit_skipped("labels", "version %zu is not published", version);
        }
    }
    if (audit->n_corrections > 0) {
        audit_passed("corrections", "%zu, signed by the organizer, each with its proof",
                     audit->n_corrections);
    }
    return true;
}
