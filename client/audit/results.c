/* SPDX-License-Identifier: MIT */
/*
 * Who stated the results, and whether the re-scores came to them again.
 */
#include "client/audit/audit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "schemas/statement.h"

/* The worker with this key, if an entry before `index` lists it. */
static const struct audit_worker *find_worker(const struct audit *audit,
                                              const uint8_t key[static CRYPT_PUBLIC_KEY_BYTES],
                                              int64_t index)
{
    for (size_t i = 0; i < audit->n_workers; i++) {
        const struct audit_worker *worker = &audit->workers[i];
        if (worker->since < index && memcmp(worker->key.sign, key, CRYPT_PUBLIC_KEY_BYTES) == 0) {
            return worker;
        }
    }
    return NULL;
}

/* What was signed of a result, by a worker of that build. */
static struct statement statement_of(const struct audit *audit, const struct audit_result *result,
                                     const char *build)
{
    const struct audit_submission *submission = &audit->submissions[result->submission];

    return (struct statement){.competition = audit->competition.id,
                              .submission = submission->id,
                              .file_sha256 = submission->file_sha256,
                              .labels = result->labels,
                              .label_root = audit->labels[result->labels - 1].root.bytes,
                              .rules = result->rules,
                              .outcome = result->is_scored ? "scored" : "invalid",
                              .score = result->score,
                              .scorecard_sha256 = result->scorecard_sha256,
                              .sealed_sha256 = result->sealed_sha256,
                              .public_commitment = result->public_commitment,
                              .private_commitment = result->private_commitment,
                              .problems = result->problems,
                              .build = build};
}

/* "SUBMISSION KEY SIGNATURE BUILD", taken apart. */
struct confirmation {
    char submission[AUDIT_ID_SIZE];
    uint8_t key[CRYPT_PUBLIC_KEY_BYTES];
    uint8_t signature[CRYPT_SIGNATURE_BYTES];
    char build[AUDIT_WORD_SIZE];
};

enum {
    KEY_AT = 33,
    SIGNATURE_AT = KEY_AT + 2 * CRYPT_PUBLIC_KEY_BYTES + 1,
    SIGNATURE_TEXT_BYTES = CRYPT_BASE64_SIZE(CRYPT_SIGNATURE_BYTES) - 1,
    BUILD_AT = SIGNATURE_AT + SIGNATURE_TEXT_BYTES + 1,
};

static bool read_confirmation(struct confirmation *confirmation, const char *line, size_t size,
                              struct err *err)
{
    if (size <= BUILD_AT || size - BUILD_AT >= sizeof(confirmation->build) ||
        line[KEY_AT - 1] != ' ' || line[SIGNATURE_AT - 1] != ' ' || line[BUILD_AT - 1] != ' ') {
        return err_set(err, ERR_INPUT, "not a line of a confirmation");
    }
    snprintf(confirmation->submission, sizeof(confirmation->submission), "%.32s", line);
    snprintf(confirmation->build, sizeof(confirmation->build), "%.*s", (int)(size - BUILD_AT),
             line + BUILD_AT);
    return hex_read(confirmation->key, sizeof(confirmation->key), line + KEY_AT,
                    SIGNATURE_AT - 1 - KEY_AT, err) &&
           crypt_base64_read(confirmation->signature, sizeof(confirmation->signature),
                             line + SIGNATURE_AT, SIGNATURE_TEXT_BYTES, err);
}

static bool is_confirmed(const struct audit *audit, const struct audit_rescore *rescore,
                         const char *line, size_t size, struct err *err)
{
    struct confirmation confirmation;

    if (!read_confirmation(&confirmation, line, size, err)) {
        return false;
    }
    const struct audit_submission *submission = audit_submission(audit, confirmation.submission);
    const struct audit_result *result =
        submission == NULL ? NULL
                           : audit_result(audit, (size_t)(submission - audit->submissions),
                                          (uint32_t)rescore->labels);
    if (result == NULL || find_worker(audit, confirmation.key, rescore->index) == NULL ||
        memcmp(confirmation.key, result->key, sizeof(result->key)) == 0) {
        return err_set(err, ERR_INPUT, "submission %s is confirmed by no other listed worker",
                       confirmation.submission);
    }
    struct statement statement = statement_of(audit, result, confirmation.build);
    return statement_check(confirmation.signature, &statement, confirmation.key) ||
           err_set(err, ERR_INPUT, "the confirmation of submission %s is not signed",
                   confirmation.submission);
}

/* Checks the confirmations of one re-score; a finding is reported. */
static void check_confirmations(struct audit *audit, const struct audit_rescore *rescore,
                                int64_t *n_confirmed)
{
    const char *at = (const char *)rescore->signatures.data;
    const char *end = at + rescore->signatures.size_bytes;
    int64_t n = 0;
    struct err err;

    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        size_t size = (size_t)((line_end == NULL ? end : line_end) - at);
        if (!is_confirmed(audit, rescore, at, size, &err)) {
            audit_failed(audit, "workers", "entry %" PRId64 ": %s", rescore->index, err.text);
        }
        n++;
        at += size + 1;
    }
    if (n != rescore->n_signatures) {
        audit_failed(audit, "workers",
                     "entry %" PRId64 " names %" PRId64 " confirmations, its file has %" PRId64,
                     rescore->index, rescore->n_signatures, n);
    }
    *n_confirmed += n;
}

bool audit_signatures(struct audit *audit, struct err *err)
{
    size_t n_failed = audit->n_failed;
    int64_t n_confirmed = 0;

    (void)err;
    for (size_t i = 0; i < audit->n_results; i++) {
        const struct audit_result *result = &audit->results[i];
        struct statement statement = statement_of(audit, result, result->build);
        if (find_worker(audit, result->key, result->index) == NULL) {
            audit_failed(audit, "workers",
                         "entry %" PRId64 " is of a worker that no entry before "
                         "it lists",
                         result->index);
        } else if (!statement_check(result->signature, &statement, result->key)) {
            audit_failed(audit, "workers", "entry %" PRId64 " is not what its worker signed",
                         result->index);
        }
    }
    for (size_t i = 0; i < audit->n_rescores; i++) {
        check_confirmations(audit, &audit->rescores[i], &n_confirmed);
    }
    if (audit->n_failed == n_failed) {
        audit_passed("workers",
                     "%zu results signed by workers of the log, %" PRId64
                     " of them confirmed by another",
                     audit->n_results, n_confirmed);
    }
    return true;
}

/* ---- re-scores ---- */

/* A leaf of a re-score's tree, with what decides its place. */
struct leaf {
    const char *submission;
    struct tree_hash hash;
};

static int compare_leaves(const void *a, const void *b)
{
    const struct leaf *left = a;
    const struct leaf *right = b;

    return strcmp(left->submission, right->submission);
}

/* The root over the results that a re-score looked at. `leaves` has room for all. */
static bool root_of(char root[static SHA256_HEX_SIZE], int64_t *n, struct leaf *leaves,
                    const struct audit *audit, const struct audit_rescore *rescore, struct err *err)
{
    struct tree tree = {0};
    struct tree_hash hash;
    size_t n_leaves = 0;
    bool ok = true;

    for (size_t i = 0; i < audit->n_results; i++) {
        const struct audit_result *result = &audit->results[i];
        if (result->is_scored && result->labels == rescore->labels &&
            result->index < rescore->before) {
            leaves[n_leaves].submission = audit->submissions[result->submission].id;
            commitment_result_leaf(&leaves[n_leaves].hash, result->public_commitment,
                                   result->private_commitment);
            n_leaves++;
        }
    }
    qsort(leaves, n_leaves, sizeof(*leaves), compare_leaves);
    for (size_t i = 0; ok && i < n_leaves; i++) {
        ok = tree_append(&tree, &leaves[i].hash, err);
    }
    if (ok) {
        tree_root(&hash, &tree, n_leaves);
        hex_text(root, hash.bytes, sizeof(hash.bytes));
        *n = (int64_t)n_leaves;
    }
    tree_free(&tree);
    return ok;
}

/* True for one that was compared; a finding is reported. */
static bool check_rescore(struct audit *audit, const struct audit_rescore *rescore,
                          struct leaf *leaves, struct err *err)
{
    char root[SHA256_HEX_SIZE];
    int64_t n;

    if (!rescore->is_equal) {
        audit_failed(audit, "re-scores", "entry %" PRId64 " did not come to the same results",
                     rescore->index);
        return true;
    }
    if (!root_of(root, &n, leaves, audit, rescore, err)) {
        return false;
    }
    if (n != rescore->n_results || strcmp(root, rescore->results_root) != 0) {
        audit_failed(audit, "re-scores",
                     "entry %" PRId64 " is not over the %" PRId64 " results before it",
                     rescore->index, n);
    }
    return true;
}

bool audit_rescores(struct audit *audit, struct err *err)
{
    size_t n_failed = audit->n_failed;
    struct leaf *leaves = NULL;
    bool ok = true;

    if (audit->n_rescores == 0) {
        audit_skipped("re-scores", "there were none");
        return true;
    }
    leaves = calloc(audit->n_results + 1, sizeof(*leaves));
    if (leaves == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for %zu results", audit->n_results);
    }
    for (size_t i = 0; ok && i < audit->n_rescores; i++) {
        ok = check_rescore(audit, &audit->rescores[i], leaves, err);
    }
    free(leaves);
    if (ok && audit->n_failed == n_failed) {
        audit_passed("re-scores", "%zu came to the same results", audit->n_rescores);
    }
    return ok;
}
