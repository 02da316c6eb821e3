/* SPDX-License-Identifier: MIT */
/*
 * Curves. One walk over the hits of a class gives the precision at every right box for all ten
 * thresholds; the envelope is taken from the right; a table of which recalls the k-th right box
 * reaches says how often each value stands among the 101.
 */
#include "scorer/metric/curve.h"

#include <assert.h>

/* numpy.spacing(1), added to every denominator */
#define EPSILON 0x1p-52

const uint32_t curve_limits[N_LIMITS] = {1, 10, 100};

#define TEN(i)                                                                                     \
    (i) * 0.01, ((i) + 1) * 0.01, ((i) + 2) * 0.01, ((i) + 3) * 0.01, ((i) + 4) * 0.01,            \
        ((i) + 5) * 0.01, ((i) + 6) * 0.01, ((i) + 7) * 0.01, ((i) + 8) * 0.01, ((i) + 9) * 0.01

const double curve_recalls[CURVE_POINTS] = {TEN(0),  TEN(10), TEN(20), TEN(30), TEN(40), TEN(50),
                                            TEN(60), TEN(70), TEN(80), TEN(90), 1.0};

static bool is_in(uint8_t split, enum card_split of)
{
    return of == CARD_ALL || split == (of == CARD_PUBLIC ? SPLIT_PUBLIC : SPLIT_PRIVATE);
}

/* Wrong boxes of one place that lie in an area range. */
static uint32_t in_area(const struct misses *misses, unsigned area)
{
    uint32_t sum = 0;

    for (unsigned size = 0; size < N_SIZES; size++) {
        sum += (match_size_areas[size] >> area & 1) != 0 ? misses->count[size] : 0;
    }
    return sum;
}

static uint32_t misses_before(const struct curve_set *set, enum card_split split, unsigned area,
                              enum box_limit limit, size_t hit)
{
    const struct misses *misses = set->misses[limit];
    uint32_t sum = 0;

    if (is_in(SPLIT_PUBLIC, split)) {
        sum += in_area(&misses[hit], area);
    }
    if (is_in(SPLIT_PRIVATE, split)) {
        sum += in_area(&misses[set->n_hits + hit], area);
    }
    return sum;
}

/* reached[k]: how many recalls k right boxes of `positives` reach; 0 for none. */
static void recalls_reached(uint8_t *reached, uint32_t positives, size_t n_hits)
{
    uint8_t r = 0;

    reached[0] = 0;
    for (size_t k = 1; k <= n_hits && k <= positives; k++) {
        double recall = (double)k / (double)positives;
        while (r < CURVE_POINTS && curve_recalls[r] <= recall) {
            r++;
        }
        reached[k] = r;
    }
}

/*
 * Walks the hits: set->precision[t * n_hits + k] becomes the envelope's value at the k-th right
 * box of threshold t (k from 0), n_right[t] their number.
 */
static void trace(uint32_t n_right[N_THRESHOLDS], const struct curve_set *set,
                  enum card_split split, unsigned area, enum box_limit limit)
{
    uint64_t n_wrong[N_THRESHOLDS] = {0};
    uint64_t n_missed = 0;

    for (unsigned t = 0; t < N_THRESHOLDS; t++) {
        n_right[t] = 0;
    }
    for (size_t i = 0; i < set->n_hits; i++) {
        const struct hit *hit = &set->hits[i];
        n_missed += misses_before(set, split, area, limit, i);
        if (!is_in(hit->split, split) || hit->rank >= curve_limits[limit]) {
            continue;
        }
        unsigned counted = ~(unsigned)hit->verdict.ignored[area] & THRESHOLDS_ALL;
        for (unsigned t = 0; t < N_THRESHOLDS; t++) {
            if ((counted >> t & 1) == 0) {
                continue;
            }
            if ((hit->verdict.matched[area] >> t & 1) == 0) {
                n_wrong[t]++;
                continue;
            }
            double wrong = (double)(n_wrong[t] + n_missed);
            double right = (double)(n_right[t] + 1);
            set->precision[t * set->n_hits + n_right[t]++] = right / ((wrong + right) + EPSILON);
        }
    }
    for (unsigned t = 0; t < N_THRESHOLDS; t++) {
        double *precision = &set->precision[t * set->n_hits];
        for (size_t k = n_right[t]; k-- > 1;) {
            precision[k - 1] = precision[k - 1] < precision[k] ? precision[k] : precision[k - 1];
        }
    }
}

/* Right boxes among the first `limit` of every image, for area all. */
static void count_right(uint32_t n_right[N_THRESHOLDS], const struct curve_set *set,
                        enum card_split split, enum box_limit limit)
{
    for (unsigned t = 0; t < N_THRESHOLDS; t++) {
        n_right[t] = 0;
    }
    for (size_t i = 0; i < set->n_hits; i++) {
        const struct hit *hit = &set->hits[i];
        unsigned right = hit->verdict.matched[AREA_ALL] & ~(unsigned)hit->verdict.ignored[AREA_ALL];
        if (!is_in(hit->split, split) || hit->rank >= curve_limits[limit]) {
            continue;
        }
        for (unsigned t = 0; t < N_THRESHOLDS; t++) {
            n_right[t] += right >> t & 1;
        }
    }
}

/* Sum of the 101 precisions of one threshold: every right box's value as often as it stands. */
static double curve_sum(const double *precision, uint32_t n_right, const uint8_t *reached)
{
    double sum = 0;

    for (uint32_t k = 0; k < n_right; k++) {
        sum += precision[k] * (double)(reached[k + 1] - reached[k]);
    }
    return sum;
}

static double mean_recall(const uint32_t n_right[N_THRESHOLDS], uint32_t positives)
{
    double sum = 0;

    for (unsigned t = 0; t < N_THRESHOLDS; t++) {
        sum += (double)n_right[t] / (double)positives;
    }
    return sum / N_THRESHOLDS;
}

static void curve_expand(double *curve, const double *precision, uint32_t n_right,
                         const uint8_t *reached)
{
    unsigned r = 0;

    for (uint32_t k = 0; k < n_right; k++) {
        while (r < reached[k + 1]) {
            curve[r++] = precision[k];
        }
    }
    while (r < CURVE_POINTS) {
        curve[r++] = 0;
    }
}

static void area_numbers(struct metric_values *values, double *curve, const struct curve_set *set,
                         enum card_split split, unsigned area, uint32_t positives)
{
    static const enum box_metric precision_of[N_AREAS] = {BOX_AP, BOX_AP_SMALL, BOX_AP_MEDIUM,
                                                          BOX_AP_LARGE};
    static const enum box_metric recall_of[N_AREAS] = {BOX_AR100, BOX_AR_SMALL, BOX_AR_MEDIUM,
                                                       BOX_AR_LARGE};
    uint32_t n_right[N_THRESHOLDS];
    double sums[N_THRESHOLDS];
    double sum = 0;

    recalls_reached(set->reached, positives, set->n_hits);
    trace(n_right, set, split, area, LIMIT_100);
    for (unsigned t = 0; t < N_THRESHOLDS; t++) {
        sums[t] = curve_sum(&set->precision[t * set->n_hits], n_right[t], set->reached);
        sum += sums[t];
    }
    metric_set(values, precision_of[area], sum / (N_THRESHOLDS * CURVE_POINTS));
    metric_set(values, recall_of[area], mean_recall(n_right, positives));
    if (area == AREA_ALL) {
        metric_set(values, BOX_AP50, sums[0] / CURVE_POINTS);
        metric_set(values, BOX_AP75, sums[5] / CURVE_POINTS);
        if (curve != NULL) {
            curve_expand(curve, set->precision, n_right[0], set->reached);
        }
    }
}

/* The split's true boxes that count in an area range. */
static uint32_t positives_of(const struct curve_set *set, enum card_split split, unsigned area)
{
    uint32_t sum = 0;

    sum += is_in(SPLIT_PUBLIC, split) ? set->positives[SPLIT_PUBLIC][area] : 0;
    sum += is_in(SPLIT_PRIVATE, split) ? set->positives[SPLIT_PRIVATE][area] : 0;
    return sum;
}

void curve_numbers(struct metric_values *values, double *curve, const struct curve_set *set,
                   enum card_split split)
{
    uint32_t n_right[N_THRESHOLDS];

    *values = (struct metric_values){0};
    for (unsigned area = 0; area < N_AREAS; area++) {
        uint32_t positives = positives_of(set, split, area);
        if (positives > 0) {
            area_numbers(values, curve, set, split, area, positives);
        }
    }
    uint32_t positives = positives_of(set, split, AREA_ALL);
    if (positives > 0) {
        count_right(n_right, set, split, LIMIT_1);
        metric_set(values, BOX_AR1, mean_recall(n_right, positives));
        count_right(n_right, set, split, LIMIT_10);
        metric_set(values, BOX_AR10, mean_recall(n_right, positives));
    }
}

static size_t array_at(const struct curve_arrays *arrays, size_t t_and_r, size_t category,
                       unsigned area, enum box_limit limit)
{
    return ((t_and_r * arrays->n_classes + category) * N_AREAS + area) * N_LIMITS + limit;
}

/* The scores at which the recalls are reached; recall 0 is reached by the first box of all. */
static void write_scores(const struct curve_arrays *arrays, size_t category,
                         const struct curve_set *set, enum card_split split, unsigned area,
                         enum box_limit limit, double top_score, const double *score)
{
    for (unsigned t = 0; t < N_THRESHOLDS; t++) {
        uint32_t k = 0;
        unsigned r = 0;
        arrays->scores[array_at(arrays, t * CURVE_POINTS + r++, category, area, limit)] = top_score;
        for (size_t i = 0; i < set->n_hits; i++) {
            const struct hit *hit = &set->hits[i];
            unsigned right = hit->verdict.matched[area] & ~(unsigned)hit->verdict.ignored[area];
            if (!is_in(hit->split, split) || hit->rank >= curve_limits[limit] ||
                (right >> t & 1) == 0) {
                continue;
            }
            for (k++; r < set->reached[k]; r++) {
                arrays->scores[array_at(arrays, t * CURVE_POINTS + r, category, area, limit)] =
                    score[hit->row];
            }
        }
        for (; r < CURVE_POINTS; r++) {
            arrays->scores[array_at(arrays, t * CURVE_POINTS + r, category, area, limit)] = 0;
        }
    }
}

static void write_precision(const struct curve_arrays *arrays, size_t category,
                            const struct curve_set *set, uint32_t positives,
                            const uint32_t n_right[N_THRESHOLDS], unsigned area,
                            enum box_limit limit)
{
    double curve[CURVE_POINTS];

    for (unsigned t = 0; t < N_THRESHOLDS; t++) {
        curve_expand(curve, &set->precision[t * set->n_hits], n_right[t], set->reached);
        for (unsigned r = 0; r < CURVE_POINTS; r++) {
            arrays->precision[array_at(arrays, t * CURVE_POINTS + r, category, area, limit)] =
                curve[r];
        }
        arrays->recall[array_at(arrays, t, category, area, limit)] =
            (double)n_right[t] / (double)positives;
    }
}

void curve_write(const struct curve_arrays *arrays, size_t category, const struct curve_set *set,
                 enum card_split split, double top_score, const double *score)
{
    uint32_t n_right[N_THRESHOLDS];

    for (unsigned area = 0; area < N_AREAS; area++) {
        uint32_t positives = positives_of(set, split, area);
        if (positives == 0) {
            continue;
        }
        recalls_reached(set->reached, positives, set->n_hits);
        for (unsigned limit = 0; limit < N_LIMITS; limit++) {
            trace(n_right, set, split, area, limit);
            write_precision(arrays, category, set, positives, n_right, area, limit);
            write_scores(arrays, category, set, split, area, limit, top_score, score);
        }
    }
}

void curve_clear(const struct curve_arrays *arrays)
{
    size_t n_recalls = N_THRESHOLDS * arrays->n_classes * N_AREAS * N_LIMITS;

    for (size_t i = 0; i < n_recalls; i++) {
        arrays->recall[i] = -1;
    }
    for (size_t i = 0; i < n_recalls * CURVE_POINTS; i++) {
        arrays->precision[i] = -1;
        arrays->scores[i] = -1;
    }
}
