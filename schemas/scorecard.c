/* SPDX-License-Identifier: MIT */
/*
 * The scorecard's table of metrics and its JSON form. See the header.
 */
#include "schemas/scorecard.h"

#include <assert.h>
#include <string.h>

#include "common/text.h"

#define CLASSIFICATION(i, metric_name, k, is_higher, text)                                         \
    {                                                                                              \
        .name = (metric_name), .help = (text), .task = TASK_CLASSIFICATION, .index = (i),          \
        .k_min = (k), .is_higher_better = (is_higher)                                              \
    }
#define DETECTION(i, metric_name, text)                                                            \
    {                                                                                              \
        .name = (metric_name), .help = (text), .task = TASK_DETECTION, .index = (i),               \
        .is_higher_better = true                                                                   \
    }

static const struct metric_info topk_metrics[N_TOPK_METRICS] = {
    CLASSIFICATION(TOP1_ACCURACY, "top1_accuracy", 1, true,
                   "share of images whose first guess is right"),
    CLASSIFICATION(TOP5_ACCURACY, "top5_accuracy", 5, true,
                   "share of images right within five guesses"),
    CLASSIFICATION(TOP1_ERROR, "top1_error", 1, false,
                   "share of images whose first guess is wrong"),
    CLASSIFICATION(TOP5_ERROR, "top5_error", 5, false, "share of images wrong in all five guesses"),
    CLASSIFICATION(MEAN_CLASS_TOP1_ACCURACY, "mean_class_top1_accuracy", 1, true,
                   "mean over classes of their top-1 accuracy"),
    CLASSIFICATION(MEAN_CLASS_TOP5_ACCURACY, "mean_class_top5_accuracy", 5, true,
                   "mean over classes of their top-5 accuracy"),
};

static const struct metric_info box_metrics[N_BOX_METRICS] = {
    DETECTION(BOX_AP, "AP", "average precision, mean of IoU 0.50 to 0.95"),
    DETECTION(BOX_AP50, "AP50", "average precision at IoU 0.50"),
    DETECTION(BOX_AP75, "AP75", "average precision at IoU 0.75"),
    DETECTION(BOX_AP_SMALL, "AP_small", "AP of objects up to 32 x 32 pixels"),
    DETECTION(BOX_AP_MEDIUM, "AP_medium", "AP of objects of 32 x 32 to 96 x 96 pixels"),
    DETECTION(BOX_AP_LARGE, "AP_large", "AP of objects from 96 x 96 pixels"),
    DETECTION(BOX_AR1, "AR1", "average recall with 1 box per image and class"),
    DETECTION(BOX_AR10, "AR10", "average recall with 10 boxes per image and class"),
    DETECTION(BOX_AR100, "AR100", "average recall with 100 boxes per image and class"),
    DETECTION(BOX_AR_SMALL, "AR_small", "AR100 of objects up to 32 x 32 pixels"),
    DETECTION(BOX_AR_MEDIUM, "AR_medium", "AR100 of objects of 32 x 32 to 96 x 96 pixels"),
    DETECTION(BOX_AR_LARGE, "AR_large", "AR100 of objects from 96 x 96 pixels"),
};

const struct metric_info *metric_table(size_t *count, enum task task)
{
    switch (task) {
    case TASK_CLASSIFICATION:
        *count = N_TOPK_METRICS;
        return topk_metrics;
    case TASK_DETECTION:
        *count = N_BOX_METRICS;
        return box_metrics;
    }
    *count = 0;
    return NULL;
}

const struct metric_info *metric_find(enum task task, const char *name)
{
    size_t count;
    const struct metric_info *table = metric_table(&count, task);

    for (size_t i = 0; i < count; i++) {
        assert((size_t)table[i].index == i);
        if (strcmp(table[i].name, name) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

void metric_set(struct metric_values *values, unsigned index, double value)
{
    assert(index < METRICS_MAX);
    values->value[index] = value;
    values->has |= 1u << index;
}

bool metric_get(double *value, const struct metric_values *values, unsigned index)
{
    assert(index < METRICS_MAX);
    if ((values->has >> index & 1) == 0) {
        return false;
    }
    *value = values->value[index];
    return true;
}

bool scorecard_metric(double *value, const struct scorecard *card, enum card_split split,
                      const char *name)
{
    const struct metric_info *info = metric_find(card->task, name);

    return info != NULL && metric_get(value, &card->splits[split].metrics, (unsigned)info->index);
}

static void write_metrics(struct jwriter *writer, const struct scorecard *card,
                          const struct metric_values *values)
{
    size_t count;
    const struct metric_info *table = metric_table(&count, card->task);

    jwriter_key(writer, "metrics");
    jwriter_object(writer);
    for (size_t i = 0; i < count; i++) {
        double value;
        jwriter_key(writer, table[i].name);
        if (metric_get(&value, values, (unsigned)i)) {
            jwriter_double(writer, value);
        } else {
            jwriter_null(writer);
        }
    }
    jwriter_object_end(writer);
}

static void write_correct(struct jwriter *writer, const struct scorecard *card, int64_t top1,
                          int64_t top5)
{
    if (card->task != TASK_CLASSIFICATION) {
        return;
    }
    jwriter_key_int(writer, "top1_correct", top1);
    jwriter_key(writer, "top5_correct");
    if (card->has_top5) {
        jwriter_int(writer, top5);
    } else {
        jwriter_null(writer);
    }
}

static void write_groups(struct jwriter *writer, const struct scorecard *card, const char *key,
                         const struct scorecard_group *groups, size_t n_groups)
{
    jwriter_key(writer, key);
    jwriter_object(writer);
    for (size_t i = 0; i < n_groups; i++) {
        const struct scorecard_group *group = &groups[i];
        jwriter_key(writer, group->name);
        jwriter_object(writer);
        jwriter_key_int(writer, "classes", group->classes);
        jwriter_key_int(writer, "images", group->images);
        write_metrics(writer, card, &group->metrics);
        jwriter_key(writer, "counts");
        jwriter_object(writer);
        write_correct(writer, card, group->top1_correct, group->top5_correct);
        jwriter_object_end(writer);
        jwriter_object_end(writer);
    }
    jwriter_object_end(writer);
}

static void write_curve(struct jwriter *writer, const struct scorecard_curve *curve)
{
    if (!curve->has_value) {
        jwriter_null(writer);
        return;
    }
    jwriter_object(writer);
    jwriter_key(writer, "auc");
    jwriter_double(writer, curve->auc);
    jwriter_key(writer, "precision");
    jwriter_array(writer);
    for (size_t i = 0; i < CURVE_POINTS; i++) {
        jwriter_double(writer, curve->precision[i]);
    }
    jwriter_array_end(writer);
    jwriter_object_end(writer);
}

static void write_curves(struct jwriter *writer, const struct scorecard *card,
                         const struct scorecard_split *split)
{
    jwriter_key(writer, "curves");
    jwriter_object(writer);
    if (card->n_curves > 0) {
        jwriter_key(writer, "precision_iou50");
        jwriter_object(writer);
        jwriter_key(writer, "all");
        write_curve(writer, &split->curves[0]);
        jwriter_key(writer, "supercategory");
        jwriter_object(writer);
        for (size_t i = 1; i < card->n_curves; i++) {
            jwriter_key(writer, split->curves[i].name);
            write_curve(writer, &split->curves[i]);
        }
        jwriter_object_end(writer);
        jwriter_object_end(writer);
    }
    jwriter_object_end(writer);
}

static void write_split(struct jwriter *writer, const struct scorecard *card,
                        const struct scorecard_split *split)
{
    jwriter_object(writer);
    jwriter_key_int(writer, "images", split->images);
    write_metrics(writer, card, &split->metrics);
    jwriter_key(writer, "counts");
    jwriter_object(writer);
    write_correct(writer, card, split->top1_correct, split->top5_correct);
    jwriter_key_int(writer, "classes", split->classes);
    jwriter_object_end(writer);
    jwriter_key(writer, "groups");
    jwriter_object(writer);
    write_groups(writer, card, "supercategory", split->groups, card->n_groups);
    write_groups(writer, card, "train_images", split->bins, card->n_bins);
    jwriter_object_end(writer);
    write_curves(writer, card, split);
    jwriter_object_end(writer);
}

static void write_submission(struct jwriter *writer, const struct scorecard *card)
{
    char hex[SHA256_HEX_SIZE];

    hex_text(hex, card->submission_sha256, SHA256_BYTES);
    jwriter_key(writer, "submission");
    jwriter_object(writer);
    jwriter_key_text(writer, "sha256", hex);
    jwriter_key_int(writer, "bytes", card->submission_bytes);
    jwriter_key_int(writer, "rows", card->submission_rows);
    jwriter_object_end(writer);
}

void scorecard_write(struct jwriter *writer, const struct scorecard *card, unsigned splits)
{
    static const char *const names[N_CARD_SPLITS] = {"public", "private", "all"};

    jwriter_object(writer);
    jwriter_key_text(writer, "schema", "assay/scorecard/1");
    jwriter_key_text(writer, "competition", card->competition);
    jwriter_key_text(writer, "task",
                     card->task == TASK_CLASSIFICATION ? "classification" : "detection");
    jwriter_key_int(writer, "rules", SCORING_RULES);
    jwriter_key_int(writer, "labels", card->labels);
    write_submission(writer, card);
    jwriter_key(writer, "splits");
    jwriter_object(writer);
    for (unsigned split = 0; split < N_CARD_SPLITS; split++) {
        if ((splits & CARD_BIT(split)) != 0) {
            jwriter_key(writer, names[split]);
            write_split(writer, card, &card->splits[split]);
        }
    }
    jwriter_object_end(writer);
    jwriter_object_end(writer);
}
