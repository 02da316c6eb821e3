/* SPDX-License-Identifier: MIT */
/*
 * The HTML writer. See the header.
 */
#include "broker/gateway/html.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"

void html_start(struct html *html, size_t limit_bytes)
{
    jwriter_start(&html->out, limit_bytes);
}

void html_markup(struct html *html, const char *markup)
{
    jwriter_raw(&html->out, markup, strlen(markup));
}

static const char *escape(unsigned char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return c < 0x20 || c == 0x7f ? "\xef\xbf\xbd" : NULL;
    }
}

void html_text(struct html *html, struct wire_bytes text)
{
    size_t plain_from = 0;

    for (size_t i = 0; i < text.size; i++) {
        const char *escaped = escape(text.data[i]);
        if (escaped == NULL) {
            continue;
        }
        jwriter_raw(&html->out, text.data + plain_from, i - plain_from);
        html_markup(html, escaped);
        plain_from = i + 1;
    }
    if (plain_from < text.size) {
        jwriter_raw(&html->out, text.data + plain_from, text.size - plain_from);
    }
}

void html_string(struct html *html, const char *text)
{
    html_text(html, wire_text(text));
}

void html_int(struct html *html, int64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRId64, value);
    html_markup(html, text);
}

void html_time(struct html *html, int64_t unix_ms)
{
    char text[TIME_TEXT_SIZE];

    time_text(text, unix_ms);
    html_markup(html, "<time datetime=\"");
    html_string(html, text);
    html_markup(html, "\">");
    text[16] = '\0'; /* up to the minute */
    text[10] = ' ';
    html_string(html, text);
    html_markup(html, "</time>");
}
