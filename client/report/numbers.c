/* SPDX-License-Identifier: MIT */
/*
 * The numbers of a report. The metrics come from the scorer's library; here they are only put
 * together by class, group and granularity.
 */
#include "client/report/report.h"

#include <stdlib.h>
#include <string.h>

#include "scorer/data/taxonomy.h"
#include "scorer/metric/coarsen.h"
#include "scorer/metric/detection.h"
#include "scorer/metric/evaluate.h"
#include "scorer/metric/topk.h"

/* What the steps share. */
struct making {
    struct report *report;
    const struct report_source *source;
    struct class_info info;  /* the labels', with the training counts of another file */
    struct box_labels boxes; /* the labels', with the rules of the options */
    struct arena *arena;
};

/* The splits that a split of the card is made of, as bits. */
static unsigned split_bits(enum card_split split)
{
    switch (split) {
    case CARD_PUBLIC:
        return 1u << SPLIT_PUBLIC;
    case CARD_PRIVATE:
        return 1u << SPLIT_PRIVATE;
    case CARD_ALL:
        break;
    }
    return 1u << SPLIT_PUBLIC | 1u << SPLIT_PRIVATE;
}

static int most_first(const void *left, const void *right)
{
    const int64_t *a = left;
    const int64_t *b = right;

    return (*a < *b) - (*a > *b);
}

/* Figure 2. */
static bool make_train_images(struct making *making, struct err *err)
{
    struct report *report = making->report;
    const struct class_info *info = &making->info;

    if (info->train_images == NULL) {
        return true;
    }
    int64_t *counts = arena_alloc(making->arena, info->n_classes, sizeof(*counts), err);
    if (counts == NULL) {
        return false;
    }
    for (size_t category = 0; category < info->n_classes; category++) {
        if (info->train_images[category] >= 0) {
            counts[report->n_train++] = info->train_images[category];
            report->train_images_all += info->train_images[category];
        }
    }
    qsort(counts, report->n_train, sizeof(*counts), most_first);
    report->train_images = counts;
    return true;
}

static double mean_train_images(const struct class_info *info, size_t group)
{
    int64_t sum = 0;
    int64_t n = 0;

    for (size_t category = 0; info->train_images != NULL && category < info->n_classes;
         category++) {
        if (info->group[category] == group && info->train_images[category] >= 0) {
            sum += info->train_images[category];
            n++;
        }
    }
    return n == 0 ? -1 : (double)sum / (double)n;
}

/* Tables 4 and 5, from the groups of the card. */
static bool make_groups(struct making *making, struct err *err)
{
    struct report *report = making->report;
    const struct scorecard_split *split = &report->card.splits[report->options.split];

    struct report_group *groups =
        arena_alloc(making->arena, report->card.n_groups, sizeof(*groups), err);
    if (groups == NULL) {
        return false;
    }
    for (size_t i = 0; i < report->card.n_groups; i++) {
        groups[i] = (struct report_group){
            .name = split->groups[i].name,
            .classes = split->groups[i].classes,
            .images = split->groups[i].images,
            .mean_train_images = mean_train_images(&making->info, i),
            .metrics = split->groups[i].metrics,
        };
    }
    report->groups = groups;
    report->n_groups = report->card.n_groups;
    return true;
}

/* Top-1 accuracy of a class in a split; false where it has no image there. */
static bool class_accuracy(double *accuracy, const struct topk_counts *counts,
                           enum card_split split, size_t category)
{
    uint64_t images = 0;
    uint64_t right = 0;

    for (int part = SPLIT_PUBLIC; part <= SPLIT_PRIVATE; part++) {
        if ((split_bits(split) >> part & 1) != 0) {
            images += counts->classes[part][category].images;
            right += counts->classes[part][category].top1;
        }
    }
    *accuracy = images == 0 ? 0 : (double)right / (double)images;
    return images > 0;
}

/* Figure 5: the classes of every range of training images. */
static bool make_bins(struct making *making, struct err *err)
{
    struct report *report = making->report;
    const struct labels *labels = making->source->labels;
    struct topk_counts counts;
    struct grouping bins;

    if (making->info.train_images == NULL) {
        return true;
    }
    if (!grouping_of_train_images(&bins, &making->info, making->arena, err) ||
        !topk_count(&counts, &making->source->submission->topk, &labels->truth, making->arena,
                    err)) {
        return false;
    }
    for (size_t bin = 0; bin < bins.n_groups; bin++) {
        double *values = arena_alloc(making->arena, bins.n_groups == 0 ? 0 : making->info.n_classes,
                                     sizeof(*values), err);
        size_t n = 0;
        if (values == NULL) {
            return false;
        }
        for (size_t category = 0; category < making->info.n_classes; category++) {
            if (bins.group[category] == bin) {
                n += class_accuracy(&values[n], &counts, report->options.split, category);
            }
        }
        report->bins[bin] = (struct report_bin){.name = bins.names[bin], .accuracy = values};
        boxplot_make(&report->bins[bin].plot, values, n);
    }
    report->has_bins = true;
    return true;
}

static int id_order(const void *left, const void *right)
{
    const int64_t *a = left;
    const int64_t *b = right;

    return (*a > *b) - (*a < *b);
}

/* The open world, of every split. */
static bool make_open_world(struct making *making, struct err *err)
{
    struct report *report = making->report;
    const struct class_info *info = &making->info;

    if (!report->options.has_unknown) {
        return true;
    }
    const int64_t *found =
        bsearch(&report->options.unknown, info->id, info->n_classes, sizeof(*info->id), id_order);
    if (found == NULL) {
        return err_set(err, ERR_CONFIG, "class %lld for the unknown is not among the classes",
                       (long long)report->options.unknown);
    }
    for (int split = 0; split < N_CARD_SPLITS; split++) {
        open_world_count(&report->open_world[split], &making->source->submission->topk,
                         &making->source->labels->truth, (uint16_t)(found - info->id),
                         info->train_images, split_bits((enum card_split)split));
    }
    return true;
}

static bool make_classification(struct making *making, struct problems *problems, struct err *err)
{
    const struct report_source *source = making->source;
    struct report *report = making->report;

    if (!evaluate_topk(&report->card, &source->submission->topk, &source->labels->truth,
                       &making->info, making->arena, err) ||
        !make_bins(making, err) || !make_open_world(making, err)) {
        return false;
    }
    if (source->categories != NULL && !taxonomy_load(&report->taxonomy, source->categories,
                                                     &making->info, problems, making->arena, err)) {
        return false;
    }
    for (int split = 0; split < N_CARD_SPLITS && report->taxonomy.n_ranks > 0; split++) {
        taxonomic_count(&report->taxonomic[split], &report->taxonomy, &source->submission->topk,
                        &source->labels->truth, split_bits((enum card_split)split));
    }
    return true;
}

/* The single-instance rule: images with another number of true boxes are ignored. */
static bool ignore_crowded_images(struct making *making, struct err *err)
{
    struct box_labels *boxes = &making->boxes;
    uint32_t *n_boxes = arena_alloc(making->arena, boxes->n_images, sizeof(*n_boxes), err);
    uint8_t *split = n_boxes == NULL ? NULL : arena_alloc(making->arena, boxes->n_images, 1, err);

    if (split == NULL) {
        return false;
    }
    for (size_t row = 0; row < boxes->n_rows; row++) {
        n_boxes[boxes->image[row]]++;
    }
    for (size_t image = 0; image < boxes->n_images; image++) {
        split[image] = boxes->split[image];
        if (n_boxes[image] != 1 && split[image] != SPLIT_IGNORED) {
            split[image] = SPLIT_IGNORED;
            making->report->n_images_filtered++;
        }
    }
    boxes->split = split;
    return true;
}

/* The area rule: an object covers half of its box. */
static bool halve_areas(struct making *making, struct err *err)
{
    struct box_labels *boxes = &making->boxes;
    double *area = arena_alloc(making->arena, boxes->n_rows, sizeof(*area), err);

    if (area == NULL) {
        return false;
    }
    for (size_t row = 0; row < boxes->n_rows; row++) {
        area[row] = 0.5 * boxes->box[row].width * boxes->box[row].height;
    }
    boxes->area = area;
    return true;
}

/* One row of table 6: the boxes with coarser classes, in memory that ends with the row. */
static bool make_granularity(struct report_granularity *row, struct making *making,
                             const struct grouping *grouping, struct err *err)
{
    const struct detection_options options = {.n_threads = making->source->n_threads};
    struct detection_result result;
    struct box_columns columns;
    struct box_labels labels;
    struct arena *arena = NULL;

    if (!arena_open(&arena, arena_left_bytes(making->arena), err)) {
        return false;
    }
    bool ok = coarsen_columns(&columns, &making->source->submission->boxes, grouping, arena, err) &&
              coarsen_labels(&labels, &making->boxes, grouping, arena, err) &&
              detection_evaluate(&result, &columns, &labels, &options, arena, err);
    if (ok) {
        row->classes =
            detection_mean(&row->metrics, &result, making->report->options.split, NULL, 0);
    }
    arena_close(&arena);
    return ok;
}

/* Table 6. */
static bool make_granularities(struct making *making, struct err *err)
{
    static const char *const any_name[] = {"any"};
    struct report *report = making->report;
    struct report_granularity *rows = report->granularities;
    struct grouping supers = grouping_of_supercategories(&making->info);
    uint16_t *zeros = arena_alloc(making->arena, making->info.n_classes, sizeof(*zeros), err);

    if (zeros == NULL) {
        return false;
    }
    struct grouping any = {.n_groups = 1, .names = any_name, .group = zeros};
    const struct scorecard_split *split = &report->card.splits[report->options.split];
    rows[0] = (struct report_granularity){
        .name = "class", .classes = (size_t)split->classes, .metrics = split->metrics};
    rows[1].name = supers.n_groups == 0 ? NULL : "super-category";
    rows[2].name = "any class";
    report->has_granularities = true;
    return (supers.n_groups == 0 || make_granularity(&rows[1], making, &supers, err)) &&
           make_granularity(&rows[2], making, &any, err);
}

static bool make_detection(struct making *making, struct err *err)
{
    const struct report_source *source = making->source;
    struct report *report = making->report;
    const struct evaluate_options options = {.n_threads = source->n_threads, .has_curves = true};

    making->boxes = source->labels->boxes;
    if (report->options.is_single_instance && !ignore_crowded_images(making, err)) {
        return false;
    }
    if (report->options.is_half_area && !halve_areas(making, err)) {
        return false;
    }
    return evaluate_boxes(&report->card, &source->submission->boxes, &making->boxes, &making->info,
                          &options, making->arena, err) &&
           make_granularities(making, err);
}

bool report_make(struct report *report, const struct report_source *source,
                 const struct report_options *options, struct problems *problems,
                 struct arena *arena, struct err *err)
{
    struct making making = {
        .report = report, .source = source, .info = source->labels->classes, .arena = arena};

    *report =
        (struct report){.options = *options,
                        .title = source->competition->title[0] != '\0' ? source->competition->title
                                                                       : source->competition->id};
    if (options->train_counts != NULL &&
        !taxonomy_load_counts(&making.info.train_images, options->train_counts, &making.info,
                              problems, arena, err)) {
        return false;
    }
    bool ok = source->competition->task == TASK_CLASSIFICATION
                  ? make_classification(&making, problems, err)
                  : make_detection(&making, err);
    memcpy(report->card.competition, source->competition->id, sizeof(report->card.competition));
    return ok && make_train_images(&making, err) && make_groups(&making, err);
}

double report_median_count(const struct report *report)
{
    size_t above = (report->n_train - 1) / 2;
    size_t below = report->n_train / 2;

    return (double)(report->train_images[above] + report->train_images[below]) / 2;
}

double report_top_share(const struct report *report)
{
    size_t n_top = (report->n_train + 99) / 100;
    int64_t sum = 0;

    for (size_t i = 0; i < n_top; i++) {
        sum += report->train_images[i];
    }
    return report->train_images_all == 0 ? 0 : (double)sum / (double)report->train_images_all;
}

bool report_has_figure(const struct report *report, int figure)
{
    switch (figure) {
    case 2:
        return report->n_train > 0;
    case 5:
        return report->has_bins;
    case 6:
        return report->card.n_curves > 0;
    default:
        return false;
    }
}
