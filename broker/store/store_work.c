/* SPDX-License-Identifier: MIT */
/*
 * Handing out work: claims, leases, lost leases and reported failures. The fence in the row decides
 * who may finish a job; the lease only bounds how long others wait for him.
 */
#include "broker/store/inside.h"

#include <string.h>

#include "common/crashpoint.h"
#include "common/text.h"

enum { EXPIRE_ROWS = 100, REASON_SIZE = 241 };

bool store_job_row(struct store *store, struct store_job *job, bool *is_there, int64_t number,
                   struct err *err)
{
    struct db *db = store->db;

    *job = (struct store_job){.number = number};
    if (!db_find(db, DB_JOB_ROW, is_there, err, db_int(number))) {
        return false;
    }
    if (*is_there) {
        *job = (struct store_job){
            .number = number,
            .kind = (enum wire_job_kind)db_column_int(db, DB_JOB_ROW, 0),
            .submission = db_column_int(db, DB_JOB_ROW, 1),
            .label_version = db_column_int(db, DB_JOB_ROW, 2),
            .rules_version = db_column_int(db, DB_JOB_ROW, 3),
            .run = db_column_int(db, DB_JOB_ROW, 4),
            .fence = db_column_int(db, DB_JOB_ROW, 5),
            .state = (enum job_state)db_column_int(db, DB_JOB_ROW, 6),
            .n_fails = db_column_int(db, DB_JOB_ROW, 7),
            .n_lost = db_column_int(db, DB_JOB_ROW, 8),
            .competition = db_column_int(db, DB_JOB_ROW, 9),
        };
    }
    return true;
}

bool store_subject(struct store *store, struct store_subject *subject, int64_t number,
                   struct err *err)
{
    struct db *db = store->db;
    bool has_row;

    *subject = (struct store_subject){.number = number};
    if (!db_find(db, DB_RESULT_CONTEXT, &has_row, err, db_int(number))) {
        return false;
    }
    if (!has_row) {
        return err_set(err, ERR_STORE, "no submission has number %lld", (long long)number);
    }
    *subject = (struct store_subject){
        .number = number,
        .competition = db_column_int(db, DB_RESULT_CONTEXT, 1),
        .team = db_column_int(db, DB_RESULT_CONTEXT, 2),
        .received_ms = db_column_int(db, DB_RESULT_CONTEXT, 3),
        .state = (enum wire_submission_state)db_column_int(db, DB_RESULT_CONTEXT, 4),
        .is_higher_better = db_column_int(db, DB_RESULT_CONTEXT, 5) != 0,
        .decimals = (int)db_column_int(db, DB_RESULT_CONTEXT, 6),
        .board_state = (enum wire_board_state)db_column_int(db, DB_RESULT_CONTEXT, 7),
        .board_version = db_column_int(db, DB_RESULT_CONTEXT, 8),
        .label_version = db_column_int(db, DB_RESULT_CONTEXT, 9),
    };
    db_column_copy(db, DB_RESULT_CONTEXT, 0, subject->id, sizeof(subject->id));
    return true;
}

struct store_changed store_changed_of(const struct store_subject *subject)
{
    struct store_changed changed = {
        .competition = subject->competition,
        .team = subject->team,
        .is_submission = true,
        .received_ms = subject->received_ms,
        .number = subject->number,
        .board_version = subject->board_version,
    };

    memcpy(changed.submission, subject->id, sizeof(changed.submission));
    return changed;
}

static bool move_submission(struct store *store, int64_t submission,
                            enum wire_submission_state state, struct wire_bytes reason,
                            struct err *err)
{
    return db_run(store->db, DB_SUBMISSION_MOVE, err, db_int(submission), db_int(state),
                  db_text(reason));
}

/* ---- claim and renew ---- */

/* Tries the lanes from `first` on; *is_there tells whether DB_JOB_CLAIM stands on a job. */
static bool claim_from(struct store *store, const struct store_claim *call, enum store_lane first,
                       bool *is_there, struct err *err)
{
    return db_find(store->db, DB_JOB_CLAIM, is_there, err, db_int(first),
                   db_int(call->lease_until_boot_ms), db_text(call->worker),
                   db_blob(call->key, sizeof(call->key)), db_int(call->avoid_until_ms));
}

/* Everything that the worker is told about the job that DB_JOB_CLAIM stands on. */
static bool fill_claim(struct store *store, struct store_claim *call, int64_t submission,
                       struct err *err)
{
    struct db *db = store->db;
    uint8_t id[STORE_ID_BYTES];
    bool has_row;

    if (!db_find(db, DB_JOB_CLAIMED, &has_row, err, db_int(submission),
                 db_int(call->job.label_version))) {
        return false;
    }
    if (!has_row) {
        return err_set(err, ERR_STORE, "no submission has number %lld", (long long)submission);
    }
    db_column_copy(db, DB_JOB_CLAIMED, 0, id, sizeof(id));
    hex_text(call->submission, id, sizeof(id));
    wire_text_copy(call->competition, sizeof(call->competition),
                   db_column_bytes(db, DB_JOB_CLAIMED, 1));
    db_column_copy(db, DB_JOB_CLAIMED, 2, call->job.sha256, sizeof(call->job.sha256));
    call->job.size_bytes = (uint64_t)db_column_int(db, DB_JOB_CLAIMED, 3);
    db_column_copy(db, DB_JOB_CLAIMED, 6, call->job.label_root, sizeof(call->job.label_root));
    db_column_copy(db, DB_JOB_CLAIMED, 7, call->job.label_set, sizeof(call->job.label_set));
    db_column_copy(db, DB_JOB_CLAIMED, 8, call->job.order, sizeof(call->job.order));
    call->job.lease_ms = call->lease_ms;
    memcpy(call->changed.submission, id, sizeof(id));
    call->changed.competition = db_column_int(db, DB_JOB_CLAIMED, 4);
    call->changed.team = db_column_int(db, DB_JOB_CLAIMED, 5);
    call->changed.is_submission = call->job.kind == JOB_SCORE;
    if (call->job.kind != JOB_OPEN) {
        return true;
    }
    if (!db_find(db, DB_JOB_SEALED, &has_row, err, db_int(submission),
                 db_int(call->job.label_version), db_int(call->job.rules_version))) {
        return false;
    }
    return !has_row || wire_buffer_set(&call->sealed, db_column_bytes(db, DB_JOB_SEALED, 0), err);
}

bool store_do_claim(struct store *store, struct store_claim *call, struct err *err)
{
    struct db *db = store->db;
    bool is_there = false;

    if (call->is_rescore_first && !claim_from(store, call, LANE_RESCORE, &is_there, err)) {
        return false;
    }
    if (!is_there && !claim_from(store, call, LANE_LIVE, &is_there, err)) {
        return false;
    }
    call->outcome = STORE_EMPTY;
    if (!is_there) {
        return true;
    }
    call->outcome = STORE_DONE;
    call->job.job_id = (uint64_t)db_column_int(db, DB_JOB_CLAIM, 0);
    call->job.fence = (uint64_t)db_column_int(db, DB_JOB_CLAIM, 1);
    call->job.kind = (uint8_t)db_column_int(db, DB_JOB_CLAIM, 2);
    call->job.label_version = (uint32_t)db_column_int(db, DB_JOB_CLAIM, 4);
    call->job.rules_version = (uint32_t)db_column_int(db, DB_JOB_CLAIM, 5);
    int64_t submission = db_column_int(db, DB_JOB_CLAIM, 3);
    if (!db_run(db, DB_LANE_MOVE, err, db_int(db_column_int(db, DB_JOB_CLAIM, 6)),
                db_int(db_column_int(db, DB_JOB_CLAIM, 7)))) {
        return false;
    }
    if (call->job.kind == JOB_SCORE &&
        !move_submission(store, submission, SUBMISSION_SCORING, wire_text(""), err)) {
        return false;
    }
    return fill_claim(store, call, submission, err);
}

bool store_do_renew(struct store *store, struct store_renew *call, struct err *err)
{
    if (!db_run(store->db, DB_JOB_RENEW, err, db_int(call->job), db_int(call->fence),
                db_int(call->lease_until_boot_ms))) {
        return false;
    }
    call->outcome = db_changes(store->db) > 0 ? STORE_DONE : STORE_STALE;
    return true;
}

bool store_do_release(struct store *store, struct store_release *call, struct err *err)
{
    struct store_job job = {0};
    bool is_there;

    if (!store_job_row(store, &job, &is_there, call->job, err) ||
        !db_run(store->db, DB_JOB_RELEASE, err, db_int(call->job), db_int(call->fence))) {
        return false;
    }
    call->outcome = db_changes(store->db) > 0 ? STORE_DONE : STORE_STALE;
    return call->outcome == STORE_STALE || job.kind != JOB_SCORE ||
           move_submission(store, job.submission, SUBMISSION_ACCEPTED, wire_text(""), err);
}

/* ---- what goes wrong ---- */

/*
 * A job that will not be tried again by itself: a submission is shown as failed with the reason and
 * costs no attempt; a re-score counts as failed in its run and goes away.
 */
static bool park(struct store *store, const struct store_job *job,
                 const struct store_subject *subject, const char *reason, int64_t now_ms,
                 struct err *err)
{
    switch (job->kind) {
    case JOB_SCORE:
        return move_submission(store, job->submission, SUBMISSION_FAILED, wire_text(reason), err) &&
               store_count(store, subject->team, subject->received_ms, -1, 0, err);
    case JOB_RESCORE:
        return store_run_count(store, job, true, reason, err) &&
               db_run(store->db, DB_JOB_DELETE, err, db_int(job->number)) &&
               store_run_settle(store, job->run, now_ms, err);
    case JOB_OPEN:
    case JOB_CORRECT:
        return true; /* until the organizer asks again */
    }
    return err_set(err, ERR_STORE, "job %lld has no kind", (long long)job->number);
}

/* After a job went back: its submission waits again, or is parked. */
static bool settle(struct store *store, const struct store_job *job, bool is_parked,
                   const char *reason, int64_t now_ms, struct store_changed *changed,
                   struct err *err)
{
    struct store_subject subject;

    if (!store_subject(store, &subject, job->submission, err)) {
        return false;
    }
    *changed = store_changed_of(&subject);
    changed->is_submission = job->kind == JOB_SCORE;
    if (is_parked) {
        return park(store, job, &subject, reason, now_ms, err);
    }
    return job->kind != JOB_SCORE ||
           move_submission(store, job->submission, SUBMISSION_ACCEPTED, wire_text(""), err);
}

bool store_do_fail(struct store *store, struct store_fail *call, struct err *err)
{
    struct store_job job;
    char reason[REASON_SIZE];
    bool is_there;

    if (!store_job_row(store, &job, &is_there, call->job, err)) {
        return false;
    }
    call->outcome = STORE_STALE;
    if (!is_there || job.fence != call->fence || job.state != JOB_LEASED) {
        return true;
    }
    call->outcome = STORE_DONE;
    wire_text_copy(reason, sizeof(reason), call->reason);
    err_make_printable(reason);
    call->is_parked = job.n_fails + 1 >= STORE_FAILS_MAX;
    CRASHPOINT("failure reported, not counted");
    int64_t due_boot_ms = call->now_boot_ms + STORE_RETRY_DELAY_MS * (job.n_fails + 1);
    return db_run(store->db, DB_JOB_FAIL, err, db_int(job.number),
                  db_int(call->is_parked ? JOB_PARKED : JOB_DELAYED), db_int(due_boot_ms),
                  db_text(wire_text(reason))) &&
           settle(store, &job, call->is_parked, reason, call->now_ms, &call->changed, err);
}

bool store_do_retry(struct store *store, struct store_retry *call, struct err *err)
{
    struct store_subject subject;
    bool has_row;

    if (!db_find(store->db, DB_SUBMISSION_BY_ID, &has_row, err,
                 db_blob(call->id, sizeof(call->id)))) {
        return false;
    }
    call->outcome = STORE_EMPTY;
    if (!has_row) {
        return true;
    }
    if (!store_subject(store, &subject, db_column_int(store->db, DB_SUBMISSION_BY_ID, 0), err)) {
        return false;
    }
    call->outcome = STORE_REPEATED;
    if (subject.state != SUBMISSION_FAILED) {
        return true;
    }
    call->outcome = STORE_DONE;
    call->changed = store_changed_of(&subject);
    return db_run(store->db, DB_JOB_RETRY, err, db_int(subject.number), db_int(call->now_ms)) &&
           move_submission(store, subject.number, SUBMISSION_ACCEPTED, wire_text(""), err) &&
           store_count(store, subject.team, subject.received_ms, 1, 0, err);
}

static bool lose(struct store *store, struct store_expire *call, int64_t number, struct err *err)
{
    static const char reason[] = "its lease was lost too often";
    struct store_changed changed;
    struct store_job job;
    bool is_there;

    if (!store_job_row(store, &job, &is_there, number, err)) {
        return false;
    }
    if (!is_there) {
        return err_set(err, ERR_STORE, "job %lld went away", (long long)number);
    }
    bool is_parked = job.n_lost + 1 >= STORE_LOST_MAX;
    CRASHPOINT("leases found lost, not taken back");
    call->n_lost++;
    call->n_parked += is_parked;
    return db_run(store->db, DB_JOB_LOSE, err, db_int(number),
                  db_int(is_parked ? JOB_PARKED : JOB_READY),
                  db_text(wire_text(is_parked ? reason : ""))) &&
           settle(store, &job, is_parked, reason, call->now_ms, &changed, err);
}

bool store_do_expire(struct store *store, struct store_expire *call, struct err *err)
{
    struct db *db = store->db;
    int64_t numbers[EXPIRE_ROWS];
    bool is_lease[EXPIRE_ROWS];
    size_t n_due = 0;
    bool has_row;

    call->n_lost = 0;
    call->n_parked = 0;
    call->n_ready = 0;
    if (!store_expire_promises(store, &call->n_expired, call->promised_ms, EXPIRE_ROWS, err)) {
        return false;
    }
    if (!db_find(db, DB_JOB_DUE, &has_row, err, db_int(call->now_boot_ms), db_int(EXPIRE_ROWS))) {
        return false;
    }
    while (has_row && n_due < EXPIRE_ROWS) {
        numbers[n_due] = db_column_int(db, DB_JOB_DUE, 0);
        is_lease[n_due++] = db_column_int(db, DB_JOB_DUE, 1) == JOB_LEASED;
        if (!db_row(db, DB_JOB_DUE, &has_row, err)) {
            return false;
        }
    }
    call->outcome = n_due + call->n_expired > 0 ? STORE_DONE : STORE_EMPTY;
    call->has_more = n_due == EXPIRE_ROWS || call->n_expired == EXPIRE_ROWS;
    for (size_t i = 0; i < n_due; i++) {
        bool ok = is_lease[i] ? lose(store, call, numbers[i], err)
                              : db_run(db, DB_JOB_READY, err, db_int(numbers[i]));
        if (!ok) {
            return false;
        }
        call->n_ready++;
    }
    return true;
}
