/* SPDX-License-Identifier: MIT */
/*
 * The core's frame: one table from message type to function and needed scope, the life of a
 * request, effects. The messages themselves are in core_*.c.
 */
#include "broker/queue/core.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/queue/inside.h"
#include "common/text.h"

enum {
    RETRY_MS = 2000,
    FRAME_KEPT_BYTES = 65536, /* a larger frame's memory is not kept */
    EFFECTS_KEPT = 1024,
};

enum scope {
    SCOPE_NOBODY = 1, /* the message carries no token */
    SCOPE_ANYBODY,    /* a token may be given, and must then be good */
    SCOPE_READER,     /* a team, who reads for it, or an organizer */
    SCOPE_TEAM,       /* a team or an organizer */
    SCOPE_ORGANIZER,
};

static const struct handler {
    enum scope scope;
    enum core_side side;
    bool (*begin)(struct core *core, struct core_request *request, const struct core_now *now,
                  struct err *err);
} handlers[] = {
    [WIRE_COMPETITION_PUT] = {SCOPE_ORGANIZER, CORE_GATEWAYS, core_begin_competition_put},
    [WIRE_COMPETITION_LIST] = {SCOPE_ANYBODY, CORE_GATEWAYS, core_begin_competition_list},
    [WIRE_WORKERS_PUT] = {SCOPE_ORGANIZER, CORE_GATEWAYS, core_begin_workers_put},
    [WIRE_TEAM_PUT] = {SCOPE_ORGANIZER, CORE_GATEWAYS, core_begin_team_put},
    [WIRE_TEAM_TOKEN_PUT] = {SCOPE_ORGANIZER, CORE_GATEWAYS, core_begin_team_token_put},
    [WIRE_SUBMIT_BEGIN] = {SCOPE_TEAM, CORE_GATEWAYS, core_begin_submit_begin},
    [WIRE_SUBMIT_COMMIT] = {SCOPE_TEAM, CORE_GATEWAYS, core_begin_submit_commit},
    [WIRE_PROMISE_PUT] = {SCOPE_TEAM, CORE_GATEWAYS, core_begin_promise_put},
    [WIRE_UPLOAD_GET] = {SCOPE_TEAM, CORE_GATEWAYS, core_begin_upload_get},
    [WIRE_BLOBS_GET] = {SCOPE_NOBODY, CORE_GATEWAYS, core_begin_blobs_get},
    [WIRE_SUBMISSION_GET] = {SCOPE_READER, CORE_GATEWAYS, core_begin_submission_get},
    [WIRE_SUBMISSION_LIST] = {SCOPE_READER, CORE_GATEWAYS, core_begin_submission_list},
    [WIRE_RECEIPT_GET] = {SCOPE_READER, CORE_GATEWAYS, core_begin_receipt_get},
    [WIRE_SELECTION_PUT] = {SCOPE_TEAM, CORE_GATEWAYS, core_begin_selection_put},
    [WIRE_BOARD_GET] = {SCOPE_ANYBODY, CORE_GATEWAYS, core_begin_board_get},
    [WIRE_BOARD_MOVE] = {SCOPE_ORGANIZER, CORE_GATEWAYS, core_begin_board_move},
    [WIRE_RESCORE_START] = {SCOPE_ORGANIZER, CORE_GATEWAYS, core_begin_rescore_start},
    [WIRE_RESCORE_GET] = {SCOPE_ORGANIZER, CORE_GATEWAYS, core_begin_rescore_get},
    [WIRE_KEY_GET] = {SCOPE_NOBODY, CORE_GATEWAYS, core_begin_key_get},
    [WIRE_STATS_GET] = {SCOPE_NOBODY, CORE_GATEWAYS, core_begin_stats_get},
    [WIRE_SUBMISSION_RETRY] = {SCOPE_ORGANIZER, CORE_GATEWAYS, core_begin_submission_retry},
    [WIRE_LOG_GET] = {SCOPE_ANYBODY, CORE_GATEWAYS, core_begin_log_get},
    [WIRE_FILE_PUT] = {SCOPE_ORGANIZER, CORE_GATEWAYS, core_begin_file_put},
    [WIRE_DISCLOSURE_PUT] = {SCOPE_ORGANIZER, CORE_GATEWAYS, core_begin_disclosure_put},
    [WIRE_CORRECTION_PUT] = {SCOPE_ORGANIZER, CORE_GATEWAYS, core_begin_correction_put},
    [WIRE_BACKUP_PUT] = {SCOPE_ORGANIZER, CORE_GATEWAYS, core_begin_backup_put},
    [WIRE_BACKUP_GET] = {SCOPE_ORGANIZER, CORE_GATEWAYS, core_begin_backup_get},
    [WIRE_CLAIM] = {SCOPE_NOBODY, CORE_WORKERS, core_begin_claim},
    [WIRE_RENEW] = {SCOPE_NOBODY, CORE_WORKERS, core_begin_renew},
    [WIRE_RESULT] = {SCOPE_NOBODY, CORE_WORKERS, core_begin_result},
    [WIRE_FAILED] = {SCOPE_NOBODY, CORE_WORKERS, core_begin_failed},
};

/* Every message with a token begins with it. */
#define TOKEN_FIRST(name)                                                                          \
    static_assert(offsetof(struct wire_##name, token) == 0, "the token comes first")
TOKEN_FIRST(competition_put);
TOKEN_FIRST(workers_put);
TOKEN_FIRST(competition_list);
TOKEN_FIRST(team_put);
TOKEN_FIRST(submit_begin);
TOKEN_FIRST(submit_commit);
TOKEN_FIRST(team_token_put);
TOKEN_FIRST(promise_put);
TOKEN_FIRST(upload_get);
TOKEN_FIRST(submission_get);
TOKEN_FIRST(submission_list);
TOKEN_FIRST(receipt_get);
TOKEN_FIRST(selection_put);
TOKEN_FIRST(board_get);
TOKEN_FIRST(board_move);
TOKEN_FIRST(rescore_start);
TOKEN_FIRST(rescore_get);
TOKEN_FIRST(submission_retry);
TOKEN_FIRST(log_get);
TOKEN_FIRST(file_put);
TOKEN_FIRST(disclosure_put);
TOKEN_FIRST(correction_put);
TOKEN_FIRST(backup_put);
TOKEN_FIRST(backup_get);

/* ---- effects ---- */

struct core_effect *core_effect_new(struct core *core, enum core_effect_kind kind)
{
    if (core->n_effects == core->effects_capacity) {
        size_t capacity = core->effects_capacity == 0 ? 64 : 2 * core->effects_capacity;
        struct core_effect *effects = realloc(core->effects, capacity * sizeof(*effects));
        if (effects == NULL) {
            return NULL;
        }
        memset(effects + core->effects_capacity, 0,
               (capacity - core->effects_capacity) * sizeof(*effects));
        core->effects = effects;
        core->effects_capacity = capacity;
    }
    struct core_effect *effect = &core->effects[core->n_effects++];
    struct wire_buffer frame = effect->frame;
    frame.size = 0;
    *effect = (struct core_effect){.kind = kind, .frame = frame};
    return effect;
}

const struct core_effect *core_effects(const struct core *core, size_t *n_effects)
{
    *n_effects = core->n_effects;
    return core->effects;
}

void core_effects_clear(struct core *core)
{
    for (size_t i = 0; i < core->n_effects; i++) {
        if (core->effects[i].frame.capacity > FRAME_KEPT_BYTES || i >= EFFECTS_KEPT) {
            wire_buffer_free(&core->effects[i].frame);
        }
    }
    core->n_effects = 0;
}

void core_warn(struct core *core, const char *format, ...)
{
    struct core_effect *effect = core_effect_new(core, EFFECT_WARN);
    char text[ERR_TEXT_MAX];
    struct err ignored;
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    err_make_printable(text);
    struct wire_bytes line = {.data = (const unsigned char *)text, .size = strlen(text) + 1};
    if (effect != NULL && !wire_buffer_set(&effect->frame, line, &ignored)) {
        core->n_effects--;
    }
}

void core_publish(struct core *core, const struct contest *contest, const char *submission)
{
    struct core_effect *effect = core_effect_new(core, EFFECT_PUBLISH);
    struct wire_message message = {.type = WIRE_CHANGED};
    struct err ignored;

    message.changed.competition = wire_text(contest->rules.id);
    message.changed.submission = wire_text(submission);
    message.changed.version = (uint64_t)contest->board_version;
    if (effect != NULL && !wire_encode(&effect->frame, &message, &ignored)) {
        core->n_effects--;
    }
}

bool core_note_changed(struct core *core, const struct store_changed *changed, struct err *err)
{
    struct contest *contest = directory_contest_numbered(&core->directory, changed->competition);
    char submission[2 * STORE_ID_BYTES + 1];
    bool ok = true;

    if (contest == NULL) {
        return true;
    }
    if (changed->is_best && !contest->is_reloading) {
        struct store_best best = {.team = changed->team,
                                  .sort_key = changed->sort_key,
                                  .received_ms = changed->received_ms,
                                  .number = changed->number};
        memcpy(best.submission, changed->submission, sizeof(best.submission));
        ok = directory_rank(&core->directory, contest, STORE_PUBLIC, &best, err);
        contest->board_version = changed->board_version;
        contest->board_changed_ms = changed->board_changed_ms;
        core_publish(core, contest, "");
    }
    if (changed->is_submission) {
        hex_text(submission, changed->submission, sizeof(changed->submission));
        core_publish(core, contest, submission);
    }
    return ok;
}

/* ---- requests ---- */

struct core_request *core_request_new(void)
{
    return calloc(1, sizeof(struct core_request));
}

void core_request_free(struct core_request *request)
{
    store_call_free(&request->call);
    free(request->frame);
    free(request);
}

bool core_store(struct core *core, struct core_request *request, struct err *err)
{
    struct core_effect *effect = core_effect_new(core, EFFECT_STORE);

    if (effect == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for an effect");
    }
    effect->call = &request->call;
    request->call.is_urgent = request->is_urgent;
    request->is_stored = true;
    core->n_pending++;
    return true;
}

bool core_store_own(struct core *core, struct core_request *request, struct err *err)
{
    if (core_store(core, request, err)) {
        return true;
    }
    core_request_free(request);
    return false;
}

bool core_reply(struct core *core, const struct core_request *request, struct wire_message *reply,
                struct err *err)
{
    struct core_effect *effect = core_effect_new(core, EFFECT_SEND);

    if (effect == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for an effect");
    }
    effect->side = request->side;
    effect->peer = request->peer;
    reply->request_id = request->request_id;
    if (!wire_encode(&effect->frame, reply, err)) {
        core->n_effects--;
        return false;
    }
    return true;
}

static void count_refusal(struct core *core, enum wire_refusal refusal)
{
    if (refusal == REFUSAL_BUSY) {
        core->counts.n_refused_busy++;
    } else if (refusal == REFUSAL_QUOTA) {
        core->counts.n_refused_quota++;
    } else {
        core->counts.n_refused_other++;
    }
}

/* A refusal with its text made. */
static bool refuse(struct core *core, const struct core_request *request, enum wire_refusal refusal,
                   int64_t retry_ms, char *text, struct err *err)
{
    struct wire_message reply = {.type = WIRE_REFUSED};

    err_make_printable(text);
    count_refusal(core, refusal);
    reply.refused.refusal = (uint8_t)refusal;
    reply.refused.text = wire_text(text);
    reply.refused.retry_after_ms = retry_ms < 0 ? 0 : (uint32_t)retry_ms;
    if (request->quota != NULL) {
        reply.refused.has_quota = 1;
        reply.refused.remaining_today = request->quota->remaining_today;
        reply.refused.remaining_total = request->quota->remaining_total;
        reply.refused.resets_at_ms = request->quota->resets_at_ms;
    }
    return core_reply(core, request, &reply, err);
}

bool core_refuse(struct core *core, const struct core_request *request, enum wire_refusal refusal,
                 struct err *err, const char *format, ...)
{
    char text[ERR_TEXT_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return refuse(core, request, refusal, refusal == REFUSAL_BUSY ? RETRY_MS : 0, text, err);
}

bool core_refuse_later(struct core *core, const struct core_request *request,
                       enum wire_refusal refusal, int64_t retry_ms, struct err *err,
                       const char *format, ...)
{
    char text[ERR_TEXT_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return refuse(core, request, refusal, retry_ms, text, err);
}

bool core_reply_done(struct core *core, const struct core_request *request, const char *text,
                     struct err *err)
{
    struct wire_message reply = {.type = WIRE_DONE};

    reply.done.text = wire_text(text);
    return core_reply(core, request, &reply, err);
}

bool core_refuse_store(struct core *core, const struct core_request *request,
                       enum store_outcome outcome, struct err *err)
{
    if (outcome == STORE_FULL) {
        return core_refuse(core, request, REFUSAL_BUSY, err, "the disk is full; try again later");
    }
    return core_refuse(core, request, REFUSAL_BUSY, err, "the store failed; try again later");
}

/* ---- shared steps ---- */

bool core_find_contest(struct core *core, struct core_request *request, struct wire_bytes id,
                       bool *is_found, struct err *err)
{
    request->contest = directory_contest(&core->directory, id);
    *is_found = request->contest != NULL;
    return *is_found ||
           core_refuse(core, request, REFUSAL_NOT_FOUND, err, "there is no competition '%.*s'",
                       (int)id.size, (const char *)id.data);
}

int64_t core_visible_team(const struct core_request *request)
{
    return request->account->team == NULL ? 0 : request->account->team->number;
}

bool core_may_see(const struct core_request *request)
{
    return request->account->team == NULL || request->account->team->contest == request->contest;
}

bool core_is_full(const struct core *core)
{
    const struct core_settings *settings = &core->settings;

    return core->n_pending > settings->pending_max ||
           core->disk_free_bytes < settings->disk_free_min_bytes ||
           (settings->memory_max_bytes > 0 && core->memory_bytes > settings->memory_max_bytes);
}

bool core_is_behind(const struct core *core)
{
    int64_t max_ms = core->settings.ready_age_max_ms;

    return max_ms > 0 && core->oldest_ready_ms > max_ms;
}

/* ---- events ---- */

/* Finds who asks; *is_allowed is false when he was refused. */
static bool check_scope(struct core *core, struct core_request *request, enum scope scope,
                        const struct core_now *now, bool *is_allowed, struct err *err)
{
    *is_allowed = true;
    if (scope == SCOPE_NOBODY) {
        return true;
    }
    struct wire_bytes token = request->message.competition_put.token;
    if (token.size == 0 && scope == SCOPE_ANYBODY) {
        return true;
    }
    request->account = directory_account(&core->directory, token, core->keys->pepper, now->wall_ms);
    *is_allowed = false;
    if (request->account == NULL) {
        return core_refuse(core, request, REFUSAL_NO_TOKEN, err, "Invalid token");
    }
    if (scope == SCOPE_ORGANIZER && request->account->scope != STORE_SCOPE_ORGANIZER) {
        return core_refuse(core, request, REFUSAL_NOT_ALLOWED, err,
                           "this needs the organizer's token");
    }
    if (scope == SCOPE_TEAM && request->account->scope == STORE_SCOPE_READER) {
        return core_refuse(core, request, REFUSAL_NOT_ALLOWED, err, "this token only reads");
    }
    *is_allowed = true;
    return true;
}

/* Where a request cannot be answered as it should be, its sender is told to come back. */
static void give_up(struct core *core, const struct core_request *request, const struct err *why)
{
    struct err ignored;

    core_warn(core, "request=%s text=\"%s\"",
              request->has_peer ? wire_type_name(request->message.type) : "own", why->text);
    if (request->has_peer && !core_refuse(core, request, REFUSAL_BUSY, &ignored,
                                          "the broker could not answer; try again")) {
        core_warn(core, "no answer can be made");
    }
}

static bool read_request(struct core_request *request, enum core_side side, const void *frame,
                         size_t size, struct err *err)
{
    request->frame = malloc(size == 0 ? 1 : size);
    if (request->frame == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for a frame of %zu bytes", size);
    }
    memcpy(request->frame, frame, size);
    return wire_decode(&request->message, side == CORE_GATEWAYS ? FROM_GATEWAY : FROM_WORKER,
                       request->frame, size, err);
}

/* A key stands for one worker: another name in its messages would be a score under false name. */
static bool is_own_name(const struct core_request *request)
{
    const struct wire_message *message = &request->message;
    const char *name = request->peer_name;

    return name[0] == '\0' ||
           ((message->type != WIRE_CLAIM || wire_text_is(message->claim.worker, name)) &&
            (message->type != WIRE_RESULT || wire_text_is(message->result.worker, name)) &&
            (message->type != WIRE_FAILED || wire_text_is(message->failed.worker, name)));
}

static bool begin(struct core *core, struct core_request *request, const struct core_now *now,
                  struct err *err)
{
    size_t type = request->message.type;
    const struct handler *handler = &handlers[type < ARRAY_SIZE(handlers) ? type : 0];
    bool is_allowed;

    if (handler->begin == NULL) {
        return core_refuse(core, request, REFUSAL_BAD_REQUEST, err, "this broker has no such call");
    }
    if (!is_own_name(request)) {
        core_warn(core, "request=%s name=%s text=\"the message names another worker\"",
                  wire_type_name(request->message.type), request->peer_name);
        return core_refuse(core, request, REFUSAL_NOT_ALLOWED, err,
                           "this key is of the worker '%s'", request->peer_name);
    }
    if (!check_scope(core, request, handler->scope, now, &is_allowed, err)) {
        return false;
    }
    return !is_allowed || handler->begin(core, request, now, err);
}

void core_frame_named(struct core *core, enum core_side side, const struct channel_peer *peer,
                      const char *name, const void *frame, size_t size, const struct core_now *now)
{
    struct core_request *request = core_request_new();
    struct err err;

    if (request == NULL) {
        core_warn(core, "no memory for a request");
        return;
    }
    if (now->wall_ms >= core->freeze_ms && !core_freeze_due(core, now, &err)) {
        core_warn(core, "freeze: %s", err.text);
    }
    request->side = side;
    request->peer = *peer;
    request->peer_name = name;
    if (!read_request(request, side, frame, size, &err)) {
        core_warn(core, "frame dropped: %s", err.text);
        core_request_free(request);
        return;
    }
    request->has_peer = true;
    request->is_urgent = side == CORE_WORKERS;
    request->request_id = request->message.request_id;
    if (side == CORE_WORKERS) {
        pace_seen(&core->pace, peer, now->boot_ms);
    }
    if (!begin(core, request, now, &err)) {
        give_up(core, request, &err);
    }
    if (!request->is_stored) {
        core_request_free(request);
    }
}

void core_frame(struct core *core, enum core_side side, const struct channel_peer *peer,
                const void *frame, size_t size, const struct core_now *now)
{
    core_frame_named(core, side, peer, "", frame, size, now);
}

void core_stored(struct core *core, struct store_call *call, const struct core_now *now)
{
    struct core_request *request = (struct core_request *)call;
    struct err err;

    core->n_pending--;
    core->counts.n_calls++;
    if (!request->finish(core, request, now, &err)) {
        give_up(core, request, &err);
    }
    core_request_free(request);
}

void core_tick(struct core *core, const struct core_now *now)
{
    struct err err;

    core->start_boot_ms = core->start_boot_ms == 0 ? now->boot_ms : core->start_boot_ms;
    if (now->wall_ms >= core->freeze_ms && !core_freeze_due(core, now, &err)) {
        core_warn(core, "freeze: %s", err.text);
    }
    if (now->wall_ms > core->close_ms && !core_close_due(core, now, &err)) {
        core_warn(core, "close: %s", err.text);
    }
    if (!core_tick_work(core, now, &err)) {
        core_warn(core, "tick: %s", err.text);
    }
}

void core_disk_free(struct core *core, int64_t free_bytes)
{
    core->disk_free_bytes = free_bytes;
}

void core_memory_used(struct core *core, int64_t used_bytes)
{
    core->memory_bytes = used_bytes;
}

void core_commits(struct core *core, uint64_t n_commits)
{
    core->counts.n_commits = n_commits;
}

/* ---- opening ---- */

bool core_open(struct core **core, const struct core_settings *settings,
               const struct ledger_keys *keys, struct store *store, struct err *err)
{
    struct core *opened = calloc(1, sizeof(*opened));

    if (opened == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for a core");
    }
    opened->settings = *settings;
    opened->keys = keys;
    opened->disk_free_bytes = INT64_MAX;
    if (!directory_load(&opened->directory, store, err)) {
        core_close(&opened);
        return false;
    }
    core_schedule_freeze(opened);
    core_schedule_close(opened);
    *core = opened;
    return true;
}

void core_close(struct core **core)
{
    if (*core == NULL) {
        return;
    }
    for (size_t i = 0; i < (*core)->effects_capacity; i++) {
        wire_buffer_free(&(*core)->effects[i].frame);
    }
    free((*core)->effects);
    directory_free(&(*core)->directory);
    free(*core);
    *core = NULL;
}
