/* SPDX-License-Identifier: MIT */
/*
 * A hash table from numbers to pointers. See the header.
 */
#include "broker/board/number_map.h"

#include <assert.h>
#include <stdlib.h>

enum { SLOTS_MIN = 64 };

void number_map_free(struct number_map *map)
{
    free(map->slots);
    *map = (struct number_map){0};
}

/* The slot of a number, or the free one where it belongs. */
static struct number_map_slot *find(struct number_map_slot *slots, size_t n_slots, int64_t number)
{
    uint64_t hash = (uint64_t)number * UINT64_C(0x9E3779B97F4A7C15);
    size_t at = (size_t)(hash >> 20) & (n_slots - 1);

    while (slots[at].value != NULL && slots[at].number != number) {
        at = (at + 1) & (n_slots - 1);
    }
    return &slots[at];
}

void *number_map_get(const struct number_map *map, int64_t number)
{
    return map->n_slots == 0 ? NULL : find(map->slots, map->n_slots, number)->value;
}

static bool grow(struct number_map *map, struct err *err)
{
    size_t n_slots = map->n_slots == 0 ? SLOTS_MIN : 2 * map->n_slots;
    struct number_map_slot *slots = calloc(n_slots, sizeof(*slots));

    if (slots == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for a table of %zu slots", n_slots);
    }
    for (size_t i = 0; i < map->n_slots; i++) {
        if (map->slots[i].value != NULL) {
            *find(slots, n_slots, map->slots[i].number) = map->slots[i];
        }
    }
    free(map->slots);
    map->slots = slots;
    map->n_slots = n_slots;
    return true;
}

bool number_map_put(struct number_map *map, int64_t number, void *value, struct err *err)
{
    assert(value != NULL);
    if (2 * (map->n_used + 1) > map->n_slots && !grow(map, err)) {
        return false;
    }
    struct number_map_slot *slot = find(map->slots, map->n_slots, number);
    map->n_used += slot->value == NULL;
    *slot = (struct number_map_slot){.number = number, .value = value};
    return true;
}
