/* SPDX-License-Identifier: MIT */
/*
 * The worker's configuration file.
 */
#pragma once

#include "common/conftable.h"
#include "common/curve.h"

enum { WORKER_NAME_SIZE = 65, WORKER_ENDPOINT_SIZE = 256, WORKER_PATH_SIZE = 1024 };

struct worker_settings {
    char broker[WORKER_ENDPOINT_SIZE];
    char broker_key[CURVE_TEXT_SIZE]; /* "" without */
    char blobs[WORKER_PATH_SIZE];
    char labels[WORKER_PATH_SIZE];
    char columns[WORKER_PATH_SIZE]; /* "" without */
    char keys[WORKER_PATH_SIZE];
    char name[WORKER_NAME_SIZE];
    int64_t job_memory_bytes;
    int64_t job_seconds;
    int64_t claim_wait_ms;
    int sandbox; /* enum sandbox_policy */
    int log;     /* enum log_level */
};

extern const struct conf_table worker_settings_table;
