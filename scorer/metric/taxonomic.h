/* SPDX-License-Identifier: MIT */
/*
 * How far a wrong guess is from the truth in the tree of life: the height of the lowest taxon that
 * both belong to. Integers only; a mean is taken from the counts.
 */
#pragma once

#include "scorer/metric/arrays.h"

enum { TAXON_RANKS_MAX = 6, TAXON_HEIGHTS_MAX = TAXON_RANKS_MAX + 2, TAXON_NONE = UINT32_MAX };

/*
 * The ranks above the classes, the highest first ("kingdom", …, "genus").
 *
 *   taxon   of every class, numbered within its rank; TAXON_NONE where it is not given
 */
struct taxonomy {
    size_t n_classes;
    size_t n_ranks;
    const char *rank_name[TAXON_RANKS_MAX];
    const uint32_t *taxon[TAXON_RANKS_MAX];
};

/*
 * The height of the lowest common ancestor of two classes: 0 for the same class, 1 for the lowest
 * rank (genus), n_ranks for the highest, n_ranks + 1 where they share nothing. A taxon is shared
 * where both have it and no rank above says otherwise (a genus of plants may have the name of a
 * genus of animals). `b` may be CLASS_OTHER, which shares nothing.
 */
unsigned taxonomic_height(const struct taxonomy *taxonomy, uint16_t a, uint16_t b);

/* Images by height, of the first guess and of the nearest of the first five. */
struct taxonomic_counts {
    int64_t images;
    int64_t first[TAXON_HEIGHTS_MAX];
    int64_t nearest[TAXON_HEIGHTS_MAX]; /* all 0 where k < 5 */
};

/* Counts the images whose split has its bit in `splits` (1u << SPLIT_PUBLIC, …). */
void taxonomic_count(struct taxonomic_counts *counts, const struct taxonomy *taxonomy,
                     const struct topk_columns *columns, const struct class_labels *labels,
                     unsigned splits);

/*
 * The error weighted by rank: the mean height over the greatest one, 0 where all are right, 1 where
 * nothing is even of the same kingdom; 0 without images.
 */
double taxonomic_error(const int64_t heights[static TAXON_HEIGHTS_MAX],
                       const struct taxonomy *taxonomy);
