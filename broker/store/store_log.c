/* SPDX-License-Identifier: MIT */
/*
 * The competition's log inside a commit: the index is the competition's own counter, so that it has
 * no gap and no repeat whatever is rolled back. Behind the commit the entries go to the logs in
 * memory, and what was accepted gets its proof.
 */
#include "broker/store/inside.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/text.h"

enum { ENTRIES_MAX = 256 };

/* ---- appending ---- */

/* Keeps an entry for the logs until the batch is committed. */
static bool remember(struct store *store, const struct ledger_line *line, const struct entry *entry,
                     const char *origin, int64_t competition, struct err *err)
{
    if (store->n_pending == store->pending_capacity) {
        size_t capacity = store->pending_capacity == 0 ? 64 : 2 * store->pending_capacity;
        struct store_pending *grown = realloc(store->pending, capacity * sizeof(*grown));
        if (grown == NULL) {
            return err_set(err, ERR_SYSTEM, "no memory for %zu entries", capacity);
        }
        store->pending = grown;
        store->pending_capacity = capacity;
    }
    struct store_pending *pending = &store->pending[store->n_pending++];
    pending->entry =
        (struct logs_entry){.competition = competition, .index = entry->index, .kind = entry->kind};
    memcpy(pending->entry.leaf, line->leaf, sizeof(line->leaf));
    snprintf(pending->entry.origin, sizeof(pending->entry.origin), "%s", origin);
    snprintf(pending->id, sizeof(pending->id), "%s", entry->competition);
    return true;
}

/* The name that an entry gives its log, "" where it gives none: the key up to its '+'. */
static void read_origin(char origin[static NOTE_ORIGIN_SIZE], const struct entry *entry)
{
    const char *key = entry->kind == ENTRY_KEY    ? entry->values[ENTRY_KEY_LOG].text
                      : entry->kind == ENTRY_VOID ? entry->values[ENTRY_VOID_LOG].text
                                                  : "";

    snprintf(origin, NOTE_ORIGIN_SIZE, "%.*s", (int)strcspn(key, "+"), key);
}

static bool insert(struct store *store, const struct ledger_line *line, const struct entry *entry,
                   int64_t competition, int64_t submission, struct err *err)
{
    char origin[NOTE_ORIGIN_SIZE];

    read_origin(origin, entry);
    return db_run(store->db, DB_ENTRY_INSERT, err, db_int(competition), db_int(entry->index),
                  db_int(entry->kind), db_int_or_null(submission != 0, submission),
                  db_blob(line->text, line->size), db_blob(line->leaf, sizeof(line->leaf))) &&
           remember(store, line, entry, origin, competition, err);
}

bool store_append_first(struct store *store, const struct ledger_line *line,
                        const struct entry *entry, int64_t competition, struct err *err)
{
    return insert(store, line, entry, competition, 0, err);
}

bool store_append(struct store *store, struct ledger_line *line, struct entry *entry,
                  int64_t competition, int64_t submission, struct err *err)
{
    char id[STORE_COMPETITION_SIZE];
    bool has_row;

    if (!db_find(store->db, DB_ENTRY_NEXT, &has_row, err, db_int(competition))) {
        return false;
    }
    if (!has_row) {
        return err_set(err, ERR_STORE, "no competition has number %" PRId64, competition);
    }
    wire_text_copy(id, sizeof(id), db_column_bytes(store->db, DB_ENTRY_NEXT, 1));
    entry->competition = id;
    entry->index = db_column_int(store->db, DB_ENTRY_NEXT, 0);
    bool ok = ledger_line_make(line, entry, err) &&
              insert(store, line, entry, competition, submission, err);
    entry->competition = NULL;
    return ok;
}

bool store_append_keys(struct store *store, int64_t competition, const char *id, int64_t now_ms,
                       struct err *err)
{
    struct entry entry = {.kind = ENTRY_KEY};
    struct ledger_key_texts texts;
    struct ledger_line line;
    char origin[NOTE_ORIGIN_SIZE];
    char since[TIME_TEXT_SIZE];

    logs_new_origin(origin, store->logs, id);
    ledger_key_texts(&texts, store->keys, origin);
    time_text(since, now_ms);
    entry.values[ENTRY_KEY_RECEIPT].text = texts.receipt;
    entry.values[ENTRY_KEY_SSH].text = texts.ssh;
    entry.values[ENTRY_KEY_LOG].text = texts.log;
    entry.values[ENTRY_KEY_SINCE].text = since;
    return store_append(store, &line, &entry, competition, 0, err);
}

static bool append_void(struct store *store, const struct logs_loss *loss, int64_t now_ms,
                        struct err *err)
{
    struct entry entry = {.kind = ENTRY_VOID};
    struct ledger_key_texts texts;
    struct ledger_line line;
    char origin[NOTE_ORIGIN_SIZE];
    char root[2 * TREE_HASH_BYTES + 1];
    char voided[TIME_TEXT_SIZE];

    logs_next_origin(origin, store->logs, loss->competition);
    ledger_key_texts(&texts, store->keys, origin);
    hex_text(root, loss->checkpoint.root.bytes, TREE_HASH_BYTES);
    time_text(voided, now_ms);
    entry.values[ENTRY_VOID_REASON].text = loss->reason;
    entry.values[ENTRY_VOID_SIGNED_SIZE].number = (int64_t)loss->checkpoint.size;
    entry.values[ENTRY_VOID_SIGNED_ROOT].text = root;
    entry.values[ENTRY_VOID_LOG].text = texts.log;
    entry.values[ENTRY_VOID_VOIDED].text = voided;
    return store_append(store, &line, &entry, loss->competition, 0, err);
}

/* ---- the logs in memory ---- */

/* One entry as it lies in the database: its leaf hash is made again. */
static bool load_entry(struct store *store, struct err *err)
{
    struct db *db = store->db;
    struct wire_bytes line = db_column_bytes(db, DB_ENTRY_ALL, 4);
    struct logs_entry loaded = {.competition = db_column_int(db, DB_ENTRY_ALL, 0),
                                .index = db_column_int(db, DB_ENTRY_ALL, 2),
                                .kind = (enum entry_kind)db_column_int(db, DB_ENTRY_ALL, 3)};
    char id[STORE_COMPETITION_SIZE];
    char texts[ENTRY_SIZE];
    struct entry entry;

    wire_text_copy(id, sizeof(id), db_column_bytes(db, DB_ENTRY_ALL, 1));
    loaded.id = id;
    entry_leaf(loaded.leaf, line.data, line.size);
    if (loaded.kind == ENTRY_KEY || loaded.kind == ENTRY_VOID) {
        if (!entry_read(&entry, texts, line.data, line.size, err)) {
            err->code = ERR_STORE;
            return false;
        }
        read_origin(loaded.origin, &entry);
    }
    return logs_append(store->logs, &loaded, err);
}

static bool load_all(struct store *store, struct err *err)
{
    bool has_row;

    if (!db_start(store->db, DB_ENTRY_ALL, NULL, 0, err) ||
        !db_row(store->db, DB_ENTRY_ALL, &has_row, err)) {
        return false;
    }
    while (has_row) {
        if (!load_entry(store, err) || !db_row(store->db, DB_ENTRY_ALL, &has_row, err)) {
            return false;
        }
    }
    return true;
}

static bool refuse(const struct logs_loss *loss, struct err *err)
{
    static const char advice[] = "put the newest database back, or start once with --void-lost: "
                                 "docs/OPERATOR.md, after a restore";

    if (strcmp(loss->reason, "no record") == 0) {
        return err_set(err, ERR_CONFIG, "log %.80s: nothing says what was signed of it; %s",
                       loss->origin, advice);
    }
    if (strcmp(loss->reason, "changed") == 0) {
        return err_set(err, ERR_CONFIG, "log %.80s: its entries were changed; %s", loss->origin,
                       advice);
    }
    return err_set(err, ERR_CONFIG,
                   "log %.60s: %" PRIu64 " entries were signed, %" PRIu64 " are there; %s",
                   loss->origin, loss->checkpoint.size, loss->size, advice);
}

static void follow(struct store *store)
{
    struct err err;

    for (size_t i = 0; i < store->n_pending; i++) {
        struct store_pending *pending = &store->pending[i];
        pending->entry.id = pending->id;
        if (!logs_append(store->logs, &pending->entry, &err)) {
            log_error("log", "text=\"%s\"", err.text);
            abort(); /* what is committed could not be signed: only a new start is honest */
        }
    }
    store->n_pending = 0;
}

/* Says in the log, durably, that what was signed is lost. */
static bool go_on(struct store *store, const struct logs_loss *loss, int64_t now_ms,
                  struct err *err)
{
    log_warn("log goes on under a new name",
             "log=%s reason=\"%s\" signed=%" PRIu64 " there=%" PRIu64, loss->origin, loss->reason,
             loss->checkpoint.size, loss->size);
    if (loss->competition == 0) {
        return logs_give_up(store->logs, loss->origin, err);
    }
    if (!db_begin(store->db, err)) {
        return false;
    }
    if (!db_call_begin(store->db, err) || !append_void(store, loss, now_ms, err) ||
        !db_call_end(store->db, true, err)) {
        db_rollback(store->db);
        return false;
    }
    if (!db_commit(store->db, err)) {
        return false;
    }
    follow(store);
    return true;
}

bool store_logs_open(struct store *store, const struct store_settings *settings, int64_t now_ms,
                     struct err *err)
{
    struct logs_loss loss;
    size_t place = 0;

    store->keys = settings->logs.keys;
    if (!logs_open(&store->logs, &settings->logs, err) || !load_all(store, err)) {
        return false;
    }
    while (logs_find_loss(&loss, &place, store->logs)) {
        if (!settings->may_void) {
            return refuse(&loss, err);
        }
        if (!go_on(store, &loss, now_ms, err)) {
            return false;
        }
    }
    return logs_sign(store->logs, err);
}

bool store_logs_follow(struct store *store, struct err *err)
{
    follow(store);
    return logs_sign(store->logs, err);
}

static bool prove_submit(struct store *store, struct store_submit *call, struct err *err)
{
    bool is_accepted = call->outcome == STORE_DONE || call->outcome == STORE_REPEATED;

    return !is_accepted || logs_prove(&call->proof, store->logs, call->competition,
                                      (uint64_t)call->entry_index, err);
}

static bool prove_entries(struct store *store, struct store_entries_get *call, struct err *err)
{
    for (size_t i = 0; i < call->n_lines && call->outcome == STORE_DONE; i++) {
        if (!logs_prove(&call->lines[i].proof, store->logs, call->competition,
                        (uint64_t)call->lines[i].index, err)) {
            return false;
        }
    }
    return true;
}

bool store_logs_prove(struct store *store, struct store_call *call, struct err *err)
{
    return call->kind == CALL_SUBMIT        ? prove_submit(store, &call->submit, err)
           : call->kind == CALL_ENTRIES_GET ? prove_entries(store, &call->entries_get, err)
                                            : true;
}

/* ---- reading ---- */

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
        call->competition = db_column_int(store->db, DB_ENTRY_OF_SUBMISSION, 3);
        call->lines[i].index = db_column_int(store->db, DB_ENTRY_OF_SUBMISSION, 2);
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

/* The lines of a range that the caller may see. */
static bool read_range(struct store *store, struct store_log_get *call, struct err *err)
{
    struct db *db = store->db;
    uint64_t end = logs_size(store->logs, call->competition);
    bool sees_all = call->is_organizer || logs_is_closed(store->logs, call->competition);
    bool has_row;

    end = call->second < end ? call->second : end;
    if (call->first > end || call->second - call->first > ENTRIES_MAX) {
        call->outcome = STORE_EMPTY;
        return true;
    }
    if (!db_find(db, DB_ENTRY_RANGE, &has_row, err, db_int(call->competition),
                 db_int((int64_t)call->first), db_int((int64_t)end))) {
        return false;
    }
    call->data.size = 0;
    while (has_row) {
        bool is_seen =
            sees_all || entry_kind_is_public((enum entry_kind)db_column_int(db, DB_ENTRY_RANGE, 0));
        if (is_seen && !wire_buffer_add(&call->data, db_column_bytes(db, DB_ENTRY_RANGE, 1), err)) {
            return false;
        }
        if (!db_row(db, DB_ENTRY_RANGE, &has_row, err)) {
            return false;
        }
    }
    return true;
}

/* Bytes of a file that an entry names. */
static bool read_file(struct store *store, struct store_log_get *call, struct err *err)
{
    bool is_there = call->first <= INT64_MAX;

    if (is_there && !store_file_piece(&call->data, &is_there, store, call->competition,
                                      call->sha256, (int64_t)call->first, err)) {
        return false;
    }
    call->outcome = is_there ? STORE_DONE : STORE_EMPTY;
    return true;
}

static bool read_part(struct store *store, struct store_log_get *call, struct err *err)
{
    const struct logs *logs = store->logs;

    switch (call->part) {
    case LOG_CHECKPOINT:
        return logs_checkpoint(&call->data, logs, call->competition, err);
    case LOG_KEY:
        return logs_key(&call->data, logs, call->competition, err);
    case LOG_GROWTH:
        return logs_prove_growth(&call->data, logs, call->competition, call->first, call->second,
                                 err);
    case LOG_TILE:
        return logs_tile(&call->data, logs, call->competition, call->first, call->second,
                         call->third, err);
    case LOG_ENTRIES:
        return read_range(store, call, err);
    case LOG_FILE:
        return read_file(store, call, err);
    }
    return err_set(err, ERR_INPUT, "a log has no such part");
}

bool store_do_log_get(struct store *store, struct store_log_get *call, struct err *err)
{
    call->outcome = STORE_DONE;
    if (read_part(store, call, err)) {
        return true;
    }
    call->outcome = STORE_EMPTY;
    return err->code == ERR_INPUT;
}

/* ---- the end of submissions ---- */

bool store_append_close(struct store *store, int64_t competition, int64_t now_ms, struct err *err)
{
    struct entry entry = {.kind = ENTRY_CLOSE};
    struct ledger_line line;
    char closed[TIME_TEXT_SIZE];
    bool has_row;

    if (!db_find(store->db, DB_COMPETITION_COUNTS, &has_row, err, db_int(competition))) {
        return false;
    }
    time_text(closed, now_ms);
    entry.values[ENTRY_CLOSE_SUBMISSIONS].number =
        db_column_int(store->db, DB_COMPETITION_COUNTS, 0);
    entry.values[ENTRY_CLOSE_CLOSED].text = closed;
    return store_append(store, &line, &entry, competition, 0, err);
}

bool store_do_close_put(struct store *store, struct store_close_put *call, struct err *err)
{
    bool is_closed = logs_is_closed(store->logs, call->competition);

    call->outcome = is_closed ? STORE_REPEATED : STORE_DONE;
    return is_closed || store_append_close(store, call->competition, call->now_ms, err);
}
