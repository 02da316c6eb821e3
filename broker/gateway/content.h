/* SPDX-License-Identifier: MIT */
/*
 * The bytes of an answer, made once and shared by every request that gets them.
 */
#pragma once

#include "common/jwriter.h"

#include <stddef.h>

enum { CONTENT_ETAG_SIZE = 2 + 32 + 1 };

struct content {
    size_t n_holders;
    struct bytes bytes;           /* owned */
    const char *type;             /* borrowed for ever: "application/json" */
    char etag[CONTENT_ETAG_SIZE]; /* with its quotes; from the bytes, so that equal is equal */
};

/*
 * Takes what was written and makes a content of it with one holder.
 *
 * Errors   ERR_LIMIT   the writer failed
 *          ERR_SYSTEM  no memory
 * Owns     the writer's bytes are taken in any case; *content is held by the caller
 */
MUST_CHECK bool content_make(struct content **content, struct jwriter *writer, const char *type,
                             struct err *err);

struct content *content_hold(struct content *content);

/* Lets go, frees it after the last holder, and sets *content to NULL; accepts NULL in it. */
void content_release(struct content **content);
