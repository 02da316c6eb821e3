/* SPDX-License-Identifier: MIT */
/*
 * Batches: every call in a savepoint of its own, all of them in one commit. See the header.
 */
#include "broker/store/store.h"

#include <stdlib.h>
#include <string.h>

#include "broker/store/inside.h"
#include "common/crashpoint.h"
#include "common/log.h"

static bool open_database(struct store *store, const struct store_settings *settings,
                          int64_t now_ms, int64_t now_boot_ms, struct err *err)
{
    if (db_open(&store->db, settings->path, now_ms, err) && db_begin(store->db, err) &&
        db_run(store->db, DB_JOB_REARM, err, db_int(now_boot_ms + settings->lease_ms),
               db_int(now_boot_ms)) &&
        db_commit(store->db, err) && store_logs_open(store, settings, now_ms, err)) {
        return true;
    }
    logs_close(&store->logs);
    db_close(&store->db);
    return false;
}

bool store_open(struct store **store, const struct store_settings *settings, int64_t now_ms,
                int64_t now_boot_ms, struct err *err)
{
    struct store *opened = calloc(1, sizeof(*opened));

    if (opened == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for a store");
    }
    if (!reserve_open(&opened->reserve, settings->path, settings->reserve_bytes, err)) {
        goto fail;
    }
    if (!open_database(opened, settings, now_ms, now_boot_ms, err) &&
        !(reserve_is_needed(&opened->reserve) && reserve_give_up(&opened->reserve) &&
          open_database(opened, settings, now_ms, now_boot_ms, err))) {
        goto fail;
    }
    *store = opened;
    return true;
fail:
    store_close(&opened);
    return false;
}

void store_close(struct store **store)
{
    if (*store != NULL) {
        logs_close(&(*store)->logs);
        db_close(&(*store)->db);
        free((*store)->pending);
        free(*store);
        *store = NULL;
    }
}

static bool run(struct store *store, struct store_call *call, struct err *err)
{
    switch (call->kind) {
#define STORE_CALL(name, NAME)                                                                     \
    case CALL_##NAME:                                                                              \
        return store_do_##name(store, &call->name, err);
#include "broker/store/calls.def"
#undef STORE_CALL
    }
    return err_set(err, ERR_STORE, "no such call");
}

void store_call_fail(struct store_call *call, enum store_outcome outcome)
{
    switch (call->kind) {
#define STORE_CALL(name, NAME)                                                                     \
    case CALL_##NAME:                                                                              \
        call->name.outcome = outcome;                                                              \
        break;
#include "broker/store/calls.def"
#undef STORE_CALL
    }
}

enum store_outcome store_call_outcome(const struct store_call *call)
{
    switch (call->kind) {
#define STORE_CALL(name, NAME)                                                                     \
    case CALL_##NAME:                                                                              \
        return call->name.outcome;
#include "broker/store/calls.def"
#undef STORE_CALL
    }
    return STORE_FAILED;
}

static const char *call_name(const struct store_call *call)
{
    static const char *const names[] = {
#define STORE_CALL(name, NAME) #name,
#include "broker/store/calls.def"
#undef STORE_CALL
    };
    return names[call->kind];
}

/* Calls that make new work: refused while the disk's reserve is used up. */
static bool is_new_work(const struct store_call *call)
{
    switch (call->kind) {
    case CALL_COMPETITION_PUT:
    case CALL_WORKERS_PUT:
    case CALL_TEAM_PUT:
    case CALL_TEAM_TOKEN:
    case CALL_ORGANIZER_PUT:
    case CALL_SUBMIT:
    case CALL_SELECT:
    case CALL_RETRY:
    case CALL_RESCORE_START:
    case CALL_RESCORE_PLAN:
    case CALL_CLOSE_PUT:
    case CALL_FILE_PUT:
    case CALL_DISCLOSURE_PUT:
    case CALL_CORRECTION_PUT:
        return true;
    case CALL_QUOTA_GET:
    case CALL_UPLOAD_GET:
    case CALL_FILES_GET:
    case CALL_SUBMISSION_GET:
    case CALL_SUBMISSION_LIST:
    case CALL_ENTRIES_GET:
    case CALL_CLAIM:
    case CALL_RENEW:
    case CALL_RELEASE:
    case CALL_COMPLETE:
    case CALL_FAIL:
    case CALL_EXPIRE:
    case CALL_BOARD_MOVE:
    case CALL_BOARD_GET:
    case CALL_RESCORE_GET:
    case CALL_STATS:
    case CALL_LOG_GET:
        return false;
    }
    return false;
}

/* One call in its savepoint; false when the whole batch is lost. */
static bool run_in_savepoint(struct store *store, struct store_call *call)
{
    struct err err;
    struct err end_err;

    if (reserve_is_spent(&store->reserve) && is_new_work(call)) {
        store_call_fail(call, STORE_FULL);
        return true;
    }
    if (!db_call_begin(store->db, &err)) {
        return false;
    }
    size_t n_pending = store->n_pending;
    bool ok = run(store, call, &err);
    CRASHPOINT("in the batch");
    if (!ok) {
        store->n_pending = n_pending;
        log_error("store call failed", "call=%s text=\"%s\"", call_name(call), err.text);
        store_call_fail(call, db_is_full(store->db) ? STORE_FULL : STORE_FAILED);
    }
    return db_call_end(store->db, ok, &end_err);
}

/* False where nothing of the batch was kept. */
static bool run_batch(struct store *store, struct store_call *const *calls, size_t n_calls)
{
    struct err err;
    store->n_pending = 0;
    bool ok = db_begin(store->db, &err);

    for (size_t i = 0; i < n_calls && ok; i++) {
        ok = run_in_savepoint(store, calls[i]);
    }
    if (ok) {
        CRASHPOINT("before the commit");
        return db_commit(store->db, &err);
    }
    db_rollback(store->db);
    return false;
}

/* Behind the commit: the logs are signed, and what was accepted gets its proof. Without it nothing
 * is acknowledged, and whoever asks again gets the same answer with one. */
static void prove(struct store *store, struct store_call *const *calls, size_t n_calls)
{
    struct err err;
    bool is_signed = store_logs_follow(store, &err);

    if (!is_signed) {
        log_error("logs are not signed", "text=\"%s\"", err.text);
    }
    for (size_t i = 0; i < n_calls; i++) {
        bool has_entry = calls[i]->kind == CALL_SUBMIT || calls[i]->kind == CALL_ENTRIES_GET;
        if (has_entry && (!is_signed || !store_logs_prove(store, calls[i], &err))) {
            store_call_fail(calls[i], err.code == ERR_LIMIT ? STORE_FULL : STORE_FAILED);
        }
    }
}

void store_batch(struct store *store, struct store_call *const *calls, size_t n_calls)
{
    reserve_take_back(&store->reserve);
    bool ok = run_batch(store, calls, n_calls);

    if (!ok && db_is_full(store->db) && reserve_give_up(&store->reserve)) {
        ok = run_batch(store, calls, n_calls); /* what was accepted is finished in its room */
    }
    if (ok) {
        prove(store, calls, n_calls);
    }
    for (size_t i = 0; i < n_calls && !ok; i++) {
        store_call_fail(calls[i], db_is_full(store->db) ? STORE_FULL : STORE_FAILED);
    }
}

void store_call_free(struct store_call *call)
{
    if (call->kind == CALL_SUBMIT) {
        wire_buffer_free(&call->submit.proof);
    } else if (call->kind == CALL_ENTRIES_GET) {
        for (size_t i = 0; i < ARRAY_SIZE(call->entries_get.lines); i++) {
            wire_buffer_free(&call->entries_get.lines[i].proof);
        }
    } else if (call->kind == CALL_LOG_GET) {
        wire_buffer_free(&call->log_get.data);
    } else if (call->kind == CALL_SUBMISSION_GET) {
        wire_buffer_free(&call->submission_get.row);
        wire_buffer_free(&call->submission_get.problems);
        wire_buffer_free(&call->submission_get.scorecard);
    } else if (call->kind == CALL_SUBMISSION_LIST) {
        wire_buffer_free(&call->submission_list.rows);
    } else if (call->kind == CALL_FILES_GET) {
        wire_buffer_free(&call->files_get.are_known);
    } else if (call->kind == CALL_CLAIM) {
        wire_buffer_free(&call->claim.sealed);
    } else if (call->kind == CALL_BOARD_GET) {
        free(call->board_get.rows);
        call->board_get.rows = NULL;
    } else if (call->kind == CALL_RESCORE_GET) {
        wire_buffer_free(&call->rescore_get.differences);
    }
}
