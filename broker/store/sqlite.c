/* SPDX-License-Identifier: MIT */
/*
 * The SQLite engine behind db.h. One connection writes and checkpoints: the bug that SQLite had up
 * to 3.51.2, where two connections that write or checkpoint at once may damage a WAL file, needs
 * two. An I/O error in a commit ends the process, because the kernel may have dropped the pages
 * that were not written; the next start recovers from the WAL.
 */
#include "broker/store/db.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "common/log.h"
#include "common/sha256.h"

enum {
    PARAMETERS_MAX = 24,
    CHECKPOINT_PAGES = 4000,
    CACHE_KIB = 65536,
    WAL_BYTES_KEPT = 256 << 20, /* a longer one, as a backup leaves it, is cut after a checkpoint */
    SQL_BYTES_MAX = 100000,
    VALUE_BYTES_MAX = 8 << 20,
};

static const char *const statement_texts[] = {
#define STATEMENT(NAME, sql) sql,
#include "broker/store/statements.def"
#undef STATEMENT
};

struct embedded {
    const char *name;
    const unsigned char *data;
    size_t size;
};

#include "common/crashpoint.h"
#include "migrations.inc"

struct db {
    sqlite3 *handle;
    int lock_fd;
    int status; /* of the last failure */
    sqlite3_stmt *statements[DB_STATEMENTS_N];
    int places[DB_STATEMENTS_N][PARAMETERS_MAX]; /* SQLite's index of $1, $2, … */
    bool is_active[DB_STATEMENTS_N];             /* stands on a row: to be reset */
};

static bool fail(struct db *db, const char *what, struct err *err)
{
    db->status = sqlite3_extended_errcode(db->handle);
    return err_set(err, ERR_STORE, "%s: %s", what, sqlite3_errmsg(db->handle));
}

bool db_is_full(const struct db *db)
{
    return (db->status & 0xff) == SQLITE_FULL || db->status == SQLITE_IOERR_SHMSIZE;
}

static bool run_text(struct db *db, const char *sql, struct err *err)
{
    if (sqlite3_exec(db->handle, sql, NULL, NULL, NULL) != SQLITE_OK) {
        return fail(db, sql, err);
    }
    return true;
}

/* ---- values and rows ---- */

struct db_value db_int(int64_t number)
{
    return (struct db_value){.type = DB_INT, .number = number};
}

struct db_value db_int_or_null(bool has_number, int64_t number)
{
    return (struct db_value){.type = has_number ? DB_INT : DB_NULL, .number = number};
}

struct db_value db_text(struct wire_bytes text)
{
    return (struct db_value){.type = DB_TEXT, .bytes = text};
}

struct db_value db_blob(const void *data, size_t size)
{
    return (struct db_value){.type = DB_BLOB, .bytes = {.data = data, .size = size}};
}

static int bind_value(sqlite3_stmt *statement, int place, const struct db_value *value)
{
    const char *data = value->bytes.data == NULL ? "" : (const char *)value->bytes.data;

    assert(value->bytes.size <= VALUE_BYTES_MAX);
    switch (value->type) {
    case DB_NULL:
        return sqlite3_bind_null(statement, place);
    case DB_INT:
        return sqlite3_bind_int64(statement, place, value->number);
    case DB_TEXT:
        return sqlite3_bind_text(statement, place, data, (int)value->bytes.size, SQLITE_STATIC);
    case DB_BLOB:
        return sqlite3_bind_blob(statement, place, data, (int)value->bytes.size, SQLITE_STATIC);
    }
    return SQLITE_MISUSE;
}

static void reset(struct db *db, enum db_statement statement)
{
    if (db->is_active[statement]) {
        sqlite3_reset(db->statements[statement]);
        db->is_active[statement] = false;
    }
}

static void reset_all(struct db *db)
{
    for (int i = 0; i < DB_STATEMENTS_N; i++) {
        reset(db, (enum db_statement)i);
    }
}

bool db_start(struct db *db, enum db_statement statement, const struct db_value *values,
              size_t n_values, struct err *err)
{
    sqlite3_stmt *prepared = db->statements[statement];

    assert((int)n_values == sqlite3_bind_parameter_count(prepared));
    reset(db, statement);
    for (size_t i = 0; i < n_values; i++) {
        if (bind_value(prepared, db->places[statement][i], &values[i]) != SQLITE_OK) {
            return fail(db, statement_texts[statement], err);
        }
    }
    db->is_active[statement] = true;
    return true;
}

/* What is read can no longer be trusted, or the disk fails: nothing may be answered from it. */
static void stop_if_damaged(const struct db *db, const struct err *err)
{
    int status = db->status & 0xff;

    if (!db_is_full(db) &&
        (status == SQLITE_CORRUPT || status == SQLITE_NOTADB || status == SQLITE_IOERR)) {
        log_error("database failed", "text=\"%s\"", err->text);
        abort(); /* the next start recovers from the WAL and checks the file */
    }
}

bool db_row(struct db *db, enum db_statement statement, bool *has_row, struct err *err)
{
    int status = sqlite3_step(db->statements[statement]);

    *has_row = status == SQLITE_ROW;
    if (status != SQLITE_ROW && status != SQLITE_DONE) {
        fail(db, "statement", err);
        stop_if_damaged(db, err);
        reset(db, statement);
        return false;
    }
    if (status == SQLITE_DONE) {
        reset(db, statement);
    }
    return true;
}

bool db_find_values(struct db *db, enum db_statement statement, const struct db_value *values,
                    size_t n_values, bool *has_row, struct err *err)
{
    return db_start(db, statement, values, n_values, err) && db_row(db, statement, has_row, err);
}

bool db_run_values(struct db *db, enum db_statement statement, const struct db_value *values,
                   size_t n_values, struct err *err)
{
    bool has_row = true;

    if (!db_start(db, statement, values, n_values, err)) {
        return false;
    }
    while (has_row) {
        if (!db_row(db, statement, &has_row, err)) {
            return false;
        }
    }
    return true;
}

int64_t db_column_int(struct db *db, enum db_statement statement, int column)
{
    return sqlite3_column_int64(db->statements[statement], column);
}

bool db_column_is_null(struct db *db, enum db_statement statement, int column)
{
    return sqlite3_column_type(db->statements[statement], column) == SQLITE_NULL;
}

struct wire_bytes db_column_bytes(struct db *db, enum db_statement statement, int column)
{
    sqlite3_stmt *prepared = db->statements[statement];
    const void *data = sqlite3_column_blob(prepared, column);

    return (struct wire_bytes){.data = data == NULL ? (const unsigned char *)"" : data,
                               .size = (size_t)sqlite3_column_bytes(prepared, column)};
}

void db_column_copy(struct db *db, enum db_statement statement, int column, void *copy, size_t size)
{
    struct wire_bytes bytes = db_column_bytes(db, statement, column);
    size_t n_copied = bytes.size < size ? bytes.size : size;

    memset(copy, 0, size);
    if (n_copied > 0) {
        memcpy(copy, bytes.data, n_copied);
    }
}

int64_t db_changes(const struct db *db)
{
    return sqlite3_changes64(db->handle);
}

int64_t db_last_number(const struct db *db)
{
    return sqlite3_last_insert_rowid(db->handle);
}

/* ---- transactions ---- */

/* A statement without values and rows. */
static bool run_one(struct db *db, enum db_statement statement, struct err *err)
{
    return db_run_values(db, statement, NULL, 0, err);
}

bool db_begin(struct db *db, struct err *err)
{
    db->status = SQLITE_OK;
    return run_one(db, DB_BEGIN, err);
}

bool db_commit(struct db *db, struct err *err)
{
    if (run_one(db, DB_COMMIT, err)) {
        return true;
    }
    if (!db_is_full(db) && (db->status & 0xff) != SQLITE_BUSY) {
        log_error("commit failed", "text=\"%s\"", err->text);
        abort(); /* whether it is durable is unknown: only a new start can tell */
    }
    db_rollback(db);
    return false;
}

void db_rollback(struct db *db)
{
    int status = db->status;
    struct err ignored;

    reset_all(db);
    if (!sqlite3_get_autocommit(db->handle) && !run_text(db, "ROLLBACK", &ignored)) {
        log_error("rollback failed", "text=\"%s\"", ignored.text);
        abort();
    }
    db->status = status;
}

bool db_call_begin(struct db *db, struct err *err)
{
    return run_one(db, DB_CALL_BEGIN, err);
}

bool db_call_end(struct db *db, bool is_kept, struct err *err)
{
    reset_all(db);
    if (sqlite3_get_autocommit(db->handle)) {
        return err_set(err, ERR_STORE, "the batch was rolled back");
    }
    return (is_kept || run_text(db, "ROLLBACK TO call", err)) && run_one(db, DB_CALL_KEEP, err);
}

/* ---- opening ---- */

bool db_lock(int *fd, const char *path, struct err *err)
{
    char lock_path[PATH_MAX];

    if (snprintf(lock_path, sizeof(lock_path), "%s.lock", path) >= (int)sizeof(lock_path)) {
        return err_set(err, ERR_CONFIG, "path of the database is too long");
    }
    *fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*fd < 0) {
        return err_set(err, ERR_SYSTEM, "open %s: %s", lock_path, strerror(errno));
    }
    if (flock(*fd, LOCK_EX | LOCK_NB) < 0) {
        return err_set(err, ERR_CONFIG, "%s is in use by another broker", path);
    }
    return true;
}

static bool open_handle(struct db *db, const char *path, struct err *err)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    mode_t mask = umask(0077);
    int status = sqlite3_open_v2(path, &db->handle, flags, NULL);

    umask(mask);
    if (db->handle == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for a database");
    }
    if (status != SQLITE_OK) {
        fail(db, path, err);
        err->code = ERR_SYSTEM;
        return false;
    }
    sqlite3_extended_result_codes(db->handle, 1);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_limit(db->handle, SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX);
    sqlite3_limit(db->handle, SQLITE_LIMIT_SQL_LENGTH, SQL_BYTES_MAX);
    sqlite3_limit(db->handle, SQLITE_LIMIT_ATTACHED, 0);
    return true;
}

/* True when the last process did not end cleanly: it left a WAL behind. */
static bool has_wal(const char *path)
{
    char wal_path[PATH_MAX];
    struct stat info;

    snprintf(wal_path, sizeof(wal_path), "%s-wal", path);
    return stat(wal_path, &info) == 0 && info.st_size > 0;
}

static bool set_pragmas(struct db *db, struct err *err)
{
    char text[512];

    snprintf(text, sizeof(text),
             "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
             "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY;"
             "PRAGMA cache_size=-%d; PRAGMA wal_autocheckpoint=%d; PRAGMA journal_size_limit=%d;",
             CACHE_KIB, CHECKPOINT_PAGES, WAL_BYTES_KEPT);
    return run_text(db, text, err);
}

/* Runs a query that answers with one text and compares it. */
static bool text_is(struct db *db, const char *sql, const char *expected, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    bool ok = false;

    if (sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_ROW) {
        fail(db, sql, err);
        goto out;
    }
    const char *text = (const char *)sqlite3_column_text(statement, 0);
    if (text == NULL || strcmp(text, expected) != 0) {
        err_set(err, ERR_STORE, "%s: %s, expected %s", sql, text == NULL ? "nothing" : text,
                expected);
        goto out;
    }
    ok = true;
out:
    sqlite3_finalize(statement);
    return ok;
}

/* *is_there is true when the migration was made before, by the same bytes. */
static bool find_migration(struct db *db, bool *is_there, int number, const struct embedded *file,
                           struct err *err)
{
    uint8_t digest[SHA256_BYTES];
    sqlite3_stmt *statement = NULL;
    bool ok = false;

    sha256_of(digest, file->data, file->size);
    if (sqlite3_prepare_v2(db->handle, "SELECT sha256 FROM schema_migration WHERE number = ?1", -1,
                           &statement, NULL) != SQLITE_OK) {
        fail(db, "schema_migration", err);
        goto out;
    }
    sqlite3_bind_int(statement, 1, number);
    *is_there = sqlite3_step(statement) == SQLITE_ROW;
    if (*is_there && (sqlite3_column_bytes(statement, 0) != SHA256_BYTES ||
                      memcmp(sqlite3_column_blob(statement, 0), digest, SHA256_BYTES) != 0)) {
        err_set(err, ERR_STORE, "the database was made by another text of %s", file->name);
        goto out;
    }
    ok = true;
out:
    sqlite3_finalize(statement);
    return ok;
}

static bool note_migration(struct db *db, int number, const struct embedded *file, int64_t now_ms,
                           struct err *err)
{
    uint8_t digest[SHA256_BYTES];
    sqlite3_stmt *statement = NULL;

    sha256_of(digest, file->data, file->size);
    bool ok = sqlite3_prepare_v2(db->handle, "INSERT INTO schema_migration VALUES (?1, ?2, ?3)", -1,
                                 &statement, NULL) == SQLITE_OK &&
              sqlite3_bind_int(statement, 1, number) == SQLITE_OK &&
              sqlite3_bind_blob(statement, 2, digest, sizeof(digest), SQLITE_STATIC) == SQLITE_OK &&
              sqlite3_bind_int64(statement, 3, now_ms) == SQLITE_OK &&
              sqlite3_step(statement) == SQLITE_DONE;
    sqlite3_finalize(statement);
    return ok || fail(db, file->name, err);
}

static bool run_migration(struct db *db, int number, const struct embedded *file, int64_t now_ms,
                          struct err *err)
{
    char *sql = strndup((const char *)file->data, file->size);

    if (sql == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for %s", file->name);
    }
    bool ok = run_text(db, "BEGIN IMMEDIATE", err) && run_text(db, sql, err) &&
              note_migration(db, number, file, now_ms, err);
    CRASHPOINT("in a migration");
    ok = ok && run_text(db, "COMMIT", err);
    CRASHPOINT("after a migration");
    if (!ok) {
        db_rollback(db);
    }
    free(sql);
    return ok;
}

static bool migrate(struct db *db, int64_t now_ms, struct err *err)
{
    char last[24];

    if (!run_text(db,
                  "CREATE TABLE IF NOT EXISTS schema_migration (number INTEGER PRIMARY KEY, "
                  "sha256 BLOB NOT NULL, made_ms INTEGER NOT NULL) STRICT",
                  err)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_SIZE(migrations); i++) {
        int number = (int)strtol(migrations[i].name, NULL, 10);
        bool is_there;
        if (!find_migration(db, &is_there, number, &migrations[i], err)) {
            return false;
        }
        if (!is_there && !run_migration(db, number, &migrations[i], now_ms, err)) {
            return false;
        }
    }
    snprintf(last, sizeof(last), "%zu", ARRAY_SIZE(migrations));
    return text_is(db, "SELECT count(*) FROM schema_migration", last, err);
}

static bool prepare_all(struct db *db, struct err *err)
{
    for (int i = 0; i < DB_STATEMENTS_N; i++) {
        if (sqlite3_prepare_v3(db->handle, statement_texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &db->statements[i], NULL) != SQLITE_OK) {
            return fail(db, statement_texts[i], err);
        }
        int n = sqlite3_bind_parameter_count(db->statements[i]);
        assert(n <= PARAMETERS_MAX);
        for (int place = 0; place < n; place++) {
            char name[16];
            snprintf(name, sizeof(name), "$%d", place + 1);
            db->places[i][place] = sqlite3_bind_parameter_index(db->statements[i], name);
            assert(db->places[i][place] > 0);
        }
    }
    return true;
}

bool db_open(struct db **db, const char *path, int64_t now_ms, struct err *err)
{
    struct db *opened = calloc(1, sizeof(*opened));

    if (opened == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for a database");
    }
    opened->lock_fd = -1;
    if (!db_lock(&opened->lock_fd, path, err)) {
        goto fail;
    }
    bool is_unclean = has_wal(path);
    if (!open_handle(opened, path, err) || !set_pragmas(opened, err)) {
        goto fail;
    }
    if (is_unclean && (!run_text(opened, "PRAGMA wal_checkpoint(TRUNCATE)", err) ||
                       !text_is(opened, "PRAGMA quick_check", "ok", err))) {
        goto fail;
    }
    if (!text_is(opened, "PRAGMA journal_mode", "wal", err) || !migrate(opened, now_ms, err) ||
        !prepare_all(opened, err)) {
        goto fail;
    }
    *db = opened;
    return true;
fail:
    db_close(&opened);
    return false;
}

void db_close(struct db **db)
{
    if (*db == NULL) {
        return;
    }
    for (int i = 0; i < DB_STATEMENTS_N; i++) {
        sqlite3_finalize((*db)->statements[i]);
    }
    sqlite3_close((*db)->handle);
    if ((*db)->lock_fd >= 0) {
        close((*db)->lock_fd);
    }
    free(*db);
    *db = NULL;
}
