/* SPDX-License-Identifier: MIT */
/*
 * The paper's tables and figures. Expected numbers of table 6 and of the single-instance rule come
 * from pycocotools 2.0.11 (useCats = 0; classes replaced by their super-categories, boxes in the
 * order of the fine classes; imgIds of images with one box), those of figure 5 from numpy.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/report/figures.h"
#include "client/report/plot.h"
#include "client/report/tables.h"
#include "common/jdoc.h"

#define GOLDEN ASSAY_SOURCE_DIR "/tests/golden/"

/* A competition, its labels and one submission. */
struct fixture {
    struct competition competition;
    struct labels *labels;
    struct submission submission;
    struct arena *arena;
    struct report report;
};

static void fixture_open(struct fixture *fixture, const char *competition, const char *labels,
                         const char *categories, const char *submission)
{
    struct labels_source source = {.path = labels, .categories = categories};
    static struct problems problems;
    struct err err;

    *fixture = (struct fixture){0};
    assert_true(
        competition_load(&fixture->competition, competition, strlen(competition), &problems));
    source.task = (enum task)fixture->competition.task;
    assert_true(labels_load(&fixture->labels, &source, &problems, &err));
    assert_true(arena_open(&fixture->arena, (size_t)1 << 30, &err));
    FILE *file = fopen(submission, "r");
    assert_non_null(file);
    struct submission_source bytes = {
        .form = {.format = (enum submission_format)fixture->competition.submission.format,
                 .k = (size_t)fixture->competition.submission.k,
                 .columns = &fixture->competition.submission.columns},
        .catalog = &fixture->labels->catalog,
        .fd = fileno(file),
        .n_threads = 1,
    };
    assert_true(submission_read(&fixture->submission, &bytes, fixture->arena, &problems, &err));
    fclose(file);
}

static void fixture_close(struct fixture *fixture)
{
    labels_close(&fixture->labels);
    arena_close(&fixture->arena);
}

static void fixture_report(struct fixture *fixture, const struct report_options *options,
                           const char *categories)
{
    const struct report_source source = {.competition = &fixture->competition,
                                         .labels = fixture->labels,
                                         .submission = &fixture->submission,
                                         .categories = categories,
                                         .n_threads = 2};
    static struct problems problems;
    struct err err;

    assert_true(report_make(&fixture->report, &source, options, &problems, fixture->arena, &err));
}

static const char detection[] =
    "{competition: d, task: detection, metric: AP, submission: {format: boxes}}";

static void open_detection(struct fixture *fixture)
{
    fixture_open(fixture, detection, GOLDEN "detection/inat_small", NULL,
                 GOLDEN "detection/inat_small/predictions.csv");
}

static void check_metric(const struct metric_values *metrics, unsigned index, double expected)
{
    double value;

    assert_true(metric_get(&value, metrics, index));
    assert_float_equal(value, expected, 1e-12);
}

static void test_report_make_detection(void **state)
{
    (void)state;
    static const struct {
        size_t classes;
        double values[5]; /* AP, AP50, AP75, AR1, AR10 */
    } expected[N_GRANULARITIES] = {
        {743,
         {0.4137568614507169, 0.662300065178748, 0.4126927281268792, 0.4049397454646445,
          0.4528313513912437}},
        {9,
         {0.46421570490765707, 0.8209233109735155, 0.43701340101180663, 0.43720369090522815,
          0.7140162410645959}},
        {1,
         {0.4697916547043445, 0.8430672283217666, 0.452905316797038, 0.4489526764934057,
          0.7288595810705973}},
    };
    static const unsigned metrics[5] = {BOX_AP, BOX_AP50, BOX_AP75, BOX_AR1, BOX_AR10};
    const struct report_options options = {.split = CARD_PUBLIC};
    struct fixture fixture;

    open_detection(&fixture);
    fixture_report(&fixture, &options, NULL);
    const struct report *report = &fixture.report;
    for (size_t i = 0; i < N_GRANULARITIES; i++) {
        assert_int_equal(report->granularities[i].classes, expected[i].classes);
        for (size_t j = 0; j < 5; j++) {
            check_metric(&report->granularities[i].metrics, metrics[j], expected[i].values[j]);
        }
    }
    assert_int_equal(report->n_groups, 9); /* table 5 */
    assert_string_equal(report->groups[5].name, "6");
    assert_int_equal(report->groups[5].classes, 24);
    check_metric(&report->groups[5].metrics, BOX_AP, 0.4781160616061606);
    assert_string_equal(report->card.splits[0].curves[4].name, "4"); /* figure 6 */
    assert_float_equal(report->card.splits[0].curves[4].auc, 0.7118985582768803, 1e-12);
    assert_false(report_has_figure(report, 2));
    assert_false(report_has_figure(report, 5));
    assert_true(report_has_figure(report, 6));
    fixture_close(&fixture);
}

static void test_report_make_detection_rules(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct report_options options;
        size_t filtered;
        double ap;
        double ap_small;
    } cases[] = {
        {"single instance",
         {.is_single_instance = true},
         118,
         0.4187555371857722,
         0.4529411764705882},
        {"half area", {.is_half_area = true}, 0, 0.4137568614507169, 0.45389077970297026},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct fixture fixture;
        open_detection(&fixture);
        fixture_report(&fixture, &cases[i].options, NULL);
        print_message("%s\n", cases[i].name);
        assert_int_equal(fixture.report.n_images_filtered, cases[i].filtered);
        check_metric(&fixture.report.granularities[0].metrics, BOX_AP, cases[i].ap);
        check_metric(&fixture.report.granularities[0].metrics, BOX_AP_SMALL, cases[i].ap_small);
        fixture_close(&fixture);
    }
}

/* A file of training images: (37 * class) mod 1200 for each of 5,089 classes. */
static void counts_make(char path[static 32])
{
    snprintf(path, 32, "/tmp/assay-counts-XXXXXX");
    int fd = mkstemp(path);
    FILE *out = fdopen(fd, "w");
    assert_non_null(out);
    fputs("category_id,train_images\n", out);
    for (int category = 0; category < 5089; category++) {
        fprintf(out, "%d,%d\n", category, category * 37 % 1200);
    }
    assert_int_equal(fclose(out), 0);
}

static void open_classification(struct fixture *fixture)
{
    fixture_open(fixture,
                 "{competition: c, task: classification, metric: top5_error,"
                 " submission: {format: topk, k: 5}, title: '<b>&\"'}",
                 GOLDEN "classification/inat_like_20000/solution.csv",
                 GOLDEN "classification/inat_like_20000/classes.csv",
                 GOLDEN "classification/inat_like_20000/submission.csv");
}

static void test_report_make_classification(void **state)
{
    (void)state;
    static const struct boxplot expected[N_TRAIN_BINS] = {
        {80, 0, 0.5, 0.6666666666666666, 1, 1, 0.6554525455387524, 0},
        {99, 0, 0.5, 0.75, 1, 1, 0.6840968279599954, 0},
        {165, 0, 0.5, 0.75, 1, 1, 0.698662845219724, 0},
        {334, 0, 0.5, 0.7, 1, 1, 0.6830431981870532, 0},
        {979, 0, 0.5, 0.6666666666666666, 1, 1, 0.673534308664732, 0},
        {1651, 0, 0.5, 0.7, 1, 1, 0.6709199342825953, 0},
        {665, 0, 0.5, 0.7, 1, 1, 0.6737485741656306, 0},
    };
    struct report_options options = {.split = CARD_ALL};
    struct fixture fixture;
    char counts[32];
    double mean = 0;

    counts_make(counts);
    options.train_counts = counts;
    open_classification(&fixture);
    fixture_report(&fixture, &options, NULL);
    unlink(counts);
    const struct report *report = &fixture.report;
    check_metric(&report->card.splits[CARD_ALL].metrics, TOP1_ACCURACY, 0.67); /* table 3 */
    assert_int_equal(report->n_groups, 13);                                    /* table 4 */
    for (size_t i = 0; i < report->n_groups; i++) {
        double value;
        assert_true(metric_get(&value, &report->groups[i].metrics, MEAN_CLASS_TOP1_ACCURACY));
        mean += value / 13;
    }
    assert_float_equal(mean, 0.6666466487120382, 1e-12);
    assert_string_equal(report->groups[3].name, "11");
    assert_float_equal(report->groups[3].mean_train_images, 760, 1e-9);
    assert_int_equal(report->n_train, 5089); /* figure 2 */
    assert_int_equal(report->train_images_all, 3049392);
    assert_float_equal(report_top_share(report), 0.019961356231012608, 1e-12);
    for (size_t bin = 0; bin < N_TRAIN_BINS; bin++) { /* figure 5 */
        const struct boxplot *plot = &report->bins[bin].plot;
        assert_int_equal(plot->n_values, expected[bin].n_values);
        assert_int_equal(plot->n_outside, expected[bin].n_outside);
        assert_float_equal(plot->low, expected[bin].low, 1e-12);
        assert_float_equal(plot->q1, expected[bin].q1, 1e-12);
        assert_float_equal(plot->median, expected[bin].median, 1e-12);
        assert_float_equal(plot->q3, expected[bin].q3, 1e-12);
        assert_float_equal(plot->mean, expected[bin].mean, 1e-12);
    }
    fixture_close(&fixture);
}

static void test_report_make_unknown_class(void **state)
{
    (void)state;
    const struct report_options options = {.has_unknown = true, .unknown = 999999};
    struct problems problems = {0};
    struct fixture fixture;
    struct err err;

    open_classification(&fixture);
    const struct report_source source = {&fixture.competition, fixture.labels, &fixture.submission,
                                         NULL, 1};
    assert_false(report_make(&fixture.report, &source, &options, &problems, fixture.arena, &err));
    assert_int_equal(err.code, ERR_CONFIG);
    fixture_close(&fixture);
}

static void test_report_median_count(void **state)
{
    (void)state;
    static const int64_t counts[] = {90, 5, 2, 1};

    for (size_t n = 1; n <= ARRAY_SIZE(counts); n++) {
        static const double expected[] = {90, 47.5, 5, 3.5};
        const struct report report = {.n_train = n, .train_images = counts};
        assert_float_equal(report_median_count(&report), expected[n - 1], 0);
    }
}

/* What a form of the report writes; the caller frees it. */
static char *written(const struct fixture *fixture, const struct figures *figures)
{
    char *text = NULL;
    size_t size;
    struct err err;

    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    if (figures == NULL) {
        assert_true(report_write_text(&fixture->report, out, &err));
    } else {
        assert_true(report_write_page(&fixture->report, figures, "<no> gnuplot", out, &err));
    }
    assert_int_equal(fclose(out), 0);
    return text;
}

static void check_json(const struct fixture *fixture)
{
    struct jwriter writer;
    struct jdoc *doc = NULL;
    struct err err;
    double value;

    jwriter_start(&writer, (size_t)1 << 24);
    report_write_json(&writer, &fixture->report);
    assert_true(jwriter_ok(&writer, &err));
    assert_true(jdoc_open(&doc, writer.out.data, writer.out.size_bytes, &err));
    const struct jvalue *any = jvalue_member(jvalue_member(jdoc_root(doc), "table6"), "any");
    assert_true(jvalue_double(&value, jvalue_member(any, "AP50")));
    assert_float_equal(value, 0.8430672283217666, 1e-12);
    assert_int_equal(jvalue_count(jvalue_member(jdoc_root(doc), "figure6")), 10);
    assert_null(jvalue_member(jdoc_root(doc), "table3"));
    jdoc_close(&doc);
    jwriter_end(&writer);
}

static void test_report_write_detection(void **state)
{
    (void)state;
    const struct report_options options = {.split = CARD_PUBLIC};
    struct figures none = {0};
    struct fixture fixture;

    open_detection(&fixture);
    fixture_report(&fixture, &options, NULL);
    char *text = written(&fixture, NULL);
    assert_non_null(strstr(text, "any class             1  46.98  84.31  45.29  44.90  72.89\n"));
    free(text);
    char *page = written(&fixture, &none);
    assert_non_null(strstr(page, "&lt;no&gt; gnuplot"));
    assert_non_null(strstr(page, "<td class=n>84.31</td>"));
    free(page);
    check_json(&fixture);
    fixture_close(&fixture);
}

static void test_report_write_page_escapes(void **state)
{
    (void)state;
    const struct report_options options = {.split = CARD_PRIVATE};
    struct figures none = {0};
    struct fixture fixture;

    open_classification(&fixture);
    fixture_report(&fixture, &options, NULL);
    char *page = written(&fixture, &none);
    assert_non_null(strstr(page, "<h1>&lt;b&gt;&amp;&quot;</h1>"));
    assert_null(strstr(page, "<b>"));
    free(page);
    fixture_close(&fixture);
}

/* Names that gnuplot could take for a command, a shell or the end of the data. */
static void test_figures_draw_hostile_names(void **state)
{
    (void)state;
    static const char *const names[] = {"", "`touch /tmp/assay-was-here`", "\"\nEND\nexit\n",
                                        "@a $b \\ {c}", "END"};
    const struct report_options options = {.split = CARD_PUBLIC};
    struct figures figures;
    struct fixture fixture;
    struct bytes svg = {0};
    struct err err = {0};

    open_detection(&fixture);
    fixture_report(&fixture, &options, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        fixture.report.card.splits[CARD_PUBLIC].curves[i].name = names[i];
    }
    if (!figures_draw(&figures, &fixture.report, &err)) {
        assert_int_equal(err.code, ERR_CONFIG); /* no gnuplot here */
        print_message("%s\n", err.text);
        skip();
    }
    const char *text = (const char *)figures.svg[FIGURE_6].data;
    assert_non_null(strstr(text, "</svg>"));
    assert_non_null(strstr(text, "touch /tmp/assay-was-here"));
    assert_int_equal(access("/tmp/assay-was-here", F_OK), -1);
    assert_true(figures_draw_all(&svg, &fixture.report, &err));
    assert_non_null(strstr((const char *)svg.data, "</svg>"));
    bytes_free(&svg);
    figures_free(&figures);
    fixture_close(&fixture);
}

static void test_plot_svg_failures(void **state)
{
    (void)state;
    static const char wrong[] = "set nonsense\n";
    struct bytes svg;
    struct err err;

    if (!plot_svg(&svg, wrong, strlen(wrong), &err) && err.code == ERR_PEER) {
        assert_non_null(strstr(err.text, "gnuplot failed"));
    }
    assert_int_equal(setenv("PATH", "/nowhere", 1), 0);
    assert_false(plot_svg(&svg, wrong, strlen(wrong), &err));
    assert_int_equal(err.code, ERR_CONFIG);
    assert_null(svg.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_report_make_detection),
        cmocka_unit_test(test_report_make_detection_rules),
        cmocka_unit_test(test_report_make_classification),
        cmocka_unit_test(test_report_make_unknown_class),
        cmocka_unit_test(test_report_median_count),
        cmocka_unit_test(test_report_write_detection),
        cmocka_unit_test(test_report_write_page_escapes),
        cmocka_unit_test(test_figures_draw_hostile_names),
        cmocka_unit_test(test_plot_svg_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
