/* SPDX-License-Identifier: MIT */
/*
 * A catalog block from another process: refused, or every lookup stays inside it. The first byte
 * says how a right block is damaged first (0: the input is the block itself).
 */
#include <string.h>

#include "scorer/data/catalog.h"
#include "tests/fuzz/fuzz.h"

enum { BLOCK_ROOM = 1 << 16 };

static size_t make_right_block(unsigned char *block, bool has_numbers)
{
    struct id_text ids[] = {{"1", 1}, {"20", 2}, {"300", 3}, {has_numbers ? "4000" : "dog", 4}};
    static const int64_t classes[] = {1, 7, 12};
    struct catalog_source source = {.ids = ids, .class_ids = classes, .n_classes = 3};
    struct arena *arena = NULL;
    struct catalog catalog;
    struct err err;

    ids[3].size = strlen(ids[3].text);
    source.n_ids = 4;
    FUZZ_CHECK(arena_open(&arena, 64 << 20, &err));
    FUZZ_CHECK(catalog_make(&catalog, NULL, &source, arena, &err));
    size_t size = catalog.block_bytes;
    FUZZ_CHECK(size <= BLOCK_ROOM);
    memcpy(block, catalog.block, size);
    arena_close(&arena);
    return size;
}

static void look_up(const struct catalog *catalog)
{
    static const char *const ids[] = {"1", "20", "dog", "", "a long id that is not there"};

    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        uint32_t image = catalog_find_image(catalog, ids[i], strlen(ids[i]));
        FUZZ_CHECK(image < catalog->n_images || image == CATALOG_NONE);
    }
    for (uint32_t i = 0; i < catalog->n_images; i++) {
        char id[CATALOG_ID_BYTES_MAX];
        catalog_find_image(catalog, id, catalog_image_id(id, catalog, i));
    }
    for (int64_t id = -1; id < 20; id++) {
        catalog_find_class(catalog, id);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char *block = aligned_alloc(64, BLOCK_ROOM);
    struct catalog catalog;
    struct err err;

    FUZZ_CHECK(block != NULL);
    memset(block, 0, BLOCK_ROOM);
    if (size < 1 || size > BLOCK_ROOM) {
        free(block);
        return 0;
    }
    size_t block_size = size - 1;
    if (data[0] == 0) {
        memcpy(block, data + 1, block_size);
    } else {
        block_size = make_right_block(block, data[0] % 2 == 0);
        for (size_t i = 1; i + 2 < size; i += 3) { /* offset, byte */
            block[(data[i] | data[i + 1] << 8) % block_size] = data[i + 2];
        }
    }
    if (catalog_open(&catalog, block, block_size, &err)) {
        look_up(&catalog);
    }
    free(block);
    return 0;
}
