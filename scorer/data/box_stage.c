/* SPDX-License-Identifier: MIT */
/*
 * Gathering boxes. See the header.
 */
#include "scorer/data/box_stage.h"

#include <assert.h>

#include "scorer/metric/packed.h"

/* Pieces are cut from slabs, each twice the last one: small for small files, with huge pages for
 * large ones. */
enum { SLAB_MIN = 64 << 10, SLAB_MAX = 4 << 20, ALIGN_GIVEN = 64 };

bool box_stage_ready(struct reading *reading, struct part *part, struct err *err)
{
    size_t n = reading->source->catalog->n_classes;

    if (part->boxes != NULL) {
        return true;
    }
    struct box_lists *lists = reading_alloc(reading, 1, sizeof(*lists), err);
    if (lists == NULL ||
        (lists->next = reading_alloc(reading, n, sizeof(*lists->next), err)) == NULL ||
        (lists->first = reading_alloc(reading, n, sizeof(*lists->first), err)) == NULL ||
        (lists->last = reading_alloc(reading, n, sizeof(*lists->last), err)) == NULL ||
        (lists->n_before = reading_alloc(reading, n, sizeof(*lists->n_before), err)) == NULL) {
        return false;
    }
    part->boxes = lists;
    return true;
}

/* Takes memory for pieces; false with err filled. */
static bool new_slab(struct reading *reading, struct slab *slab, struct err *err)
{
    slab->bytes = slab->bytes == 0 ? SLAB_MIN : slab->bytes < SLAB_MAX ? 2 * slab->bytes : SLAB_MAX;
    size_t n = slab->bytes / ALIGN_GIVEN;
    char *given = reading_take(reading, &n, ALIGN_GIVEN, err);
    if (given == NULL) {
        return false;
    }
    size_t skipped = -(uintptr_t)given % BOX_PIECE_BYTES; /* none, but for the rest of an arena */
    size_t room = n * ALIGN_GIVEN;
    if (room < skipped + BOX_PIECE_BYTES) {
        return err_set(err, ERR_LIMIT, "no room for more boxes");
    }
    slab->next = (struct box_piece *)(void *)(given + skipped);
    slab->n_left = (room - skipped) / BOX_PIECE_BYTES;
    return true;
}

/* Boxes in the last piece of a list. */
static uint32_t last_count(const struct box_lists *lists, size_t class_index)
{
    const struct box_piece *last = lists->last[class_index];

    if (last == NULL || last->is_wide) {
        return last == NULL ? 0 : last->n;
    }
    return (uint32_t)(lists->next[class_index] - last->packed);
}

/* Appends an empty piece to a list, from the slab of the part's lane. */
static bool extend(struct reading *reading, struct part *part, size_t class_index, bool is_wide,
                   struct err *err)
{
    struct slab *slab = &part->lane->slab;
    struct box_lists *lists = part->boxes;
    struct box_piece *last = lists->last[class_index];

    if (slab->n_left == 0 && !new_slab(reading, slab, err)) {
        return false;
    }
    struct box_piece *piece = slab->next++;
    slab->n_left--;
    piece->is_wide = is_wide;
    if (last == NULL) {
        lists->first[class_index] = piece;
    } else {
        last->n = last_count(lists, class_index);
        last->next = piece;
        lists->n_before[class_index] += last->n;
    }
    lists->last[class_index] = piece;
    lists->next[class_index] = is_wide ? NULL : piece->packed;
    return true;
}

bool box_stage_put_wide(struct reading *reading, struct part *part, uint16_t class_index,
                        const struct wide_box *box, struct err *err)
{
    assert(class_index < reading->source->catalog->n_classes);
    const struct box_piece *last = part->boxes->last[class_index];
    bool has_room = last != NULL && last->is_wide && last->n < PIECE_WIDE;

    if (!has_room && !extend(reading, part, class_index, true, err)) {
        return false;
    }
    struct box_piece *piece = part->boxes->last[class_index];
    piece->wide[piece->n++] = *box;
    part->is_wide = true;
    return true;
}

bool box_stage_put_first(struct reading *reading, struct part *part, uint16_t class_index,
                         const struct packed_box *box, struct err *err)
{
    assert(class_index < reading->source->catalog->n_classes);
    const struct box_piece *last = part->boxes->last[class_index];

    if (last != NULL && last->is_wide) { /* rather than a new piece at each change */
        struct wide_box wide = packed_wide(box);
        return box_stage_put_wide(reading, part, class_index, &wide, err);
    }
    if (!extend(reading, part, class_index, false, err)) {
        return false;
    }
    *part->boxes->next[class_index]++ = *box;
    return true;
}

/* Takes over the lists of a part: their first pieces, and what they add to the counts. */
static void take_part(struct box_columns *columns, const struct box_piece **first,
                      size_t *class_count, const struct part *part)
{
    struct box_lists *lists = part->boxes;

    for (size_t c = 0; c < columns->n_classes && lists != NULL; c++) {
        uint32_t n_last = last_count(lists, c);
        if (n_last > 0) {
            lists->last[c]->n = n_last;
        }
        first[c] = lists->first[c];
        class_count[c] += lists->n_before[c] + n_last;
    }
    columns->has_wide = columns->has_wide || part->is_wide;
}

bool box_stage_finish(struct submission *submission, struct reading *reading, struct err *err)
{
    size_t n_classes = reading->source->catalog->n_classes;
    struct box_columns columns = {.n_classes = n_classes, .n_parts = reading->n_parts};
    size_t *start = arena_alloc(reading->arena, n_classes + 1, sizeof(*start), err);
    const struct box_piece **first =
        arena_alloc(reading->arena, columns.n_parts * n_classes, sizeof(const void *), err);

    if (start == NULL || first == NULL) {
        return false;
    }
    for (size_t i = 0; i < columns.n_parts; i++) {
        take_part(&columns, first + i * n_classes, start + 1, &reading->parts[i]);
    }
    for (size_t c = 0; c < n_classes; c++) {
        start[c + 1] += start[c];
    }
    columns.n_rows = start[n_classes];
    columns.class_start = start;
    columns.pieces = first;
    submission->boxes = columns;
    return true;
}
