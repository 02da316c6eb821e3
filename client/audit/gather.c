/* SPDX-License-Identifier: MIT */
/*
 * The entries of a log, put into tables. What an entry says is taken as it is: the checks come
 * later, but for what no table can hold (a result of a submission that is not there).
 */
#include "client/audit/audit.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "schemas/order.h"
#include "schemas/scorecard.h"

/* Makes room for one more item behind `n`; rooms double. */
static bool grow(void **items, size_t n, size_t item_size, struct err *err)
{
    if ((n & (n - 1)) != 0) { /* not at the end of a room */
        return true;
    }
    void *grown = reallocarray(*items, n == 0 ? 1 : 2 * n, item_size);
    if (grown == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for %zu entries", 2 * n);
    }
    *items = grown;
    return true;
}

#define GROW(items, n, err) grow((void **)&(items), n, sizeof(*(items)), err)

static bool read_hash(uint8_t hash[static SHA256_BYTES], const struct entry_value *value,
                      struct err *err)
{
    return hex_read(hash, SHA256_BYTES, value->text, 2 * SHA256_BYTES, err);
}

static bool keep_file(struct bytes *kept, const struct bytes *file, struct err *err)
{
    unsigned char *copy = malloc(file->size_bytes + 1);

    if (copy == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for %zu bytes", file->size_bytes);
    }
    memcpy(copy, file->data == NULL ? (const void *)"" : file->data, file->size_bytes);
    bytes_free(kept);
    *kept = (struct bytes){.data = copy, .size_bytes = file->size_bytes};
    return true;
}

/* ---- submissions by their ids ---- */

/* The slot of an id: its own, or the free one where it would stand. */
static size_t slot_of(const struct audit *audit, const char *id)
{
    uint64_t hash = 14695981039346656037U; /* FNV-1a */

    assert(id != NULL);
    for (const char *at = id; *at != '\0'; at++) {
        hash = (hash ^ (unsigned char)*at) * 1099511628211U;
    }
    size_t slot = (size_t)hash & (audit->n_slots - 1);
    while (audit->slots[slot] != 0 &&
           strcmp(audit->submissions[audit->slots[slot] - 1].id, id) != 0) {
        slot = (slot + 1) & (audit->n_slots - 1);
    }
    return slot;
}

/* Twice as many slots as submissions at least. */
static bool grow_slots(struct audit *audit, struct err *err)
{
    if (2 * (audit->n_submissions + 1) <= audit->n_slots) {
        return true;
    }
    size_t n_slots = audit->n_slots == 0 ? 64 : 2 * audit->n_slots;
    uint32_t *slots = calloc(n_slots, sizeof(*slots));
    if (slots == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for %zu submissions", n_slots);
    }
    free(audit->slots);
    audit->slots = slots;
    audit->n_slots = n_slots;
    for (size_t i = 0; i < audit->n_submissions; i++) {
        slots[slot_of(audit, audit->submissions[i].id)] = (uint32_t)i + 1;
    }
    return true;
}

struct audit_submission *audit_submission(const struct audit *audit, const char *id)
{
    uint32_t place = audit->n_slots == 0 ? 0 : audit->slots[slot_of(audit, id)];

    return place == 0 ? NULL : &audit->submissions[place - 1];
}

struct audit_result *audit_result(const struct audit *audit, size_t submission, uint32_t labels)
{
    size_t place = audit->submissions[submission].last_result;

    while (place != 0 && audit->results[place - 1].labels != labels) {
        place = audit->results[place - 1].before;
    }
    return place == 0 ? NULL : &audit->results[place - 1];
}

/* ---- a kind each ---- */

static bool read_team(int64_t *team, const char *text, struct err *err)
{
    char *end = NULL;

    *team = text[0] == 't' ? strtoll(text + 1, &end, 10) : 0;
    return (end != NULL && *end == '\0' && *team > 0) ||
           err_set(err, ERR_INPUT, "'%s' is no team's number", text);
}

static bool see_labels(struct audit *audit, const struct log_labels *labels, int64_t n_public,
                       int64_t n_private, struct err *err)
{
    if (!GROW(audit->labels, audit->n_labels, err)) {
        return false;
    }
    audit->labels[audit->n_labels++] =
        (struct audit_labels){.root = labels->root, .n_public = n_public, .n_private = n_private};
    return true;
}

static bool add_worker(struct audit *audit, const struct worker_public_key *key, int64_t since,
                       struct err *err)
{
    if (audit->n_workers == AUDIT_WORKERS_MAX) {
        return err_set(err, ERR_LIMIT, "more than %d workers", AUDIT_WORKERS_MAX);
    }
    audit->workers[audit->n_workers++] = (struct audit_worker){.key = *key, .since = since};
    return true;
}

static bool see_genesis(struct audit *audit, const struct entry *entry, const struct bytes *file,
                        const struct log_labels *labels, struct err *err)
{
    const struct entry_value *values = entry->values;
    struct worker_public_key keys[WORKER_KEYS_MAX];
    struct problems problems = {0};
    const char *words = values[ENTRY_GENESIS_WORKERS].text;
    size_t n_keys = 0;

    bool ok = competition_load(&audit->competition, file->data, file->size_bytes, &problems);
    if (!ok) {
        return err_set(err, ERR_INPUT, "the competition file of the log is not valid");
    }
    const struct metric_info *metric =
        metric_find((enum task)audit->competition.task, audit->competition.metric);
    audit->is_higher_better = metric != NULL && metric->is_higher_better;
    ok = read_hash(audit->organizer, &values[ENTRY_GENESIS_ORGANIZER], err) &&
         read_hash(audit->score_seed_sha256, &values[ENTRY_GENESIS_SCORE_SEED_SHA256], err) &&
         worker_keys_read(keys, &n_keys, words, strlen(words), err) &&
         see_labels(audit, labels, values[ENTRY_GENESIS_PUBLIC].number,
                    values[ENTRY_GENESIS_PRIVATE].number, err);
    for (size_t i = 0; ok && i < n_keys; i++) {
        ok = add_worker(audit, &keys[i], entry->index, err);
    }
    return ok;
}

static bool see_worker(struct audit *audit, const struct entry *entry, struct err *err)
{
    const char *word = entry->values[ENTRY_WORKER_KEY].text;
    struct worker_public_key key;

    return worker_key_read(&key, word, strlen(word), err) &&
           add_worker(audit, &key, entry->index, err);
}

static bool see_submission(struct audit *audit, const struct entry *entry, struct err *err)
{
    const struct entry_value *values = entry->values;
    struct audit_submission submission = {.index = entry->index};

    snprintf(submission.id, sizeof(submission.id), "%s", values[ENTRY_SUBMISSION_ID].text);
    if (audit_submission(audit, submission.id) != NULL) {
        return err_set(err, ERR_INPUT, "entry %" PRId64 " accepts submission %s again",
                       entry->index, submission.id);
    }
    if (!read_team(&submission.team, values[ENTRY_SUBMISSION_TEAM].text, err) ||
        !time_read(&submission.received_ms, values[ENTRY_SUBMISSION_RECEIVED].text, err) ||
        !read_hash(submission.file_sha256, &values[ENTRY_SUBMISSION_FILE_SHA256], err) ||
        !GROW(audit->submissions, audit->n_submissions, err) || !grow_slots(audit, err)) {
        return false;
    }
    assert(audit->submissions != NULL && audit->slots != NULL);
    audit->submissions[audit->n_submissions] = submission;
    audit->slots[slot_of(audit, submission.id)] = (uint32_t)audit->n_submissions + 1;
    audit->n_submissions++;
    return true;
}

static bool read_result(struct audit_result *result, const struct entry_value *values,
                        struct err *err)
{
    const char *signature = values[ENTRY_RESULT_SIGNATURE].text;

    result->labels = (uint32_t)values[ENTRY_RESULT_LABELS].number;
    result->rules = (uint32_t)values[ENTRY_RESULT_RULES].number;
    result->is_scored = strcmp(values[ENTRY_RESULT_OUTCOME].text, "scored") == 0;
    result->problems = (uint64_t)values[ENTRY_RESULT_PROBLEMS].number;
    snprintf(result->score, sizeof(result->score), "%s", values[ENTRY_RESULT_SCORE].text);
    snprintf(result->build, sizeof(result->build), "%s", values[ENTRY_RESULT_BUILD].text);
    return read_hash(result->scorecard_sha256, &values[ENTRY_RESULT_SCORECARD_SHA256], err) &&
           read_hash(result->sealed_sha256, &values[ENTRY_RESULT_SEALED_SHA256], err) &&
           read_hash(result->public_commitment, &values[ENTRY_RESULT_PUBLIC_COMMITMENT], err) &&
           read_hash(result->private_commitment, &values[ENTRY_RESULT_PRIVATE_COMMITMENT], err) &&
           read_hash(result->key, &values[ENTRY_RESULT_KEY], err) &&
           crypt_base64_read(result->signature, sizeof(result->signature), signature,
                             strlen(signature), err);
}

static bool see_result(struct audit *audit, const struct entry *entry, struct err *err)
{
    struct audit_submission *submission =
        audit_submission(audit, entry->values[ENTRY_RESULT_ID].text);
    struct audit_result result = {.index = entry->index};

    if (submission == NULL || !read_result(&result, entry->values, err)) {
        return submission != NULL || err_set(err, ERR_INPUT,
                                             "entry %" PRId64 " scores a submission that was not "
                                             "accepted before",
                                             entry->index);
    }
    result.submission = (size_t)(submission - audit->submissions);
    result.before = submission->last_result;
    if (result.labels == 0 || result.labels > audit->n_labels ||
        audit_result(audit, result.submission, result.labels) != NULL) {
        return err_set(err, ERR_INPUT,
                       "entry %" PRId64 " scores submission %s under labels %" PRIu32
                       " again, or there are none",
                       entry->index, submission->id, result.labels);
    }
    if (!GROW(audit->results, audit->n_results, err)) {
        return false;
    }
    audit->results[audit->n_results++] = result;
    submission->last_result = audit->n_results;
    return true;
}

static bool see_selection(struct audit *audit, const struct entry *entry, struct err *err)
{
    const char *at = entry->values[ENTRY_SELECTION_SUBMISSIONS].text;
    int64_t team;

    if (!read_team(&team, entry->values[ENTRY_SELECTION_TEAM].text, err)) {
        return false;
    }
    for (size_t i = 0; i < audit->n_submissions; i++) {
        if (audit->submissions[i].team == team) {
            audit->submissions[i].is_selected = false;
        }
    }
    while (*at != '\0') {
        char id[AUDIT_ID_SIZE];
        size_t size = strcspn(at, " ");
        snprintf(id, sizeof(id), "%.*s", (int)size, at);
        struct audit_submission *submission = audit_submission(audit, id);
        if (submission == NULL || submission->team != team) {
            return err_set(err, ERR_INPUT,
                           "entry %" PRId64 " selects '%s', which t%" PRId64 " did not send",
                           entry->index, id, team);
        }
        submission->is_selected = true;
        at += size + (at[size] == ' ');
    }
    audit->n_selections++;
    return true;
}

static bool see_rescore(struct audit *audit, const struct entry *entry, const struct bytes *file,
                        struct err *err)
{
    const struct entry_value *values = entry->values;

    if (!GROW(audit->rescores, audit->n_rescores, err)) {
        return false;
    }
    struct audit_rescore *rescore = &audit->rescores[audit->n_rescores];
    *rescore = (struct audit_rescore){
        .index = entry->index,
        .labels = values[ENTRY_RESCORE_LABELS].number,
        .before = values[ENTRY_RESCORE_BEFORE].number,
        .n_results = values[ENTRY_RESCORE_RESULTS].number,
        .is_equal =
            values[ENTRY_RESCORE_DIFFERENT].number == 0 && values[ENTRY_RESCORE_FAILED].number == 0,
        .n_signatures = values[ENTRY_RESCORE_SIGNATURES].number,
    };
    snprintf(rescore->results_root, sizeof(rescore->results_root), "%s",
             values[ENTRY_RESCORE_RESULTS_ROOT].text);
    audit->n_rescores++;
    return keep_file(&rescore->signatures, file, err);
}

static bool see_board(struct audit *audit, const struct entry *entry, struct err *err)
{
    const struct entry_value *values = entry->values;
    const char *move = values[ENTRY_LEADERBOARD_MOVE].text;

    if (!GROW(audit->boards, audit->n_boards, err)) {
        return false;
    }
    struct audit_board *board = &audit->boards[audit->n_boards++];
    *board = (struct audit_board){.index = entry->index,
                                  .labels = values[ENTRY_LEADERBOARD_LABELS].number,
                                  .is_private = strcmp(move, "reveal") == 0};
    snprintf(board->move, sizeof(board->move), "%s", move);
    snprintf(board->sha256, sizeof(board->sha256), "%s",
             values[ENTRY_LEADERBOARD_BOARD_SHA256].text);
    return true;
}

static bool see_reveal(struct audit *audit, const struct entry *entry, struct err *err)
{
    const struct entry_value *values = entry->values;
    const char *text = values[ENTRY_REVEAL_SIGNATURE].text;
    const struct order_reveal order = {.competition = audit->competition.id,
                                       .score_seed_sha256 = audit->score_seed_sha256};
    uint8_t signature[CRYPT_SIGNATURE_BYTES];

    audit->reveal_index = entry->index;
    audit->n_finals = values[ENTRY_REVEAL_FINALS].number;
    snprintf(audit->finals_sha256, sizeof(audit->finals_sha256), "%s",
             values[ENTRY_REVEAL_FINALS_SHA256].text);
    if (!crypt_base64_read(signature, sizeof(signature), text, strlen(text), err)) {
        return false;
    }
    audit->is_ordered = order_reveal_check(signature, &order, audit->organizer);
    return true;
}

static bool see_correction(struct audit *audit, const struct entry *entry,
                           const struct log_labels *labels, struct err *err)
{
    const struct entry_value *values = entry->values;
    const char *text = values[ENTRY_CORRECTION_SIGNATURE].text;
    uint8_t hashes[4][SHA256_BYTES];
    const struct order_correct order = {.competition = audit->competition.id,
                                        .labels = (uint32_t)labels->version,
                                        .old_root = hashes[0],
                                        .new_root = hashes[1],
                                        .label_set_sha256 = hashes[2],
                                        .proof_sha256 = hashes[3],
                                        .reason = values[ENTRY_CORRECTION_REASON].text};
    uint8_t signature[CRYPT_SIGNATURE_BYTES];

    if (!read_hash(hashes[0], &values[ENTRY_CORRECTION_OLD_ROOT], err) ||
        !read_hash(hashes[1], &values[ENTRY_CORRECTION_NEW_ROOT], err) ||
        !read_hash(hashes[2], &values[ENTRY_CORRECTION_LABEL_SET_SHA256], err) ||
        !read_hash(hashes[3], &values[ENTRY_CORRECTION_PROOF_SHA256], err) ||
        !crypt_base64_read(signature, sizeof(signature), text, strlen(text), err)) {
        return false;
    }
    if (!order_correct_check(signature, &order, audit->organizer)) {
        return err_set(err, ERR_INPUT,
                       "entry %" PRId64 " corrects labels without the organizer's "
                       "signature",
                       entry->index);
    }
    audit->n_corrections++;
    return see_labels(audit, labels, values[ENTRY_CORRECTION_PUBLIC].number,
                      values[ENTRY_CORRECTION_PRIVATE].number, err);
}

static bool see_opening(struct audit *audit, const struct entry *entry, const struct bytes *file,
                        struct err *err)
{
    audit->opening_index = entry->index;
    return read_hash(audit->score_seed, &entry->values[ENTRY_OPENING_SCORE_SEED], err) &&
           keep_file(&audit->scores, file, err);
}

static bool see_disclosure(struct audit *audit, const struct entry *entry, const struct bytes *file,
                           struct err *err)
{
    int64_t version = entry->values[ENTRY_DISCLOSURE_LABELS].number;

    if (version < 1 || (uint64_t)version > audit->n_labels) {
        return err_set(err, ERR_INPUT,
                       "entry %" PRId64 " publishes labels %" PRId64 ", which there are not",
                       entry->index, version);
    }
    struct audit_labels *labels = &audit->labels[version - 1];
    labels->is_disclosed = true;
    return read_hash(labels->seed, &entry->values[ENTRY_DISCLOSURE_LABEL_SEED], err) &&
           keep_file(&labels->rows, file, err);
}

bool audit_see(void *context, const struct entry *entry, const struct bytes *file,
               const struct log_labels *labels, struct err *err)
{
    struct audit *audit = context;

    if ((entry->kind == ENTRY_GENESIS) != (entry->index == 0) ||
        (entry->index > 0 && strcmp(entry->competition, audit->competition.id) != 0)) {
        return err_set(err, ERR_INPUT, "entry %" PRId64 " is not of this competition's log",
                       entry->index);
    }
    switch (entry->kind) {
    case ENTRY_GENESIS:
        return see_genesis(audit, entry, file, labels, err);
    case ENTRY_SUBMISSION:
        return see_submission(audit, entry, err);
    case ENTRY_RESULT:
        return see_result(audit, entry, err);
    case ENTRY_SELECTION:
        return see_selection(audit, entry, err);
    case ENTRY_LEADERBOARD:
        return see_board(audit, entry, err);
    case ENTRY_RESCORE:
        return see_rescore(audit, entry, file, err);
    case ENTRY_REVEAL:
        return see_reveal(audit, entry, err);
    case ENTRY_WORKER:
        return see_worker(audit, entry, err);
    case ENTRY_OPENING:
        return see_opening(audit, entry, file, err);
    case ENTRY_DISCLOSURE:
        return see_disclosure(audit, entry, file, err);
    case ENTRY_CORRECTION:
        return see_correction(audit, entry, labels, err);
    case ENTRY_PROMISE:
    case ENTRY_KEY:
    case ENTRY_VOID:
    case ENTRY_CLOSE:
        return true; /* nothing that the checks stand on */
    }
    return true;
}

void audit_free(struct audit *audit)
{
    for (size_t i = 0; i < audit->n_labels; i++) {
        bytes_free(&audit->labels[i].rows);
    }
    for (size_t i = 0; i < audit->n_rescores; i++) {
        bytes_free(&audit->rescores[i].signatures);
    }
    free(audit->submissions);
    free(audit->slots);
    free(audit->results);
    free(audit->labels);
    free(audit->rescores);
    free(audit->boards);
    bytes_free(&audit->scores);
    *audit = (struct audit){.n_failed = 0};
}
