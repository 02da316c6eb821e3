/* SPDX-License-Identifier: MIT */
/*
 * Signatures for the simulator that cost next to nothing: a checksum over the text and the public
 * key. They bind a text to a key as the real ones do, against anything but an attacker, and there
 * is none in here. A share of the seeds uses the real ones.
 */
#include <stdbool.h>
#include <string.h>

#include "tests/sim/sim.h"

enum { SIGNATURE_BYTES = 64, KEY_BYTES = 32 };

static bool is_fast;

int __real_crypto_sign_detached(unsigned char *signature, unsigned long long *size_out,
                                const unsigned char *data, unsigned long long size,
                                const unsigned char *secret_key);
int __wrap_crypto_sign_detached(unsigned char *signature, unsigned long long *size_out,
                                const unsigned char *data, unsigned long long size,
                                const unsigned char *secret_key);
int __real_crypto_sign_verify_detached(const unsigned char *signature, const unsigned char *data,
                                       unsigned long long size, const unsigned char *key);
int __wrap_crypto_sign_verify_detached(const unsigned char *signature, const unsigned char *data,
                                       unsigned long long size, const unsigned char *key);

void fast_sign_use(bool is_used)
{
    is_fast = is_used;
}

static uint64_t mix(uint64_t sum, const unsigned char *data, size_t size)
{
    for (size_t i = 0; i < size; i += 8) {
        uint64_t word = 0;
        memcpy(&word, data + i, size - i < 8 ? size - i : 8);
        sum = (sum ^ word) * 0x9e3779b97f4a7c15u;
        sum ^= sum >> 29;
    }
    return (sum ^ size) * 0xbf58476d1ce4e5b9u;
}

static void checksum(unsigned char signature[static SIGNATURE_BYTES], const unsigned char *data,
                     size_t size, const unsigned char *key)
{
    uint64_t sum = mix(mix(1, key, KEY_BYTES), data, size);

    for (int i = 0; i < SIGNATURE_BYTES; i += 8) {
        sum = (sum ^ (sum >> 31)) * 0x94d049bb133111ebu + 1;
        memcpy(signature + i, &sum, 8);
    }
}

int __wrap_crypto_sign_detached(unsigned char *signature, unsigned long long *size_out,
                                const unsigned char *data, unsigned long long size,
                                const unsigned char *secret_key)
{
    if (!is_fast) {
        return __real_crypto_sign_detached(signature, size_out, data, size, secret_key);
    }
    checksum(signature, data, (size_t)size, secret_key + KEY_BYTES); /* its second half is public */
    return 0;
}

int __wrap_crypto_sign_verify_detached(const unsigned char *signature, const unsigned char *data,
                                       unsigned long long size, const unsigned char *key)
{
    unsigned char expected[SIGNATURE_BYTES];

    if (!is_fast) {
        return __real_crypto_sign_verify_detached(signature, data, size, key);
    }
    checksum(expected, data, (size_t)size, key);
    return memcmp(signature, expected, SIGNATURE_BYTES) == 0 ? 0 : -1;
}
