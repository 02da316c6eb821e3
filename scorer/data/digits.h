/* SPDX-License-Identifier: MIT */
/*
 * Eight characters at once in a 64-bit word: how many of them are digits, and their value. For the
 * plain rows of large files; loads up to eight bytes behind the text.
 */
#pragma once

#include <stdint.h>
#include <string.h>

#include "scorer/metric/packed.h"

/* The eight characters at `at`, the first one lowest, each less '0': 0 to 9 for a digit. */
static inline uint64_t digits_load(const char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    return word ^ 0x3030303030303030;
}

/* How many of the characters before the first other one are digits: 0 to 8. */
static inline unsigned digits_count(uint64_t word)
{
    uint64_t others = ((word + 0x7676767676767676) | word) & 0x8080808080808080;

    return others == 0 ? 8 : (unsigned)__builtin_ctzll(others) / 8;
}

/*
 * The value of the first n digits, n from 1 to 8. They move to the top, zeros come before them;
 * then neighbours are added in three steps: 8 digits, 4 pairs, 2 fours, 1 eight.
 */
static inline uint32_t digits_value(uint64_t word, unsigned n)
{
    word <<= 64 - 8 * n;
    word = word * 10 + (word >> 8);
    return (uint32_t)(((word & 0x000000ff000000ff) * (100 + (1000000ULL << 32)) +
                       ((word >> 16) & 0x000000ff000000ff) * (1 + (10000ULL << 32))) >>
                      32);
}

/*
 * Reads digits with at most one point among them, seven digits at most, as in 0.123456 or 12, as a
 * packed number. Returns the end, or NULL where the text starts otherwise; what stands at the end
 * is the caller's to judge.
 */
static inline const char *digits_decimal(uint32_t *packed, const char *at)
{
    uint64_t word = digits_load(at);
    uint64_t others = ((word + 0x7676767676767676) | word) & 0x8080808080808080;
    unsigned n = digits_count(word);

    if (n == 0 || n == 8) {
        return NULL;
    }
    if (at[n] != '.') {
        *packed = packed_make(digits_value(word, n), 0, false);
        return at + n;
    }
    others &= others - 1;
    unsigned end = others == 0 ? 8 : (unsigned)__builtin_ctzll(others) / 8;
    if (end == n + 1 || (end == 8 && at[8] >= '0' && at[8] <= '9')) {
        return NULL;
    }
    uint64_t whole = (1ULL << (8 * n)) - 1;
    word = (word & whole) | ((word >> 8) & ~whole); /* the point drops out */
    *packed = packed_make(digits_value(word, end - 1), end - 1 - n, false);
    return at + end;
}
