/* SPDX-License-Identifier: MIT */
/*
 * The inputs of the benchmark: seeded files with the shapes of iNaturalist 2017 and COCO 2017, made
 * once and kept in a folder. The same seed gives the same files.
 */
#pragma once

#include "common/err.h"

#include <stdio.h>

enum workload_kind {
    WORKLOAD_TOPK, /* 5,089 classes in 13 super-classes, k = 5 */
    WORKLOAD_INAT, /* 2,854 classes in 9 super-classes, few boxes an image, all of one class */
    WORKLOAD_COCO, /* 80 classes in 12 super-categories, many boxes an image, crowds */
};

struct workload {
    const char *name;
    enum workload_kind kind;
    size_t n_images;
    size_t n_boxes;    /* detections an image, at most */
    double budget_ms;  /* CSV file to scorecard; 0 where none is set */
    double budget_mb;  /* peak memory */
    double hash_share; /* of sha256sum's time on the same file, 0 where none is set */
    bool is_quick;
};

extern const struct workload workloads[];
extern const size_t n_workloads;

enum { WORKLOAD_PATH_SIZE = 4096 };

/* What a workload consists of, as paths. */
struct workload_files {
    char competition[WORKLOAD_PATH_SIZE];
    char submission[WORKLOAD_PATH_SIZE];
    char categories[WORKLOAD_PATH_SIZE];
    char labels[WORKLOAD_PATH_SIZE];          /* a file (top-k) or a folder (detection) */
    char truth_json[WORKLOAD_PATH_SIZE];      /* the same in COCO's JSON, for other engines */
    char detections_json[WORKLOAD_PATH_SIZE]; /* … and its result format */
};

/*
 * Makes sure that the files are there, in `folder`/NAME; nothing is done where an earlier run made
 * them.
 *
 *   with_json  also the JSON forms of a detection workload
 *
 * Errors     ERR_SYSTEM  a file cannot be written
 */
MUST_CHECK bool workload_prepare(struct workload_files *files, const struct workload *workload,
                                 const char *folder, bool with_json, struct err *err);

/* Opens `folder`/`name` to write; NULL with err filled. */
FILE *workload_open(const char *folder, const char *name, struct err *err);

/* Closes a file and sees that all of it was written. */
MUST_CHECK bool workload_close(FILE *file, const char *name, struct err *err);

/* Writes submission.csv, solution.csv and categories.csv. */
MUST_CHECK bool workload_topk_write(const char *folder, size_t n_images, struct err *err);

/* Writes images.csv, categories.csv, ground_truth.csv and predictions.csv. */
MUST_CHECK bool workload_boxes_write(const char *folder, const struct workload *workload,
                                     struct err *err);

/* Writes truth.json and detections.json from the CSV files, numbers with the same decimals. */
MUST_CHECK bool workload_json_write(const char *folder, struct err *err);
