/* SPDX-License-Identifier: MIT */
/*
 * The open world. See the header.
 */
#include "scorer/metric/openworld.h"

#include "scorer/metric/topk.h"

static bool is_among(const struct topk_columns *columns, size_t image, size_t n_ranks,
                     uint16_t category)
{
    for (size_t rank = 0; rank < n_ranks; rank++) {
        if (columns->ranks[rank * columns->stride + image] == category) {
            return true;
        }
    }
    return false;
}

void open_world_count(struct open_world *counts, const struct topk_columns *columns,
                      const struct class_labels *labels, uint16_t reserved,
                      const int64_t *train_images, unsigned splits)
{
    *counts = (struct open_world){0};
    for (size_t image = 0; image < labels->n_images; image++) {
        if ((splits >> labels->split[image] & 1) == 0) {
            continue;
        }
        uint16_t truth = labels->truth[image];
        bool is_unknown = truth == reserved || (train_images != NULL && train_images[truth] == 0);
        bool is_guessed_unknown = is_among(columns, image, 1, reserved);
        counts->guessed_unknown += is_guessed_unknown;
        if (is_unknown) {
            counts->unknown++;
            counts->right_unknown += is_guessed_unknown;
        } else {
            counts->known++;
            counts->known_top1 += is_among(columns, image, 1, truth);
            counts->known_top5 += columns->k >= TOP5 && is_among(columns, image, TOP5, truth);
        }
    }
}
