/* SPDX-License-Identifier: MIT */
/*
 * What the broker keeps for good. Every call is a whole transaction and idempotent: repeated after
 * a lost answer it changes nothing and answers as the first time. Many calls share one durable
 * commit; their answers count only after it. No call here knows an engine: see db.h.
 *
 * A call is one struct: arguments above, answer below the line `out`. Texts and blobs of the
 * arguments are borrowed for the call; the answer's buffers are owned by the caller and ended with
 * store_call_free. A call that fails leaves no trace in the database.
 */
#pragma once

#include "broker/ledger/ledger.h"
#include "broker/ledger/logs.h"
#include "common/err.h"
#include "schemas/token.h"
#include "schemas/wire.h"

#include <stddef.h>
#include <stdint.h>

struct store;

enum {
    STORE_ID_BYTES = 16,
    STORE_KEY_BYTES = 16,
    STORE_DIGEST_BYTES = 32,
    STORE_LABEL_FIRST = 1, /* version of the labels that a competition begins with */
    STORE_RULES_VERSION = 1,
    STORE_COMPETITION_SIZE = 64,
    STORE_TEXT_SIZE = 241,
};

/* Caps: reported failures park soon, lost leases late, because an outage burns those. */
enum { STORE_FAILS_MAX = 3, STORE_LOST_MAX = 25, STORE_RETRY_DELAY_MS = 1000 };

enum store_lane { LANE_LIVE, LANE_REVEAL, LANE_RESCORE };

enum store_track { STORE_PUBLIC = TRACK_PUBLIC, STORE_PRIVATE = TRACK_PRIVATE, STORE_FROZEN };

enum store_scope {
    STORE_SCOPE_ORGANIZER = 1,
    STORE_SCOPE_TEAM,
    STORE_SCOPE_READER, /* what a team may see, and nothing else */
};

enum store_outcome {
    STORE_DONE,
    STORE_REPEATED,  /* it was done before: the same answer again */
    STORE_EMPTY,     /* nothing there */
    STORE_CONFLICT,  /* the key or name stands for something else, or the state forbids it */
    STORE_QUOTA,     /* the team has no submission left */
    STORE_STALE,     /* a result whose lease went to another worker */
    STORE_DIFFERENT, /* a result other than the recorded one: an alarm was raised */
    STORE_MISFIT,    /* a result that does not belong to this kind of job, or is not signed */
    STORE_FULL,      /* no room on the disk: nothing was done */
    STORE_FAILED,    /* it could not be done; the reason is in the log */
};

#define STORE_NO_LIMIT UINT32_MAX

/* Quota of a team as it stands behind the call. */
struct store_quota {
    uint32_t remaining_today; /* never more than remaining_total */
    uint32_t remaining_total; /* STORE_NO_LIMIT without one */
    int64_t resets_at_ms;     /* INT64_MIN: they do not return */
};

/* How fast submissions are scored, as measured; what is not known is 0. */
struct store_pace {
    int64_t service_ms; /* from claim to result */
    uint32_t n_workers;
};

/* A submission that changed, for hints and boards. */
struct store_changed {
    int64_t competition;
    int64_t team;
    uint8_t submission[STORE_ID_BYTES];
    bool is_submission; /* its state changed */
    bool is_best;       /* it became the team's best: the public board changed */
    int64_t sort_key;
    int64_t received_ms;
    int64_t number;
    int64_t board_version;
    int64_t board_changed_ms;
    bool is_revealed;      /* the last final was opened: the private board is there */
    bool is_corrected;     /* all is scored under other labels: the public board is another */
    int64_t label_version; /* is_corrected: that the board shows */
};

struct store_competition_put {
    struct wire_bytes id;
    struct wire_bytes task;
    struct wire_bytes metric;
    struct wire_bytes yaml;
    int64_t per_day;
    bool has_total;
    int64_t total;
    int64_t final_selections;
    bool is_higher_better;
    int decimals;
    uint8_t label_root[TREE_HASH_BYTES];
    uint8_t label_set[SHA256_BYTES];
    uint8_t ids[SHA256_BYTES];
    int64_t n_images;
    int64_t n_public;
    int64_t n_private;
    struct wire_bytes workers; /* as worker_keys_read reads them */
    uint8_t organizer[CRYPT_PUBLIC_KEY_BYTES];
    uint8_t score_seed_sha256[SHA256_BYTES];
    bool reveals_labels; /* all of them, with the private scores */
    int64_t now_ms;
    /* out: DONE, REPEATED (the same text and labels), CONFLICT (others under this id) */
    enum store_outcome outcome;
    int64_t competition;
};

/* Further workers of a competition, each with an entry. */
struct store_workers_put {
    int64_t competition;
    struct wire_bytes workers;
    int64_t now_ms;
    /* out: DONE (those that were there changed nothing), CONFLICT (a name has another key) */
    enum store_outcome outcome;
};

struct store_team_put {
    int64_t competition;
    struct wire_bytes name;
    struct wire_bytes members;
    char token_id[TOKEN_ID_LENGTH + 1];
    uint8_t token_hash[TOKEN_HASH_BYTES];
    int64_t now_ms;
    /* out: DONE, CONFLICT (the name is taken) */
    enum store_outcome outcome;
    int64_t team;
};

/* A new token for a team. What it had is revoked, but by a reader's token. */
struct store_team_token {
    int64_t competition;
    struct wire_bytes name;
    enum store_scope scope; /* TEAM or READER */
    int64_t expires_ms;     /* INT64_MAX: never */
    char token_id[TOKEN_ID_LENGTH + 1];
    uint8_t token_hash[TOKEN_HASH_BYTES];
    int64_t now_ms;
    /* out: DONE, EMPTY (there is no such team) */
    enum store_outcome outcome;
    int64_t team;
};

/* The organizer's token: made at the first start only. */
struct store_organizer_put {
    char token_id[TOKEN_ID_LENGTH + 1];
    uint8_t token_hash[TOKEN_HASH_BYTES];
    int64_t now_ms;
    /* out: DONE, REPEATED (there is one) */
    enum store_outcome outcome;
};

/*
 * A file that is there, or (with a grace time) the promise of one. Bytes that were promised under
 * the same key make the promise's submission: with its id and its receive time.
 */
struct store_submit {
    uint8_t id[STORE_ID_BYTES]; /* out: of the promise, where there was one */
    int64_t competition;
    int64_t team;
    uint8_t key[STORE_KEY_BYTES];
    uint8_t sha256[SHA256_BYTES];
    int64_t size_bytes;
    int64_t received_ms; /* out: of the promise, where there was one */
    int64_t grace_ms;    /* 0: the bytes are there; else they may come for so long */
    int64_t now_ms;
    struct wire_bytes file_name;
    struct wire_bytes message;
    bool is_closed; /* only a repeated key is answered: nothing new is taken */
    /* out: DONE, REPEATED, CONFLICT (the key was used for other content), QUOTA, EMPTY (closed),
     * STALE (the promise has expired) */
    enum store_outcome outcome;
    enum wire_submission_state state;
    int64_t until_ms; /* of a promise; 0 without one */
    char entry[ENTRY_SIZE];
    size_t entry_size;
    int64_t entry_index;
    struct wire_buffer proof; /* a tlog-proof file */
    struct store_quota quota;
    int64_t number;
};

/* The bytes of a submission, as far as they were promised. */
struct store_upload {
    uint8_t id[STORE_ID_BYTES];
    uint8_t sha256[SHA256_BYTES];
    int64_t size_bytes;
    int64_t received_ms;
    int64_t until_ms; /* 0: not promised */
    enum wire_submission_state state;
};

/* How many submissions a team has left; nothing changes. */
struct store_quota_get {
    int64_t competition;
    int64_t team;
    uint8_t key[STORE_KEY_BYTES];
    int64_t now_ms;
    /* out: DONE, REPEATED (the key was used: its submission will be answered), QUOTA */
    enum store_outcome outcome;
    struct store_quota quota;
    struct store_upload upload; /* REPEATED */
};

/* A promise and what became of it. */
struct store_upload_get {
    uint8_t id[STORE_ID_BYTES];
    int64_t team; /* 0: any */
    /* out: DONE, EMPTY */
    enum store_outcome outcome;
    char competition[STORE_COMPETITION_SIZE];
    uint8_t key[STORE_KEY_BYTES];
    struct store_upload upload;
};

/* Which files belong to a submission. */
struct store_files_get {
    struct wire_bytes hashes; /* SHA-256 after SHA-256 */
    /* out: DONE */
    enum store_outcome outcome;
    struct wire_buffer are_known; /* a byte for each: 0 or 1 */
};

struct store_submission_get {
    uint8_t id[STORE_ID_BYTES];
    int64_t team; /* 0: any */
    struct store_pace pace;
    /* out: DONE, EMPTY */
    enum store_outcome outcome;
    struct wire_buffer row; /* one record */
    struct wire_buffer problems;
    struct wire_buffer scorecard;
};

struct store_submission_list {
    int64_t competition;
    int64_t team; /* 0: any */
    int64_t before;
    uint32_t rows_max;
    struct store_pace pace;
    /* out: DONE */
    enum store_outcome outcome;
    struct wire_buffer rows;
};

enum { STORE_LINES_MAX = 5 }; /* submission, promise, and the three newest results */

/* The log entries of one submission. */
struct store_entries_get {
    uint8_t id[STORE_ID_BYTES];
    int64_t team; /* 0: any */
    /* out: DONE, EMPTY */
    enum store_outcome outcome;
    size_t n_lines;
    int64_t competition;
    struct {
        enum entry_kind kind;
        int64_t index;
        char text[ENTRY_SIZE];
        size_t size;
        struct wire_buffer proof; /* a tlog-proof file */
    } lines[STORE_LINES_MAX];
};

/* Something of a competition's log. */
struct store_log_get {
    int64_t competition;
    enum wire_log_part part;
    uint64_t first;
    uint64_t second;
    uint64_t third;
    uint8_t sha256[SHA256_BYTES]; /* of a file */
    bool is_organizer; /* sees every entry; others see all of them when the log is closed */
    /* out: DONE, EMPTY (there is no such part) */
    enum store_outcome outcome;
    struct wire_buffer data;
};

enum { STORE_PIECE_MAX = 1 << 20, STORE_FILE_MAX = 1 << 30 };

/* A piece of a file that an entry will name. It counts when it is whole and has its hash. */
struct store_file_put {
    int64_t competition;
    uint8_t sha256[SHA256_BYTES];
    int64_t at;
    struct wire_bytes data;
    /* out: DONE */
    enum store_outcome outcome;
};

/* The rows of a label set are published, with an entry. */
struct store_disclosure_put {
    int64_t competition;
    int64_t labels; /* version */
    uint8_t label_seed[SHA256_BYTES];
    uint8_t sha256[SHA256_BYTES]; /* of the file of rows */
    int64_t now_ms;
    /* out: DONE, REPEATED, EMPTY (there is no such version), CONFLICT (see reason) */
    enum store_outcome outcome;
    char reason[STORE_TEXT_SIZE];
};

/* A further version of the labels; everything is scored again under it. */
struct store_correction_put {
    int64_t competition;
    int64_t labels; /* version */
    uint8_t label_root[TREE_HASH_BYTES];
    uint8_t label_set[SHA256_BYTES];
    int64_t n_public;
    int64_t n_private;
    struct wire_bytes reason;
    uint8_t sha256[SHA256_BYTES]; /* of the proof */
    uint8_t signature[CRYPT_SIGNATURE_BYTES];
    int64_t now_ms;
    /* out: DONE, REPEATED (they are these; what was parked is tried again), CONFLICT (see refusal)
     */
    enum store_outcome outcome;
    char refusal[STORE_TEXT_SIZE];
    struct store_changed changed; /* is_corrected: nothing was scored yet */
};

/* The closing time has passed: an entry says so, once. */
struct store_close_put {
    int64_t competition;
    int64_t now_ms;
    /* out: DONE, REPEATED */
    enum store_outcome outcome;
};

struct store_select {
    int64_t competition;
    int64_t team;
    struct wire_bytes ids; /* separated by spaces; none takes the choice back */
    int64_t now_ms;
    /* out: DONE, REPEATED (it stood so), EMPTY (one is not a submission of this team that counts),
     * QUOTA (more than allowed), CONFLICT (the reveal was asked for) */
    enum store_outcome outcome;
    int64_t final_selections;
};

struct store_claim {
    struct wire_bytes worker;
    uint8_t key[CRYPT_PUBLIC_KEY_BYTES]; /* of the worker: only competitions that list it */
    bool is_rescore_first;               /* the re-score lane's guaranteed share */
    int64_t avoid_until_ms; /* re-scores of its own results that waited since before this are its */
    int64_t lease_until_boot_ms;
    uint32_t lease_ms;
    /* out: DONE, EMPTY */
    enum store_outcome outcome;
    struct wire_job job; /* submission, competition and sealed point into the fields below */
    char submission[2 * STORE_ID_BYTES + 1];
    char competition[STORE_COMPETITION_SIZE];
    struct wire_buffer sealed;
    struct store_changed changed;
};

struct store_renew {
    int64_t job;
    int64_t fence;
    int64_t lease_until_boot_ms;
    /* out: DONE, STALE */
    enum store_outcome outcome;
};

/* Gives a job back that its claimer never got: nothing is counted. */
struct store_release {
    int64_t job;
    int64_t fence;
    /* out: DONE, STALE */
    enum store_outcome outcome;
};

struct store_complete {
    const struct wire_result *result; /* borrowed */
    uint8_t digest[STORE_DIGEST_BYTES];
    int64_t now_ms;
    /* out: DONE, REPEATED, STALE, DIFFERENT, MISFIT */
    enum store_outcome outcome;
    struct store_changed changed;
};

struct store_fail {
    int64_t job;
    int64_t fence;
    struct wire_bytes reason;
    int64_t now_boot_ms;
    int64_t now_ms;
    /* out: DONE, STALE */
    enum store_outcome outcome;
    bool is_parked;
    struct store_changed changed;
};

/* Takes up to 100 overdue leases back, lets delayed jobs go on, and ends promises. */
struct store_expire {
    int64_t now_boot_ms;
    int64_t now_ms;
    int64_t promised_ms; /* promises whose bytes could come until before this are expired */
    /* out: DONE, EMPTY (nothing was due) */
    enum store_outcome outcome;
    uint32_t n_lost;
    uint32_t n_parked;
    uint32_t n_ready;
    uint32_t n_expired; /* promises */
    bool has_more;
};

/* Puts a parked submission back into the queue, with all its tries. */
struct store_retry {
    uint8_t id[STORE_ID_BYTES];
    int64_t now_ms;
    /* out: DONE, REPEATED (it is not parked), EMPTY (there is none) */
    enum store_outcome outcome;
    struct store_changed changed;
};

struct store_board_move {
    int64_t competition;
    enum wire_move move;
    uint8_t order[CRYPT_SIGNATURE_BYTES]; /* BOARD_REVEAL: the organizer's; see order.h */
    int64_t now_ms;
    /* out: DONE, REPEATED (it stands so), CONFLICT (see reason) */
    enum store_outcome outcome;
    char reason[STORE_TEXT_SIZE];
    enum wire_board_state board_state;
    int64_t board_version;
    int64_t board_changed_ms;
};

struct store_best {
    int64_t team;
    int64_t sort_key;
    int64_t received_ms;
    int64_t number;
    uint8_t submission[STORE_ID_BYTES];
};

/* Every team's best on one track. */
struct store_board_get {
    int64_t competition;
    enum store_track track;
    /* out: DONE */
    enum store_outcome outcome;
    struct store_best *rows; /* owned */
    size_t n_rows;
};

struct store_rescore_start {
    int64_t competition;
    int64_t now_ms;
    /* out: DONE, CONFLICT (one is under way), STALE (labels are being corrected) */
    enum store_outcome outcome;
    int64_t run;
};

/* Plans the next page of a run; to be repeated until is_planned. */
struct store_rescore_plan {
    int64_t run;
    int64_t now_ms;
    uint32_t page_rows;
    uint32_t jobs_max; /* unfinished jobs of the run; with so many nothing is planned */
    /* out: DONE, EMPTY (it is planned, or there are enough jobs) */
    enum store_outcome outcome;
    bool is_planned;
};

struct store_rescore_get {
    int64_t run;
    /* out: DONE, EMPTY */
    enum store_outcome outcome;
    struct wire_rescore report; /* competition and differences point into the fields below */
    char competition[STORE_COMPETITION_SIZE];
    struct wire_buffer differences;
};

/* The age costs the same whatever waits; the counts cost some 10 ns a job. */
struct store_stats {
    int64_t now_ms;
    bool is_counted; /* else the age alone */
    /* out: DONE */
    enum store_outcome outcome;
    struct wire_stats stats;
};

enum store_call_kind {
#define STORE_CALL(name, NAME) CALL_##NAME,
#include "broker/store/calls.def"
#undef STORE_CALL
};

/* Any call, as it waits for the store. */
struct store_call {
    enum store_call_kind kind;
    bool is_urgent; /* of a worker: it may overtake what clients asked for */
    union {
#define STORE_CALL(name, NAME) struct store_##name name;
#include "broker/store/calls.def"
#undef STORE_CALL
    };
};

struct store_settings {
    const char *path; /* borrowed for the call */
    struct logs_settings logs;
    bool may_void;    /* where entries that were signed are lost: go on, and say so in the log */
    int64_t lease_ms; /* what leases found in the store get anew */
    int64_t reserve_bytes; /* room kept to finish accepted work on a full disk; 0: none */
};

/*
 * Opens the store; see db_open. Every log is read again and held against what was signed. Leases
 * found in it get a new lease from now, so that a restart loses no work under way.
 *
 * Errors   as db_open and logs_open
 *          ERR_CONFIG  a log is not what was signed of it: an older database, or a changed one
 *          ERR_STORE   an entry is missing, or is not what it was
 * Owns     *store is owned by the caller; end it with store_close
 */
MUST_CHECK bool store_open(struct store **store, const struct store_settings *settings,
                           int64_t now_ms, int64_t now_boot_ms, struct err *err);
void store_close(struct store **store);

/*
 * Runs calls in their order and commits them together, durably. Every call's outcome is set. Where
 * the disk is full, a reserve is given up to finish what was accepted; calls that make new work are
 * then STORE_FULL until there is room again, and where even that does not help, all of them are.
 */
void store_batch(struct store *store, struct store_call *const *calls, size_t n_calls);

/* Frees what the answer of a call owns. */
void store_call_free(struct store_call *call);

/* Gives a call that was not run its outcome: STORE_FULL or STORE_FAILED. */
void store_call_fail(struct store_call *call, enum store_outcome outcome);

enum store_outcome store_call_outcome(const struct store_call *call);

/* ---- what the broker loads at its start ---- */

/* Whether an organizer's token was made. Errors: ERR_STORE. */
MUST_CHECK bool store_has_organizer(struct store *store, bool *has_one, struct err *err);

struct store_competition_row {
    int64_t number;
    struct wire_bytes yaml; /* borrowed for the visit, as all texts here */
    enum wire_board_state board_state;
    int64_t board_version;
    int64_t board_changed_ms;
    int64_t n_submissions;
    int64_t open_run; /* a re-score under way, or 0 */
    int64_t label_version;
    bool is_closed; /* the log has come to its closing time */
};

struct store_team_row {
    int64_t number;
    int64_t competition;
    struct wire_bytes name;
    struct wire_bytes members;
    int64_t n_submissions;
    int64_t last_ms;
};

struct store_token_row {
    struct wire_bytes id;
    uint8_t hash[TOKEN_HASH_BYTES];
    enum store_scope scope;
    int64_t team;       /* 0: none */
    int64_t expires_ms; /* INT64_MAX: never */
};

struct store_visitor {
    void *context;
    bool (*competition)(void *context, const struct store_competition_row *row, struct err *err);
    bool (*team)(void *context, const struct store_team_row *row, struct err *err);
    bool (*token)(void *context, const struct store_token_row *row, struct err *err);
};

/* Shows every competition, team and token, in this order. Errors: ERR_STORE, or the visitor's. */
MUST_CHECK bool store_visit(struct store *store, const struct store_visitor *visitor,
                            struct err *err);
