/* SPDX-License-Identifier: MIT */
/*
 * Whole files and full reads and writes. See the header.
 */
#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/crashpoint.h"

enum { PATH_SIZE = 4096, COPY_BYTES = 1 << 16 };

void bytes_free(struct bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct bytes){0};
}

bool read_full(int fd, void *data, size_t size, struct err *err)
{
    unsigned char *at = data;

    while (size > 0) {
        ssize_t n = read(fd, at, size);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return err_set(err, ERR_SYSTEM, "read: %s", strerror(errno));
        }
        if (n == 0) {
            return err_set(err, ERR_INPUT, "file ends %zu bytes early", size);
        }
        at += n;
        size -= (size_t)n;
    }
    return true;
}

bool write_full(int fd, const void *data, size_t size, struct err *err)
{
    const unsigned char *at = data;

    while (size > 0) {
        ssize_t n = write(fd, at, size);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return err_set(err, ERR_SYSTEM, "write: %s", strerror(errno));
        }
        at += n;
        size -= (size_t)n;
    }
    return true;
}

bool file_read(struct bytes *out, const char *path, size_t size_max, struct err *err)
{
    unsigned char *data = NULL;
    struct stat info;
    bool ok = false;

    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hang us */
    if (fd < 0) {
        return err_set(err, ERR_SYSTEM, "open %s: %s", path, strerror(errno));
    }
    if (fstat(fd, &info) < 0) {
        err_set(err, ERR_SYSTEM, "stat %s: %s", path, strerror(errno));
        goto out;
    }
    if (!S_ISREG(info.st_mode)) {
        err_set(err, ERR_SYSTEM, "%s is not a file", path);
        goto out;
    }
    size_t size = (size_t)info.st_size;
    if (size > size_max) {
        err_set(err, ERR_LIMIT, "%s has %zu bytes, limit is %zu", path, size, size_max);
        goto out;
    }
    data = malloc(size + 1);
    if (data == NULL) {
        err_set(err, ERR_SYSTEM, "no memory for %zu bytes", size);
        goto out;
    }
    if (!read_full(fd, data, size, err)) {
        goto out;
    }
    data[size] = '\0';
    *out = (struct bytes){.data = data, .size_bytes = size};
    data = NULL; /* now owned by *out */
    ok = true;
out:
    free(data);
    close(fd);
    return ok;
}

bool folder_sync(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        return err_set(err, ERR_SYSTEM, "open %s: %s", path, strerror(errno));
    }
    bool ok = fsync(fd) == 0 || err_set(err, ERR_SYSTEM, "fsync %s: %s", path, strerror(errno));
    close(fd);
    return ok;
}

static bool write_and_sync(const char *path, const void *data, size_t size, unsigned mode,
                           struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, (mode_t)mode);

    if (fd < 0) {
        return err_set(err, ERR_SYSTEM, "create %s: %s", path, strerror(errno));
    }
    bool ok = write_full(fd, data, size, err);
    if (ok && fsync(fd) < 0) {
        ok = err_set(err, ERR_SYSTEM, "fsync %s: %s", path, strerror(errno));
    }
    if (close(fd) < 0 && ok) {
        ok = err_set(err, ERR_SYSTEM, "close %s: %s", path, strerror(errno));
    }
    if (!ok) {
        unlink(path);
    }
    return ok;
}

static bool copy_bytes(int to, int from, struct err *err)
{
    char buffer[COPY_BYTES];
    ssize_t n;

    while ((n = read(from, buffer, sizeof(buffer))) > 0 || (n < 0 && errno == EINTR)) {
        if (n > 0 && !write_full(to, buffer, (size_t)n, err)) {
            return false;
        }
    }
    return n == 0 || err_set(err, ERR_SYSTEM, "read: %s", strerror(errno));
}

static bool copy_and_sync(const char *to, const char *from, unsigned mode, struct err *err)
{
    bool ok = false;
    int out = -1;
    int in = open(from, O_RDONLY | O_CLOEXEC);

    if (in < 0) {
        return err_set(err, ERR_SYSTEM, "open %s: %s", from, strerror(errno));
    }
    out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, (mode_t)mode);
    if (out < 0) {
        err_set(err, ERR_SYSTEM, "create %s: %s", to, strerror(errno));
        goto out;
    }
    ok = copy_bytes(out, in, err) &&
         (fsync(out) == 0 || err_set(err, ERR_SYSTEM, "fsync %s: %s", to, strerror(errno)));
out:
    if (out >= 0) {
        close(out);
    }
    if (out >= 0 && !ok) {
        unlink(to);
    }
    close(in);
    return ok;
}

/* Gives what was written beside `path` its name. */
static bool put_in_place(const char *beside, const char *path, struct err *err)
{
    char folder[PATH_SIZE];

    if (!path_folder(folder, sizeof(folder), path, err)) {
        return false;
    }
    if (rename(beside, path) < 0) {
        err_set(err, ERR_SYSTEM, "rename to %s: %s", path, strerror(errno));
        unlink(beside);
        return false;
    }
    return folder_sync(folder, err);
}

/* PATH.new.PID */
static bool name_beside(char beside[static PATH_SIZE], const char *path, struct err *err)
{
    return snprintf(beside, PATH_SIZE, "%s.new.%ld", path, (long)getpid()) < PATH_SIZE ||
           err_set(err, ERR_LIMIT, "path is longer than %d bytes", PATH_SIZE);
}

bool file_write_durable(const char *path, const void *data, size_t size, unsigned mode,
                        struct err *err)
{
    char beside[PATH_SIZE];

    if (!name_beside(beside, path, err) || !write_and_sync(beside, data, size, mode, err)) {
        return false;
    }
    CRASHPOINT("file written, not renamed");
    return put_in_place(beside, path, err);
}

bool file_copy_durable(const char *to, const char *from, unsigned mode, struct err *err)
{
    char beside[PATH_SIZE];

    return name_beside(beside, to, err) && copy_and_sync(beside, from, mode, err) &&
           put_in_place(beside, to, err);
}

bool path_folder(char *folder, size_t folder_size, const char *path, struct err *err)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);

    if (length >= folder_size) {
        return err_set(err, ERR_LIMIT, "path is longer than %zu bytes", folder_size - 1);
    }
    if (slash == NULL) {
        snprintf(folder, folder_size, ".");
    } else {
        memcpy(folder, path, length);
        folder[length] = '\0';
    }
    return true;
}

/* Makes the names in the folder that a path lies in durable; one that may not be read cannot be. */
static bool sync_above(const char *path, struct err *err)
{
    char above[PATH_SIZE];

    return path_folder(above, sizeof(above), path, err) &&
           (access(above, R_OK) < 0 || folder_sync(above, err));
}

static bool make_folders(const char *path, unsigned mode, bool is_durable, struct err *err)
{
    char part[PATH_SIZE];
    size_t length = strlen(path);
    struct stat info;

    if (length == 0 || length >= sizeof(part)) {
        return err_set(err, ERR_LIMIT, "path has %zu bytes, limit is %d", length, PATH_SIZE - 1);
    }
    memcpy(part, path, length + 1);
    for (size_t i = 1; i <= length; i++) {
        if (part[i] != '/' && part[i] != '\0') {
            continue;
        }
        char end = part[i];
        part[i] = '\0';
        bool is_made = mkdir(part, (mode_t)mode) == 0;
        if (!is_made && errno != EEXIST) {
            return err_set(err, ERR_SYSTEM, "make folder %s: %s", part, strerror(errno));
        }
        /* one that is there may have been made by a process that ended before it synced */
        if (is_durable && (is_made || end == '\0') && !sync_above(part, err)) {
            return false;
        }
        part[i] = end;
    }
    if (stat(path, &info) < 0 || !S_ISDIR(info.st_mode)) {
        return err_set(err, ERR_SYSTEM, "%s is not a folder", path);
    }
    return true;
}

bool folder_make(const char *path, unsigned mode, struct err *err)
{
    return make_folders(path, mode, false, err);
}

bool folder_make_durable(const char *path, unsigned mode, struct err *err)
{
    return make_folders(path, mode, true, err);
}

bool path_join(char *path, size_t path_size, const char *a, const char *b, struct err *err)
{
    int n =
        b[0] == '/' ? snprintf(path, path_size, "%s", b) : snprintf(path, path_size, "%s/%s", a, b);

    if (n < 0 || (size_t)n >= path_size) {
        return err_set(err, ERR_LIMIT, "path is longer than %zu bytes", path_size - 1);
    }
    return true;
}
