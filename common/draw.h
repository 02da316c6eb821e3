/* SPDX-License-Identifier: MIT */
/*
 * Seeded draws that anyone can repeat: SplitMix64 (Steele, Lea, Flood 2014), a 64-bit counter and a
 * mixing function. The same seed gives the same draws on every machine. Not for secrets: see crypt.
 */
#pragma once

#include <stdint.h>

struct draw {
    uint64_t state; /* set it to the seed; every draw adds 0x9e3779b97f4a7c15 */
};

/* 64 even bits. */
uint64_t draw_bits(struct draw *draw);

/* A number from 0 to limit - 1, each as likely; `limit` is at least 1. Draws below 2^64 mod limit
 * are thrown away, the rest is taken modulo limit. */
uint64_t draw_below(struct draw *draw, uint64_t limit);

/* A number of 53 even bits, from 0 up to but not 1. */
double draw_unit(struct draw *draw);
