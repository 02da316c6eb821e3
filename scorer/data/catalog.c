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

static struct catalog_texts view_texts(const char *base, const struct texts_extent *extent)
{
    return (struct catalog_texts){
        .start = (const void *)(base + extent->start.at),
        .text = base + extent->text.at,
        .slot = (const void *)(base + extent->slot.at),
        .mask = extent->slot.n - 1,
    };
}

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
        catalog->images = view_texts(base, &header->images);
    }
    if ((header->flags & FLAG_NAMES) != 0) {
        catalog->names = view_texts(base, &header->names);
    }
    if ((header->flags & FLAG_SIZES) != 0) {
        catalog->image_size = (const void *)(base + header->image_size.at);
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

/* The arrays of n texts, or none of them. */
static bool are_texts_inside(const struct block_header *header, const struct texts_extent *extent,
                             bool is_there, uint64_t n)
{
    return is_inside(header, extent->start, sizeof(uint32_t), is_there ? n + 1 : 0) &&
           is_inside(header, extent->text, 1, is_there ? extent->text.n : 0) &&
           is_inside(header, extent->slot, 2 * sizeof(uint32_t),
                     is_there ? block_hash_slots(n) : 0);
}

static bool is_header_right(const struct block_header *header, size_t size_bytes)
{
    bool has_numbers = (header->flags & FLAG_NUMBERS) != 0;

    return header->magic == block_magic && header->block_bytes == size_bytes &&
           (header->flags & ~(uint64_t)FLAGS_ALL) == 0 && header->n_images <= CATALOG_IMAGES_MAX &&
           header->n_classes <= CLASSES_MAX && header->number_min % 64 == 0 &&
           is_inside(header, header->number_word, sizeof(struct catalog_word),
                     has_numbers ? header->number_word.n : 0) &&
           are_texts_inside(header, &header->images, !has_numbers, header->n_images) &&
           are_texts_inside(header, &header->names, (header->flags & FLAG_NAMES) != 0,
                            header->n_classes) &&
           is_inside(header, header->image_size, 2 * sizeof(uint32_t),
                     (header->flags & FLAG_SIZES) != 0 ? header->n_images : 0) &&
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
        rank += catalog_count_bits(catalog->number_word[i].bits);
    }
    return ok && rank == catalog->n_images;
}

/* Every offset and index is within what it points into, and the hash table has free slots. */
static bool are_texts_right(const struct catalog_texts *texts, uint64_t n, uint64_t text_bytes,
                            uint32_t size_min)
{
    bool ok = texts->start[0] == 0 && texts->start[n] == text_bytes;
    size_t n_used = 0;

    for (uint64_t i = 0; i < n; i++) {
        uint32_t size = texts->start[i + 1] - texts->start[i]; /* huge where it would be negative */
        ok = ok && size >= size_min && size <= CATALOG_ID_BYTES_MAX;
    }
    for (uint64_t i = 0; i <= texts->mask; i++) {
        uint32_t index = texts->slot[i][1];
        n_used += index != 0;
        ok = ok && (index <= n || index == block_ambiguous);
    }
    return ok && n_used <= texts->mask / 2 + 1;
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
    bool is_right =
        catalog->number_word != NULL
            ? are_numbers_right(catalog)
            : are_texts_right(&catalog->images, header->n_images, header->images.text.n, 1);
    bool has_right_names =
        catalog->names.start == NULL ||
        are_texts_right(&catalog->names, header->n_classes, header->names.text.n, 0);
    if (!is_right || !has_right_names || !are_classes_right(catalog)) {
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

static uint32_t find_text(const struct catalog_texts *texts, const char *text, size_t size)
{
    uint64_t hash = block_hash(text, size);
    uint32_t tag = (uint32_t)(hash >> 32);

    for (uint64_t slot = hash & texts->mask;; slot = (slot + 1) & texts->mask) {
        uint32_t index = texts->slot[slot][1] - 1;
        if (index == CATALOG_NONE) { /* an empty slot */
            return CATALOG_NONE;
        }
        if (texts->slot[slot][0] != tag || texts->slot[slot][1] == block_ambiguous) {
            continue;
        }
        uint32_t start = texts->start[index];
        if (texts->start[index + 1] - start == size &&
            memcmp(texts->text + start, text, size) == 0) {
            return index;
        }
    }
}

uint32_t catalog_find_image(const struct catalog *catalog, const char *text, size_t size)
{
    uint64_t number;

    if (catalog->number_word == NULL) {
        return find_text(&catalog->images, text, size);
    }
    return small_number(&number, text, size) ? catalog_find_number(catalog, number) : CATALOG_NONE;
}

uint32_t catalog_find_name(const struct catalog *catalog, const char *text, size_t size)
{
    return catalog->names.start == NULL ? CATALOG_NONE : find_text(&catalog->names, text, size);
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
    uint32_t start = catalog->images.start[image];
    size_t size = catalog->images.start[image + 1] - start;
    memcpy(text, catalog->images.text + start, size);
    return size;
}
