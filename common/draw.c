/* SPDX-License-Identifier: MIT */
/*
 * Seeded draws. See the header.
 */
#include "common/draw.h"

#include <assert.h>

uint64_t draw_bits(struct draw *draw)
{
    draw->state += 0x9e3779b97f4a7c15u;
    uint64_t bits = draw->state;
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9u;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebu;
    return bits ^ (bits >> 31);
}

uint64_t draw_below(struct draw *draw, uint64_t limit)
{
    assert(limit > 0);
    uint64_t uneven = (0 - limit) % limit; /* 2^64 mod limit */
    uint64_t bits = draw_bits(draw);

    while (bits < uneven) {
        bits = draw_bits(draw);
    }
    return bits % limit;
}

double draw_unit(struct draw *draw)
{
    return (double)(draw_bits(draw) >> 11) * 0x1p-53;
}
