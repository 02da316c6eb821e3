/* SPDX-License-Identifier: MIT */
/*
 * What a box plot shows of some values (Tukey): quartiles, whiskers, and what lies outside.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct boxplot {
    size_t n_values;
    double low; /* the least value within 1.5 times the box below it */
    double q1;  /* quartiles, interpolated as numpy does by default */
    double median;
    double q3;
    double high; /* the greatest value within 1.5 times the box above it */
    double mean;
    size_t n_outside; /* values beyond the whiskers */
};

/* Sorts the values in place and describes them; all numbers are 0 where there are none. */
void boxplot_make(struct boxplot *plot, double *values, size_t n_values);
