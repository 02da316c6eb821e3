/* SPDX-License-Identifier: MIT */
/*
 * All that is wrong with a file, found in one pass: the first PROBLEMS_KEPT problems in the order
 * of the file, and the count of all of them. Used for submissions and for configuration.
 */
#pragma once

#include "common/err.h"

enum { PROBLEMS_KEPT = 100, PROBLEM_TEXT_MAX = 200 };

struct problem {
    uint64_t line;   /* 1-based; 0 when the problem has no line of its own (a missing id) */
    uint32_t column; /* 1-based, in bytes of the line */
    char text[PROBLEM_TEXT_MAX];
};

struct problems {
    uint64_t n_all;
    uint32_t n_kept;
    struct problem kept[PROBLEMS_KEPT];
};

/*
 * Counts a problem and keeps it while there is room. The text obeys the rules of err_set.
 * Callers that find problems out of the file's order merge with problems_merge afterwards.
 */
void problems_add(struct problems *problems, uint64_t line, uint32_t column, const char *format,
                  ...) PRINTF_LIKE(4, 5);

/* Adds `from` to `into`, keeping the first ones by (line, column); lines of 0 come last. */
void problems_merge(struct problems *into, const struct problems *from);
