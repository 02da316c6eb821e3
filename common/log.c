/* SPDX-License-Identifier: MIT */
/*
 * The log: a line is put together in one buffer and written by one call, so that lines of several
 * processes on one stderr do not mix.
 */
#include "common/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/err.h"
#include "common/text.h"

enum { LINE_MAX_BYTES = 1024 };

static const char *process_name = "assay";
static enum log_level lowest_level = LOG_LEVEL_INFO;
static bool is_journal;

void log_start(const char *process, enum log_level lowest)
{
    process_name = process;
    lowest_level = lowest;
    is_journal = getenv("JOURNAL_STREAM") != NULL;
}

PRINTF_LIKE(3, 0)
static void log_line(enum log_level level, const char *event, const char *format, va_list args)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    static const char *const journal[] = {"<7>", "<6>", "<4>", "<3>"};
    char line[LINE_MAX_BYTES];
    char time[TIME_TEXT_SIZE];

    if (level < lowest_level) {
        return;
    }
    time_text(time, time_wall_ms());
    int n = snprintf(line, sizeof(line), "%s%s %-5s %s: %s: ", is_journal ? journal[level] : "",
                     time, names[level], process_name, event);
    n += vsnprintf(line + n, sizeof(line) - (size_t)n, format, args);
    if (n > (int)sizeof(line) - 2) {
        n = (int)sizeof(line) - 2;
    }
    line[n] = '\0';
    err_make_printable(line);
    line[n] = '\n';
    ssize_t written = write(STDERR_FILENO, line, (size_t)n + 1);
    (void)written; /* a log that cannot be written has nowhere to say so */
}

#define DEFINE_LEVEL(name, level)                                                                  \
    void name(const char *event, const char *format, ...)                                          \
    {                                                                                              \
        va_list args;                                                                              \
                                                                                                   \
        va_start(args, format);                                                                    \
        log_line(level, event, format, args);                                                      \
        va_end(args);                                                                              \
    }

DEFINE_LEVEL(log_debug, LOG_LEVEL_DEBUG)
DEFINE_LEVEL(log_info, LOG_LEVEL_INFO)
DEFINE_LEVEL(log_warn, LOG_LEVEL_WARN)
DEFINE_LEVEL(log_error, LOG_LEVEL_ERROR)
