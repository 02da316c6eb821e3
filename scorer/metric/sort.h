/* SPDX-License-Identifier: MIT */
/*
 * A stable sort of keyed items, for boxes inside an image and for hits inside a class: short and
 * mostly in order already. n log n on any input, linear on sorted input; no memory of its own.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct sort_item {
    uint64_t key;
    uint32_t index;
    uint32_t tag; /* the caller's own */
};

/* Sorts by rising key; items of equal keys keep their order. `scratch` has room for n items. */
void sort_stable(struct sort_item *items, struct sort_item *scratch, size_t n);
