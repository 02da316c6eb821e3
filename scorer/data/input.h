/* SPDX-License-Identifier: MIT */
/*
 * Where bytes come from and how they are quoted in a message.
 */
#pragma once

#include "common/arena.h"

#include <stddef.h>

/* A file's bytes, page-aligned in an arena. */
struct input {
    const char *data;
    size_t size;
};

/*
 * Reads a whole file into `arena`.
 *
 * Errors   ERR_INPUT   it cannot be opened (with the path), or is no regular file
 *          ERR_LIMIT   it has more than size_max bytes, or the arena's limit
 *          ERR_SYSTEM  it cannot be read
 * Owns     the bytes belong to `arena`
 */
MUST_CHECK bool input_load(struct input *input, const char *path, size_t size_max,
                           struct arena *arena, struct err *err);

enum { EXCERPT_SIZE = 64 };

/* Writes the start of a text, as UTF-8 in one line, for messages; "…" at the end where it is cut.
 */
const char *input_excerpt(char excerpt[static EXCERPT_SIZE], const char *text, size_t size);
