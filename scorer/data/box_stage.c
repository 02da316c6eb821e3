/* SPDX-License-Identifier: MIT */
/*
 * Gathering and spreading boxes. See the header.
 */
#include "scorer/data/box_stage.h"

enum {
    BOX_BLOCK_MAX = 1 << 17, /* boxes of one block: 6 MB, large enough for huge pages */
    ROW_BYTES_MIN = 14,      /* 1,1,0,0,0,0,0 and a line end */
};

/* Boxes for which the next block needs room: no more than the rest of the part can hold. */
static size_t block_room(const struct reading *reading, const struct part *part)
{
    uint64_t end = part->end < reading->bytes.size ? part->end : reading->bytes.size;
    uint64_t n_boxes = (end - part->begin) / ROW_BYTES_MIN + BOX_BLOCK_MIN;

    if (reading->bytes.read != NULL) {
        n_boxes = part->blocks == NULL ? 4096 : 2 * part->blocks->room;
    }
    return n_boxes < BOX_BLOCK_MAX ? (size_t)n_boxes : BOX_BLOCK_MAX;
}

struct box_block *box_stage_room(struct reading *reading, struct part *part, size_t n,
                                 struct err *err)
{
    struct box_block *block = part->blocks;

    if (block != NULL && block->room - block->n >= n) {
        return block;
    }
    size_t room = block_room(reading, part);
    block = reading_alloc(reading, 1, sizeof(*block), err);
    if (block == NULL) {
        return NULL;
    }
    *block = (struct box_block){
        .next = part->blocks,
        .room = room,
        .class_index = reading_alloc(reading, room, sizeof(uint16_t), err),
        .image = reading_alloc(reading, room, sizeof(uint32_t), err),
        .score = reading_alloc(reading, room, sizeof(double), err),
        .box = reading_alloc(reading, room, sizeof(struct box), err),
    };
    if (block->class_index == NULL || block->image == NULL || block->score == NULL ||
        block->box == NULL) {
        return NULL;
    }
    part->blocks = block;
    return block;
}

/* The columns while they are filled, and where each part's boxes of each class end in them. */
struct spread {
    struct reading *reading;
    size_t n_classes;
    size_t *end; /* n_parts x n_classes: first counts, then ends */
    uint32_t *image;
    double *score;
    struct box *box;
};

static void count_part(void *data, size_t part_index)
{
    struct spread *spread = data;
    size_t *count = spread->end + part_index * spread->n_classes;

    for (const struct box_block *block = spread->reading->parts[part_index].blocks; block != NULL;
         block = block->next) {
        for (size_t i = 0; i < block->n; i++) {
            count[block->class_index[i]]++;
        }
    }
}

/* Blocks and boxes go by from the last to the first, each before the one behind it. */
static void spread_part(void *data, size_t part_index)
{
    struct spread *spread = data;
    size_t *end = spread->end + part_index * spread->n_classes;

    for (const struct box_block *block = spread->reading->parts[part_index].blocks; block != NULL;
         block = block->next) {
        for (size_t i = block->n; i-- > 0;) {
            size_t row = --end[block->class_index[i]];
            spread->image[row] = block->image[i];
            spread->score[row] = block->score[i];
            spread->box[row] = block->box[i];
        }
    }
}

/* Counts become ends: class by class, within a class part by part. Returns the count of all. */
static size_t sum_up(const struct spread *spread, size_t *class_start)
{
    size_t n_rows = 0;

    for (size_t c = 0; c < spread->n_classes; c++) {
        class_start[c] = n_rows;
        for (size_t i = 0; i < spread->reading->n_parts; i++) {
            n_rows += spread->end[i * spread->n_classes + c];
            spread->end[i * spread->n_classes + c] = n_rows;
        }
    }
    class_start[spread->n_classes] = n_rows;
    return n_rows;
}

/* Allocates the columns; blocks and columns together must fit the arena's limit. */
static bool spread_open(struct spread *spread, size_t n_rows, struct err *err)
{
    enum { ROW_BYTES = sizeof(uint32_t) + sizeof(double) + sizeof(struct box) };
    struct reading *reading = spread->reading;
    size_t used = arena_used_bytes(reading->scratch);
    size_t left = arena_left_bytes(reading->arena);

    if (used > left || n_rows > (left - used) / ROW_BYTES) {
        return err_set(err, ERR_LIMIT, "%zu boxes need more memory than the job may have", n_rows);
    }
    spread->image = arena_alloc(reading->arena, n_rows, sizeof(uint32_t), err);
    spread->score = arena_alloc(reading->arena, n_rows, sizeof(double), err);
    spread->box = arena_alloc(reading->arena, n_rows, sizeof(struct box), err);
    return spread->image != NULL && spread->score != NULL && spread->box != NULL;
}

bool box_stage_finish(struct submission *submission, struct reading *reading, struct err *err)
{
    size_t n_classes = reading->source->catalog->n_classes;
    struct spread spread = {.reading = reading, .n_classes = n_classes};
    size_t *class_start = arena_alloc(reading->arena, n_classes + 1, sizeof(*class_start), err);

    spread.end = arena_alloc(reading->scratch, reading->n_parts * n_classes, sizeof(size_t), err);
    if (class_start == NULL || spread.end == NULL) {
        return false;
    }
    reading_each_part(reading, count_part, &spread);
    size_t n_rows = sum_up(&spread, class_start);
    if (!spread_open(&spread, n_rows, err)) {
        return false;
    }
    reading_each_part(reading, spread_part, &spread);
    submission->boxes = (struct box_columns){.n_rows = n_rows,
                                             .n_classes = n_classes,
                                             .class_start = class_start,
                                             .image = spread.image,
                                             .score = spread.score,
                                             .box = spread.box};
    return true;
}
