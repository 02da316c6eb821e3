/* SPDX-License-Identifier: MIT */
/*
 * Histories of checkpoints. See the header.
 */
#include "schemas/history.h"

#include <stdlib.h>
#include <string.h>

static bool append(struct history *history, const struct checkpoint *checkpoint, struct err *err)
{
    bool is_full = (history->n & (history->n - 1)) == 0; /* 0, 1, 2, 4, … are the capacities */

    if (is_full) {
        size_t capacity = history->n == 0 ? 1 : 2 * history->n;
        struct checkpoint *grown = realloc(history->checkpoints, capacity * sizeof(*grown));
        if (grown == NULL) {
            return err_set(err, ERR_SYSTEM, "no memory for %zu checkpoints", capacity);
        }
        history->checkpoints = grown;
    }
    history->checkpoints[history->n++] = *checkpoint;
    return true;
}

static bool add_step(struct history *history, const struct note_public_key *key,
                     const struct note_step *step, struct err *err)
{
    struct checkpoint last = history_last(history);
    struct checkpoint checkpoint;

    if (!checkpoint_read(&checkpoint, key, step->note, step->note_size, err)) {
        return false;
    }
    if (step->old_size != last.size || checkpoint.size <= last.size) {
        return err_set(err, ERR_INPUT, "history does not go on where it was");
    }
    return tree_check_growth(last.size, &last.root, checkpoint.size, &checkpoint.root,
                             &step->growth, err) &&
           append(history, &checkpoint, err);
}

bool history_read(struct history *history, const struct note_public_key *key, const void *text,
                  size_t size, struct err *err)
{
    const char *at = text;
    const char *end = at + size;
    struct note_step step;

    *history = (struct history){0};
    while (at < end) {
        if (!note_step_take(&step, &at, end, err) || !add_step(history, key, &step, err)) {
            history_free(history);
            return false;
        }
    }
    return true;
}

void history_free(struct history *history)
{
    free(history->checkpoints);
    *history = (struct history){0};
}

static int compare_sizes(const void *a, const void *b)
{
    const struct checkpoint *first = a;
    const struct checkpoint *second = b;

    return (first->size > second->size) - (first->size < second->size);
}

enum history_place history_find(const struct history *history, const struct checkpoint *checkpoint)
{
    if (history->n == 0) {
        return HISTORY_NEW;
    }
    const struct checkpoint *found =
        bsearch(checkpoint, history->checkpoints, history->n, sizeof(*checkpoint), compare_sizes);
    if (found == NULL) {
        return HISTORY_NEW;
    }
    return memcmp(&found->root, &checkpoint->root, sizeof(found->root)) == 0 ? HISTORY_SEEN
                                                                             : HISTORY_OTHER;
}

struct checkpoint history_last(const struct history *history)
{
    struct checkpoint empty = {.size = 0};
    struct tree nothing = {0};

    if (history->n > 0) {
        return history->checkpoints[history->n - 1];
    }
    tree_root(&empty.root, &nothing, 0);
    return empty;
}
