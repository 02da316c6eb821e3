/* SPDX-License-Identifier: MIT */
/*
 * Copies of a database: made while the broker works on it, checked, put back. The database is read
 * through a connection that neither writes nor checkpoints, because two that do may damage a WAL
 * file (SQLite up to 3.51.2); it holds one snapshot, so that the copy is one moment of the whole.
 */
#pragma once

#include "common/err.h"

#include <stdatomic.h>
#include <stdint.h>

/*
 * Copies `database` to `path`, which appears when the copy is complete, checked and on the disk.
 *
 *   size_bytes  out, of the copy
 *   room_bytes  what must be left on the disk beside the copy
 *   is_ending   from another thread: give up
 *
 * Errors   ERR_LIMIT   there is not enough room
 *          ERR_STORE   the database cannot be read, or the copy is not sound
 *          ERR_SYSTEM  the copy cannot be written; or it was given up
 */
MUST_CHECK bool backup_make(int64_t *size_bytes, const char *database, const char *path,
                            int64_t room_bytes, const atomic_bool *is_ending, struct err *err);

/*
 * Puts a copy in the place of the database, with no broker running. What was there is kept beside
 * it as DATABASE.replaced and a number.
 *
 *   replaced  out, where the database went; empty where there was none
 *
 * Errors   ERR_CONFIG  a broker runs
 *          ERR_STORE   the copy is not sound
 *          ERR_SYSTEM, ERR_LIMIT  a file cannot be read, written or named
 */
enum { BACKUP_PATH_SIZE = 4096 };
MUST_CHECK bool backup_restore(char replaced[static BACKUP_PATH_SIZE], const char *database,
                               const char *copy, struct err *err);

/*
 * Checks a database without changing it, for at most `patience_ms`.
 *
 *   is_whole  out, false where the time was over before the end
 *
 * Errors   ERR_STORE   it is damaged
 *          ERR_SYSTEM  it cannot be read
 */
MUST_CHECK bool backup_check(bool *is_whole, const char *path, int64_t patience_ms,
                             struct err *err);

/* The version of the SQLite library, "3.40.1". */
const char *backup_engine(void);
