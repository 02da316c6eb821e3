/* SPDX-License-Identifier: MIT */
/*
 * Loaded label sets. See the header.
 */
#include "scorer/worker/label_set.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "scorer/data/label_rows.h"
#include "scorer/worker/sheet.h"

static bool is_open(const struct label_set *set)
{
    return set->file.arena != NULL;
}

static void set_free(struct label_set *set)
{
    if (is_open(set)) {
        label_file_close(&set->file);
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

static bool is_of_job(const struct label_set *set, const struct wire_job *job)
{
    return is_open(set) && set->file.block.version == job->label_version &&
           wire_text_is(job->competition, set->file.block.competition.id) &&
           memcmp(set->file.sha256, job->label_set, SHA256_BYTES) == 0 &&
           memcmp(set->root.bytes, job->label_root, TREE_HASH_BYTES) == 0;
}

/* The rows give the root that was committed to before anybody submitted. */
static bool check_root(struct label_set *set, const struct wire_job *job, struct err *err)
{
    const struct label_block *block = &set->file.block;

    return label_rows_root(&set->root, &block->labels, block->competition.id, block->seeds->label,
                           err) &&
           (memcmp(set->root.bytes, job->label_root, TREE_HASH_BYTES) == 0 ||
            err_set(err, ERR_CONFIG, "labels of %s do not have the root of the log",
                    block->competition.id));
}

static bool load(struct label_set *set, const struct label_sets *sets, const struct wire_job *job,
                 struct err *err)
{
    const struct label_block *block = &set->file.block;
    char competition[COMPETITION_ID_SIZE];

    wire_text_copy(competition, sizeof(competition), job->competition);
    if (!label_file_open(&set->file, sets->folder, competition, job->label_version, sets->key,
                         job->label_set, err)) {
        return false;
    }
    set->frame = sheet_frame(&block->competition, &block->labels.catalog);
    if (!check_root(set, job, err) ||
        !sheet_make(&set->sheet, &block->competition, &block->labels.catalog, err)) {
        label_file_close(&set->file);
        return false;
    }
    log_info("labels loaded", "competition=%s version=%" PRIu32 " locked=%s", competition,
             job->label_version, set->file.is_locked ? "yes" : "no");
    if (!set->file.is_locked) {
        log_warn("labels may be swapped out", "bytes=%zu reason=\"limit of locked memory\"",
                 set->file.size_bytes);
    }
    return true;
}

bool label_sets_get(struct label_set **set, struct label_sets *sets, const struct wire_job *job,
                    struct err *err)
{
    struct label_set *oldest = &sets->sets[0];

    for (size_t i = 0; i < LABEL_SETS_MAX; i++) {
        struct label_set *found = &sets->sets[i];
        if (is_of_job(found, job)) {
            found->used = ++sets->uses;
            *set = found;
            return true;
        }
        if (found->used < oldest->used) {
            oldest = found;
        }
    }
    set_free(oldest);
    if (!load(oldest, sets, job, err)) {
        return false;
    }
    oldest->used = ++sets->uses;
    *set = oldest;
    return true;
}
