/* SPDX-License-Identifier: MIT */
/*
 * The other half of the SQLite engine: whole files beside the one that sqlite.c works on. See the
 * header.
 */
#include "broker/store/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <sqlite3.h> /* tidy: sqlite.c has the database at work, this has it as a file */

#include "broker/store/db.h"
#include "common/file.h"
#include "common/log.h"
#include "common/text.h"

enum {
    STEP_PAGES = 256,
    BUSY_MS = 5000,
    LOOK_INSTRUCTIONS = 100000, /* of SQLite's machine, a few milliseconds */
    NAMES_MAX = 1000,
};

struct watch {
    const atomic_bool *is_ending; /* or NULL */
    int64_t until_boot_ms;        /* INT64_MAX: no end */
};

static bool is_over(const struct watch *watch)
{
    return (watch->is_ending != NULL && atomic_load(watch->is_ending)) ||
           (watch->until_boot_ms != INT64_MAX && time_boot_ms() > watch->until_boot_ms);
}

static int on_progress(void *context)
{
    return is_over(context);
}

static bool fail(sqlite3 *handle, const char *what, struct err *err)
{
    return err_set(err, ERR_STORE, "%s: %s", what, sqlite3_errmsg(handle));
}

static bool run_text(sqlite3 *handle, const char *sql, struct err *err)
{
    return sqlite3_exec(handle, sql, NULL, NULL, NULL) == SQLITE_OK || fail(handle, sql, err);
}

static bool open_handle(sqlite3 **handle, const char *path, int flags, struct watch *watch,
                        struct err *err)
{
    mode_t mask = umask(0077);
    int status = sqlite3_open_v2(path, handle, flags | SQLITE_OPEN_NOMUTEX, NULL);

    umask(mask);
    if (status != SQLITE_OK) {
        return err_set(err, ERR_SYSTEM, "open %s: %s", path,
                       *handle == NULL ? "no memory" : sqlite3_errmsg(*handle));
    }
    sqlite3_busy_timeout(*handle, BUSY_MS);
    sqlite3_db_config(*handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_progress_handler(*handle, LOOK_INSTRUCTIONS, on_progress, watch);
    return run_text(*handle, "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON", err);
}

/* A connection that reads and nothing else, not even at its end. */
static bool open_reader(sqlite3 **handle, const char *path, struct watch *watch, struct err *err)
{
    return open_handle(handle, path, SQLITE_OPEN_READONLY, watch, err) &&
           sqlite3_db_config(*handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL) == SQLITE_OK &&
           run_text(*handle, "PRAGMA query_only=ON; PRAGMA wal_autocheckpoint=0", err);
}

/* Runs a check of SQLite's, whose only row is "ok" where all is well. */
static bool check(bool *is_whole, sqlite3 *handle, const char *sql, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    bool ok = false;

    *is_whole = true;
    if (sqlite3_prepare_v2(handle, sql, -1, &statement, NULL) != SQLITE_OK) {
        fail(handle, sql, err);
        goto out;
    }
    int status = sqlite3_step(statement);
    if (status == SQLITE_INTERRUPT) {
        *is_whole = false;
        ok = true;
        goto out;
    }
    const char *text = status == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0)
                                            : sqlite3_errmsg(handle);
    ok = (status == SQLITE_ROW && text != NULL && strcmp(text, "ok") == 0) ||
         err_set(err, ERR_STORE, "%s: %.150s", sql, text == NULL ? "no memory" : text);
out:
    sqlite3_finalize(statement);
    return ok;
}

/* ---- making ---- */

static bool check_room(const char *database, const char *path, int64_t room_bytes, struct err *err)
{
    struct stat info;
    struct statvfs disk;
    char folder[PATH_MAX];

    if (!path_folder(folder, sizeof(folder), path, err)) {
        return false;
    }
    if (stat(database, &info) < 0 || statvfs(folder, &disk) < 0) {
        return err_set(err, ERR_SYSTEM, "room for %s: %s", path, strerror(errno));
    }
    int64_t free_bytes = (int64_t)(disk.f_bavail * disk.f_frsize);
    return free_bytes - room_bytes >= (int64_t)info.st_size ||
           err_set(err, ERR_LIMIT, "a copy needs %lld bytes and %lld must be left, %lld are free",
                   (long long)info.st_size, (long long)room_bytes, (long long)free_bytes);
}

/* The snapshot is held by a transaction around all steps. */
static bool copy_pages(sqlite3 *to, sqlite3 *from, const struct watch *watch, struct err *err)
{
    int status = SQLITE_OK;

    if (!run_text(from, "BEGIN; SELECT 1 FROM sqlite_schema LIMIT 1", err)) {
        return false;
    }
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    while (backup != NULL && (status == SQLITE_OK || status == SQLITE_BUSY) && !is_over(watch)) {
        status = sqlite3_backup_step(backup, STEP_PAGES);
    }
    sqlite3_backup_finish(backup);
    if (status == SQLITE_OK || status == SQLITE_BUSY) {
        return backup == NULL ? fail(to, "backup", err)
                              : err_set(err, ERR_SYSTEM, "the backup was given up");
    }
    return status == SQLITE_DONE || fail(to, "backup", err);
}

/* One file without a WAL, and sound. */
static bool settle(sqlite3 *copy, struct err *err)
{
    bool is_whole;

    if (!run_text(copy, "PRAGMA journal_mode=DELETE", err) ||
        !check(&is_whole, copy, "PRAGMA integrity_check", err)) {
        return false;
    }
    return is_whole || err_set(err, ERR_SYSTEM, "the backup was given up");
}

static bool write_copy(const char *database, const char *path, struct watch *watch, struct err *err)
{
    sqlite3 *from = NULL;
    sqlite3 *to = NULL;

    bool ok =
        open_reader(&from, database, watch, err) &&
        open_handle(&to, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, watch, err) &&
        run_text(to, "PRAGMA synchronous=OFF", err) && /* synced as a whole, before its name */
        copy_pages(to, from, watch, err) && settle(to, err);
    sqlite3_close(to);
    sqlite3_close(from);
    return ok;
}

static bool sync_file(int64_t *size_bytes, const char *path, struct err *err)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 && fstat(fd, &info) == 0 && fsync(fd) == 0;

    if (!ok) {
        err_set(err, ERR_SYSTEM, "sync %s: %s", path, strerror(errno));
    } else {
        *size_bytes = (int64_t)info.st_size;
    }
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

/* Gives a finished file its name, durably. */
static bool put_in_place(const char *part, const char *path, struct err *err)
{
    char folder[PATH_MAX];

    if (!path_folder(folder, sizeof(folder), path, err)) {
        return false;
    }
    if (rename(part, path) < 0) {
        return err_set(err, ERR_SYSTEM, "rename %s: %s", part, strerror(errno));
    }
    return folder_sync(folder, err);
}

/* PATH and an ending. */
static bool name_beside(char name[static BACKUP_PATH_SIZE], const char *path, const char *ending,
                        struct err *err)
{
    return snprintf(name, BACKUP_PATH_SIZE, "%s%s", path, ending) < BACKUP_PATH_SIZE ||
           err_set(err, ERR_LIMIT, "the path %.60s is too long", path);
}

bool backup_make(int64_t *size_bytes, const char *database, const char *path, int64_t room_bytes,
                 const atomic_bool *is_ending, struct err *err)
{
    struct watch watch = {.is_ending = is_ending, .until_boot_ms = INT64_MAX};
    char part[BACKUP_PATH_SIZE];

    if (!name_beside(part, path, ".part", err) || !check_room(database, path, room_bytes, err)) {
        return false;
    }
    unlink(part);
    if (write_copy(database, part, &watch, err) && sync_file(size_bytes, part, err) &&
        put_in_place(part, path, err)) {
        return true;
    }
    unlink(part);
    return false;
}

/* ---- checking ---- */

bool backup_check(bool *is_whole, const char *path, int64_t patience_ms, struct err *err)
{
    struct watch watch = {.until_boot_ms = time_boot_ms() + patience_ms};
    sqlite3 *handle = NULL;

    bool ok = open_reader(&handle, path, &watch, err) &&
              check(is_whole, handle, "PRAGMA quick_check", err);
    sqlite3_close(handle);
    return ok;
}

const char *backup_engine(void)
{
    return sqlite3_libversion();
}

/* ---- putting back ---- */

static bool check_copy(const char *path, struct err *err)
{
    struct watch watch = {.until_boot_ms = INT64_MAX};
    sqlite3 *handle = NULL;
    bool is_whole;

    bool ok = open_reader(&handle, path, &watch, err) &&
              check(&is_whole, handle, "PRAGMA integrity_check", err);
    sqlite3_close(handle);
    return ok;
}

/* Brings what is in the WAL into the database; one that is too damaged for it stays as it is. */
static void fold_wal(const char *database)
{
    struct watch watch = {.until_boot_ms = INT64_MAX};
    sqlite3 *handle = NULL;
    struct err err;

    if (!open_handle(&handle, database, SQLITE_OPEN_READWRITE, &watch, &err) ||
        !run_text(handle, "PRAGMA wal_checkpoint(TRUNCATE)", &err)) {
        log_warn("the replaced database", "text=\"%s\"", err.text);
    }
    sqlite3_close(handle);
}

/* A name for what is replaced that nothing has yet. */
static bool find_name(char name[static BACKUP_PATH_SIZE], const char *database, struct err *err)
{
    for (int i = 1; i <= NAMES_MAX; i++) {
        if (snprintf(name, BACKUP_PATH_SIZE, "%s.replaced%d", database, i) >= BACKUP_PATH_SIZE) {
            return err_set(err, ERR_LIMIT, "the path %.60s is too long", database);
        }
        if (access(name, F_OK) != 0) {
            return true;
        }
    }
    return err_set(err, ERR_LIMIT, "there are %d replaced databases already", NAMES_MAX);
}

/* Moves the database away together with its WAL, which must not be read into another one. */
static bool move_away(char replaced[static BACKUP_PATH_SIZE], const char *database, struct err *err)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    char from[BACKUP_PATH_SIZE];
    char to[BACKUP_PATH_SIZE];

    if (!find_name(replaced, database, err)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
        if (!name_beside(from, database, endings[i], err) ||
            !name_beside(to, replaced, endings[i], err)) {
            return false;
        }
        if (rename(from, to) < 0 && errno != ENOENT) {
            return err_set(err, ERR_SYSTEM, "rename %s: %s", from, strerror(errno));
        }
    }
    return true;
}

bool backup_restore(char replaced[static BACKUP_PATH_SIZE], const char *database, const char *copy,
                    struct err *err)
{
    char part[BACKUP_PATH_SIZE];
    int lock_fd = -1;

    replaced[0] = '\0';
    bool ok = db_lock(&lock_fd, database, err) && check_copy(copy, err) &&
              name_beside(part, database, ".restoring", err) &&
              file_copy_durable(part, copy, 0600, err);
    if (ok && access(database, F_OK) == 0) {
        fold_wal(database);
        ok = move_away(replaced, database, err);
    }
    ok = ok && put_in_place(part, database, err);
    if (lock_fd >= 0) {
        close(lock_fd);
    }
    return ok;
}
