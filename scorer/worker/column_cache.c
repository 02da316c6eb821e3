/* SPDX-License-Identifier: MIT */
/*
 * The column cache: written beside its name and renamed, read into memory that is sealed, because
 * the scorer takes nothing that could change under it. See the header.
 */
#include "scorer/worker/column_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/crashpoint.h"
#include "common/file.h"
#include "common/log.h"
#include "schemas/blob.h"
#include "schemas/competition.h"
#include "scorer/worker/sealed.h"

enum { PATH_SIZE = 4096, FOLDER_MODE = 0700, FILE_MODE = 0400 };

/* The path of a job's block; a competition's id is checked, because it becomes part of a name. */
static bool block_path(char path[static PATH_SIZE], const char *folder, const struct wire_job *job,
                       struct err *err)
{
    char competition[COMPETITION_ID_SIZE];

    wire_text_copy(competition, sizeof(competition), job->competition);
    if (competition[0] == '\0' ||
        competition[strspn(competition, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0') {
        return err_set(err, ERR_PEER, "a competition's id cannot be part of a name");
    }
    if (!blob_path(path, PATH_SIZE, folder, job->sha256, err)) {
        return false;
    }
    size_t length = strlen(path);
    int n = snprintf(path + length, PATH_SIZE - length, ".%s.%u", competition, job->label_version);
    return (n > 0 && (size_t)n < PATH_SIZE - length) ||
           err_set(err, ERR_LIMIT, "path is longer than %d bytes", PATH_SIZE - 1);
}

/* Copies all of `from`, which stands at its beginning, behind what `to` holds. */
static bool copy_all(int to, int from, struct err *err)
{
    struct stat info;
    off_t at = 0;

    if (fstat(from, &info) < 0) {
        return err_set(err, ERR_SYSTEM, "stat a block: %s", strerror(errno));
    }
    while (at < info.st_size) {
        if (sendfile(to, from, &at, (size_t)(info.st_size - at)) <= 0) {
            return err_set(err, ERR_SYSTEM, "copy a block: %s", strerror(errno));
        }
    }
    return true;
}

bool column_cache_get(int *fd, const char *folder, const struct wire_job *job)
{
    char path[PATH_SIZE];
    struct err err;
    int sealed = -1;

    if (!block_path(path, folder, job, &err)) {
        return false;
    }
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0) {
        return false;
    }
    bool ok = sealed_make(&sealed, "columns", &err) && copy_all(sealed, file, &err) &&
              sealed_finish(sealed, &err);
    close(file);
    if (!ok && sealed >= 0) {
        close(sealed);
    }
    *fd = sealed;
    return ok;
}

static bool put(const char *path, int block, struct err *err)
{
    char folder[PATH_SIZE];
    char beside[PATH_SIZE];

    if (snprintf(beside, sizeof(beside), "%s.new.%ld", path, (long)getpid()) >=
        (int)sizeof(beside)) {
        return err_set(err, ERR_LIMIT, "path is longer than %d bytes", PATH_SIZE - 1);
    }
    if (!path_folder(folder, sizeof(folder), path, err) || !folder_make(folder, FOLDER_MODE, err)) {
        return false;
    }
    int file = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
    if (file < 0) {
        return err_set(err, ERR_SYSTEM, "create %s: %s", beside, strerror(errno));
    }
    bool ok = copy_all(file, block, err);
    close(file);
    CRASHPOINT("columns written, not renamed");
    if (ok && rename(beside, path) < 0) {
        ok = err_set(err, ERR_SYSTEM, "rename to %s: %s", path, strerror(errno));
    }
    if (!ok) {
        unlink(beside);
    }
    return ok;
}

void column_cache_put(const char *folder, const struct wire_job *job, int block)
{
    char path[PATH_SIZE];
    struct err err;

    if (!block_path(path, folder, job, &err) || !put(path, block, &err)) {
        log_warn("columns not kept", "text=\"%s\"", err.text);
    }
}

void column_cache_drop(const char *folder, const struct wire_job *job)
{
    char path[PATH_SIZE];
    struct err err;

    if (block_path(path, folder, job, &err)) {
        unlink(path);
    }
}
