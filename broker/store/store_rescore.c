/* SPDX-License-Identifier: MIT */
/*
 * Re-score runs: planned page by page, so that the queue stays small and a restart goes on where it
 * was; counted as results come in; closed with a log entry.
 */
#include "broker/store/inside.h"

#include <stdio.h>

#include "common/crashpoint.h"
#include "common/text.h"
#include "schemas/commitment.h"

enum { DIFFERENCES_MAX = 200, WORKERS_SIZE = 1600, SIGNATURE_LINE_SIZE = 33 + 65 + 89 + 66 };

bool store_do_rescore_start(struct store *store, struct store_rescore_start *call, struct err *err)
{
    bool has_row;

    if (!db_find(store->db, DB_RUN_OPEN, &has_row, err, db_int(call->competition))) {
        return false;
    }
    if (has_row) {
        call->outcome = STORE_CONFLICT;
        call->run = db_column_int(store->db, DB_RUN_OPEN, 0);
        return true;
    }
    if (!store_is_correcting(store, &has_row, call->competition, err)) {
        return false;
    }
    if (has_row) {
        call->outcome = STORE_STALE;
        return true;
    }
    call->outcome = STORE_DONE;
    if (!db_run(store->db, DB_RUN_INSERT, err, db_int(call->competition), db_int(call->now_ms))) {
        return false;
    }
    call->run = db_last_number(store->db);
    return true;
}

/* One page, from behind `planned_up_to`. */
static bool plan_page(struct store *store, struct store_rescore_plan *call, struct err *err)
{
    struct db *db = store->db;
    int64_t competition = db_column_int(db, DB_RUN_ROW, 0);
    int64_t planned_up_to = db_column_int(db, DB_RUN_ROW, 2);
    int64_t labels = db_column_int(db, DB_RUN_ROW, 9);
    int64_t before = db_column_int(db, DB_RUN_ROW, 10);
    bool has_row;

    if (!db_find(db, DB_RUN_PAGE, &has_row, err, db_int(competition), db_int(planned_up_to),
                 db_int(call->page_rows), db_int(labels), db_int(before))) {
        return false;
    }
    int64_t last = db_column_int(db, DB_RUN_PAGE, 0);
    call->is_planned = db_column_int(db, DB_RUN_PAGE, 1) < call->page_rows;
    if (!db_run(db, DB_RUN_JOBS, err, db_int(competition), db_int(planned_up_to), db_int(last),
                db_int(call->run), db_int(call->now_ms), db_int(labels), db_int(before))) {
        return false;
    }
    return db_run(db, DB_RUN_PLANNED, err, db_int(call->run), db_int(last), db_int(db_changes(db)),
                  db_int(call->is_planned));
}

bool store_do_rescore_plan(struct store *store, struct store_rescore_plan *call, struct err *err)
{
    struct db *db = store->db;
    bool has_row;

    if (!db_find(db, DB_RUN_ROW, &has_row, err, db_int(call->run))) {
        return false;
    }
    call->outcome = STORE_EMPTY;
    if (!has_row) {
        return true;
    }
    int64_t competition = db_column_int(db, DB_RUN_ROW, 0);
    call->is_planned = db_column_int(db, DB_RUN_ROW, 3) != 0;
    if (!db_find(db, DB_JOB_OF_COMPETITION, &has_row, err, db_int(JOB_RESCORE), db_int(competition),
                 db_int(call->jobs_max))) {
        return false;
    }
    if (call->is_planned || db_column_int(db, DB_JOB_OF_COMPETITION, 0) >= call->jobs_max) {
        return true;
    }
    call->outcome = STORE_DONE;
    CRASHPOINT("page of a re-score about to be planned");
    return plan_page(store, call, err) && store_run_settle(store, call->run, call->now_ms, err);
}

bool store_run_count(struct store *store, const struct store_job *job, bool is_failed,
                     const char *difference, struct err *err)
{
    bool is_equal = !is_failed && difference == NULL;
    bool is_different = !is_failed && difference != NULL;

    return db_run(store->db, DB_RUN_COUNT, err, db_int(job->run), db_int(is_equal),
                  db_int(is_different), db_int(is_failed)) &&
           (difference == NULL || db_run(store->db, DB_DIFFERENCE_INSERT, err, db_int(job->run),
                                         db_int(job->submission), db_text(wire_text(difference))));
}

/* The root over what the run came to, in the order of the submissions' ids. */
static bool results_root(struct tree_hash *root, int64_t *n, struct store *store, int64_t run,
                         struct err *err)
{
    struct db *db = store->db;
    struct tree tree = {0};
    bool has_row;

    *n = 0;
    bool ok = db_find(db, DB_RESCORED_ALL, &has_row, err, db_int(run));
    while (ok && has_row) {
        uint8_t commitments[2][COMMITMENT_BYTES];
        struct tree_hash leaf;
        for (int i = 0; i < 2; i++) {
            db_column_copy(db, DB_RESCORED_ALL, i, commitments[i], sizeof(commitments[i]));
        }
        commitment_result_leaf(&leaf, commitments[0], commitments[1]);
        ok = tree_append(&tree, &leaf, err) && db_row(db, DB_RESCORED_ALL, &has_row, err);
        ++*n;
    }
    if (ok) {
        tree_root(root, &tree, (uint64_t)*n);
    }
    tree_free(&tree);
    return ok;
}

/* The names of the workers that did it, as many as there is room for. */
static bool list_workers(char *names, size_t size, struct store *store, int64_t run,
                         struct err *err)
{
    struct db *db = store->db;
    size_t used = 0;
    bool has_row;

    names[0] = '\0';
    if (!db_find(db, DB_RESCORED_WORKERS, &has_row, err, db_int(run))) {
        return false;
    }
    while (has_row) {
        struct wire_bytes name = db_column_bytes(db, DB_RESCORED_WORKERS, 0);
        if (used + name.size + 2 <= size) {
            used += (size_t)snprintf(names + used, size - used, "%s%.*s", used > 0 ? " " : "",
                                     (int)name.size, (const char *)name.data);
        }
        if (!db_row(db, DB_RESCORED_WORKERS, &has_row, err)) {
            return false;
        }
    }
    return true;
}

/* The lines of the signatures that a run added. Owns: *text is the caller's. */
static bool list_signatures(struct wire_buffer *text, int64_t *n, struct store *store, int64_t run,
                            struct err *err)
{
    struct db *db = store->db;
    bool has_row;

    *n = 0;
    if (!db_find(db, DB_ATTESTATION_ALL, &has_row, err, db_int(run))) {
        return false;
    }
    while (has_row) {
        uint8_t id[STORE_ID_BYTES];
        uint8_t key[CRYPT_PUBLIC_KEY_BYTES];
        uint8_t signature[CRYPT_SIGNATURE_BYTES];
        char id_text[2 * STORE_ID_BYTES + 1];
        char key_text[2 * CRYPT_PUBLIC_KEY_BYTES + 1];
        char base64[CRYPT_BASE64_SIZE(CRYPT_SIGNATURE_BYTES)];
        char line[SIGNATURE_LINE_SIZE];
        struct wire_bytes build = db_column_bytes(db, DB_ATTESTATION_ALL, 3);
        db_column_copy(db, DB_ATTESTATION_ALL, 0, id, sizeof(id));
        db_column_copy(db, DB_ATTESTATION_ALL, 1, key, sizeof(key));
        db_column_copy(db, DB_ATTESTATION_ALL, 2, signature, sizeof(signature));
        hex_text(id_text, id, sizeof(id));
        hex_text(key_text, key, sizeof(key));
        crypt_base64(base64, sizeof(base64), signature, sizeof(signature));
        int size = snprintf(line, sizeof(line), "%s %s %s %.*s\n", id_text, key_text, base64,
                            (int)build.size, (const char *)build.data);
        if (!wire_buffer_add(text, (struct wire_bytes){(unsigned char *)line, (size_t)size}, err) ||
            !db_row(db, DB_ATTESTATION_ALL, &has_row, err)) {
            return false;
        }
        ++*n;
    }
    return true;
}

/* Publishes them, and fills what the entry says of it. */
static bool publish_signatures(struct store *store, struct entry *entry,
                               char hash[static SHA256_HEX_SIZE], int64_t run, int64_t competition,
                               struct err *err)
{
    struct wire_buffer text = {0};
    uint8_t digest[SHA256_BYTES];

    bool ok =
        list_signatures(&text, &entry->values[ENTRY_RESCORE_SIGNATURES].number, store, run, err) &&
        (text.size == 0 || store_publish(store, competition, wire_buffer_bytes(&text), err));
    sha256_of(digest, text.data, text.size);
    hex_text(hash, digest, sizeof(digest));
    entry->values[ENTRY_RESCORE_SIGNATURES_SHA256].text = hash;
    entry->values[ENTRY_RESCORE_SIGNATURES_BYTES].number = (int64_t)text.size;
    wire_buffer_free(&text);
    return ok;
}

static bool append_run(struct store *store, int64_t run, int64_t n_confirmed, int64_t now_ms,
                       struct err *err)
{
    struct db *db = store->db;
    struct entry entry = {.kind = ENTRY_RESCORE};
    struct ledger_line line;
    struct tree_hash root;
    char root_text[SHA256_HEX_SIZE];
    char workers[WORKERS_SIZE];
    char signatures[SHA256_HEX_SIZE];
    char finished[TIME_TEXT_SIZE];
    int64_t competition = db_column_int(db, DB_RUN_ROW, 0);

    if (!publish_signatures(store, &entry, signatures, run, competition, err) ||
        !results_root(&root, &entry.values[ENTRY_RESCORE_RESULTS].number, store, run, err) ||
        !list_workers(workers, sizeof(workers), store, run, err)) {
        return false;
    }
    hex_text(root_text, root.bytes, sizeof(root.bytes));
    time_text(finished, now_ms);
    entry.values[ENTRY_RESCORE_RUN].number = run;
    entry.values[ENTRY_RESCORE_LABELS].number = db_column_int(db, DB_RUN_ROW, 9);
    entry.values[ENTRY_RESCORE_BEFORE].number = db_column_int(db, DB_RUN_ROW, 10);
    entry.values[ENTRY_RESCORE_PLANNED].number = db_column_int(db, DB_RUN_ROW, 5);
    entry.values[ENTRY_RESCORE_EQUAL].number = db_column_int(db, DB_RUN_ROW, 6);
    entry.values[ENTRY_RESCORE_DIFFERENT].number = db_column_int(db, DB_RUN_ROW, 7);
    entry.values[ENTRY_RESCORE_FAILED].number = db_column_int(db, DB_RUN_ROW, 8);
    entry.values[ENTRY_RESCORE_CONFIRMED].number = n_confirmed;
    entry.values[ENTRY_RESCORE_RESULTS_ROOT].text = root_text;
    entry.values[ENTRY_RESCORE_WORKERS].text = workers;
    entry.values[ENTRY_RESCORE_FINISHED].text = finished;
    return store_append(store, &line, &entry, competition, 0, err);
}

static bool finish_run(struct store *store, int64_t run, int64_t now_ms, struct err *err)
{
    struct db *db = store->db;
    bool has_row;

    if (!db_find(db, DB_RESCORED_CONFIRMED, &has_row, err, db_int(run))) {
        return false;
    }
    int64_t n_confirmed = db_column_int(db, DB_RESCORED_CONFIRMED, 0);
    return append_run(store, run, n_confirmed, now_ms, err) &&
           db_run(db, DB_RUN_CONFIRMED, err, db_int(run), db_int(n_confirmed)) &&
           db_run(db, DB_RUN_FINISH, err, db_int(run));
}

bool store_run_settle(struct store *store, int64_t run, int64_t now_ms, struct err *err)
{
    struct db *db = store->db;
    bool has_row;

    if (!db_find(db, DB_RUN_ROW, &has_row, err, db_int(run))) {
        return false;
    }
    bool is_planned = has_row && db_column_int(db, DB_RUN_ROW, 3) != 0;
    bool is_finished = has_row && db_column_int(db, DB_RUN_ROW, 4) != 0;
    if (!is_planned || is_finished) {
        return true;
    }
    if (!db_find(db, DB_JOB_OF_COMPETITION, &has_row, err, db_int(JOB_RESCORE),
                 db_int(db_column_int(db, DB_RUN_ROW, 0)), db_int(1))) {
        return false;
    }
    if (db_column_int(db, DB_JOB_OF_COMPETITION, 0) > 0) {
        return true;
    }
    CRASHPOINT("re-score done, run not finished");
    return finish_run(store, run, now_ms, err);
}

static bool list_differences(struct store *store, struct store_rescore_get *call, struct err *err)
{
    struct db *db = store->db;
    bool has_row;

    call->differences.size = 0;
    if (!db_find(db, DB_DIFFERENCE_ALL, &has_row, err, db_int(call->run),
                 db_int(DIFFERENCES_MAX))) {
        return false;
    }
    while (has_row) {
        uint8_t id[STORE_ID_BYTES];
        char id_text[2 * STORE_ID_BYTES + 1];
        struct wire_bytes text = db_column_bytes(db, DB_DIFFERENCE_ALL, 1);
        db_column_copy(db, DB_DIFFERENCE_ALL, 0, id, sizeof(id));
        hex_text(id_text, id, sizeof(id));
        text.size = text.size > 200 ? 200 : text.size;
        struct wire_rescore_difference row = {.submission = wire_text(id_text), .text = text};
        if (!wire_append(&call->differences, WIRE_RESCORE_DIFFERENCE, &row, err) ||
            !db_row(db, DB_DIFFERENCE_ALL, &has_row, err)) {
            return false;
        }
    }
    return true;
}

bool store_do_rescore_get(struct store *store, struct store_rescore_get *call, struct err *err)
{
    struct db *db = store->db;
    bool has_row;

    if (!db_find(db, DB_RUN_ROW, &has_row, err, db_int(call->run))) {
        return false;
    }
    call->outcome = has_row ? STORE_DONE : STORE_EMPTY;
    if (!has_row) {
        return true;
    }
    wire_text_copy(call->competition, sizeof(call->competition),
                   db_column_bytes(db, DB_RUN_ROW, 1));
    call->report = (struct wire_rescore){
        .run = (uint64_t)call->run,
        .is_finished = (uint8_t)db_column_int(db, DB_RUN_ROW, 4),
        .n_planned = (uint32_t)db_column_int(db, DB_RUN_ROW, 5),
        .n_equal = (uint32_t)db_column_int(db, DB_RUN_ROW, 6),
        .n_different = (uint32_t)db_column_int(db, DB_RUN_ROW, 7),
        .n_failed = (uint32_t)db_column_int(db, DB_RUN_ROW, 8),
        .n_confirmed = (uint32_t)db_column_int(db, DB_RUN_ROW, 11),
    };
    return list_differences(store, call, err);
}
