/* SPDX-License-Identifier: MIT */
/*
 * Submissions: asked for, committed, read, chosen; and their receipts. The receipt is signed after
 * the commit and before the answer.
 */
#include "broker/queue/inside.h"

#include <stdio.h>
#include <string.h>

#include "common/crashpoint.h"
#include "common/text.h"

enum { LIST_ROWS_MAX = 1000 };

bool core_find_own_contest(struct core *core, struct core_request *request, struct wire_bytes id,
                           bool *is_found, struct err *err)
{
    if (!core_find_contest(core, request, id, is_found, err) || !*is_found) {
        return !*is_found;
    }
    const struct team *team = request->account->team;
    *is_found = team != NULL && team->contest == request->contest;
    return *is_found || core_refuse(core, request, REFUSAL_NOT_ALLOWED, err,
                                    "this token is of no team in this competition");
}

const char *core_closed_reason(const struct contest *contest, int64_t at_ms)
{
    const struct competition *rules = &contest->rules;

    if (contest->board_state >= BOARD_REVEALING) {
        return "the competition is over: its final board is out";
    }
    if (rules->opens_ms != CONF_NULL && at_ms < rules->opens_ms) {
        return "the competition is not open yet";
    }
    if (rules->closes_ms != CONF_NULL && at_ms > rules->closes_ms) {
        return "the competition is closed";
    }
    return NULL;
}

bool core_refuse_quota(struct core *core, const struct core_request *request,
                       const struct core_now *now, struct err *err)
{
    char resets[TIME_TEXT_SIZE];

    if (request->quota->remaining_total == 0) {
        return core_refuse(core, request, REFUSAL_QUOTA, err,
                           "no submission is left in total (limit %lld); one that turns out "
                           "invalid gives its place back",
                           (long long)request->contest->rules.limits.total);
    }
    time_text(resets, request->quota->resets_at_ms);
    return core_refuse_later(core, request, REFUSAL_QUOTA,
                             request->quota->resets_at_ms - now->wall_ms, err,
                             "no submission is left today (limit %lld a day); they return at %s",
                             (long long)request->contest->rules.limits.per_day, resets);
}

bool core_refuse_expired(struct core *core, const struct core_request *request, int64_t until_ms,
                         struct err *err)
{
    char until[TIME_TEXT_SIZE];

    time_text(until, until_ms);
    return core_refuse(core, request, REFUSAL_EXPIRED, err,
                       "the promise has expired: its bytes were taken until %s", until);
}

bool core_refuse_full(struct core *core, const struct core_request *request, struct err *err)
{
    return core_refuse(core, request, REFUSAL_BUSY, err,
                       "too much is waiting; try again in a moment");
}

/* ---- before the bytes ---- */

static bool finish_submit_begin(struct core *core, struct core_request *request,
                                const struct core_now *now, struct err *err)
{
    const struct store_quota_get *get = &request->call.quota_get;
    uint64_t bytes_max = (uint64_t)request->contest->rules.limits.file_bytes;
    struct wire_message reply = {.type = WIRE_SUBMIT_ALLOWED};
    const char *closed = core_closed_reason(request->contest, now->wall_ms);
    uint64_t size = request->message.submit_begin.size_bytes;
    char promised[2 * STORE_ID_BYTES + 1];

    if (get->outcome == STORE_FULL || get->outcome == STORE_FAILED) {
        return core_refuse_store(core, request, get->outcome, err);
    }
    request->quota = &get->quota;
    if (closed != NULL && get->outcome != STORE_REPEATED) {
        return core_refuse(core, request, REFUSAL_CLOSED, err, "%s", closed);
    }
    if (get->outcome == STORE_QUOTA) {
        return core_refuse_quota(core, request, now, err);
    }
    if (core_is_expired(&get->upload, now)) {
        return core_refuse_expired(core, request, get->upload.until_ms, err);
    }
    if (size != UINT64_MAX && size > bytes_max) {
        return core_refuse(core, request, REFUSAL_TOO_LARGE, err,
                           "file has %llu bytes, limit is %llu", (unsigned long long)size,
                           (unsigned long long)bytes_max);
    }
    if (core_is_behind(core) && !core_is_hurried(&get->upload, now, core->settings.promise_ms)) {
        return core_refuse_full(core, request, err);
    }
    reply.submit_allowed.bytes_max = bytes_max;
    reply.submit_allowed.remaining_today = get->quota.remaining_today;
    reply.submit_allowed.remaining_total = get->quota.remaining_total;
    reply.submit_allowed.resets_at_ms = get->quota.resets_at_ms;
    if (get->upload.state == SUBMISSION_RECEIVING) {
        hex_text(promised, get->upload.id, sizeof(get->upload.id));
        reply.submit_allowed.promised = wire_text(promised);
        reply.submit_allowed.size_bytes = (uint64_t)get->upload.size_bytes;
        reply.submit_allowed.until_ms = get->upload.until_ms;
        memcpy(reply.submit_allowed.sha256, get->upload.sha256, SHA256_BYTES);
    }
    return core_reply(core, request, &reply, err);
}

bool core_begin_submit_begin(struct core *core, struct core_request *request,
                             const struct core_now *now, struct err *err)
{
    const struct wire_submit_begin *message = &request->message.submit_begin;
    struct store_quota_get *get = &request->call.quota_get;
    bool is_found;

    if (!core_find_own_contest(core, request, message->competition, &is_found, err) || !is_found) {
        return !is_found;
    }
    if (core_is_full(core)) {
        return core_refuse_full(core, request, err);
    }
    request->finish = finish_submit_begin;
    request->call.kind = CALL_QUOTA_GET;
    *get = (struct store_quota_get){.competition = request->contest->number,
                                    .team = request->account->team->number,
                                    .now_ms = now->wall_ms};
    memcpy(get->key, message->key, sizeof(get->key));
    return core_store(core, request, err);
}

/* ---- the bytes are there ---- */

static bool reply_accepted(struct core *core, const struct core_request *request, struct err *err)
{
    const struct store_submit *submit = &request->call.submit;
    struct wire_message reply = {.type = WIRE_SUBMIT_ACCEPTED};
    char minisig[RECEIPT_SIGNATURE_SIZE];
    char texts[ENTRY_SIZE];
    struct entry entry;

    if (!entry_read(&entry, texts, submit->entry, submit->entry_size, err)) {
        return false;
    }
    CRASHPOINT("submission committed, not signed");
    receipt_sign(minisig, &core->keys->receipt, submit->entry, submit->entry_size);
    CRASHPOINT("submission signed, not answered");
    reply.submit_accepted.submission = wire_text(entry.values[ENTRY_SUBMISSION_ID].text);
    reply.submit_accepted.is_repeated = submit->outcome == STORE_REPEATED;
    reply.submit_accepted.entry = (struct wire_bytes){.data = (const unsigned char *)submit->entry,
                                                      .size = submit->entry_size};
    reply.submit_accepted.minisig = wire_text(minisig);
    reply.submit_accepted.proof = wire_buffer_bytes(&submit->proof);
    reply.submit_accepted.remaining_today = submit->quota.remaining_today;
    reply.submit_accepted.remaining_total = submit->quota.remaining_total;
    reply.submit_accepted.resets_at_ms = submit->quota.resets_at_ms;
    return core_reply(core, request, &reply, err);
}

/* Keeps the directory's counters up and tells the listeners. */
static void note_accepted(struct core *core, struct core_request *request)
{
    const struct store_submit *submit = &request->call.submit;
    struct team *team = request->account->team;
    char id[2 * STORE_ID_BYTES + 1];

    core->counts.n_accepted++;
    request->contest->n_submissions++;
    team->n_submissions++;
    team->last_ms = team->last_ms > submit->received_ms ? team->last_ms : submit->received_ms;
    hex_text(id, submit->id, sizeof(submit->id));
    core_publish(core, request->contest, id);
}

bool core_refuse_submit(struct core *core, struct core_request *request, const struct core_now *now,
                        struct err *err)
{
    const struct store_submit *submit = &request->call.submit;

    request->quota = &submit->quota;
    switch (submit->outcome) {
    case STORE_CONFLICT:
        return core_refuse(core, request, REFUSAL_CONFLICT, err,
                           "the idempotency key was used for another file");
    case STORE_QUOTA:
        return core_refuse_quota(core, request, now, err);
    case STORE_EMPTY: {
        const char *reason = core_closed_reason(request->contest, submit->received_ms);
        return core_refuse(core, request, REFUSAL_CLOSED, err, "%s",
                           reason == NULL ? "the competition is closed" : reason);
    }
    case STORE_STALE:
        return core_refuse_expired(core, request, submit->until_ms, err);
    case STORE_DONE:
    case STORE_REPEATED:
    case STORE_DIFFERENT:
    case STORE_MISFIT:
    case STORE_FULL:
    case STORE_FAILED:
        break;
    }
    request->quota = NULL;
    return core_refuse_store(core, request, submit->outcome, err);
}

static bool finish_submit_commit(struct core *core, struct core_request *request,
                                 const struct core_now *now, struct err *err)
{
    const struct store_submit *submit = &request->call.submit;

    if (submit->outcome == STORE_DONE) {
        note_accepted(core, request);
        return reply_accepted(core, request, err) &&
               (request->is_woken || core_wake(core, 1, now, err));
    }
    return submit->outcome == STORE_REPEATED ? reply_accepted(core, request, err)
                                             : core_refuse_submit(core, request, now, err);
}

struct wire_bytes core_printable(char *copy, size_t copy_size, struct wire_bytes text)
{
    wire_text_copy(copy, copy_size, text);
    err_make_printable(copy);
    return wire_text(copy);
}

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

bool core_begin_submit_commit(struct core *core, struct core_request *request,
                              const struct core_now *now, struct err *err)
{
    const struct wire_submit_commit *message = &request->message.submit_commit;
    struct store_submit *submit = &request->call.submit;
    bool is_found;

    if (!core_find_own_contest(core, request, message->competition, &is_found, err) || !is_found) {
        return !is_found;
    }
    if (message->size_bytes > (uint64_t)request->contest->rules.limits.file_bytes) {
        return core_refuse(core, request, REFUSAL_TOO_LARGE, err, "the file is too large");
    }
    /* the gateway's clock decides, within a minute of ours */
    int64_t received_ms =
        clamp(message->received_ms, now->wall_ms - RECEIVED_SKEW_MS, now->wall_ms);
    request->finish = finish_submit_commit;
    request->call.kind = CALL_SUBMIT;
    *submit = (struct store_submit){
        .competition = request->contest->number,
        .team = request->account->team->number,
        .size_bytes = (int64_t)message->size_bytes,
        .received_ms = received_ms,
        .now_ms = now->wall_ms,
        .file_name = core_printable(request->file_name, FILE_NAME_SIZE, message->file_name),
        .message = core_printable(request->text, MESSAGE_SIZE, message->message),
        .is_closed = core_closed_reason(request->contest, received_ms) != NULL,
    };
    memcpy(submit->id, now->random, sizeof(submit->id));
    memcpy(submit->key, message->key, sizeof(submit->key));
    memcpy(submit->sha256, message->sha256, sizeof(submit->sha256));
    if (!core_store(core, request, err)) {
        return false;
    }
    /* a worker that waits gets the job out of the same commit */
    return core_wake_behind(&request->is_woken, core, now, err);
}

/* ---- reading ---- */

bool core_read_id(struct core *core, const struct core_request *request,
                  uint8_t id[static STORE_ID_BYTES], struct wire_bytes text, bool *is_good,
                  struct err *err)
{
    struct err ignored;

    *is_good = hex_read(id, STORE_ID_BYTES, (const char *)text.data, text.size, &ignored);
    return *is_good ||
           core_refuse(core, request, REFUSAL_NOT_FOUND, err, "there is no such submission");
}

static bool finish_submission_get(struct core *core, struct core_request *request,
                                  const struct core_now *now, struct err *err)
{
    const struct store_submission_get *get = &request->call.submission_get;
    struct wire_message reply = {.type = WIRE_SUBMISSION};

    (void)now;
    if (get->outcome == STORE_EMPTY) {
        return core_refuse(core, request, REFUSAL_NOT_FOUND, err, "there is no such submission");
    }
    if (get->outcome != STORE_DONE) {
        return core_refuse_store(core, request, get->outcome, err);
    }
    reply.submission.row = wire_buffer_bytes(&get->row);
    reply.submission.problems = wire_buffer_bytes(&get->problems);
    reply.submission.scorecard = wire_buffer_bytes(&get->scorecard);
    return core_reply(core, request, &reply, err);
}

bool core_begin_submission_get(struct core *core, struct core_request *request,
                               const struct core_now *now, struct err *err)
{
    struct store_submission_get *get = &request->call.submission_get;
    uint8_t id[STORE_ID_BYTES];
    bool is_good;

    if (!core_read_id(core, request, id, request->message.submission_get.submission, &is_good,
                      err) ||
        !is_good) {
        return !is_good;
    }
    request->finish = finish_submission_get;
    request->call.kind = CALL_SUBMISSION_GET;
    *get = (struct store_submission_get){.team = core_visible_team(request),
                                         .pace = pace_now(&core->pace, now->boot_ms)};
    memcpy(get->id, id, sizeof(id));
    return core_store(core, request, err);
}

static bool finish_submission_list(struct core *core, struct core_request *request,
                                   const struct core_now *now, struct err *err)
{
    const struct store_submission_list *list = &request->call.submission_list;
    struct wire_message reply = {.type = WIRE_SUBMISSION_ROWS};

    (void)now;
    if (list->outcome != STORE_DONE) {
        return core_refuse_store(core, request, list->outcome, err);
    }
    reply.submission_rows.rows = wire_buffer_bytes(&list->rows);
    return core_reply(core, request, &reply, err);
}

bool core_begin_submission_list(struct core *core, struct core_request *request,
                                const struct core_now *now, struct err *err)
{
    const struct wire_submission_list *message = &request->message.submission_list;
    bool is_found;

    if (!core_find_contest(core, request, message->competition, &is_found, err) || !is_found) {
        return !is_found;
    }
    if (!core_may_see(request)) {
        return core_refuse(core, request, REFUSAL_NOT_ALLOWED, err,
                           "this token is of no team in this competition");
    }
    request->finish = finish_submission_list;
    request->call.kind = CALL_SUBMISSION_LIST;
    request->call.submission_list = (struct store_submission_list){
        .competition = request->contest->number,
        .team = core_visible_team(request),
        .before = message->before > INT64_MAX ? INT64_MAX : (int64_t)message->before,
        .pace = pace_now(&core->pace, now->boot_ms),
        .rows_max = message->rows_max > LIST_ROWS_MAX ? LIST_ROWS_MAX : message->rows_max};
    return core_store(core, request, err);
}

/* ---- parked ones, put back ---- */

static bool finish_submission_retry(struct core *core, struct core_request *request,
                                    const struct core_now *now, struct err *err)
{
    const struct store_retry *retry = &request->call.retry;

    if (retry->outcome == STORE_EMPTY) {
        return core_refuse(core, request, REFUSAL_NOT_FOUND, err, "there is no such submission");
    }
    if (retry->outcome == STORE_REPEATED) {
        return core_reply_done(core, request, "it is not parked", err);
    }
    if (retry->outcome != STORE_DONE) {
        return core_refuse_store(core, request, retry->outcome, err);
    }
    return core_note_changed(core, &retry->changed, err) &&
           core_reply_done(core, request, "put back", err) && core_wake(core, 1, now, err);
}

bool core_begin_submission_retry(struct core *core, struct core_request *request,
                                 const struct core_now *now, struct err *err)
{
    struct store_retry *retry = &request->call.retry;
    uint8_t id[STORE_ID_BYTES];
    bool is_good;

    if (!core_read_id(core, request, id, request->message.submission_retry.submission, &is_good,
                      err) ||
        !is_good) {
        return !is_good;
    }
    request->finish = finish_submission_retry;
    request->call.kind = CALL_RETRY;
    *retry = (struct store_retry){.now_ms = now->wall_ms};
    memcpy(retry->id, id, sizeof(id));
    return core_store(core, request, err);
}

/* ---- the choice for the end ---- */

static bool finish_selection_put(struct core *core, struct core_request *request,
                                 const struct core_now *now, struct err *err)
{
    const struct store_select *select = &request->call.select;

    (void)now;
    switch (select->outcome) {
    case STORE_DONE:
    case STORE_REPEATED:
        return core_reply_done(core, request, "selected", err);
    case STORE_EMPTY:
        return core_refuse(core, request, REFUSAL_NOT_FOUND, err,
                           "one of the ids is no submission of this team that can count");
    case STORE_QUOTA:
        return core_refuse(core, request, REFUSAL_BAD_REQUEST, err,
                           "at most %lld submissions can be selected",
                           (long long)select->final_selections);
    case STORE_CONFLICT:
        return core_refuse(core, request, REFUSAL_CLOSED, err, "the reveal has begun");
    case STORE_STALE:
    case STORE_DIFFERENT:
    case STORE_MISFIT:
    case STORE_FULL:
    case STORE_FAILED:
        break;
    }
    return core_refuse_store(core, request, select->outcome, err);
}

bool core_begin_selection_put(struct core *core, struct core_request *request,
                              const struct core_now *now, struct err *err)
{
    const struct wire_selection_put *message = &request->message.selection_put;
    bool is_found;

    if (!core_find_own_contest(core, request, message->competition, &is_found, err) || !is_found) {
        return !is_found;
    }
    int64_t closes_ms = request->contest->rules.closes_ms;
    if (closes_ms != CONF_NULL && now->wall_ms > closes_ms) {
        return core_refuse(core, request, REFUSAL_CLOSED, err,
                           "the competition is closed: what was selected stands");
    }
    request->finish = finish_selection_put;
    request->call.kind = CALL_SELECT;
    request->call.select = (struct store_select){.competition = request->contest->number,
                                                 .team = request->account->team->number,
                                                 .ids = message->submissions,
                                                 .now_ms = now->wall_ms};
    return core_store(core, request, err);
}
