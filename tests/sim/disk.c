/* SPDX-License-Identifier: MIT */
/*
 * See the header. A file is its bytes and the writes since its last sync, each with the bytes that
 * it replaced. Locks are always granted: there is one connection.
 */
#include "tests/sim/disk.h"

#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

enum { FILES = 4, NAME_SIZE = 300, REGIONS = 16, STATEMENTS = 512 };

struct disk_write {
    size_t at;
    size_t size;          /* of new bytes; 0: the file was cut here */
    size_t size_old;      /* of the file before */
    unsigned char *bytes; /* the new ones, then what was at their place */
};

struct disk_file {
    char name[NAME_SIZE]; /* empty: free */
    unsigned char *data;
    size_t size;
    size_t capacity;
    struct disk_write *writes; /* not synced yet */
    size_t n_writes;
    size_t writes_capacity;
};

struct handle {
    sqlite3_file base;
    struct disk_file *file;
};

static struct {
    bool is_used;
    bool is_full;
    struct disk_file files[FILES];
    unsigned char *regions[REGIONS]; /* what SQLite shares between connections */
    size_t region_size;
    unsigned char *kept;
    size_t kept_size;
    sqlite3 *connection;
    bool is_open;
    bool is_set_up; /* its settings stay with it */
    struct {
        const char *sql;
        sqlite3_stmt *statement;
    } statements[STATEMENTS];
    size_t n_statements;
    size_t next_statement;
} disk;

static void *grown(void *data, size_t size)
{
    data = realloc(data, size);
    if (data == NULL) {
        abort();
    }
    return data;
}

/* ---- files ---- */

static struct disk_file *file_named(const char *name)
{
    for (size_t i = 0; i < FILES; i++) {
        if (strcmp(disk.files[i].name, name) == 0) {
            return &disk.files[i];
        }
    }
    return NULL;
}

static bool is_wal(const struct disk_file *file)
{
    size_t length = strlen(file->name);

    return length > 4 && strcmp(file->name + length - 4, "-wal") == 0;
}

static void file_forget_writes(struct disk_file *file)
{
    for (size_t i = 0; i < file->n_writes; i++) {
        free(file->writes[i].bytes);
    }
    file->n_writes = 0;
}

static void file_resize(struct disk_file *file, size_t size)
{
    if (size > file->capacity) {
        file->capacity = 2 * size;
        file->data = grown(file->data, file->capacity);
    }
    if (size > file->size) {
        memset(file->data + file->size, 0, size - file->size);
    }
    file->size = size;
}

static void put(struct disk_file *file, const void *data, size_t size, size_t at)
{
    if (at + size > file->size) {
        file_resize(file, at + size);
    }
    memcpy(file->data + at, data, size);
}

/* Notes what a write (or with size 0 a cut) is about to replace. */
static void note_write(struct disk_file *file, const void *data, size_t size, size_t at)
{
    if (file->n_writes == file->writes_capacity) {
        file->writes_capacity = file->writes_capacity == 0 ? 64 : 2 * file->writes_capacity;
        file->writes = grown(file->writes, file->writes_capacity * sizeof(file->writes[0]));
    }
    struct disk_write *write = &file->writes[file->n_writes++];
    size_t end = size > 0 ? at + size : file->size;
    size_t n_old = end <= file->size ? end - at : file->size > at ? file->size - at : 0;
    *write = (struct disk_write){.at = at, .size = size, .size_old = file->size};
    write->bytes = grown(NULL, size + n_old + 1);
    if (size > 0) {
        memcpy(write->bytes, data, size);
    }
    if (n_old > 0) {
        memcpy(write->bytes + size, file->data + at, n_old);
    }
}

static void undo(struct disk_file *file, const struct disk_write *write)
{
    size_t end = write->size > 0 ? write->at + write->size : write->size_old;
    size_t n_old = end <= write->size_old        ? end - write->at
                   : write->size_old > write->at ? write->size_old - write->at
                                                 : 0;

    if (n_old > 0) {
        put(file, write->bytes + write->size, n_old, write->at);
    }
    file_resize(file, write->size_old);
}

static void redo(struct disk_file *file, const struct disk_write *write)
{
    if (write->size > 0) {
        put(file, write->bytes, write->size, write->at);
    } else {
        file_resize(file, write->at);
    }
}

/* ---- SQLite's methods for a file ---- */

static struct disk_file *file_of(sqlite3_file *base)
{
    return ((struct handle *)base)->file;
}

static int method_close(sqlite3_file *base)
{
    (void)base;
    return SQLITE_OK;
}

static int method_read(sqlite3_file *base, void *data, int size, sqlite3_int64 at)
{
    const struct disk_file *file = file_of(base);
    size_t there = (size_t)at < file->size ? file->size - (size_t)at : 0;
    size_t n = there < (size_t)size ? there : (size_t)size;

    if (n > 0) {
        memcpy(data, file->data + at, n);
    }
    memset((unsigned char *)data + n, 0, (size_t)size - n);
    return n == (size_t)size ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int method_write(sqlite3_file *base, const void *data, int size, sqlite3_int64 at)
{
    struct disk_file *file = file_of(base);

    if (disk.is_full) {
        return SQLITE_FULL;
    }
    note_write(file, data, (size_t)size, (size_t)at);
    put(file, data, (size_t)size, (size_t)at);
    return SQLITE_OK;
}

static int method_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    struct disk_file *file = file_of(base);

    if ((size_t)size < file->size) {
        note_write(file, NULL, 0, (size_t)size);
    }
    file_resize(file, (size_t)size);
    return SQLITE_OK;
}

static int method_sync(sqlite3_file *base, int flags)
{
    (void)flags;
    file_forget_writes(file_of(base));
    return SQLITE_OK;
}

static int method_size(sqlite3_file *base, sqlite3_int64 *size)
{
    *size = (sqlite3_int64)file_of(base)->size;
    return SQLITE_OK;
}

static int method_lock(sqlite3_file *base, int lock)
{
    (void)base;
    (void)lock;
    return SQLITE_OK;
}

static int method_is_reserved(sqlite3_file *base, int *is_reserved)
{
    (void)base;
    *is_reserved = 0;
    return SQLITE_OK;
}

static int method_control(sqlite3_file *base, int operation, void *argument)
{
    (void)base;
    (void)operation;
    (void)argument;
    return SQLITE_NOTFOUND;
}

static int method_sector_size(sqlite3_file *base)
{
    (void)base;
    return 4096;
}

static int method_characteristics(sqlite3_file *base)
{
    (void)base;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int method_map(sqlite3_file *base, int region, int size, int is_made, void volatile **data)
{
    (void)base;
    if (region >= REGIONS) {
        return SQLITE_IOERR_SHMSIZE;
    }
    disk.region_size = (size_t)size;
    if (disk.regions[region] == NULL && is_made != 0) {
        disk.regions[region] = grown(NULL, (size_t)size);
        memset(disk.regions[region], 0, (size_t)size);
    }
    *data = disk.regions[region];
    return SQLITE_OK;
}

static int method_map_lock(sqlite3_file *base, int offset, int n, int flags)
{
    (void)base;
    (void)offset;
    (void)n;
    (void)flags;
    return SQLITE_OK;
}

static void method_barrier(sqlite3_file *base)
{
    (void)base;
}

static void clear_regions(void)
{
    for (size_t i = 0; i < REGIONS && disk.regions[i] != NULL; i++) {
        memset(disk.regions[i], 0, disk.region_size);
    }
}

static int method_unmap(sqlite3_file *base, int is_deleted)
{
    (void)base;
    (void)is_deleted;
    for (size_t i = 0; i < REGIONS; i++) {
        free(disk.regions[i]);
        disk.regions[i] = NULL;
    }
    return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = method_close,
    .xRead = method_read,
    .xWrite = method_write,
    .xTruncate = method_truncate,
    .xSync = method_sync,
    .xFileSize = method_size,
    .xLock = method_lock,
    .xUnlock = method_lock,
    .xCheckReservedLock = method_is_reserved,
    .xFileControl = method_control,
    .xSectorSize = method_sector_size,
    .xDeviceCharacteristics = method_characteristics,
    .xShmMap = method_map,
    .xShmLock = method_map_lock,
    .xShmBarrier = method_barrier,
    .xShmUnmap = method_unmap,
};

/* ---- SQLite's methods for the disk ---- */

static int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags,
                     int *flags_out)
{
    struct disk_file *file = name == NULL ? NULL : file_named(name);

    (void)vfs;
    if (file == NULL && name != NULL) {
        file = file_named("");
    }
    if (file == NULL || strlen(name) >= NAME_SIZE) {
        base->pMethods = NULL;
        return SQLITE_CANTOPEN;
    }
    memcpy(file->name, name, strlen(name) + 1);
    *(struct handle *)base = (struct handle){.base = {.pMethods = &methods}, .file = file};
    if (flags_out != NULL) {
        *flags_out = flags;
    }
    return SQLITE_OK;
}

static int disk_delete(sqlite3_vfs *vfs, const char *name, int is_synced)
{
    struct disk_file *file = file_named(name);

    (void)vfs;
    (void)is_synced;
    if (file != NULL) {
        file_forget_writes(file);
        file->size = 0;
        file->name[0] = '\0';
    }
    return SQLITE_OK;
}

static int disk_access(sqlite3_vfs *vfs, const char *name, int flags, int *is_there)
{
    (void)vfs;
    (void)flags;
    *is_there = file_named(name) != NULL;
    return SQLITE_OK;
}

static int disk_full_name(sqlite3_vfs *vfs, const char *name, int size, char *full)
{
    (void)vfs;
    sqlite3_snprintf(size, full, "%s", name);
    return SQLITE_OK;
}

bool disk_start(void)
{
    static sqlite3_vfs vfs;

    if (sqlite3_config(SQLITE_CONFIG_SINGLETHREAD) != SQLITE_OK ||
        sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) != SQLITE_OK ||
        sqlite3_initialize() != SQLITE_OK) {
        return false;
    }
    vfs = *sqlite3_vfs_find(NULL);
    vfs.pNext = NULL;
    vfs.zName = "disk";
    vfs.szOsFile = sizeof(struct handle);
    vfs.xOpen = disk_open;
    vfs.xDelete = disk_delete;
    vfs.xAccess = disk_access;
    vfs.xFullPathname = disk_full_name;
    disk.is_used = true;
    return sqlite3_vfs_register(&vfs, 0) == SQLITE_OK;
}

void disk_use(bool is_used)
{
    disk.is_used = is_used;
}

void disk_fill(bool is_full)
{
    disk.is_full = is_full;
}

/* ---- lives of a broker ---- */

int __real_sqlite3_open_v2(const char *path, sqlite3 **connection, int flags, const char *vfs);
int __wrap_sqlite3_open_v2(const char *path, sqlite3 **connection, int flags, const char *vfs);
int __real_sqlite3_close(sqlite3 *connection);
int __wrap_sqlite3_close(sqlite3 *connection);
int __real_sqlite3_prepare_v3(sqlite3 *connection, const char *sql, int size, unsigned flags,
                              sqlite3_stmt **statement, const char **tail);
int __wrap_sqlite3_prepare_v3(sqlite3 *connection, const char *sql, int size, unsigned flags,
                              sqlite3_stmt **statement, const char **tail);
int __real_sqlite3_finalize(sqlite3_stmt *statement);
int __wrap_sqlite3_finalize(sqlite3_stmt *statement);
int __real_sqlite3_exec(sqlite3 *connection, const char *sql,
                        int (*row)(void *, int, char **, char **), void *argument, char **text);
int __wrap_sqlite3_exec(sqlite3 *connection, const char *sql,
                        int (*row)(void *, int, char **, char **), void *argument, char **text);

int __wrap_sqlite3_open_v2(const char *path, sqlite3 **connection, int flags, const char *vfs)
{
    int status = SQLITE_OK;

    if (!disk.is_used) {
        return __real_sqlite3_open_v2(path, connection, flags, vfs);
    }
    if (disk.is_open) {
        abort(); /* there is one broker */
    }
    if (disk.connection == NULL) {
        status = __real_sqlite3_open_v2(path, &disk.connection, flags, "disk");
    }
    disk.is_open = true;
    disk.next_statement = 0;
    *connection = disk.connection;
    return status;
}

int __wrap_sqlite3_close(sqlite3 *connection)
{
    if (connection == NULL || connection != disk.connection) {
        return __real_sqlite3_close(connection);
    }
    disk.is_open = false;
    if (sqlite3_get_autocommit(connection) == 0) {
        sqlite3_exec(connection, "ROLLBACK", NULL, NULL, NULL);
    }
    return SQLITE_OK;
}

int __wrap_sqlite3_prepare_v3(sqlite3 *connection, const char *sql, int size, unsigned flags,
                              sqlite3_stmt **statement, const char **tail)
{
    size_t at = disk.next_statement;

    if (connection != disk.connection || at == STATEMENTS) {
        return __real_sqlite3_prepare_v3(connection, sql, size, flags, statement, tail);
    }
    disk.next_statement++;
    if (at < disk.n_statements && disk.statements[at].sql == sql) {
        *statement = disk.statements[at].statement;
        return SQLITE_OK;
    }
    int status = __real_sqlite3_prepare_v3(connection, sql, size, flags, statement, tail);
    if (status == SQLITE_OK && at == disk.n_statements) {
        disk.statements[at].sql = sql;
        disk.statements[at].statement = *statement;
        disk.n_statements++;
    }
    return status;
}

int __wrap_sqlite3_finalize(sqlite3_stmt *statement)
{
    for (size_t i = 0; i < disk.n_statements; i++) {
        if (disk.statements[i].statement == statement) {
            sqlite3_reset(statement);
            return sqlite3_clear_bindings(statement);
        }
    }
    return __real_sqlite3_finalize(statement);
}

int __wrap_sqlite3_exec(sqlite3 *connection, const char *sql,
                        int (*row)(void *, int, char **, char **), void *argument, char **text)
{
    static const char settings[] = "PRAGMA journal_mode=";
    bool is_setting = connection == disk.connection && connection != NULL &&
                      strncmp(sql, settings, sizeof(settings) - 1) == 0;

    if (is_setting && disk.is_set_up) {
        return SQLITE_OK; /* setting them again would have every statement prepared again */
    }
    disk.is_set_up |= is_setting;
    return __real_sqlite3_exec(connection, sql, row, argument, text);
}

void disk_keep(void)
{
    for (size_t i = 0; i < disk.n_statements; i++) {
        __real_sqlite3_finalize(disk.statements[i].statement);
    }
    disk.n_statements = 0;
    if (__real_sqlite3_close(disk.connection) != SQLITE_OK) {
        abort();
    }
    disk.connection = NULL;
    disk.is_set_up = false;
    for (size_t i = 0; i < FILES; i++) {
        if (disk.files[i].name[0] != '\0' && !is_wal(&disk.files[i])) {
            disk.kept_size = disk.files[i].size;
            disk.kept = grown(disk.kept, disk.kept_size);
            memcpy(disk.kept, disk.files[i].data, disk.kept_size);
        }
    }
}

void disk_reset(void)
{
    disk.is_full = false;
    for (size_t i = 0; i < FILES; i++) {
        struct disk_file *file = &disk.files[i];
        file_forget_writes(file);
        file->size = 0;
        if (file->name[0] != '\0' && !is_wal(file)) {
            put(file, disk.kept, disk.kept_size, 0);
        }
    }
    clear_regions();
}

void disk_checkpoint_at(int pages)
{
    if (disk.is_open) {
        sqlite3_wal_autocheckpoint(disk.connection, pages);
    }
}

void disk_restart(void)
{
    clear_regions(); /* so that the WAL is recovered */
}

void disk_lose_power(bool (*chance)(void *state), void *state)
{
    for (size_t i = 0; i < FILES; i++) {
        struct disk_file *file = &disk.files[i];
        for (size_t j = file->n_writes; j > 0; j--) {
            undo(file, &file->writes[j - 1]);
        }
        for (size_t j = 0; j < file->n_writes; j++) {
            if (chance(state)) {
                redo(file, &file->writes[j]);
            }
        }
        file_forget_writes(file);
    }
    clear_regions();
}
