/* SPDX-License-Identifier: MIT */
/*
 * A set of ids, to find the one that repeats where there is no list to look it up in.
 */
#pragma once

#include "common/arena.h"

struct id_set;

enum id_set_outcome { ID_SET_ADDED, ID_SET_REPEATS, ID_SET_FAILED };

/* Errors: ERR_LIMIT, ERR_SYSTEM. Owns: the set belongs to `arena`, as does all it holds. */
MUST_CHECK bool id_set_open(struct id_set **set, struct arena *arena, struct err *err);

/* Adds a copy of an id. Errors (ID_SET_FAILED): ERR_LIMIT, ERR_SYSTEM. */
MUST_CHECK enum id_set_outcome id_set_add(struct id_set *set, const char *text, size_t size,
                                          struct err *err);
