/* SPDX-License-Identifier: MIT */
/*
 * Configuration from one declarative table: a row a key, with type, range, unit, default and help.
 * The table loads the YAML, prints what was loaded, and writes its JSON Schema and its reference
 * page, so that none of them can say something else. Every problem of a file is found in one pass,
 * with line, column and the offending text. Not for lists, anchors, aliases or several documents.
 */
#pragma once

#include "common/jwriter.h"
#include "common/problems.h"

#include <stddef.h>
#include <stdio.h>

enum conf_type {
    CONF_TEXT, /* char[size] */
    CONF_ID,   /* char[size] of [a-z0-9-], not empty */
    CONF_ENUM, /* int: index into choices */
    CONF_INT,  /* int64_t in min to max */
    CONF_TIME, /* int64_t, milliseconds since 1970; "2017-06-01T00:00:00Z" in the file */
    CONF_BOOL, /* bool; true | false | on | off | yes | no */
};

/* What an int or a time holds where the file says null. */
#define CONF_NULL INT64_MIN

enum { CONF_FILE_MAX = 64 << 10 };

struct conf_key {
    const char *path; /* "limits.per_day": keys of nested mappings joined by dots */
    enum conf_type type;
    size_t offset; /* of the member in the struct */
    size_t size;   /* of a text member */
    int64_t min;
    int64_t max;
    const char *const *choices; /* CONF_ENUM, ends with NULL */
    const char *fallback;       /* as the file would say it; NULL: the key is required */
    bool is_nullable;           /* `null` is a value: CONF_NULL, or an empty text */
    const char *unit;           /* for the reference page, or NULL */
    const char *help;
};

struct conf_table {
    const char *name; /* "competition" */
    const char *title;
    const struct conf_key *keys;
    size_t n_keys;
};

/* A row's offset and size from a struct member. */
#define CONF_MEMBER(type, member)                                                                  \
    .offset = offsetof(type, member), .size = sizeof(((type *)0)->member)

/*
 * Fills the struct behind `out` from YAML text; unset keys get their defaults.
 *
 * Problems are added with line and column: unknown keys (with "did you mean"), repeated and missing
 * keys, wrong types, values out of range, aliases. False when there was any; `out` is then unset.
 */
MUST_CHECK bool conf_load(void *out, const struct conf_table *table, const void *text, size_t size,
                          struct problems *problems);

/*
 * As conf_load, from a file.
 *
 * Errors   ERR_SYSTEM  the file cannot be read
 *          ERR_LIMIT   it is larger than CONF_FILE_MAX
 *          ERR_CONFIG  its contents are wrong: the first problem with its position, and how many
 *                      more; `problems` has all of them
 */
MUST_CHECK bool conf_load_file(void *out, const struct conf_table *table, const char *path,
                               struct problems *problems, struct err *err);

/* Writes every key with its value, as YAML that conf_load reads back to the same struct. */
void conf_print(FILE *out, const struct conf_table *table, const void *values);

/* Writes the JSON Schema (2020-12) of the table. */
void conf_write_schema(struct jwriter *writer, const struct conf_table *table, const char *id);

/* Writes the reference page: a Markdown table, one row a key. */
void conf_write_reference(FILE *out, const struct conf_table *table);
