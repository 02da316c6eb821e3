/* SPDX-License-Identifier: MIT */
/* Signatures, boxes and base64: what must open, and what must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/crypt.h"
#include "common/text.h"

static void test_crypt_sign_rfc8032(void **state)
{
    (void)state;
    /* RFC 8032, 7.1, test 2 */
    uint8_t seed[32];
    uint8_t public_key[32];
    uint8_t secret_key[64];
    uint8_t signature[64];
    char text[129];
    struct err err;

    assert_true(hex_read(
        seed, 32, "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", 64, &err));
    crypt_sign_keys(public_key, secret_key, seed);
    crypt_sign(signature, "\x72", 1, secret_key);
    hex_text(text, signature, 64);
    assert_string_equal(text, "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                              "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
    assert_true(crypt_verify(signature, "\x72", 1, public_key));
    signature[5] ^= 1;
    assert_false(crypt_verify(signature, "\x72", 1, public_key));
}

static void test_crypt_box(void **state)
{
    (void)state;
    uint8_t key[32] = {1};
    uint8_t nonce[24] = {2};
    uint8_t box[5 + CRYPT_BOX_EXTRA_BYTES];
    char text[5];

    crypt_box_seal(box, "hello", 5, nonce, key);
    assert_true(crypt_box_open(text, box, sizeof(box), nonce, key));
    assert_memory_equal(text, "hello", 5);
    assert_false(crypt_box_open(text, box, 15, nonce, key));
    box[0] ^= 1;
    assert_false(crypt_box_open(text, box, sizeof(box), nonce, key));
}

static void test_crypt_base64_is_canonical(void **state)
{
    (void)state;
    char text[CRYPT_BASE64_SIZE(4)];
    uint8_t data[4];
    struct err err;

    crypt_base64(text, sizeof(text), "\x01\x02\x03\x04", 4);
    assert_string_equal(text, "AQIDBA==");
    assert_true(crypt_base64_read(data, 4, text, 8, &err));
    assert_memory_equal(data, "\x01\x02\x03\x04", 4);
    assert_false(crypt_base64_read(data, 4, "AQIDBB==", 8, &err)); /* loose last bits */
    assert_false(crypt_base64_read(data, 4, "AQIDBA", 6, &err));
    assert_false(crypt_base64_read(data, 4, "AQID*A==", 8, &err));
}

static int start(void **state)
{
    (void)state;
    struct err err;

    return crypt_start(&err) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crypt_sign_rfc8032),
        cmocka_unit_test(test_crypt_box),
        cmocka_unit_test(test_crypt_base64_is_canonical),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
