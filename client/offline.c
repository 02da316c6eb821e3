/* SPDX-License-Identifier: MIT */
/*
 * Reading without a service. See the header.
 */
#include "client/offline.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"

const size_t offline_memory_max = (size_t)64 << 30;

enum { THREADS_MAX = 16 };

size_t offline_threads(void)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);

    return online < 1 ? 1 : online > THREADS_MAX ? THREADS_MAX : (size_t)online;
}

error_t offline_take(const char **competition, const char **submission, const char *text)
{
    const char **next = *competition == NULL  ? competition
                        : *submission == NULL ? submission
                                              : NULL;

    if (next == NULL) {
        return ARGP_ERR_UNKNOWN; /* one too many */
    }
    *next = text;
    return 0;
}

void offline_problems(const char *path, const struct problems *problems)
{
    for (uint32_t i = 0; i < problems->n_kept; i++) {
        const struct problem *problem = &problems->kept[i];
        if (problem->line == 0) {
            fprintf(stderr, "%s: %s\n", path, problem->text);
        } else {
            fprintf(stderr, "%s:%" PRIu64 ":%" PRIu32 ": %s\n", path, problem->line,
                    problem->column, problem->text);
        }
    }
    fprintf(stderr, "%s: %" PRIu64 " error%s", path, problems->n_all,
            problems->n_all == 1 ? "" : "s");
    if (problems->n_all > problems->n_kept) {
        fprintf(stderr, ", the first %" PRIu32 " are shown", problems->n_kept);
    }
    fputc('\n', stderr);
}

/* The path of a file that the competition names, from where the competition file is. */
static bool place(char path[static CONF_PATH_SIZE], const char *competition_path, const char *name,
                  struct err *err)
{
    char folder[CONF_PATH_SIZE];

    path[0] = '\0';
    return name[0] == '\0' || (path_folder(folder, sizeof(folder), competition_path, err) &&
                               path_join(path, CONF_PATH_SIZE, folder, name, err));
}

enum exit_code offline_open(struct offline *offline, const char *path)
{
    struct problems *problems = calloc(1, sizeof(*problems));
    enum exit_code code = EXIT_USAGE;
    struct err err = {0};

    *offline = (struct offline){.competition_path = path};
    if (problems == NULL) {
        err_set(&err, ERR_SYSTEM, "no memory");
        command_failed(&err);
    } else if (!competition_load_file(&offline->competition, path, problems, &err)) {
        if (problems->n_all > 0) {
            offline_problems(path, problems);
        } else {
            command_failed(&err);
        }
    } else if (!place(offline->categories, path, offline->competition.categories, &err) ||
               !place(offline->images, path, offline->competition.images, &err)) {
        command_failed(&err);
    } else {
        code = EXIT_DONE;
    }
    free(problems);
    return code;
}

static bool open_file(int *fd, const char *path, struct err *err)
{
    struct stat info;

    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hang us */
    if (*fd < 0) {
        return err_set(err, ERR_SYSTEM, "open %s: %s", path, strerror(errno));
    }
    if (fstat(*fd, &info) == 0 && S_ISREG(info.st_mode)) {
        return true;
    }
    close(*fd);
    return err_set(err, ERR_SYSTEM, "%s is not a file", path);
}

enum exit_code offline_read(struct submission *submission, const char *path,
                            const struct offline *offline, const struct catalog *catalog,
                            struct arena *arena)
{
    const struct competition *competition = &offline->competition;
    struct submission_source source = {
        .form = {.format = (enum submission_format)competition->submission.format,
                 .k = (size_t)competition->submission.k,
                 .columns = &competition->submission.columns,
                 .prediction = &competition->submission.prediction},
        .catalog = catalog,
        .unpacked_max = (size_t)competition->limits.file_bytes,
        .n_threads = offline_threads(),
    };
    struct problems *problems = calloc(1, sizeof(*problems));
    struct err err = {0};

    if (problems == NULL) {
        err_set(&err, ERR_SYSTEM, "no memory");
        return command_failed(&err);
    }
    enum exit_code code = EXIT_DONE;
    if (!open_file(&source.fd, path, &err)) {
        code = command_failed(&err);
        goto out;
    }
    if (!submission_read(submission, &source, arena, problems, &err)) {
        if (problems->n_all > 0) {
            offline_problems(path, problems);
        } else {
            command_failed_in(path, &err);
        }
        code = command_exit_code(&err);
    }
    close(source.fd);
out:
    free(problems);
    return code;
}

const char *offline_rows_name(const struct competition *competition, uint64_t n_rows)
{
    if (competition->submission.format == FORMAT_PREDICTION_STRING) {
        return n_rows == 1 ? "box" : "boxes";
    }
    return n_rows == 1 ? "row" : "rows";
}

enum exit_code offline_labels(struct labels **labels, const char *path,
                              const struct offline *offline)
{
    const struct labels_source source = {
        .task = (enum task)offline->competition.task,
        .path = path,
        .categories = offline->categories,
    };
    struct problems *problems = calloc(1, sizeof(*problems));
    struct err err = {0};

    if (problems == NULL) {
        err_set(&err, ERR_SYSTEM, "no memory");
        return command_failed(&err);
    }
    bool ok = labels_load(labels, &source, problems, &err);
    if (!ok && problems->n_all > 0) {
        offline_problems(path, problems);
    } else if (!ok) {
        command_failed(&err);
    }
    free(problems);
    return ok ? EXIT_DONE : EXIT_USAGE;
}

bool offline_evaluate(struct scorecard *card, const struct labels *labels,
                      const struct submission *submission, bool has_curves, struct arena *arena,
                      struct err *err)
{
    const struct evaluate_options how = {.n_threads = offline_threads(), .has_curves = has_curves};

    switch (labels->task) {
    case TASK_CLASSIFICATION:
        return evaluate_topk(card, &submission->topk, &labels->truth, &labels->classes, arena, err);
    case TASK_DETECTION:
        break;
    }
    return evaluate_boxes(card, &submission->boxes, &labels->boxes, &labels->classes, &how, arena,
                          err);
}
