/* SPDX-License-Identifier: MIT */
/*
 * assay-bench: makes its workloads, runs `assay score` on them, measures what the bytes alone cost,
 * and runs the other engines on the same data. Prints Markdown tables of medians.
 */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "scorer/data/number.h"
#include "tests/bench/report.h"

static const struct argp_option options[] = {
    {"quick", 'q', NULL, 0, "only the first budget, inat_small and coco5k, only ours", 0},
    {"runs", 'n', "N", 0, "how often ours runs (default: 15, 5 above 100 MB)", 0},
    {"limit", 'l', "SECONDS", 0, "leave out another engine's run that takes longer (default: 900)",
     0},
    {0},
};

static const struct workload *find_workload(const char *name)
{
    for (size_t i = 0; i < n_workloads; i++) {
        if (strcmp(workloads[i].name, name) == 0) {
            return &workloads[i];
        }
    }
    return NULL;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct bench *bench = state->input;
    int64_t number;

    switch (key) {
    case 'q':
        bench->is_quick = true;
        return 0;
    case 'n':
    case 'l':
        if (number_int64(&number, text, strlen(text)) != NUMBER_OK || number < 1 ||
            number > (key == 'n' ? MEASURE_RUNS_MAX : 100000)) {
            argp_error(state, "'%s' is out of range", text);
            return EINVAL;
        }
        *(key == 'n' ? &bench->n_runs : &bench->limit_s) = (size_t)number;
        return 0;
    case ARGP_KEY_ARG:
        if (bench->only != NULL) {
            argp_error(state, "one workload at a time, or none for all: '%s', '%s'",
                       bench->only->name, text);
            return EINVAL;
        }
        bench->only = find_workload(text);
        if (bench->only == NULL) {
            argp_error(state, "no workload '%s'", text);
            return EINVAL;
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* The folder of this program, and beside it the one of the workloads. */
static bool find_folders(struct bench *bench, struct err *err)
{
    char self[WORKLOAD_PATH_SIZE];
    char bin[WORKLOAD_PATH_SIZE];
    char build[WORKLOAD_PATH_SIZE];
    ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (size < 0) {
        return err_set(err, ERR_SYSTEM, "read /proc/self/exe: %s", strerror(errno));
    }
    self[size] = '\0';
    return path_folder(bin, sizeof(bin), self, err) &&
           path_folder(build, sizeof(build), bin, err) &&
           path_join(bench->assay, sizeof(bench->assay), bin, "assay", err) &&
           path_join(bench->folder, sizeof(bench->folder), build, "bench", err) &&
           path_join(bench->output, sizeof(bench->output), bench->folder, "output", err) &&
           folder_make(bench->folder, 0755, err);
}

int main(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse_option,
        "[WORKLOAD]",
        "Measures Assay's scoring: whole processes, the cost of the bytes alone, and other engines "
        "on the same data where ./dev peers installed them. The workloads are made on the first "
        "run and kept in the build folder; all of them need 2 GB.",
        NULL,
        NULL,
        NULL};
    struct bench bench = {.limit_s = 900};
    struct err err;

    if (argp_parse(&argp, argc, argv, 0, NULL, &bench) != 0) {
        return 2;
    }
    if (!find_folders(&bench, &err) || !report_ours(&bench, &err) ||
        (!bench.is_quick && (!report_phases(&bench, &err) || !report_peers(&bench, &err)))) {
        fprintf(stderr, "assay-bench: %s\n", err.text);
        return 1;
    }
    return 0;
}
