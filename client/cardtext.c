/* SPDX-License-Identifier: MIT */
/*
 * A scorecard as tables. See the header.
 */
#include "client/cardtext.h"

#include <inttypes.h>

#include "client/listing.h"

enum { COLUMNS_MAX = 8 };

static void add_value(struct listing *listing, const struct metric_values *values, unsigned index,
                      int decimals)
{
    char text[DOUBLE_TEXT_SIZE];
    double value;

    if (metric_get(&value, values, index)) {
        snprintf(text, sizeof(text), "%.*f", decimals, value);
        listing_text(listing, text);
    } else {
        listing_text(listing, "-");
    }
}

static bool print_metrics(FILE *out, const struct scorecard *card,
                          const struct competition *competition, unsigned splits, struct err *err)
{
    static const char *const names[N_CARD_SPLITS] = {"public", "private", "all"};
    struct listing_column columns[1 + N_CARD_SPLITS] = {{"metric", false}};
    size_t n_columns = 1;
    size_t n_metrics;
    const struct metric_info *metrics = metric_table(&n_metrics, card->task);

    for (unsigned split = 0; split < N_CARD_SPLITS; split++) {
        if ((splits & CARD_BIT(split)) != 0) {
            columns[n_columns++] = (struct listing_column){names[split], true};
        }
    }
    struct listing listing = listing_of(columns, n_columns);
    for (size_t i = 0; i < n_metrics; i++) {
        char name[64];
        bool ranks = metric_find(card->task, competition->metric) == &metrics[i];
        snprintf(name, sizeof(name), "%s%s", metrics[i].name, ranks ? " (ranks the board)" : "");
        listing_text(&listing, name);
        for (unsigned split = 0; split < N_CARD_SPLITS; split++) {
            if ((splits & CARD_BIT(split)) != 0) {
                add_value(&listing, &card->splits[split].metrics, (unsigned)i,
                          (int)competition->board.decimals);
            }
        }
    }
    listing_text(&listing, "images");
    for (unsigned split = 0; split < N_CARD_SPLITS; split++) {
        if ((splits & CARD_BIT(split)) != 0) {
            listing_int(&listing, card->splits[split].images);
        }
    }
    bool ok = listing_print(&listing, out, err);
    listing_free(&listing);
    return ok;
}

/* The columns of the paper's tables 4 and 5. */
static const unsigned topk_columns[] = {TOP1_ACCURACY, TOP5_ACCURACY};
static const unsigned box_columns[] = {BOX_AP, BOX_AP50, BOX_AP75, BOX_AR1, BOX_AR10};

static bool print_groups(FILE *out, const struct scorecard *card, const char *title,
                         const struct scorecard_group *groups, size_t n_groups, int decimals,
                         struct err *err)
{
    size_t n_metrics;
    const struct metric_info *metrics = metric_table(&n_metrics, card->task);
    bool is_topk = card->task == TASK_CLASSIFICATION;
    const unsigned *shown = is_topk ? topk_columns : box_columns;
    size_t n_shown = is_topk ? ARRAY_SIZE(topk_columns) : ARRAY_SIZE(box_columns);
    struct listing_column columns[COLUMNS_MAX] = {
        {title, false}, {"classes", true}, {"images", true}};

    if (n_groups == 0) {
        return true;
    }
    for (size_t i = 0; i < n_shown; i++) {
        columns[3 + i] = (struct listing_column){metrics[shown[i]].name, true};
    }
    struct listing listing = listing_of(columns, 3 + n_shown);
    for (size_t i = 0; i < n_groups; i++) {
        listing_text(&listing, groups[i].name);
        listing_int(&listing, groups[i].classes);
        listing_int(&listing, groups[i].images);
        for (size_t column = 0; column < n_shown; column++) {
            add_value(&listing, &groups[i].metrics, shown[column], decimals);
        }
    }
    fputc('\n', out);
    bool ok = listing_print(&listing, out, err);
    listing_free(&listing);
    return ok;
}

bool cardtext_print(FILE *out, const struct scorecard *card, const struct competition *competition,
                    unsigned splits, struct err *err)
{
    unsigned shown = CARD_ALL;
    int decimals = (int)competition->board.decimals;

    while (shown > 0 && (splits & CARD_BIT(shown)) == 0) {
        shown--;
    }
    const struct scorecard_split *split = &card->splits[shown];
    return print_metrics(out, card, competition, splits, err) &&
           print_groups(out, card, "mean over the classes of", split->groups, card->n_groups,
                        decimals, err) &&
           print_groups(out, card, "training images", split->bins, card->n_bins, decimals, err);
}
