/* SPDX-License-Identifier: MIT */
/*
 * The list of workloads, and the folder that keeps them. A workload is made under another name and
 * renamed when it is whole, so that a stopped run leaves nothing half.
 */
#include "tests/bench/workload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"

/* Raise it when the generators change: the folder's name holds it. */
enum { GENERATION = 1 };

const struct workload workloads[] = {
    {"topk", WORKLOAD_TOPK, 182707, 0, 10, 0, 0.6, true},
    {"inat_small", WORKLOAD_INAT, 1000, 10, 0, 0, 0, true},
    {"coco5k", WORKLOAD_COCO, 5000, 100, 60, 100, 0, true},
    {"medium", WORKLOAD_INAT, 10000, 50, 0, 0, 0, false},
    {"full10", WORKLOAD_INAT, 95986, 10, 100, 150, 1, false},
    {"full100", WORKLOAD_INAT, 95986, 100, 500, 1000, 0.5, false},
};
const size_t n_workloads = ARRAY_SIZE(workloads);

FILE *workload_open(const char *folder, const char *name, struct err *err)
{
    char path[WORKLOAD_PATH_SIZE];

    if (!path_join(path, sizeof(path), folder, name, err)) {
        return NULL;
    }
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        err_set(err, ERR_SYSTEM, "open %s: %s", path, strerror(errno));
    }
    return file;
}

bool workload_close(FILE *file, const char *name, struct err *err)
{
    bool is_written = ferror(file) == 0;

    if (fclose(file) != 0 || !is_written) {
        return err_set(err, ERR_SYSTEM, "write %s: %s", name, strerror(errno));
    }
    return true;
}

static bool write_competition(const char *folder, const struct workload *workload, struct err *err)
{
    FILE *out = workload_open(folder, "competition.yaml", err);

    if (out == NULL) {
        return false;
    }
    if (workload->kind == WORKLOAD_TOPK) {
        fputs("competition: bench\ntask: classification\nmetric: top5_error\n"
              "submission: {format: topk, k: 5}\ncategories: categories.csv\n",
              out);
    } else {
        fputs("competition: bench\ntask: detection\nmetric: AP\nsubmission: {format: boxes}\n"
              "categories: categories.csv\n",
              out);
    }
    return workload_close(out, "competition.yaml", err);
}

static bool workload_make(const char *folder, const struct workload *workload, struct err *err)
{
    char part[WORKLOAD_PATH_SIZE];

    if (snprintf(part, sizeof(part), "%s.part", folder) >= (int)sizeof(part)) {
        return err_set(err, ERR_LIMIT, "path %s is too long", folder);
    }
    fprintf(stderr, "making workload %s\n", workload->name);
    bool ok = folder_make(part, 0755, err) && write_competition(part, workload, err) &&
              (workload->kind == WORKLOAD_TOPK ? workload_topk_write(part, workload->n_images, err)
                                               : workload_boxes_write(part, workload, err));
    if (ok && rename(part, folder) != 0) {
        return err_set(err, ERR_SYSTEM, "rename %s: %s", part, strerror(errno));
    }
    return ok;
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

bool workload_prepare(struct workload_files *files, const struct workload *workload,
                      const char *folder, bool with_json, struct err *err)
{
    bool is_topk = workload->kind == WORKLOAD_TOPK;
    char name[64];
    char own[WORKLOAD_PATH_SIZE];

    snprintf(name, sizeof(name), "%s-%d", workload->name, GENERATION);
    if (!path_join(own, sizeof(own), folder, name, err) ||
        !path_join(files->competition, sizeof(own), own, "competition.yaml", err) ||
        !path_join(files->categories, sizeof(own), own, "categories.csv", err) ||
        !path_join(files->submission, sizeof(own), own,
                   is_topk ? "submission.csv" : "predictions.csv", err) ||
        !path_join(files->labels, sizeof(own), own, is_topk ? "solution.csv" : ".", err) ||
        !path_join(files->truth_json, sizeof(own), own, "truth.json", err) ||
        !path_join(files->detections_json, sizeof(own), own, "detections.json", err)) {
        return false;
    }
    if (!is_there(own) && !workload_make(own, workload, err)) {
        return false;
    }
    return is_topk || !with_json || is_there(files->detections_json) ||
           workload_json_write(own, err);
}
