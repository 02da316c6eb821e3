/* SPDX-License-Identifier: MIT */
/*
 * Where a submission's bytes lie in a blob folder: named by their SHA-256, so that a name can be
 * checked with sha256sum and a repeated upload is the same file.
 */
#pragma once

#include "common/err.h"
#include "common/sha256.h"

#include <stddef.h>

/* "/ab/" and 62 digits behind the folder, and the NUL */
enum { BLOB_NAME_SIZE = 4 + 62 + 1 };

/*
 * Writes "FOLDER/ab/cdef…" for a hash that begins with abcdef.
 *
 * Errors   ERR_LIMIT  path[path_size] is too short
 */
MUST_CHECK bool blob_path(char *path, size_t path_size, const char *folder,
                          const uint8_t sha256[static SHA256_BYTES], struct err *err);
