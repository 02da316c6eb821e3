/* SPDX-License-Identifier: MIT */
/*
 * Divides photos into train, validation and test as the iNaturalist 2017 paper does (section 3.2):
 * by observer, so that no observer's pictures of a taxon are on two sides. Arrays in, arrays out;
 * the answer depends on the ids and the seed, not on the order of the file.
 */
#pragma once

#include "common/arena.h"

enum {
    SPLIT_OBSERVATIONS_MIN = 20, /* a taxon with fewer is left out */
    SPLIT_OBSERVERS_MIN = 20,
    SPLIT_TEST_PERCENT = 40,   /* of a taxon's observers, rounded down */
    SPLIT_VAL_PHOTOS = 30,     /* validation is full with more photos than these, or … */
    SPLIT_VAL_PERCENT = 33,    /* … with at least this share of the taxon's train-val photos */
    SPLIT_PUBLIC_PERCENT = 50, /* of all test photos, rounded down */
};

enum photo_part {
    PART_TRAIN,
    PART_VAL,
    PART_TEST_PUBLIC,
    PART_TEST_PRIVATE,
    PART_LEFT_OUT, /* its taxon is too rare */
};

enum { N_PARTS = 5 };

/*
 * One row a photo, in ascending order of the photos' ids. Taxa, observers and observations are
 * numbered in ascending byte order of their ids. An observation has one taxon and one observer.
 */
struct photo_columns {
    size_t n_photos; /* at most UINT32_MAX */
    size_t n_taxa;
    const uint32_t *taxon;
    const uint32_t *observer;
    const uint32_t *observation;
};

struct test_split {
    const uint8_t *part; /* n_photos of enum photo_part */
    size_t n_photos[N_PARTS];
    size_t n_taxa;
    size_t n_taxa_left_out;
    size_t n_taxa_untrained; /* one observer has most photos, and validation took them */
};

/*
 * Divides the photos.
 *
 * Of every taxon with enough observations and observers, the observers are sorted by their
 * observations of that taxon, fewest first, equal ones by id. The first 40 % of them give all their
 * photos to test; the next ones give theirs to validation until it is full; the others' are for
 * training. Of all test photos a half, drawn with `seed`, is public: a Fisher-Yates shuffle in
 * ascending order of photo ids, from the last to the second, draw_below for each; the first half of
 * what comes out.
 *
 *   split    out
 *   seed     any
 *   arena    holds split->part, and about 40 bytes a photo while this works
 *
 * Errors   ERR_LIMIT, ERR_SYSTEM  from the arena
 * Owns     nothing; split->part is borrowed from the arena
 */
MUST_CHECK bool test_split_make(struct test_split *split, const struct photo_columns *photos,
                                uint64_t seed, struct arena *arena, struct err *err);

/* The word of a part in files: train, val, test-public, test-private, left-out. */
const char *test_split_word(enum photo_part part);
