/* SPDX-License-Identifier: MIT */
/*
 * A competition's log as an audit looks at it: what the entries say, in tables, and the checks of
 * it. Everything comes from files that anybody may have; 1 KiB an entry is held in memory.
 */
#pragma once

#include "client/log_folder.h"
#include "schemas/commitment.h"
#include "schemas/competition.h"
#include "schemas/opening.h"
#include "schemas/worker_key.h"

enum { AUDIT_ID_SIZE = 33, AUDIT_WORD_SIZE = 201, AUDIT_WORKERS_MAX = 256 };

struct audit_submission {
    char id[AUDIT_ID_SIZE];
    int64_t index; /* of its entry */
    int64_t team;
    int64_t received_ms;
    uint8_t file_sha256[SHA256_BYTES];
    bool is_selected;   /* by the team's last selection */
    size_t last_result; /* its place plus 1; 0: there is none */
};

struct audit_result {
    int64_t index; /* of its entry */
    size_t submission;
    size_t before;   /* the submission's result before this one: its place plus 1, or 0 */
    uint32_t labels; /* version */
    uint32_t rules;
    bool is_scored;
    char score[AUDIT_WORD_SIZE]; /* released; "" without one */
    uint8_t scorecard_sha256[SHA256_BYTES];
    uint8_t sealed_sha256[SHA256_BYTES];
    uint8_t public_commitment[COMMITMENT_BYTES];
    uint8_t private_commitment[COMMITMENT_BYTES];
    uint64_t problems;
    char build[AUDIT_WORD_SIZE];
    uint8_t key[CRYPT_PUBLIC_KEY_BYTES];
    uint8_t signature[CRYPT_SIGNATURE_BYTES];
    bool is_opened;
    struct opening opening; /* with is_opened */
};

/* A version of the labels. */
struct audit_labels {
    struct tree_hash root;
    int64_t n_public;
    int64_t n_private;
    bool is_disclosed;
    uint8_t seed[COMMITMENT_SEED_BYTES]; /* with is_disclosed, as the rows */
    struct bytes rows;                   /* owned */
};

struct audit_rescore {
    int64_t index;
    int64_t labels;
    int64_t before;
    int64_t n_results;
    bool is_equal; /* nothing failed, nothing differed */
    char results_root[SHA256_HEX_SIZE];
    int64_t n_signatures;
    struct bytes signatures; /* owned */
};

struct audit_board {
    int64_t index;
    int64_t labels;
    bool is_private;
    char move[16];
    char sha256[SHA256_HEX_SIZE];
};

struct audit_worker {
    struct worker_public_key key;
    int64_t since; /* index of the entry that lists it */
};

/* {0} … audit_free */
struct audit {
    struct competition competition;
    bool is_higher_better;
    uint8_t organizer[CRYPT_PUBLIC_KEY_BYTES];
    uint8_t score_seed_sha256[SHA256_BYTES];

    struct audit_worker workers[AUDIT_WORKERS_MAX];
    size_t n_workers;
    struct audit_submission *submissions; /* owned, as all that follow; in the order of the log */
    size_t n_submissions;
    uint32_t *slots; /* places of submissions plus 1, by their ids; 0: free */
    size_t n_slots;  /* a power of two, or 0 */
    struct audit_result *results;
    size_t n_results;
    struct audit_labels *labels; /* version 1 first */
    size_t n_labels;
    struct audit_rescore *rescores;
    size_t n_rescores;
    struct audit_board *boards;
    size_t n_boards;
    size_t n_selections;
    size_t n_corrections; /* signed by the organizer, as was seen */

    int64_t reveal_index; /* 0: there is no such entry */
    int64_t n_finals;
    char finals_sha256[SHA256_HEX_SIZE];
    bool is_ordered; /* by the organizer's signature */

    int64_t opening_index; /* 0: there is no such entry */
    uint8_t score_seed[COMMITMENT_SEED_BYTES];
    struct bytes scores; /* owned; the file */

    size_t n_failed; /* findings */
};

void audit_free(struct audit *audit);

/* ---- the tables (gather.c) ---- */

/* A log_visitor's `see`; the context is a struct audit. Errors: ERR_INPUT, ERR_SYSTEM. */
MUST_CHECK bool audit_see(void *context, const struct entry *entry, const struct bytes *file,
                          const struct log_labels *labels, struct err *err);

/* The submission of that id, or NULL. */
struct audit_submission *audit_submission(const struct audit *audit, const char *id);

/* The result of a submission under a version of the labels, or NULL. */
struct audit_result *audit_result(const struct audit *audit, size_t submission, uint32_t labels);

/* ---- the report (report.c): a line each ---- */

void audit_passed(const char *what, const char *format, ...) PRINTF_LIKE(2, 3);
void audit_skipped(const char *what, const char *format, ...) PRINTF_LIKE(2, 3);

/* A finding: the audit has failed. */
void audit_failed(struct audit *audit, const char *what, const char *format, ...) PRINTF_LIKE(3, 4);

/* ---- the checks: each says what it found. Errors: ERR_SYSTEM (could not be carried out) ---- */

/*
 * Whose log it is, and whether it continues what was seen of it.
 *
 *   folder   of the log
 *   keys     folder with the keys that the auditor holds (keyring.h), or NULL
 *
 * Errors   those of keyring_read and keyring_history, too
 */
MUST_CHECK bool audit_keys(struct audit *audit, const struct log_summary *log, const char *folder,
                           const char *keys, struct err *err);

/* Each result and each confirmation is signed by a worker that was listed before. */
MUST_CHECK bool audit_signatures(struct audit *audit, struct err *err);

/* The root of each re-score is the one over the results. */
MUST_CHECK bool audit_rescores(struct audit *audit, struct err *err);

/* Every commitment opens with the one seed, and what was released is what was opened, rounded. */
MUST_CHECK bool audit_openings(struct audit *audit, struct err *err);

/* The published rows have the roots that were committed to. */
MUST_CHECK bool audit_labels(struct audit *audit, struct err *err);

/* Which submissions decide, and every board whose hash is in the log, made again. */
MUST_CHECK bool audit_boards(struct audit *audit, struct err *err);

/*
 * Scores files again by the published labels and compares with what was opened.
 *
 *   folder       of submitted files, by any names; found in the log by their SHA-256
 *   categories   path of the competition's file of classes, or NULL: a detection, and a competition
 *                that names such a file, cannot be scored without
 */
MUST_CHECK bool audit_scores(struct audit *audit, const char *folder, const char *categories,
                             struct err *err);
