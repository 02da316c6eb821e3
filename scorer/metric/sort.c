/* SPDX-License-Identifier: MIT */
/*
 * Insertion sort in runs of 16, then merges from the bottom up; runs that are in order already are
 * not merged.
 */
#include "scorer/metric/sort.h"

#include <string.h>

enum { RUN = 16 };

static void sort_run(struct sort_item *items, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct sort_item item = items[i];
        size_t at = i;
        for (; at > 0 && items[at - 1].key > item.key; at--) {
            items[at] = items[at - 1];
        }
        items[at] = item;
    }
}

/* Merges items[0, middle) and items[middle, n); of equal keys the left one comes first. */
static void merge(struct sort_item *items, struct sort_item *scratch, size_t middle, size_t n)
{
    size_t left = 0;
    size_t right = middle;
    size_t at = 0;

    if (items[middle - 1].key <= items[middle].key) {
        return;
    }
    memcpy(scratch, items, middle * sizeof(*items));
    while (left < middle) {
        if (right < n && items[right].key < scratch[left].key) {
            items[at++] = items[right++];
        } else {
            items[at++] = scratch[left++];
        }
    }
}

void sort_stable(struct sort_item *items, struct sort_item *scratch, size_t n)
{
    for (size_t start = 0; start < n; start += RUN) {
        sort_run(items + start, n - start < RUN ? n - start : RUN);
    }
    for (size_t width = RUN; width < n; width *= 2) {
        for (size_t start = 0; n - start > width; start += 2 * width) {
            size_t length = n - start < 2 * width ? n - start : 2 * width;
            merge(items + start, scratch, width, length);
            if (length < 2 * width) {
                break;
            }
        }
    }
}
