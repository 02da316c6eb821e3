/* SPDX-License-Identifier: MIT */
/*
 * A file of allocated blocks. See the header.
 */
#include "broker/store/reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"

enum { ROOM_FACTOR = 4, BLOCK_BYTES = 512 };

static void make(struct reserve *reserve)
{
    int fd = open(reserve->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0) {
        log_warn("no reserve", "path=%s text=\"%s\"", reserve->path, strerror(errno));
        return;
    }
    int status = posix_fallocate(fd, 0, reserve->size_bytes);
    close(fd);
    reserve->is_there = status == 0;
    if (status == 0) {
        log_info("disk has room", "reserve=%s bytes=%" PRId64, reserve->path, reserve->size_bytes);
    } else {
        log_warn("no reserve", "path=%s text=\"%s\"", reserve->path, strerror(status));
        unlink(reserve->path);
    }
}

/* Free bytes where the reserve lies; 0 where they cannot be told. */
static int64_t free_bytes(const struct reserve *reserve)
{
    char folder[PATH_MAX];
    struct statvfs info;
    struct err ignored;

    if (!path_folder(folder, sizeof(folder), reserve->path, &ignored) ||
        statvfs(folder, &info) < 0) {
        return 0;
    }
    return (int64_t)(info.f_bavail * info.f_frsize);
}

bool reserve_is_spent(const struct reserve *reserve)
{
    return reserve->size_bytes > 0 && !reserve->is_there;
}

bool reserve_is_needed(const struct reserve *reserve)
{
    return reserve->is_there && free_bytes(reserve) < reserve->size_bytes;
}

bool reserve_give_up(struct reserve *reserve)
{
    if (!reserve->is_there) {
        return false;
    }
    reserve->is_there = false;
    log_warn("disk full", "reserve=\"given up\" bytes=%" PRId64, reserve->size_bytes);
    return unlink(reserve->path) == 0;
}

void reserve_take_back(struct reserve *reserve)
{
    if (reserve->is_there || reserve->size_bytes == 0 ||
        free_bytes(reserve) < ROOM_FACTOR * reserve->size_bytes) {
        return;
    }
    make(reserve);
}

bool reserve_open(struct reserve *reserve, const char *database, int64_t size_bytes,
                  struct err *err)
{
    struct stat info;

    *reserve = (struct reserve){.size_bytes = size_bytes};
    if (size_bytes == 0) {
        return true;
    }
    int n = snprintf(reserve->path, sizeof(reserve->path), "%s.reserve", database);

    if (n < 0 || (size_t)n >= sizeof(reserve->path)) {
        return err_set(err, ERR_CONFIG, "path of the database is too long");
    }
    reserve->is_there =
        stat(reserve->path, &info) == 0 && info.st_blocks * BLOCK_BYTES >= size_bytes;
    reserve_take_back(reserve);
    return true;
}
