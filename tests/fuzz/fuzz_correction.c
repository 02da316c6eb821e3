/* SPDX-License-Identifier: MIT */
/*
 * Proofs of corrections: what is read is written the same way again, and is checked to an end.
 */
#include <string.h>

#include "schemas/correction.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct tree_hash root = {{0}};
    struct correction correction;
    struct bytes text = {0};
    struct err err;

    if (!correction_read(&correction, data, size, &err)) {
        FUZZ_CHECK(err.code == ERR_INPUT);
        return 0;
    }
    FUZZ_CHECK(correction.n_changes > 0 && correction.n_changes <= correction.size);
    FUZZ_CHECK(correction_write(&text, &correction, &err));
    FUZZ_CHECK(text.size_bytes == size && memcmp(text.data, data, size) == 0);
    FUZZ_CHECK(!correction_check(&correction, &root, &root, &err) && err.code == ERR_INPUT);
    correction_free(&correction);
    bytes_free(&text);
    return 0;
}
