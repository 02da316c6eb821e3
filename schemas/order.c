/* SPDX-License-Identifier: MIT */
/*
 * Orders of organizers. See the header.
 */
#include "schemas/order.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "common/text.h"

enum { ORDER_SIZE = 1024 };

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

static size_t correct_text(char text[static ORDER_SIZE], const struct order_correct *order)
{
    const uint8_t *const hashes[] = {order->old_root, order->new_root, order->label_set_sha256,
                                     order->proof_sha256};
    char hex[ARRAY_SIZE(hashes)][SHA256_HEX_SIZE];

    for (size_t i = 0; i < ARRAY_SIZE(hashes); i++) {
        hex_text(hex[i], hashes[i], SHA256_BYTES);
    }
    int n =
        snprintf(text, ORDER_SIZE,
                 "assay/correct/v1\ncompetition %s\nlabels %" PRIu32 "\nold_root %s\n"
                 "new_root %s\nlabel_set_sha256 %s\nproof_sha256 %s\nreason %s\n",
                 order->competition, order->labels, hex[0], hex[1], hex[2], hex[3], order->reason);
    assert(n > 0 && n < ORDER_SIZE);
    return (size_t)n;
}

void order_correct_sign(uint8_t signature[static CRYPT_SIGNATURE_BYTES],
                        const struct order_correct *order,
                        const uint8_t secret_key[static CRYPT_SECRET_KEY_BYTES])
{
    char text[ORDER_SIZE];

    crypt_sign(signature, text, correct_text(text, order), secret_key);
}

bool order_correct_check(const uint8_t signature[static CRYPT_SIGNATURE_BYTES],
                         const struct order_correct *order,
                         const uint8_t public_key[static CRYPT_PUBLIC_KEY_BYTES])
{
    char text[ORDER_SIZE];

    return crypt_verify(signature, text, correct_text(text, order), public_key);
}
