/* SPDX-License-Identifier: MIT */
/*
 * A job's memory: one byte limit, many allocations, one end. Blocks are page-aligned anonymous
 * mappings with huge pages advised, because first touch and read() into unaligned malloc memory
 * cost three times as much. Not for threads: each thread takes an arena of its own.
 */
#pragma once

#include "common/err.h"

struct arena;

/* Multiplies two sizes; false when the product does not fit. */
MUST_CHECK bool size_mul(size_t *product, size_t a, size_t b);

/*
 * Opens an arena that never holds more than `limit_bytes`.
 *
 * Errors   ERR_SYSTEM  no memory
 * Owns     *arena is owned by the caller; end it with arena_close
 */
MUST_CHECK bool arena_open(struct arena **arena, size_t limit_bytes, struct err *err);

/* Frees everything the arena gave out; accepts NULL and sets *arena to NULL. */
void arena_close(struct arena **arena);

/*
 * Gives `count` zeroed items of `size_bytes`, aligned to 64 bytes (to a page when the whole is
 * 64 KiB or more); NULL with `err` filled on failure.
 *
 * Errors   ERR_LIMIT   the arena's limit would be passed
 *          ERR_SYSTEM  no memory
 * Owns     borrowed until arena_close or arena_reset
 */
MUST_CHECK void *arena_alloc(struct arena *arena, size_t count, size_t size_bytes, struct err *err);

/* Takes everything back at once. The memory stays with the arena for the next job. */
void arena_reset(struct arena *arena);

/* Bytes that can still be given out. */
size_t arena_left_bytes(const struct arena *arena);

/*
 * For secrets: keeps what the arena holds, now and from here on, out of core dumps, out of forked
 * children and, as far as the limit of locked memory allows, out of swap. A child that touches it
 * dies. Returns false where something of what it holds now could not be locked.
 */
bool arena_protect(struct arena *arena);

/* Bytes given out since the last reset, rounded up as they were handed out. */
size_t arena_used_bytes(const struct arena *arena);
