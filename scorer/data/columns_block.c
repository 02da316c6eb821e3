/* SPDX-License-Identifier: MIT */
/*
 * Layout and checksum of column blocks. See the header.
 */
#include "scorer/data/columns_block.h"

#include <string.h>

#include "common/arena.h"

enum { STRIDE_IMAGES = 32 };

const char columns_block_magic[8] = {'A', 'S', 'Y', 'C', 'O', 'L', 'S', '\n'};

size_t columns_stride(size_t n_images)
{
    return (n_images + STRIDE_IMAGES - 1) / STRIDE_IMAGES * STRIDE_IMAGES;
}

static bool add_part(struct block_layout *layout, size_t count, size_t item_bytes)
{
    size_t size;

    if (!size_mul(&size, count, item_bytes) ||
        size > SIZE_MAX - layout->size_bytes - COLUMNS_ALIGNMENT) {
        return false;
    }
    layout->offset[layout->n_parts] = layout->size_bytes;
    layout->size[layout->n_parts++] = size;
    layout->size_bytes += (size + COLUMNS_ALIGNMENT - 1) / COLUMNS_ALIGNMENT * COLUMNS_ALIGNMENT;
    return true;
}

/* Counts above this cannot be of a block in memory; keeps the arithmetic below from wrapping. */
#define COUNT_MAX (SIZE_MAX / 64)

bool columns_block_layout(struct block_layout *layout, const struct block_header *header)
{
    size_t ranks;

    *layout = (struct block_layout){.size_bytes = sizeof(*header)};
    if (header->n_images > COUNT_MAX || header->n_classes > COUNT_MAX) {
        return false;
    }
    switch ((enum columns_kind)header->kind) {
    case COLUMNS_TOPK:
        return size_mul(&ranks, columns_stride(header->n_images), header->k) &&
               add_part(layout, ranks, sizeof(uint16_t));
    case COLUMNS_BOXES:
        if (header->is_packed != 0) {
            return add_part(layout, header->n_classes + 1, sizeof(size_t)) &&
                   add_part(layout, header->n_rows, sizeof(struct packed_box));
        }
        return add_part(layout, header->n_classes + 1, sizeof(size_t)) &&
               add_part(layout, header->n_rows, sizeof(uint32_t)) &&
               add_part(layout, header->n_rows, sizeof(double)) &&
               add_part(layout, header->n_rows, sizeof(struct box));
    case COLUMNS_PROBLEMS:
        return add_part(layout, header->k, sizeof(struct problem));
    case COLUMNS_FAILURE:
        return add_part(layout, 1, sizeof(struct err));
    }
    return false;
}

void columns_block_sum_start(struct block_checksum *sum)
{
    *sum = (struct block_checksum){
        {0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9, 0x94d049bb133111eb, 0x2545f4914f6cdd1d}};
}

/* Every step can be undone, so that a change of one word always changes the sum. */
void columns_block_sum_add(struct block_checksum *sum, const void *data, size_t size)
{
    const unsigned char *bytes = data;

    for (size_t at = 0; at < size; at += COLUMNS_ALIGNMENT) {
        uint64_t words[COLUMNS_ALIGNMENT / 8];
        memcpy(words, bytes + at, sizeof(words));
        for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
            uint64_t *lane = &sum->lanes[i % BLOCK_CHECKSUM_LANES];
            *lane = (*lane ^ words[i]) * 0x9fb21c651e98df25;
            *lane = *lane << 29 | *lane >> 35;
        }
    }
}

uint64_t columns_block_sum_finish(const struct block_checksum *sum)
{
    uint64_t all = 0;

    for (size_t i = 0; i < BLOCK_CHECKSUM_LANES; i++) {
        all = (all ^ sum->lanes[i]) * 0xd6e8feb86659fd93;
        all ^= all >> 32;
    }
    return all;
}
