#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints number_table.h: the 128 leading bits of 5**q for q from -342 to 308 (positive powers
truncated, negative ones rounded up), as Lemire, "Number Parsing at a Gigabyte per Second", needs.

    python3 scorer/data/number_table.py | clang-format-14 > scorer/data/number_table.h
"""

Q_MIN, Q_MAX = -342, 308


def leading_bits(q):
    if q >= 0:
        power = 5**q
        length = power.bit_length()
        return power << (128 - length) if length <= 128 else power >> (length - 128)
    power = 5**-q
    bits = (power - 1).bit_length() + (127 if q >= -27 else 0)
    if q < -27:
        bits = 2 * bits + 128
    inverse = 2**bits // power + 1
    return inverse >> max(0, inverse.bit_length() - 128)


print("/* SPDX-License-Identifier: MIT */")
print("/* Made by number_table.py: the 128 leading bits of 5^q, q from -342 to 308. */")
print("#pragma once\n\n#include <stdint.h>\n")
print(f"enum {{ POWER_MIN = {Q_MIN}, POWER_MAX = {Q_MAX} }};\n")
print("static const uint64_t power_of_five[POWER_MAX - POWER_MIN + 1][2] = {")
for q in range(Q_MIN, Q_MAX + 1):
    bits = leading_bits(q)
    print(f"    {{0x{bits >> 64:016x}, 0x{bits & (2**64 - 1):016x}}},")
print("};")
