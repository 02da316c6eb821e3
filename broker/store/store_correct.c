/* SPDX-License-Identifier: MIT */
/*
 * Corrections of labels. A further version is taken with the proof of which rows changed; what
 * waits is scored by it from then on, what is scored is scored again beside the old results, and
 * the board shows the new ones in one step, when the last of them is there.
 */
#include "broker/store/inside.h"

#include <stdio.h>
#include <string.h>

#include "common/crashpoint.h"
#include "common/text.h"
#include "schemas/correction.h"
#include "schemas/order.h"

/* What the labels of a competition are now. */
struct standing {
    int64_t newest; /* version */
    uint8_t root[TREE_HASH_BYTES];
    uint8_t label_set[SHA256_BYTES];
    int64_t n_rows;
    int64_t shown; /* version */
    enum wire_board_state board_state;
    char competition[STORE_COMPETITION_SIZE];
    uint8_t organizer[CRYPT_PUBLIC_KEY_BYTES];
    int64_t board_version;
};

static bool read_standing(struct store *store, struct standing *standing, int64_t competition,
                          struct err *err)
{
    struct db *db = store->db;
    bool has_row;

    *standing = (struct standing){.newest = STORE_LABEL_FIRST, .shown = STORE_LABEL_FIRST};
    if (!db_find(db, DB_LABELS_NEWEST, &has_row, err, db_int(competition))) {
        return false;
    }
    if (!has_row) { /* of a time before commitments */
        return true;
    }
    standing->newest = db_column_int(db, DB_LABELS_NEWEST, 0);
    db_column_copy(db, DB_LABELS_NEWEST, 1, standing->root, sizeof(standing->root));
    db_column_copy(db, DB_LABELS_NEWEST, 2, standing->label_set, sizeof(standing->label_set));
    standing->n_rows = db_column_int(db, DB_LABELS_NEWEST, 3);
    standing->shown = db_column_int(db, DB_LABELS_NEWEST, 4);
    standing->board_state = (enum wire_board_state)db_column_int(db, DB_LABELS_NEWEST, 5);
    wire_text_copy(standing->competition, sizeof(standing->competition),
                   db_column_bytes(db, DB_LABELS_NEWEST, 6));
    db_column_copy(db, DB_LABELS_NEWEST, 7, standing->organizer, sizeof(standing->organizer));
    standing->board_version = db_column_int(db, DB_LABELS_NEWEST, 8);
    return true;
}

bool store_labels_newest(struct store *store, int64_t *version, int64_t competition,
                         struct err *err)
{
    struct standing standing;
    bool ok = read_standing(store, &standing, competition, err);

    *version = standing.newest;
    return ok;
}

bool store_is_correcting(struct store *store, bool *is_correcting, int64_t competition,
                         struct err *err)
{
    struct standing standing;
    bool ok = read_standing(store, &standing, competition, err);

    *is_correcting = standing.newest != standing.shown;
    return ok;
}

/* ---- the end of a correction ---- */

bool store_correction_settle(struct store *store, struct store_changed *changed,
                             int64_t competition, int64_t now_ms, struct err *err)
{
    struct db *db = store->db;
    struct standing standing;
    bool has_row;

    if (!db_find(db, DB_JOB_OF_COMPETITION, &has_row, err, db_int(JOB_CORRECT), db_int(competition),
                 db_int(1)) ||
        !read_standing(store, &standing, competition, err)) {
        return false;
    }
    changed->competition = competition;
    changed->board_version = standing.board_version;
    if (db_column_int(db, DB_JOB_OF_COMPETITION, 0) > 0 || standing.newest == standing.shown) {
        return true;
    }
    CRASHPOINT("all is corrected, the board is not");
    changed->is_corrected = true;
    changed->label_version = standing.newest;
    changed->board_changed_ms = now_ms;
    return db_run(db, DB_LABELS_SHOW, err, db_int(competition), db_int(standing.newest)) &&
           db_run(db, DB_SUBMISSION_CORRECTED, err, db_int(competition), db_int(standing.newest)) &&
           store_show_corrected(store, &changed->board_version, competition, now_ms, err);
}

/* ---- its beginning ---- */

static bool refuse(struct store_correction_put *call, const char *refusal)
{
    call->outcome = STORE_CONFLICT;
    snprintf(call->refusal, sizeof(call->refusal), "%s", refusal);
    return true;
}

/* Why no correction is taken now; NULL where it is. */
static const char *find_obstacle(const struct store_correction_put *call,
                                 const struct standing *standing)
{
    if (standing->board_state == BOARD_REVEALING || standing->board_state == BOARD_REVEALED) {
        return "the board was revealed";
    }
    if (standing->newest != standing->shown) {
        return "not everything is scored under the labels of the correction before";
    }
    if (call->labels != standing->newest + 1) {
        return "the version is not the next one";
    }
    if (call->n_public < 0 || call->n_private < 0 || call->n_public > standing->n_rows ||
        call->n_private > standing->n_rows - call->n_public) {
        return "the counts of images do not fit";
    }
    return NULL;
}

/* Whether the organizer signed for it. */
static bool is_ordered(const struct store_correction_put *call, const struct standing *standing)
{
    char reason[STORE_TEXT_SIZE];
    const struct order_correct order = {.competition = standing->competition,
                                        .labels = (uint32_t)call->labels,
                                        .old_root = standing->root,
                                        .new_root = call->label_root,
                                        .label_set_sha256 = call->label_set,
                                        .proof_sha256 = call->sha256,
                                        .reason = reason};

    wire_text_copy(reason, sizeof(reason), call->reason);
    return order_correct_check(call->signature, &order, standing->organizer);
}

/* What a proof that holds says of the correction. */
struct proven {
    bool is_good;
    size_t size; /* bytes */
    size_t n_changes;
};

static bool check_proof(struct proven *proven, struct store *store,
                        const struct store_correction_put *call, const struct standing *standing,
                        struct err *err)
{
    struct correction correction = {0};
    struct tree_hash old_root;
    struct tree_hash new_root;
    struct bytes text = {0};
    bool is_whole;

    *proven = (struct proven){.is_good = false};
    if (!store_file_read(&text, &is_whole, store, call->competition, call->sha256, err)) {
        return false;
    }
    memcpy(old_root.bytes, standing->root, sizeof(old_root.bytes));
    memcpy(new_root.bytes, call->label_root, sizeof(new_root.bytes));
    *err = (struct err){0};
    proven->is_good = is_whole && correction_read(&correction, text.data, text.size_bytes, err) &&
                      correction.size == (uint64_t)standing->n_rows &&
                      correction_check(&correction, &old_root, &new_root, err);
    proven->size = text.size_bytes;
    proven->n_changes = correction.n_changes;
    correction_free(&correction);
    bytes_free(&text);
    return proven->is_good || err->code != ERR_SYSTEM;
}

static bool append_correction(struct store *store, const struct store_correction_put *call,
                              const struct standing *standing, const struct proven *proven,
                              struct err *err)
{
    struct entry entry = {.kind = ENTRY_CORRECTION};
    struct ledger_line line;
    char hex[4][SHA256_HEX_SIZE];
    char reason[STORE_TEXT_SIZE];
    char signature[CRYPT_BASE64_SIZE(CRYPT_SIGNATURE_BYTES)];
    char corrected[TIME_TEXT_SIZE];

    hex_text(hex[0], standing->root, sizeof(standing->root));
    hex_text(hex[1], call->label_root, sizeof(call->label_root));
    hex_text(hex[2], call->label_set, sizeof(call->label_set));
    hex_text(hex[3], call->sha256, sizeof(call->sha256));
    wire_text_copy(reason, sizeof(reason), call->reason);
    crypt_base64(signature, sizeof(signature), call->signature, sizeof(call->signature));
    time_text(corrected, call->now_ms);
    entry.values[ENTRY_CORRECTION_LABELS].number = call->labels;
    entry.values[ENTRY_CORRECTION_OLD_ROOT].text = hex[0];
    entry.values[ENTRY_CORRECTION_NEW_ROOT].text = hex[1];
    entry.values[ENTRY_CORRECTION_LABEL_SET_SHA256].text = hex[2];
    entry.values[ENTRY_CORRECTION_COUNT].number = (int64_t)proven->n_changes;
    entry.values[ENTRY_CORRECTION_PUBLIC].number = call->n_public;
    entry.values[ENTRY_CORRECTION_PRIVATE].number = call->n_private;
    entry.values[ENTRY_CORRECTION_REASON].text = reason;
    entry.values[ENTRY_CORRECTION_PROOF_SHA256].text = hex[3];
    entry.values[ENTRY_CORRECTION_PROOF_BYTES].number = (int64_t)proven->size;
    entry.values[ENTRY_CORRECTION_SIGNATURE].text = signature;
    entry.values[ENTRY_CORRECTION_CORRECTED].text = corrected;
    return store_append(store, &line, &entry, call->competition, 0, err);
}

/* What waits is scored by the new labels; what was scored is scored again. */
static bool send_out(struct store *store, const struct store_correction_put *call, struct err *err)
{
    struct db *db = store->db;

    return db_run(db, DB_SUBMISSION_WAITS_AGAIN, err, db_int(call->competition)) &&
           db_run(db, DB_JOB_RELABEL, err, db_int(call->competition), db_int(call->labels)) &&
           db_run(db, DB_CORRECT_JOBS, err, db_int(call->competition), db_int(call->labels),
                  db_int(call->now_ms));
}

static bool take(struct store *store, struct store_correction_put *call,
                 const struct standing *standing, struct err *err)
{
    struct proven proven;

    if (!check_proof(&proven, store, call, standing, err)) {
        return false;
    }
    if (!proven.is_good) {
        return refuse(call,
                      "the proof does not lead from the label root of the log to the new one");
    }
    call->outcome = STORE_DONE;
    return store_file_release(store, call->competition, call->sha256, proven.size, err) &&
           db_run(store->db, DB_LABEL_SET_INSERT, err, db_int(call->competition),
                  db_int(call->labels), db_blob(call->label_root, sizeof(call->label_root)),
                  db_blob(call->label_set, sizeof(call->label_set)), db_int(standing->n_rows),
                  db_int(call->n_public), db_int(call->n_private)) &&
           append_correction(store, call, standing, &proven, err) && send_out(store, call, err) &&
           store_correction_settle(store, &call->changed, call->competition, call->now_ms, err);
}

bool store_do_correction_put(struct store *store, struct store_correction_put *call,
                             struct err *err)
{
    struct standing standing;
    bool has_run;

    call->changed = (struct store_changed){0};
    if (!read_standing(store, &standing, call->competition, err) ||
        !db_find(store->db, DB_RUN_OPEN, &has_run, err, db_int(call->competition))) {
        return false;
    }
    if (call->labels == standing.newest &&
        memcmp(call->label_root, standing.root, sizeof(standing.root)) == 0 &&
        memcmp(call->label_set, standing.label_set, sizeof(standing.label_set)) == 0) {
        call->outcome = STORE_REPEATED;
        return db_run(store->db, DB_JOB_UNPARK, err, db_int(JOB_CORRECT), db_int(call->competition),
                      db_int(call->now_ms));
    }
    const char *obstacle = has_run ? "a re-score is under way" : find_obstacle(call, &standing);
    if (obstacle != NULL) {
        return refuse(call, obstacle);
    }
    if (!is_ordered(call, &standing)) {
        return refuse(call, "the correction is not signed by the organizer's key");
    }
    return take(store, call, &standing, err);
}
