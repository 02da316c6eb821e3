/* SPDX-License-Identifier: MIT */
/*
 * Packed submissions: gzip, zstd, or a zip archive of one file. In a zip archive folders, and what
 * macOS adds under __MACOSX/, are passed over. Unpacked as a stream with a limit on what comes out,
 * so that a bomb costs no more than a file of that size. The checksums that a file has must be
 * right. libarchive is opened when the first packed file is met, not linked: it loads a dozen other
 * libraries.
 */
#pragma once

#include "common/err.h"

#include <stddef.h>

enum packing { PACKING_NONE, PACKING_GZIP, PACKING_ZSTD, PACKING_ZIP };

enum { UNPACK_MAGIC_BYTES = 4 };

struct unpack;

struct unpack_source {
    enum packing packing;

    /* Gives the packed bytes: up to `size`, fewer at the end only. */
    bool (*read)(void *read_data, char *to, size_t size, size_t *n_read, struct err *err);
    void *read_data;

    size_t bytes_max; /* of the unpacked file */
};

/* What the first UNPACK_MAGIC_BYTES bytes of a file (or all of a shorter one) say that it is. */
enum packing unpack_packing(const char *start, size_t size);

/*
 * For a process that will lock itself in: opens the library and unpacks a small archive, so that
 * everything which libarchive and the C library open on their first use (time zone, conversions of
 * names) is open. Sets the time zone to UTC.
 *
 * Errors   ERR_SYSTEM  the library is missing or does not work
 */
MUST_CHECK bool unpack_rehearse(struct err *err);

/*
 * Opens a packed file; nothing is read yet.
 *
 * Errors   ERR_SYSTEM  no memory, the library is missing
 * Owns     *unpack is owned by the caller; end it with unpack_close
 */
MUST_CHECK bool unpack_open(struct unpack **unpack, const struct unpack_source *source,
                            struct err *err);
void unpack_close(struct unpack **unpack);

/*
 * Reads unpacked bytes; *n_read is below `size` at the end only. `data` is a struct unpack.
 *
 * Errors   ERR_INPUT   damaged, no file or more than one inside, more than bytes_max bytes
 *          others      those of the source's read
 */
MUST_CHECK bool unpack_read(void *data, char *to, size_t size, size_t *n_read, struct err *err);
