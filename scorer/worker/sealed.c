/* SPDX-License-Identifier: MIT */
/*
 * Sealed memory files. See the header.
 */
#include "scorer/worker/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { SEALS = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL };

bool sealed_make(int *fd, const char *name, struct err *err)
{
    *fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return *fd >= 0 || err_set(err, ERR_SYSTEM, "memory file: %s", strerror(errno));
}

bool sealed_finish(int fd, struct err *err)
{
    return fcntl(fd, F_ADD_SEALS, SEALS) == 0 ||
           err_set(err, ERR_SYSTEM, "seal a memory file: %s", strerror(errno));
}

bool sealed_map(struct sealed *map, int fd, size_t size_max, struct err *err)
{
    struct stat info;
    int seals = fcntl(fd, F_GET_SEALS);

    if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &info) < 0) {
        return err_set(err, ERR_PEER, "descriptor is not a sealed memory file");
    }
    size_t size = (size_t)info.st_size;
    if (size == 0 || size > size_max) {
        return err_set(err, ERR_PEER, "memory file has %zu bytes, limit is %zu", size, size_max);
    }
    void *data = mmap(NULL, size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (data == MAP_FAILED) {
        return err_set(err, ERR_SYSTEM, "map %zu bytes: %s", size, strerror(errno));
    }
    *map = (struct sealed){.data = data, .size_bytes = size};
    return true;
}

void sealed_unmap(struct sealed *map)
{
    if (map->data != NULL) {
        munmap((void *)(uintptr_t)map->data, map->size_bytes);
    }
    *map = (struct sealed){0};
}
