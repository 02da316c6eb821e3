/* SPDX-License-Identifier: MIT */
/*
 * gnuplot scripts. Names of groups come from the organizer's files: they stand in data blocks only,
 * never in a command, and without what gnuplot could take for more than a letter.
 */
#include "client/report/figures.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client/report/plot.h"
#include "client/report/tables.h"

enum { FIGURE_WIDTH = 920, FIGURE_HEIGHT = 420, POINTS_MAX = 1000 };

static const char style[] =
    "set encoding utf8\n"
    "set border 3 linecolor rgb '#9aa1ab'\n"
    "set tics nomirror out scale 0.5 textcolor rgb '#4a515c'\n"
    "set grid ytics linetype 1 linewidth 1 linecolor rgb '#e8eaee'\n"
    "set key noautotitle noenhanced\n"
    "set style fill solid 0.25\n"
    "array colour[13] = ['#0b6e99', '#d1603d', '#3b8f5a', '#8a5bb5', '#c79a1b', '#4a6fd6',\\\n"
    "  '#b8437f', '#5f8d9c', '#7a6a3a', '#2f9e94', '#a14f4f', '#6b7280', '#94a11f']\n";

/* What is between a figure and the next one in the same picture. */
static const char unset[] = "unset logscale\nset format y '%h'\nset xtics autofreq\n"
                            "set ytics autofreq\nset xrange [*:*]\nset yrange [*:*]\n"
                            "set key default noautotitle noenhanced\nset margins -1,-1,-1,-1\n";

/* A name as a quoted field of a data block. */
static void write_name(FILE *out, const char *name, const char *more)
{
    putc('"', out);
    for (const char *at = name; *at != '\0'; at++) {
        putc((unsigned char)*at < 0x20 || strchr("\"\\`$@{}^_", *at) != NULL ? ' ' : *at, out);
    }
    fprintf(out, "%s\"", more);
}

static void write_figure_2(FILE *out, const struct report *report)
{
    size_t step = report->n_train / POINTS_MAX + 1;
    int64_t least = report->train_images[report->n_train - 1];
    double floor = least < 2 ? 0.8 : (double)least / 2; /* 0 has no place on a log scale */

    fputs("$counts << END\n", out);
    for (size_t i = 0; i < report->n_train; i++) {
        if (i % step == 0 || i + 1 == report->n_train) {
            int64_t count = report->train_images[i];
            fprintf(out, "%zu %g\n", i + 1, count == 0 ? floor : (double)count);
        }
    }
    fprintf(out,
            "END\n"
            "set logscale y\nset format y '%%g'\nunset key\n"
            "set xrange [1:%zu]\nset yrange [%g:*]\n"
            "set xlabel 'classes, the most frequent first' textcolor rgb '#4a515c'\n"
            "set ylabel 'training images' textcolor rgb '#4a515c'\n"
            "plot $counts using 1:2 with filledcurves y1=%g linecolor rgb colour[1]\\\n"
            "    title 'training images',\\\n"
            "  $counts using 1:2 with lines linewidth 2 linecolor rgb colour[1]\\\n"
            "    title 'training images'\n",
            report->n_train > 1 ? report->n_train : 2, floor, floor);
}

static void write_figure_5(FILE *out, const struct report *report)
{
    fputs("$boxes << END\n", out);
    for (size_t bin = 0; bin < N_TRAIN_BINS; bin++) {
        const struct boxplot *plot = &report->bins[bin].plot;
        fprintf(out, "%zu \"%s\" \"%zu\"", bin + 1, report->bins[bin].name, plot->n_values);
        if (plot->n_values > 0) {
            fprintf(out, " %g %g %g %g %g\n", 100 * plot->low, 100 * plot->q1, 100 * plot->median,
                    100 * plot->q3, 100 * plot->high);
        } else {
            fputs(" NaN NaN NaN NaN NaN\n", out);
        }
    }
    fputs("END\n$outside << END\n0 -10\n", out); /* a block must not be empty */
    for (size_t bin = 0; bin < N_TRAIN_BINS; bin++) {
        const struct boxplot *plot = &report->bins[bin].plot;
        for (size_t i = 0; i < plot->n_values; i++) {
            double accuracy = report->bins[bin].accuracy[i];
            if (accuracy < plot->low || accuracy > plot->high) {
                fprintf(out, "%zu %g\n", bin + 1, 100 * accuracy);
            }
        }
    }
    fprintf(
        out,
        "END\n"
        "set xrange [0.4:%d.6]\nset yrange [-3:108]\nset ytics 0,20,100\nunset key\n"
        "set xlabel 'training images of a class' textcolor rgb '#4a515c'\n"
        "set ylabel 'top-1 accuracy, %%' textcolor rgb '#4a515c'\n"
        "set boxwidth 0.5\n"
        "plot $boxes using 1:5:4:8:7:xtic(2) with candlesticks whiskerbars 0.5 linewidth 1.5\\\n"
        "  linecolor rgb colour[1] title 'quartiles and whiskers',\\\n"
        "  $boxes using 1:6:6:6:6 with candlesticks linewidth 3 linecolor rgb colour[2]\\\n"
        "  title 'median',\\\n"
        "  $outside using 1:2 with points pointtype 6 pointsize 0.5 linecolor rgb '#4a515c'\\\n"
        "  title 'classes beyond the whiskers',\\\n"
        "  $boxes using 1:(105):(strcol(3).' classes') with labels textcolor rgb '#4a515c'\\\n"
        "  title 'number of classes'\n",
        N_TRAIN_BINS);
}

static void write_curve(FILE *out, const struct scorecard_curve *curve)
{
    char area[32];

    snprintf(area, sizeof(area), "  %.2f", 100 * curve->auc);
    write_name(out, curve->name[0] == '\0' ? report_all_classes : curve->name, area);
    putc('\n', out);
    for (size_t i = 0; i < CURVE_POINTS; i++) {
        fprintf(out, "%zu %g\n", i, 100 * curve->precision[i]);
    }
    fputs("\n\n", out);
}

/* The curve of all classes first, then the greatest area: the legend lists them as they lie. */
static bool is_listed_before(const struct scorecard_curve *a, const struct scorecard_curve *b)
{
    bool is_all = a->name[0] == '\0';

    if (is_all || b->name[0] == '\0') {
        return is_all && b->name[0] != '\0';
    }
    return a->auc > b->auc || (!(a->auc < b->auc) && strcmp(a->name, b->name) < 0);
}

/* The curve that is listed next after `last` (NULL: the first one); NULL at the end. */
static const struct scorecard_curve *next_curve(const struct scorecard_split *split,
                                                size_t n_curves, const struct scorecard_curve *last)
{
    const struct scorecard_curve *next = NULL;

    for (size_t i = 0; i < n_curves; i++) {
        const struct scorecard_curve *curve = &split->curves[i];
        if (curve->has_value && (last == NULL || is_listed_before(last, curve)) &&
            (next == NULL || is_listed_before(curve, next))) {
            next = curve;
        }
    }
    return next;
}

static void write_figure_6(FILE *out, const struct report *report)
{
    const struct scorecard_split *split = &report->card.splits[report->options.split];
    const struct scorecard_curve *curve = NULL;
    size_t n_curves = 0;

    fputs("$curves << END\n", out);
    while ((curve = next_curve(split, report->card.n_curves, curve)) != NULL) {
        write_curve(out, curve);
        n_curves++;
    }
    fputs("END\n", out);
    fprintf(out,
            "set xrange [0:100]\nset yrange [0:102]\nset xtics 0,20,100\nset ytics 0,20,100\n"
            "set key outside right top Left reverse samplen 1.5 title 'area under the curve, %%'"
            " left\n"
            "set xlabel 'recall, %%' textcolor rgb '#4a515c'\n"
            "set ylabel 'precision, %%' textcolor rgb '#4a515c'\n");
    if (n_curves == 0) {
        fputs("plot NaN\n", out);
        return;
    }
    fprintf(out,
            "plot for [i=0:%zu] $curves index i using 1:2 with lines\\\n"
            "  linewidth (i == 0 ? 3.5 : 2) linecolor rgb (i == 0 ? '#1d2530' : colour[i %% 13 + "
            "1]) dashtype i/13+1 title columnheader(1)\n",
            n_curves - 1);
}

static void (*const writers[N_FIGURES])(FILE *, const struct report *) = {
    [FIGURE_2] = write_figure_2,
    [FIGURE_5] = write_figure_5,
    [FIGURE_6] = write_figure_6,
};

static const int paper_numbers[N_FIGURES] = {2, 5, 6};

/* Above each figure where several are in one picture. */
static const char *const titles[N_FIGURES] = {
    [FIGURE_2] = "Figure 2: training images of the classes",
    [FIGURE_5] = "Figure 5: accuracy of the classes by their training images",
    [FIGURE_6] = "Figure 6: precision and recall at IoU 0.5",
};

size_t figures_index(int figure)
{
    size_t i = 0;

    while (i + 1 < N_FIGURES && paper_numbers[i] != figure) {
        i++;
    }
    return i;
}

static void write_terminal(FILE *out, const char *name, size_t n_figures)
{
    fprintf(out,
            "set terminal svg size %d,%zu dynamic rounded name '%s' background rgb 'white'"
            " font 'Helvetica,Arial,sans-serif,13'\n",
            FIGURE_WIDTH, FIGURE_HEIGHT * n_figures, name);
    fputs(style, out);
}

/* Draws what was written to `script`, a memory stream on *text and *size, and ends both. */
static bool draw(struct bytes *svg, FILE *script, char **text, const size_t *size, struct err *err)
{
    bool ok = ferror(script) == 0;

    ok = fclose(script) == 0 && ok;
    ok = ok ? plot_svg(svg, *text, *size, err) : err_set(err, ERR_SYSTEM, "no memory for a figure");
    free(*text);
    return ok;
}

bool figures_draw(struct figures *figures, const struct report *report, struct err *err)
{
    *figures = (struct figures){0};
    for (size_t i = 0; i < N_FIGURES; i++) {
        char name[16];
        char *text = NULL;
        size_t size = 0;
        if (!report_has_figure(report, paper_numbers[i])) {
            continue;
        }
        FILE *script = open_memstream(&text, &size);
        if (script == NULL) {
            return err_set(err, ERR_SYSTEM, "no memory for a figure");
        }
        snprintf(name, sizeof(name), "figure%d", paper_numbers[i]);
        write_terminal(script, name, 1);
        writers[i](script, report);
        if (!draw(&figures->svg[i], script, &text, &size, err)) {
            return false;
        }
    }
    return true;
}

bool figures_draw_all(struct bytes *svg, const struct report *report, struct err *err)
{
    size_t n_figures = 0;
    char *text = NULL;
    size_t size = 0;

    for (size_t i = 0; i < N_FIGURES; i++) {
        n_figures += report_has_figure(report, paper_numbers[i]);
    }
    if (n_figures == 0) {
        return err_set(err, ERR_CONFIG,
                       "there is no figure to draw: training images are given by --train, or by "
                       "the column train_images of the categories");
    }
    FILE *script = open_memstream(&text, &size);
    if (script == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for a figure");
    }
    write_terminal(script, "report", n_figures);
    fprintf(script, "set multiplot layout %zu,1\n", n_figures);
    for (size_t i = 0; i < N_FIGURES; i++) {
        if (report_has_figure(report, paper_numbers[i])) {
            fprintf(script, "set title \"%s\" textcolor rgb '#1d2530'\n", titles[i]);
            writers[i](script, report);
            fputs(unset, script);
        }
    }
    fputs("unset multiplot\n", script);
    return draw(svg, script, &text, &size, err);
}

void figures_free(struct figures *figures)
{
    for (size_t i = 0; i < N_FIGURES; i++) {
        bytes_free(&figures->svg[i]);
    }
}
