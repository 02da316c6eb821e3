/* SPDX-License-Identifier: MIT */
/*
 * See the header.
 */
#include "client/programs.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"

bool program_find(char path[static PROGRAM_PATH_SIZE], const char *name, struct err *err)
{
    char self[PROGRAM_PATH_SIZE];
    char folder[PROGRAM_PATH_SIZE];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (n < 0) {
        return err_set(err, ERR_SYSTEM, "read /proc/self/exe: %s", strerror(errno));
    }
    self[n] = '\0';
    return path_folder(folder, sizeof(folder), self, err) &&
           path_join(path, PROGRAM_PATH_SIZE, folder, name, err) &&
           (access(path, X_OK) == 0 || err_set(err, ERR_SYSTEM, "%s: %s", path, strerror(errno)));
}
