/* SPDX-License-Identifier: MIT */
/*
 * The layout of a catalog's block, for the file that makes it and the file that reads it: a header,
 * then arrays at stated offsets, each aligned to 64 bytes.
 */
#pragma once

#include "scorer/data/catalog.h"

#include <string.h>

enum { BLOCK_ALIGN = 64 };

static const uint64_t block_magic = 0x31474f4c41544143; /* "CATALOG1", little-endian */

enum block_flag {
    FLAG_OPEN_CLASSES = 1,
    FLAG_OPEN_IMAGES = 2,
    FLAG_PLAIN = 4,
    FLAG_NUMBERS = 8, /* the image ids are in number_word, not in texts */
    FLAG_NAMES = 16,
    FLAG_SIZES = 32,
    FLAGS_ALL = 63,
};

/* Where an array lies: items from the start of the block; 0 items: not there. */
struct extent {
    uint64_t at;
    uint64_t n;
};

/* The arrays of struct catalog_texts. */
struct texts_extent {
    struct extent start;
    struct extent text;
    struct extent slot;
};

struct block_header {
    uint64_t magic;
    uint64_t block_bytes;
    uint64_t n_images;
    uint64_t n_classes;
    uint64_t flags;
    uint64_t number_min;
    struct extent number_word;
    struct texts_extent images;
    struct extent image_size;
    struct extent class_id;
    struct extent class_slot;
    struct texts_extent names;
};

/* Stands for the index + 1 of a text that several indexes have. */
static const uint32_t block_ambiguous = UINT32_MAX;

/* The slots of a hash table: at most half are used, so that probes stay short and end. */
static inline size_t block_hash_slots(size_t n_images)
{
    size_t n = 16;

    while (n < 2 * n_images) {
        n *= 2;
    }
    return n;
}

static inline uint64_t block_mix(uint64_t hash, uint64_t word)
{
    unsigned __int128 product = (unsigned __int128)(hash ^ word) * 0x9e3779b97f4a7c15;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t block_load(const char *text, size_t size)
{
    uint64_t word = 0;

    memcpy(&word, text, size);
    return word;
}

static inline uint64_t block_hash(const char *text, size_t size)
{
    uint64_t hash = size + 0x2545f4914f6cdd1d;

    for (; size > 8; size -= 8, text += 8) {
        hash = block_mix(hash, block_load(text, 8));
    }
    if (size >= 4) { /* two loads that may overlap */
        return block_mix(hash, block_load(text, 4) | block_load(text + size - 4, 4) << 32);
    }
    for (size_t i = 0; i < size; i++) {
        hash = block_mix(hash, (unsigned char)text[i]);
    }
    return hash;
}

/* Digits without a sign or leading zeros begin so. */
static inline bool block_is_number(const char *text, size_t size)
{
    return size > 0 && text[0] >= '0' && text[0] <= '9' && (text[0] != '0' || size == 1);
}

/* The view of a block whose header is known to be right. */
void block_view(struct catalog *catalog, const void *block);
