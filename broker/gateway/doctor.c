/* SPDX-License-Identifier: MIT */
/*
 * Folders, sockets and addresses. See the header.
 */
#include "broker/gateway/doctor.h"

#include <string.h>
#include <unistd.h>

static bool is_loopback(const char *listen)
{
    return strncmp(listen, "127.", 4) == 0 || strncmp(listen, "[::1]", 5) == 0;
}

static void check_addresses(struct checkup *checkup, const struct settings *settings)
{
    if (is_loopback(settings->listen)) {
        checkup_good(checkup, "address", "%s", settings->listen);
    } else {
        checkup_odd(checkup, "address", "%s is no loopback: tokens travel unencrypted",
                    settings->listen);
    }
    if (settings->metrics[0] == '\0') {
        return;
    }
    if (is_loopback(settings->metrics)) {
        checkup_good(checkup, "metrics", "%s", settings->metrics);
    } else {
        checkup_odd(checkup, "metrics", "%s is no loopback: whoever reaches it reads them",
                    settings->metrics);
    }
}

void gateway_doctor(struct checkup *checkup, const struct settings *settings)
{
    checkup_folder(checkup, "blobs", settings->blobs, false);
    if (access(settings->blobs, W_OK) < 0) {
        checkup_wrong(checkup, "blobs", "%s cannot be written by this user", settings->blobs);
    }
    checkup_room(checkup, "disk", settings->blobs, settings->limits.free_bytes);
    checkup_endpoints(checkup, "broker's socket", settings->broker);
    checkup_endpoints(checkup, "events' socket", settings->events);
    check_addresses(checkup, settings);
    checkup_limits(checkup);
    checkup_clock(checkup, NULL);
}
