/* SPDX-License-Identifier: MIT */
/*
 * The table of the worker's configuration. See the header.
 */
#include "scorer/worker/worker_settings.h"

static const char *const log_levels[] = {"debug", "info", "warn", "error", NULL};
static const char *const policies[] = {"required", "best_effort", NULL};

#define MEMBER(member) CONF_MEMBER(struct worker_settings, member)

static const struct conf_key keys[] = {
    {.path = "broker",
     .type = CONF_TEXT,
     MEMBER(broker),
     .help = "endpoint of the broker for workers, such as \"ipc://run/workers.sock\", or "
             "\"tcp://broker.example:7711\" from another machine"},
    {.path = "broker_key",
     .type = CONF_TEXT,
     MEMBER(broker_key),
     .fallback = "",
     .is_nullable = true,
     .help = "public key of the broker, from its curve.pub; needed with tcp://, where the broker "
             "must also allow this worker's name with the key in keys/curve.pub"},
    {.path = "blobs", .type = CONF_TEXT, MEMBER(blobs), .help = "folder of the submissions"},
    {.path = "labels",
     .type = CONF_TEXT,
     MEMBER(labels),
     .help = "folder of the label sets, sealed to this worker's key"},
    {.path = "columns",
     .type = CONF_TEXT,
     MEMBER(columns),
     .fallback = "",
     .is_nullable = true,
     .help = "folder for what was parsed once, read by re-scores; can be deleted at any time; "
             "without it every re-score parses"},
    {.path = "keys",
     .type = CONF_TEXT,
     MEMBER(keys),
     .help = "folder of this worker's own keys (NAME.secret) and of the key that seals private "
             "scores, made at the first start; all workers of a service need the same seal.key"},
    {.path = "name",
     .type = CONF_ID,
     MEMBER(name),
     .fallback = "worker",
     .help = "name of this worker in logs and in results"},
    {.path = "job_memory_bytes",
     .type = CONF_INT,
     MEMBER(job_memory_bytes),
     .min = INT64_C(16) << 20,
     .max = INT64_C(1) << 40,
     .fallback = "4294967296",
     .unit = "bytes",
     .help = "memory that reading one submission, and then scoring it, may take"},
    {.path = "job_seconds",
     .type = CONF_INT,
     MEMBER(job_seconds),
     .min = 1,
     .max = 86400,
     .fallback = "120",
     .unit = "seconds",
     .help = "time that reading one submission, and then scoring it, may take"},
    {.path = "claim_wait_ms",
     .type = CONF_INT,
     MEMBER(claim_wait_ms),
     .min = 10,
     .max = 60000,
     .fallback = "1000",
     .unit = "milliseconds",
     .help = "how long the broker may hold a worker's question for a job before it says no"},
    {.path = "sandbox",
     .type = CONF_ENUM,
     MEMBER(sandbox),
     .choices = policies,
     .fallback = "required",
     .help = "a kernel without landlock or seccomp is an error, or best_effort: do without"},
    {.path = "log",
     .type = CONF_ENUM,
     MEMBER(log),
     .choices = log_levels,
     .fallback = "info",
     .help = "lowest level that is logged; debug has a line for every job's step"},
};

const struct conf_table worker_settings_table = {
    .name = "worker",
    .title = "The worker's configuration",
    .keys = keys,
    .n_keys = ARRAY_SIZE(keys),
};
