/* SPDX-License-Identifier: MIT */
/*
 * A report as JSON: exact numbers; null where there is no ground truth. What does not apply to the
 * task, or was not given, is not there.
 */
#include "client/report/tables.h"

#include "common/text.h"

static void write_number(struct jwriter *writer, const char *key, double value)
{
    jwriter_key(writer, key);
    jwriter_double(writer, value);
}

static void write_metric(struct jwriter *writer, const char *key,
                         const struct metric_values *metrics, unsigned index)
{
    double value;

    jwriter_key(writer, key);
    if (metric_get(&value, metrics, index)) {
        jwriter_double(writer, value);
    } else {
        jwriter_null(writer);
    }
}

/* part / whole, or null. */
static void write_ratio(struct jwriter *writer, const char *key, int64_t part, int64_t whole)
{
    jwriter_key(writer, key);
    if (whole > 0) {
        jwriter_double(writer, (double)part / (double)whole);
    } else {
        jwriter_null(writer);
    }
}

static void write_detection(struct jwriter *writer, const struct metric_values *metrics)
{
    write_metric(writer, "AP", metrics, BOX_AP);
    write_metric(writer, "AP50", metrics, BOX_AP50);
    write_metric(writer, "AP75", metrics, BOX_AP75);
    write_metric(writer, "AR1", metrics, BOX_AR1);
    write_metric(writer, "AR10", metrics, BOX_AR10);
}

static void write_table_3(struct jwriter *writer, const struct report *report)
{
    jwriter_key(writer, "table3");
    jwriter_object(writer);
    for (int split = 0; split < N_CARD_SPLITS; split++) {
        const struct scorecard_split *numbers = &report->card.splits[split];
        jwriter_key(writer, report_split_name((enum card_split)split));
        jwriter_object(writer);
        jwriter_key_int(writer, "images", numbers->images);
        write_metric(writer, "top1_accuracy", &numbers->metrics, TOP1_ACCURACY);
        write_metric(writer, "top5_accuracy", &numbers->metrics, TOP5_ACCURACY);
        jwriter_object_end(writer);
    }
    jwriter_object_end(writer);
}

/* Tables 4 and 5. */
static void write_groups(struct jwriter *writer, const struct report *report)
{
    bool is_classification = report->card.task == TASK_CLASSIFICATION;

    jwriter_key(writer, is_classification ? "table4" : "table5");
    jwriter_array(writer);
    for (size_t i = 0; i < report->n_groups; i++) {
        const struct report_group *group = &report->groups[i];
        jwriter_object(writer);
        jwriter_key_text(writer, "supercategory", group->name);
        jwriter_key_int(writer, "classes", group->classes);
        jwriter_key_int(writer, "images", group->images);
        jwriter_key(writer, "mean_train_images");
        if (group->mean_train_images < 0) {
            jwriter_null(writer);
        } else {
            jwriter_double(writer, group->mean_train_images);
        }
        if (is_classification) {
            write_metric(writer, "top1_accuracy", &group->metrics, MEAN_CLASS_TOP1_ACCURACY);
            write_metric(writer, "top5_accuracy", &group->metrics, MEAN_CLASS_TOP5_ACCURACY);
        } else {
            write_detection(writer, &group->metrics);
        }
        jwriter_object_end(writer);
    }
    jwriter_array_end(writer);
}

static const char *const granularity_keys[N_GRANULARITIES] = {"class", "supercategory", "any"};

static void write_table_6(struct jwriter *writer, const struct report *report)
{
    jwriter_key(writer, "table6");
    jwriter_object(writer);
    for (size_t i = 0; i < N_GRANULARITIES; i++) {
        if (report->granularities[i].name == NULL) {
            continue; /* no super-categories */
        }
        jwriter_key(writer, granularity_keys[i]);
        jwriter_object(writer);
        jwriter_key_int(writer, "classes", (int64_t)report->granularities[i].classes);
        write_detection(writer, &report->granularities[i].metrics);
        jwriter_object_end(writer);
    }
    jwriter_object_end(writer);
}

static void write_sizes(struct jwriter *writer, const struct report *report)
{
    jwriter_key(writer, "sizes");
    jwriter_object(writer);
    for (size_t i = 0; i < N_GRANULARITIES; i++) {
        const struct metric_values *metrics = &report->granularities[i].metrics;
        if (report->granularities[i].name == NULL) {
            continue; /* no super-categories */
        }
        jwriter_key(writer, granularity_keys[i]);
        jwriter_object(writer);
        write_metric(writer, "AP_small", metrics, BOX_AP_SMALL);
        write_metric(writer, "AP_medium", metrics, BOX_AP_MEDIUM);
        write_metric(writer, "AP_large", metrics, BOX_AP_LARGE);
        write_metric(writer, "AR_small", metrics, BOX_AR_SMALL);
        write_metric(writer, "AR_medium", metrics, BOX_AR_MEDIUM);
        write_metric(writer, "AR_large", metrics, BOX_AR_LARGE);
        jwriter_object_end(writer);
    }
    jwriter_object_end(writer);
}

static void write_figure_2(struct jwriter *writer, const struct report *report)
{
    jwriter_key(writer, "figure2");
    jwriter_object(writer);
    jwriter_key_int(writer, "classes", (int64_t)report->n_train);
    jwriter_key_int(writer, "images", report->train_images_all);
    write_number(writer, "median", report_median_count(report));
    write_number(writer, "top_percent_share", report_top_share(report));
    jwriter_key(writer, "counts");
    jwriter_array(writer);
    for (size_t i = 0; i < report->n_train; i++) {
        jwriter_int(writer, report->train_images[i]);
    }
    jwriter_array_end(writer);
    jwriter_object_end(writer);
}

static void write_outside(struct jwriter *writer, const struct report_bin *bin)
{
    jwriter_key(writer, "outside");
    jwriter_array(writer);
    for (size_t i = 0; i < bin->plot.n_values; i++) {
        if (bin->accuracy[i] < bin->plot.low || bin->accuracy[i] > bin->plot.high) {
            jwriter_double(writer, bin->accuracy[i]);
        }
    }
    jwriter_array_end(writer);
}

static void write_figure_5(struct jwriter *writer, const struct report *report)
{
    jwriter_key(writer, "figure5");
    jwriter_array(writer);
    for (size_t i = 0; i < N_TRAIN_BINS; i++) {
        const struct boxplot *plot = &report->bins[i].plot;
        jwriter_object(writer);
        jwriter_key_text(writer, "train_images", report->bins[i].name);
        jwriter_key_int(writer, "classes", (int64_t)plot->n_values);
        if (plot->n_values > 0) {
            write_number(writer, "low", plot->low);
            write_number(writer, "q1", plot->q1);
            write_number(writer, "median", plot->median);
            write_number(writer, "q3", plot->q3);
            write_number(writer, "high", plot->high);
            write_number(writer, "mean", plot->mean);
            write_outside(writer, &report->bins[i]);
        }
        jwriter_object_end(writer);
    }
    jwriter_array_end(writer);
}

static void write_figure_6(struct jwriter *writer, const struct report *report)
{
    const struct scorecard_split *split = &report->card.splits[report->options.split];

    jwriter_key(writer, "figure6");
    jwriter_array(writer);
    for (size_t i = 0; i < report->card.n_curves; i++) {
        const struct scorecard_curve *curve = &split->curves[i];
        if (!curve->has_value) {
            continue;
        }
        jwriter_object(writer);
        jwriter_key_text(writer, "supercategory", curve->name);
        write_number(writer, "auc", curve->auc);
        jwriter_key(writer, "precision");
        jwriter_array(writer);
        for (size_t point = 0; point < CURVE_POINTS; point++) {
            jwriter_double(writer, curve->precision[point]);
        }
        jwriter_array_end(writer);
        jwriter_object_end(writer);
    }
    jwriter_array_end(writer);
}

static void write_heights(struct jwriter *writer, const char *key, const struct report *report,
                          const int64_t *heights)
{
    jwriter_key(writer, key);
    jwriter_object(writer);
    write_number(writer, "error", taxonomic_error(heights, &report->taxonomy));
    jwriter_key(writer, "images_by_height");
    jwriter_array(writer);
    for (size_t height = 0; height <= report->taxonomy.n_ranks + 1; height++) {
        jwriter_int(writer, heights[height]);
    }
    jwriter_array_end(writer);
    jwriter_object_end(writer);
}

static void write_taxonomic(struct jwriter *writer, const struct report *report)
{
    jwriter_key(writer, "taxonomic");
    jwriter_object(writer);
    jwriter_key(writer, "ranks");
    jwriter_array(writer);
    for (size_t rank = 0; rank < report->taxonomy.n_ranks; rank++) {
        jwriter_text(writer, report->taxonomy.rank_name[rank]);
    }
    jwriter_array_end(writer);
    for (int split = 0; split < N_CARD_SPLITS; split++) {
        const struct taxonomic_counts *counts = &report->taxonomic[split];
        if (counts->images == 0) {
            continue;
        }
        jwriter_key(writer, report_split_name((enum card_split)split));
        jwriter_object(writer);
        jwriter_key_int(writer, "images", counts->images);
        write_heights(writer, "first", report, counts->first);
        if (report->card.has_top5) {
            write_heights(writer, "nearest_of_five", report, counts->nearest);
        }
        jwriter_object_end(writer);
    }
    jwriter_object_end(writer);
}

static void write_open_world(struct jwriter *writer, const struct report *report)
{
    jwriter_key(writer, "open_world");
    jwriter_object(writer);
    jwriter_key_int(writer, "unknown_class", report->options.unknown);
    for (int split = 0; split < N_CARD_SPLITS; split++) {
        const struct open_world *world = &report->open_world[split];
        jwriter_key(writer, report_split_name((enum card_split)split));
        jwriter_object(writer);
        jwriter_key_int(writer, "known_images", world->known);
        write_ratio(writer, "known_top1_accuracy", world->known_top1, world->known);
        if (report->card.has_top5) {
            write_ratio(writer, "known_top5_accuracy", world->known_top5, world->known);
        }
        jwriter_key_int(writer, "unknown_images", world->unknown);
        write_ratio(writer, "unknown_recall", world->right_unknown, world->unknown);
        write_ratio(writer, "unknown_precision", world->right_unknown, world->guessed_unknown);
        jwriter_object_end(writer);
    }
    jwriter_object_end(writer);
}

static void write_submission(struct jwriter *writer, const struct report *report)
{
    char hash[SHA256_HEX_SIZE];

    hex_text(hash, report->card.submission_sha256, SHA256_BYTES);
    jwriter_key(writer, "submission");
    jwriter_object(writer);
    jwriter_key_text(writer, "sha256", hash);
    jwriter_key_int(writer, "bytes", report->card.submission_bytes);
    jwriter_key_int(writer, "rows", report->card.submission_rows);
    jwriter_object_end(writer);
}

void report_write_json(struct jwriter *writer, const struct report *report)
{
    static void (*const writers[N_REPORT_TABLES])(struct jwriter *, const struct report *) = {
        [REPORT_TABLE_3] = write_table_3,     [REPORT_TABLE_4] = write_groups,
        [REPORT_TABLE_5] = write_groups,      [REPORT_TABLE_6] = write_table_6,
        [REPORT_SIZES] = write_sizes,         [REPORT_FIGURE_2] = write_figure_2,
        [REPORT_FIGURE_5] = write_figure_5,   [REPORT_FIGURE_6] = write_figure_6,
        [REPORT_TAXONOMIC] = write_taxonomic, [REPORT_OPEN_WORLD] = write_open_world,
    };

    jwriter_object(writer);
    jwriter_key_text(writer, "schema", "assay/report/1");
    jwriter_key_text(writer, "competition", report->card.competition);
    jwriter_key_text(writer, "task",
                     report->card.task == TASK_CLASSIFICATION ? "classification" : "detection");
    jwriter_key_text(writer, "split", report_split_name(report->options.split));
    jwriter_key_bool(writer, "single_instance", report->options.is_single_instance);
    jwriter_key_bool(writer, "half_area", report->options.is_half_area);
    write_submission(writer, report);
    for (int which = 0; which < N_REPORT_TABLES; which++) {
        if (report_table_is_there(report, (enum report_table)which)) {
            writers[which](writer, report);
        }
    }
    jwriter_object_end(writer);
    jwriter_raw(writer, "\n", 1);
}
