/* SPDX-License-Identifier: MIT */
/*
 * Making a catalog. Numbers close together need no sorting: their bits stand in order.
 */
#include "scorer/data/catalog.h"

#include <stdlib.h>
#include <string.h>

#include "scorer/data/catalog_block.h"
#include "scorer/data/number.h"
#include "scorer/metric/arrays.h"

enum {
    NUMBERS_FREE = 1 << 20,  /* bits for this many numbers are always made … */
    NUMBERS_PER_IMAGE = 512, /* … for more while there are that many numbers an image */
    CLASS_SLOTS_MAX = 1 << 20,
};

static const uint64_t numbers_max = 1ULL << 32;

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
    struct entry *entries;
    struct id_text *texts; /* of images in their order; NULL with numbers */
    uint32_t *index_of;    /* NULL where numbers need none */
    size_t n_images;
    struct id_text *names;   /* of classes; NULL without */
    const uint32_t *numbers; /* less number_base; NULL where the ids are not close numbers */
    uint64_t number_base;
    uint64_t number_min;
    uint64_t number_max;
    struct catalog_word *words;
    size_t n_words;
    bool is_integers;
    bool is_plain;
};

bool catalog_are_close(uint64_t min, uint64_t max, size_t n)
{
    uint64_t range = max - min;

    return n > 0 && range < numbers_max &&
           (range < NUMBERS_FREE || range < (uint64_t)NUMBERS_PER_IMAGE * n);
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
    }
    return true;
}

/* Where all entries are numbers, close together, they become maker->numbers. */
static bool take_numbers(struct maker *maker, struct err *err)
{
    size_t n = maker->source->n_ids;
    uint64_t min = UINT64_MAX;
    uint64_t max = 0;
    bool is_numbers = maker->is_integers;

    for (size_t i = 0; i < n && is_numbers; i++) {
        const struct entry *entry = &maker->entries[i];
        uint64_t number = (uint64_t)entry->value;
        is_numbers = block_is_number(entry->text, entry->size);
        min = number < min ? number : min;
        max = number > max ? number : max;
    }
    if (!is_numbers || !catalog_are_close(min, max, n)) {
        return true;
    }
    uint32_t *numbers = arena_alloc(maker->scratch, n, sizeof(*numbers), err);
    if (numbers == NULL) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        numbers[i] = (uint32_t)((uint64_t)maker->entries[i].value - min);
    }
    maker->numbers = numbers;
    maker->number_base = min;
    maker->number_min = min;
    maker->number_max = max;
    return true;
}

/* Takes the numbers of the source. */
static void take_source_numbers(struct maker *maker)
{
    maker->numbers = maker->source->numbers;
    maker->is_plain = true;
    maker->number_min = UINT64_MAX;
    for (size_t i = 0; i < maker->source->n_ids; i++) {
        uint64_t number = maker->numbers[i];
        maker->number_min = number < maker->number_min ? number : maker->number_min;
        maker->number_max = number > maker->number_max ? number : maker->number_max;
    }
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
static bool order_by_sorting(struct maker *maker, struct err *err)
{
    size_t n = maker->source->n_ids;
    size_t n_images = 0;

    maker->texts = arena_alloc(maker->scratch, n, sizeof(*maker->texts), err);
    if (maker->texts == NULL) {
        return false;
    }
    if (n > 1) {
        qsort(maker->entries, n, sizeof(*maker->entries),
              maker->is_integers ? compare_values : compare_bytes);
    }
    for (size_t i = 0; i < n; i++) {
        const struct entry *entry = &maker->entries[i];
        if (i == 0 || !is_same_id(entry, &maker->entries[i - 1])) {
            maker->texts[n_images++] = (struct id_text){.text = entry->text, .size = entry->size};
        }
        maker->index_of[entry->source] = (uint32_t)(n_images - 1);
    }
    maker->n_images = n_images;
    return true;
}

/* Numbers order themselves: each has a bit, the bits before it count its index. */
static bool order_by_number(struct maker *maker, struct err *err)
{
    size_t n = maker->source->n_ids;

    maker->number_min &= ~63ULL;
    maker->n_words = (maker->number_max - maker->number_min) / 64 + 1;
    maker->words = arena_alloc(maker->scratch, maker->n_words, sizeof(*maker->words), err);
    if (maker->words == NULL) {
        return false;
    }
    uint64_t base = maker->number_base - maker->number_min; /* wraps, as the sums with it do */
    for (size_t i = 0; i < n; i++) {
        uint64_t at = maker->numbers[i] + base;
        maker->words[at / 64].bits |= 1ULL << (at % 64);
    }
    for (size_t i = 0; i < maker->n_words; i++) {
        maker->words[i].rank = maker->n_images;
        maker->n_images += catalog_count_bits(maker->words[i].bits);
    }
    for (size_t i = 0; i < n; i++) {
        uint64_t at = maker->numbers[i] + base;
        const struct catalog_word *word = &maker->words[at / 64];
        uint64_t before = word->bits & ((1ULL << (at % 64)) - 1);
        maker->index_of[i] = (uint32_t)word->rank + catalog_count_bits(before);
    }
    return true;
}

static struct extent reserve(size_t *block_bytes, size_t n, size_t item_bytes)
{
    struct extent extent = {.at = *block_bytes, .n = n};

    *block_bytes += (n * item_bytes + BLOCK_ALIGN - 1) / BLOCK_ALIGN * BLOCK_ALIGN;
    return extent;
}

/* Room for n texts and the table to find them; none where they are not there. */
static struct texts_extent reserve_texts(size_t *block_bytes, const struct id_text *texts, size_t n)
{
    size_t text_bytes = 0;

    for (size_t i = 0; texts != NULL && i < n; i++) {
        text_bytes += texts[i].size;
    }
    return (struct texts_extent){
        .start = reserve(block_bytes, texts == NULL ? 0 : n + 1, sizeof(uint32_t)),
        .text = reserve(block_bytes, text_bytes, 1),
        .slot = reserve(block_bytes, texts == NULL ? 0 : block_hash_slots(n), 2 * sizeof(uint32_t)),
    };
}

static void lay_out(struct block_header *header, const struct maker *maker)
{
    const struct catalog_source *source = maker->source;
    bool has_sizes = source->sizes != NULL;
    int64_t class_max = source->n_classes == 0 ? -1 : source->class_ids[source->n_classes - 1];
    bool is_close =
        source->n_classes > 0 && source->class_ids[0] >= 0 && class_max < CLASS_SLOTS_MAX;
    size_t at = (sizeof(*header) + BLOCK_ALIGN - 1) / BLOCK_ALIGN * BLOCK_ALIGN;

    header->magic = block_magic;
    header->n_images = maker->n_images;
    header->n_classes = source->n_classes;
    header->flags = (source->is_open_classes ? FLAG_OPEN_CLASSES : 0u) |
                    (source->is_open_images ? FLAG_OPEN_IMAGES : 0u) |
                    (maker->is_plain ? FLAG_PLAIN : 0u) |
                    (maker->texts == NULL ? FLAG_NUMBERS : 0u) |
                    (maker->names != NULL ? FLAG_NAMES : 0u) | (has_sizes ? FLAG_SIZES : 0u);
    header->number_min = maker->texts == NULL ? maker->number_min : 0;
    header->number_word = reserve(&at, maker->n_words, sizeof(struct catalog_word));
    header->images = reserve_texts(&at, maker->texts, maker->n_images);
    header->image_size = reserve(&at, has_sizes ? maker->n_images : 0, 2 * sizeof(uint32_t));
    header->class_id = reserve(&at, source->n_classes, sizeof(int64_t));
    header->class_slot = reserve(&at, is_close ? (size_t)class_max + 1 : 0, sizeof(uint16_t));
    header->names = reserve_texts(&at, maker->names, source->n_classes);
    header->block_bytes = at;
}

/* Puts a text into the hash table; one that is there already becomes ambiguous. */
static void insert(uint32_t (*slots)[2], uint64_t mask, const struct id_text *texts, uint32_t index)
{
    uint64_t hash = block_hash(texts[index].text, texts[index].size);
    uint32_t tag = (uint32_t)(hash >> 32);
    uint64_t slot = hash & mask;

    for (; slots[slot][1] != 0; slot = (slot + 1) & mask) {
        uint32_t other = slots[slot][1];
        if (slots[slot][0] == tag && other != block_ambiguous &&
            texts[other - 1].size == texts[index].size &&
            memcmp(texts[other - 1].text, texts[index].text, texts[index].size) == 0) {
            slots[slot][1] = block_ambiguous;
            return;
        }
    }
    slots[slot][0] = tag;
    slots[slot][1] = index + 1;
}

/* Fills the arrays of texts; an empty one is not to be found. */
static void fill_texts(char *block, const struct texts_extent *extent, const struct id_text *texts,
                       size_t n)
{
    uint32_t *start = (void *)(block + extent->start.at);
    uint32_t at = 0;

    for (size_t i = 0; i < n; i++) {
        start[i] = at;
        memcpy(block + extent->text.at + at, texts[i].text, texts[i].size);
        at += (uint32_t)texts[i].size;
        if (texts[i].size > 0) {
            insert((void *)(block + extent->slot.at), extent->slot.n - 1, texts, (uint32_t)i);
        }
    }
    start[n] = at;
}

static void fill_sizes(char *block, const struct block_header *header, const struct maker *maker)
{
    uint32_t(*sizes)[2] = (void *)(block + header->image_size.at);

    for (size_t i = 0; i < maker->source->n_ids; i++) {
        memcpy(sizes[maker->index_of[i]], maker->source->sizes[i], sizeof(sizes[0]));
    }
}

static void fill_classes(char *block, const struct block_header *header,
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

/* Everything between the taken ids and the finished block. */
static bool make_block(struct catalog *catalog, struct maker *maker, struct arena *arena,
                       struct err *err)
{
    struct block_header header = {0};

    bool is_ordered =
        maker->numbers == NULL ? order_by_sorting(maker, err) : order_by_number(maker, err);
    if (!is_ordered) {
        return false;
    }
    lay_out(&header, maker);
    char *block = arena_alloc(arena, header.block_bytes, 1, err);
    if (block == NULL) {
        return false;
    }
    memcpy(block, &header, sizeof(header));
    if (maker->texts != NULL) {
        fill_texts(block, &header.images, maker->texts, maker->n_images);
    } else {
        memcpy(block + header.number_word.at, maker->words, maker->n_words * sizeof(*maker->words));
    }
    if (maker->names != NULL) {
        fill_texts(block, &header.names, maker->names, maker->source->n_classes);
    }
    if (maker->source->sizes != NULL) {
        fill_sizes(block, &header, maker);
    }
    fill_classes(block, &header, maker->source);
    block_view(catalog, block);
    return true;
}

/* The names of classes; those that cannot be tokens of a row stay empty. */
static bool take_names(struct maker *maker, struct err *err)
{
    const struct catalog_source *source = maker->source;

    if (source->class_names == NULL) {
        return true;
    }
    maker->names = arena_alloc(maker->scratch, source->n_classes, sizeof(*maker->names), err);
    for (size_t i = 0; maker->names != NULL && i < source->n_classes; i++) {
        size_t size = strlen(source->class_names[i]);
        bool is_token = size <= CATALOG_ID_BYTES_MAX && strchr(source->class_names[i], ' ') == NULL;
        maker->names[i] =
            (struct id_text){.text = source->class_names[i], .size = is_token ? size : 0};
    }
    return maker->names != NULL;
}

/* The ids as entries or numbers. */
static bool take_source(struct maker *maker, struct err *err)
{
    size_t n = maker->source->n_ids;

    if (maker->index_of == NULL) {
        maker->index_of = arena_alloc(maker->scratch, n, sizeof(*maker->index_of), err);
        if (maker->index_of == NULL) {
            return false;
        }
    }
    if (maker->source->numbers != NULL) {
        take_source_numbers(maker);
        return true;
    }
    maker->entries = arena_alloc(maker->scratch, n, sizeof(*maker->entries), err);
    return maker->entries != NULL && take_ids(maker, err) && take_numbers(maker, err);
}

bool catalog_make(struct catalog *catalog, uint32_t *index_of, const struct catalog_source *source,
                  struct arena *arena, struct err *err)
{
    struct maker maker = {.source = source, .index_of = index_of};

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
    bool ok = take_source(&maker, err) && take_names(&maker, err) &&
              make_block(catalog, &maker, arena, err);
    arena_close(&maker.scratch);
    return ok;
}
