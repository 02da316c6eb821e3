/* SPDX-License-Identifier: MIT */
/*
 * A library to be preloaded: writes down what a process asks of the disk below one folder, in the
 * order in which it was done, with all bytes, and what it sends over TCP. power_disk.py reads it
 * and says what a power cut at any moment may leave.
 *
 * ASSAY_RECORD_LOG is the file written to, shared by all recorded processes; ASSAY_RECORD_ROOT the
 * folder. A record is one append, made after the call that it tells of and before it returns, and
 * of what is sent before it is: so what follows from a call never stands before it. A sync has two,
 * around it: it can only be trusted with what was written down before it began.
 *
 * It makes the system calls itself, without the C library's functions of the same names. What is
 * written through a memory map, a FILE or a copied descriptor is not seen: power_disk.py compares
 * the folder with the record in the end.
 */
#undef _FILE_OFFSET_BITS /* both open and open64 are replaced */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FILES_MAX = 65536, LOG_FD_MIN = 900, PARTS_MAX = 4, SENT_MAX = 64 << 10 };

/* Before the bytes of two paths and of the data; the layout is the native one. */
struct record {
    uint32_t kind;
    uint32_t thread;
    uint64_t file;   /* inode number */
    uint64_t number; /* an offset or a size */
    uint32_t path_size;
    uint32_t path_to_size;
    uint32_t data_size;
    uint32_t zero;
};

enum kind {
    CREATED = 'C',
    MADE_FOLDER = 'M',
    WROTE = 'W',
    SIZED = 'T',
    ALLOCATED = 'A',
    SYNC_BEGINS = 'b',
    SYNC_ENDS = 'e',
    RENAMED = 'R',
    LINKED = 'L',
    UNLINKED = 'U',
    SENT = 'S',
};

static int log_fd = -1;
static char root[PATH_MAX];
static size_t root_length;
static unsigned char is_ours[FILES_MAX]; /* descriptors of files below the root */

__attribute__((constructor)) static void start(void)
{
    const char *path = getenv("ASSAY_RECORD_LOG");
    const char *folder = getenv("ASSAY_RECORD_ROOT");

    if (path == NULL || folder == NULL) {
        return;
    }
    int fd =
        (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    log_fd = fcntl(fd, F_DUPFD_CLOEXEC, LOG_FD_MIN);
    if (log_fd < 0) {
        abort(); /* nothing would be recorded */
    }
    syscall(SYS_close, fd);
    root_length = (size_t)snprintf(root, sizeof(root), "%s/", folder);
}

static void add(struct record record, const char *path, const char *path_to, const void *data,
                size_t data_size)
{
    int saved = errno;

    record.path_size = (uint32_t)strlen(path);
    record.path_to_size = (uint32_t)strlen(path_to);
    record.data_size = (uint32_t)data_size;
    record.thread = (uint32_t)syscall(SYS_gettid);
    const struct {
        const void *base;
        size_t size;
    } parts[PARTS_MAX] = {{&record, sizeof(record)},
                          {path, record.path_size},
                          {path_to, record.path_to_size},
                          {data, data_size}};
    size_t size = sizeof(record) + record.path_size + record.path_to_size + data_size;
    if (syscall(SYS_writev, log_fd, parts, PARTS_MAX) != (long)size) {
        abort(); /* a record with holes would lie */
    }
    errno = saved;
}

/* Makes the path absolute; false where it is not below the root. */
static bool find(char absolute[static PATH_MAX], int folder, const char *path)
{
    char here[PATH_MAX];
    int n;

    if (log_fd < 0) {
        return false;
    }
    if (path[0] == '/') {
        n = snprintf(absolute, PATH_MAX, "%s", path);
    } else {
        if (folder != AT_FDCWD || syscall(SYS_getcwd, here, sizeof(here)) < 0) {
            abort(); /* nobody names files so: it would have to be built */
        }
        n = snprintf(absolute, PATH_MAX, "%s/%s", here, path);
    }
    return n < PATH_MAX && strncmp(absolute, root, root_length) == 0;
}

static bool is_tracked(int fd)
{
    return log_fd >= 0 && fd >= 0 && fd < FILES_MAX && is_ours[fd] != 0;
}

static uint64_t file_of(int fd)
{
    struct stat info;

    return fstat(fd, &info) == 0 ? info.st_ino : 0;
}

static uint64_t file_at(const char *path)
{
    struct stat info;

    return lstat(path, &info) == 0 ? info.st_ino : 0;
}

/* ---- opening and closing ---- */

static int open_recorded(int folder, const char *path, int flags, mode_t mode)
{
    char absolute[PATH_MAX];
    bool is_below = find(absolute, folder, path);
    bool was_there = !is_below || file_at(absolute) != 0;
    int fd = (int)syscall(SYS_openat, folder, path, flags, mode);

    if (fd >= 0 && fd < FILES_MAX) {
        is_ours[fd] = is_below;
    }
    if (fd >= 0 && is_below && !was_there) {
        add((struct record){.kind = CREATED, .file = file_of(fd)}, absolute, "", "", 0);
    } else if (fd >= 0 && is_below && (flags & O_TRUNC) != 0) {
        add((struct record){.kind = SIZED, .file = file_of(fd)}, "", "", "", 0);
    }
    return fd;
}

static mode_t mode_of(int flags, va_list arguments)
{
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list arguments;

    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_recorded(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list arguments;

    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_recorded(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}

int openat(int folder, const char *path, int flags, ...)
{
    va_list arguments;

    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_recorded(folder, path, flags, mode);
}

int close(int fd)
{
    if (fd >= 0 && fd < FILES_MAX) {
        is_ours[fd] = 0;
    }
    return (int)syscall(SYS_close, fd);
}

/* ---- bytes ---- */

static ssize_t wrote(int fd, const void *data, ssize_t size, off_t offset)
{
    if (size > 0) {
        add((struct record){.kind = WROTE, .file = file_of(fd), .number = (uint64_t)offset}, "", "",
            data, (size_t)size);
    }
    return size;
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
    ssize_t n = syscall(SYS_pwrite64, fd, data, size, offset);

    return is_tracked(fd) ? wrote(fd, data, n, offset) : n;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    return pwrite64(fd, data, size, offset);
}

ssize_t write(int fd, const void *data, size_t size)
{
    ssize_t n = syscall(SYS_write, fd, data, size);

    return is_tracked(fd) ? wrote(fd, data, n, lseek(fd, 0, SEEK_CUR) - n) : n;
}

static int sized(int fd, off_t size)
{
    int status = (int)syscall(SYS_ftruncate, fd, size);

    if (status == 0 && is_tracked(fd)) {
        add((struct record){.kind = SIZED, .file = file_of(fd), .number = (uint64_t)size}, "", "",
            "", 0);
    }
    return status;
}

int ftruncate(int fd, off_t size)
{
    return sized(fd, size);
}

int ftruncate64(int fd, off64_t size)
{
    return sized(fd, size);
}

static int allocate(int fd, off_t offset, off_t size)
{
    long status = syscall(SYS_fallocate, fd, 0, offset, size);

    if (status == 0 && is_tracked(fd)) {
        uint64_t end = (uint64_t)(offset + size);
        add((struct record){.kind = ALLOCATED, .file = file_of(fd), .number = end}, "", "", "", 0);
    }
    return status == 0 ? 0 : errno;
}

int posix_fallocate(int fd, off_t offset, off_t size)
{
    return allocate(fd, offset, size);
}

int posix_fallocate64(int fd, off64_t offset, off64_t size)
{
    return allocate(fd, offset, size);
}

static int synced(long call, int fd)
{
    bool is_told = is_tracked(fd);
    struct record record = {.kind = SYNC_BEGINS, .file = is_told ? file_of(fd) : 0};

    if (is_told) {
        add(record, "", "", "", 0);
    }
    int status = (int)syscall(call, fd);
    record.kind = SYNC_ENDS;
    if (is_told && status == 0) {
        add(record, "", "", "", 0);
    }
    return status;
}

int fsync(int fd)
{
    return synced(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return synced(SYS_fdatasync, fd);
}

/* ---- names ---- */

int mkdir(const char *path, mode_t mode)
{
    char absolute[PATH_MAX];
    int status = (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);

    if (status == 0 && find(absolute, AT_FDCWD, path)) {
        add((struct record){.kind = MADE_FOLDER, .file = file_at(absolute)}, absolute, "", "", 0);
    }
    return status;
}

static int moved(enum kind kind, int status, const char *from, const char *to)
{
    char absolute[PATH_MAX];
    char absolute_to[PATH_MAX];

    if (status == 0 && find(absolute, AT_FDCWD, from) && find(absolute_to, AT_FDCWD, to)) {
        add((struct record){.kind = kind}, absolute, absolute_to, "", 0);
    }
    return status;
}

int rename(const char *from, const char *to)
{
    return moved(RENAMED, (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0), from, to);
}

int link(const char *from, const char *to)
{
    return moved(LINKED, (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0), from, to);
}

int unlink(const char *path)
{
    char absolute[PATH_MAX];
    int status = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);

    if (status == 0 && find(absolute, AT_FDCWD, path)) {
        add((struct record){.kind = UNLINKED}, absolute, "", "", 0);
    }
    return status;
}

/* ---- what is sent ---- */

static bool is_tcp(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof(address);

    return log_fd >= 0 && getsockname(fd, (struct sockaddr *)&address, &size) == 0 &&
           (address.ss_family == AF_INET || address.ss_family == AF_INET6);
}

/* Before it is sent, so that nothing that was not done yet can be before it. */
static void sending(int fd, const struct iovec *parts, size_t n_parts)
{
    char data[SENT_MAX];
    size_t size = 0;

    if (!is_tcp(fd)) {
        return;
    }
    for (size_t i = 0; i < n_parts; i++) {
        size_t n = parts[i].iov_len < sizeof(data) - size ? parts[i].iov_len : sizeof(data) - size;
        memcpy(data + size, parts[i].iov_base, n);
        size += n;
    }
    add((struct record){.kind = SENT, .file = file_of(fd)}, "", "", data, size);
}

ssize_t send(int fd, const void *data, size_t size, int flags)
{
    char *bytes = (char *)(uintptr_t)data;

    sending(fd, &(struct iovec){.iov_base = bytes, .iov_len = size}, 1);
    return syscall(SYS_sendto, fd, data, size, flags, NULL, 0);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    sending(fd, message->msg_iov, message->msg_iovlen);
    return syscall(SYS_sendmsg, fd, message, flags);
}

ssize_t writev(int fd, const struct iovec *parts, int n_parts)
{
    if (is_tracked(fd)) {
        abort(); /* nobody writes files so: it would have to be built */
    }
    sending(fd, parts, (size_t)n_parts);
    return syscall(SYS_writev, fd, parts, n_parts);
}
