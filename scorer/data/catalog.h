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
    const uint32_t *id_start; /* n_images + 1 offsets into id_text */
    const char *id_text;
    const int64_t *class_id; /* n_classes, ascending */

    /* Image ids that are numbers without a sign or leading zeros, close together:
     * number_slot[id - number_min] is the index + 1, or 0. NULL for other ids. */
    const uint32_t *number_slot;
    uint64_t number_min;
    uint64_t n_numbers;

    /* The same for class ids, from 0 on; NULL where they are far apart. */
    const uint16_t *class_slot;
    uint64_t n_class_slots;

    /* Other image ids: an open hash table, hash_mask + 1 slots of {tag, index + 1}. */
    const uint32_t (*hash_slot)[2];
    uint64_t hash_mask;
};

struct id_text {
    const char *text;
    size_t size;
};

struct catalog_source {
    size_t n_ids; /* of images; one may repeat */
    const struct id_text *ids;
    size_t n_classes;
    const int64_t *class_ids; /* ascending, none repeats */
    bool is_open_classes;
    bool is_open_images;
};

/*
 * Makes a catalog. Images stand in the order of their numbers where all ids are integers, else of
 * their bytes; an id that repeats is one image.
 *
 *   index_of  out, the image of each source id; NULL where nobody asks
 *
 * Errors   ERR_INPUT   an id is empty or longer than CATALOG_ID_BYTES_MAX
 *          ERR_LIMIT   too many images or classes, or the arena's limit
 *          ERR_SYSTEM  no memory
 * Owns     the block belongs to `arena`; the ids are borrowed for the call
 */
MUST_CHECK bool catalog_make(struct catalog *catalog, uint32_t *index_of,
                             const struct catalog_source *source, struct arena *arena,
                             struct err *err);

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

/* The id of an image, for messages. */
struct id_text catalog_image_id(const struct catalog *catalog, uint32_t image);
