/* SPDX-License-Identifier: MIT */
/*
 * How far an upload is: a bar that is redrawn on a terminal, a line per 10 % elsewhere. The caller
 * owns the clock.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct progress {
    FILE *out; /* borrowed */
    int64_t total_bytes;
    int64_t start_ms;
    int64_t drawn_ms;
    int drawn_percent;
    size_t columns;
    bool is_terminal;
};

/* Begins at 0 of `total_bytes`; nothing is written yet. */
struct progress progress_start(FILE *out, int64_t total_bytes, int64_t now_ms);

/* Shows where it stands, at most ten times a second or once per 10 %. */
void progress_show(struct progress *progress, int64_t done_bytes, int64_t now_ms);

/* Ends the bar's line; call once, after the last progress_show. */
void progress_end(struct progress *progress);
