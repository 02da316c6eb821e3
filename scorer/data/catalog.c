/* SPDX-License-Identifier: MIT */
/*
 * The catalog: a header, then arrays at stated offsets, each aligned to 64 bytes.
 */
#include "scorer/data/catalog.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "scorer/data/number.h"
#include "scorer/metric/arrays.h"

enum {
    BLOCK_ALIGN = 64,
    NUMBERS_FREE = 1 << 20, /* a table of this many numbers is always made … */
    NUMBERS_PER_IMAGE = 32, /* … a larger one while it holds that many numbers an image */
    NUMBERS_MAX = 1 << 28,
    CLASS_SLOTS_MAX = 1 << 20,
};

static const uint64_t catalog_magic = 0x31474f4c41544143; /* "CATALOG1", little-endian */

enum catalog_flag {
    FLAG_OPEN_CLASSES = 1,
    FLAG_OPEN_IMAGES = 2,
    FLAG_PLAIN = 4,
    FLAGS_ALL = 7,
};

/* Where an array lies: items from the start of the block; 0 items: not there. */
struct extent {
    uint64_t at;
    uint64_t n;
};

struct header {
    uint64_t magic;
    uint64_t block_bytes;
    uint64_t n_images;
    uint64_t n_classes;
    uint64_t flags;
    uint64_t number_min;
    struct extent id_start;
    struct extent id_text;
    struct extent class_id;
    struct extent number_slot;
    struct extent class_slot;
    struct extent hash_slot;
};

/* An id on its way to its place. */
struct entry {
    const char *text;
    size_t size;
    int64_t value; /* where it is an integer */
    uint32_t source;
};

struct maker {
    const struct catalog_source *source;
    struct arena *scratch;
    struct entry *entries; /* in order; those that repeat are left out */
    uint32_t *index_of;
    size_t n_images;
    size_t text_bytes;
    bool is_integers;
    bool is_numbers; /* integers without a sign or leading zeros */
    bool is_plain;
    int64_t value_min;
    int64_t value_max;
};

static uint64_t mix(uint64_t hash, uint64_t word)
{
    unsigned __int128 product = (unsigned __int128)(hash ^ word) * 0x9e3779b97f4a7c15;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t load(const char *text, size_t size)
{
    uint64_t word = 0;

    memcpy(&word, text, size);
    return word;
}

static uint64_t hash_of(const char *text, size_t size)
{
    uint64_t hash = size + 0x2545f4914f6cdd1d;

    for (; size > 8; size -= 8, text += 8) {
        hash = mix(hash, load(text, 8));
    }
    if (size >= 4) { /* two loads that may overlap */
        return mix(hash, load(text, 4) | load(text + size - 4, 4) << 32);
    }
    for (size_t i = 0; i < size; i++) {
        hash = mix(hash, (unsigned char)text[i]);
    }
    return hash;
}

static bool is_number_text(const char *text, size_t size)
{
    return text[0] >= '0' && text[0] <= '9' && (text[0] != '0' || size == 1);
}

static bool is_plain_text(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        bool is_edge = i == 0 || i == size - 1;
        if (c == ',' || c == '"' || c == '\n' || c == '\r' ||
            (is_edge && (c == ' ' || c == '\t'))) {
            return false;
        }
    }
    return true;
}

/* Copies the source's ids into entries and finds out what they are. */
static bool take_ids(struct maker *maker, struct err *err)
{
    const struct catalog_source *source = maker->source;

    maker->is_integers = true;
    maker->is_numbers = true;
    maker->is_plain = true;
    for (size_t i = 0; i < source->n_ids; i++) {
        struct entry *entry = &maker->entries[i];
        *entry = (struct entry){
            .text = source->ids[i].text, .size = source->ids[i].size, .source = (uint32_t)i};
        if (entry->size == 0 || entry->size > CATALOG_ID_BYTES_MAX) {
            return err_set(err, ERR_INPUT, "image id %zu has %zu bytes, 1 to %d are allowed", i + 1,
                           entry->size, CATALOG_ID_BYTES_MAX);
        }
        maker->is_plain = maker->is_plain && is_plain_text(entry->text, entry->size);
        maker->is_integers = maker->is_integers &&
                             number_int64(&entry->value, entry->text, entry->size) == NUMBER_OK;
        maker->is_numbers =
            maker->is_integers && maker->is_numbers && is_number_text(entry->text, entry->size);
        if (i == 0 || entry->value < maker->value_min) {
            maker->value_min = entry->value;
        }
        if (i == 0 || entry->value > maker->value_max) {
            maker->value_max = entry->value;
        }
    }
    maker->is_numbers = maker->is_numbers && source->n_ids > 0;
    return true;
}

static int compare_bytes(const void *a, const void *b)
{
    const struct entry *left = a;
    const struct entry *right = b;
    size_t shared = left->size < right->size ? left->size : right->size;
    int order = memcmp(left->text, right->text, shared);

    if (order == 0) {
        order = (left->size > right->size) - (left->size < right->size);
    }
    return order != 0 ? order : (left->source > right->source) - (left->source < right->source);
}

static int compare_values(const void *a, const void *b)
{
    const struct entry *left = a;
    const struct entry *right = b;

    if (left->value != right->value) {
        return left->value < right->value ? -1 : 1;
    }
    return compare_bytes(a, b); /* 1 and 01 */
}

static bool is_same_id(const struct entry *a, const struct entry *b)
{
    return a->size == b->size && memcmp(a->text, b->text, a->size) == 0;
}

/* Sorts the entries, drops those that repeat, numbers the images. */
static void order_by_sorting(struct maker *maker)
{
    size_t n = maker->source->n_ids;
    size_t n_images = 0;

    qsort(maker->entries, n, sizeof(*maker->entries),
          maker->is_integers ? compare_values : compare_bytes);
    for (size_t i = 0; i < n; i++) {
        struct entry *entry = &maker->entries[i];
        if (n_images == 0 || !is_same_id(entry, &maker->entries[n_images - 1])) {
            maker->entries[n_images++] = *entry;
            maker->text_bytes += entry->size;
        }
        maker->index_of[entry->source] = (uint32_t)(n_images - 1);
    }
    maker->n_images = n_images;
}

/* Numbers close together order themselves: `slots` has one place for each number. */
static void order_by_number(struct maker *maker, uint32_t *slots, size_t n_slots)
{
    size_t n = maker->source->n_ids;
    size_t n_images = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t *slot = &slots[maker->entries[i].value - maker->value_min];
        maker->text_bytes += *slot == 0 ? maker->entries[i].size : 0;
        *slot = 1;
    }
    for (size_t i = 0; i < n_slots; i++) {
        n_images += slots[i];
        slots[i] = slots[i] == 0 ? 0 : (uint32_t)n_images;
    }
    for (size_t i = 0; i < n; i++) {
        maker->index_of[i] = slots[maker->entries[i].value - maker->value_min] - 1;
    }
    maker->n_images = n_images;
}

static struct extent reserve(size_t *block_bytes, size_t n, size_t item_bytes)
{
    struct extent extent = {.at = *block_bytes, .n = n};

    *block_bytes += (n * item_bytes + BLOCK_ALIGN - 1) / BLOCK_ALIGN * BLOCK_ALIGN;
    return extent;
}

static size_t hash_slots(size_t n_images)
{
    size_t n = 16;

    while (n < 2 * n_images) { /* at most half full: probes stay short and end */
        n *= 2;
    }
    return n;
}

static size_t number_slots(const struct maker *maker)
{
    uint64_t n = (uint64_t)maker->value_max - (uint64_t)maker->value_min + 1;
    uint64_t most = (uint64_t)NUMBERS_PER_IMAGE * maker->source->n_ids;

    if (!maker->is_numbers || n > NUMBERS_MAX || (n > NUMBERS_FREE && n > most)) {
        return 0;
    }
    return (size_t)n;
}

static void lay_out(struct header *header, const struct maker *maker, size_t n_numbers)
{
    const struct catalog_source *source = maker->source;
    int64_t class_max = source->n_classes == 0 ? -1 : source->class_ids[source->n_classes - 1];
    bool is_close =
        source->n_classes > 0 && source->class_ids[0] >= 0 && class_max < CLASS_SLOTS_MAX;
    size_t at = (sizeof(*header) + BLOCK_ALIGN - 1) / BLOCK_ALIGN * BLOCK_ALIGN;

    header->magic = catalog_magic;
    header->n_images = maker->n_images;
    header->n_classes = source->n_classes;
    header->flags = (source->is_open_classes ? FLAG_OPEN_CLASSES : 0u) |
                    (source->is_open_images ? FLAG_OPEN_IMAGES : 0u) |
                    (maker->is_plain ? FLAG_PLAIN : 0u);
    header->number_min = n_numbers > 0 ? (uint64_t)maker->value_min : 0;
    header->id_start = reserve(&at, maker->n_images + 1, sizeof(uint32_t));
    header->id_text = reserve(&at, maker->text_bytes, 1);
    header->class_id = reserve(&at, source->n_classes, sizeof(int64_t));
    header->number_slot = reserve(&at, n_numbers, sizeof(uint32_t));
    header->class_slot = reserve(&at, is_close ? (size_t)class_max + 1 : 0, sizeof(uint16_t));
    header->hash_slot =
        reserve(&at, n_numbers > 0 ? 0 : hash_slots(maker->n_images), 2 * sizeof(uint32_t));
    header->block_bytes = at;
}

static void fill_hash(char *block, const struct header *header, const struct entry *entries)
{
    uint32_t(*slots)[2] = (void *)(block + header->hash_slot.at);
    uint64_t mask = header->hash_slot.n - 1;

    for (uint32_t image = 0; image < header->n_images; image++) {
        uint64_t hash = hash_of(entries[image].text, entries[image].size);
        uint64_t slot = hash & mask;
        while (slots[slot][1] != 0) {
            slot = (slot + 1) & mask;
        }
        slots[slot][0] = (uint32_t)(hash >> 32);
        slots[slot][1] = image + 1;
    }
}

/* Fills the arrays of the ids from entries that stand in order. */
static void fill_ids(char *block, const struct header *header, const struct entry *entries)
{
    uint32_t *id_start = (void *)(block + header->id_start.at);
    uint32_t at = 0;

    for (size_t image = 0; image < header->n_images; image++) {
        id_start[image] = at;
        memcpy(block + header->id_text.at + at, entries[image].text, entries[image].size);
        at += (uint32_t)entries[image].size;
    }
    id_start[header->n_images] = at;
}

static void fill_classes(char *block, const struct header *header,
                         const struct catalog_source *source)
{
    uint16_t *slots = (void *)(block + header->class_slot.at);

    if (source->n_classes > 0) {
        memcpy(block + header->class_id.at, source->class_ids, source->n_classes * sizeof(int64_t));
    }
    for (size_t i = 0; header->class_slot.n > 0 && i < source->n_classes; i++) {
        slots[source->class_ids[i]] = (uint16_t)(i + 1);
    }
}

/* The view of a block whose header is known to be right. */
static void view(struct catalog *catalog, const void *block)
{
    const struct header *header = block;
    const char *base = block;

    *catalog = (struct catalog){
        .block = block,
        .block_bytes = header->block_bytes,
        .n_images = (uint32_t)header->n_images,
        .n_classes = (uint32_t)header->n_classes,
        .is_open_classes = (header->flags & FLAG_OPEN_CLASSES) != 0,
        .is_open_images = (header->flags & FLAG_OPEN_IMAGES) != 0,
        .is_plain = (header->flags & FLAG_PLAIN) != 0,
        .id_start = (const void *)(base + header->id_start.at),
        .id_text = base + header->id_text.at,
        .class_id = (const void *)(base + header->class_id.at),
        .number_min = header->number_min,
        .n_numbers = header->number_slot.n,
        .n_class_slots = header->class_slot.n,
        .hash_mask = header->hash_slot.n - 1,
    };
    if (header->number_slot.n > 0) {
        catalog->number_slot = (const void *)(base + header->number_slot.at);
    }
    if (header->class_slot.n > 0) {
        catalog->class_slot = (const void *)(base + header->class_slot.at);
    }
    if (header->hash_slot.n > 0) {
        catalog->hash_slot = (const void *)(base + header->hash_slot.at);
    }
}

/* Brings the entries of numbers into their order, which index_of has. */
static bool sort_entries(struct maker *maker, struct err *err)
{
    struct entry *sorted = arena_alloc(maker->scratch, maker->source->n_ids, sizeof(*sorted), err);

    if (sorted == NULL) {
        return false;
    }
    for (size_t i = 0; i < maker->source->n_ids; i++) {
        sorted[maker->index_of[i]] = maker->entries[i];
    }
    maker->entries = sorted;
    return true;
}

/* Everything between the checked sizes and the finished block. */
static bool make_block(struct catalog *catalog, struct maker *maker, struct arena *arena,
                       struct err *err)
{
    struct header header = {0};
    size_t n_numbers = number_slots(maker);
    uint32_t *slots = NULL;

    if (n_numbers > 0) {
        slots = arena_alloc(maker->scratch, n_numbers, sizeof(*slots), err);
        if (slots == NULL) {
            return false;
        }
        order_by_number(maker, slots, n_numbers);
        if (!sort_entries(maker, err)) {
            return false;
        }
    } else {
        order_by_sorting(maker);
    }
    lay_out(&header, maker, n_numbers);
    char *block = arena_alloc(arena, header.block_bytes, 1, err);
    if (block == NULL) {
        return false;
    }
    memcpy(block, &header, sizeof(header));
    fill_ids(block, &header, maker->entries);
    fill_classes(block, &header, maker->source);
    if (n_numbers > 0) {
        memcpy(block + header.number_slot.at, slots, n_numbers * sizeof(*slots));
    } else {
        fill_hash(block, &header, maker->entries);
    }
    view(catalog, block);
    return true;
}

bool catalog_make(struct catalog *catalog, uint32_t *index_of, const struct catalog_source *source,
                  struct arena *arena, struct err *err)
{
    struct maker maker = {.source = source, .index_of = index_of};
    bool ok = false;

    if (source->n_ids > CATALOG_IMAGES_MAX) {
        return err_set(err, ERR_LIMIT, "%zu images, limit is %d", source->n_ids,
                       CATALOG_IMAGES_MAX);
    }
    if (source->n_classes > CLASSES_MAX) {
        return err_set(err, ERR_LIMIT, "%zu classes, limit is %d", source->n_classes, CLASSES_MAX);
    }
    if (!arena_open(&maker.scratch, SIZE_MAX, err)) {
        return false;
    }
    maker.entries = arena_alloc(maker.scratch, source->n_ids, sizeof(*maker.entries), err);
    if (maker.entries == NULL) {
        goto out;
    }
    if (maker.index_of == NULL) {
        maker.index_of = arena_alloc(maker.scratch, source->n_ids, sizeof(*index_of), err);
        if (maker.index_of == NULL) {
            goto out;
        }
    }
    ok = take_ids(&maker, err) && make_block(catalog, &maker, arena, err);
out:
    arena_close(&maker.scratch);
    return ok;
}

static bool is_inside(const struct header *header, struct extent extent, size_t item_bytes,
                      uint64_t n_expected)
{
    return extent.n == n_expected && extent.at % BLOCK_ALIGN == 0 &&
           extent.at <= header->block_bytes &&
           extent.n <= (header->block_bytes - extent.at) / item_bytes;
}

static bool is_header_right(const struct header *header, size_t size_bytes)
{
    bool has_numbers = header->number_slot.n > 0;
    uint64_t n_hash = header->hash_slot.n;

    return header->magic == catalog_magic && header->block_bytes == size_bytes &&
           (header->flags & ~(uint64_t)FLAGS_ALL) == 0 && header->n_images <= CATALOG_IMAGES_MAX &&
           header->n_classes <= CLASSES_MAX &&
           is_inside(header, header->id_start, sizeof(uint32_t), header->n_images + 1) &&
           is_inside(header, header->id_text, 1, header->id_text.n) &&
           is_inside(header, header->class_id, sizeof(int64_t), header->n_classes) &&
           is_inside(header, header->number_slot, sizeof(uint32_t), header->number_slot.n) &&
           is_inside(header, header->class_slot, sizeof(uint16_t), header->class_slot.n) &&
           is_inside(header, header->hash_slot, 2 * sizeof(uint32_t),
                     has_numbers ? 0 : hash_slots(header->n_images)) &&
           (has_numbers || (n_hash & (n_hash - 1)) == 0);
}

/* Every offset and index of the arrays is within what it points into. */
static bool are_arrays_right(const struct catalog *catalog, uint64_t text_bytes)
{
    bool ok = catalog->id_start[0] == 0 && catalog->id_start[catalog->n_images] == text_bytes;
    size_t n_used = 0;

    for (uint32_t i = 0; i < catalog->n_images; i++) {
        ok = ok && catalog->id_start[i] < catalog->id_start[i + 1];
    }
    for (uint32_t i = 1; i < catalog->n_classes; i++) {
        ok = ok && catalog->class_id[i - 1] < catalog->class_id[i];
    }
    for (uint64_t i = 0; i < catalog->n_numbers; i++) {
        ok = ok && catalog->number_slot[i] <= catalog->n_images;
    }
    for (uint64_t i = 0; i < catalog->n_class_slots; i++) {
        ok = ok && catalog->class_slot[i] <= catalog->n_classes;
    }
    for (uint64_t i = 0; catalog->hash_slot != NULL && i <= catalog->hash_mask; i++) {
        n_used += catalog->hash_slot[i][1] != 0;
        ok = ok && catalog->hash_slot[i][1] <= catalog->n_images;
    }
    return ok && (catalog->hash_slot == NULL || n_used <= catalog->hash_mask / 2 + 1);
}

bool catalog_open(struct catalog *catalog, const void *block, size_t size_bytes, struct err *err)
{
    const struct header *header = block;

    if ((uintptr_t)block % BLOCK_ALIGN != 0 || size_bytes < sizeof(*header) ||
        !is_header_right(header, size_bytes)) {
        return err_set(err, ERR_PEER, "the catalog of images and classes is damaged (header)");
    }
    view(catalog, block);
    if (!are_arrays_right(catalog, header->id_text.n)) {
        return err_set(err, ERR_PEER, "the catalog of images and classes is damaged (tables)");
    }
    return true;
}

/* The number of a text as is_number_text has it; false for other texts and those too large. */
static bool small_number(uint64_t *number, const char *text, size_t size)
{
    uint64_t value = 0;

    if (size == 0 || size > 19 || !is_number_text(text, size)) {
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
    uint64_t hash = hash_of(text, size);
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

    if (catalog->number_slot == NULL) {
        return find_hashed(catalog, text, size);
    }
    if (!small_number(&number, text, size) || number < catalog->number_min ||
        number - catalog->number_min >= catalog->n_numbers) {
        return CATALOG_NONE;
    }
    return catalog->number_slot[number - catalog->number_min] - 1;
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

struct id_text catalog_image_id(const struct catalog *catalog, uint32_t image)
{
    uint32_t start = catalog->id_start[image];

    return (struct id_text){.text = catalog->id_text + start,
                            .size = catalog->id_start[image + 1] - start};
}
