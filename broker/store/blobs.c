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
#include <time.h>
#include <unistd.h>

#include "common/crashpoint.h"
#include "common/crypt.h"
#include "common/file.h"
#include "common/log.h"
#include "common/text.h"
#include "schemas/blob.h"

enum {
    PATH_BYTES = 1024,
    PUSH_BYTES = 8 << 20,
    BLOB_MODE = 0440,
    PART_MODE = 0640, /* until it is finished */
    READ_BYTES = 256 << 10,
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
    bool is_part; /* stays when it is closed unfinished */
    uint64_t size_bytes;
    uint64_t pushed_bytes;
    struct sha256 hash;
};

static const char part_end[] = ".part";

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

static bool is_part_name(const char *name)
{
    size_t length = strlen(name);

    return length > strlen(part_end) && strcmp(name + length - strlen(part_end), part_end) == 0;
}

static bool sweep(const char *incoming, struct err *err)
{
    DIR *folder = opendir(incoming);

    if (folder == NULL) {
        return err_set(err, ERR_STORE, "open folder %s: %s", incoming, strerror(errno));
    }
    for (struct dirent *item = readdir(folder); item != NULL; item = readdir(folder)) {
        if (item->d_name[0] != '.' && !is_part_name(item->d_name)) {
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
              folder_make_durable(opened->incoming, FOLDER_MODE, err) &&
              make_shelves(folder, err) && sweep(opened->incoming, err);
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

/* ---- parts ---- */

static bool part_path(char *path, size_t path_size, const struct blobs *blobs,
                      const uint8_t id[static BLOBS_PART_ID_BYTES], struct err *err)
{
    char hex[2 * BLOBS_PART_ID_BYTES + 1];
    char name[sizeof(hex) + sizeof(part_end)];

    hex_text(hex, id, BLOBS_PART_ID_BYTES);
    snprintf(name, sizeof(name), "%s%s", hex, part_end);
    return path_join(path, path_size, blobs->incoming, name, err);
}

/* False where the file got another name before the lock was ours: it is a blob, not to be touched.
 */
static bool is_at_path(const struct blobs_upload *upload)
{
    struct stat opened;
    struct stat named;

    return fstat(upload->fd, &opened) == 0 && stat(upload->path, &named) == 0 &&
           opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

/* Opens and locks the file; its size is what has come. */
static enum blobs_part open_part(struct blobs_upload *upload, bool is_new, struct err *err)
{
    struct stat info;

    upload->fd = open(upload->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, PART_MODE);
    if (upload->fd < 0) {
        err_set(err, ERR_STORE, "open %s: %s", upload->path, strerror(errno));
        return BLOBS_PART_FAILED;
    }
    if (flock(upload->fd, LOCK_EX | LOCK_NB) < 0) {
        return BLOBS_PART_IN_USE;
    }
    if (!is_at_path(upload)) {
        return BLOBS_PART_IN_USE;
    }
    if ((is_new && ftruncate(upload->fd, 0) < 0) || fstat(upload->fd, &info) < 0 ||
        lseek(upload->fd, 0, SEEK_END) < 0) {
        err_set(err, ERR_STORE, "use %s: %s", upload->path, strerror(errno));
        return BLOBS_PART_FAILED;
    }
    upload->size_bytes = (uint64_t)info.st_size;
    upload->pushed_bytes = upload->size_bytes;
    return BLOBS_PART_OPENED;
}

enum blobs_part blobs_part_open(struct blobs_upload **upload, struct blobs *blobs,
                                const uint8_t id[static BLOBS_PART_ID_BYTES], bool is_new,
                                struct err *err)
{
    struct blobs_upload *opened = calloc(1, sizeof(*opened));

    if (opened == NULL) {
        err_set(err, ERR_SYSTEM, "no memory for an upload");
        return BLOBS_PART_FAILED;
    }
    *opened = (struct blobs_upload){.blobs = blobs, .fd = -1, .is_part = true};
    enum blobs_part outcome = BLOBS_PART_FAILED;
    if (part_path(opened->path, sizeof(opened->path), blobs, id, err)) {
        outcome = open_part(opened, is_new, err);
    }
    if (outcome != BLOBS_PART_OPENED) {
        blobs_upload_close(&opened);
        return outcome;
    }
    sha256_start(&opened->hash);
    *upload = opened;
    return BLOBS_PART_OPENED;
}

uint64_t blobs_part_bytes(const struct blobs *blobs, const uint8_t id[static BLOBS_PART_ID_BYTES])
{
    char path[PATH_BYTES];
    struct stat info;
    struct err err;

    return part_path(path, sizeof(path), blobs, id, &err) && stat(path, &info) == 0
               ? (uint64_t)info.st_size
               : 0;
}

void blobs_sweep_parts(const struct blobs *blobs, int64_t older_than_s)
{
    DIR *folder = opendir(blobs->incoming);
    char path[PATH_BYTES];
    struct stat info;
    struct err err;

    for (struct dirent *item = folder == NULL ? NULL : readdir(folder); item != NULL;
         item = readdir(folder)) {
        if (is_part_name(item->d_name) &&
            path_join(path, sizeof(path), blobs->incoming, item->d_name, &err) &&
            stat(path, &info) == 0 && time(NULL) - info.st_mtime >= older_than_s) {
            sweep_one(blobs->incoming, item->d_name);
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
}

bool blobs_upload_rehash(struct blobs_upload *upload, struct err *err)
{
    unsigned char *data = malloc(READ_BYTES);
    uint64_t done = 0;

    if (data == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory to read an upload");
    }
    sha256_start(&upload->hash);
    while (done < upload->size_bytes) {
        ssize_t n = pread(upload->fd, data, READ_BYTES, (off_t)done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            break;
        }
        sha256_add(&upload->hash, data, (size_t)n);
        done += (uint64_t)n;
    }
    free(data);
    return done == upload->size_bytes ||
           err_set(err, ERR_STORE, "read an upload: %s", strerror(errno));
}

/* ---- bytes and the end ---- */

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

/* Opens the folder that a blob lies in and locks it: shared to add, else to remove. */
static int lock_shelf(const char *path, int operation, struct err *err)
{
    char shelf[PATH_BYTES];

    if (!as_store(path_folder(shelf, sizeof(shelf), path, err), err)) {
        return -1;
    }
    int fd = open(shelf, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || flock(fd, operation) < 0) {
        err_set(err, ERR_STORE, "lock %s: %s", shelf, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    return fd;
}

/* Gives the durable bytes their name, durably. */
static bool put_on_shelf(struct blobs_upload *upload, const char *path, struct err *err)
{
    int shelf = lock_shelf(path, LOCK_SH, err);

    if (shelf < 0) {
        return false;
    }
    CRASHPOINT("blob synced, not renamed");
    bool ok = rename(upload->path, path) == 0 ||
              err_set(err, ERR_STORE, "rename an upload to %s: %s", path, strerror(errno));
    if (ok) {
        upload->path[0] = '\0';
        CRASHPOINT("blob renamed, folder not synced");
        ok = fsync(shelf) == 0 ||
             err_set(err, ERR_STORE, "fsync the folder of %s: %s", path, strerror(errno));
    }
    close(shelf);
    return ok;
}

/* All bytes are hashed: makes them a blob of that name. */
static bool finish(struct blobs_upload *upload, const uint8_t sha256[static SHA256_BYTES],
                   struct err *err)
{
    char path[PATH_BYTES];

    if (upload->is_part && (fchmod(upload->fd, BLOB_MODE) < 0 || futimens(upload->fd, NULL) < 0)) {
        return err_set(err, ERR_STORE, "finish an upload: %s", strerror(errno));
    }
    CRASHPOINT("blob written, not synced");
    if (fsync(upload->fd) < 0) {
        return err_set(err, ERR_STORE, "fsync an upload: %s", strerror(errno));
    }
    return as_store(blob_path(path, sizeof(path), upload->blobs->folder, sha256, err), err) &&
           put_on_shelf(upload, path, err);
}

bool blobs_upload_finish(uint8_t sha256[static SHA256_BYTES], struct blobs_upload *upload,
                         struct err *err)
{
    sha256_finish(&upload->hash, sha256);
    return finish(upload, sha256, err);
}

bool blobs_upload_finish_as(bool *is_other, const uint8_t expected[static SHA256_BYTES],
                            struct blobs_upload *upload, struct err *err)
{
    uint8_t sha256[SHA256_BYTES];

    sha256_finish(&upload->hash, sha256);
    *is_other = memcmp(sha256, expected, sizeof(sha256)) != 0;
    if (*is_other) {
        upload->is_part = false; /* goes when it is closed */
        return true;
    }
    return finish(upload, sha256, err);
}

void blobs_upload_close(struct blobs_upload **upload)
{
    if (*upload == NULL) {
        return;
    }
    if ((*upload)->path[0] != '\0' && !(*upload)->is_part) {
        unlink((*upload)->path);
    }
    if ((*upload)->fd >= 0) {
        close((*upload)->fd);
    }
    free(*upload);
    *upload = NULL;
}

/* ---- blobs that belong to nothing ---- */

static bool is_old(const struct stat *info, int64_t older_than_s)
{
    return S_ISREG(info->st_mode) && time(NULL) - info->st_mtime >= older_than_s;
}

bool blobs_list(uint8_t **hashes, size_t *n_hashes, const struct blobs *blobs, unsigned shelf,
                int64_t older_than_s, struct err *err)
{
    char path[PATH_BYTES];
    char text[SHA256_HEX_SIZE];
    char name[3];
    size_t capacity = 0;
    struct stat info;
    struct err ignored;
    bool ok = true;

    *hashes = NULL;
    *n_hashes = 0;
    snprintf(name, sizeof(name), "%02x", shelf % BLOBS_SHELVES);
    if (!path_join(path, sizeof(path), blobs->folder, name, err)) {
        return false;
    }
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return err_set(err, ERR_STORE, "open folder %s: %s", path, strerror(errno));
    }
    for (struct dirent *item = readdir(folder); item != NULL && ok; item = readdir(folder)) {
        uint8_t sha256[SHA256_BYTES];
        snprintf(text, sizeof(text), "%s%.62s", name, item->d_name);
        if (strlen(item->d_name) != 2 * SHA256_BYTES - 2 ||
            !hex_read(sha256, sizeof(sha256), text, strlen(text), &ignored) ||
            fstatat(dirfd(folder), item->d_name, &info, AT_SYMLINK_NOFOLLOW) < 0 ||
            !is_old(&info, older_than_s)) {
            continue;
        }
        if (*n_hashes == capacity) {
            capacity = capacity == 0 ? 64 : 2 * capacity;
            uint8_t *grown = realloc(*hashes, capacity * SHA256_BYTES);
            if (grown == NULL) {
                ok = err_set(err, ERR_SYSTEM, "no memory for a list of files");
                break;
            }
            *hashes = grown;
        }
        memcpy(*hashes + SHA256_BYTES * (*n_hashes)++, sha256, sizeof(sha256));
    }
    closedir(folder);
    return ok;
}

bool blobs_remove(bool *is_removed, const struct blobs *blobs,
                  const uint8_t sha256[static SHA256_BYTES], int64_t older_than_s, struct err *err)
{
    char path[PATH_BYTES];
    struct stat info;

    *is_removed = false;
    if (!as_store(blob_path(path, sizeof(path), blobs->folder, sha256, err), err)) {
        return false;
    }
    int shelf = lock_shelf(path, LOCK_EX, err);
    if (shelf < 0) {
        return false;
    }
    *is_removed = stat(path, &info) == 0 && is_old(&info, older_than_s) && unlink(path) == 0;
    close(shelf);
    return true;
}
