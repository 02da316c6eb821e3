/* SPDX-License-Identifier: MIT */
/*
 * The checkpoints that somebody has seen of one log, each with the proof that it continues the one
 * before: steps (note.h) behind one another, the first from size 0. Who keeps it needs nobody to
 * see that a later receipt belongs to the same history.
 */
#pragma once

#include "schemas/note.h"

enum { HISTORY_SIZE_MAX = 64 << 20 };

/* {0} … history_free */
struct history {
    struct checkpoint *checkpoints; /* owned; sizes ascending */
    size_t n;
};

enum history_place {
    HISTORY_SEEN,  /* it stands there */
    HISTORY_OTHER, /* another root stands there for its size: two histories */
    HISTORY_NEW,   /* nothing of its size stands there */
};

/*
 * Reads a history and checks every signature and every step.
 *
 * Errors   ERR_INPUT   a step does not continue the one before, or the text is not this form
 *          ERR_SYSTEM  no memory
 * Owns     *history is owned by the caller; end it with history_free
 */
MUST_CHECK bool history_read(struct history *history, const struct note_public_key *key,
                             const void *text, size_t size, struct err *err);
void history_free(struct history *history);

enum history_place history_find(const struct history *history, const struct checkpoint *checkpoint);

/* The newest one; of an empty history, the empty log. */
struct checkpoint history_last(const struct history *history);
