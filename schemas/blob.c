/* SPDX-License-Identifier: MIT */
/*
 * The name of a blob. See the header.
 */
#include "schemas/blob.h"

#include <stdio.h>

#include "common/text.h"

bool blob_path(char *path, size_t path_size, const char *folder,
               const uint8_t sha256[static SHA256_BYTES], struct err *err)
{
    char hex[SHA256_HEX_SIZE];

    hex_text(hex, sha256, SHA256_BYTES);
    int n = snprintf(path, path_size, "%s/%.2s/%s", folder, hex, hex + 2);
    if (n < 0 || (size_t)n >= path_size) {
        return err_set(err, ERR_LIMIT, "path of a blob is longer than %zu bytes", path_size - 1);
    }
    return true;
}
