/* SPDX-License-Identifier: MIT */
/*
 * Safe output. See the header.
 */
#include "client/terminal.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

/* Bytes of the control character at `text`, 0 where it is none. */
static size_t control_size(const unsigned char *text, size_t size)
{
    if (text[0] < 0x20 || text[0] == 0x7f) {
        return 1;
    }
    return size >= 2 && text[0] == 0xc2 && text[1] >= 0x80 && text[1] <= 0x9f ? 2 : 0;
}

void terminal_make_safe(char *text, size_t size)
{
    for (size_t i = 0; i < size;) {
        size_t n = control_size((const unsigned char *)text + i, size - i);
        memset(text + i, '?', n);
        i += n == 0 ? 1 : n;
    }
}

void terminal_write(FILE *out, const void *text, size_t size)
{
    const unsigned char *bytes = text;

    for (size_t i = 0; i < size;) {
        size_t n = control_size(bytes + i, size - i);
        bool is_kept = n == 0 || bytes[i] == '\n' || bytes[i] == '\t';
        putc(is_kept ? bytes[i] : '?', out);
        i += n == 0 ? 1 : n;
    }
}

void terminal_put(FILE *out, const char *text)
{
    terminal_write(out, text, strlen(text));
}

bool terminal_is(FILE *out)
{
    return isatty(fileno(out)) == 1;
}

size_t terminal_columns(FILE *out)
{
    struct winsize size;

    if (ioctl(fileno(out), TIOCGWINSZ, &size) < 0 || size.ws_col == 0) {
        return 80;
    }
    return size.ws_col;
}

size_t terminal_width(const char *text)
{
    size_t left = strlen(text);
    size_t width = 0;
    mbstate_t state = {0};

    setlocale(LC_CTYPE, "C.UTF-8"); /* tidy: of letters alone; numbers keep the C locale */
    while (left > 0) {
        wchar_t letter;
        size_t n = mbrtowc(&letter, text, left, &state);
        if (n == 0 || n > left) {
            memset(&state, 0, sizeof(state));
            n = 1;
            width += 1;
        } else {
            int columns = wcwidth(letter);
            width += columns < 0 ? 1 : (size_t)columns;
        }
        text += n;
        left -= n;
    }
    return width;
}

bool terminal_has_colour(FILE *out)
{
    const char *no_colour = getenv("NO_COLOR");

    return (no_colour == NULL || *no_colour == '\0') && terminal_is(out);
}
