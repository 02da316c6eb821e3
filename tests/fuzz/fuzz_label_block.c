/* SPDX-License-Identifier: MIT */
/*
 * Label blocks: read, or refused as damaged. What is read can be walked row by row.
 */
#include <stdlib.h>
#include <string.h>

#include "scorer/data/label_block.h"
#include "scorer/data/label_rows.h"
#include "tests/fuzz/fuzz.h"

enum { ARENA_BYTES = 64 << 20, ALIGN = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct label_block block;
    struct arena *arena = NULL;
    struct tree_hash root;
    struct err err;
    void *copy = aligned_alloc(ALIGN, size / ALIGN * ALIGN + ALIGN);

    FUZZ_CHECK(crypt_start(&err) && copy != NULL && arena_open(&arena, ARENA_BYTES, &err));
    memcpy(copy, data, size);
    if (label_block_open(&block, copy, size, arena, &err)) {
        FUZZ_CHECK(label_rows_root(&root, &block.labels, "fuzz", block.seeds->label, &err));
    } else {
        FUZZ_CHECK(err.code == ERR_PEER || err.code == ERR_LIMIT);
    }
    arena_close(&arena);
    free(copy);
    return 0;
}
