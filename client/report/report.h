/* SPDX-License-Identifier: MIT */
/*
 * The tables and figures of the iNaturalist 2017 paper for one submission: all numbers in one
 * value, which the forms (text, JSON, page) only write down.
 *
 *   table 3   top-1 and top-5 accuracy of both splits
 *   table 4   accuracy by super-category, beside the training images
 *   table 5   average precision by super-category
 *   table 6   the same boxes with finer and coarser classes, and those by the size of the object
 *   figure 2  training images of every class
 *   figure 5  accuracy of the classes, by their training images
 *   figure 6  precision and recall by super-category
 */
#pragma once

#include "schemas/scorecard.h"
#include "scorer/data/labels.h"
#include "scorer/data/submission.h"
#include "scorer/metric/boxplot.h"
#include "scorer/metric/groups.h"
#include "scorer/metric/openworld.h"
#include "scorer/metric/taxonomic.h"

#include <stdio.h>

struct report_options {
    enum card_split split;    /* of tables 4 to 6 and the figures */
    const char *train_counts; /* file with training images, NULL: those of the categories */
    bool is_single_instance;  /* detection: only images with exactly one true box */
    bool is_half_area;        /* detection: an object covers half of its box, whatever is given */
    bool has_unknown;         /* classification: there is a class for "none of the known" */
    int64_t unknown;          /* its id */
};

/* A row of table 4 or 5. */
struct report_group {
    const char *name;
    int64_t classes;
    int64_t images;
    double mean_train_images; /* over the group's classes that have a count; negative without */
    struct metric_values metrics;
};

/* A row of table 6. */
struct report_granularity {
    const char *name; /* NULL: there are no super-categories */
    size_t classes;   /* with ground truth */
    struct metric_values metrics;
};

enum { N_GRANULARITIES = 3 };

/* A box of figure 5. */
struct report_bin {
    const char *name;
    struct boxplot plot;
    const double *accuracy; /* top-1 of every class with images, ascending */
};

struct report {
    struct report_options options;
    const char *title; /* of the competition, its id where it has none */
    struct scorecard card;
    size_t n_groups;
    const struct report_group *groups; /* tables 4 and 5 */

    /* figure 2: of the classes that have a count, most first */
    size_t n_train;
    const int64_t *train_images;
    int64_t train_images_all;

    /* classification */
    bool has_bins;
    struct report_bin bins[N_TRAIN_BINS]; /* figure 5 */
    struct taxonomy taxonomy;             /* n_ranks is 0 without */
    struct taxonomic_counts taxonomic[N_CARD_SPLITS];
    struct open_world open_world[N_CARD_SPLITS]; /* with options.has_unknown */

    /* detection */
    bool has_granularities;
    struct report_granularity granularities[N_GRANULARITIES];
    size_t n_images_filtered; /* left out by the single-instance rule */
};

struct report_source {
    const struct competition *competition;
    const struct labels *labels;
    const struct submission *submission;
    const char *categories; /* the file with the ranks, NULL without */
    size_t n_threads;
};

/*
 * Computes everything.
 *
 *   report    out; card.labels and card.submission_* are the caller's to fill in
 *   problems  what is wrong with the categories or the training counts
 *
 * Errors   ERR_INPUT   one of those files is wrong
 *          ERR_CONFIG  the unknown class is not among the classes
 *          ERR_LIMIT, ERR_SYSTEM  memory
 * Owns     everything is borrowed from `arena`, the labels and the submission
 */
MUST_CHECK bool report_make(struct report *report, const struct report_source *source,
                            const struct report_options *options, struct problems *problems,
                            struct arena *arena, struct err *err);

/* The training images that half of the classes have at least, of those that have a count. */
double report_median_count(const struct report *report);

/* The share of all training images that the 1 % of the classes with the most have. */
double report_top_share(const struct report *report);

/* Whether a figure can be drawn from these numbers. */
bool report_has_figure(const struct report *report, int figure);

/* Tables for people. Errors: ERR_SYSTEM (no memory). */
MUST_CHECK bool report_write_text(const struct report *report, FILE *out, struct err *err);

void report_write_json(struct jwriter *writer, const struct report *report);

/* One page of HTML with the figures in it; `note` tells why there are none, or is NULL. */
struct figures;
MUST_CHECK bool report_write_page(const struct report *report, const struct figures *figures,
                                  const char *note, FILE *out, struct err *err);
