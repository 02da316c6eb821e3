/* SPDX-License-Identifier: MIT */
/*
 * The blob folder. Written bytes are pushed to the disk every few megabytes, so that the sync at
 * the end has little left to do. A crashed writer is known by its lock being free.
 */
#include "broker/store/blobs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/crypt.h"
#include "common/file.h"
#include "common/log.h"
#include "common/text.h"
#include "schemas/blob.h"

enum {
    PATH_BYTES = 1024,
    PUSH_BYTES = 8 << 20,
    BLOB_MODE = 0440,
    FOLDER_MODE = 0750,
};

struct blobs {
    char folder[PATH_BYTES];
    char incoming[PATH_BYTES];
};

struct blobs_upload {
    const struct blobs *blobs;
    char path[PATH_BYTES]; /* in incoming; empty once it is gone from there */
    int fd;
    uint64_t size_bytes;
    uint64_t pushed_bytes;
    struct sha256 hash;
};

/* ERR_SYSTEM of the file helpers is the store's trouble here. */
static bool as_store(bool ok, struct err *err)
{
    if (!ok) {
        err->code = ERR_STORE;
    }
    return ok;
}

/* Removes one leftover, unless its writer lives. */
static void sweep_one(const char *incoming, const char *name)
{
    char path[PATH_BYTES];
    struct err err;

    if (!path_join(path, sizeof(path), incoming, name, &err)) {
        return;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 && unlink(path) == 0) {
        log_info("leftover removed", "name=%s", name);
    }
    close(fd);
}

static bool sweep(const char *incoming, struct err *err)
{
    DIR *folder = opendir(incoming);

    if (folder == NULL) {
        return err_set(err, ERR_STORE, "open folder %s: %s", incoming, strerror(errno));
    }
    for (struct dirent *item = readdir(folder); item != NULL; item = readdir(folder)) {
        if (item->d_name[0] != '.') {
            sweep_one(incoming, item->d_name);
        }
    }
    closedir(folder);
    return true;
}

/* Makes the 256 folders that names begin with: made later, one could miss its sync in a crash. */
static bool make_shelves(const char *folder, struct err *err)
{
    char path[PATH_BYTES];

    for (unsigned i = 0; i < 256; i++) {
        char name[3];
        snprintf(name, sizeof(name), "%02x", i);
        if (!path_join(path, sizeof(path), folder, name, err)) {
            return false;
        }
        if (mkdir(path, FOLDER_MODE) < 0 && errno != EEXIST) {
            return err_set(err, ERR_STORE, "make folder %s: %s", path, strerror(errno));
        }
    }
    return folder_sync(folder, err);
}

bool blobs_open(struct blobs **blobs, const char *folder, struct err *err)
{
    struct blobs *opened = calloc(1, sizeof(*opened));

    if (opened == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for a blob folder");
    }
    bool ok = text_copy(opened->folder, sizeof(opened->folder), folder, err) &&
              path_join(opened->incoming, sizeof(opened->incoming), folder, "incoming", err) &&
              folder_make(opened->incoming, FOLDER_MODE, err) && make_shelves(folder, err) &&
              sweep(opened->incoming, err);
    if (!as_store(ok, err)) {
        free(opened);
        return false;
    }
    *blobs = opened;
    return true;
}

void blobs_close(struct blobs **blobs)
{
    free(*blobs);
    *blobs = NULL;
}

bool blobs_free_bytes(uint64_t *free_bytes, const struct blobs *blobs, struct err *err)
{
    struct statvfs info;

    if (statvfs(blobs->folder, &info) < 0) {
        return err_set(err, ERR_STORE, "free space of %s: %s", blobs->folder, strerror(errno));
    }
    *free_bytes = (uint64_t)info.f_bavail * info.f_frsize;
    return true;
}

bool blobs_upload_open(struct blobs_upload **upload, struct blobs *blobs, struct err *err)
{
    struct blobs_upload *opened = calloc(1, sizeof(*opened));
    uint8_t random[16];
    char name[2 * sizeof(random) + 1];

    if (opened == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for an upload");
    }
    *opened = (struct blobs_upload){.blobs = blobs, .fd = -1};
    crypt_random(random, sizeof(random));
    hex_text(name, random, sizeof(random));
    if (!path_join(opened->path, sizeof(opened->path), blobs->incoming, name, err)) {
        goto fail;
    }
    opened->fd = open(opened->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, BLOB_MODE);
    if (opened->fd < 0) {
        opened->path[0] = '\0';
        err_set(err, ERR_STORE, "create a file in %s: %s", blobs->incoming, strerror(errno));
        goto fail;
    }
    if (flock(opened->fd, LOCK_EX | LOCK_NB) < 0) {
        err_set(err, ERR_STORE, "lock a file in %s: %s", blobs->incoming, strerror(errno));
        goto fail;
    }
    sha256_start(&opened->hash);
    *upload = opened;
    return true;
fail:
    blobs_upload_close(&opened);
    return false;
}

bool blobs_upload_add(struct blobs_upload *upload, const void *data, size_t size, struct err *err)
{
    if (!as_store(write_full(upload->fd, data, size, err), err)) {
        return false;
    }
    sha256_add(&upload->hash, data, size);
    upload->size_bytes += size;
    if (upload->size_bytes - upload->pushed_bytes >= PUSH_BYTES) {
        /* only a hint to the kernel: the sync at the end is what counts */
        sync_file_range(upload->fd, (off64_t)upload->pushed_bytes,
                        (off64_t)(upload->size_bytes - upload->pushed_bytes),
                        SYNC_FILE_RANGE_WRITE);
        upload->pushed_bytes = upload->size_bytes;
    }
    return true;
}

uint64_t blobs_upload_bytes(const struct blobs_upload *upload)
{
    return upload->size_bytes;
}

bool blobs_upload_finish(uint8_t sha256[static SHA256_BYTES], struct blobs_upload *upload,
                         struct err *err)
{
    char path[PATH_BYTES];
    char shelf[PATH_BYTES];

    sha256_finish(&upload->hash, sha256);
    if (fsync(upload->fd) < 0) {
        return err_set(err, ERR_STORE, "fsync an upload: %s", strerror(errno));
    }
    if (!as_store(blob_path(path, sizeof(path), upload->blobs->folder, sha256, err) &&
                      path_folder(shelf, sizeof(shelf), path, err),
                  err)) {
        return false;
    }
    if (rename(upload->path, path) < 0) {
        return err_set(err, ERR_STORE, "rename an upload to %s: %s", path, strerror(errno));
    }
    upload->path[0] = '\0';
    return as_store(folder_sync(shelf, err), err);
}

void blobs_upload_close(struct blobs_upload **upload)
{
    if (*upload == NULL) {
        return;
    }
    if ((*upload)->path[0] != '\0') {
        unlink((*upload)->path);
    }
    if ((*upload)->fd >= 0) {
        close((*upload)->fd);
    }
    free(*upload);
    *upload = NULL;
}
