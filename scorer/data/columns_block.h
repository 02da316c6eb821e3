/* SPDX-License-Identifier: MIT */
/*
 * What the writer and the checker of column blocks share: the header, where the parts lie, and the
 * checksum. The header holds counts only: offsets are computed from them in one place, so that
 * there is no offset to distrust.
 */
#pragma once

#include "common/err.h"
#include "scorer/data/columns.h"

#include <assert.h>

enum { BLOCK_VERSION = 2, BLOCK_PARTS_MAX = 4, BLOCK_CHECKSUM_LANES = 4 };

extern const char columns_block_magic[8];

struct block_header {
    char magic[8];
    uint32_t version;
    uint32_t kind;
    uint64_t size_bytes; /* of the whole block */
    uint64_t checksum;   /* of the whole block, with this field as 0 */
    uint8_t catalog[COLUMNS_CATALOG_BYTES];
    uint64_t n_images;
    uint64_t n_classes;
    uint64_t n_rows;    /* boxes; for problems the count of all */
    uint64_t k;         /* ranks; for problems the count of the kept */
    uint64_t is_packed; /* boxes: 0 or 1 */
    uint64_t zeros[3];
};

static_assert(sizeof(struct block_header) == 2 * COLUMNS_ALIGNMENT, "parts start aligned");
static_assert(sizeof(size_t) == 8 && sizeof(struct box) == 32 && sizeof(struct packed_box) == 24,
              "arrays are used where they lie");
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "arrays are used where they lie");

/* The parts behind the header, each padded to the alignment. */
struct block_layout {
    size_t n_parts;
    size_t offset[BLOCK_PARTS_MAX];
    size_t size[BLOCK_PARTS_MAX]; /* without the padding */
    size_t size_bytes;            /* of the whole block */
};

/* Where the parts lie by a header's counts; false where they cannot be in memory. */
MUST_CHECK bool columns_block_layout(struct block_layout *layout,
                                     const struct block_header *header);

struct block_checksum {
    uint64_t lanes[BLOCK_CHECKSUM_LANES];
};

/*
 * The checksum covers the header with 0 in its place, then all parts with their padding: start, add
 * them in this order, finish.
 */
void columns_block_sum_start(struct block_checksum *sum);

/* Adds bytes, a multiple of COLUMNS_ALIGNMENT. */
void columns_block_sum_add(struct block_checksum *sum, const void *data, size_t size);

uint64_t columns_block_sum_finish(const struct block_checksum *sum);
