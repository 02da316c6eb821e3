/* SPDX-License-Identifier: MIT */
/*
 * A score as the board sorts it (an integer, so that the database, the memory and every machine
 * agree on the order) and as the board shows it.
 */
#pragma once

#include "common/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SCORE_TEXT_SIZE = 41, SCORE_DECIMALS_MAX = 15 };

/*
 * An integer that is smaller for a better score. -0 sorts as 0; `value` is finite. Equal keys mean
 * equal scores and nothing else.
 */
int64_t score_key(double value, bool is_higher_better);

/* The score of a key. */
double score_of_key(int64_t key, bool is_higher_better);

/* The score that the board shows, as a number: what score_text writes, read back. */
double score_released(double value, int decimals);

/* Writes the score with so many decimals, correctly rounded: "0.81230". */
void score_text(char text[static SCORE_TEXT_SIZE], double value, int decimals);
