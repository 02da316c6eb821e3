/* SPDX-License-Identifier: MIT */
/*
 * A report for a terminal: its tables, one below the other.
 */
#include "client/report/tables.h"

#include <inttypes.h>

static void print_rules(const struct report *report, FILE *out)
{
    if (report->options.is_single_instance) {
        fprintf(out, "Only images with exactly one true box; %zu others are left out.\n",
                report->n_images_filtered);
    }
    if (report->options.is_half_area) {
        fputs("The area of an object is half of its box.\n", out);
    }
}

bool report_write_text(const struct report *report, FILE *out, struct err *err)
{
    bool ok = true;

    fprintf(out, "%s: %" PRId64 " rows; percent of the %s split where no other is named\n",
            report->card.competition, report->card.submission_rows,
            report_split_name(report->options.split));
    print_rules(report, out);
    for (int which = 0; which < N_REPORT_TABLES && ok; which++) {
        if (!report_table_is_there(report, (enum report_table)which)) {
            continue;
        }
        struct listing table = report_table_make(report, (enum report_table)which);
        fprintf(out, "\n%s\n%s\n\n", report_captions[which].title, report_captions[which].text);
        ok = listing_print(&table, out, err);
        listing_free(&table);
    }
    return ok;
}
