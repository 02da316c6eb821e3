/* SPDX-License-Identifier: MIT */
/*
 * The entries of a competition's append-only log. An entry is one line of canonical ASCII JSON:
 * fixed keys in a fixed order per kind, integers and strings only, no spaces, LF at the end. The
 * line is what is hashed, stored, signed and handed out; nothing is ever encoded again.
 */
#pragma once

#include "common/err.h"
#include "common/sha256.h"

#include <stddef.h>

enum entry_kind {
    ENTRY_GENESIS,     /* the competition and its rules; always index 0 */
    ENTRY_SUBMISSION,  /* a file was accepted */
    ENTRY_RESULT,      /* it was scored, or found invalid */
    ENTRY_SELECTION,   /* a team chose what counts in the end */
    ENTRY_LEADERBOARD, /* published, frozen or revealed */
    ENTRY_RESCORE,     /* everything was scored again and compared */
    ENTRY_PROMISE,     /* a file was promised by its hash: its bytes may follow */
    ENTRY_KEY,         /* the keys that sign from here on */
    ENTRY_VOID,        /* what was signed beyond this is lost: the log goes on under a new name */
    ENTRY_REVEAL,      /* which submissions decide, before their private scores are opened */
    ENTRY_CLOSE,       /* the closing time has passed */
    ENTRY_WORKER,      /* a further worker, whose results count from here on */
    ENTRY_OPENING,     /* the score seed, and every score that was committed to: a file */
    ENTRY_DISCLOSURE,  /* the label seed of a version, and its rows: a file */
    ENTRY_CORRECTION,  /* a further version of the labels, and which rows changed: a file */
};

enum {
    ENTRY_SIZE = 4096,
    /* a line with its NUL */ ENTRY_VALUES_MAX = 16,
    ENTRY_LEAF_BYTES = SHA256_BYTES
};

/*
 * The values of each kind, in the order of the line, behind competition, kind, v and index.
 *   HEX32 HEX64  lower-case hexadecimal digits
 *   WORD         printable ASCII without quotes and backslashes, at most 200 bytes
 *   TIME         RFC 3339 UTC as time_text writes it
 *   COUNT        0 to 2^63 - 1
 */
#define ENTRY_GENESIS_VALUES(VALUE)                                                                \
    VALUE(GENESIS, TASK, "task", WORD)                                                             \
    VALUE(GENESIS, METRIC, "metric", WORD)                                                         \
    VALUE(GENESIS, RULES_SHA256, "rules_sha256", HEX64) /* of the competition file */              \
    VALUE(GENESIS, LABEL_ROOT, "label_root", HEX64)     /* of version 1; see commitment.h */       \
    VALUE(GENESIS, LABEL_SET_SHA256, "label_set_sha256", HEX64) /* of the label block */           \
    VALUE(GENESIS, IDS_SHA256, "ids_sha256", HEX64) /* of all image ids, a line each */            \
    VALUE(GENESIS, IMAGES, "images", COUNT)                                                        \
    VALUE(GENESIS, PUBLIC, "public", COUNT)                                                        \
    VALUE(GENESIS, PRIVATE, "private", COUNT)                                                      \
    VALUE(GENESIS, WORKERS, "workers", WORDS)     /* keys, see worker_key.h */                     \
    VALUE(GENESIS, ORGANIZER, "organizer", HEX64) /* key that signs orders, see order.h */         \
    VALUE(GENESIS, SCORE_SEED_SHA256, "score_seed_sha256", HEX64)                                  \
    VALUE(GENESIS, REVEAL, "reveal", WORD) /* of labels: "none" or "full" */                       \
    VALUE(GENESIS, CREATED, "created", TIME)

#define ENTRY_SUBMISSION_VALUES(VALUE)                                                             \
    VALUE(SUBMISSION, ID, "id", HEX32)                                                             \
    VALUE(SUBMISSION, TEAM, "team", WORD) /* "t42" */                                              \
    VALUE(SUBMISSION, FILE_SHA256, "file_sha256", HEX64)                                           \
    VALUE(SUBMISSION, FILE_BYTES, "file_bytes", COUNT)                                             \
    VALUE(SUBMISSION, RECEIVED, "received", TIME)                                                  \
    VALUE(SUBMISSION, GENESIS, "genesis", HEX64) /* leaf hash of the genesis entry */

#define ENTRY_RESULT_VALUES(VALUE)                                                                 \
    VALUE(RESULT, ID, "id", HEX32)                                                                 \
    VALUE(RESULT, OUTCOME, "outcome", WORD) /* "scored" or "invalid" */                            \
    VALUE(RESULT, LABELS, "labels", COUNT)  /* version */                                          \
    VALUE(RESULT, RULES, "rules", COUNT)    /* version */                                          \
    VALUE(RESULT, SCORE, "score", WORD)     /* as the board shows it; empty without one */         \
    VALUE(RESULT, SCORECARD_SHA256, "scorecard_sha256", HEX64) /* public part, JSON bytes */       \
    VALUE(RESULT, SEALED_SHA256, "sealed_sha256", HEX64)       /* private part, as sealed */       \
    VALUE(RESULT, PROBLEMS, "problems", COUNT)                                                     \
    VALUE(RESULT, WORKER, "worker", WORD)                                                          \
    VALUE(RESULT, BUILD, "build", WORD)                                                            \
    VALUE(RESULT, PUBLIC_COMMITMENT, "public_commitment", HEX64) /* see commitment.h */            \
    VALUE(RESULT, PRIVATE_COMMITMENT, "private_commitment", HEX64)                                 \
    VALUE(RESULT, KEY, "key", HEX64)            /* of the worker */                                \
    VALUE(RESULT, SIGNATURE, "signature", WORD) /* base64, of the statement; see statement.h */    \
    VALUE(RESULT, FINISHED, "finished", TIME)

#define ENTRY_SELECTION_VALUES(VALUE)                                                              \
    VALUE(SELECTION, TEAM, "team", WORD)                                                           \
    VALUE(SELECTION, SUBMISSIONS, "submissions", WORDS) /* ids separated by spaces */              \
    VALUE(SELECTION, SELECTED, "selected", TIME)

#define ENTRY_LEADERBOARD_VALUES(VALUE)                                                            \
    VALUE(LEADERBOARD, MOVE, "move", WORD) /* "publish", "freeze", "reveal" or "correct" */        \
    VALUE(LEADERBOARD, VERSION, "version", COUNT)                                                  \
    VALUE(LEADERBOARD, LABELS, "labels", COUNT) /* version */                                      \
    VALUE(LEADERBOARD, BOARD_SHA256, "board_sha256", HEX64)                                        \
    VALUE(LEADERBOARD, MOVED, "moved", TIME)

#define ENTRY_RESCORE_VALUES(VALUE)                                                                \
    VALUE(RESCORE, RUN, "run", COUNT)                                                              \
    VALUE(RESCORE, LABELS, "labels", COUNT) /* version */                                          \
    VALUE(RESCORE, BEFORE, "before", COUNT) /* of the results in the log below this index */       \
    VALUE(RESCORE, PLANNED, "planned", COUNT)                                                      \
    VALUE(RESCORE, EQUAL, "equal", COUNT)                                                          \
    VALUE(RESCORE, DIFFERENT, "mismatches", COUNT)                                                 \
    VALUE(RESCORE, FAILED, "failed", COUNT)                                                        \
    VALUE(RESCORE, CONFIRMED, "confirmed", COUNT)       /* that two workers have signed by now */  \
    VALUE(RESCORE, RESULTS, "n", COUNT)                 /* leaves under the root */                \
    VALUE(RESCORE, RESULTS_ROOT, "results_root", HEX64) /* see commitment.h */                     \
    VALUE(RESCORE, WORKERS, "workers", WORDS)           /* names of those that did it */           \
    VALUE(RESCORE, SIGNATURES, "signatures", COUNT)     /* that this run added */                  \
    VALUE(RESCORE, SIGNATURES_SHA256, "signatures_sha256", HEX64) /* of the file with them */      \
    VALUE(RESCORE, SIGNATURES_BYTES, "signatures_bytes", COUNT)                                    \
    VALUE(RESCORE, FINISHED, "finished", TIME)

#define ENTRY_PROMISE_VALUES(VALUE)                                                                \
    VALUE(PROMISE, ID, "id", HEX32) /* of the submission that the bytes make */                    \
    VALUE(PROMISE, TEAM, "team", WORD)                                                             \
    VALUE(PROMISE, FILE_SHA256, "file_sha256", HEX64)                                              \
    VALUE(PROMISE, FILE_BYTES, "file_bytes", COUNT)                                                \
    VALUE(PROMISE, RECEIVED, "received", TIME) /* the submission's receive time, too */            \
    VALUE(PROMISE, UNTIL, "until", TIME)       /* bytes are taken until then */                    \
    VALUE(PROMISE, GENESIS, "genesis", HEX64)

#define ENTRY_KEY_VALUES(VALUE)                                                                    \
    VALUE(KEY, RECEIPT, "receipt", WORD) /* minisign, base64 */                                    \
    VALUE(KEY, SSH, "ssh", WORD)         /* OpenSSH, base64 */                                     \
    VALUE(KEY, LOG, "log", WORD)         /* of checkpoints: ORIGIN+hash+key */                     \
    VALUE(KEY, SINCE, "since", TIME)

#define ENTRY_VOID_VALUES(VALUE)                                                                   \
    VALUE(VOID, REASON, "reason", WORD)            /* "lost", "changed" or "no record" */          \
    VALUE(VOID, SIGNED_SIZE, "signed_size", COUNT) /* of the last checkpoint that was signed */    \
    VALUE(VOID, SIGNED_ROOT, "signed_root", HEX64)                                                 \
    VALUE(VOID, LOG, "log", WORD) /* the key under the log's new name: ORIGIN+hash+key */          \
    VALUE(VOID, VOIDED, "voided", TIME)

#define ENTRY_REVEAL_VALUES(VALUE)                                                                 \
    VALUE(REVEAL, FINALS, "finals", COUNT)                                                         \
    VALUE(REVEAL, FINALS_SHA256, "finals_sha256", HEX64) /* of their ids, a line each */           \
    VALUE(REVEAL, SIGNATURE, "signature", WORD) /* base64, of the organizer's order; order.h */    \
    VALUE(REVEAL, BEGUN, "begun", TIME)

#define ENTRY_CLOSE_VALUES(VALUE)                                                                  \
    VALUE(CLOSE, SUBMISSIONS, "submissions", COUNT)                                                \
    VALUE(CLOSE, CLOSED, "closed", TIME)

#define ENTRY_WORKER_VALUES(VALUE)                                                                 \
    VALUE(WORKER, KEY, "key", WORD) /* see worker_key.h */                                         \
    VALUE(WORKER, ADDED, "added", TIME)

#define ENTRY_OPENING_VALUES(VALUE)                                                                \
    VALUE(OPENING, SCORE_SEED, "score_seed", HEX64)                                                \
    VALUE(OPENING, RESULTS, "results", COUNT)                                                      \
    VALUE(OPENING, SCORES_SHA256, "scores_sha256", HEX64) /* of the file; see opening.h */         \
    VALUE(OPENING, SCORES_BYTES, "scores_bytes", COUNT)                                            \
    VALUE(OPENING, OPENED, "opened", TIME)

#define ENTRY_DISCLOSURE_VALUES(VALUE)                                                             \
    VALUE(DISCLOSURE, LABELS, "labels", COUNT) /* version */                                       \
    VALUE(DISCLOSURE, LABEL_SEED, "label_seed", HEX64)                                             \
    VALUE(DISCLOSURE, ROWS_SHA256, "rows_sha256", HEX64) /* of the file; see label_list.h */       \
    VALUE(DISCLOSURE, ROWS_BYTES, "rows_bytes", COUNT)                                             \
    VALUE(DISCLOSURE, DISCLOSED, "disclosed", TIME)

#define ENTRY_CORRECTION_VALUES(VALUE)                                                             \
    VALUE(CORRECTION, LABELS, "labels", COUNT) /* version, the one before it plus 1 */             \
    VALUE(CORRECTION, OLD_ROOT, "old_root", HEX64)                                                 \
    VALUE(CORRECTION, NEW_ROOT, "new_root", HEX64)                                                 \
    VALUE(CORRECTION, LABEL_SET_SHA256, "label_set_sha256", HEX64)                                 \
    VALUE(CORRECTION, COUNT, "count", COUNT) /* of rows that changed */                            \
    VALUE(CORRECTION, PUBLIC, "public", COUNT)                                                     \
    VALUE(CORRECTION, PRIVATE, "private", COUNT)                                                   \
    VALUE(CORRECTION, REASON, "reason", WORD)                                                      \
    VALUE(CORRECTION, PROOF_SHA256, "proof_sha256", HEX64) /* of the file; see correction.h */     \
    VALUE(CORRECTION, PROOF_BYTES, "proof_bytes", COUNT)                                           \
    VALUE(CORRECTION, SIGNATURE, "signature", WORD) /* base64, of the organizer; order.h */        \
    VALUE(CORRECTION, CORRECTED, "corrected", TIME)

/* GENESIS_TASK, SUBMISSION_ID, …: places in entry.values */
#define ENTRY_VALUE_PLACE(KIND, NAME, key, type) ENTRY_##KIND##_##NAME,
enum { ENTRY_GENESIS_VALUES(ENTRY_VALUE_PLACE) ENTRY_GENESIS_N };
enum { ENTRY_SUBMISSION_VALUES(ENTRY_VALUE_PLACE) ENTRY_SUBMISSION_N };
enum { ENTRY_RESULT_VALUES(ENTRY_VALUE_PLACE) ENTRY_RESULT_N };
enum { ENTRY_SELECTION_VALUES(ENTRY_VALUE_PLACE) ENTRY_SELECTION_N };
enum { ENTRY_LEADERBOARD_VALUES(ENTRY_VALUE_PLACE) ENTRY_LEADERBOARD_N };
enum { ENTRY_RESCORE_VALUES(ENTRY_VALUE_PLACE) ENTRY_RESCORE_N };
enum { ENTRY_PROMISE_VALUES(ENTRY_VALUE_PLACE) ENTRY_PROMISE_N };
enum { ENTRY_KEY_VALUES(ENTRY_VALUE_PLACE) ENTRY_KEY_N };
enum { ENTRY_VOID_VALUES(ENTRY_VALUE_PLACE) ENTRY_VOID_N };
enum { ENTRY_REVEAL_VALUES(ENTRY_VALUE_PLACE) ENTRY_REVEAL_N };
enum { ENTRY_CLOSE_VALUES(ENTRY_VALUE_PLACE) ENTRY_CLOSE_N };
enum { ENTRY_WORKER_VALUES(ENTRY_VALUE_PLACE) ENTRY_WORKER_N };
enum { ENTRY_OPENING_VALUES(ENTRY_VALUE_PLACE) ENTRY_OPENING_N };
enum { ENTRY_DISCLOSURE_VALUES(ENTRY_VALUE_PLACE) ENTRY_DISCLOSURE_N };
enum { ENTRY_CORRECTION_VALUES(ENTRY_VALUE_PLACE) ENTRY_CORRECTION_N };

/* A text, or a number for COUNT. */
struct entry_value {
    const char *text; /* borrowed, NUL-terminated */
    int64_t number;
};

struct entry {
    enum entry_kind kind;
    const char *competition; /* borrowed */
    int64_t index;
    struct entry_value values[ENTRY_VALUES_MAX];
};

/*
 * Writes the line of an entry, LF included, with a NUL behind it.
 *
 *   size     out, bytes of the line without the NUL
 *
 * Errors   ERR_INPUT  a value is not of its type; the text names the key
 *          ERR_LIMIT  the line does not fit ENTRY_SIZE
 */
MUST_CHECK bool entry_make(char line[static ENTRY_SIZE], size_t *size, const struct entry *entry,
                           struct err *err);

/*
 * Reads a line back. Only what entry_make writes is accepted: the line is made again from its
 * values and must be the same bytes.
 *
 *   texts    out, holds the texts that `entry` then borrows
 *
 * Errors   ERR_INPUT  not a canonical entry
 */
MUST_CHECK bool entry_read(struct entry *entry, char texts[static ENTRY_SIZE], const void *line,
                           size_t size, struct err *err);

/* "submission", … */
const char *entry_kind_name(enum entry_kind kind);

/* True for kinds that anybody may read while the competition runs; the others are a team's own. */
bool entry_kind_is_public(enum entry_kind kind);

/* The RFC 6962 leaf hash: SHA-256 of a zero byte and the line. */
void entry_leaf(uint8_t leaf[static ENTRY_LEAF_BYTES], const void *line, size_t size);
