/* SPDX-License-Identifier: MIT */
/*
 * Sort keys and texts of scores. The bits of a double sort as an integer once negative numbers are
 * turned around; see the header.
 */
#include "schemas/score.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Turns bits to an integer in the order of the doubles, and back: it is its own inverse. */
static int64_t ordered(int64_t bits)
{
    return bits < 0 ? bits ^ INT64_MAX : bits;
}

int64_t score_key(double value, bool is_higher_better)
{
    double plain = value + 0.0; /* -0 becomes 0 */
    int64_t bits;

    assert(isfinite(value));
    memcpy(&bits, &plain, sizeof(bits));
    return is_higher_better ? ~ordered(bits) : ordered(bits);
}

double score_of_key(int64_t key, bool is_higher_better)
{
    int64_t bits = ordered(is_higher_better ? ~key : key);
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

void score_text(char text[static SCORE_TEXT_SIZE], double value, int decimals)
{
    assert(decimals >= 0 && decimals <= SCORE_DECIMALS_MAX);
    int n = snprintf(text, SCORE_TEXT_SIZE, "%.*f", decimals, value);
    if (n >= SCORE_TEXT_SIZE) { /* far outside of any metric's range */
        n = snprintf(text, SCORE_TEXT_SIZE, "%.*e", decimals, value);
    }
    if (text[0] == '-' && strspn(text + 1, "0.") == (size_t)n - 1) {
        memmove(text, text + 1, (size_t)n); /* what rounds to zero has no sign */
    }
}

double score_released(double value, int decimals)
{
    char text[SCORE_TEXT_SIZE];

    score_text(text, value, decimals);
    return strtod(text, NULL);
}
