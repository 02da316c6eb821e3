/* SPDX-License-Identifier: MIT */
/*
 * The readers of plain rows of boxes against each other and against the number grammar, from every
 * line of the input on. The first byte chooses ids that are numbers, or texts.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/plain_reference.h"

static void make_catalogs(struct catalog catalogs[2])
{
    static const struct id_text texts[] = {{"a", 1}, {"2", 1}, {"b.7-e", 5}, {"03", 2}};
    static const struct id_text numbers[] = {{"1", 1}, {"0", 1}, {"30", 2}, {"4711", 4}};
    static const int64_t class_ids[] = {0, 1, 2, 7, 90, 2854};
    static struct arena *arena;
    struct err err;

    FUZZ_CHECK(arena_open(&arena, 64 << 20, &err));
    for (size_t i = 0; i < 2; i++) {
        const struct catalog_source source = {
            .ids = i == 0 ? numbers : texts, .n_ids = 4, .class_ids = class_ids, .n_classes = 6};
        FUZZ_CHECK(catalog_make(&catalogs[i], NULL, &source, arena, &err));
        FUZZ_CHECK(catalogs[i].is_plain && catalogs[i].class_slot != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct catalog catalogs[2];
    struct plain_counts counts;

    if (catalogs[0].block == NULL) {
        make_catalogs(catalogs);
    }
    if (size == 0) {
        return 0;
    }
    char *copy = malloc(size - 1 + 2 * PLAIN_PAD);
    FUZZ_CHECK(copy != NULL);
    memset(copy, data[0], size - 1 + 2 * PLAIN_PAD);
    memcpy(copy + PLAIN_PAD, data + 1, size - 1);
    char *end = copy + PLAIN_PAD + size - 1;
    for (const char *at = copy + PLAIN_PAD; at < end;) {
        FUZZ_CHECK(plain_read(&counts, &catalogs[data[0] % 2], at, end));
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        at = line_end == NULL ? end : line_end + 1;
    }
    free(copy);
    return 0;
}
