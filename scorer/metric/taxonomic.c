/* SPDX-License-Identifier: MIT */
/*
 * Heights of common ancestors. See the header.
 */
#include "scorer/metric/taxonomic.h"

#include "scorer/metric/topk.h"

unsigned taxonomic_height(const struct taxonomy *taxonomy, uint16_t a, uint16_t b)
{
    unsigned height = (unsigned)taxonomy->n_ranks + 1;

    if (a == b) {
        return 0;
    }
    if (a >= taxonomy->n_classes || b >= taxonomy->n_classes) {
        return height;
    }
    for (unsigned rank = 0; rank < taxonomy->n_ranks; rank++) {
        uint32_t of_a = taxonomy->taxon[rank][a];
        uint32_t of_b = taxonomy->taxon[rank][b];
        if (of_a == TAXON_NONE || of_b == TAXON_NONE) {
            continue;
        }
        if (of_a != of_b) {
            break;
        }
        height = (unsigned)taxonomy->n_ranks - rank;
    }
    return height;
}

void taxonomic_count(struct taxonomic_counts *counts, const struct taxonomy *taxonomy,
                     const struct topk_columns *columns, const struct class_labels *labels,
                     unsigned splits)
{
    *counts = (struct taxonomic_counts){0};
    for (size_t image = 0; image < labels->n_images; image++) {
        if ((splits >> labels->split[image] & 1) == 0) {
            continue;
        }
        unsigned least = TAXON_HEIGHTS_MAX - 1;
        for (size_t rank = 0; rank < columns->k && rank < TOP5; rank++) {
            unsigned height = taxonomic_height(taxonomy, labels->truth[image],
                                               columns->ranks[rank * columns->stride + image]);
            if (rank == 0) {
                counts->first[height]++;
            }
            least = height < least ? height : least;
        }
        counts->images++;
        if (columns->k >= TOP5) {
            counts->nearest[least]++;
        }
    }
}

double taxonomic_error(const int64_t heights[static TAXON_HEIGHTS_MAX],
                       const struct taxonomy *taxonomy)
{
    int64_t images = 0;
    int64_t sum = 0;

    for (int height = 0; height < TAXON_HEIGHTS_MAX; height++) {
        images += heights[height];
        sum += height * heights[height];
    }
    return images == 0 ? 0 : (double)sum / (double)(images * (int64_t)(taxonomy->n_ranks + 1));
}
