/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into a daemon, it lets the N-th call of one kind fail: ASSAY_NTH="KIND N", KIND one of
 * write, sync, rename, open, memory. One call fails, those behind it succeed again, and the failure
 * is told on stderr. Every process counts for itself. Writes count on regular files only, not on
 * pipes, sockets and the log. Where a sync fails, the last write before it is undone, as the kernel
 * drops pages that it could not write. KIND lie does the same and reports success: a program that
 * does not look at the error would do no better.
 */
#undef _FILE_OFFSET_BITS /* both names of a call are here */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *data, size_t size);

static char kind[16];
static long nth; /* 0: nothing fails */
static long n_calls;

__attribute__((constructor)) static void read_environment(void)
{
    const char *text = getenv("ASSAY_NTH");
    const char *space = text == NULL ? NULL : strchr(text, ' ');

    if (space != NULL && (size_t)(space - text) < sizeof(kind)) {
        memcpy(kind, text, (size_t)(space - text));
        nth = strtol(space + 1, NULL, 10);
    }
}

/* True for the call that is to fail. */
static bool is_nth(const char *name)
{
    static const char told[] = "nth failure: reached\n";

    if (nth == 0 || strcmp(name, kind) != 0 || __sync_add_and_fetch(&n_calls, 1) != nth) {
        return false;
    }
    return syscall(SYS_write, STDERR_FILENO, told, sizeof(told) - 1) >= 0;
}

static bool is_file(int fd)
{
    struct stat info;

    return nth != 0 && fd > STDERR_FILENO && fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
}

static int fail(void)
{
    errno = EIO;
    return -1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* ---- what is not synced yet ---- */

static struct {
    int fd; /* 0: nothing */
    off64_t at;
    off64_t size_before;
    ssize_t n_old;
    char old[1 << 16];
} last;

static bool is_sync(void)
{
    return strcmp(kind, "sync") == 0 || strcmp(kind, "lie") == 0;
}

static void remember(int fd, size_t size, off64_t at)
{
    struct stat64 info;

    if (is_sync() && is_file(fd) && fstat64(fd, &info) == 0) {
        size_t n = size < sizeof(last.old) ? size : sizeof(last.old);
        last.fd = fd;
        last.at = at;
        last.size_before = info.st_size;
        last.n_old = pread64(fd, last.old, n, at);
    }
}

static void forget(int fd)
{
    if (last.fd == fd && fd != 0) {
        bool is_cut = ftruncate64(fd, last.size_before) < 0;
        bool is_old =
            last.n_old > 0 && REAL(pwrite64)(fd, last.old, (size_t)last.n_old, last.at) < 0;
        last.fd = is_cut || is_old ? -1 : 0;
    }
}

/* 1 where the sync is to be done. */
static int failed_sync(int fd)
{
    if (is_nth("sync")) {
        forget(fd);
        return fail();
    }
    if (is_nth("lie")) {
        forget(fd);
        return 0;
    }
    return 1;
}

int fsync(int fd)
{
    int status = failed_sync(fd);

    return status == 1 ? REAL(fsync)(fd) : status;
}

int fdatasync(int fd)
{
    int status = failed_sync(fd);

    return status == 1 ? REAL(fdatasync)(fd) : status;
}

/* ---- writes ---- */

#define WRITE_LIKE(type, name, at, size, parameters, ...)                                          \
    type name parameters                                                                           \
    {                                                                                              \
        if (is_file(fd) && is_nth("write")) {                                                      \
            return fail();                                                                         \
        }                                                                                          \
        remember(fd, size, at);                                                                    \
        return REAL(name)(__VA_ARGS__);                                                            \
    }

WRITE_LIKE(ssize_t, write, lseek64(fd, 0, SEEK_CUR), size, (int fd, const void *data, size_t size),
           fd, data, size)
WRITE_LIKE(ssize_t, pwrite, at, size, (int fd, const void *data, size_t size, off_t at), fd, data,
           size, at)
WRITE_LIKE(ssize_t, pwrite64, at, size, (int fd, const void *data, size_t size, off64_t at), fd,
           data, size, at)
WRITE_LIKE(ssize_t, writev, lseek64(fd, 0, SEEK_CUR), parts[0].iov_len,
           (int fd, const struct iovec *parts, int n), fd, parts, n)

/* ---- names ---- */

int rename(const char *from, const char *to)
{
    return is_nth("rename") ? fail() : REAL(rename)(from, to);
}

int link(const char *from, const char *to)
{
    return is_nth("rename") ? fail() : REAL(link)(from, to);
}

#define OPEN_LIKE(name, before, ...)                                                               \
    int name before                                                                                \
    {                                                                                              \
        va_list args;                                                                              \
        va_start(args, flags);                                                                     \
        int mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(args, int) : 0;                   \
        va_end(args);                                                                              \
        return is_nth("open") ? fail() : REAL(name)(__VA_ARGS__, mode);                            \
    }

OPEN_LIKE(open, (const char *path, int flags, ...), path, flags)
OPEN_LIKE(open64, (const char *path, int flags, ...), path, flags)
OPEN_LIKE(openat, (int at, const char *path, int flags, ...), at, path, flags)
OPEN_LIKE(openat64, (int at, const char *path, int flags, ...), at, path, flags)

static void *no_memory(void)
{
    errno = ENOMEM;
    return NULL;
}

void *malloc(size_t size)
{
    return is_nth("memory") ? no_memory() : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    return is_nth("memory") ? no_memory() : __libc_calloc(n, size);
}

void *realloc(void *data, size_t size)
{
    return is_nth("memory") ? no_memory() : __libc_realloc(data, size);
}
