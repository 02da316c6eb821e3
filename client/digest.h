/* SPDX-License-Identifier: MIT */
/*
 * Size and SHA-256 of a file of any length: what a receipt says about it.
 */
#pragma once

#include "common/err.h"
#include "common/sha256.h"

struct digest {
    int64_t size_bytes;
    uint8_t sha256[SHA256_BYTES];
    char text[SHA256_HEX_SIZE];
};

/*
 * Reads the file once, in constant memory.
 *
 * Errors   ERR_SYSTEM  it cannot be opened or read, or is no file
 */
MUST_CHECK bool digest_of_file(struct digest *digest, const char *path, struct err *err);
