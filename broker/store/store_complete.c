/* SPDX-License-Identifier: MIT */
/*
 * Results. The first one of a job is recorded, with its log entry, the quota, the team's best and
 * the end of the job in one transaction. Any later one only gets an answer: the same again, stale,
 * or different, which raises an alarm and changes nothing.
 */
#include "broker/store/inside.h"

#include <stdio.h>
#include <string.h>

#include "common/crashpoint.h"
#include "common/jwriter.h"
#include "common/text.h"
#include "schemas/opening.h"
#include "schemas/score.h"
#include "schemas/statement.h"

/* The board's view of a result's value. */
struct value {
    bool is_there;
    int64_t bits;
    int64_t sort_key;
    char text[SCORE_TEXT_SIZE];
};

static struct value value_of(const struct wire_result *result, const struct store_subject *subject)
{
    struct value value = {.is_there = result->has_value != 0};

    if (value.is_there) {
        memcpy(&value.bits, &result->value, sizeof(value.bits));
        value.sort_key = score_key(result->value, subject->is_higher_better);
        score_text(value.text, result->value, subject->decimals);
    }
    return value;
}

/* A result for a job that is gone. */
static bool answer_finished(struct store *store, struct store_complete *call, struct err *err)
{
    uint8_t digest[STORE_DIGEST_BYTES];
    int64_t number = (int64_t)call->result->job_id;
    bool has_row;

    if (!db_find(store->db, DB_FINISHED_ROW, &has_row, err, db_int(number))) {
        return false;
    }
    if (!has_row) {
        call->outcome = STORE_STALE;
        return true;
    }
    db_column_copy(store->db, DB_FINISHED_ROW, 0, digest, sizeof(digest));
    if (memcmp(digest, call->digest, sizeof(digest)) == 0) {
        call->outcome = STORE_REPEATED;
        return true;
    }
    call->outcome = STORE_DIFFERENT;
    return db_run(store->db, DB_ALARM_INSERT, err, db_int(number),
                  db_blob(call->digest, sizeof(call->digest)),
                  db_text(wire_text("a second result of the job differs from the recorded one")),
                  db_int(call->now_ms));
}

static bool finish_job(struct store *store, const struct store_complete *call,
                       const struct store_job *job, struct err *err)
{
    return db_run(store->db, DB_JOB_DELETE, err, db_int(job->number)) &&
           db_run(store->db, DB_FINISHED_INSERT, err, db_int(job->number), db_int(job->submission),
                  db_int(job->kind), db_int(job->fence),
                  db_blob(call->digest, sizeof(call->digest)));
}

/* ---- a submission's score ---- */

static void hex_digest(char text[static SHA256_HEX_SIZE], struct wire_bytes bytes)
{
    uint8_t digest[SHA256_BYTES];

    sha256_of(digest, bytes.data, bytes.size);
    hex_text(text, digest, sizeof(digest));
}

/* That a worker of the competition says so: the store alone could not have made it. */
static bool check_signature(struct store *store, const struct store_complete *call,
                            const struct store_job *job, const struct store_subject *subject,
                            bool *is_signed, struct err *err)
{
    struct db *db = store->db;
    const struct wire_result *result = call->result;
    struct value value = value_of(result, subject);
    char competition[STORE_COMPETITION_SIZE];
    char id[2 * STORE_ID_BYTES + 1];
    uint8_t file[SHA256_BYTES];
    uint8_t root[TREE_HASH_BYTES];
    struct statement_parts parts;
    struct statement statement = {.competition = competition,
                                  .submission = id,
                                  .file_sha256 = file,
                                  .labels = (uint32_t)job->label_version,
                                  .label_root = root,
                                  .rules = (uint32_t)job->rules_version,
                                  .score = value.text};

    if (!db_find(db, DB_STATEMENT_PARTS, is_signed, err, db_int(job->submission),
                 db_int(job->label_version), db_blob(result->key, sizeof(result->key)))) {
        return false;
    }
    if (!*is_signed) {
        return true;
    }
    wire_text_copy(competition, sizeof(competition), db_column_bytes(db, DB_STATEMENT_PARTS, 0));
    db_column_copy(db, DB_STATEMENT_PARTS, 1, file, sizeof(file));
    db_column_copy(db, DB_STATEMENT_PARTS, 2, root, sizeof(root));
    hex_text(id, subject->id, sizeof(subject->id));
    statement_of_result(&statement, &parts, result);
    *is_signed = statement_check(result->signature, &statement, result->key);
    return true;
}

static bool keep_attestation(struct store *store, const struct store_complete *call,
                             const struct store_job *job, struct err *err)
{
    const struct wire_result *result = call->result;

    return db_run(store->db, DB_ATTESTATION_INSERT, err, db_int(job->submission),
                  db_int(job->label_version), db_int(job->rules_version),
                  db_blob(result->key, sizeof(result->key)),
                  db_blob(result->signature, sizeof(result->signature)), db_int(job->run),
                  db_text(result->build));
}

static bool append_result(struct store *store, const struct store_complete *call,
                          const struct store_job *job, const struct store_subject *subject,
                          const struct value *value, int64_t *place, struct err *err)
{
    const struct wire_result *result = call->result;
    struct entry entry = {.kind = ENTRY_RESULT};
    struct ledger_line line;
    char id[2 * STORE_ID_BYTES + 1];
    char scorecard[SHA256_HEX_SIZE];
    char sealed[SHA256_HEX_SIZE];
    char worker[65];
    char build[65];
    char public_commitment[SHA256_HEX_SIZE];
    char private_commitment[SHA256_HEX_SIZE];
    char key[SHA256_HEX_SIZE];
    char signature[CRYPT_BASE64_SIZE(CRYPT_SIGNATURE_BYTES)];
    char finished[TIME_TEXT_SIZE];

    hex_text(id, subject->id, sizeof(subject->id));
    hex_digest(scorecard, result->scorecard);
    hex_digest(sealed, result->sealed);
    wire_text_copy(worker, sizeof(worker), result->worker);
    wire_text_copy(build, sizeof(build), result->build);
    time_text(finished, call->now_ms);
    entry.values[ENTRY_RESULT_ID].text = id;
    entry.values[ENTRY_RESULT_OUTCOME].text =
        result->outcome == OUTCOME_SCORED ? "scored" : "invalid";
    entry.values[ENTRY_RESULT_LABELS].number = job->label_version;
    entry.values[ENTRY_RESULT_RULES].number = job->rules_version;
    entry.values[ENTRY_RESULT_SCORE].text = value->text;
    entry.values[ENTRY_RESULT_SCORECARD_SHA256].text = scorecard;
    entry.values[ENTRY_RESULT_SEALED_SHA256].text = sealed;
    entry.values[ENTRY_RESULT_PROBLEMS].number = (int64_t)result->n_problems;
    entry.values[ENTRY_RESULT_WORKER].text = worker;
    entry.values[ENTRY_RESULT_BUILD].text = build;
    hex_text(public_commitment, result->public_commitment, sizeof(result->public_commitment));
    hex_text(private_commitment, result->private_commitment, sizeof(result->private_commitment));
    hex_text(key, result->key, sizeof(result->key));
    crypt_base64(signature, sizeof(signature), result->signature, sizeof(result->signature));
    entry.values[ENTRY_RESULT_PUBLIC_COMMITMENT].text = public_commitment;
    entry.values[ENTRY_RESULT_PRIVATE_COMMITMENT].text = private_commitment;
    entry.values[ENTRY_RESULT_KEY].text = key;
    entry.values[ENTRY_RESULT_SIGNATURE].text = signature;
    entry.values[ENTRY_RESULT_FINISHED].text = finished;
    bool ok = store_append(store, &line, &entry, subject->competition, subject->number, err);
    *place = entry.index;
    return ok;
}

static bool insert_result(struct store *store, const struct store_complete *call,
                          const struct store_job *job, const struct value *value, int64_t place,
                          struct err *err)
{
    const struct wire_result *result = call->result;

    return db_run(store->db, DB_RESULT_INSERT, err, db_int(job->submission),
                  db_int(job->label_version), db_int(job->rules_version), db_int(result->outcome),
                  db_blob(call->digest, sizeof(call->digest)), db_int((int64_t)result->rows),
                  db_int_or_null(value->is_there, value->bits), db_text(wire_text(value->text)),
                  db_blob(result->scorecard.data, result->scorecard.size),
                  db_blob(result->sealed.data, result->sealed.size),
                  db_int((int64_t)result->n_problems),
                  db_blob(result->problems.data, result->problems.size), db_text(result->worker),
                  db_text(result->build), db_int(call->now_ms),
                  db_blob(result->public_commitment, sizeof(result->public_commitment)),
                  db_blob(result->private_commitment, sizeof(result->private_commitment)),
                  db_int(place),
                  db_int_or_null(value->is_there && result->outcome == OUTCOME_SCORED,
                                 value->sort_key)) &&
           keep_attestation(store, call, job, err);
}

/* Puts the score on the public board where it is the team's best. */
static bool rank(struct store *store, struct store_complete *call,
                 const struct store_subject *subject, const struct value *value, struct err *err)
{
    struct db *db = store->db;
    bool has_row;

    if (!db_run(db, DB_BEST_PUT, err, db_int(subject->competition), db_int(STORE_PUBLIC),
                db_int(subject->team), db_int(value->sort_key), db_int(subject->received_ms),
                db_int(subject->number))) {
        return false;
    }
    if (db_changes(db) == 0) {
        return true;
    }
    if (!db_find(db, DB_BOARD_CHANGED, &has_row, err, db_int(subject->competition),
                 db_int(call->now_ms), db_int(subject->board_state))) {
        return false;
    }
    call->changed.is_best = true;
    call->changed.sort_key = value->sort_key;
    call->changed.board_version = db_column_int(db, DB_BOARD_CHANGED, 0);
    call->changed.board_changed_ms = call->now_ms;
    return true;
}

static bool record_score(struct store *store, struct store_complete *call,
                         const struct store_job *job, const struct store_subject *subject,
                         struct err *err)
{
    struct value value = value_of(call->result, subject);
    bool is_scored = call->result->outcome == OUTCOME_SCORED;
    bool is_ranked = is_scored && value.is_there;
    int64_t place;
    int n_open = subject->state == SUBMISSION_FAILED ? 0 : -1; /* parked: no longer counted */

    call->changed = store_changed_of(subject);
    if (!append_result(store, call, job, subject, &value, &place, err) ||
        !insert_result(store, call, job, &value, place, err) ||
        !db_run(store->db, DB_SUBMISSION_SCORED, err, db_int(job->submission),
                db_int(is_scored ? SUBMISSION_SCORED : SUBMISSION_INVALID),
                db_int_or_null(is_ranked, value.sort_key), db_int(job->label_version)) ||
        !store_count(store, subject->team, subject->received_ms, n_open, is_scored, err)) {
        return false;
    }
    /* while labels are corrected the board waits until all is scored under the new ones */
    return !is_ranked || job->label_version != subject->label_version ||
           rank(store, call, subject, &value, err);
}

/* ---- under a further version of the labels: recorded beside the old ---- */

static bool record_corrected(struct store *store, const struct store_complete *call,
                             const struct store_job *job, const struct store_subject *subject,
                             struct err *err)
{
    struct value value = value_of(call->result, subject);
    int64_t place;

    return append_result(store, call, job, subject, &value, &place, err) &&
           insert_result(store, call, job, &value, place, err);
}

/* ---- a re-score: compared, never recorded ---- */

/* What is not equal, said without any private number; NULL where all is. */
static const char *compare(struct store *store, char text[static STORE_TEXT_SIZE],
                           const struct store_complete *call, const struct value *value)
{
    struct db *db = store->db;
    uint8_t digest[STORE_DIGEST_BYTES];
    struct wire_bytes score = db_column_bytes(db, DB_RESULT_ROW, 2);
    struct wire_bytes scorecard = db_column_bytes(db, DB_RESULT_ROW, 3);
    struct wire_bytes sealed = db_column_bytes(db, DB_RESULT_ROW, 4);
    const struct wire_result *result = call->result;

    db_column_copy(db, DB_RESULT_ROW, 0, digest, sizeof(digest));
    if (memcmp(digest, call->digest, sizeof(digest)) == 0) {
        return NULL;
    }
    if (db_column_int(db, DB_RESULT_ROW, 5) != result->outcome) {
        snprintf(text, STORE_TEXT_SIZE, "the file is now %s",
                 result->outcome == OUTCOME_SCORED ? "valid" : "invalid");
    } else if (db_column_is_null(db, DB_RESULT_ROW, 1) == value->is_there ||
               db_column_int(db, DB_RESULT_ROW, 1) != value->bits) {
        snprintf(text, STORE_TEXT_SIZE, "public score %.*s is now %s", (int)score.size,
                 (const char *)score.data, value->text);
    } else if (scorecard.size != result->scorecard.size ||
               memcmp(scorecard.data, result->scorecard.data, scorecard.size) != 0) {
        snprintf(text, STORE_TEXT_SIZE, "public scorecard differs");
    } else if (sealed.size != result->sealed.size ||
               memcmp(sealed.data, result->sealed.data, sealed.size) != 0) {
        snprintf(text, STORE_TEXT_SIZE, "sealed part differs");
    } else {
        snprintf(text, STORE_TEXT_SIZE, "rows or problems differ");
    }
    return text;
}

static bool record_rescore(struct store *store, struct store_complete *call,
                           const struct store_job *job, const struct store_subject *subject,
                           struct err *err)
{
    struct value value = value_of(call->result, subject);
    char text[STORE_TEXT_SIZE];
    bool has_row;

    if (!db_find(store->db, DB_RESULT_ROW, &has_row, err, db_int(job->submission),
                 db_int(job->label_version), db_int(job->rules_version))) {
        return false;
    }
    if (!has_row) {
        return err_set(err, ERR_STORE, "submission %lld has no result", (long long)job->submission);
    }
    const char *difference = compare(store, text, call, &value);
    if (difference == NULL && !keep_attestation(store, call, job, err)) {
        return false;
    }
    if (difference != NULL && !db_run(store->db, DB_ALARM_INSERT, err, db_int(job->number),
                                      db_blob(call->digest, sizeof(call->digest)),
                                      db_text(wire_text(difference)), db_int(call->now_ms))) {
        return false;
    }
    return db_run(store->db, DB_RESCORED_INSERT, err, db_int(job->run), db_int(job->submission),
                  db_blob(call->result->key, sizeof(call->result->key)),
                  db_blob(call->result->public_commitment, COMMITMENT_BYTES),
                  db_blob(call->result->private_commitment, COMMITMENT_BYTES)) &&
           store_run_count(store, job, false, difference, err);
}

/* ---- an opened private part ---- */

/* The scores as they were committed to, by what the worker says. */
static bool read_opening(struct opening *opening, const struct store_complete *call,
                         const struct store_job *job, const struct store_subject *subject)
{
    const struct wire_result *result = call->result;
    char value[DOUBLE_TEXT_SIZE] = "";

    if (result->public_score.size >= OPENING_SCORE_SIZE ||
        result->private_score.size >= OPENING_SCORE_SIZE) {
        return false;
    }
    opening->labels = (uint32_t)job->label_version;
    hex_text(opening->submission, subject->id, sizeof(subject->id));
    wire_text_copy(opening->public_score, OPENING_SCORE_SIZE, result->public_score);
    wire_text_copy(opening->private_score, OPENING_SCORE_SIZE, result->private_score);
    if (result->has_value != 0) {
        double_text(value, result->value);
    }
    return strcmp(value, opening->private_score) == 0;
}

/* That the seed is the one of the genesis entry, and the result's commitments open with it. */
static bool check_opening(struct store *store, const struct store_complete *call,
                          const struct store_job *job, const struct store_subject *subject,
                          struct opening *opening, bool *is_good, struct err *err)
{
    struct db *db = store->db;
    char competition[STORE_COMPETITION_SIZE];
    char metric[48];
    uint8_t hashes[3][SHA256_BYTES];
    uint8_t seed[SHA256_BYTES];
    uint8_t seed_sha256[SHA256_BYTES];
    const struct opening_subject parts = {.competition = competition,
                                          .metric = metric,
                                          .file_sha256 = hashes[0],
                                          .public_commitment = hashes[1],
                                          .private_commitment = hashes[2]};

    if (!db_find(db, DB_COMPETITION_KEYS, is_good, err, db_int(subject->competition))) {
        return false;
    }
    db_column_copy(db, DB_COMPETITION_KEYS, 1, seed_sha256, sizeof(seed_sha256));
    if (!db_find(db, DB_COMMITTED_ROW, is_good, err, db_int(job->submission),
                 db_int(job->label_version), db_int(job->rules_version))) {
        return false;
    }
    wire_text_copy(competition, sizeof(competition), db_column_bytes(db, DB_COMMITTED_ROW, 0));
    wire_text_copy(metric, sizeof(metric), db_column_bytes(db, DB_COMMITTED_ROW, 1));
    for (int i = 0; i < 3; i++) {
        db_column_copy(db, DB_COMMITTED_ROW, 2 + i, hashes[i], sizeof(hashes[i]));
    }
    sha256_of(seed, call->result->score_seed, sizeof(call->result->score_seed));
    *is_good = *is_good && memcmp(seed, seed_sha256, sizeof(seed)) == 0 &&
               read_opening(opening, call, job, subject) &&
               opening_fits(opening, &parts, call->result->score_seed);
    return true;
}

static bool record_opened(struct store *store, struct store_complete *call,
                          const struct store_job *job, const struct store_subject *subject,
                          struct err *err)
{
    struct value value = value_of(call->result, subject);
    const struct wire_bytes *scorecard = &call->result->scorecard;
    struct opening opening = {.labels = 0};
    bool is_good;

    if (!check_opening(store, call, job, subject, &opening, &is_good, err)) {
        return false;
    }
    if (!is_good) {
        call->outcome = STORE_MISFIT;
        return true;
    }
    call->changed = store_changed_of(subject);
    return db_run(store->db, DB_OPENED_INSERT, err, db_int(job->submission),
                  db_int(job->label_version), db_int(job->rules_version),
                  db_int_or_null(value.is_there, value.bits),
                  db_int_or_null(value.is_there, value.sort_key), db_text(wire_text(value.text)),
                  db_blob(scorecard->data, scorecard->size),
                  db_text(wire_text(opening.public_score)),
                  db_text(wire_text(opening.private_score))) &&
           db_run(store->db, DB_SCORE_SEED_PUT, err, db_int(subject->competition),
                  db_blob(call->result->score_seed, sizeof(call->result->score_seed)));
}

/* What has to wait until the job is gone. */
static bool settle(struct store *store, struct store_complete *call, const struct store_job *job,
                   struct err *err)
{
    switch (job->kind) {
    case JOB_SCORE:
        return true;
    case JOB_RESCORE:
        return store_run_settle(store, job->run, call->now_ms, err);
    case JOB_CORRECT:
        return store_correction_settle(store, &call->changed, job->competition, call->now_ms, err);
    case JOB_OPEN:
        call->changed.board_changed_ms = call->now_ms;
        return store_reveal_settle(store, job->competition, call->now_ms,
                                   &call->changed.is_revealed, &call->changed.board_version, err);
    }
    return false;
}

static bool record(struct store *store, struct store_complete *call, const struct store_job *job,
                   struct err *err)
{
    struct store_subject subject;
    bool is_signed = true;
    bool ok = false;

    if (!store_subject(store, &subject, job->submission, err) ||
        (job->kind != JOB_OPEN && !check_signature(store, call, job, &subject, &is_signed, err))) {
        return false;
    }
    if (!is_signed) {
        call->outcome = STORE_MISFIT;
        return true;
    }
    switch (job->kind) {
    case JOB_SCORE:
        ok = record_score(store, call, job, &subject, err);
        break;
    case JOB_RESCORE:
        ok = record_rescore(store, call, job, &subject, err);
        break;
    case JOB_OPEN:
        ok = record_opened(store, call, job, &subject, err);
        break;
    case JOB_CORRECT:
        ok = record_corrected(store, call, job, &subject, err);
        break;
    }
    CRASHPOINT("result recorded, job not finished");
    return ok && (call->outcome == STORE_MISFIT ||
                  (finish_job(store, call, job, err) && settle(store, call, job, err)));
}

bool store_do_complete(struct store *store, struct store_complete *call, struct err *err)
{
    const struct wire_result *result = call->result;
    struct store_job job;
    bool is_there;

    call->changed = (struct store_changed){0};
    if (!store_job_row(store, &job, &is_there, (int64_t)result->job_id, err)) {
        return false;
    }
    if (!is_there) {
        return answer_finished(store, call, err);
    }
    /* A lease that ran out still holds while nobody else claimed the job: the fence decides. */
    if (job.fence != (int64_t)result->fence || job.fence == 0) {
        call->outcome = STORE_STALE;
        return true;
    }
    if ((job.kind == JOB_OPEN) != (result->outcome == OUTCOME_OPENED)) {
        call->outcome = STORE_MISFIT;
        return true;
    }
    call->outcome = STORE_DONE;
    return record(store, call, &job, err);
}
