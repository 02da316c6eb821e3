/* SPDX-License-Identifier: MIT */
/*
 * Box plots. See the header.
 */
#include "scorer/metric/boxplot.h"

#include <stdlib.h>

static int value_order(const void *left, const void *right)
{
    const double *a = left;
    const double *b = right;

    return (*a > *b) - (*a < *b);
}

/* The value at a share of the way from the first to the last. */
static double quantile(const double *sorted, size_t n, double share)
{
    double at = share * (double)(n - 1);
    size_t below = (size_t)at;

    if (below + 1 >= n) {
        return sorted[n - 1];
    }
    return sorted[below] + (at - (double)below) * (sorted[below + 1] - sorted[below]);
}

void boxplot_make(struct boxplot *plot, double *values, size_t n_values)
{
    double sum = 0;
    size_t first = 0;
    size_t last = n_values;

    *plot = (struct boxplot){.n_values = n_values};
    if (n_values == 0) {
        return;
    }
    qsort(values, n_values, sizeof(*values), value_order);
    for (size_t i = 0; i < n_values; i++) {
        sum += values[i];
    }
    plot->q1 = quantile(values, n_values, 0.25);
    plot->median = quantile(values, n_values, 0.5);
    plot->q3 = quantile(values, n_values, 0.75);
    plot->mean = sum / (double)n_values;
    double reach = 1.5 * (plot->q3 - plot->q1);
    while (values[first] < plot->q1 - reach) {
        first++;
    }
    while (values[last - 1] > plot->q3 + reach) {
        last--;
    }
    plot->low = values[first];
    plot->high = values[last - 1];
    plot->n_outside = first + (n_values - last);
}
