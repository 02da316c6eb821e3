/* SPDX-License-Identifier: MIT */
/*
 * The organizer's command. The labels go from here straight into the worker's folder; the service
 * gets the competition file only. Both are checked before anything is written.
 */
#include "client/competition_create.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/options.h"
#include "client/service.h"
#include "client/state_folder.h"
#include "common/text.h"
#include "schemas/scorecard.h"
#include "scorer/data/label_folder.h"
#include "scorer/data/labels.h"

enum { KEY_LABELS = 0x2000, KEY_LABEL_FOLDER, KEY_STATE };

struct create_arguments {
    struct options options;
    const char *path;
    const char *labels;
    const char *label_folder; /* --label-folder, or NULL */
    const char *state;        /* --state, or NULL */
};

/* What was read, and where the labels go. */
struct creation {
    struct competition competition;
    struct labels *labels;
    char label_folder[STATE_PATH_SIZE];
    bool is_new; /* the label set was not there before */
};

static const struct argp_option list[] = {
    {"labels", KEY_LABELS, "PATH", 0, "the hidden labels, a file or a folder", 1},
    {"state", KEY_STATE, "DIR", 0, "state folder of `assay up', for its worker's labels", 1},
    {"label-folder", KEY_LABEL_FOLDER, "DIR", 0,
     "the worker's label folder (else of --state, else ASSAY_LABELS)", 1},
    {0},
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct create_arguments *arguments = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        options_share(state, &arguments->options);
        return 0;
    case KEY_LABELS:
        arguments->labels = text;
        return 0;
    case KEY_LABEL_FOLDER:
        arguments->label_folder = text;
        return 0;
    case KEY_STATE:
        arguments->state = text;
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->path != NULL) {
            argp_error(state, "one competition only: %s", text);
        }
        arguments->path = text;
        return 0;
    case ARGP_KEY_END:
        if (arguments->path == NULL || arguments->labels == NULL) {
            argp_error(state, arguments->path == NULL ? "which competition file?"
                                                      : "which labels? --labels PATH says it");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static bool find_label_folder(struct creation *creation, const struct create_arguments *arguments,
                              struct err *err)
{
    const char *variable = getenv("ASSAY_LABELS");

    if (arguments->label_folder != NULL) {
        return text_copy(creation->label_folder, STATE_PATH_SIZE, arguments->label_folder, err);
    }
    if (arguments->state != NULL) {
        return path_join(creation->label_folder, STATE_PATH_SIZE, arguments->state, STATE_LABELS,
                         err);
    }
    if (variable == NULL || *variable == '\0') {
        return err_set(err, ERR_CONFIG,
                       "where are the worker's labels? --state, --label-folder or ASSAY_LABELS "
                       "says it");
    }
    return text_copy(creation->label_folder, STATE_PATH_SIZE, variable, err);
}

/* The ranking metric must be one of the task's. */
static bool check_metric(const struct competition *competition, struct err *err)
{
    enum task task = (enum task)competition->task;
    size_t best = strlen(competition->metric) / 3 + 2;
    const char *near = NULL;
    size_t n_metrics;

    if (metric_find(task, competition->metric) != NULL) {
        return true;
    }
    const struct metric_info *metrics = metric_table(&n_metrics, task);
    for (size_t i = 0; i < n_metrics; i++) {
        size_t edits = text_distance(metrics[i].name, competition->metric);
        if (edits < best) {
            best = edits;
            near = metrics[i].name;
        }
    }
    return err_set(err, ERR_CONFIG, "metric: there is no '%s'%s%s%s", competition->metric,
                   near == NULL ? "" : ", did you mean '", near == NULL ? "" : near,
                   near == NULL ? "" : "'?");
}

static int load_competition(struct creation *creation, const char *path)
{
    static struct problems problems;
    struct err err;

    if (!competition_load_file(&creation->competition, path, &problems, &err)) {
        return command_bad_config(path, &problems, &err);
    }
    return check_metric(&creation->competition, &err) ? EXIT_DONE : command_failed_in(path, &err);
}

/* Labels are the organizer's own: what is wrong with them is a wrong configuration. */
static int load_labels(struct creation *creation, const struct create_arguments *arguments)
{
    static struct problems problems;
    char folder[LABEL_PATH_SIZE];
    char categories[LABEL_PATH_SIZE] = "";
    struct err err;
    const struct competition *competition = &creation->competition;
    const struct labels_source source = {
        .task = (enum task)competition->task, .path = arguments->labels, .categories = categories};

    bool ok = competition->categories[0] == '\0' ||
              (path_folder(folder, sizeof(folder), arguments->path, &err) &&
               path_join(categories, sizeof(categories), folder, competition->categories, &err));
    if (ok && labels_load(&creation->labels, &source, &problems, &err)) {
        return EXIT_DONE;
    }
    return command_bad_config(arguments->labels, &problems, &err);
}

static void print_summary(const struct creation *creation)
{
    static const char *const names[] = {"public", "private", "ignored"};
    const struct labels *labels = creation->labels;
    bool is_boxes = labels->task == TASK_DETECTION;
    size_t n_images = is_boxes ? labels->boxes.n_images : labels->truth.n_images;
    const uint8_t *split = is_boxes ? labels->boxes.split : labels->truth.split;
    size_t counts[N_SPLITS] = {0};

    for (size_t i = 0; i < n_images; i++) {
        counts[split[i]]++;
    }
    printf("%s: %s, ranked by %s\n", creation->competition.id,
           is_boxes ? "detection" : "classification", creation->competition.metric);
    for (size_t s = 0; s < N_SPLITS; s++) {
        printf("  %-8s %9zu images\n", names[s], counts[s]);
    }
    printf("  classes  %9" PRIu32 "\n", labels->catalog.n_classes);
    if (is_boxes) {
        printf("  boxes    %9zu\n", labels->boxes.n_rows);
    }
    fflush(stdout);
    for (size_t s = SPLIT_PUBLIC; s <= SPLIT_PRIVATE; s++) {
        if (counts[s] == 0) {
            fprintf(stderr, "assay: no image is %s: the %s board will have no score\n", names[s],
                    names[s]);
        }
    }
}

static int post_competition(struct service *service, const char *path)
{
    struct service_answer answer = {0};
    struct bytes yaml = {0};
    struct err err;

    if (!file_read(&yaml, path, CONF_FILE_MAX, &err)) {
        return command_failed(&err);
    }
    const struct service_request request = {.method = "POST",
                                            .path = "/v1/competitions",
                                            .content_type = "application/yaml",
                                            .body = yaml.data,
                                            .body_bytes = yaml.size_bytes};
    int code = service_ask(service, &answer, &request);
    service_answer_free(&answer);
    bytes_free(&yaml);
    return code;
}

/* The labels first: a competition that takes submissions must have them. */
static int install_and_post(struct service *service, struct creation *creation,
                            const struct create_arguments *arguments)
{
    static struct label_folder found;
    const char *id = creation->competition.id;
    const char *folder = creation->label_folder;
    struct err err;

    creation->is_new = !label_folder_open(&found, folder, id, LABEL_VERSION_FIRST, &err);
    if (!label_folder_install(folder, arguments->path, arguments->labels, LABEL_VERSION_FIRST,
                              &err)) {
        return command_failed(&err);
    }
    int code = post_competition(service, arguments->path);
    if (code == EXIT_DONE) {
        fprintf(stderr, "Created %s at %s, its labels are in %s/%s/%d\n", id, service_url(service),
                folder, id, LABEL_VERSION_FIRST);
    } else if (code != EXIT_UNREACHABLE && creation->is_new &&
               !label_folder_remove(folder, id, LABEL_VERSION_FIRST, &err)) {
        command_failed(&err);
    }
    return code;
}

static int create(struct service *service, void *context)
{
    const struct create_arguments *arguments = context;
    struct creation creation = {0};
    struct err err;
    int code;

    if (!find_label_folder(&creation, arguments, &err)) {
        return command_failed(&err);
    }
    code = load_competition(&creation, arguments->path);
    if (code == EXIT_DONE) {
        code = load_labels(&creation, arguments);
    }
    if (code == EXIT_DONE) {
        print_summary(&creation);
        code = install_and_post(service, &creation, arguments);
    }
    labels_close(&creation.labels);
    return code;
}

int competition_create(int argc, char **argv)
{
    static const struct argp argp = {
        list,
        parse_option,
        "COMPETITION.yaml",
        "Creates a competition (organizer): checks the file and the labels, puts the labels into "
        "the worker's folder, readable by its user alone, and sends the competition file to the "
        "service. The labels never pass the service.",
        options_service,
        NULL,
        NULL};
    struct create_arguments arguments = {0};

    return options_run(argc, argv, &argp, &arguments, create);
}
