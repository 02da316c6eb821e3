/* SPDX-License-Identifier: MIT */
/*
 * Looks, and says. See the header.
 */
#include "common/checkup.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/file.h"
#include "common/text.h"

enum {
    SOCKET_PATH_MAX = 107,
    LOCKED_BYTES_MIN = 1 << 20,
    FILES_MIN = 1024,
    MIB = 1 << 20,
    WHAT_COLUMNS = 18,
    SKEW_MAX_MS = 60000,
};

static const int64_t earliest_ms = INT64_C(1735689600000); /* 2025: no clock is right before */

PRINTF_LIKE(4, 0)
static void say(struct checkup *checkup, const char *verdict, const char *what, const char *format,
                va_list args)
{
    char text[ERR_TEXT_MAX];

    vsnprintf(text, sizeof(text), format, args);
    err_make_printable(text);
    fprintf(checkup->out, "%-5s  %-*s  %s\n", verdict, WHAT_COLUMNS, what, text);
}

void checkup_good(struct checkup *checkup, const char *what, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(checkup, "ok", what, format, args);
    va_end(args);
}

void checkup_odd(struct checkup *checkup, const char *what, const char *format, ...)
{
    va_list args;

    checkup->n_odd++;
    va_start(args, format);
    say(checkup, "odd", what, format, args);
    va_end(args);
}

void checkup_wrong(struct checkup *checkup, const char *what, const char *format, ...)
{
    va_list args;

    checkup->n_wrong++;
    va_start(args, format);
    say(checkup, "WRONG", what, format, args);
    va_end(args);
}

void checkup_folder(struct checkup *checkup, const char *what, const char *path, bool is_private)
{
    struct stat info;

    if (stat(path, &info) < 0) {
        checkup_wrong(checkup, what, "%s: %s", path, strerror(errno));
    } else if (!S_ISDIR(info.st_mode)) {
        checkup_wrong(checkup, what, "%s is no folder", path);
    } else if (access(path, R_OK | X_OK) < 0) {
        checkup_wrong(checkup, what, "%s cannot be used by this user: %s", path, strerror(errno));
    } else if (is_private && (info.st_mode & 0077) != 0) {
        checkup_wrong(checkup, what, "%s is open to others: chmod 700 %s", path, path);
    } else if ((info.st_mode & 0002) != 0) {
        checkup_wrong(checkup, what, "%s can be written by everybody: chmod o-w %s", path, path);
    } else {
        checkup_good(checkup, what, "%s", path);
    }
}

void checkup_secret(struct checkup *checkup, const char *what, const char *path, bool is_made)
{
    struct stat info;

    if (stat(path, &info) < 0) {
        if (errno == ENOENT && is_made) {
            checkup_good(checkup, what, "%s is made at the first start", path);
        } else {
            checkup_wrong(checkup, what, "%s: %s", path, strerror(errno));
        }
    } else if (!S_ISREG(info.st_mode)) {
        checkup_wrong(checkup, what, "%s is no file", path);
    } else if ((info.st_mode & 0077) != 0) {
        checkup_wrong(checkup, what, "%s is open to others: chmod 600 %s", path, path);
    } else if (info.st_uid != geteuid()) {
        checkup_odd(checkup, what, "%s belongs to user %u, this is user %u", path,
                    (unsigned)info.st_uid, (unsigned)geteuid());
    } else {
        checkup_good(checkup, what, "%s", path);
    }
}

void checkup_room(struct checkup *checkup, const char *what, const char *path, int64_t needed_bytes)
{
    struct statvfs disk;

    if (statvfs(path, &disk) < 0) {
        checkup_wrong(checkup, what, "%s: %s", path, strerror(errno));
        return;
    }
    int64_t free_bytes = (int64_t)(disk.f_bavail * disk.f_frsize);
    if (free_bytes < needed_bytes) {
        checkup_wrong(checkup, what, "%lld MiB free, submissions are refused below %lld",
                      (long long)(free_bytes / MIB), (long long)(needed_bytes / MIB));
    } else if (free_bytes / 4 < needed_bytes) {
        checkup_odd(checkup, what, "%lld MiB free, submissions are refused below %lld",
                    (long long)(free_bytes / MIB), (long long)(needed_bytes / MIB));
    } else if (disk.f_favail == 0 && disk.f_files > 0) {
        checkup_wrong(checkup, what, "no inode is left");
    } else {
        checkup_good(checkup, what, "%lld MiB free", (long long)(free_bytes / MIB));
    }
}

/* A socket's name stays when its process is gone: whether somebody answers is asked. */
static bool is_answered(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct err err;

    bool ok = fd >= 0 && text_copy(address.sun_path, sizeof(address.sun_path), path, &err) &&
              connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

static void check_socket(struct checkup *checkup, const char *what, const char *path)
{
    char folder[PATH_MAX];
    struct stat info;
    struct err err;

    if (strlen(path) > SOCKET_PATH_MAX) {
        checkup_wrong(checkup, what, "%s has %zu bytes, a socket's name may have %d", path,
                      strlen(path), SOCKET_PATH_MAX);
    } else if (!path_folder(folder, sizeof(folder), path, &err) || stat(folder, &info) < 0) {
        checkup_wrong(checkup, what, "the folder of %s is missing", path);
    } else if ((info.st_mode & 0007) != 0) {
        checkup_wrong(checkup, what, "everybody reaches %s: chmod o-rwx %s", path, folder);
    } else if (!is_answered(path)) {
        checkup_odd(checkup, what, "%s is not answered: the broker does not run", path);
    } else {
        checkup_good(checkup, what, "%s", path);
    }
}

void checkup_endpoints(struct checkup *checkup, const char *what, const char *endpoints)
{
    char list[2048];
    char *rest = list;
    struct err err;

    if (!text_copy(list, sizeof(list), endpoints, &err)) {
        checkup_wrong(checkup, what, "%s", err.text);
        return;
    }
    for (char *one = strtok_r(list, " ", &rest); one != NULL; one = strtok_r(NULL, " ", &rest)) {
        if (strncmp(one, "ipc://", 6) == 0) {
            check_socket(checkup, what, one + 6);
        } else {
            checkup_good(checkup, what, "%s, encrypted", one);
        }
    }
}

void checkup_limits(struct checkup *checkup)
{
    struct rlimit limit = {0};

    getrlimit(RLIMIT_MEMLOCK, &limit);
    if (limit.rlim_cur < LOCKED_BYTES_MIN) {
        checkup_odd(checkup, "locked memory", "%llu KiB: keys beyond it may be swapped out",
                    (unsigned long long)limit.rlim_cur / 1024);
    } else {
        checkup_good(checkup, "locked memory", "%llu KiB",
                     (unsigned long long)limit.rlim_cur / 1024);
    }
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < FILES_MIN) {
        checkup_odd(checkup, "open files", "%llu, the service wants %d",
                    (unsigned long long)limit.rlim_cur, FILES_MIN);
    } else {
        checkup_good(checkup, "open files", "%llu", (unsigned long long)limit.rlim_cur);
    }
    checkup_good(checkup, "core dumps", "turned off by the daemons themselves");
}

void checkup_clock(struct checkup *checkup, const char *path)
{
    struct timex state = {0};
    struct stat info;
    int64_t now_ms = time_wall_ms();

    if (now_ms < earliest_ms) {
        checkup_wrong(checkup, "clock", "it is set before 2025: receive times would be wrong");
        return;
    }
    if (path != NULL && stat(path, &info) == 0 &&
        (int64_t)info.st_mtim.tv_sec * 1000 > now_ms + SKEW_MAX_MS) {
        checkup_wrong(checkup, "clock", "%s was written in the future: the clock went back", path);
        return;
    }
    if (adjtimex(&state) == TIME_ERROR || (state.status & STA_UNSYNC) != 0) {
        checkup_odd(checkup, "clock", "not synchronised: receive times are only as right as it is");
        return;
    }
    checkup_good(checkup, "clock", "synchronised");
}

int checkup_end(const struct checkup *checkup)
{
    return checkup->n_wrong > 0 ? 2 : 0;
}
