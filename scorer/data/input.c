/* SPDX-License-Identifier: MIT */
/*
 * Files and excerpts. See the header.
 */
#include "scorer/data/input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"

bool input_load(struct input *input, const char *path, size_t size_max, struct arena *arena,
                struct err *err)
{
    struct stat info;
    bool ok = false;

    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hang us */
    if (fd < 0) {
        return err_set(err, ERR_INPUT, "open %s: %s", path, strerror(errno));
    }
    if (fstat(fd, &info) < 0) {
        err_set(err, ERR_SYSTEM, "stat %s: %s", path, strerror(errno));
        goto out;
    }
    if (!S_ISREG(info.st_mode)) {
        err_set(err, ERR_INPUT, "%s is not a file", path);
        goto out;
    }
    size_t size = (size_t)info.st_size;
    if (size > size_max) {
        err_set(err, ERR_LIMIT, "%s has %zu bytes, limit is %zu", path, size, size_max);
        goto out;
    }
    char *data = arena_alloc(arena, size, 1, err);
    if (data == NULL || !read_full(fd, data, size, err)) {
        goto out;
    }
    *input = (struct input){.data = data, .size = size};
    ok = true;
out:
    close(fd);
    return ok;
}

/* Bytes of the UTF-8 character at text[0], 0 where there is none or a control character. */
static size_t character_size(const char *text, size_t size)
{
    unsigned char first = (unsigned char)text[0];
    size_t n = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

    if (first < 0x20 || first == 0x7f || first > 0xf4 || n == 0 || n > size) {
        return 0;
    }
    for (size_t i = 1; i < n; i++) {
        if (((unsigned char)text[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    unsigned char second = n > 1 ? (unsigned char)text[1] : 0;
    bool is_wrong = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
                    (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f) ||
                    (first == 0xc2 && second < 0xa0); /* control characters of Latin-1 */
    return is_wrong ? 0 : n;
}

const char *input_excerpt(char excerpt[static EXCERPT_SIZE], const char *text, size_t size)
{
    static const char cut[] = "…";
    size_t used = 0;
    size_t at = 0;

    while (at < size) {
        size_t n = character_size(text + at, size - at);
        size_t n_out = n == 0 ? 1 : n;
        if (used + n_out + sizeof(cut) > EXCERPT_SIZE) {
            memcpy(excerpt + used, cut, sizeof(cut));
            return excerpt;
        }
        if (n == 0) {
            excerpt[used] = '?';
        } else {
            memcpy(excerpt + used, text + at, n);
        }
        used += n_out;
        at += n_out;
    }
    excerpt[used] = '\0';
    return excerpt;
}
