/* SPDX-License-Identifier: MIT */
/*
 * The bar: " 42%|████      | 2.3M/5.5M [00:01<00:02, 2.1MB/s]". See the header.
 */
#include "client/progress.h"

#include <inttypes.h>
#include <string.h>

#include "client/terminal.h"

enum { REDRAW_MS = 100, BAR_MAX = 40, SIZE_TEXT = 16, TIME_TEXT = 16 };

struct progress progress_start(FILE *out, int64_t total_bytes, int64_t now_ms)
{
    return (struct progress){
        .out = out,
        .total_bytes = total_bytes,
        .start_ms = now_ms,
        .drawn_ms = now_ms - REDRAW_MS,
        .drawn_percent = -1,
        .columns = terminal_columns(out),
        .is_terminal = terminal_is(out),
    };
}

static void size_text(char text[static SIZE_TEXT], int64_t bytes)
{
    static const char units[] = "\0kMGT";
    double value = (double)bytes;
    size_t unit = 0;

    while (value >= 999.5 && unit + 1 < sizeof(units) - 1) {
        value /= 1000;
        unit++;
    }
    snprintf(text, SIZE_TEXT, unit == 0 || value >= 99.95 ? "%.0f%.1s" : "%.1f%.1s", value,
             &units[unit]);
}

static void clock_text(char text[static TIME_TEXT], int64_t ms)
{
    int64_t seconds = ms / 1000;

    if (seconds > 99 * 60 + 59) {
        seconds = 99 * 60 + 59;
    }
    snprintf(text, TIME_TEXT, "%02d:%02d", (int)(seconds / 60), (int)(seconds % 60));
}

static void draw_bar(const struct progress *progress, int64_t done_bytes, int percent,
                     int64_t elapsed_ms)
{
    char done[SIZE_TEXT];
    char total[SIZE_TEXT];
    char rate[SIZE_TEXT];
    char elapsed[TIME_TEXT];
    char left[TIME_TEXT];
    size_t width = progress->columns < 48 + BAR_MAX ? 10 : BAR_MAX;
    int64_t per_second = elapsed_ms > 0 ? done_bytes * 1000 / elapsed_ms : 0;
    int64_t left_bytes = progress->total_bytes - done_bytes;

    size_text(done, done_bytes);
    size_text(total, progress->total_bytes);
    size_text(rate, per_second);
    clock_text(elapsed, elapsed_ms);
    clock_text(left, per_second > 0 ? left_bytes * 1000 / per_second : 0);
    fprintf(progress->out, "\r%3d%%|", percent);
    for (size_t i = 0; i < width; i++) {
        fputs(i < (size_t)percent * width / 100 ? "█" : " ", progress->out);
    }
    fprintf(progress->out, "| %s/%s [%s<%s, %sB/s]  ", done, total, elapsed, left, rate);
    fflush(progress->out);
}

void progress_show(struct progress *progress, int64_t done_bytes, int64_t now_ms)
{
    int64_t total = progress->total_bytes;
    int percent = total == 0 ? 100 : (int)((double)done_bytes / (double)total * 100);

    if (progress->is_terminal) {
        bool is_due = now_ms - progress->drawn_ms >= REDRAW_MS || percent == 100;
        if (is_due && (percent != progress->drawn_percent || percent < 100)) {
            draw_bar(progress, done_bytes, percent, now_ms - progress->start_ms);
            progress->drawn_ms = now_ms;
            progress->drawn_percent = percent;
        }
    } else if (percent / 10 > progress->drawn_percent / 10 || progress->drawn_percent < 0) {
        fprintf(progress->out, "%d %%\n", percent / 10 * 10);
        progress->drawn_percent = percent;
    }
}

void progress_end(struct progress *progress)
{
    if (progress->is_terminal && progress->drawn_percent >= 0) {
        putc('\n', progress->out);
    }
}
