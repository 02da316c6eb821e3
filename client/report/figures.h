/* SPDX-License-Identifier: MIT */
/*
 * The figures of a report as SVG.
 */
#pragma once

#include "client/report/report.h"
#include "common/file.h"

enum { FIGURE_2, FIGURE_5, FIGURE_6, N_FIGURES };

struct figures {
    struct bytes svg[N_FIGURES]; /* empty where the report has no such figure */
};

/* The place of the paper's figure 2, 5 or 6 among them. */
size_t figures_index(int figure);

/*
 * Draws each figure that the report has.
 *
 * Errors   as plot_svg
 * Owns     *figures is owned by the caller, also after a failure; end it with figures_free
 */
MUST_CHECK bool figures_draw(struct figures *figures, const struct report *report, struct err *err);

/* Draws all of them into one picture, one below the other; ERR_CONFIG where there is none. */
MUST_CHECK bool figures_draw_all(struct bytes *svg, const struct report *report, struct err *err);

void figures_free(struct figures *figures);
