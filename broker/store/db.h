/* SPDX-License-Identifier: MIT */
/*
 * The thin layer between the store's calls and an SQL engine: one table of statements, all
 * prepared at open, values bound in order, columns read by place. The calls above know no engine;
 * an engine knows no call.
 */
#pragma once

#include "common/err.h"
#include "schemas/wire.h"

#include <stddef.h>
#include <stdint.h>

enum db_statement {
#define STATEMENT(NAME, sql) DB_##NAME,
#include "broker/store/statements.def"
#undef STATEMENT
    DB_STATEMENTS_N
};

enum db_type { DB_NULL, DB_INT, DB_TEXT, DB_BLOB };

struct db_value {
    enum db_type type;
    int64_t number;
    struct wire_bytes bytes; /* borrowed until the statement has run */
};

struct db;

/*
 * Takes the lock that keeps a second broker off a database; closing *fd gives it back.
 *
 * Errors   ERR_CONFIG  another process holds it
 *          ERR_SYSTEM  its file cannot be made
 */
MUST_CHECK bool db_lock(int *fd, const char *path, struct err *err);

/*
 * Opens the database, brings its schema up to date and prepares every statement. A second process
 * on the same file is kept out by a lock beside it, held until db_close.
 *
 * Errors   ERR_CONFIG  another process holds the lock
 *          ERR_STORE   the file is damaged, or its schema is not of this program
 *          ERR_SYSTEM  it cannot be opened
 * Owns     *db is owned by the caller; end it with db_close
 */
MUST_CHECK bool db_open(struct db **db, const char *path, int64_t now_ms, struct err *err);
void db_close(struct db **db);

/* One batch of calls is one durable commit; a failing call inside takes only itself back. */
MUST_CHECK bool db_begin(struct db *db, struct err *err);
MUST_CHECK bool db_commit(struct db *db, struct err *err);
void db_rollback(struct db *db);
MUST_CHECK bool db_call_begin(struct db *db, struct err *err);
MUST_CHECK bool db_call_end(struct db *db, bool is_kept, struct err *err);

/* True when the last failure was a full disk: nothing is wrong but the room. */
bool db_is_full(const struct db *db);

/* Values for db_run. */
struct db_value db_int(int64_t number);
struct db_value db_int_or_null(bool has_number, int64_t number);
struct db_value db_text(struct wire_bytes text);
struct db_value db_blob(const void *data, size_t size);

/* Starts a statement; its rows come with db_row. Errors: ERR_STORE. */
MUST_CHECK bool db_start(struct db *db, enum db_statement statement, const struct db_value *values,
                         size_t n_values, struct err *err);

/* Steps to the next row; *has_row tells whether there was one. Errors: ERR_STORE. */
MUST_CHECK bool db_row(struct db *db, enum db_statement statement, bool *has_row, struct err *err);

/* Runs a statement to its end; rows are dropped. Errors: ERR_STORE. */
MUST_CHECK bool db_run_values(struct db *db, enum db_statement statement,
                              const struct db_value *values, size_t n_values, struct err *err);

/* Starts a statement and steps to its first row. Errors: ERR_STORE. */
MUST_CHECK bool db_find_values(struct db *db, enum db_statement statement,
                               const struct db_value *values, size_t n_values, bool *has_row,
                               struct err *err);

/* db_run(db, DB_X, err, db_int(1), …), db_find(db, DB_X, &has_row, err, …) */
#define DB_VALUES(...)                                                                             \
    ((const struct db_value[]){__VA_ARGS__}),                                                      \
        (sizeof((const struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value))
#define db_run(db, statement, err, ...)                                                            \
    db_run_values((db), (statement), DB_VALUES(__VA_ARGS__), (err))
#define db_find(db, statement, has_row, err, ...)                                                  \
    db_find_values((db), (statement), DB_VALUES(__VA_ARGS__), (has_row), (err))

/* Columns of the row that the statement stands on; texts and blobs are borrowed until the next
 * step or start of the same statement. */
int64_t db_column_int(struct db *db, enum db_statement statement, int column);
bool db_column_is_null(struct db *db, enum db_statement statement, int column);
struct wire_bytes db_column_bytes(struct db *db, enum db_statement statement, int column);

/* Copies a blob of exactly `size` bytes; what is shorter leaves zeros. */
void db_column_copy(struct db *db, enum db_statement statement, int column, void *copy,
                    size_t size);

/* Rows that the last db_run changed. */
int64_t db_changes(const struct db *db);

/* Number of the row that was inserted last. */
int64_t db_last_number(const struct db *db);
