/* SPDX-License-Identifier: MIT */
/*
 * Labels, workers and keys of an organizer. See the header.
 */
#include "client/organizer.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/command.h"
#include "client/login.h"
#include "common/text.h"
#include "schemas/scorecard.h"

bool organizer_parse(struct organizer_arguments *arguments, int key, const char *text)
{
    switch (key) {
    case ORGANIZER_LABELS:
        arguments->labels = text;
        return true;
    case ORGANIZER_LABEL_FOLDER:
        arguments->label_folder = text;
        return true;
    case ORGANIZER_STATE:
        arguments->state = text;
        return true;
    case ORGANIZER_WORKERS:
        arguments->worker_keys = text;
        return true;
    case ORGANIZER_KEY:
        arguments->key = text;
        return true;
    default:
        return false;
    }
}

bool organizer_label_folder(char folder[static STATE_PATH_SIZE],
                            const struct organizer_arguments *arguments, struct err *err)
{
    const char *variable = getenv("ASSAY_LABELS");

    if (arguments->label_folder != NULL) {
        return text_copy(folder, STATE_PATH_SIZE, arguments->label_folder, err);
    }
    if (arguments->state != NULL) {
        return path_join(folder, STATE_PATH_SIZE, arguments->state, STATE_LABELS, err);
    }
    if (variable == NULL || *variable == '\0') {
        return err_set(err, ERR_CONFIG,
                       "where are the workers' labels? --state, --label-folder or ASSAY_LABELS "
                       "says it");
    }
    return text_copy(folder, STATE_PATH_SIZE, variable, err);
}

/* ---- the workers ---- */

static bool find_worker_keys(char folder[static STATE_PATH_SIZE], const char *label_folder,
                             const struct organizer_arguments *arguments, struct err *err)
{
    char above[STATE_PATH_SIZE];

    if (arguments->worker_keys != NULL) {
        return text_copy(folder, STATE_PATH_SIZE, arguments->worker_keys, err);
    }
    return path_folder(above, sizeof(above), label_folder, err) &&
           path_join(folder, STATE_PATH_SIZE, above, "keys", err);
}

static int is_worker_file(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');

    return dot != NULL && strcmp(dot, WORKER_KEY_SUFFIX) == 0;
}

static bool read_worker(struct worker_public_key *key, const char *folder, const char *name,
                        struct err *err)
{
    char path[STATE_PATH_SIZE];
    struct bytes text = {0};
    struct err reason;

    if (!path_join(path, sizeof(path), folder, name, err) ||
        !file_read(&text, path, WORKER_KEY_TEXT_SIZE + 1, err)) {
        return false;
    }
    bool ok =
        worker_key_read(key, (const char *)text.data, strcspn((char *)text.data, "\n"), &reason) ||
        err_set(err, ERR_CONFIG, "%.150s: %s", path, reason.text);
    bytes_free(&text);
    return ok;
}

/* Every key of the folder, in the order of their names. */
static bool read_workers(struct organizer *organizer, const char *folder, struct err *err)
{
    struct dirent **list = NULL;
    int n = scandir(folder, &list, is_worker_file, alphasort);
    bool ok = true;

    if (n < 0) {
        return err_set(err, ERR_CONFIG, "workers' keys: open folder %s: %s", folder,
                       strerror(errno));
    }
    if (n > WORKER_KEYS_MAX) {
        ok = err_set(err, ERR_CONFIG, "%s holds the keys of %d workers, %d are possible", folder, n,
                     WORKER_KEYS_MAX);
    }
    for (int i = 0; i < n && ok; i++) {
        ok = read_worker(&organizer->workers[i], folder, list[i]->d_name, err);
    }
    for (int i = 0; i < n; i++) {
        free(list[i]);
    }
    free(list);
    organizer->n_workers = (size_t)n;
    return ok;
}

/* ---- the organizer's key ---- */

bool organizer_open_key(struct organizer_key *key, const struct organizer_arguments *arguments,
                        struct err *err)
{
    char folder[STATE_PATH_SIZE];
    char login[LOGIN_URL_SIZE];
    const char *name = STATE_ORGANIZER_KEY;
    bool ok;

    if (arguments->key != NULL) {
        const char *slash = strrchr(arguments->key, '/');
        name = slash == NULL ? arguments->key : slash + 1;
        ok = path_folder(folder, sizeof(folder), arguments->key, err);
    } else if (arguments->state != NULL) {
        ok = text_copy(folder, sizeof(folder), arguments->state, err);
    } else {
        ok = login_folder(login, err) && text_copy(folder, sizeof(folder), login, err);
    }
    return ok && organizer_key_open(key, folder, name, err);
}

bool organizer_open(struct organizer *organizer, const struct organizer_arguments *arguments,
                    struct err *err)
{
    char worker_keys[STATE_PATH_SIZE];

    return crypt_start(err) && organizer_label_folder(organizer->label_folder, arguments, err) &&
           find_worker_keys(worker_keys, organizer->label_folder, arguments, err) &&
           read_workers(organizer, worker_keys, err) &&
           organizer_open_key(&organizer->key, arguments, err);
}

/* Adds a key where it is not there yet and there is room; too many are refused where they are used.
 */
static void add_recipient(uint8_t recipients[][CRYPT_KEY_BYTES], size_t *n,
                          const uint8_t key[static CRYPT_KEY_BYTES])
{
    for (size_t i = 0; i < *n; i++) {
        if (memcmp(recipients[i], key, CRYPT_KEY_BYTES) == 0) {
            return;
        }
    }
    memcpy(recipients[(*n)++], key, CRYPT_KEY_BYTES);
}

bool organizer_seal(const struct organizer *organizer, const char *competition, uint32_t version,
                    const struct bytes *block, struct err *err)
{
    uint8_t recipients[SCORESEAL_RECIPIENTS_MAX + WORKER_KEYS_MAX + 1][CRYPT_KEY_BYTES];
    size_t n = label_file_recipients(recipients, organizer->label_folder, competition, version);

    for (size_t i = 0; i < organizer->n_workers; i++) {
        add_recipient(recipients, &n, organizer->workers[i].seal);
    }
    add_recipient(recipients, &n, organizer->key.seal.public_key);
    return label_file_write(organizer->label_folder, competition, version, block,
                            (const uint8_t(*)[CRYPT_KEY_BYTES])recipients, n, err);
}

void organizer_write_workers(struct jwriter *writer, const struct organizer *organizer)
{
    char text[WORKER_KEY_TEXT_SIZE];

    jwriter_key(writer, "workers");
    jwriter_array(writer);
    for (size_t i = 0; i < organizer->n_workers; i++) {
        worker_key_text(text, &organizer->workers[i]);
        jwriter_text(writer, text);
    }
    jwriter_array_end(writer);
}

/* ---- the competition file and the labels ---- */

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

static int load_competition(struct competition *competition, struct bytes *yaml, const char *path)
{
    static struct problems problems;
    struct err err;

    if (!competition_load_file(competition, path, &problems, &err)) {
        return command_bad_config(path, &problems, &err);
    }
    if (!check_metric(competition, &err)) {
        return command_failed_in(path, &err);
    }
    return file_read(yaml, path, CONF_FILE_MAX, &err) ? EXIT_DONE : command_failed(&err);
}

/* Labels are the organizer's own: what is wrong with them is a wrong configuration. */
static int load_labels(struct labels **labels, const struct competition *competition,
                       const char *path, const char *labels_path)
{
    static struct problems problems;
    char folder[LABEL_PATH_SIZE];
    char categories[LABEL_PATH_SIZE] = "";
    struct err err;
    const struct labels_source source = {
        .task = (enum task)competition->task, .path = labels_path, .categories = categories};

    bool ok = competition->categories[0] == '\0' ||
              (path_folder(folder, sizeof(folder), path, &err) &&
               path_join(categories, sizeof(categories), folder, competition->categories, &err));
    if (ok && labels_load(labels, &source, &problems, &err)) {
        return EXIT_DONE;
    }
    return command_bad_config(labels_path, &problems, &err);
}

int organizer_load(struct competition *competition, struct bytes *yaml, struct labels **labels,
                   const char *path, const char *labels_path)
{
    int code = load_competition(competition, yaml, path);

    return code == EXIT_DONE ? load_labels(labels, competition, path, labels_path) : code;
}
