/* SPDX-License-Identifier: MIT */
/*
 * A hash table from numbers to pointers: teams by their number, tokens by their id. Open
 * addressing, at most half full, no deletion (nothing of what it holds ever goes away).
 */
#pragma once

#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

struct number_map_slot {
    int64_t number;
    void *value; /* NULL: free */
};

/* {0} … number_map_free; the values are the caller's. */
struct number_map {
    struct number_map_slot *slots; /* owned */
    size_t n_slots;                /* a power of two, or 0 */
    size_t n_used;
};

void number_map_free(struct number_map *map);

/* The value of a number, or NULL. */
void *number_map_get(const struct number_map *map, int64_t number);

/* Sets the value (not NULL) of a number. Errors: ERR_SYSTEM (no memory; the map is as it was). */
MUST_CHECK bool number_map_put(struct number_map *map, int64_t number, void *value,
                               struct err *err);
