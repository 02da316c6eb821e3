/* SPDX-License-Identifier: MIT */
/*
 * The tables of a report as texts, for a terminal and for a page alike. Accuracies and precisions
 * are in percent with two decimals; the exact numbers are in the JSON.
 */
#pragma once

#include "client/listing.h"
#include "client/report/report.h"

enum report_table {
    REPORT_TABLE_3,
    REPORT_TABLE_4,
    REPORT_TABLE_5,
    REPORT_TABLE_6,
    REPORT_SIZES,
    REPORT_FIGURE_2,
    REPORT_FIGURE_5,
    REPORT_FIGURE_6,
    REPORT_TAXONOMIC,
    REPORT_OPEN_WORLD,
};

enum { N_REPORT_TABLES = 10 };

struct report_caption {
    const char *title;
    const char *text;
    int figure; /* 0: a table only */
};

extern const struct report_caption report_captions[N_REPORT_TABLES];

/* Whether there is anything to show. */
bool report_table_is_there(const struct report *report, enum report_table which);

/* Fills a table, which the caller ends with listing_free. */
struct listing report_table_make(const struct report *report, enum report_table which);

/* What the row over all classes is called. */
extern const char report_all_classes[];

/* "public", "private", "all" */
const char *report_split_name(enum card_split split);
