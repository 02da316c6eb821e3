/* SPDX-License-Identifier: MIT */
/*
 * The streaming JSON writer. See the header.
 */
#include "common/jwriter.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 1024 };

void jwriter_start(struct jwriter *writer, size_t limit_bytes)
{
    *writer = (struct jwriter){.limit_bytes = limit_bytes};
}

void jwriter_end(struct jwriter *writer)
{
    bytes_free(&writer->out);
}

static bool make_room(struct jwriter *writer, size_t size)
{
    size_t needed = writer->out.size_bytes + size;

    if (writer->is_failed || needed > writer->limit_bytes) {
        writer->is_failed = true;
        return false;
    }
    if (needed + 1 <= writer->capacity_bytes) {
        return true;
    }
    size_t capacity = writer->capacity_bytes == 0 ? FIRST_CAPACITY : writer->capacity_bytes;
    while (capacity < needed + 1) {
        capacity *= 2;
    }
    unsigned char *grown = realloc(writer->out.data, capacity);
    if (grown == NULL) {
        writer->is_failed = true;
        return false;
    }
    writer->out.data = grown;
    writer->capacity_bytes = capacity;
    return true;
}

void jwriter_raw(struct jwriter *writer, const void *data, size_t size)
{
    if (!make_room(writer, size)) {
        return;
    }
    if (size > 0) {
        memcpy(writer->out.data + writer->out.size_bytes, data, size);
    }
    writer->out.size_bytes += size;
    writer->out.data[writer->out.size_bytes] = '\0';
}

static void put(struct jwriter *writer, const char *text)
{
    jwriter_raw(writer, text, strlen(text));
}

static void before_item(struct jwriter *writer)
{
    if (writer->is_after_key) {
        writer->is_after_key = false;
        return;
    }
    if (writer->has_item[writer->depth]) {
        put(writer, ",");
    }
    writer->has_item[writer->depth] = true;
}

static void open_level(struct jwriter *writer, const char *bracket)
{
    before_item(writer);
    put(writer, bracket);
    assert(writer->depth < JWRITER_DEPTH_MAX);
    writer->depth++;
    writer->has_item[writer->depth] = false;
}

static void close_level(struct jwriter *writer, const char *bracket)
{
    assert(writer->depth > 0);
    writer->depth--;
    put(writer, bracket);
}

void jwriter_object(struct jwriter *writer)
{
    open_level(writer, "{");
}

void jwriter_object_end(struct jwriter *writer)
{
    close_level(writer, "}");
}

void jwriter_array(struct jwriter *writer)
{
    open_level(writer, "[");
}

void jwriter_array_end(struct jwriter *writer)
{
    close_level(writer, "]");
}

/* Length of the UTF-8 sequence at the start of text[size], 0 where it is none (RFC 3629). */
static size_t utf8_length(const unsigned char *text, size_t size)
{
    unsigned char first = text[0];
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    size_t length;

    if (first < 0x80) {
        return 1;
    }
    if (first >= 0xc2 && first <= 0xdf) {
        length = 2;
    } else if (first >= 0xe0 && first <= 0xef) {
        length = 3;
        low = first == 0xe0 ? 0xa0 : 0x80;
        high = first == 0xed ? 0x9f : 0xbf;
    } else if (first >= 0xf0 && first <= 0xf4) {
        length = 4;
        low = first == 0xf0 ? 0x90 : 0x80;
        high = first == 0xf4 ? 0x8f : 0xbf;
    } else {
        return 0;
    }
    if (size < length || text[1] < low || text[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return length;
}

static void put_escaped(struct jwriter *writer, unsigned char c)
{
    char escape[8];

    switch (c) {
    case '"':
        put(writer, "\\\"");
        return;
    case '\\':
        put(writer, "\\\\");
        return;
    case '\n':
        put(writer, "\\n");
        return;
    case '\r':
        put(writer, "\\r");
        return;
    case '\t':
        put(writer, "\\t");
        return;
    default:
        snprintf(escape, sizeof(escape), "\\u%04x", c);
        put(writer, escape);
    }
}

void jwriter_text_n(struct jwriter *writer, const void *text, size_t size)
{
    const unsigned char *at = text;
    size_t plain = 0; /* bytes since the last one that needed care */

    before_item(writer);
    put(writer, "\"");
    for (size_t i = 0; i < size;) {
        size_t length = utf8_length(at + i, size - i);
        if (length > 1 ||
            (length == 1 && at[i] >= 0x20 && at[i] != '"' && at[i] != '\\' && at[i] != 0x7f)) {
            plain += length;
            i += length;
            continue;
        }
        jwriter_raw(writer, at + i - plain, plain);
        plain = 0;
        if (length == 0) {
            put(writer, "\xef\xbf\xbd"); /* U+FFFD, replacement character */
        } else {
            put_escaped(writer, at[i]);
        }
        i++;
    }
    if (plain > 0) {
        jwriter_raw(writer, at + size - plain, plain);
    }
    put(writer, "\"");
}

void jwriter_text(struct jwriter *writer, const char *text)
{
    jwriter_text_n(writer, text, strlen(text));
}

void jwriter_key(struct jwriter *writer, const char *key)
{
    jwriter_text(writer, key);
    put(writer, ":");
    writer->is_after_key = true;
}

void jwriter_int(struct jwriter *writer, int64_t value)
{
    char text[24];

    before_item(writer);
    snprintf(text, sizeof(text), "%" PRId64, value);
    put(writer, text);
}

void jwriter_bool(struct jwriter *writer, bool value)
{
    before_item(writer);
    put(writer, value ? "true" : "false");
}

void jwriter_null(struct jwriter *writer)
{
    before_item(writer);
    put(writer, "null");
}

void jwriter_json(struct jwriter *writer, const void *json, size_t size)
{
    before_item(writer);
    jwriter_raw(writer, json, size);
}

void jwriter_double(struct jwriter *writer, double value)
{
    char text[DOUBLE_TEXT_SIZE];

    assert(isfinite(value));
    before_item(writer);
    double_text(text, value);
    put(writer, text);
}

void jwriter_key_text(struct jwriter *writer, const char *key, const char *text)
{
    jwriter_key(writer, key);
    jwriter_text(writer, text);
}

void jwriter_key_int(struct jwriter *writer, const char *key, int64_t value)
{
    jwriter_key(writer, key);
    jwriter_int(writer, value);
}

void jwriter_key_bool(struct jwriter *writer, const char *key, bool value)
{
    jwriter_key(writer, key);
    jwriter_bool(writer, value);
}

bool jwriter_ok(const struct jwriter *writer, struct err *err)
{
    if (writer->is_failed) {
        return err_set(err, ERR_LIMIT, "document does not fit %zu bytes", writer->limit_bytes);
    }
    assert(writer->depth == 0);
    return true;
}
