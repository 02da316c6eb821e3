/* SPDX-License-Identifier: MIT */
/*
 * Matching. Only true boxes that overlap by 0.5 or more can be matched, and mostly there is one or
 * none: that one takes or leaves all thresholds at once. The rest goes threshold by threshold.
 */
#include "scorer/metric/match.h"

const double match_thresholds[N_THRESHOLDS] = {
    0x1p-1,
    0x1.199999999999ap-1,
    0x1.3333333333333p-1,
    0x1.4cccccccccccdp-1,
    0x1.6666666666666p-1,
    0x1.8p-1,
    0x1.999999999999ap-1,
    0x1.b333333333333p-1,
    0x1.cccccccccccccp-1,
    0x1.e666666666666p-1,
};

#define IN(area) (1u << (area))

const uint8_t match_size_areas[N_SIZES] = {
    IN(AREA_ALL) | IN(AREA_SMALL),  IN(AREA_ALL) | IN(AREA_SMALL) | IN(AREA_MEDIUM),
    IN(AREA_ALL) | IN(AREA_MEDIUM), IN(AREA_ALL) | IN(AREA_MEDIUM) | IN(AREA_LARGE),
    IN(AREA_ALL) | IN(AREA_LARGE),  0,
};

void truth_set(struct truth *truth, const struct box *box, double area, bool is_crowd)
{
    *truth = (struct truth){
        .x = box->x,
        .y = box->y,
        .right = box->width + box->x,
        .bottom = box->height + box->y,
        .size = box->width * box->height,
        .counted = is_crowd ? 0 : match_size_areas[match_size(area)],
        .is_crowd = is_crowd,
    };
}

/*
 * Truths that the box overlaps by 0.5 or more. Every operation and its order as in bbIou; a crowd
 * is only asked how much of the box it covers. The division, which is half of the cost, is saved
 * where the quotient cannot come near 0.5 (the margin is far above one rounding).
 */
static size_t overlaps_find(struct overlap *overlaps, const struct box *box, double size,
                            const struct truth *truths, size_t n_truths)
{
    double right = box->width + box->x;
    double bottom = box->height + box->y;
    size_t n = 0;

    for (size_t i = 0; i < n_truths; i++) {
        const struct truth *truth = &truths[i];
        double width =
            (right < truth->right ? right : truth->right) - (box->x > truth->x ? box->x : truth->x);
        double height = (bottom < truth->bottom ? bottom : truth->bottom) -
                        (box->y > truth->y ? box->y : truth->y);
        if (width <= 0 || height <= 0) {
            continue;
        }
        double both = width * height;
        double either = truth->is_crowd ? size : (size + truth->size) - both;
        if (both < 0.49 * either) {
            continue;
        }
        double iou = both / either;
        if (iou >= match_thresholds[0]) {
            overlaps[n++] = (struct overlap){.iou = iou, .truth = (uint32_t)i};
        }
    }
    return n;
}

/* Bit t: the IoU reaches threshold t. */
static uint16_t reach_of(double iou)
{
    unsigned n = 0;

    for (unsigned t = 0; t < N_THRESHOLDS; t++) {
        n += iou >= match_thresholds[t];
    }
    return (uint16_t)((1u << n) - 1);
}

/* The last of the best free truths among those that count in the range, or among the others. */
static const struct overlap *choose(const struct overlap *overlaps, size_t n_overlaps,
                                    const struct truth *truths, unsigned area, unsigned t,
                                    bool is_counted)
{
    const struct overlap *chosen = NULL;
    double best = match_thresholds[t];

    for (size_t i = 0; i < n_overlaps; i++) {
        const struct truth *truth = &truths[overlaps[i].truth];
        bool is_taken = (truth->taken[area] >> t & 1) != 0 && !truth->is_crowd;
        if ((truth->counted >> area & 1) != is_counted || is_taken || overlaps[i].iou < best) {
            continue;
        }
        best = overlaps[i].iou;
        chosen = &overlaps[i];
    }
    return chosen;
}

/* A truth that is ignored in the range is only taken where no other one can be. */
static void match_in_area(struct verdict *verdict, const struct overlap *overlaps,
                          size_t n_overlaps, struct truth *truths, unsigned area)
{
    for (unsigned t = 0; t < N_THRESHOLDS; t++) {
        bool is_counted = true;
        const struct overlap *chosen = choose(overlaps, n_overlaps, truths, area, t, is_counted);
        if (chosen == NULL) {
            is_counted = false;
            chosen = choose(overlaps, n_overlaps, truths, area, t, is_counted);
        }
        if (chosen == NULL) {
            continue;
        }
        uint16_t bit = (uint16_t)(1u << t);
        truths[chosen->truth].taken[area] |= bit;
        verdict->matched[area] |= bit;
        verdict->ignored[area] |= is_counted ? 0 : bit;
    }
}

static void match_only(struct verdict *verdict, double iou, struct truth *truth)
{
    uint16_t reach = reach_of(iou);

    for (unsigned area = 0; area < N_AREAS; area++) {
        uint16_t taken = truth->is_crowd ? 0 : truth->taken[area];
        uint16_t matched = (uint16_t)(reach & ~taken);
        truth->taken[area] |= matched;
        verdict->matched[area] = matched;
        verdict->ignored[area] = (truth->counted >> area & 1) != 0 ? 0 : matched;
    }
}

bool match_box(struct verdict *verdict, const struct box *box, struct truth *truths,
               size_t n_truths, struct overlap *overlaps)
{
    double size = box->width * box->height;
    size_t n_overlaps = overlaps_find(overlaps, box, size, truths, n_truths);
    unsigned any = 0;

    if (n_overlaps == 0) {
        return false;
    }
    *verdict = (struct verdict){0};
    if (n_overlaps == 1) {
        match_only(verdict, overlaps[0].iou, &truths[overlaps[0].truth]);
    } else {
        for (unsigned area = 0; area < N_AREAS; area++) {
            match_in_area(verdict, overlaps, n_overlaps, truths, area);
        }
    }
    uint8_t in_range = match_size_areas[match_size(size)];
    for (unsigned area = 0; area < N_AREAS; area++) {
        any |= verdict->matched[area];
        if ((in_range >> area & 1) == 0) {
            verdict->ignored[area] |= (uint16_t)(~verdict->matched[area] & THRESHOLDS_ALL);
        }
    }
    return any != 0;
}
