/* SPDX-License-Identifier: MIT */
/*
 * Reads a submission: untrusted bytes to the columns that metrics work on, or to the list of all
 * that is wrong with them. Texts of problems are built from the submission's own bytes and from the
 * image and class lists; labels are not known here. A reader locked in by seccomp can call it: with
 * one thread it needs read(2), anonymous memory and nothing else.
 */
#pragma once

#include "common/problems.h"
#include "schemas/competition.h"
#include "scorer/data/catalog.h"
#include "scorer/metric/arrays.h"

struct submission_form {
    enum submission_format format;
    size_t k; /* FORMAT_TOPK: 1 to TOPK_K_MAX */
    const struct submission_columns *columns;
    const struct prediction_form *prediction; /* FORMAT_PREDICTION_STRING */
};

struct submission_source {
    struct submission_form form;
    const struct catalog *catalog; /* open images: ids are not looked up, no columns are made */

    /* The bytes, packed or not: of a descriptor that stands at its first one, where data is NULL;
     * else of memory. */
    int fd;
    const void *data;
    size_t size;

    size_t unpacked_max; /* bytes that a packed file (gzip, zstd, zip) may hold */

    /* Above 1: a regular file is read in parts by so many threads, with pread(2). Neither columns
     * nor problems depend on it. */
    size_t n_threads;
    size_t part_bytes; /* the least size of a part; 0: a sensible one */
};

struct submission {
    uint64_t n_rows;          /* of the file; FORMAT_PREDICTION_STRING: boxes */
    struct topk_columns topk; /* FORMAT_TOPK */
    struct box_columns boxes; /* the other formats */
};

/*
 * Reads a whole submission.
 *
 *   problems  out, all that is wrong in the order of the file; ids that are missing come last
 *
 * Errors   ERR_INPUT   the submission is invalid: problems is not empty
 *          ERR_CONFIG  the form needs what the catalog lacks: a class where the form has no label,
 *                      sizes of images where coordinates are normalized
 *          ERR_LIMIT   the arena's limit: the job is too large for this reader
 *          ERR_SYSTEM  no memory, a read failed
 * Owns     the columns belong to `arena`
 */
MUST_CHECK bool submission_read(struct submission *submission,
                                const struct submission_source *source, struct arena *arena,
                                struct problems *problems, struct err *err);
