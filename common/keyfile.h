/* SPDX-License-Identifier: MIT */
/*
 * A file of 32 secret random bytes, made by the first process that needs it. Processes that start
 * together end up with the same key.
 */
#pragma once

#include "common/err.h"

#include <stdint.h>

enum { KEYFILE_BYTES = 32 };

/*
 * Reads FOLDER/NAME, or makes folder (0700) and file (0600) when there is none yet.
 *
 * Errors   ERR_SYSTEM  it cannot be read or made
 *          ERR_LIMIT   the path is too long
 *          ERR_CONFIG  the file is not a key
 */
MUST_CHECK bool keyfile_open(uint8_t key[static KEYFILE_BYTES], const char *folder,
                             const char *name, struct err *err);
