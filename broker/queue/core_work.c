/* SPDX-License-Identifier: MIT */
/*
 * Workers: claims that are held open until there is work, leases, results, failures, and what the
 * clock does to them.
 */
#include "broker/queue/inside.h"

#include <math.h>
#include <string.h>

#include "common/crashpoint.h"
#include "common/crypt.h"
#include "common/text.h"

enum {
    EXPIRE_MS = 1000,
    MEASURE_MS = 2000,
    NO_JOB_RETRY_MS = 100,
    CLAIM_WAIT_MAX_MS = 60000,
    SCORER_GONE_MS = 90000,   /* longer than a claim waits */
    AVOID_MS = 60000,         /* a re-score waits so long for another worker */
    PENDING_SHARED_MAX = 128, /* half a batch: what is given now is in the next commit */
};

/* Printable ASCII without quotes: what an entry of the log can hold. */
static bool is_name(struct wire_bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < 0x20 || text.data[i] > 0x7e || text.data[i] == '"' ||
            text.data[i] == '\\') {
            return false;
        }
    }
    return text.size > 0;
}

uint32_t core_workers(const struct core *core)
{
    return (uint32_t)core->n_waiters;
}

/* ---- claims ---- */

static void waiter_remove(struct core *core, size_t at)
{
    core->n_waiters--;
    memmove(core->waiters + at, core->waiters + at + 1,
            (core->n_waiters - at) * sizeof(core->waiters[0]));
}

bool core_is_same_peer(const struct channel_peer *a, const struct channel_peer *b)
{
    return a->size == b->size && a->door == b->door && memcmp(a->id, b->id, a->size) == 0;
}

/* A peer waits once: its next claim takes the place of the one before. */
static void forget_peer(struct core *core, const struct channel_peer *peer)
{
    for (size_t i = 0; i < core->n_waiters; i++) {
        if (core_is_same_peer(&core->waiters[i].peer, peer)) {
            waiter_remove(core, i);
            return;
        }
    }
}

static bool reply_no_job(struct core *core, const struct core_request *request, struct err *err)
{
    struct wire_message reply = {.type = WIRE_NO_JOB};

    reply.no_job.retry_ms = NO_JOB_RETRY_MS;
    return core_reply(core, request, &reply, err);
}

/* Nothing to do: the claim waits, or is answered where its time is over. */
static bool wait_or_answer(struct core *core, struct core_request *request,
                           const struct core_now *now, struct err *err)
{
    if (request->deadline_boot_ms <= now->boot_ms || core->n_waiters == WAITERS_MAX) {
        return reply_no_job(core, request, err);
    }
    struct waiter *waiter = &core->waiters[core->n_waiters++];
    *waiter = (struct waiter){.peer = request->peer,
                              .request_id = request->request_id,
                              .deadline_boot_ms = request->deadline_boot_ms};
    memcpy(waiter->worker, request->text, sizeof(waiter->worker));
    memcpy(waiter->key, request->message.claim.key, sizeof(waiter->key));
    return true;
}

static bool finish_claim(struct core *core, struct core_request *request,
                         const struct core_now *now, struct err *err)
{
    struct store_claim *claim = &request->call.claim;
    struct wire_message reply = {.type = WIRE_JOB, .job = claim->job};

    if (claim->outcome == STORE_EMPTY) {
        return wait_or_answer(core, request, now, err);
    }
    if (claim->outcome != STORE_DONE) {
        return core_refuse_store(core, request, claim->outcome, err);
    }
    CRASHPOINT("job claimed, worker not told");
    reply.job.submission = wire_text(claim->submission);
    reply.job.competition = wire_text(claim->competition);
    reply.job.sealed = wire_buffer_bytes(&claim->sealed);
    if (!core_reply(core, request, &reply, err)) {
        return false;
    }
    struct core_effect *sent = &core->effects[core->n_effects - 1];
    sent->job = (int64_t)claim->job.job_id;
    sent->fence = (int64_t)claim->job.fence;
    if (claim->job.kind == JOB_SCORE) {
        pace_claimed(&core->pace, sent->job, sent->fence, now->boot_ms);
    }
    return core_note_changed(core, &claim->changed, err);
}

/* Spreads the re-scores' share evenly: true for so many claims of a hundred. */
static bool is_turn_of_rescore(const struct core *core)
{
    uint64_t percent = (uint64_t)core->settings.rescore_percent;

    return core->n_claims * percent / 100 != (core->n_claims - 1) * percent / 100;
}

static void note_scorer(struct scorers *scorers, const uint8_t key[static CRYPT_PUBLIC_KEY_BYTES],
                        int64_t boot_ms)
{
    size_t oldest = 0;

    for (size_t i = 0; i < scorers->n; i++) {
        if (memcmp(scorers->seen[i].key, key, CRYPT_PUBLIC_KEY_BYTES) == 0) {
            scorers->seen[i].seen_boot_ms = boot_ms;
            return;
        }
        if (scorers->seen[i].seen_boot_ms < scorers->seen[oldest].seen_boot_ms) {
            oldest = i;
        }
    }
    size_t at = scorers->n < SCORERS_MAX ? scorers->n++ : oldest;
    memcpy(scorers->seen[at].key, key, CRYPT_PUBLIC_KEY_BYTES);
    scorers->seen[at].seen_boot_ms = boot_ms;
}

static bool is_alone(const struct scorers *scorers, int64_t boot_ms)
{
    size_t n = 0;

    for (size_t i = 0; i < scorers->n; i++) {
        n += scorers->seen[i].seen_boot_ms > boot_ms - SCORER_GONE_MS;
    }
    return n <= 1;
}

/* Sends a claim to the store; the request knows its peer, worker name and deadline. */
static bool store_claim(struct core *core, struct core_request *request, const struct core_now *now,
                        struct err *err)
{
    request->finish = finish_claim;
    request->call.kind = CALL_CLAIM;
    core->n_claims++;
    note_scorer(&core->scorers, request->message.claim.key, now->boot_ms);
    request->call.claim = (struct store_claim){
        .worker = wire_text(request->text),
        .is_rescore_first = is_turn_of_rescore(core),
        .avoid_until_ms =
            is_alone(&core->scorers, now->boot_ms) ? INT64_MAX : now->wall_ms - AVOID_MS,
        .lease_until_boot_ms = now->boot_ms + core->settings.lease_ms,
        .lease_ms = (uint32_t)core->settings.lease_ms};
    memcpy(request->call.claim.key, request->message.claim.key, CRYPT_PUBLIC_KEY_BYTES);
    return core_store(core, request, err);
}

bool core_begin_claim(struct core *core, struct core_request *request, const struct core_now *now,
                      struct err *err)
{
    const struct wire_claim *message = &request->message.claim;
    uint32_t wait_ms = message->wait_ms > CLAIM_WAIT_MAX_MS ? CLAIM_WAIT_MAX_MS : message->wait_ms;

    if (!is_name(message->worker)) {
        return core_refuse(core, request, REFUSAL_BAD_REQUEST, err,
                           "a worker's name is printable ASCII without quotes");
    }
    forget_peer(core, &request->peer);
    wire_text_copy(request->text, WORKER_NAME_SIZE, message->worker);
    request->deadline_boot_ms = now->boot_ms + wait_ms;
    return store_claim(core, request, now, err);
}

/* Sends the claim of the one that waits longest. */
static bool wake_first(struct core *core, bool is_urgent, const struct core_now *now,
                       struct err *err)
{
    const struct waiter *waiter = &core->waiters[0];
    struct core_request *request = core_request_new();

    if (request == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for a request");
    }
    request->has_peer = true;
    request->is_urgent = is_urgent;
    request->side = CORE_WORKERS;
    request->peer = waiter->peer;
    request->request_id = waiter->request_id;
    request->message.type = WIRE_CLAIM;
    request->deadline_boot_ms = waiter->deadline_boot_ms;
    memcpy(request->text, waiter->worker, sizeof(waiter->worker));
    memcpy(request->message.claim.key, waiter->key, sizeof(waiter->key));
    waiter_remove(core, 0);
    if (!store_claim(core, request, now, err)) {
        core_request_free(request);
        return false;
    }
    return true;
}

bool core_wake(struct core *core, size_t n_jobs, const struct core_now *now, struct err *err)
{
    for (; n_jobs > 0 && core->n_waiters > 0; n_jobs--) {
        if (!wake_first(core, true, now, err)) {
            return false;
        }
    }
    return true;
}

bool core_wake_behind(bool *is_woken, struct core *core, const struct core_now *now,
                      struct err *err)
{
    *is_woken = core->n_waiters > 0 && core->n_pending <= PENDING_SHARED_MAX;
    return !*is_woken || wake_first(core, false, now, err);
}

/* ---- a job that nobody got ---- */

static bool finish_release(struct core *core, struct core_request *request,
                           const struct core_now *now, struct err *err)
{
    return request->call.release.outcome != STORE_DONE || core_wake(core, 1, now, err);
}

void core_unsent(struct core *core, int64_t job, int64_t fence, const struct core_now *now)
{
    struct core_request *request = core_request_new();
    struct err err;

    (void)now;
    if (request == NULL) {
        core_warn(core, "no memory: job %lld waits for its lease", (long long)job);
        return;
    }
    request->finish = finish_release;
    request->call.kind = CALL_RELEASE;
    request->call.release = (struct store_release){.job = job, .fence = fence};
    if (!core_store_own(core, request, &err)) {
        core_warn(core, "release: %s", err.text);
    }
}

/* ---- leases ---- */

static bool finish_renew(struct core *core, struct core_request *request,
                         const struct core_now *now, struct err *err)
{
    const struct store_renew *renew = &request->call.renew;
    struct wire_message reply = {.type = WIRE_RENEWED};

    (void)now;
    if (renew->outcome != STORE_DONE && renew->outcome != STORE_STALE) {
        return core_refuse_store(core, request, renew->outcome, err);
    }
    reply.renewed.job_id = (uint64_t)renew->job;
    reply.renewed.is_held = renew->outcome == STORE_DONE;
    reply.renewed.lease_ms = (uint32_t)core->settings.lease_ms;
    return core_reply(core, request, &reply, err);
}

bool core_begin_renew(struct core *core, struct core_request *request, const struct core_now *now,
                      struct err *err)
{
    const struct wire_renew *message = &request->message.renew;

    request->finish = finish_renew;
    request->call.kind = CALL_RENEW;
    request->call.renew =
        (struct store_renew){.job = (int64_t)message->job_id,
                             .fence = (int64_t)message->fence,
                             .lease_until_boot_ms = now->boot_ms + core->settings.lease_ms};
    return core_store(core, request, err);
}

/* ---- results ---- */

static bool reply_taken(struct core *core, const struct core_request *request, uint64_t job,
                        enum wire_verdict verdict, struct err *err)
{
    struct wire_message reply = {.type = WIRE_RESULT_TAKEN};

    reply.result_taken.job_id = job;
    reply.result_taken.verdict = (uint8_t)verdict;
    return core_reply(core, request, &reply, err);
}

/* A recorded result: boards in memory and hints follow; the last opened final brings the private
 * board. */
static bool note_result(struct core *core, const struct store_changed *changed, struct err *err)
{
    struct contest *contest = directory_contest_numbered(&core->directory, changed->competition);

    if (!core_note_changed(core, changed, err)) {
        return false;
    }
    CRASHPOINT("result on the board, worker not told");
    if (changed->is_corrected) {
        return core_load_corrected(core, changed, err);
    }
    if (!changed->is_revealed || contest == NULL) {
        return true;
    }
    contest->board_version = changed->board_version;
    contest->board_changed_ms = changed->board_changed_ms;
    return core_load_private(core, contest, err);
}

static bool finish_result(struct core *core, struct core_request *request,
                          const struct core_now *now, struct err *err)
{
    const struct store_complete *complete = &request->call.complete;
    uint64_t job = complete->result->job_id;

    if (complete->outcome == STORE_DONE) {
        pace_finished(&core->pace, (int64_t)job, (int64_t)complete->result->fence, now->boot_ms);
    }
    switch (complete->outcome) {
    case STORE_DONE:
        core->counts.n_recorded++;
        CRASHPOINT("result committed, worker not told");
        return note_result(core, &complete->changed, err) &&
               reply_taken(core, request, job, VERDICT_RECORDED, err);
    case STORE_REPEATED:
        return reply_taken(core, request, job, VERDICT_REPEATED, err);
    case STORE_STALE:
        core->counts.n_stale++;
        return reply_taken(core, request, job, VERDICT_STALE, err);
    case STORE_DIFFERENT:
        core->counts.n_different++;
        core_warn(core, "alarm: job=%llu got a second result that differs from the recorded one",
                  (unsigned long long)job);
        return reply_taken(core, request, job, VERDICT_DIFFERENT, err);
    case STORE_MISFIT:
        return core_refuse(core, request, REFUSAL_BAD_REQUEST, err,
                           "the result is not of this kind of job, or not signed by a worker that "
                           "the competition lists");
    case STORE_EMPTY:
    case STORE_CONFLICT:
    case STORE_QUOTA:
    case STORE_FULL:
    case STORE_FAILED:
        break;
    }
    return core_refuse_store(core, request, complete->outcome, err);
}

/* What makes two results the same: everything but who made it and when. */
static void digest_result(uint8_t digest[static STORE_DIGEST_BYTES],
                          const struct wire_result *result)
{
    struct {
        uint64_t outcome;
        uint64_t rows;
        uint64_t has_value;
        double value;
        uint64_t n_problems;
        uint8_t commitments[2][32];
        uint8_t parts[3][STORE_DIGEST_BYTES];
    } all = {.outcome = result->outcome,
             .rows = result->rows,
             .has_value = result->has_value != 0,
             .value = result->has_value != 0 ? result->value : 0.0,
             .n_problems = result->n_problems};
    const struct wire_bytes parts[] = {result->scorecard, result->sealed, result->problems};

    memcpy(all.commitments[0], result->public_commitment, sizeof(all.commitments[0]));
    memcpy(all.commitments[1], result->private_commitment, sizeof(all.commitments[1]));

    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        crypt_hash(all.parts[i], STORE_DIGEST_BYTES, parts[i].data, parts[i].size, NULL);
    }
    crypt_hash(digest, STORE_DIGEST_BYTES, &all, sizeof(all), NULL);
}

/* True when the list holds whole records; what is in them goes out to the team as it is. */
static bool are_problems(struct wire_bytes rest)
{
    struct wire_problem problem;
    enum wire_step step;

    do {
        step = wire_next(&problem, WIRE_PROBLEM, &rest);
    } while (step == WIRE_ITEM);
    return step == WIRE_LAST;
}

bool core_begin_result(struct core *core, struct core_request *request, const struct core_now *now,
                       struct err *err)
{
    const struct wire_result *message = &request->message.result;
    struct store_complete *complete = &request->call.complete;

    if (message->outcome > OUTCOME_OPENED || !is_name(message->worker) ||
        !is_name(message->build) || (message->has_value != 0 && !isfinite(message->value)) ||
        message->job_id > INT64_MAX || message->rows > INT64_MAX ||
        message->n_problems > INT64_MAX || !are_problems(message->problems)) {
        return core_refuse(core, request, REFUSAL_BAD_REQUEST, err, "this is no result");
    }
    request->finish = finish_result;
    request->call.kind = CALL_COMPLETE;
    *complete = (struct store_complete){.result = message, .now_ms = now->wall_ms};
    digest_result(complete->digest, message);
    return core_store(core, request, err);
}

static bool finish_failed(struct core *core, struct core_request *request,
                          const struct core_now *now, struct err *err)
{
    const struct store_fail *fail = &request->call.fail;

    (void)now;
    if (fail->outcome == STORE_STALE) {
        return reply_taken(core, request, (uint64_t)fail->job, VERDICT_STALE, err);
    }
    if (fail->outcome != STORE_DONE) {
        return core_refuse_store(core, request, fail->outcome, err);
    }
    core->counts.n_failed++;
    core_warn(core, "job=%lld failed%s: %.*s", (long long)fail->job,
              fail->is_parked ? " and is parked" : "", (int)fail->reason.size,
              (const char *)fail->reason.data);
    return core_note_changed(core, &fail->changed, err) &&
           reply_taken(core, request, (uint64_t)fail->job, VERDICT_RECORDED, err);
}

bool core_begin_failed(struct core *core, struct core_request *request, const struct core_now *now,
                       struct err *err)
{
    const struct wire_failed *message = &request->message.failed;

    request->finish = finish_failed;
    request->call.kind = CALL_FAIL;
    request->call.fail = (struct store_fail){.job = (int64_t)message->job_id,
                                             .fence = (int64_t)message->fence,
                                             .reason = message->reason,
                                             .now_boot_ms = now->boot_ms,
                                             .now_ms = now->wall_ms};
    return core_store(core, request, err);
}

/* ---- the clock ---- */

static bool finish_expire(struct core *core, struct core_request *request,
                          const struct core_now *now, struct err *err)
{
    const struct store_expire *expire = &request->call.expire;

    core->is_expiring = false;
    if (expire->outcome != STORE_DONE) {
        return true;
    }
    core->counts.n_lost += expire->n_lost;
    if (expire->n_lost > 0) {
        core_warn(core, "leases lost=%u parked=%u", expire->n_lost, expire->n_parked);
    }
    if (expire->n_expired > 0) {
        core_warn(core, "promises expired=%u", expire->n_expired);
    }
    if (expire->has_more) {
        core->expire_boot_ms = now->boot_ms;
    }
    return core_wake(core, expire->n_ready, now, err);
}

static bool finish_measure(struct core *core, struct core_request *request,
                           const struct core_now *now, struct err *err)
{
    (void)now;
    (void)err;
    core->is_measuring = false;
    if (request->call.stats.outcome == STORE_DONE) {
        core->oldest_ready_ms = request->call.stats.stats.oldest_ready_ms;
    }
    return true;
}

static bool start_expire(struct core *core, const struct core_now *now, struct err *err)
{
    struct core_request *request = core_request_new();

    if (request == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for a request");
    }
    request->finish = finish_expire;
    request->call.kind = CALL_EXPIRE;
    request->call.expire = (struct store_expire){.now_boot_ms = now->boot_ms,
                                                 .now_ms = now->wall_ms,
                                                 .promised_ms = now->wall_ms - RECEIVED_SKEW_MS};
    core->expire_boot_ms = now->boot_ms + EXPIRE_MS;
    core->is_expiring = core_store_own(core, request, err);
    return core->is_expiring;
}

static bool start_measure(struct core *core, const struct core_now *now, struct err *err)
{
    struct core_request *request = core_request_new();

    if (request == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for a request");
    }
    request->finish = finish_measure;
    request->call.kind = CALL_STATS;
    request->call.stats = (struct store_stats){.now_ms = now->wall_ms};
    core->measure_boot_ms = now->boot_ms + MEASURE_MS;
    core->is_measuring = core_store_own(core, request, err);
    return core->is_measuring;
}

static bool answer_waiters(struct core *core, const struct core_now *now, struct err *err)
{
    for (size_t i = 0; i < core->n_waiters;) {
        const struct waiter *waiter = &core->waiters[i];
        if (waiter->deadline_boot_ms > now->boot_ms) {
            i++;
            continue;
        }
        struct core_request request = {
            .side = CORE_WORKERS, .peer = waiter->peer, .request_id = waiter->request_id};
        if (!reply_no_job(core, &request, err)) {
            return false;
        }
        waiter_remove(core, i);
    }
    return true;
}

bool core_tick_work(struct core *core, const struct core_now *now, struct err *err)
{
    if (!answer_waiters(core, now, err)) {
        return false;
    }
    if (!core->is_expiring && now->boot_ms >= core->expire_boot_ms &&
        !start_expire(core, now, err)) {
        return false;
    }
    if (core->settings.ready_age_max_ms > 0 && !core->is_measuring &&
        now->boot_ms >= core->measure_boot_ms && !start_measure(core, now, err)) {
        return false;
    }
    for (size_t i = 0; i < core->directory.n_contests; i++) {
        struct contest *contest = core->directory.contests[i];
        if (contest->open_run != 0 && !core_plan(core, contest, now, err)) {
            return false;
        }
    }
    return true;
}
