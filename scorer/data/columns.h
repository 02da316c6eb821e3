/* SPDX-License-Identifier: MIT */
/*
 * The column block: what a reader found in a submission, as one flat piece of memory or file. A
 * reader that a hostile file has taken over writes these bytes too, so that the checker trusts
 * nothing: sizes follow from counts, every index and number is looked at once. The checksum finds
 * accidents, not attackers. Arrays are used where they lie; nothing is copied.
 *
 * Layout (little-endian, 64-byte aligned parts, zeros between them): a header of 128 bytes, then
 *   top-k      ranks      k x stride 16-bit class indexes, stride = n_images rounded up to 32
 *   boxes      class_start n_classes + 1 64-bit; then packed boxes 6 x 32-bit, where all of them
 * can be packed; else image 32-bit; score 64-bit; box 4 x 64-bit problems   n_kept struct problem
 *   failure    one struct err: why the reader could not read, which is not the file's fault
 */
#pragma once

#include "common/problems.h"
#include "scorer/metric/arrays.h"

enum { COLUMNS_CATALOG_BYTES = 32, COLUMNS_ALIGNMENT = 64 };

enum columns_kind {
    COLUMNS_TOPK = 1,
    COLUMNS_BOXES,
    COLUMNS_PROBLEMS, /* the submission is invalid */
    COLUMNS_FAILURE,  /* the reader failed */
};

/* What the indexes of a block refer to: known to the reader and to whoever checks the block. */
struct columns_frame {
    uint8_t catalog[COLUMNS_CATALOG_BYTES]; /* names the image and class lists */
    enum columns_kind kind;                 /* COLUMNS_TOPK or COLUMNS_BOXES */
    size_t n_images;
    size_t n_classes;
    size_t k;               /* top-k only, else 0 */
    bool has_other_classes; /* top-k: CLASS_OTHER is allowed */
};

/* A checked block; what the pointers show is borrowed from it. */
struct columns {
    enum columns_kind kind;
    union {
        struct topk_columns topk;
        struct box_columns boxes;
        struct {
            uint64_t n_all;
            size_t n_kept;
            const struct problem *kept;
        } problems;
        const struct err *failure;
    };
};

/* The stride of n_images in a block. */
size_t columns_stride(size_t n_images);

/* Rows of the submission that the columns came from; 0 for problems and failures. */
uint64_t columns_rows(const struct columns *columns);

/*
 * Writes a block to a file or memfd, from its current position.
 *
 *   columns  of any kind; topk.stride must be columns_stride(topk.n_images)
 *   frame    the catalog; for problems and failures only its hash is written
 *
 * Errors   ERR_SYSTEM  the file cannot be written
 *          ERR_LIMIT   more bytes than memory has addresses
 */
MUST_CHECK bool columns_write(int fd, const struct columns *columns,
                              const struct columns_frame *frame, struct err *err);

/*
 * Looks at every byte of a block that must not be trusted and shows its arrays.
 *
 *   block    aligned to COLUMNS_ALIGNMENT, must not change any more
 *   frame    the catalog that the block must be of
 *
 * Errors   ERR_PEER   not such a block: wrong size, version or checksum, another catalog or kind,
 *                    an index out of its range, a number that is not finite, a negative size of a
 *                    box, a text that is not printable
 * Owns     nothing; *columns borrows from the block
 */
MUST_CHECK bool columns_check(struct columns *columns, const void *block, size_t size,
                              const struct columns_frame *frame, struct err *err);

/* The checksum that a block of this size should carry; for tests, which make wrong ones. */
uint64_t columns_checksum(const void *block, size_t size);
