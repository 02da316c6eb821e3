/* SPDX-License-Identifier: MIT */
/*
 * Reads in blocks that fit the second-level cache. See the header.
 */
#include "client/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/text.h"

enum { BLOCK_BYTES = 128 << 10 };

static bool add_all(struct digest *digest, int fd, const char *path, struct err *err)
{
    static unsigned char block[BLOCK_BYTES];
    struct sha256 hash;

    sha256_start(&hash);
    for (;;) {
        ssize_t n = read(fd, block, sizeof(block));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return err_set(err, ERR_SYSTEM, "read %s: %s", path, strerror(errno));
        }
        if (n == 0) {
            break;
        }
        sha256_add(&hash, block, (size_t)n);
        digest->size_bytes += n;
    }
    sha256_finish(&hash, digest->sha256);
    hex_text(digest->text, digest->sha256, SHA256_BYTES);
    return true;
}

bool digest_of_file(struct digest *digest, const char *path, struct err *err)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hang us */

    if (fd < 0) {
        return err_set(err, ERR_SYSTEM, "open %s: %s", path, strerror(errno));
    }
    *digest = (struct digest){0};
    bool is_file = fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
    bool ok = is_file ? add_all(digest, fd, path, err)
                      : err_set(err, ERR_SYSTEM, "%s is not a file", path);
    close(fd);
    return ok;
}
