/* SPDX-License-Identifier: MIT */
/*
 * Lists of workers' keys: what is read is written the same way again.
 */
#include <string.h>

#include "schemas/worker_key.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct worker_public_key keys[WORKER_KEYS_MAX];
    size_t n_keys;
    struct err err;
    size_t at = 0;

    if (!worker_keys_read(keys, &n_keys, (const char *)data, size, &err)) {
        FUZZ_CHECK(err.code == ERR_INPUT);
        return 0;
    }
    for (size_t i = 0; i < n_keys; i++) {
        char text[WORKER_KEY_TEXT_SIZE];
        worker_key_text(text, &keys[i]);
        FUZZ_CHECK(strlen(text) <= size - at && memcmp(text, data + at, strlen(text)) == 0);
        at += strlen(text) + 1;
    }
    FUZZ_CHECK(n_keys == 0 ? size == 0 : at == size + 1);
    return 0;
}
