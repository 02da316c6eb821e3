/* SPDX-License-Identifier: MIT */
/*
 * The short way through large label files that are as plain as they come: the columns in their
 * usual order, no quotes, no spaces, numbers as ids. Nothing is reported here: where a file is not
 * plain to its last byte, the general way reads it from the start and says what is wrong.
 */
#pragma once

#include "common/arena.h"

#include <stdint.h>

struct plain_file {
    const char *path;
    const char *header; /* the whole first line, without its end */

    /*
     * Takes rows from `at` on; returns the start of the first one that is not plain or not whole.
     * Up to WINDOW_PAD bytes from `end` on may be read, rows must end before it.
     */
    const char *(*take)(void *data, const char *at, const char *end);
    void *data;
};

/* Bytes of a regular file, 0 where it is none. */
uint64_t plain_file_size(const char *path);

/* Reads a file; false where it is not plain or cannot be read. `scratch` gives the buffer. */
MUST_CHECK bool plain_file_read(const struct plain_file *file, struct arena *scratch);
