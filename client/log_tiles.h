/* SPDX-License-Identifier: MIT */
/*
 * The tiles of a log as C2SP tlog-tiles lays them out, by their names in its folder: made when a
 * log is written, and made again when one is checked.
 */
#pragma once

#include "common/file.h"
#include "schemas/tree.h"

enum { LOG_TILE_WIDTH = 256 };

/* Who takes the tiles, each by its name: "tile/0/x001/067". */
struct log_tile_taker {
    bool (*take)(void *context, const char *name, const void *data, size_t size, struct err *err);
    void *context;
};

/* The tiles of hashes, of every level. Errors: those of the taker. */
MUST_CHECK bool log_tiles_of_tree(const struct tree *tree, const struct log_tile_taker *taker,
                                  struct err *err);

/*
 * The bundles of entries: 256 lines each, each behind its length in two bytes.
 *
 *   lines    every entry of the log, checked, with its LF
 *
 * Errors   those of the taker
 */
MUST_CHECK bool log_tiles_of_entries(const struct bytes *lines, const struct log_tile_taker *taker,
                                     struct err *err);
