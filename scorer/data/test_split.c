/* SPDX-License-Identifier: MIT */
/*
 * The split of section 3.2: one sort of all photos by taxon, observer and observation, one sort of
 * every taxon's observers.
 */
#include "scorer/data/test_split.h"

#include <assert.h>
#include <stdlib.h>

#include "common/draw.h"

struct photo {
    uint32_t taxon;
    uint32_t observer;
    uint32_t observation;
    uint32_t index;
};

/* One observer's photos of the taxon at hand: photos[first] to photos[first + n_photos - 1]. */
struct observer {
    uint32_t n_observations;
    uint32_t id;
    uint32_t n_photos;
    size_t first;
};

static int number_order(uint32_t a, uint32_t b)
{
    return (a > b) - (a < b);
}

static int photo_order(const void *left, const void *right)
{
    const struct photo *a = left;
    const struct photo *b = right;

    if (a->taxon != b->taxon) {
        return number_order(a->taxon, b->taxon);
    }
    if (a->observer != b->observer) {
        return number_order(a->observer, b->observer);
    }
    if (a->observation != b->observation) {
        return number_order(a->observation, b->observation);
    }
    return number_order(a->index, b->index);
}

static int observer_order(const void *left, const void *right)
{
    const struct observer *a = left;
    const struct observer *b = right;

    if (a->n_observations != b->n_observations) {
        return number_order(a->n_observations, b->n_observations);
    }
    return number_order(a->id, b->id);
}

static struct photo *photos_sorted(const struct photo_columns *photos, struct arena *arena,
                                   struct err *err)
{
    struct photo *sorted = arena_alloc(arena, photos->n_photos, sizeof(*sorted), err);

    if (sorted == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < photos->n_photos; i++) {
        sorted[i] = (struct photo){photos->taxon[i], photos->observer[i], photos->observation[i],
                                   (uint32_t)i};
    }
    qsort(sorted, photos->n_photos, sizeof(*sorted), photo_order);
    return sorted;
}

/* Lists the observers of the taxon at photos[start]; returns where the next taxon starts. */
static size_t observers_of_taxon(struct observer *observers, size_t *n_observers,
                                 size_t *n_observations, const struct photo *photos, size_t start,
                                 size_t n_photos)
{
    size_t at = start;

    *n_observers = 0;
    *n_observations = 0;
    for (; at < n_photos && photos[at].taxon == photos[start].taxon; at++) {
        bool is_new_observer = at == start || photos[at].observer != photos[at - 1].observer;
        bool is_new_observation =
            is_new_observer || photos[at].observation != photos[at - 1].observation;
        if (is_new_observer) {
            observers[(*n_observers)++] = (struct observer){.id = photos[at].observer, .first = at};
        }
        struct observer *observer = &observers[*n_observers - 1];
        observer->n_photos++;
        observer->n_observations += is_new_observation;
        *n_observations += is_new_observation;
    }
    return at;
}

static void part_set(uint8_t *part, const struct photo *photos, const struct observer *observer,
                     enum photo_part value)
{
    for (size_t i = 0; i < observer->n_photos; i++) {
        part[photos[observer->first + i].index] = (uint8_t)value;
    }
}

/* Divides one taxon; its test photos become PART_TEST_PRIVATE for now. True where photos are left
 * for training. */
static bool taxon_divide(uint8_t *part, const struct photo *photos, struct observer *observers,
                         size_t n_observers)
{
    size_t n_test = n_observers * SPLIT_TEST_PERCENT / 100;
    size_t n_train_val = 0; /* photos */
    size_t n_val = 0;

    qsort(observers, n_observers, sizeof(*observers), observer_order);
    for (size_t i = n_test; i < n_observers; i++) {
        n_train_val += observers[i].n_photos;
    }
    for (size_t i = 0; i < n_observers; i++) {
        bool is_val_full =
            n_val > SPLIT_VAL_PHOTOS || n_val * 100 >= n_train_val * SPLIT_VAL_PERCENT;
        if (i < n_test) {
            part_set(part, photos, &observers[i], PART_TEST_PRIVATE);
        } else if (!is_val_full) {
            part_set(part, photos, &observers[i], PART_VAL);
            n_val += observers[i].n_photos;
        } else {
            part_set(part, photos, &observers[i], PART_TRAIN);
        }
    }
    return n_val < n_train_val;
}

/* Shuffles the test photos and makes the first half of them public. */
static bool public_draw(uint8_t *part, size_t n_photos, uint64_t seed, struct arena *arena,
                        struct err *err)
{
    struct draw draw = {.state = seed};
    uint32_t *test = arena_alloc(arena, n_photos, sizeof(*test), err);
    size_t n_test = 0;

    if (test == NULL) {
        return false;
    }
    for (size_t i = 0; i < n_photos; i++) {
        if (part[i] == PART_TEST_PRIVATE) {
            test[n_test++] = (uint32_t)i;
        }
    }
    for (size_t i = n_test; i > 1; i--) {
        size_t other = (size_t)draw_below(&draw, i);
        uint32_t swap = test[i - 1];
        test[i - 1] = test[other];
        test[other] = swap;
    }
    for (size_t i = 0; i < n_test * SPLIT_PUBLIC_PERCENT / 100; i++) {
        part[test[i]] = PART_TEST_PUBLIC;
    }
    return true;
}

bool test_split_make(struct test_split *split, const struct photo_columns *photos, uint64_t seed,
                     struct arena *arena, struct err *err)
{
    assert(photos->n_photos <= UINT32_MAX);
    size_t n_photos = photos->n_photos;
    uint8_t *part = arena_alloc(arena, n_photos, sizeof(*part), err);
    struct photo *sorted = part != NULL ? photos_sorted(photos, arena, err) : NULL;
    struct observer *observers =
        sorted != NULL ? arena_alloc(arena, n_photos, sizeof(*observers), err) : NULL;
    size_t n_observers;
    size_t n_observations;

    if (observers == NULL) {
        return false;
    }
    *split = (struct test_split){.part = part, .n_taxa = photos->n_taxa};
    for (size_t start = 0; start < n_photos;) {
        size_t next =
            observers_of_taxon(observers, &n_observers, &n_observations, sorted, start, n_photos);
        if (n_observations >= SPLIT_OBSERVATIONS_MIN && n_observers >= SPLIT_OBSERVERS_MIN) {
            split->n_taxa_untrained += !taxon_divide(part, sorted, observers, n_observers);
        } else {
            split->n_taxa_left_out++;
            for (size_t i = start; i < next; i++) {
                part[sorted[i].index] = PART_LEFT_OUT;
            }
        }
        start = next;
    }
    if (!public_draw(part, n_photos, seed, arena, err)) {
        return false;
    }
    for (size_t i = 0; i < n_photos; i++) {
        split->n_photos[part[i]]++;
    }
    return true;
}

const char *test_split_word(enum photo_part part)
{
    static const char *const words[N_PARTS] = {
        [PART_TRAIN] = "train",
        [PART_VAL] = "val",
        [PART_TEST_PUBLIC] = "test-public",
        [PART_TEST_PRIVATE] = "test-private",
        [PART_LEFT_OUT] = "left-out",
    };

    return words[part];
}
