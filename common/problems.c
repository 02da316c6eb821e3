/* SPDX-License-Identifier: MIT */
/*
 * The list of problems. See the header.
 */
#include "common/problems.h"

#include <stdarg.h>
#include <stdio.h>

void problems_add(struct problems *problems, uint64_t line, uint32_t column, const char *format,
                  ...)
{
    problems->n_all++;
    if (problems->n_kept == PROBLEMS_KEPT) {
        return;
    }
    struct problem *problem = &problems->kept[problems->n_kept++];
    va_list args;
    problem->line = line;
    problem->column = column;
    va_start(args, format);
    vsnprintf(problem->text, sizeof(problem->text), format, args);
    va_end(args);
    err_make_printable(problem->text);
}

static bool is_before(const struct problem *a, const struct problem *b)
{
    uint64_t line_a = a->line == 0 ? UINT64_MAX : a->line;
    uint64_t line_b = b->line == 0 ? UINT64_MAX : b->line;

    return line_a != line_b ? line_a < line_b : a->column < b->column;
}

void problems_merge(struct problems *into, const struct problems *from)
{
    struct problems merged = {.n_all = into->n_all + from->n_all};
    uint32_t i = 0;
    uint32_t j = 0;

    if (from->n_kept == 0) {
        into->n_all += from->n_all;
        return;
    }
    while (merged.n_kept < PROBLEMS_KEPT && (i < into->n_kept || j < from->n_kept)) {
        bool take_into =
            j == from->n_kept || (i < into->n_kept && !is_before(&from->kept[j], &into->kept[i]));
        merged.kept[merged.n_kept++] = take_into ? into->kept[i++] : from->kept[j++];
    }
    *into = merged;
}
