/* SPDX-License-Identifier: MIT */
/*
 * Short decimals in 32 bits: the digits as an integer below 2^27 (any eight of them), how many
 * stand behind the point (up to 15), and the sign. Integer and power of ten are exact doubles, so
 * that their quotient is the double next to the decimal, as strtod finds it. A file with millions
 * of boxes is packed when it is read, and unpacked where a number is asked for, which for most of
 * them never happens.
 */
#pragma once

#include "scorer/metric/arrays.h"

/* Bits 0 to 26, 27 to 30, and 31; every value of 32 bits is a number. */
enum { PACKED_DIGIT_BITS = 27, PACKED_POINT_MAX = 15 };

#define PACKED_DIGITS_MAX ((1U << PACKED_DIGIT_BITS) - 1)
#define PACKED_SIGN (1U << 31)

/* A number of at most PACKED_DIGITS_MAX / 10^point. */
static inline uint32_t packed_make(uint32_t digits, unsigned point, bool is_negative)
{
    return digits | point << PACKED_DIGIT_BITS | (is_negative ? PACKED_SIGN : 0);
}

static inline double packed_value(uint32_t packed)
{
    static const double powers[PACKED_POINT_MAX + 1] = {
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    double value = (double)(packed & PACKED_DIGITS_MAX) /
                   powers[packed >> PACKED_DIGIT_BITS & PACKED_POINT_MAX];

    return (packed & PACKED_SIGN) != 0 ? -value : value;
}

/* Whether a packed number is below 0; -0 is not. */
static inline bool packed_is_negative(uint32_t packed)
{
    return (packed & PACKED_SIGN) != 0 && (packed & PACKED_DIGITS_MAX) != 0;
}

static inline struct box packed_box_value(const struct packed_box *packed)
{
    return (struct box){packed_value(packed->x), packed_value(packed->y),
                        packed_value(packed->width), packed_value(packed->height)};
}

static inline struct wide_box packed_wide(const struct packed_box *packed)
{
    return (struct wide_box){.image = packed->image,
                             .score = packed_value(packed->score),
                             .box = packed_box_value(packed)};
}
