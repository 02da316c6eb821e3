/* SPDX-License-Identifier: MIT */
/*
 * `assay report`: scores a submission with the labels at hand and writes the tables and figures of
 * the iNaturalist 2017 paper.
 */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/commands.h"
#include "client/digest.h"
#include "client/offline.h"
#include "client/report/figures.h"
#include "client/report/report.h"
#include "scorer/data/number.h"

static const size_t json_bytes_max = (size_t)1 << 30;

enum report_form { REPORT_TEXT, REPORT_JSON, REPORT_HTML, REPORT_SVG };

struct report_arguments {
    const char *competition;
    const char *submission;
    const char *labels;
    const char *out; /* NULL: standard output */
    enum report_form form;
    struct report_options options;
};

enum { KEY_LABELS = 0x1000, KEY_TRAIN, KEY_SPLIT, KEY_SINGLE, KEY_HALF, KEY_UNKNOWN, KEY_FORMAT };

static const struct argp_option options[] = {
    {"labels", KEY_LABELS, "PATH", 0, "solution file, COCO JSON file or folder (required)", 0},
    {"train", KEY_TRAIN, "COUNTS.csv", 0,
     "training images: category_id,train_images (default: what the categories say)", 0},
    {"split", KEY_SPLIT, "SPLIT", 0, "public, private or all (default: public)", 0},
    {"format", KEY_FORMAT, "FORM", 0, "text, json, html or svg (default: text)", 1},
    {"out", 'o', "FILE", 0, "write to this file", 1},
    {"unknown", KEY_UNKNOWN, "CLASS", 0,
     "classification: the class that stands for none of the known ones", 2},
    {"single-instance", KEY_SINGLE, NULL, 0, "detection: only images with exactly one true box", 2},
    {"half-area", KEY_HALF, NULL, 0,
     "detection: the area of an object is half of its box, whatever the labels say", 2},
    {0},
};

/* The place of `text` among `names`, which end with NULL; ends the program where it is none. */
static int parse_name(const char *const *names, const char *what, const char *text,
                      const struct argp_state *state)
{
    for (int i = 0; names[i] != NULL; i++) {
        if (strcmp(names[i], text) == 0) {
            return i;
        }
    }
    argp_error(state, "%s '%s' is not known", what, text);
    return 0;
}

/* The options that change the numbers. */
static error_t parse_rule(int key, char *text, struct argp_state *state)
{
    static const char *const splits[] = {"public", "private", "all", NULL};
    struct report_options *rules = &((struct report_arguments *)state->input)->options;

    switch (key) {
    case KEY_TRAIN:
        rules->train_counts = text;
        return 0;
    case KEY_SPLIT:
        rules->split = (enum card_split)parse_name(splits, "split", text, state);
        return 0;
    case KEY_SINGLE:
        rules->is_single_instance = true;
        return 0;
    case KEY_HALF:
        rules->is_half_area = true;
        return 0;
    case KEY_UNKNOWN:
        rules->has_unknown = true;
        if (number_int64(&rules->unknown, text, strlen(text)) != NUMBER_OK) {
            argp_error(state, "'%s' is no class id", text);
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    static const char *const forms[] = {"text", "json", "html", "svg", NULL};
    struct report_arguments *arguments = state->input;

    switch (key) {
    case KEY_LABELS:
        arguments->labels = text;
        return 0;
    case KEY_FORMAT:
        arguments->form = (enum report_form)parse_name(forms, "format", text, state);
        return 0;
    case 'o':
        arguments->out = text;
        return 0;
    case ARGP_KEY_ARG:
        return offline_take(&arguments->competition, &arguments->submission, text);
    case ARGP_KEY_END:
        if (arguments->submission == NULL || arguments->labels == NULL) {
            argp_error(state, "which competition, which submission, and --labels where?");
        }
        return 0;
    default:
        return parse_rule(key, text, state);
    }
}

/* Options for the other task would change nothing: refused, so that nobody thinks they did. */
static bool check_task(const struct report_options *rules, int task, struct err *err)
{
    if (task == TASK_DETECTION) {
        return !rules->has_unknown ||
               err_set(err, ERR_CONFIG, "--unknown is for classifications, this is a detection");
    }
    return (!rules->is_single_instance && !rules->is_half_area) ||
           err_set(err, ERR_CONFIG, "--%s is for detections, this is a classification",
                   rules->is_single_instance ? "single-instance" : "half-area");
}

/* What a run holds. */
struct reporting {
    struct report_arguments arguments;
    struct offline offline;
    struct arena *arena;
    struct labels *labels;
    struct problems problems;
    struct report report;
};

/* The categories file with the ranks: the competition's, else the one beside the labels. */
static const char *find_categories(char path[static CONF_PATH_SIZE],
                                   const struct reporting *reporting)
{
    struct stat info;
    struct err ignored;

    if (reporting->offline.categories[0] != '\0') {
        return reporting->offline.categories;
    }
    bool is_there =
        path_join(path, CONF_PATH_SIZE, reporting->arguments.labels, "categories.csv", &ignored) &&
        stat(path, &info) == 0;
    return is_there ? path : NULL;
}

static enum exit_code make(struct reporting *reporting)
{
    const struct report_arguments *arguments = &reporting->arguments;
    char categories[CONF_PATH_SIZE];
    struct submission submission;
    struct digest digest;
    struct err err = {0};

    enum exit_code code =
        offline_labels(&reporting->labels, arguments->labels, &reporting->offline);
    if (code != EXIT_DONE) {
        return code;
    }
    code = offline_read(&submission, arguments->submission, &reporting->offline,
                        &reporting->labels->catalog, reporting->arena);
    if (code != EXIT_DONE) {
        return code;
    }
    const struct report_source source = {
        .competition = &reporting->offline.competition,
        .labels = reporting->labels,
        .submission = &submission,
        .categories = find_categories(categories, reporting),
        .n_threads = offline_threads(),
    };
    if (!report_make(&reporting->report, &source, &arguments->options, &reporting->problems,
                     reporting->arena, &err) ||
        !digest_of_file(&digest, arguments->submission, &err)) {
        if (reporting->problems.n_all > 0) {
            command_problems(&reporting->problems);
        }
        command_failed(&err);
        return EXIT_USAGE; /* the organizer's files are not the submission's fault */
    }
    reporting->report.card.submission_rows = (int64_t)submission.n_rows;
    reporting->report.card.submission_bytes = digest.size_bytes;
    memcpy(reporting->report.card.submission_sha256, digest.sha256, SHA256_BYTES);
    return EXIT_DONE;
}

static bool write_json(const struct report *report, FILE *out, struct err *err)
{
    struct jwriter writer;

    jwriter_start(&writer, json_bytes_max);
    report_write_json(&writer, report);
    bool ok = jwriter_ok(&writer, err);
    if (ok) {
        fwrite(writer.out.data, 1, writer.out.size_bytes, out);
    }
    jwriter_end(&writer);
    return ok;
}

/* The page, without figures where they cannot be drawn. */
static bool write_page(const struct report *report, FILE *out, struct err *err)
{
    struct figures figures;
    struct err why = {0};

    bool is_drawn = figures_draw(&figures, report, &why);
    if (!is_drawn) {
        fprintf(stderr, "assay: the page has no figures: %s\n", why.text);
        figures_free(&figures);
        figures = (struct figures){0};
    }
    bool ok = report_write_page(report, &figures, is_drawn ? NULL : why.text, out, err);
    figures_free(&figures);
    return ok;
}

static bool write_picture(const struct report *report, FILE *out, struct err *err)
{
    struct bytes svg = {0};

    if (!figures_draw_all(&svg, report, err)) {
        return false;
    }
    fwrite(svg.data, 1, svg.size_bytes, out);
    bytes_free(&svg);
    return true;
}

static bool write_form(const struct reporting *reporting, FILE *out, struct err *err)
{
    switch (reporting->arguments.form) {
    case REPORT_TEXT:
        return report_write_text(&reporting->report, out, err);
    case REPORT_JSON:
        return write_json(&reporting->report, out, err);
    case REPORT_HTML:
        return write_page(&reporting->report, out, err);
    case REPORT_SVG:
        break;
    }
    return write_picture(&reporting->report, out, err);
}

/* To standard output, whose state main looks at, or to a file. */
static bool write_out(const struct reporting *reporting, struct err *err)
{
    const char *path = reporting->arguments.out;

    if (path == NULL) {
        return write_form(reporting, stdout, err);
    }
    FILE *out = fopen(path, "we");
    if (out == NULL) {
        return err_set(err, ERR_SYSTEM, "open %s: %s", path, strerror(errno));
    }
    bool ok = write_form(reporting, out, err);
    bool is_written = ferror(out) == 0;
    if (fclose(out) != 0 || !is_written) {
        return err_set(err, ERR_SYSTEM, "write %s: %s", path, strerror(errno));
    }
    return ok;
}

int command_report(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .parser = parse_option,
        .args_doc = "COMPETITION.yaml SUBMISSION",
        .doc = "Writes the tables and figures of the iNaturalist 2017 paper for a submission: "
               "accuracy or precision by split, by super-category, by training images and by "
               "granularity, the error by taxonomic rank, and the open world."
               "\vFigures are drawn by gnuplot; without it there are tables only. Training images "
               "and ranks (kingdom, phylum, class, order, family, genus) are columns of the "
               "categories file.",
    };
    struct reporting *reporting = calloc(1, sizeof(*reporting));
    struct err err = {0};

    if (reporting == NULL) {
        err_set(&err, ERR_SYSTEM, "no memory");
        return command_failed(&err);
    }
    argp_parse(&argp, argc, argv, 0, NULL, &reporting->arguments);
    enum exit_code code = offline_open(&reporting->offline, reporting->arguments.competition);
    if (code == EXIT_DONE &&
        (!check_task(&reporting->arguments.options, reporting->offline.competition.task, &err) ||
         !arena_open(&reporting->arena, offline_memory_max, &err))) {
        code = (enum exit_code)command_failed(&err);
    }
    if (code == EXIT_DONE) {
        code = make(reporting);
    }
    if (code == EXIT_DONE && !write_out(reporting, &err)) {
        command_failed(&err);
        code = EXIT_USAGE;
    }
    labels_close(&reporting->labels);
    arena_close(&reporting->arena);
    free(reporting);
    return code;
}
