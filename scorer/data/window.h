/* SPDX-License-Identifier: MIT */
/*
 * A piece of a file in memory that moves forward: what was not used yet stays, and the next bytes
 * come behind it. Reads go to a page's first byte (a copy from the page cache to 16 bytes behind it
 * costs three times as much), what stays is moved before it.
 */
#pragma once

#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

enum {
    WINDOW_PAD = 64,         /* bytes around the data that may be read: vector loads */
    WINDOW_CHUNK = 256 << 10 /* read at once */
};

/* Where the bytes are: in memory, in a file, or a stream. */
struct window_source {
    const char *data; /* NULL: in fd */
    int fd;
    uint64_t size; /* UINT64_MAX for a stream */

    /* NULL, or the stream: gives up to `size` bytes, fewer at its end only */
    bool (*read)(void *read_data, char *to, size_t size, size_t *n_read, struct err *err);
    void *read_data;
};

struct window {
    const struct window_source *source;
    void *(*alloc)(void *alloc_data, size_t size, struct err *err); /* NULL with err filled */
    void *alloc_data;
    uint64_t next;  /* offset of the first byte not read yet */
    uint64_t limit; /* read no further; UINT64_MAX for a stream */
    bool is_ended;  /* nothing is left to read */
    char *buffer;
    size_t carry_room; /* bytes before the place that reads go to */
    size_t chunk_room;
};

/* Reads bytes of a source that is no stream. Errors: ERR_SYSTEM (also: the file became shorter). */
MUST_CHECK bool window_read_at(const struct window_source *source, char *to, uint64_t offset,
                               size_t size, struct err *err);

/* Readies a window for bytes begin to limit; the buffer of an earlier use is used again. */
void window_start(struct window *window, uint64_t begin, uint64_t limit);

/*
 * Keeps the last `kept` bytes of what was given before and reads more behind them.
 *
 *   data, size  in: what was given before (size 0 at first) with its last `kept` bytes not used;
 *               out: those and the bytes behind them
 *
 * Errors   ERR_SYSTEM  a read failed, the file became shorter
 *          those of alloc and of the stream
 */
MUST_CHECK bool window_fill(struct window *window, const char **data, size_t *size, size_t kept,
                            struct err *err);
