/* SPDX-License-Identifier: MIT */
/*
 * Public keys and signature files: nothing but what receipt_sign wrote is ever accepted.
 */
#include <string.h>

#include "schemas/receipt.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t seed[CRYPT_SEED_BYTES] = {1};
    static struct receipt_key key;
    static char expected[RECEIPT_SIGNATURE_SIZE];
    static bool is_started;
    struct receipt_public_key public_key;
    struct err err;

    if (!is_started) {
        FUZZ_CHECK(crypt_start(&err));
        receipt_key_of(&key, seed);
        receipt_sign(expected, &key, "entry\n", 6);
        is_started = true;
    }
    if (receipt_check(&key.public_key, "entry\n", 6, data, size, &err)) {
        FUZZ_CHECK(size == strlen(expected) && memcmp(data, expected, size) == 0);
    }
    if (receipt_public_key_read(&public_key, data, size, &err)) {
        char text[RECEIPT_KEY_TEXT_SIZE];
        struct receipt_public_key again;
        receipt_public_key_text(text, &public_key);
        FUZZ_CHECK(receipt_public_key_read(&again, text, strlen(text), &err));
        FUZZ_CHECK(memcmp(&again, &public_key, sizeof(again)) == 0);
    }
    return 0;
}
