/* SPDX-License-Identifier: MIT */
/*
 * Writes HTML as it goes: what comes from outside only through html_text, which escapes it.
 */
#pragma once

#include "common/jwriter.h"
#include "schemas/wire.h"

struct html {
    struct jwriter out; /* owned; used as bytes that grow to a limit */
};

void html_start(struct html *html, size_t limit_bytes);

/* Markup of ours, as it is. */
void html_markup(struct html *html, const char *markup);

/* Text, for between tags and for between double quotes; control characters become U+FFFD. */
void html_text(struct html *html, struct wire_bytes text);
void html_string(struct html *html, const char *text);
void html_int(struct html *html, int64_t value);

/* A UTC time for people inside <time datetime>: "2026-11-23 21:05". */
void html_time(struct html *html, int64_t unix_ms);
