/* SPDX-License-Identifier: MIT */
/*
 * A clock that a test can move, preloaded into a daemon: the wall clock, and the clock that counts
 * suspend, are ahead by what the file $ASSAY_FAULT_CLOCK holds at that moment, two int64 in
 * milliseconds. The monotonic clock is left alone, as a set clock or a suspend leaves it. Without
 * the file nothing changes.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { WALL, BOOT, N_CLOCKS, SECOND_NS = 1000000000 };

static const volatile int64_t *ahead_ms; /* NULL: nobody moves anything */

/* Before main, and so before any sandbox. */
__attribute__((constructor)) static void map_file(void)
{
    const char *path = getenv("ASSAY_FAULT_CLOCK");
    int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);

    if (fd >= 0) {
        void *page = mmap(NULL, N_CLOCKS * sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
        ahead_ms = page == MAP_FAILED ? NULL : page;
        close(fd);
    }
}

static void move(struct timespec *time, int clock)
{
    int64_t ms = ahead_ms == NULL ? 0 : ahead_ms[clock];
    int64_t ns = time->tv_nsec + ms % 1000 * 1000000;
    int carry = ns >= SECOND_NS ? 1 : ns < 0 ? -1 : 0;

    time->tv_sec += ms / 1000 + carry;
    time->tv_nsec = ns - carry * SECOND_NS;
}

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): the library's are reserved */

int clock_gettime(clockid_t clock, struct timespec *time)
{
    int status = (int)syscall(SYS_clock_gettime, clock, time);

    if (status == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        move(time, WALL);
    } else if (status == 0 && clock == CLOCK_BOOTTIME) {
        move(time, BOOT);
    }
    return status;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
    struct timespec now;

    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    *time = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *out)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL) {
        *out = now.tv_sec;
    }
    return now.tv_sec;
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
