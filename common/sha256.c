/* SPDX-License-Identifier: MIT */
/*
 * SHA-256 over nettle. See the header.
 */
#include "common/sha256.h"

#include <assert.h>

#include <nettle/sha2.h>

static_assert(sizeof(struct sha256_ctx) <= sizeof(((struct sha256 *)0)->state),
              "nettle's context must fit");

static struct sha256_ctx *context(struct sha256 *hash)
{
    return (struct sha256_ctx *)(void *)hash->state;
}

void sha256_start(struct sha256 *hash)
{
    sha256_init(context(hash));
}

void sha256_add(struct sha256 *hash, const void *data, size_t size)
{
    sha256_update(context(hash), size, data);
}

void sha256_finish(struct sha256 *hash, uint8_t digest[static SHA256_BYTES])
{
    sha256_digest(context(hash), SHA256_BYTES, digest);
}

void sha256_of(uint8_t digest[static SHA256_BYTES], const void *data, size_t size)
{
    struct sha256 hash;

    sha256_start(&hash);
    sha256_add(&hash, data, size);
    sha256_finish(&hash, digest);
}
