/* SPDX-License-Identifier: MIT */
/*
 * Writes JSON as it goes, into memory that grows to a limit: no tree, one pass, the same bytes on
 * every run. Text that is not UTF-8 is written with U+FFFD for the wrong bytes. Failure is sticky:
 * write everything, look once at jwriter_ok.
 */
#pragma once

#include "common/err.h"
#include "common/file.h"

enum { JWRITER_DEPTH_MAX = 16 };

struct jwriter {
    struct bytes out; /* owned; what was written so far */
    size_t capacity_bytes;
    size_t limit_bytes;
    unsigned depth;
    bool has_item[JWRITER_DEPTH_MAX + 1]; /* per depth: a comma is due before the next item */
    bool is_after_key;
    bool is_failed; /* no memory, or the limit was passed */
};

/* Starts a document of at most `limit_bytes`; end it with jwriter_end. */
void jwriter_start(struct jwriter *writer, size_t limit_bytes);

/* Frees what was written; accepts an ended writer. */
void jwriter_end(struct jwriter *writer);

void jwriter_object(struct jwriter *writer);
void jwriter_object_end(struct jwriter *writer);
void jwriter_array(struct jwriter *writer);
void jwriter_array_end(struct jwriter *writer);

/* The key of the next value; only inside an object. */
void jwriter_key(struct jwriter *writer, const char *key);

void jwriter_text(struct jwriter *writer, const char *text);
void jwriter_text_n(struct jwriter *writer, const void *text, size_t size);
void jwriter_int(struct jwriter *writer, int64_t value);
void jwriter_bool(struct jwriter *writer, bool value);
void jwriter_null(struct jwriter *writer);

/* The shortest decimal that reads back to the same bits; `value` must be finite. */
void jwriter_double(struct jwriter *writer, double value);

/* A value that is JSON already; the caller vouches for it. */
void jwriter_json(struct jwriter *writer, const void *json, size_t size);

/* Bytes as they are, outside of the document's structure: a newline at the end. */
void jwriter_raw(struct jwriter *writer, const void *data, size_t size);

/* Key and value in one call. */
void jwriter_key_text(struct jwriter *writer, const char *key, const char *text);
void jwriter_key_int(struct jwriter *writer, const char *key, int64_t value);
void jwriter_key_bool(struct jwriter *writer, const char *key, bool value);

/*
 * True when everything fitted. Errors: ERR_LIMIT (longer than the limit, or no memory).
 */
MUST_CHECK bool jwriter_ok(const struct jwriter *writer, struct err *err);

/* Room for the decimal of any double, with its NUL. */
enum { DOUBLE_TEXT_SIZE = 32 };

/* Writes the shortest decimal that reads back to the same bits ("0.1", "1e-07", "-0.0"). */
void double_text(char text[static DOUBLE_TEXT_SIZE], double value);
