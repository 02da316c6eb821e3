/* SPDX-License-Identifier: MIT */
/*
 * Reads JSON into a tree: the answers of a service, receipts, COCO files. Strict (a repeated key is
 * an error), bounded by the caller's size limit. For writing see jwriter.
 */
#pragma once

#include "common/err.h"

#include <stddef.h>

struct jdoc;   /* a document; owns its values */
struct jvalue; /* one value, borrowed from its document */

/*
 * Parses one JSON document.
 *
 * Errors   ERR_INPUT  not JSON, with line and column
 * Owns     *doc is owned by the caller; end it with jdoc_close
 */
MUST_CHECK bool jdoc_open(struct jdoc **doc, const void *data, size_t size, struct err *err);
void jdoc_close(struct jdoc **doc);

const struct jvalue *jdoc_root(const struct jdoc *doc);

/* The member of an object, NULL where `value` is NULL, no object, or has no such key. */
const struct jvalue *jvalue_member(const struct jvalue *value, const char *key);

/* Items of an array (0 for everything else), and one of them. */
size_t jvalue_count(const struct jvalue *value);
const struct jvalue *jvalue_item(const struct jvalue *value, size_t index);

bool jvalue_is_object(const struct jvalue *value);
bool jvalue_is_array(const struct jvalue *value);
bool jvalue_is_null(const struct jvalue *value); /* also for NULL */

/* The value where it has that type, else false; a number is an int where it has no fraction. */
MUST_CHECK bool jvalue_int(int64_t *out, const struct jvalue *value);
MUST_CHECK bool jvalue_double(double *out, const struct jvalue *value);
MUST_CHECK bool jvalue_bool(bool *out, const struct jvalue *value);

/* The text, NUL-terminated and without a NUL inside; NULL for everything else. */
const char *jvalue_text(const struct jvalue *value);

/* Walks an object: `iter` starts as NULL; false after the last member. */
bool jvalue_next(const struct jvalue *object, void **iter, const char **key,
                 const struct jvalue **value);
