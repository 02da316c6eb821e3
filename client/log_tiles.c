/* SPDX-License-Identifier: MIT */
/*
 * Tiles of hashes and of entries. See the header.
 */
#include "client/log_tiles.h"

#include <stdio.h>
#include <string.h>

#include "schemas/entry.h"

enum { NAME_SIZE = 64, LENGTH_BYTES = 2, LEVELS_A_TILE = 8 };

/* "tile/LEVEL/x001/067", with ".p/WIDTH" where it is not full; LEVEL may be "entries". */
static void tile_name(char name[static NAME_SIZE], const char *level, uint64_t index,
                      uint64_t width)
{
    char digits[48] = "";
    char partial[16] = "";

    for (uint64_t rest = index / 1000; rest > 0; rest /= 1000) {
        char longer[48];
        snprintf(longer, sizeof(longer), "x%03u/%.40s", (unsigned)(rest % 1000), digits);
        memcpy(digits, longer, sizeof(digits));
    }
    if (width < LOG_TILE_WIDTH) {
        snprintf(partial, sizeof(partial), ".p/%u", (unsigned)width);
    }
    snprintf(name, NAME_SIZE, "tile/%.8s/%.30s%03u%.6s", level, digits, (unsigned)(index % 1000),
             partial);
}

static bool take_level(const struct tree_level *hashes, unsigned level,
                       const struct log_tile_taker *taker, struct err *err)
{
    char name[NAME_SIZE];
    char text[8];

    snprintf(text, sizeof(text), "%u", level);
    for (uint64_t first = 0; first < hashes->n; first += LOG_TILE_WIDTH) {
        uint64_t width = hashes->n - first < LOG_TILE_WIDTH ? hashes->n - first : LOG_TILE_WIDTH;
        tile_name(name, text, first / LOG_TILE_WIDTH, width);
        if (!taker->take(taker->context, name, hashes->hashes + first, width * TREE_HASH_BYTES,
                         err)) {
            return false;
        }
    }
    return true;
}

bool log_tiles_of_tree(const struct tree *tree, const struct log_tile_taker *taker, struct err *err)
{
    for (unsigned level = 0; LEVELS_A_TILE * level < TREE_LEVELS; level++) {
        if (!take_level(&tree->levels[LEVELS_A_TILE * level], level, taker, err)) {
            return false;
        }
    }
    return true;
}

bool log_tiles_of_entries(const struct bytes *lines, const struct log_tile_taker *taker,
                          struct err *err)
{
    static unsigned char bundle[LOG_TILE_WIDTH * (LENGTH_BYTES + ENTRY_SIZE)];
    const unsigned char *at = lines->data;
    const unsigned char *end = at + lines->size_bytes;
    char name[NAME_SIZE];

    for (uint64_t index = 0; at < end; index++) {
        uint64_t width = 0;
        size_t size = 0;
        for (; width < LOG_TILE_WIDTH && at < end; width++) {
            const unsigned char *line_end = memchr(at, '\n', (size_t)(end - at));
            size_t length = (size_t)(line_end + 1 - at);
            bundle[size++] = (unsigned char)(length >> 8);
            bundle[size++] = (unsigned char)(length & 0xff);
            memcpy(bundle + size, at, length);
            size += length;
            at += length;
        }
        tile_name(name, "entries", index, width);
        if (!taker->take(taker->context, name, bundle, size, err)) {
            return false;
        }
    }
    return true;
}
