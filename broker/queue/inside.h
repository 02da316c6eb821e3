/* SPDX-License-Identifier: MIT */
/*
 * What the files of the core share. A message has a `begin`, which answers at once or gives the
 * store a call, and a `finish`, which answers when the call is committed. Both return false where
 * they cannot answer (no memory, no store): the sender is told to come back.
 */
#pragma once

#include "broker/queue/core.h"
#include "broker/queue/directory.h"

enum { WORKER_NAME_SIZE = 65, WAITERS_MAX = 1024, FILE_NAME_SIZE = 256, MESSAGE_SIZE = 501 };

struct core_request {
    struct store_call call; /* first: core_stored finds its request by it */
    bool (*finish)(struct core *core, struct core_request *request, const struct core_now *now,
                   struct err *err);
    bool has_peer; /* else it is the broker's own */
    enum core_side side;
    struct channel_peer peer;
    uint64_t request_id;
    unsigned char *frame;        /* owned; the message borrows from it */
    struct wire_message message; /* of a peer's request */
    const struct account *account;
    struct contest *contest;
    bool is_stored; /* given to the store: core_stored ends it */
    bool is_woken;  /* a submit: a waiting claim was sent behind it */
    char file_name[FILE_NAME_SIZE];
    char text[MESSAGE_SIZE];
    char token[TOKEN_SIZE];
    int64_t deadline_boot_ms; /* a claim: until when it may wait */
};

/* A claim that is held open. */
struct waiter {
    struct channel_peer peer;
    uint64_t request_id;
    char worker[WORKER_NAME_SIZE];
    int64_t deadline_boot_ms;
};

struct core {
    struct core_settings settings;
    const struct ledger_keys *keys;
    struct directory directory;
    struct core_effect *effects; /* owned; their frames are used again */
    size_t n_effects;
    size_t effects_capacity;
    struct waiter waiters[WAITERS_MAX]; /* the one that waits longest first */
    size_t n_waiters;
    int64_t n_pending;
    uint64_t n_claims;
    int64_t disk_free_bytes;
    int64_t oldest_ready_ms;
    bool is_expiring; /* such a call is under way */
    bool is_measuring;
    int64_t expire_boot_ms; /* when it is due again */
    int64_t measure_boot_ms;
    int64_t freeze_ms; /* wall time of the next freeze; INT64_MAX without one */
};

/* ---- requests ---- */

/* An empty request; NULL without memory. End it with core_request_free, or give it to the store. */
struct core_request *core_request_new(void);
void core_request_free(struct core_request *request);

/* Gives the request's call to the store. Errors: ERR_SYSTEM; the request is still the caller's. */
MUST_CHECK bool core_store(struct core *core, struct core_request *request, struct err *err);

/* As core_store, for a request of the broker's own, which is taken also on failure. */
MUST_CHECK bool core_store_own(struct core *core, struct core_request *request, struct err *err);

/* Answers with `reply`, whose request_id is filled here. Errors: ERR_SYSTEM, ERR_LIMIT. */
MUST_CHECK bool core_reply(struct core *core, const struct core_request *request,
                           struct wire_message *reply, struct err *err);

/* Refuses; the text says what is wrong and what to do. */
MUST_CHECK bool core_refuse(struct core *core, const struct core_request *request,
                            enum wire_refusal refusal, struct err *err, const char *format, ...)
    PRINTF_LIKE(5, 6);

/* Answers that something was done. */
MUST_CHECK bool core_reply_done(struct core *core, const struct core_request *request,
                                const char *text, struct err *err);

/* An answer where the store could not do it: full, or failed. */
MUST_CHECK bool core_refuse_store(struct core *core, const struct core_request *request,
                                  enum store_outcome outcome, struct err *err);

/* ---- effects ---- */

/* The next effect, with an empty frame; NULL without memory. */
struct core_effect *core_effect_new(struct core *core, enum core_effect_kind kind);

/* Tells whoever listens; a hint that is lost harms nothing. `submission` may be empty. */
void core_publish(struct core *core, const struct contest *contest, const char *submission);

/* Publishes what changed and puts it on the boards in memory. Errors: ERR_SYSTEM. */
MUST_CHECK bool core_note_changed(struct core *core, const struct store_changed *changed,
                                  struct err *err);

/* A line for the log. */
void core_warn(struct core *core, const char *format, ...) PRINTF_LIKE(2, 3);

/* ---- shared steps ---- */

/* The competition that a request names: request->contest; refused where there is none. */
MUST_CHECK bool core_find_contest(struct core *core, struct core_request *request,
                                  struct wire_bytes id, bool *is_found, struct err *err);

/* The team whose rows the caller may see: 0 for all (an organizer). */
int64_t core_visible_team(const struct core_request *request);

/* True when a caller's team belongs to the competition, or the caller is an organizer. */
bool core_may_see(const struct core_request *request);

/* Submissions are refused for now: too much waits, or the disk is nearly full. */
bool core_is_busy(const struct core *core);

/* Sends claims for up to `n_jobs` of the workers that wait. Errors: ERR_SYSTEM. */
MUST_CHECK bool core_wake(struct core *core, size_t n_jobs, const struct core_now *now,
                          struct err *err);

/* Recomputes when the next board is to be frozen. */
void core_schedule_freeze(struct core *core);

/* Freezes the boards that are due. Errors: ERR_SYSTEM. */
MUST_CHECK bool core_freeze_due(struct core *core, const struct core_now *now, struct err *err);

/* Plans the next page of the competition's open re-score. Errors: ERR_SYSTEM. */
MUST_CHECK bool core_plan(struct core *core, struct contest *contest, const struct core_now *now,
                          struct err *err);

/* Loads the private board that a reveal computed, and shows it then. Errors: ERR_SYSTEM. */
MUST_CHECK bool core_load_private(struct core *core, struct contest *contest, struct err *err);

/* Appends the competition's record to a list. Errors: ERR_SYSTEM. */
MUST_CHECK bool core_append_contest(struct wire_buffer *rows, const struct contest *contest,
                                    struct err *err);

/* Workers whose claims wait; others have leases. */
uint32_t core_workers(const struct core *core);

/* Answers claims that waited long enough, takes lost leases back, measures the queue. */
MUST_CHECK bool core_tick_work(struct core *core, const struct core_now *now, struct err *err);

/* ---- one function a message type ---- */

#define CORE_BEGIN(name)                                                                           \
    MUST_CHECK bool core_begin_##name(struct core *core, struct core_request *request,             \
                                      const struct core_now *now, struct err *err)

CORE_BEGIN(competition_put);
CORE_BEGIN(competition_list);
CORE_BEGIN(team_put);
CORE_BEGIN(submit_begin);
CORE_BEGIN(submit_commit);
CORE_BEGIN(submission_get);
CORE_BEGIN(submission_list);
CORE_BEGIN(receipt_get);
CORE_BEGIN(selection_put);
CORE_BEGIN(board_get);
CORE_BEGIN(board_move);
CORE_BEGIN(rescore_start);
CORE_BEGIN(rescore_get);
CORE_BEGIN(key_get);
CORE_BEGIN(stats_get);
CORE_BEGIN(submission_retry);
CORE_BEGIN(claim);
CORE_BEGIN(renew);
CORE_BEGIN(result);
CORE_BEGIN(failed);
