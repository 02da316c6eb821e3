/* SPDX-License-Identifier: MIT */
/*
 * The table of the broker's configuration.
 */
#include "broker/queue/config.h"

#define MEMBER(member) CONF_MEMBER(struct broker_config, member)

static const char *const log_levels[] = {"debug", "info", "warn", "error", NULL};

static const struct conf_key keys[] = {
    {.path = "gateways",
     .type = CONF_TEXT,
     MEMBER(gateways),
     .help = "endpoint for gateways, such as ipc://run/gateways.sock; its folder's permissions are "
             "the access control"},
    {.path = "workers", .type = CONF_TEXT, MEMBER(workers), .help = "endpoint for workers"},
    {.path = "events",
     .type = CONF_TEXT,
     MEMBER(events),
     .help = "endpoint on which changes are hinted"},
    {.path = "database",
     .type = CONF_TEXT,
     MEMBER(database),
     .help = "the SQLite file, on a local disk; a file beside it with .lock keeps a second broker "
             "out"},
    {.path = "keys",
     .type = CONF_TEXT,
     MEMBER(keys),
     .help = "folder of the master key, from which the receipt key and the token pepper are "
             "derived; made at the first start, to be backed up with the database"},
    {.path = "receipt_public_key",
     .type = CONF_TEXT,
     MEMBER(receipt_public_key),
     .help = "file to write the public key to that checks receipts, as minisign reads it"},
    {.path = "organizer_token",
     .type = CONF_TEXT,
     MEMBER(organizer_token),
     .help = "file to write the organizer's token to at the first start"},
    {.path = "lease_ms",
     .type = CONF_INT,
     MEMBER(lease_ms),
     .min = 100,
     .max = 900000,
     .fallback = "30000",
     .unit = "milliseconds",
     .help = "how long a job is kept for a worker that is not heard of"},
    {.path = "pending_max",
     .type = CONF_INT,
     MEMBER(pending_max),
     .min = 1,
     .max = 1000000,
     .fallback = "5000",
     .unit = "requests",
     .help = "requests that wait for the store; beyond it new submissions are told to come back"},
    {.path = "ready_age_max_ms",
     .type = CONF_INT,
     MEMBER(ready_age_max_ms),
     .min = 0,
     .max = INT64_C(86400000),
     .fallback = "0",
     .unit = "milliseconds",
     .help = "age of the oldest waiting submission beyond which new ones are told to come back; "
             "0: never"},
    {.path = "disk_free_min_bytes",
     .type = CONF_INT,
     MEMBER(disk_free_min_bytes),
     .min = 0,
     .max = INT64_C(1) << 50,
     .fallback = "268435456",
     .unit = "bytes",
     .help = "free space at the database below which new submissions are told to come back"},
    {.path = "reserve_bytes",
     .type = CONF_INT,
     MEMBER(reserve_bytes),
     .min = 0,
     .max = INT64_C(1) << 40,
     .fallback = "16777216",
     .unit = "bytes",
     .help =
         "room kept beside the database to finish accepted work when the disk is full; 0: none"},
    {.path = "log",
     .type = CONF_ENUM,
     MEMBER(log),
     .choices = log_levels,
     .fallback = "info",
     .help = "lowest level that is logged"},
};

const struct conf_table broker_config_table = {
    .name = "broker",
    .title = "The broker: queue, store, boards and receipts",
    .keys = keys,
    .n_keys = ARRAY_SIZE(keys),
};
