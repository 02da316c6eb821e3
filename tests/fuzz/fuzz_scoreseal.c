/* SPDX-License-Identifier: MIT */
/*
 * Sealed files: whatever the bytes are, nothing is read or written outside, and what opens says
 * exactly how long it is. The key is public: a fuzzer may even make files that open.
 */
#include <stdlib.h>
#include <string.h>

#include "schemas/scoreseal.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct scoreseal_key key;
    static bool is_started;
    size_t plain_size;
    struct err err;

    if (!is_started) {
        FUZZ_CHECK(crypt_start(&err));
        memset(key.secret_key, 1, sizeof(key.secret_key));
        crypt_curve_public(key.public_key, key.secret_key);
        is_started = true;
    }
    if (!scoreseal_plain_size(&plain_size, data, size, &err)) {
        return 0;
    }
    FUZZ_CHECK(plain_size < size);
    unsigned char *plain = malloc(plain_size == 0 ? 1 : plain_size);
    FUZZ_CHECK(plain != NULL);
    if (!scoreseal_open(plain, data, size, &key, &err)) {
        FUZZ_CHECK(err.code == ERR_PEER);
    }
    free(plain);
    return 0;
}
