/* SPDX-License-Identifier: MIT */
/*
 * Folders, keys and what the kernel offers. No label is read. See the header.
 */
#include "scorer/worker/doctor.h"

#include <unistd.h>

#include "common/file.h"
#include "scorer/worker/sandbox.h"

static void check_kernel(struct checkup *checkup, const struct worker_settings *settings)
{
    struct err err;

    if (sandbox_check(&err)) {
        checkup_good(checkup, "sandbox", "landlock and seccomp");
    } else if (settings->sandbox == SANDBOX_REQUIRED) {
        checkup_wrong(checkup, "sandbox", "%s", err.text);
    } else {
        checkup_odd(checkup, "sandbox", "%s: files are read without it", err.text);
    }
}

static void check_keys(struct checkup *checkup, const struct worker_settings *settings)
{
    char path[WORKER_PATH_SIZE];
    struct err err;

    if (access(settings->keys, F_OK) == 0) {
        checkup_folder(checkup, "keys", settings->keys, true);
    }
    if (path_join(path, sizeof(path), settings->keys, "seal.key", &err)) {
        checkup_secret(checkup, "sealing key", path, true);
    }
    if (path_join(path, sizeof(path), settings->keys, "curve.key", &err) &&
        access(path, F_OK) == 0) {
        checkup_secret(checkup, "network key", path, false);
    }
}

void worker_doctor(struct checkup *checkup, const struct worker_settings *settings)
{
    checkup_folder(checkup, "labels", settings->labels, true);
    checkup_folder(checkup, "blobs", settings->blobs, false);
    if (settings->columns[0] != '\0' && access(settings->columns, F_OK) == 0) {
        checkup_folder(checkup, "columns", settings->columns, false);
    }
    check_keys(checkup, settings);
    checkup_endpoints(checkup, "broker's socket", settings->broker);
    check_kernel(checkup, settings);
    checkup_limits(checkup);
    checkup_clock(checkup, NULL);
}
