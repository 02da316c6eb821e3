/* SPDX-License-Identifier: MIT */
/*
 * Whole files and full reads and writes: what the standard calls do by halves.
 */
#pragma once

#include "common/err.h"

#include <stddef.h>

/* Bytes on the heap, NUL-terminated behind size_bytes; end with bytes_free. */
struct bytes {
    unsigned char *data;
    size_t size_bytes;
};

void bytes_free(struct bytes *bytes);

/* Reads exactly `size` bytes. Errors: ERR_SYSTEM (a read failed), ERR_INPUT (the file is shorter).
 */
MUST_CHECK bool read_full(int fd, void *data, size_t size, struct err *err);

/* Writes all `size` bytes. Errors: ERR_SYSTEM. */
MUST_CHECK bool write_full(int fd, const void *data, size_t size, struct err *err);

/*
 * Reads a whole file of at most `size_max` bytes.
 *
 * Errors   ERR_SYSTEM  it cannot be opened or read
 *          ERR_LIMIT   it is larger than size_max
 * Owns     *out is owned by the caller
 */
MUST_CHECK bool file_read(struct bytes *out, const char *path, size_t size_max, struct err *err);

/*
 * Makes `path` hold these bytes and no others, durably: written beside it, synced, renamed, the
 * folder synced. Readers see the old or the new file, never a half.
 *
 *   mode     permissions of the new file, 0600 for secrets
 *
 * Errors   ERR_SYSTEM
 */
MUST_CHECK bool file_write_durable(const char *path, const void *data, size_t size, unsigned mode,
                                   struct err *err);

/*
 * Makes `to` a copy of `from`, durably, as file_write_durable.
 *
 * Errors   ERR_SYSTEM
 *          ERR_LIMIT   the path is too long
 */
MUST_CHECK bool file_copy_durable(const char *to, const char *from, unsigned mode, struct err *err);

/* Makes a folder and its parents; one that is there already is fine. Errors: ERR_SYSTEM. */
MUST_CHECK bool folder_make(const char *path, unsigned mode, struct err *err);

/* The same, and its name survives a power cut: what is synced in it can be found. */
MUST_CHECK bool folder_make_durable(const char *path, unsigned mode, struct err *err);

/* Syncs a folder, so that a name made in it survives a power cut. Errors: ERR_SYSTEM. */
MUST_CHECK bool folder_sync(const char *path, struct err *err);

/* Joins two parts with '/' into path[path_size]; `b` alone where it is absolute.
 * Errors: ERR_LIMIT (too long). */
MUST_CHECK bool path_join(char *path, size_t path_size, const char *a, const char *b,
                          struct err *err);

/* The folder of `path` ("." where it names none), as path_join's first part.
 * Errors: ERR_LIMIT (too long). */
MUST_CHECK bool path_folder(char *folder, size_t folder_size, const char *path, struct err *err);
