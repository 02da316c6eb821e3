/* SPDX-License-Identifier: MIT */
/* Column blocks written and read back, and every kind of lie a block could tell, refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "scorer/data/columns.h"
#include "scorer/metric/boxrows.h"
#include "scorer/metric/packed.h"

enum { N_IMAGES = 40, N_CLASSES = 7, K = 2, N_BOXES = 5, CHECKSUM_AT = 24 };

/* Where the parts of the sample block of boxes lie. */
enum { STARTS_AT = 128, IMAGES_AT = 192, SCORES_AT = 256, BOXES_AT = 320 };

static const struct columns_frame topk_frame = {.catalog = "catalog of the tests",
                                                .kind = COLUMNS_TOPK,
                                                .n_images = N_IMAGES,
                                                .n_classes = N_CLASSES,
                                                .k = K};
static const struct columns_frame box_frame = {.catalog = "catalog of the tests",
                                               .kind = COLUMNS_BOXES,
                                               .n_images = N_IMAGES,
                                               .n_classes = N_CLASSES};

struct block {
    unsigned char *data;
    size_t size;
};

static struct block write_block(const struct columns *columns, const struct columns_frame *frame)
{
    struct block block = {0};
    struct err err = {0};
    int fd = memfd_create("block", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_true(columns_write(fd, columns, frame, &err));
    block.size = (size_t)lseek(fd, 0, SEEK_CUR);
    block.data = aligned_alloc(COLUMNS_ALIGNMENT, block.size);
    assert_non_null(block.data);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_true(read_full(fd, block.data, block.size, &err));
    close(fd);
    return block;
}

static struct block topk_block(void)
{
    uint16_t ranks[K * 64] = {0};
    const struct columns columns = {
        .kind = COLUMNS_TOPK,
        .topk = {.n_images = N_IMAGES, .stride = columns_stride(N_IMAGES), .k = K, .ranks = ranks}};

    for (size_t i = 0; i < N_IMAGES; i++) {
        ranks[i] = (uint16_t)(i % N_CLASSES);
        ranks[64 + i] = (uint16_t)((i + 1) % N_CLASSES);
    }
    return write_block(&columns, &topk_frame);
}

static struct block boxes_block(void)
{
    static const size_t starts[N_CLASSES + 1] = {0, 2, 2, 2, 5, 5, 5, 5};
    static const uint32_t images[N_BOXES] = {0, 39, 4, 4, 17};
    static const double scores[N_BOXES] = {0.5, -3, 1e300, 0, 1};
    static const struct box boxes[N_BOXES] = {
        {1, 2, 3, 4}, {-1, -2, 0, 0}, {0, 0, 1e308, 1}, {5, 5, 5, 5}, {0.5, 0.25, 1, 1}};
    const struct columns columns = {.kind = COLUMNS_BOXES,
                                    .boxes = {.n_rows = N_BOXES,
                                              .n_classes = N_CLASSES,
                                              .class_start = starts,
                                              .image = images,
                                              .score = scores,
                                              .box = boxes}};

    return write_block(&columns, &box_frame);
}

static const size_t packed_starts[N_CLASSES + 1] = {0, 2, 2, 2, 5, 5, 5, 5};

/* The boxes of the packed block as a reading with two parts leaves them. */
static struct box_columns packed_pieces(void)
{
    static struct box_piece pieces[4];
    static const struct box_piece *first[2 * N_CLASSES] = {
        [0] = &pieces[0], [3] = &pieces[1], [N_CLASSES + 3] = &pieces[3]};

    pieces[0].n = 2;
    pieces[0].packed[0] = (struct packed_box){.image = 1, .width = packed_make(25, 1, false)};
    pieces[0].packed[1] = (struct packed_box){39, packed_make(5, 1, true), 1, 2, 3, 4};
    pieces[1].n = 1;
    pieces[1].next = &pieces[2];
    pieces[1].packed[0] = (struct packed_box){4, 5, 6, 7, 8, 9};
    pieces[2].n = 1;
    pieces[2].packed[0] = (struct packed_box){4, packed_make(99999999, 15, false), 0, 0, 0, 0};
    pieces[3].n = 1;
    pieces[3].packed[0] = (struct packed_box){17, 0, packed_make(1, 0, true), 0, 0, 0};
    return (struct box_columns){.n_rows = N_BOXES,
                                .n_classes = N_CLASSES,
                                .class_start = packed_starts,
                                .pieces = first,
                                .n_parts = 2};
}

static struct block packed_block(void)
{
    const struct columns columns = {.kind = COLUMNS_BOXES, .boxes = packed_pieces()};

    return write_block(&columns, &box_frame);
}

static struct block problems_block(void)
{
    struct problems problems = {0};

    problems_add(&problems, 3, 9, "class id 'x' is no number");
    problems_add(&problems, 4, 1, "image id 'y' is not in the list");
    problems.n_all = 77;
    const struct columns columns = {
        .kind = COLUMNS_PROBLEMS,
        .problems = {.n_all = 77, .n_kept = problems.n_kept, .kept = problems.kept}};
    return write_block(&columns, &box_frame);
}

static struct block failure_block(void)
{
    struct err err = {0};

    err_set(&err, ERR_LIMIT, "memory limit of %d bytes", 5);
    const struct columns columns = {.kind = COLUMNS_FAILURE, .failure = &err};
    return write_block(&columns, &box_frame);
}

static void seal(struct block *block)
{
    uint64_t sum = columns_checksum(block->data, block->size);

    memcpy(block->data + CHECKSUM_AT, &sum, sizeof(sum));
}

static void test_columns_check_topk(void **state)
{
    (void)state;
    struct block block = topk_block();
    struct columns columns;
    struct err err = {0};

    assert_true(columns_check(&columns, block.data, block.size, &topk_frame, &err));
    assert_int_equal(columns.kind, COLUMNS_TOPK);
    assert_int_equal(columns_rows(&columns), N_IMAGES);
    assert_int_equal(columns.topk.stride, 64);
    assert_int_equal(columns.topk.k, K);
    assert_int_equal(columns.topk.ranks[39], 39 % N_CLASSES);
    assert_int_equal(columns.topk.ranks[64 + 39], 40 % N_CLASSES);
    free(block.data);
}

static void test_columns_check_boxes(void **state)
{
    (void)state;
    struct block block = boxes_block();
    struct columns columns;
    struct err err = {0};

    assert_true(columns_check(&columns, block.data, block.size, &box_frame, &err));
    assert_int_equal(columns.kind, COLUMNS_BOXES);
    assert_int_equal(columns_rows(&columns), N_BOXES);
    assert_int_equal(columns.boxes.class_start[3], 2);
    assert_int_equal(columns.boxes.image[1], 39);
    assert_true(columns.boxes.score[1] == -3);
    assert_true(columns.boxes.box[4].y == 0.25);
    free(block.data);
}

static void test_columns_check_packed_boxes(void **state)
{
    (void)state;
    struct block block = packed_block();
    struct columns columns;
    struct err err = {0};
    uint32_t image[3];
    double score[3];
    struct box box[3];

    assert_true(columns_check(&columns, block.data, block.size, &box_frame, &err));
    assert_int_equal(columns_rows(&columns), N_BOXES);
    assert_non_null(columns.boxes.packed);
    boxrows_copy(image, score, box, &columns.boxes, 0);
    assert_memory_equal(image, ((uint32_t[]){1, 39}), 8);
    assert_memory_equal(score, ((double[]){0, -0.5}), 16);
    assert_memory_equal(box, ((struct box[]){{0, 0, 2.5, 0}, {1, 2, 3, 4}}), 64);
    boxrows_copy(image, score, box, &columns.boxes, 3);
    assert_memory_equal(image, ((uint32_t[]){4, 4, 17}), 12);
    assert_memory_equal(score, ((double[]){5, 99999999e-15, 0}), 24);
    assert_true(box[2].x == -1);
    struct block again = write_block(&columns, &box_frame); /* as one array, not in pieces */
    assert_int_equal(again.size, block.size);
    assert_memory_equal(again.data, block.data, block.size);
    free(again.data);
    free(block.data);
}

/* One wide piece: all boxes become arrays. */
static void test_columns_write_wide_pieces(void **state)
{
    (void)state;
    struct columns columns = {.kind = COLUMNS_BOXES, .boxes = packed_pieces()};
    struct box_columns flat = {0};
    struct arena *arena = NULL;
    struct err err = {0};
    struct box_piece wide = {.n = 1, .is_wide = true};
    const struct box_piece *first[2 * N_CLASSES];

    wide.wide[0] = (struct wide_box){.image = 17, .score = 0.1, .box = {1e-9, 2, 3, 1e99}};
    memcpy(first, columns.boxes.pieces, sizeof(first));
    first[N_CLASSES + 3] = &wide;
    columns.boxes.pieces = first;
    columns.boxes.has_wide = true;
    struct block block = write_block(&columns, &box_frame);
    assert_true(arena_open(&arena, 1 << 20, &err));
    assert_true(boxrows_flatten(&flat, &columns.boxes, arena, &err));
    assert_true(columns_check(&columns, block.data, block.size, &box_frame, &err));
    assert_null(columns.boxes.packed);
    assert_memory_equal(columns.boxes.class_start, packed_starts, sizeof(packed_starts));
    assert_memory_equal(columns.boxes.image, flat.image, N_BOXES * sizeof(uint32_t));
    assert_memory_equal(columns.boxes.score, flat.score, N_BOXES * sizeof(double));
    assert_memory_equal(columns.boxes.box, flat.box, N_BOXES * sizeof(struct box));
    assert_true(flat.box[4].height == 1e99 && flat.score[3] == 99999999e-15);
    arena_close(&arena);
    free(block.data);
}

static void test_columns_check_problems_and_failure(void **state)
{
    (void)state;
    struct block block = problems_block();
    struct columns columns;
    struct err err = {0};

    assert_true(columns_check(&columns, block.data, block.size, &topk_frame, &err));
    assert_int_equal(columns.kind, COLUMNS_PROBLEMS);
    assert_int_equal(columns.problems.n_all, 77);
    assert_int_equal(columns.problems.n_kept, 2);
    assert_string_equal(columns.problems.kept[0].text, "class id 'x' is no number");
    assert_int_equal(columns.problems.kept[1].line, 4);
    free(block.data);
    block = failure_block();
    assert_true(columns_check(&columns, block.data, block.size, &topk_frame, &err));
    assert_int_equal(columns.kind, COLUMNS_FAILURE);
    assert_string_equal(columns.failure->text, "memory limit of 5 bytes");
    free(block.data);
}

struct lie {
    const char *name;
    struct block (*make)(void);
    size_t at;
    size_t size;
    uint64_t value;
    const char *text; /* part of the refusal */
};

#define NAN_BITS UINT64_C(0x7ff8000000000000)
#define INFINITY_BITS UINT64_C(0xfff0000000000000)

static const struct lie lies[] = {
    {"magic", topk_block, 0, 1, 'B', "version"},
    {"version", topk_block, 8, 4, 1, "version"},
    {"kind", topk_block, 12, 4, 9, "kind"},
    {"another kind", topk_block, 12, 4, COLUMNS_BOXES, "size"},
    {"size", topk_block, 16, 8, 1000, "size"},
    {"catalog", topk_block, 32, 1, 'C', "another catalog"},
    {"more images than the catalog", topk_block, 64, 8, N_IMAGES + 1, "counts"},
    {"images that wrap", topk_block, 64, 8, UINT64_MAX, "impossible"},
    {"far too many images", topk_block, 64, 8, UINT64_C(1) << 57, "size"},
    {"classes", topk_block, 72, 8, N_CLASSES + 1, "counts"},
    {"classes that wrap", boxes_block, 72, 8, UINT64_MAX, "impossible"},
    {"rows that wrap", boxes_block, 80, 8, UINT64_C(1) << 62, "impossible"},
    {"rows more", boxes_block, 80, 8, N_BOXES + 1, "ascend"},
    {"ranks fewer", topk_block, 88, 8, 1, "size"},
    {"ranks that wrap", topk_block, 88, 8, UINT64_MAX, "impossible"},
    {"reserved", topk_block, 104, 1, 1, "version"},
    {"ranks that are packed", topk_block, 96, 1, 1, "version"},
    {"boxes that are packed twice", packed_block, 96, 1, 2, "version"},
    {"boxes that are packed after all", boxes_block, 96, 1, 1, "size"},
    {"image index of a packed box", packed_block, IMAGES_AT + 4 * 24, 4, N_IMAGES, "image index"},
    {"negative width of a packed box", packed_block, IMAGES_AT + 2 * 24 + 16, 4, 0x80000001,
     "negative"},
    {"negative height of a packed box", packed_block, IMAGES_AT + 20, 4, 0xf8000009, "negative"},
    {"class index", topk_block, 128, 2, N_CLASSES, "class index"},
    {"class index of the last image and rank", topk_block, 128 + 2 * (64 + 39), 2, N_CLASSES,
     "class index"},
    {"other class where there is none", topk_block, 128, 2, CLASS_OTHER, "class index"},
    {"first class starts late", boxes_block, STARTS_AT, 8, 1, "ascend"},
    {"classes overlap by a row", boxes_block, STARTS_AT + 16, 8, 3, "ascend"},
    {"class outside the rows", boxes_block, STARTS_AT + 24, 8, UINT64_MAX, "ascend"},
    {"last class ends early", boxes_block, STARTS_AT + 56, 8, 4, "ascend"},
    {"image index", boxes_block, IMAGES_AT + 16, 4, N_IMAGES, "image index"},
    {"score is nan", boxes_block, SCORES_AT + 32, 8, NAN_BITS, "finite"},
    {"score is infinite", boxes_block, SCORES_AT + 8, 8, INFINITY_BITS, "finite"},
    {"x is nan", boxes_block, BOXES_AT, 8, NAN_BITS, "finite"},
    {"height is infinite", boxes_block, BOXES_AT + 4 * 32 + 24, 8, INFINITY_BITS, "finite"},
    {"negative width", boxes_block, BOXES_AT + 2 * 32 + 16, 8, UINT64_C(0xbff0000000000000),
     "negative"},
    {"negative height", boxes_block, BOXES_AT + 24, 8, UINT64_C(0x8000000000000001), "negative"},
    {"no problems", problems_block, 88, 8, 0, "size"},
    {"fewer problems in all than kept", problems_block, 80, 8, 1, "count"},
    {"escape in a problem", problems_block, 128 + 12, 1, 27, "printable"},
    {"escape in a failure", failure_block, 128 + 20, 1, 27, "printable"},
};

static void test_columns_check_refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
        struct block block = lies[i].make();
        const struct columns_frame *frame = lies[i].make == topk_block ? &topk_frame : &box_frame;
        struct columns columns;
        struct err err = {0};
        memcpy(block.data + lies[i].at, &lies[i].value, lies[i].size);
        assert_false(columns_check(&columns, block.data, block.size, frame, &err));
        seal(&block);
        if (columns_check(&columns, block.data, block.size, frame, &err) || err.code != ERR_PEER ||
            strstr(err.text, lies[i].text) == NULL) {
            fail_msg("%s: %s", lies[i].name, err.text);
        }
        free(block.data);
    }
}

static void test_columns_check_refuses_another_kind(void **state)
{
    (void)state;
    struct block block = boxes_block();
    struct columns_frame frame = box_frame;
    struct columns columns;
    struct err err = {0};

    frame.kind = COLUMNS_TOPK;
    assert_false(columns_check(&columns, block.data, block.size, &frame, &err));
    assert_non_null(strstr(err.text, "another kind"));
    free(block.data);
}

/* A problem's text without an end, and a whole block cut at every length. */
static void test_columns_check_bounds(void **state)
{
    (void)state;
    struct block block = problems_block();
    struct columns columns;
    struct err err = {0};

    memset(block.data + 128 + 12, 'a', PROBLEM_TEXT_MAX);
    seal(&block);
    assert_false(columns_check(&columns, block.data, block.size, &box_frame, &err));
    assert_non_null(strstr(err.text, "printable"));
    free(block.data);
    block = boxes_block();
    for (size_t size = 0; size < block.size; size++) {
        assert_false(columns_check(&columns, block.data, size, &box_frame, &err));
    }
    free(block.data);
}

static void test_columns_check_finds_every_flipped_bit(void **state)
{
    struct block (*const make[])(void) = {boxes_block, packed_block};
    struct columns columns;
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(make); i++) {
        struct block block = make[i]();
        for (size_t bit = 0; bit < block.size * 8; bit++) {
            block.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
            assert_false(columns_check(&columns, block.data, block.size, &box_frame, &err));
            block.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
        }
        assert_true(columns_check(&columns, block.data, block.size, &box_frame, &err));
        free(block.data);
    }
}

static void test_columns_check_other_classes(void **state)
{
    (void)state;
    struct block block = topk_block();
    struct columns_frame frame = topk_frame;
    struct columns columns;
    struct err err = {0};
    uint16_t value = CLASS_OTHER;

    frame.has_other_classes = true;
    memcpy(block.data + 130, &value, 2);
    seal(&block);
    assert_true(columns_check(&columns, block.data, block.size, &frame, &err));
    value = N_CLASSES;
    memcpy(block.data + 130, &value, 2);
    seal(&block);
    assert_false(columns_check(&columns, block.data, block.size, &frame, &err));
    free(block.data);
}

static void test_columns_write_full_disk(void **state)
{
    (void)state;
    struct err failure = {0};
    const struct columns columns = {.kind = COLUMNS_FAILURE, .failure = &failure};
    struct err err = {0};
    FILE *full = fopen("/dev/full", "w");

    assert_non_null(full);
    assert_false(columns_write(fileno(full), &columns, &box_frame, &err));
    assert_int_equal(err.code, ERR_SYSTEM);
    fclose(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_check_topk),
        cmocka_unit_test(test_columns_check_boxes),
        cmocka_unit_test(test_columns_check_packed_boxes),
        cmocka_unit_test(test_columns_write_wide_pieces),
        cmocka_unit_test(test_columns_check_problems_and_failure),
        cmocka_unit_test(test_columns_check_refuses),
        cmocka_unit_test(test_columns_check_refuses_another_kind),
        cmocka_unit_test(test_columns_check_bounds),
        cmocka_unit_test(test_columns_check_finds_every_flipped_bit),
        cmocka_unit_test(test_columns_check_other_classes),
        cmocka_unit_test(test_columns_write_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
