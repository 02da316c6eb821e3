/* SPDX-License-Identifier: MIT */
/*
 * Key files. See the header.
 */
#include "common/keyfile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/crypt.h"
#include "common/file.h"

enum { PATH_SIZE = 4096 };

/* The first one's key is linked to its name, which fails for every later one. */
static bool make_key(const char *folder, const char *path, struct err *err)
{
    uint8_t key[KEYFILE_BYTES];
    char beside[PATH_SIZE];

    if (snprintf(beside, sizeof(beside), "%s.new.%ld", path, (long)getpid()) >=
        (int)sizeof(beside)) {
        return err_set(err, ERR_LIMIT, "path is longer than %d bytes", PATH_SIZE - 1);
    }
    crypt_random(key, sizeof(key));
    bool ok = file_write_durable(beside, key, sizeof(key), 0600, err);
    crypt_wipe(key, sizeof(key));
    if (ok && link(beside, path) < 0 && errno != EEXIST) {
        ok = err_set(err, ERR_SYSTEM, "make %s: %s", path, strerror(errno));
    }
    unlink(beside);
    return ok && folder_sync(folder, err);
}

bool keyfile_open(uint8_t key[static KEYFILE_BYTES], const char *folder, const char *name,
                  struct err *err)
{
    char path[PATH_SIZE];
    struct bytes found = {0};

    if (!folder_make_durable(folder, 0700, err) ||
        !path_join(path, sizeof(path), folder, name, err) ||
        (access(path, F_OK) < 0 && !make_key(folder, path, err)) ||
        !file_read(&found, path, KEYFILE_BYTES, err)) {
        return false;
    }
    bool ok = found.size_bytes == KEYFILE_BYTES ||
              err_set(err, ERR_CONFIG, "%s has %zu bytes, a key has %d", path, found.size_bytes,
                      KEYFILE_BYTES);
    if (ok) {
        memcpy(key, found.data, KEYFILE_BYTES);
    }
    crypt_wipe(found.data, found.size_bytes);
    bytes_free(&found);
    return ok;
}
