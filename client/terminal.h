/* SPDX-License-Identifier: MIT */
/*
 * What is shown to people: texts that came from the service are never trusted with a terminal, and
 * colour is used only where somebody looks (and NO_COLOR is not set).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Puts '?' for every control character of `text`, the C1 ones in UTF-8 (U+0080 to U+009F) too:
 * an escape sequence in a team's name must not reach a terminal. Size and NULs stay. */
void terminal_make_safe(char *text, size_t size);

/* Writes text with control characters replaced, except line ends and tabs. */
void terminal_write(FILE *out, const void *text, size_t size);

/* As terminal_write, of a C string. */
void terminal_put(FILE *out, const char *text);

bool terminal_is(FILE *out);

/* Columns of the terminal behind `out`, 80 where it is none. */
size_t terminal_columns(FILE *out);

/* The columns that UTF-8 text takes on a terminal; wrong bytes take one each. */
size_t terminal_width(const char *text);

/* True where `out` is a terminal and NO_COLOR is not set. */
bool terminal_has_colour(FILE *out);
