/* SPDX-License-Identifier: MIT */
/*
 * The boxes that match nothing. They are never sorted, only counted into the places between hits.
 */
#include "scorer/metric/boxwork.h"

#include "scorer/metric/match.h"

enum { STEPS_PER_HIT = 4, STEPS_MAX = 1 << 16 };

/*
 * An index into the sorted hits: their range of keys cut into even steps, start[step] hits before
 * each. A box is then among the few hits of one step; where they are many, halving finds its place.
 */
static bool index_hits(struct boxclass *work, struct err *err)
{
    const struct sort_item *items = work->scratch[HIT_ITEMS].data;
    size_t n_hits = work->set.n_hits;
    struct step_index *index = &work->index;
    size_t n_steps = 1;

    while (n_steps < STEPS_MAX && n_steps < STEPS_PER_HIT * n_hits) {
        n_steps *= 2;
    }
    *index = (struct step_index){.items = items};
    index->start = boxclass_reserve(work, STEPS, n_steps + 1, sizeof(*index->start), 0, err);
    if (index->start == NULL || n_hits == 0) {
        return index->start != NULL;
    }
    index->first = items[0].key;
    index->last = items[n_hits - 1].key;
    while ((index->last - index->first) >> index->shift >= n_steps) {
        index->shift++;
    }
    size_t at = 0;
    for (size_t step = 0; step <= n_steps; step++) {
        while (at < n_hits && (items[at].key - index->first) >> index->shift < step) {
            at++;
        }
        index->start[step] = (uint32_t)at;
    }
    return true;
}

/* How many hits come before a box: by score, then image, then row. */
static size_t place_of(const struct boxclass *work, uint64_t key, uint32_t image, uint32_t row)
{
    const struct step_index *index = &work->index;

    if (key < index->first) {
        return 0;
    }
    uint64_t step = (key - index->first) >> index->shift;
    size_t low = index->start[step];
    size_t high = index->start[step + 1];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint64_t hit_key = index->items[middle].key;
        bool is_before = hit_key < key;
        if (hit_key == key) {
            const struct hit *hit = &work->set.hits[middle];
            is_before = hit->image != image ? hit->image < image : hit->row < row;
        }
        if (is_before) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Counts a box that matches nothing. What comes after the last hit lowers no precision. */
static void miss_add(const struct boxclass *work, struct misses *misses, uint64_t key, uint32_t row)
{
    uint32_t image = work->rows.image[row];

    if (key > work->index.last) {
        return;
    }
    size_t place = place_of(work, key, image, row);
    if (place < work->set.n_hits) {
        struct box box = box_of(work, row);
        unsigned size = match_size(box.width * box.height);
        misses[split_of(work, image) * work->set.n_hits + place].count[size]++;
    }
}

/* Boxes of pairs that matched nothing count in every limit that their rank is within. */
static void count_pair_misses(struct boxclass *work, struct misses *const misses[N_LIMITS])
{
    for (size_t i = 0; i < work->n_pairs; i++) {
        const struct pair *pair = &work->pairs[i];
        for (uint32_t at = pair->box_start; at < boxes_end(pair); at++) {
            const struct sort_item *item = &work->boxes[at];
            for (unsigned limit = 0; limit < N_LIMITS && item->tag == 0; limit++) {
                if (misses[limit] != NULL && at - pair->box_start < curve_limits[limit]) {
                    miss_add(work, misses[limit], item->key, item->index);
                }
            }
        }
    }
}

/* Boxes of all other images. */
static void count_other_misses(struct boxclass *work, struct misses *misses)
{
    const struct class_rows *rows = &work->rows;

    for (size_t row = 0; row < rows->n; row++) {
        uint64_t key = key_of_score(rows->score[row]);
        if (key > work->index.last) {
            continue; /* before anything else of the row is touched: most end here */
        }
        uint32_t image = rows->image[row];
        if (!is_set(work->has_pair, image) && split_of(work, image) != SPLIT_IGNORED) {
            miss_add(work, misses, key, (uint32_t)row);
        }
    }
}

bool boxmiss_count(struct boxclass *work, struct err *err)
{
    struct misses *misses[N_LIMITS] = {NULL};
    size_t n_places = 2 * work->set.n_hits; /* of both splits */
    size_t n_limits = work->is_complete ? N_LIMITS : 1;
    struct misses *room =
        boxclass_reserve(work, MISSES, n_limits * n_places, sizeof(*room), 0, err);

    if (room == NULL || !index_hits(work, err)) {
        return false;
    }
    memset(room, 0, n_limits * n_places * sizeof(*room));
    for (size_t i = 0; i < n_limits; i++) {
        misses[LIMIT_100 - i] = room + i * n_places;
    }
    if (work->set.n_hits > 0) {
        count_pair_misses(work, misses);
        count_other_misses(work, misses[LIMIT_100]);
    }
    for (unsigned limit = 0; limit < N_LIMITS; limit++) {
        work->set.misses[limit] = misses[limit];
    }
    work->set.precision =
        boxclass_reserve(work, PRECISION, work->set.n_hits, N_THRESHOLDS * sizeof(double), 0, err);
    work->set.reached = boxclass_reserve(work, REACHED, work->set.n_hits, 1, 0, err);
    return work->set.precision != NULL && work->set.reached != NULL;
}
