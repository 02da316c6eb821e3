/* SPDX-License-Identifier: MIT */
/*
 * The distributions that the workloads are drawn from, on top of the seeded draws of common/draw.
 */
#pragma once

#include "common/draw.h"

#include <stdbool.h>
#include <stddef.h>

/* Mean 0, standard deviation 1 (Box and Muller). */
double random_normal(struct draw *draw);

/* Both shapes at least 1 (from two gammas, Marsaglia and Tsang 2000). */
double random_beta(struct draw *draw, double a, double b);

/* Trials up to the first success of probability p; at least 1. */
size_t random_geometric(struct draw *draw, double p);

bool random_chance(struct draw *draw, double probability);

/*
 * An index from 0 to n - 1, each with its share of the weights.
 *
 *   cumulated   n ascending sums of the weights
 */
size_t random_weighted(struct draw *draw, const double *cumulated, size_t n);

/* Puts n items into a random order. */
void random_shuffle(struct draw *draw, uint32_t *items, size_t n);
