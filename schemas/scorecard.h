/* SPDX-License-Identifier: MIT */
/*
 * The scorecard: every number of one evaluation, per split and group, and its JSON form
 * (scorecard.schema.json). A plain value over borrowed arrays; it computes nothing and its JSON is
 * the same bytes on every run.
 */
#pragma once

#include "common/jwriter.h"
#include "common/sha256.h"
#include "schemas/competition.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Every change of what a metric means makes a new version of the scoring rules. */
enum { SCORING_RULES = 1 };

enum card_split {
    CARD_PUBLIC,
    CARD_PRIVATE,
    CARD_ALL, /* public and private together */
};

enum { N_CARD_SPLITS = 3, CARD_BITS_ALL = 7 };

#define CARD_BIT(split) (1u << (split))

/* Metrics of a classification, in the order of the scorecard. */
enum topk_metric {
    TOP1_ACCURACY,
    TOP5_ACCURACY,
    TOP1_ERROR,
    TOP5_ERROR,
    MEAN_CLASS_TOP1_ACCURACY,
    MEAN_CLASS_TOP5_ACCURACY,
    N_TOPK_METRICS,
};

/* Metrics of a detection, in the order of pycocotools' summary. */
enum box_metric {
    BOX_AP,
    BOX_AP50,
    BOX_AP75,
    BOX_AP_SMALL,
    BOX_AP_MEDIUM,
    BOX_AP_LARGE,
    BOX_AR1,
    BOX_AR10,
    BOX_AR100,
    BOX_AR_SMALL,
    BOX_AR_MEDIUM,
    BOX_AR_LARGE,
    N_BOX_METRICS,
};

enum { METRICS_MAX = N_BOX_METRICS, CURVE_POINTS = 101 };

struct metric_info {
    const char *name; /* "top5_error" */
    const char *help;
    int task;  /* enum task */
    int index; /* enum topk_metric or enum box_metric */
    int k_min; /* guesses an image that it needs; 0 for a detection */
    bool is_higher_better;
};

/* The metrics of a task in the order of the scorecard; `count` is set. */
const struct metric_info *metric_table(size_t *count, enum task task);

/* The metric of that name and task, or NULL. */
const struct metric_info *metric_find(enum task task, const char *name);

/* A metric that has no ground truth has no value: its bit is 0 and its number means nothing. */
struct metric_values {
    double value[METRICS_MAX];
    uint32_t has; /* bit i: value[i] is there */
};

/* Sets a value. */
void metric_set(struct metric_values *values, unsigned index, double value);

/* True and the value where it is there. */
MUST_CHECK bool metric_get(double *value, const struct metric_values *values, unsigned index);

/*
 * The numbers of some classes: a super-category, a range of training counts. All are means over
 * the group's classes; the pooled share is top1_correct / images.
 */
struct scorecard_group {
    const char *name; /* borrowed */
    int64_t classes;  /* with ground truth in this split: those that enter the means */
    int64_t images;   /* with ground truth of these classes */
    struct metric_values metrics;
    int64_t top1_correct; /* classification */
    int64_t top5_correct;
};

/* Precision at IoU 0.5, area all, 100 boxes, at recall 0, 0.01, … 1: the mean over classes. */
struct scorecard_curve {
    const char *name; /* a super-category; "" for all classes */
    bool has_value;
    double auc; /* mean of the 101 points: the area under the curve */
    double precision[CURVE_POINTS];
};

struct scorecard_split {
    int64_t images;
    int64_t classes; /* with ground truth */
    struct metric_values metrics;
    int64_t top1_correct; /* classification */
    int64_t top5_correct;
    struct scorecard_group *groups; /* card->n_groups, by super-category */
    struct scorecard_group *bins;   /* card->n_bins, by number of training images */
    struct scorecard_curve *curves; /* card->n_curves */
};

struct scorecard {
    char competition[COMPETITION_ID_SIZE];
    enum task task;
    int64_t labels; /* version of the label set */
    uint8_t submission_sha256[SHA256_BYTES];
    int64_t submission_bytes;
    int64_t submission_rows;
    bool has_top5; /* classification: the submission has five columns or more */
    size_t n_groups;
    size_t n_bins;
    size_t n_curves;
    struct scorecard_split splits[N_CARD_SPLITS];
};

/*
 * Writes the scorecard with the splits whose CARD_BIT is set in `splits`.
 * Keys stand in a fixed order, doubles are the shortest decimals that read back to the same bits,
 * a metric without a value is null.
 */
void scorecard_write(struct jwriter *writer, const struct scorecard *card, unsigned splits);

/* True and the value; false where the task has no such metric or it has no ground truth. */
MUST_CHECK bool scorecard_metric(double *value, const struct scorecard *card, enum card_split split,
                                 const char *name);
