/* SPDX-License-Identifier: MIT */
/*
 * The broker's configuration: one table, which loads it and writes its schema and its page.
 */
#pragma once

#include "common/conftable.h"

enum { BROKER_PATH_SIZE = 1024, BROKER_ENDPOINT_SIZE = 1024 };

struct broker_config {
    char gateways[BROKER_ENDPOINT_SIZE];
    char workers[BROKER_ENDPOINT_SIZE];
    char events[BROKER_ENDPOINT_SIZE];
    char database[BROKER_PATH_SIZE];
    char keys[BROKER_PATH_SIZE];
    char allowed_keys[BROKER_PATH_SIZE]; /* "" without */
    char receipt_public_key[BROKER_PATH_SIZE];
    char organizer_token[BROKER_PATH_SIZE];
    char host[BROKER_ENDPOINT_SIZE];
    char signed_checkpoints[BROKER_PATH_SIZE];
    bool may_void; /* from the command line */
    int64_t lease_ms;
    int64_t pending_max;
    int64_t ready_age_max_ms;
    int64_t disk_free_min_bytes;
    int64_t memory_max_bytes;
    int64_t promise_ms;
    int64_t rescore_percent;
    int64_t reserve_bytes;
    char backups[BROKER_PATH_SIZE]; /* "": beside the database */
    int64_t backups_kept;
    int log; /* enum log_level */
};

extern const struct conf_table broker_config_table;
