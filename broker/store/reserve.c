/* SPDX-License-Identifier: MIT */
/*
 * A file of allocated blocks. See the header.
 */
#include "broker/store/reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"

enum { ROOM_FACTOR = 4 };

static void make(struct reserve *reserve)
{
    int fd = open(reserve->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0) {
        log_warn("no reserve", "path=%s text=\"%s\"", reserve->path, strerror(errno));
        return;
    }
    int status = posix_fallocate(fd, 0, RESERVE_BYTES);
    close(fd);
    reserve->is_there = status == 0;
    if (status != 0) {
        log_warn("no reserve", "path=%s text=\"%s\"", reserve->path, strerror(status));
        unlink(reserve->path);
    }
}

bool reserve_open(struct reserve *reserve, const char *database, struct err *err)
{
    int n = snprintf(reserve->path, sizeof(reserve->path), "%s.reserve", database);

    if (n < 0 || (size_t)n >= sizeof(reserve->path)) {
        return err_set(err, ERR_CONFIG, "path of the database is too long");
    }
    make(reserve);
    return true;
}

bool reserve_give_up(struct reserve *reserve)
{
    if (!reserve->is_there) {
        return false;
    }
    reserve->is_there = false;
    log_warn("disk full", "reserve=\"given up\" bytes=%d", RESERVE_BYTES);
    return unlink(reserve->path) == 0;
}

void reserve_take_back(struct reserve *reserve)
{
    char folder[PATH_MAX];
    struct statvfs info;
    struct err ignored;

    if (reserve->is_there || !path_folder(folder, sizeof(folder), reserve->path, &ignored) ||
        statvfs(folder, &info) < 0 ||
        (uint64_t)info.f_bavail * info.f_frsize < (uint64_t)ROOM_FACTOR * RESERVE_BYTES) {
        return;
    }
    make(reserve);
    if (reserve->is_there) {
        log_info("disk has room", "reserve=\"taken back\" bytes=%d", RESERVE_BYTES);
    }
}
