/* SPDX-License-Identifier: MIT */
/*
 * The file of signed checkpoints. See the header. Where a write or a sync fails, the kernel may
 * keep or drop what was written: the next write makes the whole file anew beside it.
 */
#include "broker/ledger/signed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"

enum { FILE_BYTES_MAX = 1 << 20, READ_BYTES_MAX = 64 << 20, FILE_MODE = 0600 };

static const char lost_prefix[] = "lost ";

/* ---- records in memory ---- */

static struct signed_record *find(const struct signed_file *file, const char *origin)
{
    for (size_t i = 0; i < file->n_records; i++) {
        if (strcmp(file->records[i].origin, origin) == 0) {
            return &file->records[i];
        }
    }
    return NULL;
}

const struct signed_record *signed_find(const struct signed_file *file, const char *origin)
{
    return find(file, origin);
}

static bool make_room(struct signed_file *file, size_t n_more, struct err *err)
{
    size_t capacity = file->n_records + n_more;

    if (capacity <= file->capacity) {
        return true;
    }
    struct signed_record *grown = realloc(file->records, 2 * capacity * sizeof(*grown));
    if (grown == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for %zu checkpoints", 2 * capacity);
    }
    file->records = grown;
    file->capacity = 2 * capacity;
    return true;
}

/* There is room. */
static void keep(struct signed_file *file, const struct signed_record *record)
{
    struct signed_record *old = find(file, record->origin);

    if (old == NULL) {
        old = &file->records[file->n_records++];
    }
    *old = *record;
}

/* ---- reading ---- */

/* The bytes of the record at the front: to its last LF; 0 where its end is not there. */
static size_t record_size(const char *at, size_t rest)
{
    size_t begin = 0;

    if (rest < sizeof(lost_prefix) || memcmp(at, lost_prefix, sizeof(lost_prefix) - 1) != 0) {
        const char *blank = memmem(at, rest, "\n\n", 2);
        if (blank == NULL) {
            return 0;
        }
        begin = (size_t)(blank - at) + 2;
    }
    const char *end = memchr(at + begin, '\n', rest - begin);
    return end == NULL ? 0 : (size_t)(end - at) + 1;
}

static bool read_record(struct signed_record *record, const char *at, size_t size,
                        const struct note_public_key *key, struct err *err)
{
    struct note_public_key named = *key;
    size_t skipped = 0;

    *record = (struct signed_record){.is_lost = false};
    if (size >= sizeof(record->text) || memchr(at, '\0', size) != NULL) {
        return err_set(err, ERR_STORE, "a record is longer than %d bytes, or no text",
                       SIGNED_TEXT_SIZE - 1);
    }
    memcpy(record->text, at, size);
    record->is_lost = memcmp(at, lost_prefix, sizeof(lost_prefix) - 1) == 0;
    skipped = record->is_lost ? sizeof(lost_prefix) - 1 : 0;
    size_t length = (size_t)((const char *)memchr(at, '\n', size) - at) - skipped;
    if (length >= sizeof(record->origin)) {
        return err_set(err, ERR_STORE, "a log's name is longer than %d bytes",
                       NOTE_ORIGIN_SIZE - 1);
    }
    memcpy(record->origin, at + skipped, length);
    memcpy(named.origin, record->origin, sizeof(named.origin));
    return record->is_lost || checkpoint_read(&record->checkpoint, &named, at, size, err);
}

/* Where reading goes on in what a power cut left of a write, behind its zeros; NULL where the
 * record is none of that. */
static const char *skip_torn(const char *at, size_t size, bool is_torn)
{
    const char *zero = memrchr(at, '\0', size);

    if (zero == NULL && !is_torn) {
        return NULL;
    }
    zero = zero == NULL ? at : zero;
    return (const char *)memchr(zero, '\n', size - (size_t)(zero - at)) + 1;
}

/*
 * Adds what is in the file to the records. A power cut may leave any sectors of the last write and
 * zeros in the place of the others: what is whole of it counts, the rest was never handed out. In
 * one write a log has one record, so that a second one behind the zeros says they are damage.
 */
static bool read_records(struct signed_file *file, const struct bytes *text,
                         const struct note_public_key *key, struct err *err)
{
    const char *begin = (const char *)text->data;
    const char *at = begin;
    size_t torn_at = SIZE_MAX;
    bool is_torn = false;
    size_t size;

    while ((size = record_size(at, text->size_bytes - (size_t)(at - begin))) > 0) {
        struct signed_record record;
        struct err cause;
        size_t place = (size_t)(at - begin);
        if (!make_room(file, 1, err)) {
            return false;
        }
        bool is_read = read_record(&record, at, size, key, &cause);
        const char *next = is_read ? at + size : skip_torn(at, size, is_torn);
        const struct signed_record *old = is_read ? find(file, record.origin) : NULL;
        if (next == NULL || (old != NULL && old->place > torn_at)) {
            return err_set(err, ERR_STORE, "%s, at byte %zu: %s", file->path, place,
                           next == NULL ? cause.text : "zeros stand before it");
        }
        if (is_read) {
            record.place = place;
            keep(file, &record);
        } else if (torn_at == SIZE_MAX) {
            torn_at = place;
        }
        is_torn = !is_read;
        at = next;
    }
    file->size_bytes = (size_t)(at - begin);
    /* what is torn goes with the next write */
    file->is_stale = torn_at != SIZE_MAX || file->size_bytes < text->size_bytes;
    return true;
}

bool signed_open(struct signed_file *file, const char *path, const struct note_public_key *key,
                 struct err *err)
{
    struct bytes text = {0};

    *file = (struct signed_file){.fd = -1, .path = strdup(path)};
    if (file->path == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for a path");
    }
    if (access(path, F_OK) < 0 && errno == ENOENT) {
        file->is_new = true;
        return true;
    }
    bool ok = file_read(&text, path, READ_BYTES_MAX, err) && read_records(file, &text, key, err);
    bytes_free(&text);
    file->fd = ok ? open(path, O_WRONLY | O_CLOEXEC) : -1;
    if (ok && file->fd < 0) {
        ok = err_set(err, ERR_SYSTEM, "open %s: %s", path, strerror(errno));
    }
    if (!ok) {
        signed_close(file);
    }
    return ok;
}

void signed_close(struct signed_file *file)
{
    if (file->fd >= 0) {
        close(file->fd);
    }
    free(file->records);
    free(file->path);
    *file = (struct signed_file){.fd = -1};
}

/* ---- writing ---- */

static bool fail(struct signed_file *file, const char *what, struct err *err)
{
    bool is_full = errno == ENOSPC || errno == EDQUOT;

    file->is_stale = true;
    return err_set(err, is_full ? ERR_LIMIT : ERR_SYSTEM, "%s %s: %s", what, file->path,
                   strerror(errno));
}

static bool is_among(const struct signed_record *records, size_t n_records, const char *origin)
{
    for (size_t i = 0; i < n_records; i++) {
        if (strcmp(records[i].origin, origin) == 0) {
            return true;
        }
    }
    return false;
}

/* What counts, with the records of now, into a new file in the old one's place. */
static bool write_anew(struct signed_file *file, const struct signed_record *records,
                       size_t n_records, struct err *err)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (out == NULL) {
        return fail(file, "write", err);
    }
    for (size_t i = 0; i < file->n_records; i++) {
        if (!is_among(records, n_records, file->records[i].origin)) {
            fputs(file->records[i].text, out);
        }
    }
    for (size_t i = 0; i < n_records; i++) {
        fputs(records[i].text, out);
    }
    bool ok = fclose(out) == 0;
    errno = 0;
    ok = ok && file_write_durable(file->path, text, size, FILE_MODE, err);
    free(text);
    if (!ok) {
        return fail(file, "write", err);
    }
    if (file->fd >= 0) {
        close(file->fd);
    }
    file->fd = open(file->path, O_WRONLY | O_CLOEXEC);
    if (file->fd < 0) {
        return fail(file, "open", err);
    }
    file->size_bytes = size;
    file->is_new = false;
    file->is_stale = false;
    return true;
}

static bool write_behind(struct signed_file *file, const struct signed_record *records,
                         size_t n_records, struct err *err)
{
    size_t size = file->size_bytes;

    for (size_t i = 0; i < n_records; i++) {
        size_t length = strlen(records[i].text);
        ssize_t n = pwrite(file->fd, records[i].text, length, (off_t)size);
        if (n != (ssize_t)length) {
            errno = n < 0 ? errno : ENOSPC;
            return fail(file, "write", err);
        }
        size += length;
    }
    if (fdatasync(file->fd) < 0) {
        return fail(file, "sync", err);
    }
    file->size_bytes = size;
    return true;
}

bool signed_add(struct signed_file *file, const struct signed_record *records, size_t n_records,
                struct err *err)
{
    if (!make_room(file, n_records, err)) {
        return false;
    }
    bool is_appended = file->fd >= 0 && !file->is_stale && file->size_bytes < FILE_BYTES_MAX;
    if (is_appended ? !write_behind(file, records, n_records, err)
                    : !write_anew(file, records, n_records, err)) {
        return false;
    }
    for (size_t i = 0; i < n_records; i++) {
        keep(file, &records[i]);
    }
    return true;
}
