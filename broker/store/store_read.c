/* SPDX-License-Identifier: MIT */
/*
 * Submissions as their team and the organizer see them. Private scores appear only on revealed
 * boards.
 */
#include "broker/store/inside.h"

#include "common/text.h"

enum {
    POSITION_MAX = 1000, /* counting further would hold up the queue itself */
    FILES_MAX = 1000,
};

/* Place in the queue of a waiting live job, from 1; POSITION_MAX + 1 for all behind. */
static bool queue_position(struct store *store, uint32_t *position, enum db_statement statement,
                           struct err *err)
{
    struct db *db = store->db;
    bool has_row;

    *position = 0;
    if (db_column_is_null(db, statement, 18) || db_column_int(db, statement, 18) != JOB_READY) {
        return true;
    }
    if (!db_find(db, DB_QUEUE_POSITION, &has_row, err, db_int(db_column_int(db, statement, 17)),
                 db_int(db_column_int(db, statement, 19)), db_int(POSITION_MAX))) {
        return false;
    }
    *position = (uint32_t)db_column_int(db, DB_QUEUE_POSITION, 0) + 1;
    return true;
}

/*
 * From now to the score of a submission at this place: the workers finish one job each service
 * time, and its own comes behind. -1 where the place, the pace or the workers are unknown.
 */
static int64_t expected_ms(uint32_t position, const struct store_pace *pace)
{
    if (position == 0 || position > POSITION_MAX || pace->n_workers == 0 || pace->service_ms == 0) {
        return -1;
    }
    return pace->service_ms + pace->service_ms * position / pace->n_workers;
}

/* Appends the row that the statement stands on. */
static bool append_row(struct store *store, struct wire_buffer *rows, enum db_statement statement,
                       const struct store_pace *pace, struct err *err)
{
    struct db *db = store->db;
    uint8_t id[STORE_ID_BYTES];
    char id_text[2 * STORE_ID_BYTES + 1];
    bool is_revealed = db_column_int(db, statement, 15) == BOARD_REVEALED;
    struct wire_submission_row row = {
        .sequence = (uint64_t)db_column_int(db, statement, 1),
        .competition = db_column_bytes(db, statement, 2),
        .team = db_column_bytes(db, statement, 3),
        .file_name = db_column_bytes(db, statement, 4),
        .message = db_column_bytes(db, statement, 5),
        .size_bytes = (uint64_t)db_column_int(db, statement, 7),
        .received_ms = db_column_int(db, statement, 8),
        .state = (uint8_t)db_column_int(db, statement, 9),
        .public_score = db_column_bytes(db, statement, 10),
        .private_score = is_revealed ? db_column_bytes(db, statement, 11) : wire_text(""),
        .n_problems = (uint64_t)db_column_int(db, statement, 12),
        .reason = db_column_bytes(db, statement, 13),
        .is_selected = (uint8_t)db_column_int(db, statement, 14),
        .until_ms =
            db_column_is_null(db, statement, 20) ? INT64_MIN : db_column_int(db, statement, 20),
        .n_workers = (uint32_t)db_column_int(db, statement, 21),
        .label_version = (uint32_t)db_column_int(db, statement, 22),
    };

    db_column_copy(db, statement, 0, id, sizeof(id));
    hex_text(id_text, id, sizeof(id));
    row.id = wire_text(id_text);
    db_column_copy(db, statement, 6, row.sha256, sizeof(row.sha256));
    if (!queue_position(store, &row.queue_position, statement, err)) {
        return false;
    }
    row.expected_ms = expected_ms(row.queue_position, pace);
    return wire_append(rows, WIRE_SUBMISSION_ROW, &row, err);
}

bool store_do_submission_get(struct store *store, struct store_submission_get *call,
                             struct err *err)
{
    struct db *db = store->db;
    bool has_row;

    call->row.size = 0;
    if (!db_find(db, DB_SUBMISSION_ROW, &has_row, err, db_blob(call->id, sizeof(call->id)),
                 db_int(call->team))) {
        return false;
    }
    call->outcome = STORE_EMPTY;
    if (!has_row) {
        return true;
    }
    call->outcome = STORE_DONE;
    int64_t number = db_column_int(db, DB_SUBMISSION_ROW, 1);
    if (!append_row(store, &call->row, DB_SUBMISSION_ROW, &call->pace, err) ||
        !db_find(db, DB_SHOWN_RESULT, &has_row, err, db_int(number))) {
        return false;
    }
    return !has_row ||
           (wire_buffer_set(&call->scorecard, db_column_bytes(db, DB_SHOWN_RESULT, 0), err) &&
            wire_buffer_set(&call->problems, db_column_bytes(db, DB_SHOWN_RESULT, 1), err));
}

bool store_do_submission_list(struct store *store, struct store_submission_list *call,
                              struct err *err)
{
    enum db_statement statement =
        call->team != 0 ? DB_SUBMISSIONS_OF_TEAM : DB_SUBMISSIONS_OF_COMPETITION;
    bool has_row;

    call->outcome = STORE_DONE;
    call->rows.size = 0;
    if (!db_find(store->db, statement, &has_row, err,
                 db_int(call->team != 0 ? call->team : call->competition), db_int(call->before),
                 db_int(call->rows_max))) {
        return false;
    }
    while (has_row) {
        if (!append_row(store, &call->rows, statement, &call->pace, err) ||
            !db_row(store->db, statement, &has_row, err)) {
            return false;
        }
    }
    return true;
}

bool store_do_files_get(struct store *store, struct store_files_get *call, struct err *err)
{
    const struct wire_bytes *hashes = &call->hashes;
    uint8_t are_known[1 + FILES_MAX] = {0};
    size_t n_files =
        hashes->size / SHA256_BYTES < FILES_MAX ? hashes->size / SHA256_BYTES : FILES_MAX;
    bool has_row;

    for (size_t i = 0; i < n_files; i++) {
        if (!db_find(store->db, DB_FILE_ROW, &has_row, err,
                     db_blob(hashes->data + i * SHA256_BYTES, SHA256_BYTES))) {
            return false;
        }
        are_known[i] = has_row;
    }
    call->outcome = STORE_DONE;
    return wire_buffer_set(&call->are_known,
                           (struct wire_bytes){.data = are_known, .size = n_files}, err);
}

static bool count_jobs(struct store *store, struct wire_stats *stats, struct err *err)
{
    struct db *db = store->db;
    bool has_row;

    if (!db_start(db, DB_STATS_JOBS, NULL, 0, err) || !db_row(db, DB_STATS_JOBS, &has_row, err)) {
        return false;
    }
    stats->n_ready_live = (uint64_t)db_column_int(db, DB_STATS_JOBS, 0);
    stats->n_ready_reveal = (uint64_t)db_column_int(db, DB_STATS_JOBS, 1);
    stats->n_ready_rescore = (uint64_t)db_column_int(db, DB_STATS_JOBS, 2);
    stats->n_ready = stats->n_ready_live + stats->n_ready_reveal + stats->n_ready_rescore;
    stats->n_leased = (uint64_t)db_column_int(db, DB_STATS_JOBS, 3);
    stats->n_delayed = (uint64_t)db_column_int(db, DB_STATS_JOBS, 4);
    stats->n_parked = (uint64_t)db_column_int(db, DB_STATS_JOBS, 5);
    stats->n_submissions = (uint64_t)db_column_int(db, DB_STATS_JOBS, 6);
    stats->n_workers = (uint32_t)db_column_int(db, DB_STATS_JOBS, 7);
    return true;
}

bool store_do_stats(struct store *store, struct store_stats *call, struct err *err)
{
    struct db *db = store->db;
    bool has_row;

    call->stats = (struct wire_stats){0};
    if (!db_start(db, DB_STATS_AGE, NULL, 0, err) || !db_row(db, DB_STATS_AGE, &has_row, err)) {
        return false;
    }
    int64_t oldest_ms = db_column_int(db, DB_STATS_AGE, 0);
    call->stats.oldest_ready_ms = oldest_ms == 0 ? 0 : call->now_ms - oldest_ms;
    call->outcome = STORE_DONE;
    return !call->is_counted || count_jobs(store, &call->stats, err);
}
