/* SPDX-License-Identifier: MIT */
/*
 * Orders of organizers. See the header.
 */
#include "schemas/order.h"

#include <assert.h>
#include <stdio.h>

#include "common/text.h"

enum { ORDER_SIZE = 256 };

static size_t reveal_text(char text[static ORDER_SIZE], const struct order_reveal *order)
{
    char hex[SHA256_HEX_SIZE];

    hex_text(hex, order->score_seed_sha256, SHA256_BYTES);
    int n = snprintf(text, ORDER_SIZE, "assay/reveal/v1\ncompetition %s\nscore_seed_sha256 %s\n",
                     order->competition, hex);
    assert(n > 0 && n < ORDER_SIZE);
    return (size_t)n;
}

void order_reveal_sign(uint8_t signature[static CRYPT_SIGNATURE_BYTES],
                       const struct order_reveal *order,
                       const uint8_t secret_key[static CRYPT_SECRET_KEY_BYTES])
{
    char text[ORDER_SIZE];

    crypt_sign(signature, text, reveal_text(text, order), secret_key);
}

bool order_reveal_check(const uint8_t signature[static CRYPT_SIGNATURE_BYTES],
                        const struct order_reveal *order,
                        const uint8_t public_key[static CRYPT_PUBLIC_KEY_BYTES])
{
    char text[ORDER_SIZE];

    return crypt_verify(signature, text, reveal_text(text, order), public_key);
}
