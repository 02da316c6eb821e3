/* SPDX-License-Identifier: MIT */
/*
 * Measuring and printing. See the header.
 */
#include "tests/bench/report.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/jdoc.h"
#include "tests/bench/floor.h"
#include "tests/bench/peers.h"
#include "tests/bench/phases.h"

enum { OUTPUT_MAX = 64 << 20, OURS_MAX_S = 600 };

static double memory_bytes(void)
{
    return (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
}

static struct measure_limits limits_of(size_t limit_s, size_t n_runs)
{
    return (struct measure_limits){.n_runs = n_runs,
                                   .wall_s = (double)limit_s,
                                   .memory_bytes = (size_t)(0.9 * memory_bytes())};
}

/* One line of /proc/cpuinfo, behind its colon. */
static void cpu_fact(char *fact, size_t size, const char *key)
{
    char line[256];
    FILE *info = fopen("/proc/cpuinfo", "re");

    snprintf(fact, size, "?");
    while (info != NULL && fgets(line, sizeof(line), info) != NULL) {
        char *colon = strchr(line, ':');
        if (colon != NULL && strncmp(line, key, strlen(key)) == 0) {
            line[strcspn(line, "\n")] = '\0';
            snprintf(fact, size, "%s", colon + 1 + strspn(colon + 1, " "));
            break;
        }
    }
    if (info != NULL) {
        fclose(info);
    }
}

static void print_machine(void)
{
    char vendor[64];
    char family[64];

    cpu_fact(vendor, sizeof(vendor), "vendor_id");
    cpu_fact(family, sizeof(family), "cpu family");
    printf("%ld cores (%s family %s), %.0f GB of memory; medians, files in the page cache.\n\n",
           sysconf(_SC_NPROCESSORS_ONLN), vendor, family, memory_bytes() / 1e9);
}

static double file_mb(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 ? (double)info.st_size / 1e6 : 0;
}

static bool is_wanted(const struct bench *bench, const struct workload *workload)
{
    return bench->only != NULL ? bench->only == workload : !bench->is_quick || workload->is_quick;
}

static size_t runs_for(const struct bench *bench, const struct workload_files *files)
{
    if (bench->n_runs > 0) {
        return bench->n_runs;
    }
    return file_mb(files->submission) > 100 ? 5 : 15;
}

static bool measure_ours(struct measure *measure, const struct bench *bench,
                         const struct workload_files *files, struct err *err)
{
    const char *argv[] = {bench->assay, "score",       files->competition, files->submission,
                          "--labels",   files->labels, "--json",           NULL};
    struct measure_limits limits = limits_of(OURS_MAX_S, runs_for(bench, files));

    return measure_program(measure, argv, bench->output, &limits, err);
}

static bool measure_hash(struct measure *measure, const struct bench *bench,
                         const struct workload_files *files, struct err *err)
{
    const char *argv[] = {"/usr/bin/sha256sum", files->submission, NULL};
    struct measure_limits limits = limits_of(OURS_MAX_S, runs_for(bench, files));

    return measure_program(measure, argv, bench->output, &limits, err);
}

/* A number with its limit, and whether it is kept: "8.1 of 10", "12 of 10 (!)". */
static void print_limit(int decimals, double value, double limit)
{
    char number[32];
    char bound[32];
    char cell[80];

    snprintf(number, sizeof(number), "%.*f", decimals, value);
    snprintf(bound, sizeof(bound), "%.*f", decimals, limit);
    if (limit > 0) {
        snprintf(cell, sizeof(cell), "%s of %s%s", number, bound, value > limit ? " (!)" : "");
    } else {
        snprintf(cell, sizeof(cell), "%s", number);
    }
    printf(" %-18s |", cell);
}

static bool report_workload(const struct bench *bench, const struct workload *workload,
                            struct err *err)
{
    struct workload_files files;
    struct measure ours;
    struct measure hash;
    struct floor floor;

    if (!workload_prepare(&files, workload, bench->folder, false, err) ||
        !measure_hash(&hash, bench, &files, err) ||
        !floor_measure(&floor, files.submission, runs_for(bench, &files), err) ||
        !measure_ours(&ours, bench, &files, err)) {
        return false;
    }
    printf("| %-10s | %6.1f |", workload->name, file_mb(files.submission));
    if (ours.is_stopped) {
        printf(" %-18s | %8s | %8s | %-18s |", "failed", "", "", "");
    } else {
        print_limit(1, ours.wall_ms, workload->budget_ms);
        printf(" %8.1f | %8.1f |", ours.best_ms, ours.cpu_ms);
        print_limit(1, ours.peak_mb, workload->budget_mb);
    }
    printf(" %8.1f |", hash.wall_ms);
    print_limit(2, ours.is_stopped ? 0 : ours.wall_ms / hash.wall_ms, workload->hash_share);
    printf(" %8.2f | %8.2f |\n", floor.touch_ms, floor.separate_ms);
    fflush(stdout);
    return true;
}

bool report_ours(const struct bench *bench, struct err *err)
{
    print_machine();
    printf("`assay score`, whole process, CSV file to scorecard; \"of\" names the budget:\n\n");
    printf(
        "| workload   | CSV MB | wall ms            |  best ms |   CPU ms | peak MB            | "
        "hash ms  | of hash            | touch ms | split ms |\n"
        "|------------|--------|--------------------|----------|----------|--------------------|"
        "----------|--------------------|----------|----------|\n");
    for (size_t i = 0; i < n_workloads; i++) {
        if (is_wanted(bench, &workloads[i]) && !report_workload(bench, &workloads[i], err)) {
            return false;
        }
    }
    printf("\nhash: `sha256sum` of the same file. touch: one sum over its bytes. split: finding "
           "every comma and line end. The last two on one thread, the file mapped.\n");
    return true;
}

static bool report_phases_of(const struct bench *bench, const struct workload *workload,
                             struct err *err)
{
    struct workload_files files;
    struct phases phases;

    if (!workload_prepare(&files, workload, bench->folder, false, err) ||
        !phases_measure(&phases, &files, runs_for(bench, &files), err)) {
        return false;
    }
    printf("| %-10s | %9.2f | %9.2f | %9.2f | %8.1f | %9.2f | %9.2f | %9.0f |\n", workload->name,
           phases.labels_ms, phases.read_ms, phases.libcsv_ms, phases.libcsv_ms / phases.read_ms,
           phases.score_ms, phases.rescore_ms, 1e3 / phases.rescore_ms);
    fflush(stdout);
    return true;
}

bool report_phases(const struct bench *bench, struct err *err)
{
    printf("\nInside one process, one thread but for the labels:\n\n"
           "| workload   | labels ms | read ms   | libcsv ms | x libcsv | score ms  | rescore ms "
           "| rescores/s |\n"
           "|------------|-----------|-----------|-----------|----------|-----------|-----------"
           "|-----------|\n");
    for (size_t i = 0; i < n_workloads; i++) {
        if (is_wanted(bench, &workloads[i]) && !report_phases_of(bench, &workloads[i], err)) {
            return false;
        }
    }
    printf("\nread: the submission to columns. libcsv: the same fields found by libcsv, converted "
           "and looked up by the same functions. score: columns to scorecard. rescore: a stored "
           "column block, checked and scored.\n");
    return true;
}

/* The score in what a program printed: {"score": …} of others, the metric of our scorecard. */
static bool read_score(double *score, const char *path, const char *metric)
{
    struct bytes text = {0};
    struct jdoc *doc = NULL;
    struct err err;

    bool ok = file_read(&text, path, OUTPUT_MAX, &err) &&
              jdoc_open(&doc, text.data, text.size_bytes, &err);
    if (ok) {
        const struct jvalue *root = jdoc_root(doc);
        const struct jvalue *splits = jvalue_member(root, "splits");
        const struct jvalue *metrics = jvalue_member(jvalue_member(splits, "all"), "metrics");
        ok = jvalue_double(score, splits == NULL ? jvalue_member(root, "score")
                                                 : jvalue_member(metrics, metric));
    }
    jdoc_close(&doc);
    bytes_free(&text);
    return ok;
}

static bool report_peer(const struct bench *bench, const struct peer *peer,
                        const struct workload *workload, const struct workload_files *files,
                        const struct measure *ours, double our_score, struct err *err)
{
    struct measure_limits limits = limits_of(bench->limit_s, 3);
    struct measure measure;
    const char *argv[5];
    double score;

    printf("| %-10s | %-16s |", workload->name, peer->name);
    if (peer_bytes(peer, workload) > 0.8 * memory_bytes()) {
        printf(" too large: needs about %.0f GB | | | | | |\n", peer_bytes(peer, workload) / 1e9);
        return true;
    }
    if (peer_seconds(peer, workload) > (double)bench->limit_s) {
        printf(" too long: needs about %.0f s | | | | | |\n", peer_seconds(peer, workload));
        return true;
    }
    fflush(stdout);
    peer_command(argv, peer, workload, files);
    if (!measure_program(&measure, argv, bench->output, &limits, err)) {
        return false;
    }
    if (measure.is_late) {
        printf(" too long: over %zu s | | | | | |\n", bench->limit_s);
        return true;
    }
    if (measure.is_stopped || !read_score(&score, bench->output, NULL)) {
        printf(" failed, at a peak of %.0f MB | | | | | |\n", measure.peak_mb);
        return true;
    }
    printf(" %9.2f | %8.2f | %8.0f | %8.0f | %8.0f | %.3g |\n", measure.wall_ms / 1e3,
           measure.cpu_ms / 1e3, measure.peak_mb, measure.wall_ms / ours->wall_ms,
           measure.cpu_ms / ours->cpu_ms, fabs(score - our_score));
    fflush(stdout);
    return true;
}

static bool report_peers_of(const struct bench *bench, const struct workload *workload,
                            struct err *err)
{
    const char *metric = workload->kind == WORKLOAD_TOPK ? "top5_accuracy" : "AP";
    struct workload_files files;
    struct measure ours;
    double our_score;

    if (!workload_prepare(&files, workload, bench->folder, true, err) ||
        !measure_ours(&ours, bench, &files, err)) {
        return false;
    }
    if (ours.is_stopped || !read_score(&our_score, bench->output, metric)) {
        return err_set(err, ERR_PEER, "assay score failed on %s", workload->name);
    }
    printf("| %-10s | %-16s | %9.4f | %8.4f | %8.0f | %8s | %8s | |\n", workload->name, "**assay**",
           ours.wall_ms / 1e3, ours.cpu_ms / 1e3, ours.peak_mb, "1", "1");
    for (size_t i = 0; i < n_peers; i++) {
        if (peer_is_ready(&peers[i], workload) &&
            !report_peer(bench, &peers[i], workload, &files, &ours, our_score, err)) {
            return false;
        }
    }
    return true;
}

bool report_peers(const struct bench *bench, struct err *err)
{
    bool is_any = false;

    for (size_t i = 0; i < n_workloads; i++) {
        for (size_t j = 0; j < n_peers; j++) {
            is_any = is_any || peer_is_ready(&peers[j], &workloads[i]);
        }
    }
    if (!is_any) {
        printf("\nNo other engine is installed; `./dev peers` installs them.\n");
        return true;
    }
    printf(
        "\nOthers on the same data, whole process (Python start, reading, scoring):\n\n"
        "| workload   | engine           | wall s    | CPU s    | peak MB  | x wall   | x CPU    "
        "| score differs by |\n"
        "|------------|------------------|-----------|----------|----------|----------|----------"
        "|------------------|\n");
    for (size_t i = 0; i < n_workloads; i++) {
        if (is_wanted(bench, &workloads[i]) && !report_peers_of(bench, &workloads[i], err)) {
            return false;
        }
    }
    printf("\nDetection engines read JSON, ours reads CSV: the same decimals. Score: AP, or top-5 "
           "accuracy.\n");
    return true;
}
