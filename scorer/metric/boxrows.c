/* SPDX-License-Identifier: MIT */
/*
 * Reading box columns. See the header.
 */
#include "scorer/metric/boxrows.h"

#include <assert.h>
#include <string.h>

#include "scorer/metric/packed.h"

bool boxrows_are_packed(const struct box_columns *columns)
{
    return columns->packed != NULL || (columns->pieces != NULL && !columns->has_wide);
}

static void put_scores(uint32_t *image, double *score, const struct packed_box *from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        image[i] = from[i].image;
        score[i] = packed_value(from[i].score);
    }
}

/* Asks for a piece: pieces lie wherever, and each is only found by the one before it. */
static void prefetch(const struct box_piece *piece)
{
    enum { LINE_BYTES = 64 };

    for (size_t at = 0; at < sizeof(*piece); at += LINE_BYTES) {
        __builtin_prefetch((const char *)piece + at);
    }
}

const struct packed_box *boxrows_packed(uint32_t *image, double *score, struct packed_box *room,
                                        const struct box_columns *columns, size_t category)
{
    size_t n = 0;

    assert(boxrows_are_packed(columns));
    if (columns->packed != NULL) {
        const struct packed_box *packed = columns->packed + columns->class_start[category];
        put_scores(image, score, packed, boxrows_count(columns, category));
        return packed;
    }
    for (size_t part = 0; part < columns->n_parts; part++) {
        const struct box_piece *piece = columns->pieces[part * columns->n_classes + category];
        for (; piece != NULL; piece = piece->next) {
            prefetch(piece->next);
            memcpy(room + n, piece->packed, piece->n * sizeof(*room));
            put_scores(image + n, score + n, piece->packed, piece->n);
            n += piece->n;
        }
    }
    return room;
}

/* The arrays that are filled, and how far. */
struct arrays {
    uint32_t *image;
    double *score;
    struct box *box;
    size_t n;
};

static void add_packed(struct arrays *to, const struct packed_box *from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        to->image[to->n] = from[i].image;
        to->score[to->n] = packed_value(from[i].score);
        to->box[to->n++] = packed_box_value(&from[i]);
    }
}

static void add_wide(struct arrays *to, const struct wide_box *from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        to->image[to->n] = from[i].image;
        to->score[to->n] = from[i].score;
        to->box[to->n++] = from[i].box;
    }
}

void boxrows_copy(uint32_t *image, double *score, struct box *box,
                  const struct box_columns *columns, size_t category)
{
    struct arrays to = {.image = image, .score = score, .box = box};
    size_t start = columns->class_start[category];
    size_t n = boxrows_count(columns, category);

    if (columns->packed != NULL) {
        add_packed(&to, columns->packed + start, n);
        return;
    }
    if (columns->pieces == NULL) {
        for (size_t i = 0; i < n; i++) {
            image[i] = columns->image[start + i];
            score[i] = columns->score[start + i];
            box[i] = columns->box[start + i];
        }
        return;
    }
    for (size_t part = 0; part < columns->n_parts; part++) {
        const struct box_piece *piece = columns->pieces[part * columns->n_classes + category];
        for (; piece != NULL; piece = piece->next) {
            if (piece->is_wide) {
                add_wide(&to, piece->wide, piece->n);
            } else {
                add_packed(&to, piece->packed, piece->n);
            }
        }
    }
}

bool boxrows_flatten(struct box_columns *flat, const struct box_columns *columns,
                     struct arena *arena, struct err *err)
{
    size_t n_rows = columns->n_rows;

    *flat = *columns;
    if (columns->packed == NULL && columns->pieces == NULL) {
        return true;
    }
    uint32_t *image = arena_alloc(arena, n_rows, sizeof(*image), err);
    double *score = arena_alloc(arena, n_rows, sizeof(*score), err);
    struct box *box = arena_alloc(arena, n_rows, sizeof(*box), err);
    if (image == NULL || score == NULL || box == NULL) {
        return false;
    }
    for (size_t category = 0; category < columns->n_classes; category++) {
        size_t start = columns->class_start[category];
        boxrows_copy(image + start, score + start, box + start, columns, category);
    }
    *flat = (struct box_columns){.n_rows = n_rows,
                                 .n_classes = columns->n_classes,
                                 .class_start = columns->class_start,
                                 .image = image,
                                 .score = score,
                                 .box = box};
    return true;
}
