/* SPDX-License-Identifier: MIT */
/*
 * Groups of classes. See the header.
 */
#include "scorer/metric/groups.h"

const char *const train_bin_names[N_TRAIN_BINS] = {
    "0-20", "21-50", "51-100", "101-200", "201-500", "501-1000", "over 1000",
};

static const int64_t bin_tops[N_TRAIN_BINS] = {20, 50, 100, 200, 500, 1000, INT64_MAX};

struct grouping grouping_of_supercategories(const struct class_info *info)
{
    if (info->group == NULL) {
        return (struct grouping){0};
    }
    return (struct grouping){
        .n_groups = info->n_groups, .names = info->group_name, .group = info->group};
}

static uint16_t bin_of(int64_t train_images)
{
    uint16_t bin = 0;

    if (train_images < 0) {
        return GROUP_NONE;
    }
    while (train_images > bin_tops[bin]) {
        bin++;
    }
    return bin;
}

bool grouping_of_train_images(struct grouping *grouping, const struct class_info *info,
                              struct arena *arena, struct err *err)
{
    *grouping = (struct grouping){0};
    if (info->train_images == NULL) {
        return true;
    }
    uint16_t *group = arena_alloc(arena, info->n_classes, sizeof(*group), err);
    if (group == NULL) {
        return false;
    }
    for (size_t category = 0; category < info->n_classes; category++) {
        group[category] = bin_of(info->train_images[category]);
    }
    *grouping =
        (struct grouping){.n_groups = N_TRAIN_BINS, .names = train_bin_names, .group = group};
    return true;
}
