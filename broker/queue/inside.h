/* SPDX-License-Identifier: MIT */
/*
 * What the files of the core share. A message has a `begin`, which answers at once or gives the
 * store a call, and a `finish`, which answers when the call is committed. Both return false where
 * they cannot answer (no memory, no store): the sender is told to come back.
 */
#pragma once

#include "broker/queue/core.h"
#include "broker/queue/directory.h"

enum {
    WORKER_NAME_SIZE = 65,
    WAITERS_MAX = 1024,
    FILE_NAME_SIZE = 256,
    MESSAGE_SIZE = 501,
    RECEIVED_SKEW_MS = 60000, /* between a gateway's clock and ours */
    SCORERS_MAX = 16,         /* keys of workers that are remembered, the last ones */
    PACE_CLAIMS = 256,        /* claims under way that are timed */
    PACE_SAMPLES = 32,        /* the last ones, of which the mean is told */
};

struct core_request {
    struct store_call call; /* first: core_stored finds its request by it */
    bool (*finish)(struct core *core, struct core_request *request, const struct core_now *now,
                   struct err *err);
    bool has_peer; /* else it is the broker's own */
    enum core_side side;
    struct channel_peer peer;
    const char *peer_name; /* of its key, "" for none; borrowed until begin returns */
    uint64_t request_id;
    unsigned char *frame;        /* owned; the message borrows from it */
    struct wire_message message; /* of a peer's request */
    const struct account *account;
    struct contest *contest;
    const struct store_quota *quota; /* what a refusal tells of it; NULL where it is unknown */
    bool is_stored;                  /* given to the store: core_stored ends it */
    bool is_urgent;                  /* it may overtake what clients asked for */
    bool is_woken;                   /* a submit: a waiting claim was sent behind it */
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
    uint8_t key[CRYPT_PUBLIC_KEY_BYTES];
    int64_t deadline_boot_ms;
};

/* What the last jobs took, and who works. See core_pace.c. */
struct pace {
    struct {
        int64_t job;
        int64_t fence;
        int64_t boot_ms;
    } claims[PACE_CLAIMS];
    size_t next_claim;
    int64_t samples_ms[PACE_SAMPLES];
    size_t n_samples; /* ever */
    struct {
        struct channel_peer peer;
        int64_t seen_boot_ms;
    } workers[WAITERS_MAX];
    size_t n_workers; /* places that were used */
};

/* Who claims. A re-score waits for another worker than the one that scored, where there is one. */
struct scorers {
    struct {
        uint8_t key[CRYPT_PUBLIC_KEY_BYTES];
        int64_t seen_boot_ms;
    } seen[SCORERS_MAX];
    size_t n;
};

/* The last backup that was asked for; forgotten at the end of the process. */
struct core_backup {
    enum wire_backup_state state;
    char name[sizeof(CORE_BACKUP_NAME)];
    int64_t size_bytes;
    int64_t started_ms;
    int64_t finished_ms;
    char text[ERR_TEXT_MAX]; /* failed: why */
};

/* Since the start. */
struct core_counts {
    uint64_t n_accepted;
    uint64_t n_recorded;
    uint64_t n_failed;
    uint64_t n_stale;
    uint64_t n_different;
    uint64_t n_lost;
    uint64_t n_refused_busy;
    uint64_t n_refused_quota;
    uint64_t n_refused_other;
    uint64_t n_calls;
    uint64_t n_commits;
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
    struct pace pace;
    struct scorers scorers;
    int64_t disk_free_bytes;
    int64_t memory_bytes;
    int64_t oldest_ready_ms;
    struct core_backup backup;
    struct core_counts counts;
    struct wire_stats counted; /* the jobs as they were counted last */
    int64_t counted_boot_ms;   /* when; 0: never */
    int64_t start_boot_ms;     /* of the first tick; 0: none yet */
    int64_t backup_ms;         /* wall time of the last good backup, 0 without */
    bool is_expiring;          /* such a call is under way */
    bool is_measuring;
    int64_t expire_boot_ms; /* when it is due again */
    int64_t measure_boot_ms;
    int64_t freeze_ms; /* wall time of the next freeze; INT64_MAX without one */
    int64_t close_ms;  /* as freeze_ms, of the next closing time that the log does not have */
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

/* As core_refuse, with when it may be tried again. */
MUST_CHECK bool core_refuse_later(struct core *core, const struct core_request *request,
                                  enum wire_refusal refusal, int64_t retry_ms, struct err *err,
                                  const char *format, ...) PRINTF_LIKE(6, 7);

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

/* Nothing new is taken for now: too many requests wait, or disk or memory are nearly full. */
bool core_is_full(const struct core *core);

/* No further bytes are taken for now: what was accepted waits too long already. */
bool core_is_behind(const struct core *core);

/* The team and the competition of a submit; refused where they do not fit. */
MUST_CHECK bool core_find_own_contest(struct core *core, struct core_request *request,
                                      struct wire_bytes id, bool *is_found, struct err *err);

/* The id of a submission; refused as not found where it is none. */
MUST_CHECK bool core_read_id(struct core *core, const struct core_request *request,
                             uint8_t id[static STORE_ID_BYTES], struct wire_bytes text,
                             bool *is_good, struct err *err);

/* Why nothing is taken at this time; NULL where it is. */
const char *core_closed_reason(const struct contest *contest, int64_t at_ms);

/* True for a promise whose bytes did not come in time. */
bool core_is_expired(const struct store_upload *upload, const struct core_now *now);

/* True for a promise whose grace time is half over: its bytes are not told to come back later. */
bool core_is_hurried(const struct store_upload *upload, const struct core_now *now,
                     int64_t promise_ms);

/* Refusals that a promise and a submission share. */
MUST_CHECK bool core_refuse_quota(struct core *core, const struct core_request *request,
                                  const struct core_now *now, struct err *err);
MUST_CHECK bool core_refuse_expired(struct core *core, const struct core_request *request,
                                    int64_t until_ms, struct err *err);
MUST_CHECK bool core_refuse_full(struct core *core, const struct core_request *request,
                                 struct err *err);

/* What people typed, as it may be shown: no control characters. */
struct wire_bytes core_printable(char *copy, size_t copy_size, struct wire_bytes text);

/* The outcome of a submit or promise that is no receipt. */
MUST_CHECK bool core_refuse_submit(struct core *core, struct core_request *request,
                                   const struct core_now *now, struct err *err);

/* ---- pace ---- */

void pace_claimed(struct pace *pace, int64_t job, int64_t fence, int64_t boot_ms);
void pace_finished(struct pace *pace, int64_t job, int64_t fence, int64_t boot_ms);
void pace_seen(struct pace *pace, const struct channel_peer *worker, int64_t boot_ms);
struct store_pace pace_now(const struct pace *pace, int64_t boot_ms);

bool core_is_same_peer(const struct channel_peer *a, const struct channel_peer *b);

/* Sends claims for up to `n_jobs` of the workers that wait, for jobs that are committed. Errors:
 * ERR_SYSTEM. */
MUST_CHECK bool core_wake(struct core *core, size_t n_jobs, const struct core_now *now,
                          struct err *err);

/* Sends one behind a call that makes a job and was just given to the store, so that both share the
 * commit; *is_woken is false where nobody waits, or so much does that it is better woken later. */
MUST_CHECK bool core_wake_behind(bool *is_woken, struct core *core, const struct core_now *now,
                                 struct err *err);

/* Recomputes when the next board is to be frozen. */
void core_schedule_freeze(struct core *core);

/* Freezes the boards that are due. Errors: ERR_SYSTEM. */
MUST_CHECK bool core_freeze_due(struct core *core, const struct core_now *now, struct err *err);

/* As core_schedule_freeze and core_freeze_due, for the entry that a closing time makes. */
void core_schedule_close(struct core *core);
MUST_CHECK bool core_close_due(struct core *core, const struct core_now *now, struct err *err);

/* Reads a submission's id; refused where it is none. */
MUST_CHECK bool core_read_id(struct core *core, const struct core_request *request,
                             uint8_t id[static STORE_ID_BYTES], struct wire_bytes text,
                             bool *is_good, struct err *err);

/* Plans the next page of the competition's open re-score. Errors: ERR_SYSTEM. */
MUST_CHECK bool core_plan(struct core *core, struct contest *contest, const struct core_now *now,
                          struct err *err);

/* Loads the public board that a correction of labels computed, and shows it then. Errors:
 * ERR_SYSTEM. */
MUST_CHECK bool core_load_corrected(struct core *core, const struct store_changed *changed,
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
CORE_BEGIN(workers_put);
CORE_BEGIN(team_put);
CORE_BEGIN(team_token_put);
CORE_BEGIN(submit_begin);
CORE_BEGIN(submit_commit);
CORE_BEGIN(promise_put);
CORE_BEGIN(upload_get);
CORE_BEGIN(blobs_get);
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
CORE_BEGIN(log_get);
CORE_BEGIN(file_put);
CORE_BEGIN(disclosure_put);
CORE_BEGIN(correction_put);
CORE_BEGIN(backup_put);
CORE_BEGIN(backup_get);
CORE_BEGIN(claim);
CORE_BEGIN(renew);
CORE_BEGIN(result);
CORE_BEGIN(failed);
