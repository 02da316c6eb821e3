/* SPDX-License-Identifier: MIT */
/*
 * The table of `assay up`. See the header.
 */
#include "client/up_settings.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/text.h"

static const char *const log_levels[] = {"debug", "info", "warn", "error", NULL};
static const char *const policies[] = {"required", "best_effort", NULL};

#define MEMBER(member) CONF_MEMBER(struct up_settings, member)

static const struct conf_key keys[] = {
    {.path = "listen",
     .type = CONF_TEXT,
     MEMBER(listen),
     .fallback = "127.0.0.1:8080",
     .help = "address and port of the HTTP server; port 0 picks a free one"},
    {.path = "metrics",
     .type = CONF_TEXT,
     MEMBER(metrics),
     .fallback = "",
     .is_nullable = true,
     .help = "address and port of `/metrics` for Prometheus, such as \"127.0.0.1:9464\"; keep it "
             "from the public"},
    {.path = "state",
     .type = CONF_TEXT,
     MEMBER(state),
     .fallback = "assay-state",
     .help = "folder for everything that is kept; in this file relative to the file"},
    {.path = "workers",
     .type = CONF_INT,
     MEMBER(workers),
     .min = 0,
     .max = UP_WORKERS_MAX,
     .fallback = "1",
     .help = "processes that score; 0 where only workers on other machines do"},
    {.path = "log",
     .type = CONF_ENUM,
     MEMBER(log),
     .choices = log_levels,
     .fallback = "info",
     .help = "lowest level that is logged"},
    {.path = "broker.lease_ms",
     .type = CONF_INT,
     MEMBER(lease_ms),
     .min = 100,
     .max = 900000,
     .fallback = "30000",
     .unit = "milliseconds",
     .help = "a worker that is silent for so long loses its job to another"},
    {.path = "broker.network_workers",
     .type = CONF_TEXT,
     MEMBER(network_workers),
     .fallback = "",
     .is_nullable = true,
     .help = "endpoint for workers on other machines, such as \"tcp://0.0.0.0:7711\"; the file "
             "allowed_keys in the state folder says whose keys may connect"},
    {.path = "worker.job_seconds",
     .type = CONF_INT,
     MEMBER(job_seconds),
     .min = 1,
     .max = 86400,
     .fallback = "120",
     .unit = "seconds",
     .help = "time that reading one submission, and then scoring it, may take"},
    {.path = "worker.job_memory_bytes",
     .type = CONF_INT,
     MEMBER(job_memory_bytes),
     .min = INT64_C(16) << 20,
     .max = INT64_C(1) << 40,
     .fallback = "4294967296",
     .unit = "bytes",
     .help = "memory that reading one submission, and then scoring it, may take"},
    {.path = "worker.sandbox",
     .type = CONF_ENUM,
     MEMBER(sandbox),
     .choices = policies,
     .fallback = "required",
     .help = "a kernel without landlock or seccomp is an error, or best_effort: do without"},
};

const struct conf_table up_settings_table = {
    .name = "service",
    .title = "The configuration of assay up",
    .keys = keys,
    .n_keys = ARRAY_SIZE(keys),
};

const char *up_settings_log(const struct up_settings *settings)
{
    return log_levels[settings->log];
}

const char *up_settings_sandbox(const struct up_settings *settings)
{
    return policies[settings->sandbox];
}

struct up_settings up_settings_default(void)
{
    static struct problems problems;
    struct up_settings settings;

    bool ok = conf_load(&settings, &up_settings_table, "{}", 2, &problems);
    assert(ok);
    return settings;
}

bool up_settings_load(struct up_settings *settings, const char *path, struct problems *problems,
                      struct err *err)
{
    char folder[UP_TEXT_SIZE];
    char state[UP_TEXT_SIZE];

    return conf_load_file(settings, &up_settings_table, path, problems, err) &&
           path_folder(folder, sizeof(folder), path, err) &&
           path_join(state, sizeof(state), folder, settings->state, err) &&
           text_copy(settings->state, sizeof(settings->state), state, err);
}

bool up_settings_check_listen(const char *listen, struct err *err)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]";
    const char *colon = strrchr(listen, ':');
    char *end;

    if (colon == NULL || colon == listen || colon[1] < '0' || colon[1] > '9' ||
        strspn(listen, letters) != strlen(listen) || strtol(colon + 1, &end, 10) > 65535 ||
        *end != '\0') {
        return err_set(err, ERR_CONFIG, "listen: expected HOST:PORT, found '%.100s'", listen);
    }
    return true;
}
