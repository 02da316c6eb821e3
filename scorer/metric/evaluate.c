/* SPDX-License-Identifier: MIT */
/*
 * Scorecards: counts and numbers of the classes, added up over splits and groups.
 */
#include "scorer/metric/evaluate.h"

#include <assert.h>

#include "scorer/metric/detection.h"
#include "scorer/metric/groups.h"
#include "scorer/metric/topk.h"

/* Classes added up: pooled counts, and sums of the classes' own shares in the order of classes. */
struct topk_sum {
    int64_t classes;
    int64_t images;
    int64_t top1;
    int64_t top5;
    double top1_shares;
    double top5_shares;
};

static struct topk_count count_of(const struct topk_counts *counts, enum card_split split,
                                  size_t category)
{
    const struct topk_count *shown = &counts->classes[SPLIT_PUBLIC][category];
    const struct topk_count *hidden = &counts->classes[SPLIT_PRIVATE][category];

    switch (split) {
    case CARD_PUBLIC:
        return *shown;
    case CARD_PRIVATE:
        return *hidden;
    case CARD_ALL:
        break;
    }
    return (struct topk_count){.images = shown->images + hidden->images,
                               .top1 = shown->top1 + hidden->top1,
                               .top5 = shown->top5 + hidden->top5};
}

/* A class as a sum of one; it must have images. */
static struct topk_sum sum_of(const struct topk_count *count)
{
    double images = (double)count->images;

    return (struct topk_sum){
        .classes = 1,
        .images = count->images,
        .top1 = count->top1,
        .top5 = count->top5,
        .top1_shares = (double)count->top1 / images,
        .top5_shares = (double)count->top5 / images,
    };
}

static void sum_add(struct topk_sum *sum, const struct topk_sum *more)
{
    sum->classes += more->classes;
    sum->images += more->images;
    sum->top1 += more->top1;
    sum->top5 += more->top5;
    sum->top1_shares += more->top1_shares;
    sum->top5_shares += more->top5_shares;
}

static void set_pair(struct metric_values *values, bool has_top5, enum topk_metric top1,
                     double value1, enum topk_metric top5, double value5)
{
    metric_set(values, top1, value1);
    if (has_top5) {
        metric_set(values, top5, value5);
    }
}

/* All images of a split: shares of images, and the means over classes beside them. */
static void split_set(struct scorecard_split *split, const struct topk_sum *sum, bool has_top5)
{
    double images = (double)sum->images;
    double classes = (double)sum->classes;
    struct metric_values *values = &split->metrics;

    split->images = sum->images;
    split->classes = sum->classes;
    split->top1_correct = sum->top1;
    split->top5_correct = sum->top5;
    if (sum->images == 0) {
        return;
    }
    set_pair(values, has_top5, TOP1_ACCURACY, (double)sum->top1 / images, TOP5_ACCURACY,
             (double)sum->top5 / images);
    set_pair(values, has_top5, TOP1_ERROR, (double)(sum->images - sum->top1) / images, TOP5_ERROR,
             (double)(sum->images - sum->top5) / images);
    set_pair(values, has_top5, MEAN_CLASS_TOP1_ACCURACY, sum->top1_shares / classes,
             MEAN_CLASS_TOP5_ACCURACY, sum->top5_shares / classes);
}

/* A group: every number is a mean over its classes. */
static void group_set(struct scorecard_group *group, const struct topk_sum *sum, bool has_top5)
{
    double classes = (double)sum->classes;
    struct metric_values *values = &group->metrics;

    group->classes = sum->classes;
    group->images = sum->images;
    group->top1_correct = sum->top1;
    group->top5_correct = sum->top5;
    if (sum->classes == 0) {
        return;
    }
    set_pair(values, has_top5, TOP1_ACCURACY, sum->top1_shares / classes, TOP5_ACCURACY,
             sum->top5_shares / classes);
    set_pair(values, has_top5, TOP1_ERROR, (classes - sum->top1_shares) / classes, TOP5_ERROR,
             (classes - sum->top5_shares) / classes);
    set_pair(values, has_top5, MEAN_CLASS_TOP1_ACCURACY, sum->top1_shares / classes,
             MEAN_CLASS_TOP5_ACCURACY, sum->top5_shares / classes);
}

/* The groups of one split, and the sums that they are made of. */
struct grouped {
    const struct grouping *grouping;
    struct topk_sum *sums;
    struct scorecard_group *groups;
};

static bool grouped_start(struct grouped *grouped, const struct grouping *grouping,
                          struct arena *arena, struct err *err)
{
    grouped->grouping = grouping;
    grouped->sums = arena_alloc(arena, grouping->n_groups, sizeof(*grouped->sums), err);
    grouped->groups = arena_alloc(arena, grouping->n_groups, sizeof(*grouped->groups), err);
    return grouped->sums != NULL && grouped->groups != NULL;
}

static void grouped_add(struct grouped *grouped, size_t category, const struct topk_sum *sum)
{
    const struct grouping *grouping = grouped->grouping;

    if (grouping->n_groups > 0 && grouping->group[category] != GROUP_NONE) {
        assert(grouping->group[category] < grouping->n_groups);
        sum_add(&grouped->sums[grouping->group[category]], sum);
    }
}

static void grouped_set(struct grouped *grouped, bool has_top5)
{
    for (size_t i = 0; i < grouped->grouping->n_groups; i++) {
        grouped->groups[i].name = grouped->grouping->names[i];
        group_set(&grouped->groups[i], &grouped->sums[i], has_top5);
    }
}

static bool topk_split_set(struct scorecard_split *split, const struct topk_counts *counts,
                           enum card_split of, const struct grouping groupings[2],
                           struct arena *arena, struct err *err)
{
    struct grouped groups;
    struct grouped bins;
    struct topk_sum all = {0};

    if (!grouped_start(&groups, &groupings[0], arena, err) ||
        !grouped_start(&bins, &groupings[1], arena, err)) {
        return false;
    }
    for (size_t category = 0; category < counts->n_classes; category++) {
        struct topk_count count = count_of(counts, of, category);
        if (count.images > 0) {
            struct topk_sum sum = sum_of(&count);
            sum_add(&all, &sum);
            grouped_add(&groups, category, &sum);
            grouped_add(&bins, category, &sum);
        }
    }
    grouped_set(&groups, counts->has_top5);
    grouped_set(&bins, counts->has_top5);
    *split = (struct scorecard_split){.groups = groups.groups, .bins = bins.groups};
    split_set(split, &all, counts->has_top5);
    return true;
}

bool evaluate_topk(struct scorecard *card, const struct topk_columns *columns,
                   const struct class_labels *labels, const struct class_info *info,
                   struct arena *arena, struct err *err)
{
    struct grouping groupings[2] = {grouping_of_supercategories(info)};
    struct topk_counts counts;

    assert(info->n_classes == labels->n_classes);
    if (!grouping_of_train_images(&groupings[1], info, arena, err) ||
        !topk_count(&counts, columns, labels, arena, err)) {
        return false;
    }
    card->task = TASK_CLASSIFICATION;
    card->has_top5 = counts.has_top5;
    card->n_groups = groupings[0].n_groups;
    card->n_bins = groupings[1].n_groups;
    card->n_curves = 0;
    for (unsigned i = 0; i < N_CARD_SPLITS; i++) {
        if (!topk_split_set(&card->splits[i], &counts, i, groupings, arena, err)) {
            return false;
        }
    }
    return true;
}

static bool is_in_card(uint8_t split, enum card_split of)
{
    return split != SPLIT_IGNORED &&
           (of == CARD_ALL || split == (of == CARD_PUBLIC ? SPLIT_PUBLIC : SPLIT_PRIVATE));
}

/* How many images of every split have true boxes of a group; seen[image] is the last group + 1. */
static void count_images(struct scorecard_group *const groups[N_CARD_SPLITS], size_t group,
                         const struct box_labels *labels, const struct grouping *grouping,
                         uint32_t *seen)
{
    for (size_t category = 0; category < labels->n_classes; category++) {
        if (grouping->group[category] != group) {
            continue;
        }
        for (size_t row = labels->class_start[category]; row < labels->class_start[category + 1];
             row++) {
            uint32_t image = labels->image[row];
            if (seen[image] == group + 1) {
                continue;
            }
            seen[image] = (uint32_t)group + 1;
            for (unsigned split = 0; split < N_CARD_SPLITS; split++) {
                groups[split][group].images += is_in_card(labels->split[image], split);
            }
        }
    }
}

static bool box_groups_set(struct scorecard_group *groups[N_CARD_SPLITS],
                           const struct grouping *grouping, const struct detection_result *result,
                           const struct box_labels *labels, struct arena *arena, struct err *err)
{
    uint32_t *seen = arena_alloc(arena, labels->n_images, sizeof(*seen), err);

    if (seen == NULL) {
        return false;
    }
    for (unsigned split = 0; split < N_CARD_SPLITS; split++) {
        groups[split] = arena_alloc(arena, grouping->n_groups, sizeof(*groups[split]), err);
        if (groups[split] == NULL) {
            return false;
        }
        for (size_t i = 0; i < grouping->n_groups; i++) {
            struct scorecard_group *group = &groups[split][i];
            group->name = grouping->names[i];
            group->classes = (int64_t)detection_mean(&group->metrics, result, split, grouping, i);
        }
    }
    for (size_t i = 0; i < grouping->n_groups; i++) {
        count_images(groups, i, labels, grouping, seen);
    }
    return true;
}

/* The curve of all classes, then one a super-category. */
static bool curves_set(struct scorecard *card, const struct grouping *supercategories,
                       const struct detection_result *result, struct arena *arena, struct err *err)
{
    card->n_curves = supercategories->n_groups + 1;
    for (unsigned split = 0; split < N_CARD_SPLITS; split++) {
        struct scorecard_curve *curves = arena_alloc(arena, card->n_curves, sizeof(*curves), err);
        if (curves == NULL) {
            return false;
        }
        for (size_t i = 0; i < card->n_curves; i++) {
            struct scorecard_curve *curve = &curves[i];
            curve->name = i == 0 ? "" : supercategories->names[i - 1];
            curve->has_value = detection_mean_curve(curve->precision, result, split,
                                                    i == 0 ? NULL : supercategories, i - 1);
            for (size_t point = 0; point < CURVE_POINTS; point++) {
                curve->auc += curve->precision[point];
            }
            curve->auc /= CURVE_POINTS;
        }
        card->splits[split].curves = curves;
    }
    return true;
}

bool evaluate_boxes(struct scorecard *card, const struct box_columns *columns,
                    const struct box_labels *labels, const struct class_info *info,
                    const struct evaluate_options *options, struct arena *arena, struct err *err)
{
    struct grouping supercategories = grouping_of_supercategories(info);
    struct grouping train_images;
    struct scorecard_group *groups[N_CARD_SPLITS];
    struct scorecard_group *bins[N_CARD_SPLITS];
    struct detection_result result;

    assert(info->n_classes == labels->n_classes);
    if (!grouping_of_train_images(&train_images, info, arena, err) ||
        !detection_evaluate(&result, columns, labels,
                            &(struct detection_options){.n_threads = options->n_threads,
                                                        .has_curves = options->has_curves},
                            arena, err) ||
        !box_groups_set(groups, &supercategories, &result, labels, arena, err) ||
        !box_groups_set(bins, &train_images, &result, labels, arena, err)) {
        return false;
    }
    card->task = TASK_DETECTION;
    card->has_top5 = false;
    card->n_groups = supercategories.n_groups;
    card->n_bins = train_images.n_groups;
    card->n_curves = 0;
    for (unsigned i = 0; i < N_CARD_SPLITS; i++) {
        struct scorecard_split *split = &card->splits[i];
        *split = (struct scorecard_split){.groups = groups[i], .bins = bins[i]};
        split->classes = (int64_t)detection_mean(&split->metrics, &result, i, NULL, 0);
        for (size_t image = 0; image < labels->n_images; image++) {
            split->images += is_in_card(labels->split[image], i);
        }
    }
    return !options->has_curves || curves_set(card, &supercategories, &result, arena, err);
}
