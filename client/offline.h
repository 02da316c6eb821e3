/* SPDX-License-Identifier: MIT */
/*
 * What the commands that need no service share: reading a competition and a submission, and showing
 * what is wrong with them as FILE:LINE:COLUMN: text. Failures are shown here; what comes back is an
 * exit code.
 */
#pragma once

#include <argp.h>

#include "client/command.h"
#include "scorer/data/labels.h"
#include "scorer/data/submission.h"
#include "scorer/metric/evaluate.h"

struct offline {
    const char *competition_path;
    struct competition competition;
    char
        categories[CONF_PATH_SIZE]; /* where the files are that the competition names; "" without */
    char images[CONF_PATH_SIZE];
};

/* Memory for one submission and its labels: bounds nothing but a runaway. */
extern const size_t offline_memory_max;

/* Threads that are worth starting here. */
size_t offline_threads(void);

/*
 * Takes the next plain argument: the competition, then the submission; with argp's error where both
 * are taken.
 */
error_t offline_take(const char **competition, const char **submission, const char *text);

/* Reads a competition file. EXIT_DONE or EXIT_USAGE. */
enum exit_code offline_open(struct offline *offline, const char *path);

/* One line per kept problem on stderr, then their number. */
void offline_problems(const char *path, const struct problems *problems);

/*
 * Reads a submission: EXIT_DONE, EXIT_INVALID where its contents are wrong, EXIT_USAGE where it
 * cannot be read.
 */
enum exit_code offline_read(struct submission *submission, const char *path,
                            const struct offline *offline, const struct catalog *catalog,
                            struct arena *arena);

/* What the rows of a submission are called: those of a prediction string are boxes. */
const char *offline_rows_name(const struct competition *competition, uint64_t n_rows);

/* Reads labels, which the caller closes. EXIT_DONE, or EXIT_USAGE: wrong labels are not the
 * submission's fault. */
enum exit_code offline_labels(struct labels **labels, const char *path,
                              const struct offline *offline);

/*
 * Scores a submission: fills the numbers of the card, not what it says of file and competition.
 *
 *   labels   the card borrows names from them
 *
 * Errors   those of evaluate_topk and evaluate_boxes
 */
MUST_CHECK bool offline_evaluate(struct scorecard *card, const struct labels *labels,
                                 const struct submission *submission, bool has_curves,
                                 struct arena *arena, struct err *err);
