/* SPDX-License-Identifier: MIT */
/*
 * The fields of plain rows: no spaces, no quotes, a comma or a line end right behind them. Each
 * function takes one field and the byte behind it and returns what follows, or NULL where the
 * general way must look. Up to 40 bytes behind a field may be read.
 */
#pragma once

#include "scorer/data/catalog.h"
#include "scorer/data/digits.h"
#include "scorer/data/number.h"

/* A number of up to seven digits without a sign. */
static inline const char *plain_digits(uint32_t *value, const char *at, char behind)
{
    uint64_t word = digits_load(at);
    unsigned n = digits_count(word);

    if (n == 0 || n == 8 || at[n] != behind) {
        return NULL;
    }
    *value = digits_value(word, n);
    return at + n + 1;
}

/* As plain_digits, without leading zeros: the one form of a number that can be an image id. */
static inline const char *plain_number_id(uint32_t *number, const char *at, char behind)
{
    const char *next = plain_digits(number, at, behind);

    return next != NULL && at[0] == '0' && next - at > 2 ? NULL : next;
}

/* An image id and its comma; its row must not be expected to end behind `end`. */
static inline const char *plain_image(uint32_t *image, const struct catalog *catalog,
                                      const char *at, const char *end)
{
    const char *next;
    uint32_t number;

    if (catalog->number_word != NULL && (next = plain_number_id(&number, at, ',')) != NULL) {
        *image = catalog_find_number(catalog, number);
    } else {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        if (comma == NULL || comma - at > CATALOG_ID_BYTES_MAX) {
            return NULL;
        }
        *image = catalog_find_image(catalog, at, (size_t)(comma - at));
        next = comma + 1;
    }
    return *image == CATALOG_NONE ? NULL : next;
}

/* The id of a listed class, in a catalog with class_slot. */
static inline const char *plain_class(uint16_t *class_index, const struct catalog *catalog,
                                      const char *at, char behind)
{
    uint32_t id;
    const char *next = plain_digits(&id, at, behind);

    if (next == NULL || id >= catalog->n_class_slots || catalog->class_slot[id] == 0) {
        return NULL;
    }
    *class_index = (uint16_t)(catalog->class_slot[id] - 1);
    return next;
}

/* The end of a field that may be a number; NULL where no `behind` follows it soon. */
static inline const char *plain_end(const char *at, char behind)
{
    enum { PLAIN_NUMBER_MAX = 32 };
    const char *end = at;

    while (*end != ',' && *end != '\n' && *end != '\r' && end - at < PLAIN_NUMBER_MAX) {
        end++;
    }
    return *end == behind ? end : NULL;
}

/* A short decimal, as number_packed has it. */
static inline const char *plain_packed(uint32_t *packed, const char *at, char behind)
{
    bool is_negative = *at == '-';
    const char *end = digits_decimal(packed, at + is_negative);

    if (end != NULL && *end == behind) {
        *packed |= is_negative ? PACKED_SIGN : 0;
        return end + 1;
    }
    end = plain_end(at, behind);
    return end != NULL && number_packed(packed, at, (size_t)(end - at)) ? end + 1 : NULL;
}

/* A number. */
static inline const char *plain_number(double *value, const char *at, char behind)
{
    uint32_t packed;
    const char *end = digits_decimal(&packed, at + (*at == '-'));

    if (end != NULL && *end == behind) {
        packed |= *at == '-' ? PACKED_SIGN : 0;
        *value = packed_value(packed);
        return end + 1;
    }
    end = plain_end(at, behind);
    return end != NULL && number_double(value, at, (size_t)(end - at)) == NUMBER_OK ? end + 1
                                                                                    : NULL;
}

/* The end of a line, LF or CR LF. */
static inline const char *plain_line_end(const char *at)
{
    at += *at == '\r';
    return *at == '\n' ? at + 1 : NULL;
}
