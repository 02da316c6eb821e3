/* SPDX-License-Identifier: MIT */
/*
 * An ordered set of copies, as glibc's tsearch keeps it (whose header has a `struct entry`, too).
 * NULL is the empty set.
 */
#pragma once

#include "common/err.h"

#include <stddef.h>

/*
 * Keeps a copy of an item.
 *
 * Errors   ERR_INPUT   the set has its equal
 *          ERR_SYSTEM  no memory
 */
MUST_CHECK bool ordered_keep(void **set, const void *item, size_t size,
                             int (*compare)(const void *a, const void *b), struct err *err);

/* The item that equals `key`, or NULL. */
const void *ordered_find(void *const *set, const void *key,
                         int (*compare)(const void *a, const void *b));

/* Hands out every item, in ascending order. */
void ordered_walk(const void *set, void (*visit)(const void *item, void *context), void *context);

void ordered_free(void **set);
