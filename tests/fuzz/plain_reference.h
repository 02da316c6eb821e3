/* SPDX-License-Identifier: MIT */
/*
 * Plain rows of boxes, read by the fastest reader, by the portable one, and by the number grammar
 * field by field: the oracle of the unit test and of the fuzz program.
 */
#pragma once

#include <assert.h>
#include <string.h>

#include "scorer/data/box_plain.h"
#include "scorer/data/number.h"

enum { PLAIN_PAD = 64, PLAIN_READ_MAX = 32 };

/* How many rows each of them took. */
struct plain_counts {
    size_t n_fastest;
    size_t n_portable;
};

static bool plain_same(const struct plain_box *a, const struct plain_box *b)
{
    return memcmp(&a->box, &b->box, sizeof(a->box)) == 0 && a->class_index == b->class_index &&
           a->row_bytes == b->row_bytes;
}

/* Whether a row is what the number grammar makes of its fields. */
static bool plain_is_right(const struct plain_box *box, const struct catalog *catalog,
                           const char *at)
{
    const uint32_t numbers[] = {box->box.score, box->box.x, box->box.y, box->box.width,
                                box->box.height};
    const char *end = at + box->row_bytes - 1;
    bool ok = *end == '\n';

    for (size_t i = 0; i < 7; i++) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma == NULL ? end : comma;
        size_t size = (size_t)(stop - at);
        uint32_t packed;
        int64_t id;
        if (i == 0) {
            ok = ok && catalog_find_image(catalog, at, size) == box->box.image;
        } else if (i == 1) {
            ok = ok && number_int64(&id, at, size) == NUMBER_OK &&
                 catalog_find_class(catalog, id) == box->class_index;
        } else {
            ok = ok && number_packed(&packed, at, size) && packed == numbers[i - 2];
        }
        ok = ok && (comma == NULL) == (i == 6);
        at = stop + 1;
    }
    return ok;
}

/* Reads rows from `at` on three times; PLAIN_PAD bytes on both sides can be read. False where they
 * differ. */
static bool plain_read(struct plain_counts *counts, const struct catalog *catalog, const char *at,
                       const char *end)
{
    struct plain_box fast[PLAIN_READ_MAX];
    struct plain_box portable[PLAIN_READ_MAX];

    counts->n_fastest = box_plain_read(fast, PLAIN_READ_MAX, catalog, at, end);
    counts->n_portable = box_plain_portable(portable, PLAIN_READ_MAX, catalog, at, end);
    if (counts->n_fastest > counts->n_portable) {
        return false;
    }
    for (size_t i = 0; i < counts->n_portable; i++) {
        if (!plain_is_right(&portable[i], catalog, at) ||
            (i < counts->n_fastest && !plain_same(&fast[i], &portable[i]))) {
            return false;
        }
        at += portable[i].row_bytes;
        if (at > end) {
            return false;
        }
    }
    return true;
}
