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

enum { PATH_SIZE = 4096 };

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

bool file_write_durable(const char *path, const void *data, size_t size, unsigned mode,
                        struct err *err)
{
    char beside[PATH_SIZE];
    char folder[PATH_SIZE];

    if (snprintf(beside, sizeof(beside), "%s.new.%ld", path, (long)getpid()) >=
        (int)sizeof(beside)) {
        return err_set(err, ERR_LIMIT, "path is longer than %d bytes", PATH_SIZE);
    }
    if (!path_folder(folder, sizeof(folder), path, err) ||
        !write_and_sync(beside, data, size, mode, err)) {
        return false;
    }
    CRASHPOINT("file written, not renamed");
    if (rename(beside, path) < 0) {
        err_set(err, ERR_SYSTEM, "rename to %s: %s", path, strerror(errno));
        unlink(beside);
        return false;
    }
    return folder_sync(folder, err);
}

bool folder_make(const char *path, unsigned mode, struct err *err)
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
        if (mkdir(part, (mode_t)mode) < 0 && errno != EEXIST) {
            return err_set(err, ERR_SYSTEM, "make folder %s: %s", part, strerror(errno));
        }
        part[i] = end;
    }
    if (stat(path, &info) < 0 || !S_ISDIR(info.st_mode)) {
        return err_set(err, ERR_SYSTEM, "%s is not a folder", path);
    }
    return true;
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
