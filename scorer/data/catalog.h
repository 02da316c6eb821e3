/* SPDX-License-Identifier: MIT */
/*
 * The images and the classes of a competition, without their labels: what turns the ids of a
 * submission into indexes. All of it lies in one block of memory without pointers, so that another
 * process can map it read-only.
 */
#pragma once

#include "common/arena.h"

#include <stddef.h>
#include <stdint.h>

enum {
    CATALOG_NONE = UINT32_MAX,    /* no such image or class */
    CATALOG_IMAGES_MAX = 1 << 24, /* the texts of so many ids stay below 4 GiB */
    CATALOG_ID_BYTES_MAX = 255,   /* of one image id */
};

/* 64 numbers from a multiple of 64 on: which of them are ids, and the index of the first one. */
struct catalog_word {
    uint64_t bits;
    uint64_t rank;
};

/* Texts by index, and an open hash table of mask + 1 slots of {tag, index + 1} to find them. */
struct catalog_texts {
    const uint32_t *start; /* n + 1 offsets into text */
    const char *text;
    const uint32_t (*slot)[2];
    uint64_t mask;
};

/* A view of a block; the pointers point into it. Read the members, build it by the functions. */
struct catalog {
    const void *block;
    size_t block_bytes;
    uint32_t n_images;
    uint32_t n_classes;
    bool is_open_classes; /* every other non-negative class id is valid too: CLASS_OTHER */
    bool is_open_images;  /* no image list: every id is valid, none has an index */
    bool is_plain;        /* no image id holds a comma, quote or line end, or begins or ends with a
                             space or tab: ids stand in a CSV file as they are */
    const int64_t *class_id; /* n_classes, ascending */

    /*
     * Image ids that are numbers without a sign or leading zeros, close together: the bit of each
     * number from number_min on. The index of an image is the count of bits before its own. 140 KB
     * for the 182,707 images of iNaturalist 2017, where a table of indexes would leave the cache.
     * NULL for other ids.
     */
    const struct catalog_word *number_word;
    uint64_t number_min; /* a multiple of 64 */
    uint64_t n_numbers;

    struct catalog_texts images; /* other image ids; start is NULL with number_word */

    const uint32_t (*image_size)[2]; /* n_images x {width, height}; NULL where not known */

    /* class_slot[id] is the index of a class + 1, or 0; NULL where ids are negative or far apart.
     */
    const uint16_t *class_slot;
    uint64_t n_class_slots;

    struct catalog_texts names; /* of classes; start is NULL where there are none */
};

struct id_text {
    const char *text;
    size_t size;
};

struct catalog_source {
    size_t n_ids; /* of images; one may repeat */
    const struct id_text *ids;
    const uint32_t *numbers;    /* instead of ids, where they are numbers that are close together */
    const uint32_t (*sizes)[2]; /* {width, height} of each; NULL where not known */
    size_t n_classes;
    const int64_t *class_ids;       /* ascending, none repeats */
    const char *const *class_names; /* NULL without; one that repeats finds no class */
    bool is_open_classes;
    bool is_open_images;
};

/*
 * Makes a catalog. Images stand in the order of their numbers where all ids are integers, else of
 * their bytes; an id that repeats is one image.
 *
 *   index_of  out, the image of each source id; NULL where nobody asks. May be the source's numbers
 *
 * Errors   ERR_INPUT   an id is empty or longer than CATALOG_ID_BYTES_MAX
 *          ERR_LIMIT   too many images or classes, or the arena's limit
 *          ERR_SYSTEM  no memory
 * Owns     the block belongs to `arena`; the ids are borrowed for the call
 */
MUST_CHECK bool catalog_make(struct catalog *catalog, uint32_t *index_of,
                             const struct catalog_source *source, struct arena *arena,
                             struct err *err);

/* Whether numbers from min to max are close enough together to be a source's numbers. */
bool catalog_are_close(uint64_t min, uint64_t max, size_t n);

/*
 * Opens a block that another process made, checking everything that a lookup relies on.
 *
 * Errors   ERR_PEER  not a catalog, or a damaged one
 * Owns     nothing; the block is borrowed as long as the catalog is used
 */
MUST_CHECK bool catalog_open(struct catalog *catalog, const void *block, size_t size_bytes,
                             struct err *err);

/* The index of an image by its id, byte for byte; CATALOG_NONE where there is no such image. */
uint32_t catalog_find_image(const struct catalog *catalog, const char *text, size_t size);

/* The index of a class, CLASS_OTHER in an open catalog, CATALOG_NONE where there is no such class.
 */
uint32_t catalog_find_class(const struct catalog *catalog, int64_t id);

/* The index of the class with this name; CATALOG_NONE where there is none, or several. */
uint32_t catalog_find_name(const struct catalog *catalog, const char *text, size_t size);

/* How many bits are set. Where the processor is not known to have an instruction for it, the
 * compiler calls a function that looks each byte up: half as fast as this. */
static inline uint32_t catalog_count_bits(uint64_t bits)
{
#if defined(__POPCNT__)
    return (uint32_t)__builtin_popcountll(bits);
#else
    bits -= bits >> 1 & 0x5555555555555555;
    bits = (bits & 0x3333333333333333) + (bits >> 2 & 0x3333333333333333);
    return (uint32_t)(((bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0f) * 0x0101010101010101 >> 56);
#endif
}

/* The image of an id that is a number, in a catalog with number_word. */
static inline uint32_t catalog_find_number(const struct catalog *catalog, uint64_t number)
{
    uint64_t at = number - catalog->number_min; /* wraps below the first */

    if (at >= catalog->n_numbers) {
        return CATALOG_NONE;
    }
    const struct catalog_word *word = &catalog->number_word[at / 64];
    uint64_t bit = 1ULL << (at % 64);
    uint32_t image = (uint32_t)word->rank + catalog_count_bits(word->bits & (bit - 1));
    return (word->bits & bit) != 0 ? image : CATALOG_NONE;
}

/* Writes the id of an image, for messages; returns its size. */
size_t catalog_image_id(char text[static CATALOG_ID_BYTES_MAX], const struct catalog *catalog,
                        uint32_t image);
