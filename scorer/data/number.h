/* SPDX-License-Identifier: MIT */
/*
 * The one number grammar of every file that Assay reads: an optional sign, digits, an optional
 * fraction, an optional exponent. No hexadecimal, inf, nan, locale or space. Doubles are correctly
 * rounded, so that the same text gives the same bits everywhere.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum number_status {
    NUMBER_OK,
    NUMBER_BAD,   /* the text is no number */
    NUMBER_RANGE, /* a number, but the type cannot hold it */
};

/* Longer texts are no numbers; bounds what one number can cost. */
enum { NUMBER_BYTES_MAX = 1024 };

/*
 * Reads the whole of text[0] to text[size - 1] as a double: [+-] digits [. digits] [eE [+-]
 * digits]. Too small becomes a subnormal or zero, as in strtod; too large is NUMBER_RANGE. `value`
 * is set with NUMBER_OK only.
 */
enum number_status number_double(double *value, const char *text, size_t size);

/*
 * Reads the same texts as packed numbers (scorer/metric/packed.h), whose value is what
 * number_double gives; false where the text is no number or has too many digits.
 */
bool number_packed(uint32_t *packed, const char *text, size_t size);

/* Reads the whole text as an integer: [+-] digits. */
enum number_status number_int64(int64_t *value, const char *text, size_t size);
