/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a promised file on their way to the service: in one request where nothing breaks,
 * else from where the last one broke.
 */
#pragma once

#include "client/service.h"

struct delivery {
    const char *id; /* of the promise, checked */
    const char *file_path;
    int64_t file_bytes;
    bool has_progress;
    bool is_begun; /* some of it may be there: ask first */
};

/*
 * Sends what is missing until the service has all of it. EXIT_DONE and *answer filled as for a
 * submission; otherwise it was told why, and the result is the command's exit code
 * (EXIT_UNREACHABLE: going on later may help). The caller frees *answer.
 */
MUST_CHECK int delivery_send(struct service *service, struct service_answer *answer,
                             const struct delivery *delivery);
