/* SPDX-License-Identifier: MIT */
/*
 * One line on stderr per event: time, level, process, event, key=value pairs. Values come from
 * ids, counts and sizes, never from secrets or labels. Under journald the level is a prefix that
 * the journal understands.
 */
#pragma once

#include "common/macros.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

/* Names the process in every line and sets the lowest level that is written. Call once. */
void log_start(const char *process, enum log_level lowest);

/* The event is a short word or two ("job parked"); the rest is printf-style key=value pairs. */
void log_debug(const char *event, const char *format, ...) PRINTF_LIKE(2, 3);
void log_info(const char *event, const char *format, ...) PRINTF_LIKE(2, 3);
void log_warn(const char *event, const char *format, ...) PRINTF_LIKE(2, 3);
void log_error(const char *event, const char *format, ...) PRINTF_LIKE(2, 3);
