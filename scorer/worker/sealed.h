/* SPDX-License-Identifier: MIT */
/*
 * Memory that goes from one process to another by its descriptor and can never change again: a
 * memfd with all four seals. Who receives one checks the seals before looking, so that nothing can
 * change between check and use.
 */
#pragma once

#include "common/err.h"

#include <stddef.h>

/* A mapped file, read-only; {0} … sealed_unmap. */
struct sealed {
    const void *data; /* aligned to a page */
    size_t size_bytes;
};

/* Makes an empty memory file to write to. Errors: ERR_SYSTEM. Owns: *fd is the caller's. */
MUST_CHECK bool sealed_make(int *fd, const char *name, struct err *err);

/*
 * Makes what was written final.
 *
 * Errors   ERR_SYSTEM  somebody has it mapped for writing
 */
MUST_CHECK bool sealed_finish(int fd, struct err *err);

/*
 * Maps a memory file of at least one byte.
 *
 *   size_max   bytes
 *
 * Errors   ERR_PEER    it is no memory file, lacks a seal, is empty or larger than size_max
 *          ERR_SYSTEM  no addresses left
 * Owns     *map is the caller's; it outlives the descriptor
 */
MUST_CHECK bool sealed_map(struct sealed *map, int fd, size_t size_max, struct err *err);
void sealed_unmap(struct sealed *map);
