/* SPDX-License-Identifier: MIT */
/*
 * Files that entries of a log name by their SHA-256: put piece by piece by the organizer, or made
 * here. They lie in the database, so that a backup has them; one that no entry names is nobody's.
 */
#include "broker/store/inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "schemas/label_list.h"

bool store_do_file_put(struct store *store, struct store_file_put *call, struct err *err)
{
    bool is_published;

    call->outcome = STORE_DONE;
    if (!db_find(store->db, DB_PUBLISHED_ROW, &is_published, err, db_int(call->competition),
                 db_blob(call->sha256, sizeof(call->sha256)))) {
        return false;
    }
    if (is_published) { /* it stays as it is */
        return true;
    }
    return (call->at != 0 || db_run(store->db, DB_PIECE_DELETE, err, db_int(call->competition),
                                    db_blob(call->sha256, sizeof(call->sha256)))) &&
           db_run(store->db, DB_PIECE_INSERT, err, db_int(call->competition),
                  db_blob(call->sha256, sizeof(call->sha256)), db_int(call->at),
                  db_blob(call->data.data, call->data.size));
}

bool store_file_release(struct store *store, int64_t competition,
                        const uint8_t sha256[static SHA256_BYTES], size_t size, struct err *err)
{
    return db_run(store->db, DB_PUBLISHED_INSERT, err, db_int(competition),
                  db_blob(sha256, SHA256_BYTES), db_int((int64_t)size));
}

bool store_publish(struct store *store, int64_t competition, struct wire_bytes data,
                   struct err *err)
{
    uint8_t sha256[SHA256_BYTES];
    bool ok = true;

    sha256_of(sha256, data.data, data.size);
    for (size_t at = 0; at < data.size && ok; at += STORE_PIECE_MAX) {
        size_t rest = data.size - at;
        ok = db_run(store->db, DB_PIECE_INSERT, err, db_int(competition),
                    db_blob(sha256, sizeof(sha256)), db_int((int64_t)at),
                    db_blob(data.data + at, rest < STORE_PIECE_MAX ? rest : STORE_PIECE_MAX));
    }
    return ok && store_file_release(store, competition, sha256, data.size, err);
}

/* Adds the piece that DB_PIECE_ALL stands on; false where it is not the next one. */
static bool add_piece(struct bytes *data, bool *is_next, struct store *store, struct err *err)
{
    struct wire_bytes piece = db_column_bytes(store->db, DB_PIECE_ALL, 1);

    *is_next = db_column_int(store->db, DB_PIECE_ALL, 0) == (int64_t)data->size_bytes &&
               piece.size <= STORE_FILE_MAX - data->size_bytes;
    if (!*is_next || piece.size == 0) {
        return true;
    }
    unsigned char *grown = realloc(data->data, data->size_bytes + piece.size);
    if (grown == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for a file of %zu bytes", data->size_bytes);
    }
    memcpy(grown + data->size_bytes, piece.data, piece.size);
    data->data = grown;
    data->size_bytes += piece.size;
    return true;
}

bool store_file_read(struct bytes *data, bool *is_whole, struct store *store, int64_t competition,
                     const uint8_t sha256[static SHA256_BYTES], struct err *err)
{
    uint8_t digest[SHA256_BYTES];
    bool is_next = true;
    bool has_row;

    *data = (struct bytes){0};
    bool ok = db_find(store->db, DB_PIECE_ALL, &has_row, err, db_int(competition),
                      db_blob(sha256, SHA256_BYTES));
    while (ok && has_row && is_next) {
        ok =
            add_piece(data, &is_next, store, err) && db_row(store->db, DB_PIECE_ALL, &has_row, err);
    }
    if (!ok) {
        bytes_free(data);
        return false;
    }
    sha256_of(digest, data->data, data->size_bytes);
    *is_whole = is_next && memcmp(digest, sha256, sizeof(digest)) == 0;
    return true;
}

bool store_file_piece(struct wire_buffer *data, bool *is_there, struct store *store,
                      int64_t competition, const uint8_t sha256[static SHA256_BYTES], int64_t at,
                      struct err *err)
{
    struct db *db = store->db;

    data->size = 0;
    if (!db_find(db, DB_PUBLISHED_ROW, is_there, err, db_int(competition),
                 db_blob(sha256, SHA256_BYTES))) {
        return false;
    }
    if (!*is_there || at >= db_column_int(db, DB_PUBLISHED_ROW, 0)) {
        *is_there = *is_there && at == db_column_int(db, DB_PUBLISHED_ROW, 0);
        return true;
    }
    if (!db_find(db, DB_PIECE_BEFORE, is_there, err, db_int(competition),
                 db_blob(sha256, SHA256_BYTES), db_int(at))) {
        return false;
    }
    struct wire_bytes piece = db_column_bytes(db, DB_PIECE_BEFORE, 1);
    size_t skip = (size_t)(at - db_column_int(db, DB_PIECE_BEFORE, 0));
    if (!*is_there || skip > piece.size) {
        return err_set(err, ERR_STORE, "a published file lacks a piece");
    }
    return wire_buffer_set(data, (struct wire_bytes){piece.data + skip, piece.size - skip}, err);
}

/* ---- the rows of a label set ---- */

static bool refuse(struct store_disclosure_put *call, const char *reason)
{
    call->outcome = STORE_CONFLICT;
    snprintf(call->reason, sizeof(call->reason), "%s", reason);
    return true;
}

/* What the log says of a label set. */
struct label_set {
    char competition[STORE_COMPETITION_SIZE];
    struct label_list_sum sum;
    enum wire_board_state board_state;
    uint8_t disclosed[SHA256_BYTES]; /* zeros: not yet */
};

static bool read_set(struct label_set *set, bool *is_there, struct store *store,
                     const struct store_disclosure_put *call, struct err *err)
{
    struct db *db = store->db;

    *set = (struct label_set){.board_state = BOARD_HIDDEN};
    if (!db_find(db, DB_LABEL_SET_ROW, is_there, err, db_int(call->competition),
                 db_int(call->labels))) {
        return false;
    }
    if (*is_there) {
        db_column_copy(db, DB_LABEL_SET_ROW, 0, set->sum.root.bytes, TREE_HASH_BYTES);
        set->sum.n = (size_t)db_column_int(db, DB_LABEL_SET_ROW, 1);
        set->sum.n_public = (size_t)db_column_int(db, DB_LABEL_SET_ROW, 2);
        set->sum.n_private = (size_t)db_column_int(db, DB_LABEL_SET_ROW, 3);
        wire_text_copy(set->competition, sizeof(set->competition),
                       db_column_bytes(db, DB_LABEL_SET_ROW, 4));
        set->board_state = (enum wire_board_state)db_column_int(db, DB_LABEL_SET_ROW, 5);
        db_column_copy(db, DB_LABEL_SET_ROW, 6, set->disclosed, sizeof(set->disclosed));
    }
    return true;
}

static bool append_disclosure(struct store *store, const struct store_disclosure_put *call,
                              size_t size, struct err *err)
{
    struct entry entry = {.kind = ENTRY_DISCLOSURE};
    struct ledger_line line;
    char seed[SHA256_HEX_SIZE];
    char rows[SHA256_HEX_SIZE];
    char disclosed[TIME_TEXT_SIZE];

    hex_text(seed, call->label_seed, sizeof(call->label_seed));
    hex_text(rows, call->sha256, sizeof(call->sha256));
    time_text(disclosed, call->now_ms);
    entry.values[ENTRY_DISCLOSURE_LABELS].number = call->labels;
    entry.values[ENTRY_DISCLOSURE_LABEL_SEED].text = seed;
    entry.values[ENTRY_DISCLOSURE_ROWS_SHA256].text = rows;
    entry.values[ENTRY_DISCLOSURE_ROWS_BYTES].number = (int64_t)size;
    entry.values[ENTRY_DISCLOSURE_DISCLOSED].text = disclosed;
    return store_append(store, &line, &entry, call->competition, 0, err);
}

/* The rows and the seed must give the root that the log has. */
static bool check_rows(bool *are_good, const struct label_set *set,
                       const struct store_disclosure_put *call, const struct bytes *rows,
                       struct err *err)
{
    struct label_list_sum sum;

    if (!label_list_check(&sum, rows->data, rows->size_bytes, call->label_seed, set->competition,
                          err)) {
        *are_good = false;
        return err->code == ERR_INPUT;
    }
    *are_good = memcmp(&sum.root, &set->sum.root, sizeof(sum.root)) == 0 && sum.n == set->sum.n &&
                sum.n_public == set->sum.n_public && sum.n_private == set->sum.n_private;
    return true;
}

static bool disclose(struct store *store, struct store_disclosure_put *call,
                     const struct label_set *set, struct err *err)
{
    struct bytes rows = {0};
    bool is_good;

    bool ok = store_file_read(&rows, &is_good, store, call->competition, call->sha256, err) &&
              (!is_good || check_rows(&is_good, set, call, &rows, err));
    size_t size = rows.size_bytes;
    bytes_free(&rows);
    if (!ok) {
        return false;
    }
    if (!is_good) {
        return refuse(call, "the rows do not have the root that the log has");
    }
    call->outcome = STORE_DONE;
    return store_file_release(store, call->competition, call->sha256, size, err) &&
           db_run(store->db, DB_DISCLOSED_INSERT, err, db_int(call->competition),
                  db_int(call->labels), db_blob(call->sha256, sizeof(call->sha256))) &&
           append_disclosure(store, call, size, err);
}

bool store_do_disclosure_put(struct store *store, struct store_disclosure_put *call,
                             struct err *err)
{
    static const uint8_t none[SHA256_BYTES];
    struct label_set set;
    bool is_there;

    if (!read_set(&set, &is_there, store, call, err)) {
        return false;
    }
    call->outcome = STORE_EMPTY;
    if (!is_there) {
        return true;
    }
    if (memcmp(set.disclosed, none, sizeof(none)) != 0) {
        call->outcome = STORE_REPEATED;
        return memcmp(set.disclosed, call->sha256, sizeof(none)) == 0 ||
               refuse(call, "other rows of these labels were published");
    }
    if (set.board_state != BOARD_REVEALED) {
        return refuse(call, "the private scores are not open");
    }
    return disclose(store, call, &set, err);
}
