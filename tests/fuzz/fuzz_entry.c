/* SPDX-License-Identifier: MIT */
/*
 * Log entries: what is read is made again to the same bytes.
 */
#include <string.h>

#include "schemas/entry.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct entry entry;
    struct err err;
    char texts[ENTRY_SIZE];
    char line[ENTRY_SIZE];
    size_t line_size;

    if (entry_read(&entry, texts, data, size, &err)) {
        FUZZ_CHECK(entry_make(line, &line_size, &entry, &err));
        FUZZ_CHECK(line_size == size && memcmp(line, data, size) == 0);
    } else {
        FUZZ_CHECK(err.code == ERR_INPUT);
    }
    return 0;
}
