/* SPDX-License-Identifier: MIT */
/*
 * One class. Boxes on images without true boxes of the class can match nothing: they are never
 * sorted, only counted into the places between hits. So are the boxes that match nothing on the
 * other images.
 */
#include "scorer/metric/boxclass.h"

#include <assert.h>
#include <string.h>

#include "scorer/metric/boxrows.h"
#include "scorer/metric/boxwork.h"

void *boxclass_reserve(struct boxclass *work, enum scratch_use use, size_t count, size_t size,
                       size_t n_kept, struct err *err)
{
    struct scratch *scratch = &work->scratch[use];
    size_t bytes;

    if (!size_mul(&bytes, count + 1, size)) {
        err_set(err, ERR_LIMIT, "%zu items of %zu bytes are too many", count, size);
        return NULL;
    }
    if (bytes <= scratch->size_bytes) {
        return scratch->data;
    }
    bytes += bytes / 2;
    pthread_mutex_lock(&work->memory->mutex);
    void *data = arena_alloc(work->memory->arena, 1, bytes, err);
    pthread_mutex_unlock(&work->memory->mutex);
    if (data == NULL) {
        return NULL;
    }
    if (n_kept > 0) {
        memcpy(data, scratch->data, n_kept * size);
    }
    *scratch = (struct scratch){.data = data, .size_bytes = bytes};
    return data;
}

bool boxclass_start(struct boxclass *work, struct arena_lock *memory,
                    const struct box_columns *columns, const struct box_labels *labels,
                    bool is_complete, struct err *err)
{
    size_t n_words = labels->n_images / WORD_BITS + 1;

    *work = (struct boxclass){.memory = memory,
                              .columns = columns,
                              .labels = labels,
                              .is_complete = is_complete,
                              .n_words = n_words};
    pthread_mutex_lock(&memory->mutex);
    work->splits = arena_alloc(memory->arena, 2 * n_words, sizeof(*work->splits), err);
    work->has_pair = arena_alloc(memory->arena, n_words, sizeof(*work->has_pair), err);
    work->has_box = arena_alloc(memory->arena, n_words, sizeof(*work->has_box), err);
    work->pair_of = arena_alloc(memory->arena, labels->n_images, sizeof(*work->pair_of), err);
    work->count = arena_alloc(memory->arena, labels->n_images, sizeof(*work->count), err);
    pthread_mutex_unlock(&memory->mutex);
    if (work->splits == NULL || work->has_pair == NULL || work->has_box == NULL ||
        work->pair_of == NULL || work->count == NULL) {
        return false;
    }
    for (size_t image = 0; image < labels->n_images; image++) {
        work->splits[image / WORD_SPLITS] |= (uint64_t)labels->split[image]
                                             << 2 * (image % WORD_SPLITS);
    }
    return true;
}

/* The rows of a packed class: the boxes stay as they are, few of them are ever looked at. */
static bool unpack_rows(struct boxclass *work, size_t category, struct err *err)
{
    size_t n = boxrows_count(work->columns, category);
    struct packed_box *room = boxclass_reserve(
        work, ROWS_PACKED, work->columns->packed == NULL ? n : 0, sizeof(*room), 0, err);
    uint32_t *image = boxclass_reserve(work, ROW_IMAGES, n, sizeof(*image), 0, err);
    double *score = boxclass_reserve(work, ROW_SCORES, n, sizeof(*score), 0, err);

    if (room == NULL || image == NULL || score == NULL) {
        return false;
    }
    const struct packed_box *packed = boxrows_packed(image, score, room, work->columns, category);
    work->rows = (struct class_rows){.n = n, .image = image, .score = score, .packed = packed};
    return true;
}

static bool find_rows(struct boxclass *work, size_t category, struct err *err)
{
    const struct box_columns *columns = work->columns;
    size_t start = columns->class_start[category];
    size_t n = boxrows_count(columns, category);

    if (boxrows_are_packed(columns)) {
        return unpack_rows(work, category, err);
    }
    if (columns->pieces == NULL) {
        work->rows = (struct class_rows){.n = n,
                                         .image = columns->image + start,
                                         .score = columns->score + start,
                                         .box = columns->box + start};
        return true;
    }
    uint32_t *image = boxclass_reserve(work, ROW_IMAGES, n, sizeof(*image), 0, err);
    double *score = boxclass_reserve(work, ROW_SCORES, n, sizeof(*score), 0, err);
    struct box *box = boxclass_reserve(work, ROW_BOXES, n, sizeof(*box), 0, err);
    if (image == NULL || score == NULL || box == NULL) {
        return false;
    }
    boxrows_copy(image, score, box, columns, category);
    work->rows = (struct class_rows){.n = n, .image = image, .score = score, .box = box};
    return true;
}

/* The class's true boxes by image and, inside one, in the order of the file. */
static bool collect_truths(struct boxclass *work, size_t category, struct err *err)
{
    const struct box_labels *labels = work->labels;
    size_t start = labels->class_start[category];
    size_t end = labels->class_start[category + 1];
    struct sort_item *items =
        boxclass_reserve(work, TRUTH_ITEMS, end - start, sizeof(*items), 0, err);
    struct sort_item *other =
        boxclass_reserve(work, SORT_ITEMS, end - start, sizeof(*other), 0, err);

    work->truths = boxclass_reserve(work, TRUTHS, end - start, sizeof(*work->truths), 0, err);
    work->n_truths = 0;
    memset(work->set.positives, 0, sizeof(work->set.positives));
    if (items == NULL || other == NULL || work->truths == NULL) {
        return false;
    }
    for (size_t row = start; row < end; row++) {
        if (split_of(work, labels->image[row]) != SPLIT_IGNORED) {
            items[work->n_truths++] =
                (struct sort_item){.key = labels->image[row], .index = (uint32_t)row};
        }
    }
    sort_stable(items, other, work->n_truths);
    for (size_t i = 0; i < work->n_truths; i++) {
        size_t row = items[i].index;
        truth_set(&work->truths[i], &labels->box[row], labels->area[row], labels->is_crowd[row]);
        for (unsigned area = 0; area < N_AREAS; area++) {
            work->set.positives[split_of(work, labels->image[row])][area] +=
                work->truths[i].counted >> area & 1;
        }
    }
    return true;
}

/* Makes a pair of every image in images[n_images], which rise and may repeat. */
static bool make_pairs(struct boxclass *work, const struct sort_item *images, size_t n_images,
                       struct err *err)
{
    const struct sort_item *truths = work->scratch[TRUTH_ITEMS].data;
    size_t truth = 0;

    work->pairs = boxclass_reserve(work, PAIRS, n_images, sizeof(*work->pairs), 0, err);
    work->n_pairs = 0;
    if (work->pairs == NULL) {
        return false;
    }
    for (size_t i = 0; i < n_images; i++) {
        uint32_t image = (uint32_t)images[i].key;
        if (i > 0 && images[i - 1].key == image) {
            continue;
        }
        struct pair *pair = &work->pairs[work->n_pairs];
        *pair = (struct pair){.image = image, .truth_start = (uint32_t)truth};
        while (truth < work->n_truths && truths[truth].key == image) {
            truth++;
        }
        pair->truth_end = (uint32_t)truth;
        set_bit(work->has_pair, image);
        work->pair_of[image] = (uint32_t)work->n_pairs++;
    }
    return true;
}

/*
 * Boxes of images with a pair; also whether an image without one has more boxes than are looked at,
 * whose surplus must be found by rank. Most images have one box of the class: for those a bit is
 * enough, and the bits of all images stay in the cache where their counts would not.
 */
static bool collect_candidates(struct boxclass *work, uint32_t *candidates, size_t *n_candidates,
                               uint32_t *repeated)
{
    const struct class_rows *rows = &work->rows;
    bool is_full = false;
    size_t n = 0;

    work->n_repeated = 0;
    for (size_t row = 0; row < rows->n; row++) {
        uint32_t image = rows->image[row];
        if (is_set(work->has_pair, image)) {
            candidates[n++] = (uint32_t)row;
        } else if (!is_set(work->has_box, image)) {
            set_bit(work->has_box, image);
        } else {
            uint8_t *count = &work->count[image];
            repeated[work->n_repeated++] = image;
            *count = (uint8_t)(*count == 0 ? 2 : *count < BOXES_FULL ? *count + 1 : BOXES_FULL);
            is_full = is_full || *count == BOXES_FULL;
        }
    }
    *n_candidates = n;
    return is_full;
}

/* What is known of images as it was before the class. */
static void forget_boxes(struct boxclass *work)
{
    const uint32_t *repeated = work->scratch[REPEATED].data;

    for (size_t i = 0; i < work->n_repeated; i++) {
        work->count[repeated[i]] = 0;
    }
    if (work->rows.n > work->n_words) {
        memset(work->has_box, 0, work->n_words * sizeof(*work->has_box));
    } else {
        for (size_t row = 0; row < work->rows.n; row++) {
            work->has_box[work->rows.image[row] / WORD_BITS] = 0;
        }
    }
}

/* Pairs again, with the images that are full, or with all images where all ranks are wanted. */
static bool add_pairs(struct boxclass *work, struct err *err)
{
    const struct class_rows *rows = &work->rows;
    size_t n_max = work->n_truths + rows->n;
    struct sort_item *images = boxclass_reserve(work, IMAGES, n_max, sizeof(*images), 0, err);
    struct sort_item *other = boxclass_reserve(work, SORT_ITEMS, n_max, sizeof(*other), 0, err);
    const struct sort_item *truths = work->scratch[TRUTH_ITEMS].data;
    size_t n = work->n_truths;

    if (images == NULL || other == NULL) {
        return false;
    }
    memcpy(images, truths, n * sizeof(*images));
    for (size_t row = 0; row < rows->n; row++) {
        uint32_t image = rows->image[row];
        bool is_wanted = work->is_complete || work->count[image] == BOXES_FULL;
        if (is_wanted && split_of(work, image) != SPLIT_IGNORED) {
            images[n++] = (struct sort_item){.key = image};
        }
    }
    sort_stable(images, other, n);
    return make_pairs(work, images, n, err);
}

static bool find_candidates(struct boxclass *work, size_t *n_candidates, struct err *err)
{
    uint32_t *candidates =
        boxclass_reserve(work, CANDIDATES, work->rows.n, sizeof(*candidates), 0, err);
    uint32_t *repeated = boxclass_reserve(work, REPEATED, work->rows.n, sizeof(*repeated), 0, err);

    if (candidates == NULL || repeated == NULL ||
        !make_pairs(work, work->scratch[TRUTH_ITEMS].data, work->n_truths, err)) {
        return false;
    }
    bool is_full = collect_candidates(work, candidates, n_candidates, repeated);
    bool ok = (!is_full && !work->is_complete) || add_pairs(work, err);
    forget_boxes(work);
    if (ok && (is_full || work->is_complete)) {
        collect_candidates(work, candidates, n_candidates, repeated);
        forget_boxes(work);
    }
    return ok;
}

/* The boxes of every pair, by falling score, ties in the order of the file. */
static bool sort_boxes(struct boxclass *work, size_t n_candidates, struct err *err)
{
    const uint32_t *candidates = work->scratch[CANDIDATES].data;
    struct sort_item *other =
        boxclass_reserve(work, SORT_ITEMS, n_candidates, sizeof(*other), 0, err);
    uint32_t start = 0;

    work->boxes = boxclass_reserve(work, BOXES, n_candidates, sizeof(*work->boxes), 0, err);
    work->n_boxes = n_candidates;
    if (work->boxes == NULL || other == NULL) {
        return false;
    }
    for (size_t i = 0; i < n_candidates; i++) {
        work->pairs[work->pair_of[work->rows.image[candidates[i]]]].box_end++;
    }
    for (size_t i = 0; i < work->n_pairs; i++) {
        struct pair *pair = &work->pairs[i];
        uint32_t count = pair->box_end;
        pair->box_start = start;
        pair->box_end = start;
        start += count;
    }
    for (size_t i = 0; i < n_candidates; i++) {
        uint32_t row = candidates[i];
        struct pair *pair = &work->pairs[work->pair_of[work->rows.image[row]]];
        work->boxes[pair->box_end++] =
            (struct sort_item){.key = key_of_score(work->rows.score[row]), .index = row};
    }
    for (size_t i = 0; i < work->n_pairs; i++) {
        struct pair *pair = &work->pairs[i];
        sort_stable(work->boxes + pair->box_start, other, pair->box_end - pair->box_start);
    }
    return true;
}

static bool match_pair(struct boxclass *work, const struct pair *pair, size_t *n_hits,
                       struct err *err)
{
    size_t n_truths = pair->truth_end - pair->truth_start;
    uint32_t end = boxes_end(pair);
    struct hit *hits = boxclass_reserve(work, HITS, *n_hits + (end - pair->box_start),
                                        sizeof(*hits), *n_hits, err);
    struct overlap *overlaps =
        boxclass_reserve(work, OVERLAPS, n_truths, sizeof(*overlaps), 0, err);

    if (hits == NULL || overlaps == NULL) {
        return false;
    }
    for (uint32_t at = pair->box_start; at < end; at++) {
        struct sort_item *item = &work->boxes[at];
        struct hit *hit = &hits[*n_hits];
        struct box box = box_of(work, item->index);
        if (!match_box(&hit->verdict, &box, work->truths + pair->truth_start, n_truths, overlaps)) {
            continue;
        }
        hit->key = item->key;
        hit->image = pair->image;
        hit->row = item->index;
        hit->rank = (uint8_t)(at - pair->box_start);
        hit->split = split_of(work, pair->image);
        item->tag = 1;
        (*n_hits)++;
    }
    return true;
}

static bool sort_hits(struct boxclass *work, size_t n_hits, struct err *err)
{
    const struct hit *hits = work->scratch[HITS].data;
    struct sort_item *items = boxclass_reserve(work, HIT_ITEMS, n_hits, sizeof(*items), 0, err);
    struct sort_item *other = boxclass_reserve(work, SORT_ITEMS, n_hits, sizeof(*other), 0, err);
    struct hit *sorted = boxclass_reserve(work, SORTED_HITS, n_hits, sizeof(*sorted), 0, err);

    if (items == NULL || other == NULL || sorted == NULL) {
        return false;
    }
    for (size_t i = 0; i < n_hits; i++) {
        items[i] = (struct sort_item){.key = hits[i].key, .index = (uint32_t)i};
    }
    sort_stable(items, other, n_hits);
    for (size_t i = 0; i < n_hits; i++) {
        sorted[i] = hits[items[i].index];
    }
    work->set.hits = sorted;
    work->set.n_hits = n_hits;
    return true;
}

/* The images' bits as they were before the class. */
static void forget_pairs(struct boxclass *work)
{
    for (size_t i = 0; i < work->n_pairs; i++) {
        work->has_pair[work->pairs[i].image / WORD_BITS] = 0;
    }
}

bool boxclass_match(struct boxclass *work, size_t category, struct err *err)
{
    size_t n_candidates;
    size_t n_hits = 0;

    work->n_boxes = 0;
    work->n_pairs = 0;
    work->set.n_hits = 0;
    if (!collect_truths(work, category, err)) {
        return false;
    }
    if (work->n_truths == 0) {
        return true; /* no number of the class has a value */
    }
    if (!find_rows(work, category, err) || !find_candidates(work, &n_candidates, err) ||
        !sort_boxes(work, n_candidates, err)) {
        return false;
    }
    for (size_t i = 0; i < work->n_pairs; i++) {
        if (!match_pair(work, &work->pairs[i], &n_hits, err)) {
            return false;
        }
    }
    if (!sort_hits(work, n_hits, err) || !boxmiss_count(work, err)) {
        return false;
    }
    forget_pairs(work);
    return true;
}

const double *boxclass_scores(const struct boxclass *work)
{
    return work->rows.score;
}

double boxclass_top_score(const struct boxclass *work, enum card_split split)
{
    const struct sort_item *top = NULL;

    assert(work->is_complete);
    for (size_t i = 0; i < work->n_boxes; i++) {
        const struct sort_item *item = &work->boxes[i];
        uint8_t of = split_of(work, work->rows.image[item->index]);
        bool is_in =
            split == CARD_ALL || of == (split == CARD_PUBLIC ? SPLIT_PUBLIC : SPLIT_PRIVATE);
        if (is_in && (top == NULL || item->key < top->key)) {
            top = item;
        }
    }
    return top == NULL ? 0 : work->rows.score[top->index];
}
