/* SPDX-License-Identifier: MIT */
/*
 * What a worker knows and nobody else: the images, the classes, and the true answers with their
 * splits. Read from the files that the organizer gives, held in one arena. Problems in them name
 * file, line and column, never a label.
 */
#pragma once

#include "common/problems.h"
#include "schemas/competition.h"
#include "scorer/data/catalog.h"
#include "scorer/metric/arrays.h"

struct labels {
    enum task task;
    struct catalog catalog;
    struct class_info classes;
    struct class_labels truth; /* with TASK_CLASSIFICATION */
    struct box_labels boxes;   /* with TASK_DETECTION */
    struct arena *arena;
};

struct labels_source {
    enum task task;
    const char *path;       /* the file or folder of --labels */
    const char *categories; /* the competition's categories file; NULL or "" without */
};

/*
 * Reads labels.
 *
 * Classification: a CSV file id,expected,usage, or a folder with it as solution.csv. Without a
 * categories file (the competition's, else the folder's categories.csv or classes.csv) the classes
 * are those of the solution and the catalog is open for others.
 * Detection: a COCO JSON file, all its images public; a folder with it as annotations.json and an
 * image list images.csv (id,usage); or a folder with ground_truth.csv, images.csv (image_id and
 * maybe usage) and categories.csv. The competition's categories file goes before those.
 *
 * Errors   ERR_INPUT   a file is missing or wrong: problems holds what was found
 *          ERR_LIMIT   a file or a count is too large
 *          ERR_SYSTEM  no memory, a read failed
 * Owns     *labels is owned by the caller; end it with labels_close
 */
MUST_CHECK bool labels_load(struct labels **labels, const struct labels_source *source,
                            struct problems *problems, struct err *err);

/* Accepts NULL and sets *labels to NULL. */
void labels_close(struct labels **labels);
