/* SPDX-License-Identifier: MIT */
/*
 * Gathering boxes. See the header.
 */
#include "scorer/data/box_stage.h"

#include "scorer/metric/packed.h"

/* Pieces are cut from slabs, each twice the last one: small for small files, with huge pages for
 * large ones. */
enum { SLAB_MIN = 64 << 10, SLAB_MAX = 4 << 20 };

bool box_stage_ready(struct reading *reading, struct part *part, struct err *err)
{
    if (part->boxes == NULL) {
        size_t n_classes = reading->source->catalog->n_classes;
        part->boxes = reading_alloc(reading, n_classes, sizeof(*part->boxes), err);
    }
    return part->boxes != NULL;
}

/* Appends an empty piece to a list, from the slab of the part's lane. */
static bool extend(struct reading *reading, struct part *part, struct box_list *list, bool is_wide,
                   struct err *err)
{
    struct slab *slab = &part->lane->slab;

    if (slab->n_left == 0) {
        slab->bytes = slab->bytes == 0         ? SLAB_MIN
                      : slab->bytes < SLAB_MAX ? 2 * slab->bytes
                                               : SLAB_MAX;
        size_t n = slab->bytes / sizeof(*slab->next);
        slab->next = reading_take(reading, &n, sizeof(*slab->next), err);
        if (slab->next == NULL) {
            return false;
        }
        slab->n_left = n;
    }
    struct box_piece *piece = slab->next++;
    slab->n_left--;
    piece->is_wide = is_wide;
    if (list->last == NULL) {
        list->first = piece;
    } else {
        list->last->next = piece;
        list->last->n = list->n_last;
    }
    list->last = piece;
    list->n_last = 0;
    return true;
}

bool box_stage_put_wide(struct reading *reading, struct part *part, uint16_t class_index,
                        const struct wide_box *box, struct err *err)
{
    struct box_list *list = &part->boxes[class_index];
    bool has_room = list->last != NULL && list->last->is_wide && list->n_last < PIECE_WIDE;

    if (!has_room && !extend(reading, part, list, true, err)) {
        return false;
    }
    list->last->wide[list->n_last++] = *box;
    list->n_rows++;
    part->is_wide = true;
    return true;
}

bool box_stage_put_first(struct reading *reading, struct part *part, uint16_t class_index,
                         const struct packed_box *box, struct err *err)
{
    struct box_list *list = &part->boxes[class_index];

    if (list->last != NULL && list->last->is_wide) { /* rather than a new piece at each change */
        struct wide_box wide = packed_wide(box);
        return box_stage_put_wide(reading, part, class_index, &wide, err);
    }
    if (!extend(reading, part, list, false, err)) {
        return false;
    }
    list->last->packed[list->n_last++] = *box;
    list->n_rows++;
    return true;
}

/* Takes over the lists of a part: their first pieces, and what they add to the counts. */
static void take_part(struct box_columns *columns, const struct box_piece **first,
                      size_t *class_count, const struct part *part)
{
    for (size_t c = 0; c < columns->n_classes && part->boxes != NULL; c++) {
        const struct box_list *list = &part->boxes[c];
        if (list->last != NULL) {
            list->last->n = list->n_last;
        }
        first[c] = list->first;
        class_count[c] += list->n_rows;
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
