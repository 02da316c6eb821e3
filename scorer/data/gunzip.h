/* SPDX-License-Identifier: MIT */
/*
 * gzip, as a stream: every member's checksum and length are right, and nothing follows the last
 * one. zlib is opened when the first gzip file is met, not linked.
 */
#pragma once

#include "common/err.h"

#include <stddef.h>

struct gunzip;

/* Where the packed bytes come from: gives up to `size`, fewer at the end only. */
struct gunzip_source {
    bool (*read)(void *read_data, char *to, size_t size, size_t *n_read, struct err *err);
    void *read_data;
};

/* Opens zlib, once. Errors: ERR_SYSTEM (it is missing). */
MUST_CHECK bool gunzip_load(struct err *err);

/*
 * Opens a gzip file; nothing is read yet.
 *
 * Errors   ERR_SYSTEM  no memory, zlib is missing
 * Owns     *gunzip is owned by the caller; end it with gunzip_close
 */
MUST_CHECK bool gunzip_open(struct gunzip **gunzip, const struct gunzip_source *source,
                            struct err *err);
void gunzip_close(struct gunzip **gunzip);

/*
 * Reads unpacked bytes; *n_read is below `size` at the end only, where all has been checked.
 *
 * Errors   ERR_INPUT  damaged, cut off, or followed by something else
 *          others     those of the source's read
 */
MUST_CHECK bool gunzip_read(struct gunzip *gunzip, char *to, size_t size, size_t *n_read,
                            struct err *err);
