/* SPDX-License-Identifier: MIT */
/*
 * Distributions. See the header.
 */
#include "tests/bench/random.h"

#include <math.h>

double random_normal(struct draw *draw)
{
    const double turn = 6.283185307179586;
    double radius = sqrt(-2 * log(1 - draw_unit(draw)));

    return radius * cos(turn * draw_unit(draw));
}

/* Shape at least 1, scale 1. */
static double gamma_draw(struct draw *draw, double shape)
{
    double d = shape - 1.0 / 3;
    double c = 1 / sqrt(9 * d);

    for (;;) {
        double x = random_normal(draw);
        double v = 1 + c * x;
        if (v <= 0) {
            continue;
        }
        v = v * v * v;
        if (log(1 - draw_unit(draw)) < 0.5 * x * x + d - d * v + d * log(v)) {
            return d * v;
        }
    }
}

double random_beta(struct draw *draw, double a, double b)
{
    double left = gamma_draw(draw, a);

    return left / (left + gamma_draw(draw, b));
}

size_t random_geometric(struct draw *draw, double p)
{
    return 1 + (size_t)(log(1 - draw_unit(draw)) / log(1 - p));
}

bool random_chance(struct draw *draw, double probability)
{
    return draw_unit(draw) < probability;
}

size_t random_weighted(struct draw *draw, const double *cumulated, size_t n)
{
    double at = draw_unit(draw) * cumulated[n - 1];
    size_t low = 0;
    size_t high = n - 1;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (cumulated[middle] <= at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void random_shuffle(struct draw *draw, uint32_t *items, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t other = (size_t)draw_below(draw, i);
        uint32_t swap = items[i - 1];
        items[i - 1] = items[other];
        items[other] = swap;
    }
}
