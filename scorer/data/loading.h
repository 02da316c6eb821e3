/* SPDX-License-Identifier: MIT */
/*
 * What the loaders of label files share: where to keep, where to work, where to complain.
 */
#pragma once

#include "scorer/data/table.h"

struct loading {
    struct arena *arena;   /* what the labels keep */
    struct arena *scratch; /* files and lists, until the labels are loaded */
    struct problems *problems;
};
