/* SPDX-License-Identifier: MIT */
/*
 * One line a number. See the header; tests/system/test_metrics.py has promtool read it.
 */
#include "broker/gateway/metrics.h"

#include <assert.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <sys/resource.h>

#include "broker/gateway/routes.h"
#include "common/daemon.h"

static const int64_t bucket_ms[METRICS_BUCKETS] = {1, 5, 10, 25, 50, 100, 250, 1000, 5000, 30000};

void metrics_answered(struct metrics *metrics, const struct route *route, unsigned status,
                      int64_t took_ms)
{
    bool is_known = route >= routes && route < routes + n_routes;
    size_t class = status / 100 - 1;
    size_t bucket = 0;

    assert(n_routes <= METRICS_ROUTES_MAX && class < METRICS_CLASSES);
    if (!is_known && route != NULL) {
        return; /* of the operator's own address */
    }
    while (bucket < METRICS_BUCKETS && took_ms > bucket_ms[bucket]) {
        bucket++;
    }
    metrics->answers[is_known ? (size_t)(route - routes) : METRICS_ROUTES_MAX][class]++;
    metrics->took[bucket]++;
    metrics->took_ms += took_ms;
}

/* ---- writing ---- */

PRINTF_LIKE(2, 3)
static void put(struct jwriter *writer, const char *format, ...)
{
    char line[256];
    va_list args;

    va_start(args, format);
    int n = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    assert(n > 0 && (size_t)n < sizeof(line));
    jwriter_raw(writer, line, (size_t)n);
}

static void head(struct jwriter *writer, const char *name, const char *type, const char *help)
{
    put(writer, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void gauge(struct jwriter *writer, const char *name, const char *help, int64_t value)
{
    head(writer, name, "gauge", help);
    put(writer, "%s %" PRId64 "\n", name, value);
}

static void counter(struct jwriter *writer, const char *name, const char *help, uint64_t value)
{
    head(writer, name, "counter", help);
    put(writer, "%s %" PRIu64 "\n", name, value);
}

/* Milliseconds as seconds; 0 and less as 0. */
static void seconds(struct jwriter *writer, const char *name, const char *help, int64_t ms)
{
    ms = ms > 0 ? ms : 0;
    head(writer, name, "gauge", help);
    put(writer, "%s %" PRId64 ".%03d\n", name, ms / 1000, (int)(ms % 1000));
}

static void write_answers(struct jwriter *writer, const struct metrics *metrics)
{
    static const char *const methods[] = {"GET", "PUT", "POST", "PATCH", "other"};
    static const char name[] = "assay_gateway_requests_total";

    head(writer, name, "counter", "HTTP requests answered, by route and class of status.");
    for (size_t i = 0; i < n_routes; i++) {
        for (unsigned class = 0; class < METRICS_CLASSES; class ++) {
            if (metrics->answers[i][class] > 0) {
                put(writer, "%s{method=\"%s\",route=\"%s\",code=\"%uxx\"} %" PRIu64 "\n", name,
                    methods[routes[i].method], routes[i].pattern, class + 1,
                    metrics->answers[i][class]);
            }
        }
    }
    for (unsigned class = 0; class < METRICS_CLASSES; class ++) {
        put(writer, "%s{method=\"other\",route=\"none\",code=\"%uxx\"} %" PRIu64 "\n", name,
            class + 1, metrics->answers[METRICS_ROUTES_MAX][class]);
    }
}

static void write_times(struct jwriter *writer, const struct metrics *metrics)
{
    static const char name[] = "assay_gateway_request_duration_seconds";
    uint64_t n_answers = 0;

    head(writer, name, "histogram", "From the head of a request to its answer.");
    for (size_t i = 0; i < METRICS_BUCKETS; i++) {
        n_answers += metrics->took[i];
        put(writer, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name, (double)bucket_ms[i] / 1000,
            n_answers);
    }
    n_answers += metrics->took[METRICS_BUCKETS];
    put(writer, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, n_answers);
    put(writer, "%s_sum %" PRId64 ".%03d\n", name, metrics->took_ms / 1000,
        (int)(metrics->took_ms % 1000));
    put(writer, "%s_count %" PRIu64 "\n", name, n_answers);
}

static uint64_t count_files(void)
{
    uint64_t n_files = 0;
    DIR *folder = opendir("/proc/self/fd");

    if (folder == NULL) {
        return 0;
    }
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        n_files += entry->d_name[0] != '.';
    }
    closedir(folder);
    return n_files;
}

static void write_process(struct jwriter *writer)
{
    static const char cpu[] = "process_cpu_seconds_total";
    struct rusage usage = {0};

    getrusage(RUSAGE_SELF, &usage);
    int64_t cpu_ms = (int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
                     (int64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
    head(writer, cpu, "counter", "Processor time of the gateway.");
    put(writer, "%s %" PRId64 ".%03d\n", cpu, cpu_ms / 1000, (int)(cpu_ms % 1000));
    gauge(writer, "process_resident_memory_bytes", "Memory of the gateway.", daemon_memory_bytes());
    gauge(writer, "process_open_fds", "Open files and sockets of the gateway.",
          (int64_t)count_files());
}

static void write_gateway(struct jwriter *writer, const struct metrics *metrics,
                          uint64_t free_bytes)
{
    head(writer, "assay_build_info", "gauge", "The version of the gateway.");
    put(writer, "assay_build_info{version=\"%s\"} 1\n", ASSAY_VERSION);
    write_answers(writer, metrics);
    write_times(writer, metrics);
    gauge(writer, "assay_gateway_requests_open", "Requests without an answer yet.",
          (int64_t)metrics->n_open);
    counter(writer, "assay_gateway_upload_bytes_total", "Bytes of uploaded files that arrived.",
            metrics->upload_bytes);
    gauge(writer, "assay_gateway_disk_free_bytes", "Free space where uploads are written.",
          (int64_t)free_bytes);
    write_process(writer);
}

static void write_jobs(struct jwriter *writer, const struct wire_stats *broker)
{
    static const char name[] = "assay_broker_jobs";
    const struct {
        const char *lane;
        const char *state;
        uint64_t n_jobs;
    } rows[] = {
        {"live", "ready", broker->n_ready_live},       {"reveal", "ready", broker->n_ready_reveal},
        {"rescore", "ready", broker->n_ready_rescore}, {"all", "leased", broker->n_leased},
        {"all", "delayed", broker->n_delayed},         {"all", "parked", broker->n_parked},
    };

    head(writer, name, "gauge", "Jobs in the queue, by lane and state.");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        put(writer, "%s{lane=\"%s\",state=\"%s\"} %" PRIu64 "\n", name, rows[i].lane, rows[i].state,
            rows[i].n_jobs);
    }
}

static void write_outcomes(struct jwriter *writer, const struct wire_stats *broker)
{
    static const char results[] = "assay_broker_results_total";
    static const char refusals[] = "assay_broker_refusals_total";

    head(writer, results, "counter", "Results of workers since the broker's start, by outcome.");
    put(writer,
        "%s{outcome=\"recorded\"} %" PRIu64 "\n%s{outcome=\"failed\"} %" PRIu64
        "\n%s{outcome=\"stale\"} %" PRIu64 "\n%s{outcome=\"different\"} %" PRIu64 "\n",
        results, broker->n_recorded, results, broker->n_failed, results, broker->n_stale, results,
        broker->n_different);
    head(writer, refusals, "counter", "Requests refused since the broker's start, by reason.");
    put(writer,
        "%s{reason=\"busy\"} %" PRIu64 "\n%s{reason=\"quota\"} %" PRIu64
        "\n%s{reason=\"other\"} %" PRIu64 "\n",
        refusals, broker->n_refused_busy, refusals, broker->n_refused_quota, refusals,
        broker->n_refused_other);
}

static void write_broker(struct jwriter *writer, const struct wire_stats *broker)
{
    write_jobs(writer, broker);
    seconds(writer, "assay_broker_oldest_ready_seconds",
            "Age of the oldest submission that waits for a worker.", broker->oldest_ready_ms);
    gauge(writer, "assay_broker_workers", "Workers that ask for jobs or have some.",
          broker->n_workers);
    gauge(writer, "assay_broker_is_busy", "1 while new submissions are told to come back.",
          broker->is_busy);
    gauge(writer, "assay_broker_submissions", "Submissions in the store.",
          (int64_t)broker->n_submissions);
    counter(writer, "assay_broker_accepted_total", "Submissions accepted since the broker's start.",
            broker->n_accepted);
    write_outcomes(writer, broker);
    counter(writer, "assay_broker_leases_lost_total", "Leases lost since the broker's start.",
            broker->n_lost);
    counter(writer, "assay_broker_calls_total", "Calls of the store since the broker's start.",
            broker->n_calls);
    counter(writer, "assay_broker_commits_total", "Commits of these calls.", broker->n_commits);
    gauge(writer, "assay_broker_pending_requests", "Requests that wait for the store.",
          (int64_t)broker->n_pending);
    gauge(writer, "assay_broker_disk_free_bytes", "Free space at the database.",
          broker->disk_free_bytes);
    gauge(writer, "assay_broker_memory_bytes", "Resident memory of the broker.",
          broker->memory_bytes);
    seconds(writer, "assay_broker_uptime_seconds", "Since the broker's start.", broker->uptime_ms);
    seconds(writer, "assay_broker_last_backup_timestamp_seconds",
            "When the last backup was finished; 0 for none since the broker's start.",
            broker->backup_ms);
}

void metrics_write(struct jwriter *writer, const struct metrics *metrics, uint64_t free_bytes,
                   const struct wire_stats *broker)
{
    write_gateway(writer, metrics, free_bytes);
    gauge(writer, "assay_broker_up", "1 while the broker answers.", broker != NULL);
    if (broker != NULL) {
        write_broker(writer, broker);
    }
}
