/* SPDX-License-Identifier: MIT */
/*
 * Looking up in a catalog, and checking one that another process made.
 */
#include "scorer/data/catalog.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "scorer/data/catalog_block.h"
#include "scorer/metric/arrays.h"

void block_view(struct catalog *catalog, const void *block)
{
    const struct block_header *header = block;
    const char *base = block;

    *catalog = (struct catalog){
        .block = block,
        .block_bytes = header->block_bytes,
        .n_images = (uint32_t)header->n_images,
        .n_classes = (uint32_t)header->n_classes,
        .is_open_classes = (header->flags & FLAG_OPEN_CLASSES) != 0,
        .is_open_images = (header->flags & FLAG_OPEN_IMAGES) != 0,
        .is_plain = (header->flags & FLAG_PLAIN) != 0,
        .class_id = (const void *)(base + header->class_id.at),
        .number_min = header->number_min,
        .n_numbers = header->number_word.n * 64,
        .n_class_slots = header->class_slot.n,
    };
    if ((header->flags & FLAG_NUMBERS) != 0) {
        catalog->number_word = (const void *)(base + header->number_word.at);
    } else {
        catalog->id_start = (const void *)(base + header->id_start.at);
        catalog->id_text = base + header->id_text.at;
        catalog->hash_slot = (const void *)(base + header->hash_slot.at);
        catalog->hash_mask = header->hash_slot.n - 1;
    }
    if (header->class_slot.n > 0) {
        catalog->class_slot = (const void *)(base + header->class_slot.at);
    }
}

static bool is_inside(const struct block_header *header, struct extent extent, size_t item_bytes,
                      uint64_t n_expected)
{
    return extent.n == n_expected && extent.at % BLOCK_ALIGN == 0 &&
           extent.at <= header->block_bytes &&
           extent.n <= (header->block_bytes - extent.at) / item_bytes;
}

static bool is_header_right(const struct block_header *header, size_t size_bytes)
{
    bool has_numbers = (header->flags & FLAG_NUMBERS) != 0;

    return header->magic == block_magic && header->block_bytes == size_bytes &&
           (header->flags & ~(uint64_t)FLAGS_ALL) == 0 && header->n_images <= CATALOG_IMAGES_MAX &&
           header->n_classes <= CLASSES_MAX && header->number_min % 64 == 0 &&
           is_inside(header, header->number_word, sizeof(struct catalog_word),
                     has_numbers ? header->number_word.n : 0) &&
           is_inside(header, header->id_start, sizeof(uint32_t),
                     has_numbers ? 0 : header->n_images + 1) &&
           is_inside(header, header->id_text, 1, has_numbers ? 0 : header->id_text.n) &&
           is_inside(header, header->hash_slot, 2 * sizeof(uint32_t),
                     has_numbers ? 0 : block_hash_slots(header->n_images)) &&
           is_inside(header, header->class_id, sizeof(int64_t), header->n_classes) &&
           is_inside(header, header->class_slot, sizeof(uint16_t), header->class_slot.n);
}

/* The bits count the images. */
static bool are_numbers_right(const struct catalog *catalog)
{
    uint64_t rank = 0;
    bool ok = true;

    for (uint64_t i = 0; i < catalog->n_numbers / 64; i++) {
        ok = ok && catalog->number_word[i].rank == rank;
        rank += (uint64_t)__builtin_popcountll(catalog->number_word[i].bits);
    }
    return ok && rank == catalog->n_images;
}

/* Every offset and index is within what it points into, and the hash table has free slots. */
static bool are_texts_right(const struct catalog *catalog, uint64_t text_bytes)
{
    bool ok = catalog->id_start[0] == 0 && catalog->id_start[catalog->n_images] == text_bytes;
    size_t n_used = 0;

    for (uint32_t i = 0; i < catalog->n_images; i++) {
        ok = ok && catalog->id_start[i] < catalog->id_start[i + 1] &&
             catalog->id_start[i + 1] - catalog->id_start[i] <= CATALOG_ID_BYTES_MAX;
    }
    for (uint64_t i = 0; i <= catalog->hash_mask; i++) {
        n_used += catalog->hash_slot[i][1] != 0;
        ok = ok && catalog->hash_slot[i][1] <= catalog->n_images;
    }
    return ok && n_used <= catalog->hash_mask / 2 + 1;
}

static bool are_classes_right(const struct catalog *catalog)
{
    bool ok = true;

    for (uint32_t i = 1; i < catalog->n_classes; i++) {
        ok = ok && catalog->class_id[i - 1] < catalog->class_id[i];
    }
    for (uint64_t i = 0; i < catalog->n_class_slots; i++) {
        ok = ok && catalog->class_slot[i] <= catalog->n_classes;
    }
    return ok;
}

bool catalog_open(struct catalog *catalog, const void *block, size_t size_bytes, struct err *err)
{
    const struct block_header *header = block;

    if ((uintptr_t)block % BLOCK_ALIGN != 0 || size_bytes < sizeof(*header) ||
        !is_header_right(header, size_bytes)) {
        return err_set(err, ERR_PEER, "the catalog of images and classes is damaged (header)");
    }
    block_view(catalog, block);
    bool is_right = catalog->number_word != NULL ? are_numbers_right(catalog)
                                                 : are_texts_right(catalog, header->id_text.n);
    if (!is_right || !are_classes_right(catalog)) {
        return err_set(err, ERR_PEER, "the catalog of images and classes is damaged (tables)");
    }
    return true;
}

/* The number of a text without a sign or leading zeros; false for other texts and those too large.
 */
static bool small_number(uint64_t *number, const char *text, size_t size)
{
    uint64_t value = 0;

    if (size > 19 || !block_is_number(text, size)) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        unsigned digit = (unsigned char)text[i] - (unsigned)'0';
        if (digit > 9) {
            return false;
        }
        value = value * 10 + digit;
    }
    *number = value;
    return true;
}

static uint32_t find_hashed(const struct catalog *catalog, const char *text, size_t size)
{
    uint64_t hash = block_hash(text, size);
    uint32_t tag = (uint32_t)(hash >> 32);

    for (uint64_t slot = hash & catalog->hash_mask;; slot = (slot + 1) & catalog->hash_mask) {
        uint32_t image = catalog->hash_slot[slot][1] - 1;
        if (image == CATALOG_NONE) { /* an empty slot */
            return CATALOG_NONE;
        }
        uint32_t start = catalog->id_start[image];
        if (catalog->hash_slot[slot][0] == tag && catalog->id_start[image + 1] - start == size &&
            memcmp(catalog->id_text + start, text, size) == 0) {
            return image;
        }
    }
}

uint32_t catalog_find_image(const struct catalog *catalog, const char *text, size_t size)
{
    uint64_t number;

    if (catalog->number_word == NULL) {
        return find_hashed(catalog, text, size);
    }
    return small_number(&number, text, size) ? catalog_find_number(catalog, number) : CATALOG_NONE;
}

uint32_t catalog_find_class(const struct catalog *catalog, int64_t id)
{
    uint32_t none = catalog->is_open_classes && id >= 0 ? CLASS_OTHER : CATALOG_NONE;
    size_t low = 0;
    size_t high = catalog->n_classes;

    if (catalog->class_slot != NULL) {
        uint16_t slot = 0;
        if (id >= 0 && (uint64_t)id < catalog->n_class_slots) {
            slot = catalog->class_slot[id];
        }
        return slot == 0 ? none : slot - 1u;
    }
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (catalog->class_id[middle] < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < catalog->n_classes && catalog->class_id[low] == id ? (uint32_t)low : none;
}

/* The number of an image: the word that holds it, then its bit. */
static uint64_t number_of(const struct catalog *catalog, uint32_t image)
{
    size_t low = 0;
    size_t high = catalog->n_numbers / 64;

    while (high - low > 1) { /* the last word whose rank is not above the image */
        size_t middle = (low + high) / 2;
        if (catalog->number_word[middle].rank <= image) {
            low = middle;
        } else {
            high = middle;
        }
    }
    uint64_t bits = catalog->number_word[low].bits;
    for (uint64_t rank = catalog->number_word[low].rank; rank < image; rank++) {
        bits &= bits - 1;
    }
    return catalog->number_min + low * 64 + (uint64_t)__builtin_ctzll(bits);
}

size_t catalog_image_id(char text[static CATALOG_ID_BYTES_MAX], const struct catalog *catalog,
                        uint32_t image)
{
    if (catalog->number_word != NULL) {
        return (size_t)snprintf(text, CATALOG_ID_BYTES_MAX, "%" PRIu64, number_of(catalog, image));
    }
    uint32_t start = catalog->id_start[image];
    size_t size = catalog->id_start[image + 1] - start;
    memcpy(text, catalog->id_text + start, size);
    return size;
}
