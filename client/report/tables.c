/* SPDX-License-Identifier: MIT */
/*
 * The tables of a report. One function fills the rows of each.
 */
#include "client/report/tables.h"

#include <inttypes.h>

const struct report_caption report_captions[N_REPORT_TABLES] = {
    [REPORT_TABLE_3] = {"Table 3: accuracy",
                        "Share of images whose class is the first guess, or "
                        "among the first five, in percent.",
                        0},
    [REPORT_TABLE_4] = {"Table 4: accuracy by super-category",
                        "Means over the classes of each "
                        "super-category, beside their mean number of training images.",
                        0},
    [REPORT_TABLE_5] = {"Table 5: detection by super-category",
                        "COCO's average precision and "
                        "recall, means over the classes of each super-category.",
                        0},
    [REPORT_TABLE_6] = {"Table 6: granularity",
                        "The same boxes evaluated with finer and coarser "
                        "classes.",
                        0},
    [REPORT_SIZES] = {"Detection by size",
                      "Objects by their area: small up to 32 x 32 pixels, "
                      "medium up to 96 x 96, large above. Half of the box where the labels give no "
                      "area.",
                      0},
    [REPORT_FIGURE_2] = {"Figure 2: training images",
                         "Training images of every class, the most "
                         "frequent first.",
                         2},
    [REPORT_FIGURE_5] = {"Figure 5: accuracy by training images",
                         "Top-1 accuracy of the classes, "
                         "grouped by how many training images they have. Boxes are quartiles, "
                         "whiskers reach 1.5 boxes further, points lie beyond them.",
                         5},
    [REPORT_FIGURE_6] = {"Figure 6: precision and recall",
                         "At IoU 0.5, means over the classes of "
                         "each super-category, with the area under the curve.",
                         6},
    [REPORT_TAXONOMIC] = {"Error by taxonomic rank",
                          "How far up the tree of life the guess meets "
                          "the truth: share of images by the lowest rank that both share.",
                          0},
    [REPORT_OPEN_WORLD] = {"Open world",
                           "Accuracy on images of known classes; how many unknown "
                           "ones were told to be unknown (recall), and how often that was true "
                           "(precision).",
                           0},
};

const char *report_split_name(enum card_split split)
{
    static const char *const names[N_CARD_SPLITS] = {"public", "private", "all"};

    return names[split];
}

bool report_table_is_there(const struct report *report, enum report_table which)
{
    bool is_classification = report->card.task == TASK_CLASSIFICATION;

    switch (which) {
    case REPORT_TABLE_3:
        return is_classification;
    case REPORT_TABLE_4:
        return is_classification && report->n_groups > 0;
    case REPORT_TABLE_5:
        return !is_classification;
    case REPORT_TABLE_6:
    case REPORT_SIZES:
        return report->has_granularities;
    case REPORT_FIGURE_2:
    case REPORT_FIGURE_5:
    case REPORT_FIGURE_6:
        return report_has_figure(report, report_captions[which].figure);
    case REPORT_TAXONOMIC:
        return report->taxonomy.n_ranks > 0;
    case REPORT_OPEN_WORLD:
        return report->options.has_unknown;
    }
    return false;
}

static void add_percent(struct listing *table, double share)
{
    char text[32];

    snprintf(text, sizeof(text), "%.2f", 100 * share);
    listing_text(table, text);
}

/* "-" where there is no ground truth. */
static void add_metric(struct listing *table, const struct metric_values *metrics, unsigned index)
{
    double value;

    if (metric_get(&value, metrics, index)) {
        add_percent(table, value);
    } else {
        listing_text(table, "-");
    }
}

static void add_ratio(struct listing *table, int64_t part, int64_t whole)
{
    if (whole > 0) {
        add_percent(table, (double)part / (double)whole);
    } else {
        listing_text(table, "-");
    }
}

static void add_mean_count(struct listing *table, double mean)
{
    char text[32];

    snprintf(text, sizeof(text), "%.0f", mean);
    listing_text(table, mean < 0 ? "-" : text);
}

static void fill_table_3(struct listing *table, const struct report *report)
{
    for (int split = 0; split < N_CARD_SPLITS; split++) {
        const struct scorecard_split *numbers = &report->card.splits[split];
        listing_text(table, report_split_name((enum card_split)split));
        listing_int(table, numbers->images);
        add_metric(table, &numbers->metrics, TOP1_ACCURACY);
        add_metric(table, &numbers->metrics, TOP5_ACCURACY);
        add_metric(table, &numbers->metrics, MEAN_CLASS_TOP1_ACCURACY);
        add_metric(table, &numbers->metrics, MEAN_CLASS_TOP5_ACCURACY);
    }
}

const char report_all_classes[] = "all classes";

/* Over all classes that have a count. */
static double mean_of_all_counts(const struct report *report)
{
    return report->n_train == 0 ? -1 : (double)report->train_images_all / (double)report->n_train;
}

static void fill_table_4(struct listing *table, const struct report *report)
{
    const struct scorecard_split *all = &report->card.splits[report->options.split];

    for (size_t i = 0; i < report->n_groups; i++) {
        const struct report_group *group = &report->groups[i];
        listing_text(table, group->name);
        listing_int(table, group->classes);
        add_mean_count(table, group->mean_train_images);
        listing_int(table, group->images);
        add_metric(table, &group->metrics, MEAN_CLASS_TOP1_ACCURACY);
        add_metric(table, &group->metrics, MEAN_CLASS_TOP5_ACCURACY);
    }
    listing_text(table, report_all_classes);
    listing_int(table, all->classes);
    add_mean_count(table, mean_of_all_counts(report));
    listing_int(table, all->images);
    add_metric(table, &all->metrics, MEAN_CLASS_TOP1_ACCURACY);
    add_metric(table, &all->metrics, MEAN_CLASS_TOP5_ACCURACY);
}

static void add_detection(struct listing *table, const struct metric_values *metrics)
{
    static const enum box_metric paper[] = {BOX_AP, BOX_AP50, BOX_AP75, BOX_AR1, BOX_AR10};

    for (size_t i = 0; i < ARRAY_SIZE(paper); i++) {
        add_metric(table, metrics, paper[i]);
    }
}

static void fill_table_5(struct listing *table, const struct report *report)
{
    const struct scorecard_split *all = &report->card.splits[report->options.split];

    for (size_t i = 0; i < report->n_groups; i++) {
        listing_text(table, report->groups[i].name);
        listing_int(table, report->groups[i].classes);
        add_mean_count(table, report->groups[i].mean_train_images);
        add_detection(table, &report->groups[i].metrics);
    }
    listing_text(table, report_all_classes);
    listing_int(table, all->classes);
    add_mean_count(table, mean_of_all_counts(report));
    add_detection(table, &all->metrics);
}

static void fill_table_6(struct listing *table, const struct report *report)
{
    for (size_t i = 0; i < N_GRANULARITIES; i++) {
        if (report->granularities[i].name == NULL) {
            continue; /* no super-categories */
        }
        listing_text(table, report->granularities[i].name);
        listing_int(table, (int64_t)report->granularities[i].classes);
        add_detection(table, &report->granularities[i].metrics);
    }
}

static void fill_sizes(struct listing *table, const struct report *report)
{
    for (size_t i = 0; i < N_GRANULARITIES; i++) {
        const struct report_granularity *row = &report->granularities[i];
        if (row->name == NULL) {
            continue; /* no super-categories */
        }
        listing_text(table, row->name);
        for (unsigned metric = BOX_AP_SMALL; metric <= BOX_AP_LARGE; metric++) {
            add_metric(table, &row->metrics, metric);
        }
        for (unsigned metric = BOX_AR_SMALL; metric <= BOX_AR_LARGE; metric++) {
            add_metric(table, &row->metrics, metric);
        }
    }
}

static void fill_figure_2(struct listing *table, const struct report *report)
{
    char median[32];

    snprintf(median, sizeof(median), "%.15g", report_median_count(report));
    listing_int(table, (int64_t)report->n_train);
    listing_int(table, report->train_images_all);
    listing_int(table, report->train_images[0]);
    listing_text(table, median);
    listing_int(table, report->train_images[report->n_train - 1]);
    add_percent(table, report_top_share(report));
}

static void fill_figure_5(struct listing *table, const struct report *report)
{
    for (size_t i = 0; i < N_TRAIN_BINS; i++) {
        const struct boxplot *plot = &report->bins[i].plot;
        const double values[] = {plot->low, plot->q1,   plot->median,
                                 plot->q3,  plot->high, plot->mean};
        listing_text(table, report->bins[i].name);
        listing_int(table, (int64_t)plot->n_values);
        for (size_t j = 0; j < ARRAY_SIZE(values); j++) {
            if (plot->n_values > 0) {
                add_percent(table, values[j]);
            } else {
                listing_text(table, "-");
            }
        }
    }
}

static void fill_figure_6(struct listing *table, const struct report *report)
{
    static const size_t recalls[] = {20, 40, 60, 80};
    const struct scorecard_split *split = &report->card.splits[report->options.split];

    for (size_t i = 0; i < report->card.n_curves; i++) {
        const struct scorecard_curve *curve = &split->curves[i];
        listing_text(table, curve->name[0] == '\0' ? report_all_classes : curve->name);
        if (curve->has_value) {
            add_percent(table, curve->auc);
        } else {
            listing_text(table, "-");
        }
        for (size_t j = 0; j < ARRAY_SIZE(recalls); j++) {
            if (curve->has_value) {
                add_percent(table, curve->precision[recalls[j]]);
            } else {
                listing_text(table, "-");
            }
        }
    }
}

static void add_taxonomic(struct listing *table, const struct report *report, const char *name,
                          const int64_t *heights)
{
    size_t n_ranks = report->taxonomy.n_ranks;
    int64_t images = 0;

    for (size_t height = 0; height <= n_ranks + 1; height++) {
        images += heights[height];
    }
    listing_text(table, name);
    if (images > 0) {
        add_percent(table, taxonomic_error(heights, &report->taxonomy));
    } else {
        listing_text(table, "-");
    }
    for (size_t height = 0; height <= n_ranks + 1; height++) {
        add_ratio(table, heights[height], images);
    }
}

static void fill_taxonomic(struct listing *table, const struct report *report)
{
    const struct taxonomic_counts *counts = &report->taxonomic[report->options.split];

    add_taxonomic(table, report, "first guess", counts->first);
    if (report->card.has_top5) {
        add_taxonomic(table, report, "nearest of five", counts->nearest);
    }
}

static void fill_open_world(struct listing *table, const struct report *report)
{
    for (int split = 0; split < N_CARD_SPLITS; split++) {
        const struct open_world *world = &report->open_world[split];
        listing_text(table, report_split_name((enum card_split)split));
        listing_int(table, world->known);
        add_ratio(table, world->known_top1, world->known);
        if (report->card.has_top5) {
            add_ratio(table, world->known_top5, world->known);
        } else {
            listing_text(table, "-");
        }
        listing_int(table, world->unknown);
        add_ratio(table, world->right_unknown, world->unknown);
        add_ratio(table, world->right_unknown, world->guessed_unknown);
    }
}

static const struct listing_column columns_3[] = {
    {"split", false}, {"images", true},           {"top-1", true},
    {"top-5", true},  {"class mean top-1", true}, {"class mean top-5", true}};
static const struct listing_column columns_4[] = {
    {"super-category", false}, {"classes", true}, {"mean train images", true},
    {"images", true},          {"top-1", true},   {"top-5", true}};
static const struct listing_column columns_5[] = {{"super-category", false},
                                                  {"classes", true},
                                                  {"mean train images", true},
                                                  {"AP", true},
                                                  {"AP50", true},
                                                  {"AP75", true},
                                                  {"AR1", true},
                                                  {"AR10", true}};
static const struct listing_column columns_6[] = {
    {"evaluated as", false}, {"classes", true}, {"AP", true},  {"AP50", true},
    {"AP75", true},          {"AR1", true},     {"AR10", true}};
static const struct listing_column columns_sizes[] = {
    {"evaluated as", false}, {"AP small", true},  {"AP medium", true}, {"AP large", true},
    {"AR small", true},      {"AR medium", true}, {"AR large", true}};
static const struct listing_column columns_figure_2[] = {
    {"classes", true}, {"images", true}, {"most", true},
    {"median", true},  {"least", true},  {"in the top 1 % of the classes", true}};
static const struct listing_column columns_figure_5[] = {
    {"train images", false}, {"classes", true},    {"low", true},  {"quarter", true},
    {"median", true},        {"3 quarters", true}, {"high", true}, {"mean", true}};
static const struct listing_column columns_figure_6[] = {{"super-category", false},
                                                         {"area", true},
                                                         {"at recall 20 %", true},
                                                         {"40 %", true},
                                                         {"60 %", true},
                                                         {"80 %", true}};
static const struct listing_column columns_open_world[] = {
    {"split", false},         {"known images", true}, {"top-1", true},    {"top-5", true},
    {"unknown images", true}, {"recall", true},       {"precision", true}};

/* "guess", "error", the class itself, the ranks from genus up, none. */
static size_t taxonomic_columns(struct listing_column *columns, const struct report *report)
{
    size_t n = 0;

    columns[n++] = (struct listing_column){"guess", false};
    columns[n++] = (struct listing_column){"error", true};
    columns[n++] = (struct listing_column){"right", true};
    for (size_t rank = report->taxonomy.n_ranks; rank-- > 0;) {
        columns[n++] = (struct listing_column){report->taxonomy.rank_name[rank], true};
    }
    columns[n++] = (struct listing_column){"nothing", true};
    return n;
}

struct listing report_table_make(const struct report *report, enum report_table which)
{
    static struct listing_column of_ranks[TAXON_RANKS_MAX + 4];
    static const struct {
        const struct listing_column *columns;
        size_t n_columns;
        void (*fill)(struct listing *table, const struct report *report);
    } makers[N_REPORT_TABLES] = {
        [REPORT_TABLE_3] = {columns_3, ARRAY_SIZE(columns_3), fill_table_3},
        [REPORT_TABLE_4] = {columns_4, ARRAY_SIZE(columns_4), fill_table_4},
        [REPORT_TABLE_5] = {columns_5, ARRAY_SIZE(columns_5), fill_table_5},
        [REPORT_TABLE_6] = {columns_6, ARRAY_SIZE(columns_6), fill_table_6},
        [REPORT_SIZES] = {columns_sizes, ARRAY_SIZE(columns_sizes), fill_sizes},
        [REPORT_FIGURE_2] = {columns_figure_2, ARRAY_SIZE(columns_figure_2), fill_figure_2},
        [REPORT_FIGURE_5] = {columns_figure_5, ARRAY_SIZE(columns_figure_5), fill_figure_5},
        [REPORT_FIGURE_6] = {columns_figure_6, ARRAY_SIZE(columns_figure_6), fill_figure_6},
        [REPORT_TAXONOMIC] = {of_ranks, 0, fill_taxonomic},
        [REPORT_OPEN_WORLD] = {columns_open_world, ARRAY_SIZE(columns_open_world), fill_open_world},
    };
    size_t n_columns =
        which == REPORT_TAXONOMIC ? taxonomic_columns(of_ranks, report) : makers[which].n_columns;
    struct listing table = listing_of(makers[which].columns, n_columns);

    makers[which].fill(&table, report);
    return table;
}
