/* SPDX-License-Identifier: MIT */
/*
 * Groups of classes: super-categories, and the ranges of training images of the paper's Figure 5.
 */
#pragma once

#include "common/arena.h"
#include "scorer/metric/arrays.h"

/*
 * Ranges of a class's training images: 0-20, 21-50, 51-100, 101-200, 201-500, 501-1000, over 1000.
 * Steps of two to two and a half along a long tail; a class without a number is in no range.
 */
enum { N_TRAIN_BINS = 7 };

extern const char *const train_bin_names[N_TRAIN_BINS];

enum { GROUP_NONE = UINT16_MAX };

/* Which of n_groups a class belongs to; GROUP_NONE for a class in none of them. */
struct grouping {
    size_t n_groups;
    const char *const *names;
    const uint16_t *group; /* one a class */
};

/* The super-categories; n_groups is 0 where the catalog has none. */
struct grouping grouping_of_supercategories(const struct class_info *info);

/*
 * The ranges of training images; n_groups is 0 where the catalog has no such column.
 *
 * Errors   ERR_LIMIT, ERR_SYSTEM  no memory in the arena
 * Owns     grouping->group is borrowed from the arena
 */
MUST_CHECK bool grouping_of_train_images(struct grouping *grouping, const struct class_info *info,
                                         struct arena *arena, struct err *err);
