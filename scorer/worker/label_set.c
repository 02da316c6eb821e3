/* SPDX-License-Identifier: MIT */
/*
 * Loaded label sets. See the header.
 */
#include "scorer/worker/label_set.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "scorer/data/label_folder.h"
#include "scorer/worker/sheet.h"

static void set_free(struct label_set *set)
{
    if (set->labels != NULL) {
        labels_close(&set->labels);
        close(set->sheet);
    }
    *set = (struct label_set){0};
}

void label_sets_free(struct label_sets *sets)
{
    for (size_t i = 0; i < LABEL_SETS_MAX; i++) {
        set_free(&sets->sets[i]);
    }
}

/* Labels that are there and wrong are the operator's to mend. */
static bool load_files(struct label_set *set, const struct label_folder *files,
                       struct problems *problems, struct err *err)
{
    if (!competition_load_file(&set->competition, files->competition, problems, err)) {
        return false;
    }
    const struct labels_source source = {.task = (enum task)set->competition.task,
                                         .path = files->labels,
                                         .categories = files->categories};
    if (labels_load(&set->labels, &source, problems, err)) {
        return true;
    }
    if (err->code == ERR_INPUT) {
        err->code = ERR_CONFIG;
    }
    return false;
}

static bool load(struct label_set *set, const char *folder, const char *competition,
                 struct err *err)
{
    struct label_folder *files = calloc(1, sizeof(*files));
    struct problems *problems = calloc(1, sizeof(*problems));
    bool ok = false;

    if (files == NULL || problems == NULL) {
        err_set(err, ERR_SYSTEM, "no memory to load labels");
        goto out;
    }
    if (!label_folder_open(files, folder, competition, set->version, err) ||
        !load_files(set, files, problems, err)) {
        goto out;
    }
    arena_protect(set->labels->arena);
    set->frame = sheet_frame(&set->competition, &set->labels->catalog);
    if (!sheet_make(&set->sheet, &set->competition, &set->labels->catalog, err)) {
        labels_close(&set->labels);
        goto out;
    }
    ok = true;
out:
    free(problems);
    free(files);
    return ok;
}

bool label_sets_get(struct label_set **set, struct label_sets *sets, const char *folder,
                    const char *competition, uint32_t version, struct err *err)
{
    struct label_set *oldest = &sets->sets[0];

    for (size_t i = 0; i < LABEL_SETS_MAX; i++) {
        struct label_set *found = &sets->sets[i];
        if (found->labels != NULL && found->version == version &&
            strcmp(found->competition.id, competition) == 0) {
            found->used = ++sets->uses;
            *set = found;
            return true;
        }
        if (found->used < oldest->used) {
            oldest = found;
        }
    }
    set_free(oldest);
    oldest->version = version;
    if (!load(oldest, folder, competition, err)) {
        set_free(oldest);
        return false;
    }
    if (strcmp(oldest->competition.id, competition) != 0) {
        set_free(oldest);
        return err_set(err, ERR_CONFIG, "label set of %s is of another competition", competition);
    }
    oldest->used = ++sets->uses;
    *set = oldest;
    log_info("labels loaded", "competition=%s version=%" PRIu32, competition, version);
    return true;
}
