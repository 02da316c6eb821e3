/* SPDX-License-Identifier: MIT */
/*
 * One writer and one reader over the tables that entry.h declares. No value needs an escape: quotes
 * and backslashes are refused, so that an entry has exactly one spelling.
 */
#include "schemas/entry.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

enum value_type { HEX32, HEX64, WORD, WORDS, TIME, COUNT };

enum { WORD_MAX = 200, WORDS_MAX = 3300, VERSION = 1 };

struct value_row {
    const char *key;
    enum value_type type;
};

#define VALUE_ROW(KIND, NAME, key, type) {key, type},
static const struct value_row genesis_rows[] = {ENTRY_GENESIS_VALUES(VALUE_ROW)};
static const struct value_row submission_rows[] = {ENTRY_SUBMISSION_VALUES(VALUE_ROW)};
static const struct value_row result_rows[] = {ENTRY_RESULT_VALUES(VALUE_ROW)};
static const struct value_row selection_rows[] = {ENTRY_SELECTION_VALUES(VALUE_ROW)};
static const struct value_row leaderboard_rows[] = {ENTRY_LEADERBOARD_VALUES(VALUE_ROW)};
static const struct value_row rescore_rows[] = {ENTRY_RESCORE_VALUES(VALUE_ROW)};
static const struct value_row promise_rows[] = {ENTRY_PROMISE_VALUES(VALUE_ROW)};
static const struct value_row key_rows[] = {ENTRY_KEY_VALUES(VALUE_ROW)};
static const struct value_row void_rows[] = {ENTRY_VOID_VALUES(VALUE_ROW)};
static const struct value_row reveal_rows[] = {ENTRY_REVEAL_VALUES(VALUE_ROW)};
static const struct value_row close_rows[] = {ENTRY_CLOSE_VALUES(VALUE_ROW)};
static const struct value_row worker_rows[] = {ENTRY_WORKER_VALUES(VALUE_ROW)};
static const struct value_row opening_rows[] = {ENTRY_OPENING_VALUES(VALUE_ROW)};
static const struct value_row disclosure_rows[] = {ENTRY_DISCLOSURE_VALUES(VALUE_ROW)};
static const struct value_row correction_rows[] = {ENTRY_CORRECTION_VALUES(VALUE_ROW)};

static_assert((int)ENTRY_RESULT_N <= (int)ENTRY_VALUES_MAX, "the widest kind must fit");

static const struct kind_row {
    const char *name;
    const struct value_row *rows;
    size_t n_rows;
    bool is_public;
} kinds[] = {
    [ENTRY_GENESIS] = {"genesis", genesis_rows, ARRAY_SIZE(genesis_rows), true},
    [ENTRY_SUBMISSION] = {"submission", submission_rows, ARRAY_SIZE(submission_rows), false},
    [ENTRY_RESULT] = {"result", result_rows, ARRAY_SIZE(result_rows), false},
    [ENTRY_SELECTION] = {"selection", selection_rows, ARRAY_SIZE(selection_rows), false},
    [ENTRY_LEADERBOARD] = {"leaderboard", leaderboard_rows, ARRAY_SIZE(leaderboard_rows), true},
    [ENTRY_RESCORE] = {"rescore", rescore_rows, ARRAY_SIZE(rescore_rows), true},
    [ENTRY_PROMISE] = {"promise", promise_rows, ARRAY_SIZE(promise_rows), false},
    [ENTRY_KEY] = {"key", key_rows, ARRAY_SIZE(key_rows), true},
    [ENTRY_VOID] = {"void", void_rows, ARRAY_SIZE(void_rows), true},
    [ENTRY_REVEAL] = {"reveal", reveal_rows, ARRAY_SIZE(reveal_rows), true},
    [ENTRY_CLOSE] = {"close", close_rows, ARRAY_SIZE(close_rows), true},
    [ENTRY_WORKER] = {"worker", worker_rows, ARRAY_SIZE(worker_rows), true},
    [ENTRY_OPENING] = {"opening", opening_rows, ARRAY_SIZE(opening_rows), true},
    [ENTRY_DISCLOSURE] = {"disclosure", disclosure_rows, ARRAY_SIZE(disclosure_rows), true},
    [ENTRY_CORRECTION] = {"correction", correction_rows, ARRAY_SIZE(correction_rows), true},
};

const char *entry_kind_name(enum entry_kind kind)
{
    return kinds[kind].name;
}

bool entry_kind_is_public(enum entry_kind kind)
{
    return kinds[kind].is_public;
}

static bool is_hex(const char *text, size_t length)
{
    return strlen(text) == length && strspn(text, "0123456789abcdef") == length;
}

static bool is_words(const char *text, size_t max)
{
    size_t length = strlen(text);

    for (size_t i = 0; i < length; i++) {
        if (text[i] < 0x20 || text[i] > 0x7e || text[i] == '"' || text[i] == '\\') {
            return false;
        }
    }
    return length <= max;
}

static bool is_time(const char *text)
{
    char again[TIME_TEXT_SIZE];
    int64_t ms;
    struct err err;

    if (!time_read(&ms, text, &err)) {
        return false;
    }
    time_text(again, ms);
    return strcmp(again, text) == 0;
}

static bool is_of_type(const struct entry_value *value, enum value_type type)
{
    if (type == COUNT) {
        return value->number >= 0;
    }
    if (type == TIME) {
        return is_time(value->text);
    }
    if (type == HEX32 || type == HEX64) {
        return is_hex(value->text, type == HEX32 ? 32 : 64);
    }
    return is_words(value->text, type == WORD ? WORD_MAX : WORDS_MAX);
}

/* Appends to the line; what does not fit makes *size larger than ENTRY_SIZE. */
PRINTF_LIKE(3, 4)
static void put(char *line, size_t *size, const char *format, ...)
{
    va_list args;
    size_t room = *size < ENTRY_SIZE ? ENTRY_SIZE - *size : 0;

    va_start(args, format);
    int n = vsnprintf(line + (room == 0 ? 0 : *size), room, format, args);
    va_end(args);
    assert(n >= 0);
    *size += (size_t)n;
}

bool entry_make(char line[static ENTRY_SIZE], size_t *size, const struct entry *entry,
                struct err *err)
{
    const struct kind_row *kind = &kinds[entry->kind];

    if (!is_words(entry->competition, WORD_MAX) || entry->index < 0) {
        return err_set(err, ERR_INPUT, "entry has no competition or index");
    }
    *size = 0;
    put(line, size, "{\"competition\":\"%s\",\"kind\":\"%s\",\"v\":%d,\"index\":%" PRId64,
        entry->competition, kind->name, VERSION, entry->index);
    for (size_t i = 0; i < kind->n_rows; i++) {
        const struct value_row *row = &kind->rows[i];
        const struct entry_value *value = &entry->values[i];
        if (!is_of_type(value, row->type)) {
            return err_set(err, ERR_INPUT, "value of '%s' is not of its type", row->key);
        }
        if (row->type == COUNT) {
            put(line, size, ",\"%s\":%" PRId64, row->key, value->number);
        } else {
            put(line, size, ",\"%s\":\"%s\"", row->key, value->text);
        }
    }
    put(line, size, "}\n");
    if (*size >= ENTRY_SIZE) {
        return err_set(err, ERR_LIMIT, "entry is longer than %d bytes", ENTRY_SIZE - 1);
    }
    return true;
}

/* Takes `text` off the front of *at. */
static bool skip(char **at, const char *text)
{
    size_t length = strlen(text);

    if (strncmp(*at, text, length) != 0) {
        return false;
    }
    *at += length;
    return true;
}

/* Takes a quoted text off the front of *at, ending it with a NUL in place. */
static bool take_text(char **at, const char **text)
{
    if (!skip(at, "\"")) {
        return false;
    }
    char *end = strchr(*at, '"');
    if (end == NULL) {
        return false;
    }
    *end = '\0';
    *text = *at;
    *at = end + 1;
    return true;
}

static bool take_number(char **at, int64_t *number)
{
    char *end;

    if (**at < '0' || **at > '9') {
        return false;
    }
    *number = strtoll(*at, &end, 10);
    *at = end;
    return true;
}

static bool take_kind(char **at, enum entry_kind *kind)
{
    const char *name;

    if (!take_text(at, &name)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            *kind = (enum entry_kind)i;
            return true;
        }
    }
    return false;
}

static bool take_values(char **at, struct entry *entry)
{
    const struct kind_row *kind = &kinds[entry->kind];

    for (size_t i = 0; i < kind->n_rows; i++) {
        const struct value_row *row = &kind->rows[i];
        if (!skip(at, ",\"") || !skip(at, row->key) || !skip(at, "\":")) {
            return false;
        }
        if (row->type == COUNT ? !take_number(at, &entry->values[i].number)
                               : !take_text(at, &entry->values[i].text)) {
            return false;
        }
    }
    return true;
}

bool entry_read(struct entry *entry, char texts[static ENTRY_SIZE], const void *line, size_t size,
                struct err *err)
{
    char again[ENTRY_SIZE];
    size_t again_size;
    int64_t version;

    *entry = (struct entry){0};
    if (size == 0 || size >= ENTRY_SIZE || memchr(line, '\0', size) != NULL) {
        return err_set(err, ERR_INPUT, "an entry has 1 to %d bytes, this has %zu", ENTRY_SIZE - 1,
                       size);
    }
    memcpy(texts, line, size);
    texts[size] = '\0';
    char *at = texts;
    bool is_read = skip(&at, "{\"competition\":") && take_text(&at, &entry->competition) &&
                   skip(&at, ",\"kind\":") && take_kind(&at, &entry->kind) &&
                   skip(&at, ",\"v\":") && take_number(&at, &version) && version == VERSION &&
                   skip(&at, ",\"index\":") && take_number(&at, &entry->index) &&
                   take_values(&at, entry);
    if (!is_read || !entry_make(again, &again_size, entry, err) || again_size != size ||
        memcmp(again, line, size) != 0) {
        return err_set(err, ERR_INPUT, "not a canonical entry line");
    }
    return true;
}

void entry_leaf(uint8_t leaf[static ENTRY_LEAF_BYTES], const void *line, size_t size)
{
    struct sha256 hash;

    sha256_start(&hash);
    sha256_add(&hash, "\0", 1);
    sha256_add(&hash, line, size);
    sha256_finish(&hash, leaf);
}
