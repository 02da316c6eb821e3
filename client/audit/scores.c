/* SPDX-License-Identifier: MIT */
/*
 * Files that were submitted, scored again by the labels that were published: by the library that
 * the service's workers use. Only what was opened can be compared.
 */
#include "client/audit/audit.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client/audit/label_files.h"
#include "client/digest.h"
#include "client/offline.h"
#include "common/jwriter.h"
#include "common/text.h"

/* What a file is scored with. */
struct scoring {
    struct audit *audit;
    const char *folder;
    struct offline offline;
    struct arena *arena;
    struct labels *labels; /* of the version at hand */
    uint32_t version;
    size_t n_compared;
};

/* A score as it is committed to. */
static void score_of(char text[static DOUBLE_TEXT_SIZE], const struct scoring *scoring,
                     const struct scorecard *card, enum card_split split)
{
    double value;

    text[0] = '\0';
    if (scorecard_metric(&value, card, split, scoring->audit->competition.metric)) {
        double_text(text, value);
    }
}

/* Scores a file; "" for both where it is not valid. */
static bool score_file(char texts[2][DOUBLE_TEXT_SIZE], bool *is_valid,
                       const struct scoring *scoring, const char *path, struct err *err)
{
    static struct scorecard card; /* large */
    struct submission submission;

    arena_reset(scoring->arena);
    texts[0][0] = texts[1][0] = '\0';
    enum exit_code code = offline_read(&submission, path, &scoring->offline,
                                       &scoring->labels->catalog, scoring->arena);
    *is_valid = code == EXIT_DONE;
    if (code != EXIT_DONE) {
        return code == EXIT_INVALID || err_set(err, ERR_SYSTEM, "%s cannot be read", path);
    }
    card = (struct scorecard){.labels = scoring->version};
    if (!offline_evaluate(&card, scoring->labels, &submission, false, scoring->arena, err)) {
        return false;
    }
    score_of(texts[0], scoring, &card, CARD_PUBLIC);
    score_of(texts[1], scoring, &card, CARD_PRIVATE);
    return true;
}

static void compare(struct scoring *scoring, const struct audit_result *result,
                    char texts[2][DOUBLE_TEXT_SIZE], bool is_valid)
{
    scoring->n_compared++;
    if (is_valid != result->is_scored || strcmp(texts[0], result->opening.public_score) != 0 ||
        strcmp(texts[1], result->opening.private_score) != 0) {
        audit_failed(
            scoring->audit, "re-scoring",
            "entry %" PRId64 ", submission %s: the labels of version %" PRIu32 " give other scores",
            result->index, scoring->audit->submissions[result->submission].id, scoring->version);
    }
}

/* Scores a file once and compares it with every result of it under the labels at hand. */
static bool check_file(struct scoring *scoring, const char *path, struct err *err)
{
    struct audit *audit = scoring->audit;
    char texts[2][DOUBLE_TEXT_SIZE];
    struct digest digest;
    bool is_valid = false;
    bool is_known = false;
    bool is_scored = false;

    if (!digest_of_file(&digest, path, err)) {
        return false;
    }
    for (size_t i = 0; i < audit->n_submissions; i++) {
        if (memcmp(audit->submissions[i].file_sha256, digest.sha256, SHA256_BYTES) != 0) {
            continue;
        }
        is_known = true;
        const struct audit_result *result = audit_result(audit, i, scoring->version);
        if (result == NULL || !result->is_opened) {
            continue;
        }
        if (!is_scored && !score_file(texts, &is_valid, scoring, path, err)) {
            return false;
        }
        is_scored = true;
        compare(scoring, result, texts, is_valid);
    }
    if (!is_known && scoring->version == 1) {
        audit_failed(audit, "re-scoring", "%s was not submitted: sha256 %s", path, digest.text);
    }
    return true;
}

static bool check_folder(struct scoring *scoring, struct err *err)
{
    const struct dirent *item;
    bool ok = true;

    DIR *folder = opendir(scoring->folder);
    if (folder == NULL) {
        return err_set(err, ERR_SYSTEM, "open %s: %s", scoring->folder, strerror(errno));
    }
    while (ok && (item = readdir(folder)) != NULL) {
        char path[4096];
        if (item->d_name[0] != '.') {
            ok = path_join(path, sizeof(path), scoring->folder, item->d_name, err) &&
                 check_file(scoring, path, err);
        }
    }
    closedir(folder);
    return ok;
}

/* Everything under one version of the labels. */
static bool check_version(struct scoring *scoring, const struct audit_labels *labels,
                          struct err *err)
{
    char folder[LABEL_FILES_PATH_SIZE];

    bool ok =
        label_files_make(folder, &labels->rows, (enum task)scoring->audit->competition.task, err);
    if (ok && offline_labels(&scoring->labels, folder, &scoring->offline) != EXIT_DONE) {
        ok = err_set(err, ERR_INPUT, "the labels of version %" PRIu32 " cannot be read",
                     scoring->version);
    }
    ok = ok && check_folder(scoring, err);
    labels_close(&scoring->labels);
    label_files_remove(folder);
    return ok;
}

/* True where results depend on a file with classes that is not among the public ones. */
static bool needs_categories(const struct competition *competition)
{
    return competition->task == TASK_DETECTION || competition->categories[0] != '\0';
}

bool audit_scores(struct audit *audit, const char *folder, const char *categories, struct err *err)
{
    struct scoring scoring = {.audit = audit, .folder = folder};
    size_t n_failed = audit->n_failed;
    bool ok = true;

    if (audit->opening_index == 0 || !audit->labels[0].is_disclosed) {
        audit_skipped("re-scoring", "scores or labels are not published");
        return true;
    }
    if (categories == NULL && needs_categories(&audit->competition)) {
        audit_skipped("re-scoring", "needs the competition's file of classes: --categories FILE");
        return true;
    }
    scoring.offline.competition = audit->competition;
    if (!text_copy(scoring.offline.categories, sizeof(scoring.offline.categories),
                   categories == NULL ? "" : categories, err) ||
        !arena_open(&scoring.arena, offline_memory_max, err)) {
        return false;
    }
    for (size_t i = 0; ok && i < audit->n_labels; i++) {
        scoring.version = (uint32_t)i + 1;
        ok = !audit->labels[i].is_disclosed || check_version(&scoring, &audit->labels[i], err);
    }
    arena_close(&scoring.arena);
    if (ok && audit->n_failed == n_failed) {
        audit_passed("re-scoring", "%zu of %zu results came out the same to the last bit",
                     scoring.n_compared, audit->n_results);
    }
    return ok;
}
