/* SPDX-License-Identifier: MIT */
/*
 * One class of a detection: which of its boxes can match anything, the matching, and the sets that
 * curves are drawn from. A thread has one of these and takes class after class; its memory grows
 * with the largest class and comes from the job's arena under a lock.
 */
#pragma once

#include "common/arena.h"
#include "scorer/metric/arrays.h"
#include "scorer/metric/curve.h"
#include "scorer/metric/sort.h"

#include <pthread.h>

/* Scratch memory that is kept from class to class. */
struct scratch {
    void *data;
    size_t size_bytes;
};

struct arena_lock {
    pthread_mutex_t mutex;
    struct arena *arena;
};

/* An image that has true boxes of the class, or more than 100 boxes of it. */
struct pair {
    uint32_t image;
    uint32_t truth_start; /* in truths */
    uint32_t truth_end;
    uint32_t box_start; /* in boxes */
    uint32_t box_end;
};

/* Where a key stands among the sorted hits. */
struct step_index {
    const struct sort_item *items; /* the hits' keys */
    uint64_t first;                /* key of the first hit */
    uint64_t last;
    unsigned shift;  /* a step is 2^shift keys */
    uint32_t *start; /* by step: hits before it */
};

/* The class's boxes, by their place in the class: box i stands in box[i], or else in packed[i]. */
struct class_rows {
    size_t n;
    const uint32_t *image;
    const double *score;
    const struct box *box;
    const struct packed_box *packed;
};

struct boxclass {
    struct arena_lock *memory;         /* borrowed */
    const struct box_columns *columns; /* borrowed */
    const struct box_labels *labels;   /* borrowed */
    bool is_complete;                  /* every limit, not only the numbers' own */
    size_t n_words;                    /* of has_pair and has_box, a bit an image */
    uint64_t *splits;                  /* two bits an image */
    uint64_t *has_pair;
    uint64_t *has_box;
    uint32_t *pair_of;          /* by image, where it has one */
    uint8_t *count;             /* by image: its boxes, where it has several and no pair */
    size_t n_repeated;          /* boxes behind the first of an image without a pair */
    struct scratch scratch[20]; /* by enum scratch_use */
    struct class_rows rows;
    size_t n_truths;
    size_t n_pairs;
    size_t n_boxes; /* boxes of pairs */
    struct truth *truths;
    struct pair *pairs;
    struct sort_item *boxes; /* of pairs: by pair, then falling score; tag 1 marks a hit */
    struct step_index index;
    struct curve_set set; /* what the class comes to */
};

/*
 * Prepares for classes of these columns and labels.
 *
 *   work         out
 *   memory       borrowed until the work is done
 *   is_complete  fill the misses of every limit
 *
 * Errors   ERR_LIMIT, ERR_SYSTEM  no memory in the arena
 * Owns     nothing that needs an end; all memory is the arena's
 */
MUST_CHECK bool boxclass_start(struct boxclass *work, struct arena_lock *memory,
                               const struct box_columns *columns, const struct box_labels *labels,
                               bool is_complete, struct err *err);

/*
 * Matches all boxes of a class; work->set is then ready for curves, until the next class.
 *
 * Errors   ERR_LIMIT, ERR_SYSTEM  no memory in the arena
 */
MUST_CHECK bool boxclass_match(struct boxclass *work, size_t category, struct err *err);

/* Scores of the class by hit->row, until the next class. */
const double *boxclass_scores(const struct boxclass *work);

/* Score of the first box of the class in a split, 0 where there is none; after boxclass_match of a
 * complete work. */
double boxclass_top_score(const struct boxclass *work, enum card_split split);
