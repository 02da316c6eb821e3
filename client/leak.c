/* SPDX-License-Identifier: MIT */
/*
 * The leak budget. See the header.
 */
#include "client/leak.h"

#include <stdio.h>

#include "common/conftable.h"
#include "common/text.h"

enum { FRACTION_BITS = 40 };

/* log2 of x >= 1, to 40 bits behind the point, digit by digit: libm alone would make every start of
 * `assay score` longer. */
static double bits_of(double x)
{
    double bits = 0;
    double step = 1;

    while (x >= 2) {
        x /= 2;
        bits++;
    }
    for (int i = 0; i < FRACTION_BITS; i++) {
        x *= x;
        step /= 2;
        if (x >= 2) {
            x /= 2;
            bits += step;
        }
    }
    return bits;
}

/* Scores that a board can show: steps of its decimals from 0 to 1, or of an image in
 * classification. */
static double distinct_scores(const struct competition *competition,
                              const struct leak_labels *labels)
{
    double steps = 1;
    double images = (double)labels->n_public;

    for (int64_t i = 0; i < competition->board.decimals; i++) {
        steps *= 10;
    }
    return 1 + (labels->n_classes > 0 && images < steps ? images : steps);
}

/* UTC days on which submissions are taken; 0 where no end is known. */
static int64_t days_of(const struct competition *competition)
{
    if (competition->opens_ms == CONF_NULL || competition->closes_ms == CONF_NULL) {
        return 0;
    }
    return (competition->closes_ms - 1) / TIME_DAY_MS - competition->opens_ms / TIME_DAY_MS + 1;
}

struct leak leak_of(const struct competition *competition, const struct leak_labels *labels)
{
    int64_t days = days_of(competition);
    int64_t per_day = competition->limits.per_day;
    int64_t total = competition->limits.total;
    bool is_daily = days == 0 && total == CONF_NULL;
    double n_scores = (double)per_day * (double)(is_daily || days == 0 ? 1 : days);

    if (total != CONF_NULL && (days == 0 || (double)total < n_scores)) {
        n_scores = (double)total;
    }
    return (struct leak){.is_daily = is_daily,
                         .score_bits = n_scores * bits_of(distinct_scores(competition, labels)),
                         .label_bits =
                             labels->n_classes > 1
                                 ? (double)labels->n_public * bits_of((double)labels->n_classes)
                                 : 0};
}

void leak_print(const struct leak *leak)
{
    printf("  public scores tell a team at most %.0f bits%s", leak->score_bits,
           leak->is_daily ? " a day" : "");
    if (leak->label_bits > 0) {
        printf(", the public labels hold %.0f", leak->label_bits);
    }
    putchar('\n');
    fflush(stdout);
    if (!leak->is_daily && leak->label_bits > 0 && leak->score_bits > leak->label_bits) {
        fprintf(stderr,
                "assay: a team could learn all public labels from its scores: fewer submissions "
                "(limits) or more public images help; the private ones stay hidden\n");
    }
}
