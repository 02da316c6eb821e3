/* SPDX-License-Identifier: MIT */
/*
 * The floor: a sum of all words, and a list of all separators, kept in a block that stays in the
 * cache. With AVX2 where there is any, as a good reader would.
 */
#include "tests/bench/floor.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "tests/bench/measure.h"

enum { PLACES_KEPT = 4096 };

static volatile uint64_t result; /* so that the work is not dropped */

static uint64_t touch(const unsigned char *data, size_t size)
{
    uint64_t sum[4] = {0};
    uint64_t words[4];

    for (size_t i = 0; i + sizeof(words) <= size; i += sizeof(words)) {
        memcpy(words, data + i, sizeof(words));
        for (size_t j = 0; j < 4; j++) {
            sum[j] += words[j];
        }
    }
    return sum[0] + sum[1] + sum[2] + sum[3];
}

static uint64_t separate_plain(const unsigned char *data, size_t size)
{
    static uint32_t places[PLACES_KEPT];
    size_t n = 0;

    for (size_t i = 0; i < size; i++) {
        places[n % PLACES_KEPT] = (uint32_t)i;
        n += data[i] == ',' || data[i] == '\n';
    }
    return n + places[0];
}

#if defined(__x86_64__)
__attribute__((target("avx2,bmi"))) static uint64_t separate_avx2(const unsigned char *data,
                                                                  size_t size)
{
    static uint32_t places[PLACES_KEPT + 64];
    const __m256i comma = _mm256_set1_epi8(',');
    const __m256i line_end = _mm256_set1_epi8('\n');
    size_t n = 0;
    size_t at = 0;

    for (; at + 32 <= size; at += 32) {
        __m256i bytes = _mm256_loadu_si256((const void *)(data + at));
        __m256i hits =
            _mm256_or_si256(_mm256_cmpeq_epi8(bytes, comma), _mm256_cmpeq_epi8(bytes, line_end));
        uint32_t mask = (uint32_t)_mm256_movemask_epi8(hits);
        uint32_t *to = places + n % PLACES_KEPT;
        n += (size_t)__builtin_popcount(mask);
        for (; mask != 0; mask &= mask - 1) {
            *to++ = (uint32_t)at + (uint32_t)__builtin_ctz(mask);
        }
    }
    return n + places[0] + separate_plain(data + at, size - at);
}
#endif

static uint64_t separate(const unsigned char *data, size_t size)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        return separate_avx2(data, size);
    }
#endif
    return separate_plain(data, size);
}

/* Maps the file, so that reading it is in neither time. */
static bool run(double *times, void *data, struct err *err)
{
    const char *path = data;
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &info) != 0) {
        err_set(err, ERR_SYSTEM, "open %s: %s", path, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    size_t size = (size_t)info.st_size;
    unsigned char *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    close(fd);
    if (bytes == MAP_FAILED) {
        return err_set(err, ERR_SYSTEM, "map %s: %s", path, strerror(errno));
    }
    result += touch(bytes, size); /* the first walk also fills the page tables */
    double start_ms = measure_now_ms();
    result += touch(bytes, size);
    double middle_ms = measure_now_ms();
    result += separate(bytes, size);
    times[0] = middle_ms - start_ms;
    times[1] = measure_now_ms() - middle_ms;
    munmap(bytes, size);
    return true;
}

bool floor_measure(struct floor *floor, const char *path, size_t n_runs, struct err *err)
{
    char own_path[4096];
    double times[2];

    if (strlen(path) >= sizeof(own_path)) {
        return err_set(err, ERR_LIMIT, "path has %zu bytes", strlen(path));
    }
    memcpy(own_path, path, strlen(path) + 1);
    if (!measure_function(times, 2, run, own_path, n_runs, err)) {
        return false;
    }
    *floor = (struct floor){.touch_ms = times[0], .separate_ms = times[1]};
    return true;
}
