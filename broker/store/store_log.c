/* SPDX-License-Identifier: MIT */
/*
 * The competition's log inside a commit: the index is the competition's own counter, so that it has
 * no gap and no repeat whatever is rolled back.
 */
#include "broker/store/inside.h"

#include <string.h>

bool store_append(struct store *store, struct ledger_line *line, struct entry *entry,
                  int64_t competition, int64_t submission, struct err *err)
{
    char id[STORE_COMPETITION_SIZE];
    bool has_row;

    if (!db_find(store->db, DB_ENTRY_NEXT, &has_row, err, db_int(competition))) {
        return false;
    }
    if (!has_row) {
        return err_set(err, ERR_STORE, "no competition has number %lld", (long long)competition);
    }
    wire_text_copy(id, sizeof(id), db_column_bytes(store->db, DB_ENTRY_NEXT, 1));
    entry->competition = id;
    entry->index = db_column_int(store->db, DB_ENTRY_NEXT, 0);
    bool ok = ledger_line_make(line, entry, err) &&
              db_run(store->db, DB_ENTRY_INSERT, err, db_int(competition), db_int(entry->index),
                     db_int(entry->kind), db_int_or_null(submission != 0, submission),
                     db_blob(line->text, line->size), db_blob(line->leaf, sizeof(line->leaf)));
    entry->competition = NULL;
    return ok;
}

bool store_do_entries_get(struct store *store, struct store_entries_get *call, struct err *err)
{
    bool has_row;

    if (!db_find(store->db, DB_SUBMISSION_BY_ID, &has_row, err,
                 db_blob(call->id, sizeof(call->id)))) {
        return false;
    }
    call->outcome = STORE_EMPTY;
    call->n_lines = 0;
    if (!has_row ||
        (call->team != 0 && db_column_int(store->db, DB_SUBMISSION_BY_ID, 1) != call->team)) {
        return true;
    }
    if (!db_find(store->db, DB_ENTRY_OF_SUBMISSION, &has_row, err,
                 db_int(db_column_int(store->db, DB_SUBMISSION_BY_ID, 0)))) {
        return false;
    }
    for (size_t i = 0; has_row && i < ARRAY_SIZE(call->lines); i++) {
        struct wire_bytes line = db_column_bytes(store->db, DB_ENTRY_OF_SUBMISSION, 1);
        call->lines[i].kind = (enum entry_kind)db_column_int(store->db, DB_ENTRY_OF_SUBMISSION, 0);
        call->lines[i].size = line.size < ENTRY_SIZE ? line.size : ENTRY_SIZE;
        memcpy(call->lines[i].text, line.data, call->lines[i].size);
        call->n_lines = i + 1;
        call->outcome = STORE_DONE;
        if (!db_row(store->db, DB_ENTRY_OF_SUBMISSION, &has_row, err)) {
            return false;
        }
    }
    return true;
}
