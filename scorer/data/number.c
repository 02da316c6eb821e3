/* SPDX-License-Identifier: MIT */
/*
 * Text to numbers in three steps of rising cost: exact when the digits fit a double and the power
 * of ten is exact (Clinger 1990); one or two 64 x 64 bit products for nearly everything else
 * (Eisel-Lemire, "Number Parsing at a Gigabyte per Second", 2021); strtod for the rest, some digits
 * in 10^19. All three round to nearest, ties to even.
 */
#include "scorer/data/number.h"

#include <locale.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "scorer/data/number_table.h"
#include "scorer/metric/packed.h"

enum {
    DIGITS_MAX = 19,          /* decimal digits that always fit 64 bits */
    EXACT_POWER = 22,         /* 10^22 is the last power of ten that a double holds */
    EXPONENT_CLAMP = 1000000, /* beyond any double, far from overflow */
    MANTISSA_BITS = 52,
    EXPONENT_BIAS = 1023,
    EXPONENT_INFINITE = 0x7ff,
};

/* A scanned number: (is_negative ? -1 : 1) * mantissa * 10^exponent. */
struct decimal {
    uint64_t mantissa; /* its first DIGITS_MAX significant digits */
    int64_t exponent;
    bool is_negative;
    bool is_cut; /* further digits follow: the value is above mantissa, below mantissa + 1 */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Whether the eight bytes are all digits, for a little-endian load. */
static bool are_eight_digits(uint64_t word)
{
    return ((word & 0xf0f0f0f0f0f0f0f0) |
            (((word + 0x0606060606060606) & 0xf0f0f0f0f0f0f0f0) >> 4)) == 0x3333333333333333;
}

/* Adds neighbours in three steps: 8 digits, 4 pairs, 2 fours, 1 eight. */
static uint64_t eight_digits(uint64_t word)
{
    word -= 0x3030303030303030;
    word = word * 10 + (word >> 8);
    return ((word & 0x000000ff000000ff) * (100 + (1000000ULL << 32)) +
            ((word >> 16) & 0x000000ff000000ff) * (1 + (10000ULL << 32))) >>
           32;
}

/*
 * Takes digits at *at into the mantissa, as many as fit without loss; `n` counts its significant
 * digits. Returns how many digits did not fit (the exponent must make up for them).
 */
static int64_t take_digits(struct decimal *decimal, int *n, const char **at, const char *end)
{
    const char *p = *at;
    uint64_t mantissa = decimal->mantissa;
    int64_t n_dropped = 0;

    while (end - p >= 8 && *n <= DIGITS_MAX - 8) {
        uint64_t word;
        memcpy(&word, p, sizeof(word));
        if (!are_eight_digits(word)) {
            break;
        }
        mantissa = mantissa * 100000000 + eight_digits(word);
        *n = mantissa == 0 ? 0 : *n + 8; /* leading zeros may be among the eight: still below 19 */
        p += 8;
    }
    for (; p < end && is_digit(*p); p++) {
        if (*n < DIGITS_MAX) {
            mantissa = mantissa * 10 + (uint64_t)(*p - '0');
            *n += mantissa != 0;
        } else {
            decimal->is_cut = decimal->is_cut || *p != '0';
            n_dropped++;
        }
    }
    decimal->mantissa = mantissa;
    *at = p;
    return n_dropped;
}

/* Reads [eE] [+-] digits at *at; false when no digit follows the letter. */
static bool take_exponent(int64_t *exponent, const char **at, const char *end)
{
    const char *p = *at + 1;
    bool is_negative = p < end && *p == '-';
    int64_t value = 0;

    if (p < end && (*p == '-' || *p == '+')) {
        p++;
    }
    if (p == end || !is_digit(*p)) {
        return false;
    }
    for (; p < end && is_digit(*p); p++) {
        value = value < EXPONENT_CLAMP ? value * 10 + (*p - '0') : value;
    }
    *exponent += is_negative ? -value : value;
    *at = p;
    return true;
}

/* The whole text by the grammar; false where it is no number. */
static bool scan(struct decimal *decimal, const char *text, size_t size)
{
    const char *at = text;
    const char *end = text + size;
    int n = 0;

    *decimal = (struct decimal){0};
    if (at < end && (*at == '-' || *at == '+')) {
        decimal->is_negative = *at == '-';
        at++;
    }
    if (at == end || !is_digit(*at)) {
        return false;
    }
    decimal->exponent = take_digits(decimal, &n, &at, end);
    if (at < end && *at == '.') {
        const char *fraction = ++at;
        int64_t n_dropped = take_digits(decimal, &n, &at, end);
        if (at == fraction) {
            return false;
        }
        decimal->exponent += n_dropped - (at - fraction);
    }
    if (at < end && (*at == 'e' || *at == 'E') && !take_exponent(&decimal->exponent, &at, end)) {
        return false;
    }
    return at == end;
}

/* Digits and power of ten both exact in a double: one rounding, so the result is right. */
static bool is_exact(double *value, const struct decimal *decimal)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    int64_t exponent = decimal->exponent;

    if (decimal->is_cut || decimal->mantissa > 1ULL << 53 || exponent < -EXACT_POWER ||
        exponent > EXACT_POWER) {
        return false;
    }
    double mantissa = (double)decimal->mantissa;
    *value = exponent < 0 ? mantissa / powers[-exponent] : mantissa * powers[exponent];
    return true;
}

static double from_bits(uint64_t mantissa, int exponent)
{
    uint64_t bits = mantissa | (uint64_t)exponent << MANTISSA_BITS;
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* The product of w and 5^q to the 128 bits that matter; see the paper, section 5. */
static unsigned __int128 scaled(uint64_t w, int q)
{
    const uint64_t *power = power_of_five[q - POWER_MIN];
    unsigned __int128 product = (unsigned __int128)w * power[0];

    if (((uint64_t)(product >> 64) & 0x1ff) == 0x1ff) { /* the bits below may carry in */
        product += (uint64_t)(((unsigned __int128)w * power[1]) >> 64);
    }
    return product;
}

/* A result below the normal range: the mantissa is shifted into place, then rounded once. */
static double subnormal(uint64_t mantissa, int exponent)
{
    int shift = 1 - exponent;

    if (shift >= 64) {
        return 0;
    }
    mantissa >>= shift;
    mantissa += mantissa & 1;
    mantissa >>= 1;
    return from_bits(mantissa, 0); /* a carry into bit 52 is the smallest normal number */
}

/* Eisel-Lemire: the double next to w * 10^q; false where 128 bits do not decide. */
static bool from_decimal(double *value, uint64_t w, int64_t power)
{
    if (w == 0 || power < POWER_MIN) {
        *value = 0;
        return true;
    }
    if (power > POWER_MAX) {
        *value = HUGE_VAL;
        return true;
    }
    int q = (int)power;
    int n_leading = __builtin_clzll(w);
    unsigned __int128 product = scaled(w << n_leading, q);
    uint64_t high = (uint64_t)(product >> 64);
    uint64_t low = (uint64_t)product;

    if (low == UINT64_MAX && (q < -27 || q > 55)) {
        return false;
    }
    int upper = (int)(high >> 63);
    int shift = upper + 64 - MANTISSA_BITS - 3;
    uint64_t mantissa = high >> shift;
    int log2_of_power = (217706 * q) >> 16; /* floor(q * log2(10)) for every q of the table */
    int exponent = log2_of_power + 63 + upper - n_leading + EXPONENT_BIAS;
    if (exponent <= 0) {
        *value = subnormal(mantissa, exponent);
        return true;
    }
    if (low <= 1 && q >= -4 && q <= 23 && (mantissa & 3) == 1 && mantissa << shift == high) {
        mantissa &= ~1ULL; /* exactly half way: to even */
    }
    mantissa += mantissa & 1;
    mantissa >>= 1;
    if (mantissa >= 2ULL << MANTISSA_BITS) {
        mantissa = 1ULL << MANTISSA_BITS;
        exponent++;
    }
    *value = exponent >= EXPONENT_INFINITE
                 ? HUGE_VAL
                 : from_bits(mantissa & ~(1ULL << MANTISSA_BITS), exponent);
    return true;
}

/* strtod takes what the grammar allows in the same way; the sign is in the text already. */
static double slow(const char *text, size_t size)
{
    char copy[NUMBER_BYTES_MAX + 1];
    locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); /* a constant: never fails */

    memcpy(copy, text, size);
    copy[size] = '\0';
    return strtod_l(copy, NULL, c_locale);
}

enum number_status number_double(double *value, const char *text, size_t size)
{
    struct decimal decimal;
    double above;
    double result;

    if (size > NUMBER_BYTES_MAX || !scan(&decimal, text, size)) {
        return NUMBER_BAD;
    }
    if (!is_exact(&result, &decimal)) {
        bool is_decided = from_decimal(&result, decimal.mantissa, decimal.exponent);
        if (is_decided && decimal.is_cut) {
            is_decided = from_decimal(&above, decimal.mantissa + 1, decimal.exponent) &&
                         memcmp(&result, &above, sizeof(result)) == 0;
        }
        if (!is_decided) {
            result = fabs(slow(text, size));
        }
    }
    if (isinf(result)) {
        return NUMBER_RANGE;
    }
    *value = decimal.is_negative ? -result : result;
    return NUMBER_OK;
}

bool number_packed(uint32_t *packed, const char *text, size_t size)
{
    struct decimal decimal;

    if (size > NUMBER_BYTES_MAX || !scan(&decimal, text, size) || decimal.is_cut ||
        decimal.mantissa > PACKED_DIGITS_MAX || decimal.exponent > 0 ||
        decimal.exponent < -PACKED_POINT_MAX) {
        return false;
    }
    *packed =
        packed_make((uint32_t)decimal.mantissa, (unsigned)-decimal.exponent, decimal.is_negative);
    return true;
}

enum number_status number_int64(int64_t *value, const char *text, size_t size)
{
    bool is_negative = size > 0 && text[0] == '-';
    size_t at = is_negative || (size > 0 && text[0] == '+') ? 1 : 0;
    uint64_t limit = (uint64_t)INT64_MAX + is_negative;
    uint64_t magnitude = 0;
    bool is_over = false;

    if (at == size || size > NUMBER_BYTES_MAX) {
        return NUMBER_BAD;
    }
    for (; at < size; at++) {
        if (!is_digit(text[at])) {
            return NUMBER_BAD;
        }
        uint64_t digit = (uint64_t)(text[at] - '0');
        is_over = is_over || magnitude > (limit - digit) / 10;
        magnitude = is_over ? magnitude : magnitude * 10 + digit;
    }
    if (is_over) {
        return NUMBER_RANGE;
    }
    *value = (int64_t)(is_negative ? 0 - magnitude : magnitude);
    return NUMBER_OK;
}
