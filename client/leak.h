/* SPDX-License-Identifier: MIT */
/*
 * How much of the public labels a team could learn from its public scores at most, in bits: each
 * scored submission tells log2 of how many different scores there can be. Rounding hardly helps
 * against who averages; few submissions, many public images and a private split do.
 *
 * Source: Whitehill 2017, arXiv 1707.01825; Blum and Hardt 2015, arXiv 1502.04585
 */
#pragma once

#include "schemas/competition.h"

#include <stddef.h>

struct leak_labels {
    size_t n_public;
    uint32_t n_classes; /* 0: boxes, whose bits nobody counts */
};

struct leak {
    bool is_daily;     /* neither a total nor a time limits submissions: bits a day */
    double score_bits; /* that a team's scores can tell */
    double label_bits; /* in the public labels; 0: unknown */
};

/* The budget of a competition; nothing is printed. */
struct leak leak_of(const struct competition *competition, const struct leak_labels *labels);

/* Prints it, and a warning on stderr where the scores can tell all of the labels. */
void leak_print(const struct leak *leak);
