/* SPDX-License-Identifier: MIT */
/*
 * Bytes from their first to their last, from memory or a descriptor, whose start can be looked at
 * before.
 */
#pragma once

#include "common/err.h"

#include <stddef.h>

enum { STREAM_HEAD_BYTES = 4 };

struct stream {
    int fd;           /* read from where it stands; used where data is NULL */
    const char *data; /* of size bytes, read from `at` on */
    size_t size;
    size_t at;
    char head[STREAM_HEAD_BYTES]; /* read from fd before its turn */
    size_t n_head;
    size_t n_head_used;
};

/*
 * Looks at the first STREAM_HEAD_BYTES bytes, which are read again later; *n below that where there
 * are no more. Call it first, if at all. Errors: ERR_SYSTEM.
 */
MUST_CHECK bool stream_peek(struct stream *stream, char head[static STREAM_HEAD_BYTES], size_t *n,
                            struct err *err);

/* Reads; *n_read is below `size` at the end only. `data` is a struct stream. Errors: ERR_SYSTEM. */
MUST_CHECK bool stream_read(void *data, char *to, size_t size, size_t *n_read, struct err *err);
