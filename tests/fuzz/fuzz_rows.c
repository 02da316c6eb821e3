/* SPDX-License-Identifier: MIT */
/*
 * The row reader against libcsv alone. The first byte says into how large pieces the rest is cut
 * (0: none).
 */
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/rows_reference.h"

static size_t fixed_cut(void *state)
{
    const size_t *size = state;

    return *size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct transcript expected = {0};
    struct transcript read = {0};

    if (size == 0) {
        return 0;
    }
    size_t cut = data[0];
    reference_read(&expected, (const char *)data + 1, size - 1);
    reader_read(&read, (const char *)data + 1, size - 1, fixed_cut, &cut);
    FUZZ_CHECK(read.size == expected.size);
    FUZZ_CHECK(read.size == 0 || memcmp(read.text, expected.text, read.size) == 0);
    transcript_free(&expected);
    transcript_free(&read);
    return 0;
}
