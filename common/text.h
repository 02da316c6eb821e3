/* SPDX-License-Identifier: MIT */
/*
 * Small text forms that several rooms write and read: hexadecimal, UTC times, bounded copies.
 */
#pragma once

#include "common/err.h"

#include <stddef.h>

/* Writes 2 * size lower-case digits and a NUL. */
void hex_text(char *text, const void *data, size_t size);

/* Reads exactly 2 * size lower- or upper-case digits. Errors: ERR_INPUT. */
MUST_CHECK bool hex_read(void *data, size_t size, const char *text, size_t text_size,
                         struct err *err);

/* Copies text with its NUL. Errors: ERR_LIMIT (it has no room in copy[copy_size]). */
MUST_CHECK bool text_copy(char *copy, size_t copy_size, const char *text, struct err *err);

/* Edits that turn one word into the other, for "did you mean"; SIZE_MAX from 64 bytes on. */
size_t text_distance(const char *a, const char *b);

enum { TIME_TEXT_SIZE = 32, TIME_DAY_MS = 86400000 };

/* "2017-06-01T00:00:00Z"; milliseconds follow as ".123" where they are not zero. */
void time_text(char text[static TIME_TEXT_SIZE], int64_t unix_ms);

/* Reads what time_text writes (RFC 3339, UTC only). Errors: ERR_INPUT. */
MUST_CHECK bool time_read(int64_t *unix_ms, const char *text, struct err *err);

/* Now, for receive times and deadlines: wall clock, milliseconds since 1970. */
int64_t time_wall_ms(void);

/* Now, for leases and time-outs: counts suspend, never jumps; milliseconds since the boot. */
int64_t time_boot_ms(void);
