/* SPDX-License-Identifier: MIT */
/*
 * The arrays that metrics work on: what the reader hands over (columns) and what the labels are.
 * Plain borrowed pointers, no files and no ids: an image is its index in the image list, a class
 * its index among the classes in ascending order of id.
 */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum split {
    SPLIT_PUBLIC,
    SPLIT_PRIVATE,
    SPLIT_IGNORED, /* part of the image list, counted nowhere */
};

enum { N_SPLITS = 3 };

/*
 * The k best classes of every image.
 *
 *   ranks    k x n_images class indexes, rank-major: rank r of image i is ranks[r * stride + i].
 *            CLASS_OTHER stands for a valid class id that the catalog does not list (a competition
 *            without a categories file).
 *   stride   >= n_images, a multiple of 32
 */
enum { CLASS_OTHER = UINT16_MAX, CLASSES_MAX = UINT16_MAX - 1 };

struct topk_columns {
    size_t n_images;
    size_t stride;
    size_t k;
    const uint16_t *ranks;
};

/* xywh in pixels, as in COCO */
struct box {
    double x;
    double y;
    double width;
    double height;
};

/*
 * A box whose numbers are short decimals, as packed.h packs them: what most files hold, in half the
 * memory.
 */
struct packed_box {
    uint32_t image;
    uint32_t score;
    uint32_t x;
    uint32_t y;
    uint32_t width;
    uint32_t height;
};

struct wide_box {
    uint32_t image;
    double score;
    struct box box;
};

/*
 * Some boxes of one class, in the order of the file. A reading aligns pieces to their size, so that
 * the address of a packed box tells whether it is the last one that fits.
 */
enum { PIECE_PACKED = 20, PIECE_WIDE = 10, BOX_PIECE_BYTES = 512 };

struct box_piece {
    struct box_piece *next;
    uint32_t n;
    bool is_wide;
    _Alignas(32) union {
        struct packed_box packed[PIECE_PACKED];
        struct wide_box wide[PIECE_WIDE];
    };
};

static_assert(sizeof(struct box_piece) == BOX_PIECE_BYTES, "pieces lie one behind the other");

/*
 * Detections, class-major: those of class c are class_start[c] to class_start[c + 1] - 1, in the
 * order of the file (a tie of scores inside an image goes to the earlier row). They stand in one of
 * three forms: the arrays image, score and box; the array packed; or lists of pieces, as a reading
 * gathers them without moving any. boxrows.h reads all three.
 */
struct box_columns {
    size_t n_rows;
    size_t n_classes;
    const size_t *class_start; /* n_classes + 1 */
    const uint32_t *image;     /* n_rows; NULL in the other forms */
    const double *score;       /* n_rows, finite */
    const struct box *box;     /* n_rows */
    const struct packed_box *packed;
    const struct box_piece *const *pieces; /* n_parts x n_classes: the first of each list */
    size_t n_parts;
    bool has_wide; /* some piece is */
};

/* The true class and the split of every image; classification. */
struct class_labels {
    size_t n_images;
    size_t n_classes;
    const uint16_t *truth; /* n_images, below n_classes */
    const uint8_t *split;  /* n_images of enum split */
};

/* The true boxes, class-major as in box_columns, and the split of every image; detection. */
struct box_labels {
    size_t n_images;
    size_t n_classes;
    size_t n_rows;
    const size_t *class_start; /* n_classes + 1 */
    const uint32_t *image;     /* n_rows */
    const struct box *box;     /* n_rows */
    const double *area;        /* n_rows; the area column, not width x height */
    const uint8_t *is_crowd;   /* n_rows, 0 or 1 */
    const uint8_t *split;      /* n_images of enum split */
};

/*
 * What the categories file says of every class; NULL columns were not given.
 * Groups are numbered in ascending byte order of their names.
 */
struct class_info {
    size_t n_classes;
    const int64_t *id;             /* n_classes, ascending */
    const char *const *name;       /* n_classes, "" where empty; NULL without the column */
    size_t n_groups;               /* super-categories */
    const char *const *group_name; /* n_groups */
    const uint16_t *group;         /* n_classes, below n_groups; NULL without super-categories */
    const int64_t *train_images;   /* n_classes, -1 where empty; NULL without the column */
};
