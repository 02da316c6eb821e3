/* SPDX-License-Identifier: MIT */
/*
 * A worker of the tests, as far as the broker sees one: its key, and what a competition that it may
 * score commits to.
 */
#pragma once

#include "common/jwriter.h"
#include "common/text.h"
#include "schemas/commitment.h"
#include "schemas/order.h"
#include "schemas/score.h"
#include "schemas/statement.h"
#include "schemas/wire.h"
#include "schemas/worker_key.h"

#include <stdio.h>
#include <string.h>

static inline const struct worker_key *attester_key(void)
{
    static struct worker_key key = {.public_key = {.name = "w1"}};
    static const uint8_t seed[CRYPT_SEED_BYTES] = {9};
    static bool is_made;

    if (!is_made) {
        crypt_sign_keys(key.public_key.sign, key.sign_secret, seed);
        is_made = true;
    }
    return &key;
}

/* The word of the key, for the list of a competition's workers. */
static inline struct wire_bytes attester_workers(void)
{
    static char text[WORKER_KEY_TEXT_SIZE];

    worker_key_text(text, &attester_key()->public_key);
    return wire_text(text);
}

/* The organizer: a key to sign orders with, and the seed of the scores. */
static const uint8_t attester_seed[COMMITMENT_SEED_BYTES] = {2};

static inline void attester_organizer(uint8_t public_key[static CRYPT_PUBLIC_KEY_BYTES],
                                      uint8_t secret_key[static CRYPT_SECRET_KEY_BYTES])
{
    static const uint8_t seed[CRYPT_SEED_BYTES] = {8};

    crypt_sign_keys(public_key, secret_key, seed);
}

/* What a competition commits to of its organizer. */
static inline void attester_trust(uint8_t public_key[static CRYPT_PUBLIC_KEY_BYTES],
                                  uint8_t seed_sha256[static SHA256_BYTES])
{
    uint8_t secret_key[CRYPT_SECRET_KEY_BYTES];

    attester_organizer(public_key, secret_key);
    sha256_of(seed_sha256, attester_seed, sizeof(attester_seed));
}

/* The order to open private scores. */
static inline void attester_order(uint8_t order[static CRYPT_SIGNATURE_BYTES],
                                  const char *competition)
{
    uint8_t public_key[CRYPT_PUBLIC_KEY_BYTES];
    uint8_t secret_key[CRYPT_SECRET_KEY_BYTES];
    uint8_t seed[SHA256_BYTES];
    const struct order_reveal parts = {.competition = competition, .score_seed_sha256 = seed};

    sha256_of(seed, attester_seed, sizeof(attester_seed));
    attester_organizer(public_key, secret_key);
    order_reveal_sign(order, &parts, secret_key);
}

static inline void attester_commit(struct wire_competition_put *put)
{
    attester_trust(put->organizer, put->score_seed);
    memset(put->label_root, 0x11, sizeof(put->label_root));
    memset(put->label_set, 0x22, sizeof(put->label_set));
    memset(put->ids, 0x33, sizeof(put->ids));
    put->n_images = 10;
    put->n_public = 4;
    put->n_private = 6;
    put->workers = attester_workers();
}

static inline void attester_claim(uint8_t key[static CRYPT_PUBLIC_KEY_BYTES])
{
    memcpy(key, attester_key()->public_key.sign, CRYPT_PUBLIC_KEY_BYTES);
}

/* ---- signing ---- */

/* What a worker knows of a job that it was given. */
struct attester_job {
    uint64_t id;
    char competition[64];
    char submission[33];
    uint8_t sha256[SHA256_BYTES];
    uint8_t label_root[SHA256_BYTES];
    uint32_t label_version;
    uint32_t rules_version;
};

enum { ATTESTER_JOBS = 1 << 12 }; /* the last ones */

static inline struct attester_job *attester_job(uint64_t id)
{
    static struct attester_job jobs[ATTESTER_JOBS];

    return &jobs[id % ATTESTER_JOBS];
}

/* Remembers a job for the result that will be signed. */
static inline void attester_saw(const struct wire_job *job, const char *competition,
                                const char *submission)
{
    struct attester_job *seen = attester_job(job->job_id);

    *seen = (struct attester_job){.id = job->job_id,
                                  .label_version = job->label_version,
                                  .rules_version = job->rules_version};
    snprintf(seen->competition, sizeof(seen->competition), "%s", competition);
    snprintf(seen->submission, sizeof(seen->submission), "%s", submission);
    memcpy(seen->sha256, job->sha256, sizeof(seen->sha256));
    memcpy(seen->label_root, job->label_root, sizeof(seen->label_root));
}

/* The same, of a JOB message. */
static inline void attester_saw_message(const struct wire_message *message)
{
    char competition[64];
    char submission[33];

    wire_text_copy(competition, sizeof(competition), message->job.competition);
    wire_text_copy(submission, sizeof(submission), message->job.submission);
    attester_saw(&message->job, competition, submission);
}

/* Signs a result of a job that was seen. */
static inline void attester_sign(struct wire_result *result, int decimals)
{
    const struct attester_job *job = attester_job(result->job_id);
    char score[SCORE_TEXT_SIZE] = "";
    struct statement_parts parts;
    struct statement statement = {.competition = job->competition,
                                  .submission = job->submission,
                                  .file_sha256 = job->sha256,
                                  .labels = job->label_version,
                                  .label_root = job->label_root,
                                  .rules = job->rules_version,
                                  .score = score};

    if (result->has_value != 0) {
        score_text(score, result->value, decimals);
    }
    statement_of_result(&statement, &parts, result);
    memcpy(result->key, attester_key()->public_key.sign, sizeof(result->key));
    statement_sign(result->signature, &statement, attester_key()->sign_secret);
}

/* ---- scores that are committed to and opened ---- */

#define ATTESTER_PUBLIC "0.25" /* whatever the board shows */

/* The private score of a submission, by the first byte of its id. */
static inline double *attester_private(const char *submission)
{
    static double values[256];
    unsigned first = 0;

    sscanf(submission, "%2x", &first);
    return &values[first];
}

static inline void attester_commit_to(uint8_t commitment[static COMMITMENT_BYTES],
                                      const struct attester_job *job, const char *metric,
                                      const char *score)
{
    const struct commitment_score parts = {.competition = job->competition,
                                           .submission = job->submission,
                                           .file_sha256 = job->sha256,
                                           .label_version = job->label_version,
                                           .metric = metric,
                                           .score = score};

    commitment_score(commitment, attester_seed, &parts);
}

/* Whether a submission was found invalid; remembers it where `is_now`. */
static inline bool attester_is_invalid(const char *submission, bool is_now)
{
    static char invalid[16][33];
    static size_t n;

    if (is_now) {
        memcpy(invalid[n++ % 16], submission, sizeof(invalid[0]));
    }
    for (size_t i = 0; i < 16; i++) {
        if (strcmp(invalid[i], submission) == 0) {
            return true;
        }
    }
    return false;
}

static inline void attester_open(struct wire_result *result, const char *submission)
{
    static char score[DOUBLE_TEXT_SIZE];
    bool is_invalid = attester_is_invalid(submission, false);

    double_text(score, *attester_private(submission));
    result->has_value = !is_invalid;
    result->value = *attester_private(submission);
    result->public_score = wire_text(is_invalid ? "" : ATTESTER_PUBLIC);
    result->private_score = wire_text(is_invalid ? "" : score);
    memcpy(result->score_seed, attester_seed, sizeof(attester_seed));
}

/* Commits to the scores of a result, or opens them. The metric is top1_accuracy. */
static inline void attester_scores(struct wire_result *result)
{
    char score[DOUBLE_TEXT_SIZE];
    const struct attester_job *job = attester_job(result->job_id);
    bool is_invalid = result->outcome == OUTCOME_INVALID;

    if (result->outcome == OUTCOME_OPENED) {
        attester_open(result, job->submission);
        return;
    }
    attester_is_invalid(job->submission, is_invalid);
    double_text(score, *attester_private(job->submission));
    attester_commit_to(result->public_commitment, job, "top1_accuracy/public",
                       is_invalid ? "" : ATTESTER_PUBLIC);
    attester_commit_to(result->private_commitment, job, "top1_accuracy/private",
                       is_invalid ? "" : score);
}
