/* SPDX-License-Identifier: MIT */
/*
 * What the files of the store share. Each call runs inside a batch; false undoes the call.
 */
#pragma once

#include "broker/store/db.h"
#include "broker/store/reserve.h"
#include "broker/store/store.h"
#include "common/file.h"

/* Entries of the batch under way, for the logs when it is committed. */
struct store_pending {
    struct logs_entry entry;
    char id[STORE_COMPETITION_SIZE];
};

struct store {
    struct db *db;
    struct reserve reserve;
    struct logs *logs;
    const struct ledger_keys *keys; /* borrowed */
    struct store_pending *pending;  /* owned */
    size_t n_pending;
    size_t pending_capacity;
};

enum job_state { JOB_READY, JOB_LEASED, JOB_DELAYED, JOB_PARKED };

/* bool store_do_submit(struct store *, struct store_submit *, struct err *), one for each call */
#define STORE_CALL(name, NAME)                                                                     \
    MUST_CHECK bool store_do_##name(struct store *store, struct store_##name *call,                \
                                    struct err *err);
#include "broker/store/calls.def"
#undef STORE_CALL

/*
 * Appends an entry to a competition's log: takes the next index, makes the line and its leaf hash,
 * stores both.
 *
 *   line        out, what was appended
 *   entry       kind and values; competition and index are filled here
 *   submission  number, or 0
 */
MUST_CHECK bool store_append(struct store *store, struct ledger_line *line, struct entry *entry,
                             int64_t competition, int64_t submission, struct err *err);

/* As store_append, for a log's first entry, whose index and names are set. */
MUST_CHECK bool store_append_first(struct store *store, const struct ledger_line *line,
                                   const struct entry *entry, int64_t competition, struct err *err);

/* Appends the entry that names a log and its keys. */
MUST_CHECK bool store_append_keys(struct store *store, int64_t competition, const char *id,
                                  int64_t now_ms, struct err *err);

/* Appends the entry that the closing time has passed. */
MUST_CHECK bool store_append_close(struct store *store, int64_t competition, int64_t now_ms,
                                   struct err *err);

/* ---- store_log.c: the logs in memory ---- */

/* Loads every log, and holds it against what was signed; see store_settings. */
MUST_CHECK bool store_logs_open(struct store *store, const struct store_settings *settings,
                                int64_t now_ms, struct err *err);

/* The batch is committed: its entries go to the logs, which are signed. Errors: as logs_sign. */
MUST_CHECK bool store_logs_follow(struct store *store, struct err *err);

/* Gives a call that hands out an entry its proof. Errors: as logs_prove. */
MUST_CHECK bool store_logs_prove(struct store *store, struct store_call *call, struct err *err);

/* What a team has left on a day. */
struct store_limits {
    int64_t per_day;
    bool has_total;
    int64_t total;
};
MUST_CHECK bool store_quota(struct store *store, struct store_quota *quota,
                            const struct store_limits *limits, int64_t team, int64_t at_ms,
                            struct err *err);

/* The rules that a submission must meet, and what its entry names. */
struct store_rules {
    struct store_limits limits;
    enum wire_board_state board_state;
    int64_t final_selections;
    uint8_t genesis[ENTRY_LEAF_BYTES];
};
MUST_CHECK bool store_rules(struct store *store, struct store_rules *rules, int64_t competition,
                            struct err *err);

/* Adds to the team's counters, of all time and of the day of `received_ms`. */
MUST_CHECK bool store_count(struct store *store, int64_t team, int64_t received_ms, int n_open,
                            int n_scored, struct err *err);

/* Puts the job of an accepted submission into its lane; `is_counted` where it is in flight already.
 */
MUST_CHECK bool store_add_job(struct store *store, const struct store_submit *call, bool is_counted,
                              struct err *err);

/* Appends the submission's entry, or its promise's, and gives it back in the call. */
MUST_CHECK bool store_append_receipt(struct store *store, struct store_submit *call,
                                     enum entry_kind kind, const struct store_rules *rules,
                                     struct err *err);

/* The promise that DB_SUBMISSION_BY_KEY stands on gets its bytes. */
MUST_CHECK bool store_keep_promise(struct store *store, struct store_submit *call,
                                   const struct store_rules *rules, struct err *err);

/* Reads what DB_SUBMISSION_BY_KEY stands on. */
struct store_upload store_upload_of_key(struct store *store);

/* Ends up to `n_max` promises; *n_expired tells how many. */
MUST_CHECK bool store_expire_promises(struct store *store, uint32_t *n_expired, int64_t before_ms,
                                      uint32_t n_max, struct err *err);

/* What a submission's job changes: read once, then passed along. */
struct store_subject {
    int64_t number;
    uint8_t id[STORE_ID_BYTES];
    int64_t competition;
    int64_t team;
    int64_t received_ms;
    enum wire_submission_state state;
    bool is_higher_better;
    int decimals;
    enum wire_board_state board_state;
    int64_t board_version;
    int64_t label_version; /* that the board shows */
};
MUST_CHECK bool store_subject(struct store *store, struct store_subject *subject, int64_t number,
                              struct err *err);

/* A hint that the subject's state changed. */
struct store_changed store_changed_of(const struct store_subject *subject);

/* A job as it lies in the table. */
struct store_job {
    int64_t number;
    enum wire_job_kind kind;
    int64_t submission;
    int64_t label_version;
    int64_t rules_version;
    int64_t run;
    int64_t fence;
    enum job_state state;
    int64_t n_fails;
    int64_t n_lost;
    int64_t competition;
};
MUST_CHECK bool store_job_row(struct store *store, struct store_job *job, bool *is_there,
                              int64_t number, struct err *err);

/* Ends a re-score run when it is planned and its last job is gone; appends its entry. */
MUST_CHECK bool store_run_settle(struct store *store, int64_t run, int64_t now_ms, struct err *err);

/* Counts a re-scored submission of a run; `difference` is NULL where it came out equal. */
MUST_CHECK bool store_run_count(struct store *store, const struct store_job *job, bool is_failed,
                                const char *difference, struct err *err);

/* ---- store_file.c: files that entries name ---- */

/* Keeps a file that anybody may have. Errors: ERR_STORE. */
MUST_CHECK bool store_publish(struct store *store, int64_t competition, struct wire_bytes data,
                              struct err *err);

/* Reads a file that was put, and that it has its hash; *is_whole is false where it is not. Owns:
 * *data is the caller's. */
MUST_CHECK bool store_file_read(struct bytes *data, bool *is_whole, struct store *store,
                                int64_t competition, const uint8_t sha256[static SHA256_BYTES],
                                struct err *err);

/* Makes a file that was put one that anybody may have. */
MUST_CHECK bool store_file_release(struct store *store, int64_t competition,
                                   const uint8_t sha256[static SHA256_BYTES], size_t size,
                                   struct err *err);

/* Bytes of a published file, from `at` to the end of a piece; *is_there is false for others. */
MUST_CHECK bool store_file_piece(struct wire_buffer *data, bool *is_there, struct store *store,
                                 int64_t competition, const uint8_t sha256[static SHA256_BYTES],
                                 int64_t at, struct err *err);

/* ---- store_correct.c: labels ---- */

/* The newest version of a competition's labels, by which what comes is scored. */
MUST_CHECK bool store_labels_newest(struct store *store, int64_t *version, int64_t competition,
                                    struct err *err);

/* Whether everything has still to be scored again under the newest labels. */
MUST_CHECK bool store_is_correcting(struct store *store, bool *is_correcting, int64_t competition,
                                    struct err *err);

/* Shows the newest labels' scores when the last one is there; `changed` tells. */
MUST_CHECK bool store_correction_settle(struct store *store, struct store_changed *changed,
                                        int64_t competition, int64_t now_ms, struct err *err);

/* Makes the public board anew of the results that are shown now, with its entry. */
MUST_CHECK bool store_show_corrected(struct store *store, int64_t *board_version,
                                     int64_t competition, int64_t now_ms, struct err *err);

/* Ends the reveal when the last final was opened; *is_revealed tells. */
MUST_CHECK bool store_reveal_settle(struct store *store, int64_t competition, int64_t now_ms,
                                    bool *is_revealed, int64_t *board_version, struct err *err);
