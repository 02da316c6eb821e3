/* SPDX-License-Identifier: MIT */
/*
 * The checker of column blocks, which a reader that was taken over may have written. The first byte
 * says which right block is damaged by the rest, or that the rest is a block itself, and whether
 * its checksum is mended; a block that passes is used the way metrics do.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/file.h"
#include "scorer/data/columns.h"
#include "scorer/metric/boxrows.h"
#include "tests/fuzz/fuzz.h"

enum { CHECKSUM_AT = 24, CATALOG_AT = 32, HEADER_BYTES = 128 };

static void use_topk(const struct topk_columns *topk, const struct columns_frame *frame)
{
    FUZZ_CHECK(topk->n_images == frame->n_images && topk->k == frame->k);
    for (size_t rank = 0; rank < topk->k; rank++) {
        for (size_t image = 0; image < topk->n_images; image++) {
            uint16_t category = topk->ranks[rank * topk->stride + image];
            FUZZ_CHECK(category < frame->n_classes ||
                       (category == CLASS_OTHER && frame->has_other_classes));
        }
    }
}

static void use_boxes(const struct box_columns *boxes, const struct columns_frame *frame)
{
    static struct arena *arena;
    struct box_columns flat;
    struct err err;
    size_t n = 0;

    FUZZ_CHECK(arena != NULL || arena_open(&arena, 64 << 20, &err));
    arena_reset(arena);
    FUZZ_CHECK(boxes->n_classes == frame->n_classes);
    FUZZ_CHECK(boxrows_flatten(&flat, boxes, arena, &err));
    for (size_t category = 0; category < boxes->n_classes; category++) {
        for (size_t row = boxes->class_start[category]; row < boxes->class_start[category + 1];
             row++) {
            const struct box *box = &flat.box[row];
            FUZZ_CHECK(flat.image[row] < frame->n_images);
            FUZZ_CHECK(flat.score[row] - flat.score[row] == 0);
            FUZZ_CHECK(box->x - box->x == 0 && box->y - box->y == 0);
            FUZZ_CHECK(box->width >= 0 && box->width - box->width == 0);
            FUZZ_CHECK(box->height >= 0 && box->height - box->height == 0);
            n++;
        }
    }
    FUZZ_CHECK(n == boxes->n_rows);
}

static void use(const struct columns *columns, const struct columns_frame *frame)
{
    switch (columns->kind) {
    case COLUMNS_TOPK:
        use_topk(&columns->topk, frame);
        break;
    case COLUMNS_BOXES:
        use_boxes(&columns->boxes, frame);
        break;
    case COLUMNS_PROBLEMS:
        for (size_t i = 0; i < columns->problems.n_kept; i++) {
            FUZZ_CHECK(strlen(columns->problems.kept[i].text) < PROBLEM_TEXT_MAX);
        }
        break;
    case COLUMNS_FAILURE:
        FUZZ_CHECK(strlen(columns->failure->text) < ERR_TEXT_MAX);
        break;
    }
}

static const struct columns_frame frames[] = {
    [COLUMNS_TOPK] = {.kind = COLUMNS_TOPK, .n_images = 40, .n_classes = 7, .k = 2},
    [COLUMNS_BOXES] = {.kind = COLUMNS_BOXES, .n_images = 40, .n_classes = 7},
    [COLUMNS_PROBLEMS] = {.kind = COLUMNS_TOPK, .n_images = 40, .n_classes = 7, .k = 2},
    [COLUMNS_FAILURE] = {.kind = COLUMNS_BOXES, .n_images = 40, .n_classes = 7},
};

static struct columns right_columns(enum columns_kind kind, bool is_packed)
{
    static const struct packed_box packed[5] = {{39, 1, 2, 3, 4, 5}, {.image = 7}};
    static const uint16_t ranks[2 * 64];
    static const size_t starts[8] = {0, 1, 3, 3, 3, 4, 4, 5};
    static const uint32_t images[5] = {39, 3, 0, 7, 7};
    static const double scores[5] = {0.5, 1, -2, 0, 1e300};
    static const struct box boxes[5] = {{0, 0, 1, 1}, {5, 5, 0, 0}};
    static struct problems problems;
    static const struct err failure = {.text = "no memory"};

    switch (kind) {
    case COLUMNS_TOPK:
        return (struct columns){.kind = kind,
                                .topk = {.n_images = 40, .stride = 64, .k = 2, .ranks = ranks}};
    case COLUMNS_BOXES:
        if (is_packed) {
            return (struct columns){
                .kind = kind,
                .boxes = {.n_rows = 5, .n_classes = 7, .class_start = starts, .packed = packed}};
        }
        return (struct columns){.kind = kind,
                                .boxes = {.n_rows = 5,
                                          .n_classes = 7,
                                          .class_start = starts,
                                          .image = images,
                                          .score = scores,
                                          .box = boxes}};
    case COLUMNS_PROBLEMS:
        problems = (struct problems){0};
        problems_add(&problems, 1, 2, "text for a number");
        problems_add(&problems, 3, 4, "unknown id");
        return (struct columns){.kind = kind,
                                .problems = {.n_all = 9, .n_kept = 2, .kept = problems.kept}};
    case COLUMNS_FAILURE:
        break;
    }
    return (struct columns){.kind = COLUMNS_FAILURE, .failure = &failure};
}

/* The block that a reader would write; made once for every kind. */
static const struct bytes *right_block(enum columns_kind kind, bool is_packed)
{
    static struct bytes blocks[2][ARRAY_SIZE(frames)];
    struct bytes *block = &blocks[is_packed][kind];
    struct columns columns = right_columns(kind, is_packed);
    struct err err;

    if (block->data == NULL) {
        int fd = memfd_create("block", MFD_CLOEXEC);
        FUZZ_CHECK(fd >= 0 && columns_write(fd, &columns, &frames[kind], &err));
        block->size_bytes = (size_t)lseek(fd, 0, SEEK_CUR);
        block->data = malloc(block->size_bytes);
        FUZZ_CHECK(pread(fd, block->data, block->size_bytes, 0) == (ssize_t)block->size_bytes);
        close(fd);
    }
    return block;
}

/* Aligned as a mapping is; the end of the block is the end of the memory where that fits. */
static unsigned char *copy_block(const void *data, size_t size)
{
    unsigned char *copy = NULL;
    size_t whole = (size + COLUMNS_ALIGNMENT - 1) / COLUMNS_ALIGNMENT * COLUMNS_ALIGNMENT;

    copy = aligned_alloc(COLUMNS_ALIGNMENT, whole == 0 ? COLUMNS_ALIGNMENT : whole);
    FUZZ_CHECK(copy != NULL);
    memcpy(copy, data, size);
    return copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct columns columns;
    struct err err = {0};

    if (size == 0) {
        return 0;
    }
    enum columns_kind kind = (enum columns_kind)(COLUMNS_TOPK + (data[0] & 3));
    struct columns_frame frame = frames[kind];
    const struct bytes *right = right_block(kind, (data[0] & 32) != 0);
    bool is_raw = (data[0] & 4) != 0;
    bool is_mended = (data[0] & 8) != 0;
    frame.has_other_classes = (data[0] & 16) != 0;
    size_t block_size = is_raw ? size - 1 : right->size_bytes;
    unsigned char *block = copy_block(is_raw ? data + 1 : right->data, block_size);
    for (size_t i = 1; !is_raw && i + 2 < size; i += 3) { /* offset, byte */
        block[(data[i] | data[i + 1] << 8) % block_size] = data[i + 2];
    }
    if (block_size >= HEADER_BYTES && is_mended) {
        memcpy(frame.catalog, block + CATALOG_AT, sizeof(frame.catalog));
        uint64_t sum = columns_checksum(block, block_size);
        memcpy(block + CHECKSUM_AT, &sum, sizeof(sum));
    }
    if (columns_check(&columns, block, block_size, &frame, &err)) {
        use(&columns, &frame);
    } else {
        FUZZ_CHECK(err.code == ERR_PEER);
    }
    free(block);
    return 0;
}
