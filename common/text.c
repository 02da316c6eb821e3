/* SPDX-License-Identifier: MIT */
/*
 * Small text forms. See the header.
 */
#include "common/text.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

void hex_text(char *text, const void *data, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *bytes = data;

    for (size_t i = 0; i < size; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * size] = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

bool hex_read(void *data, size_t size, const char *text, size_t text_size, struct err *err)
{
    unsigned char *bytes = data;

    if (text_size != 2 * size) {
        return err_set(err, ERR_INPUT, "expected %zu hexadecimal digits, found %zu characters",
                       2 * size, text_size);
    }
    for (size_t i = 0; i < size; i++) {
        int high = hex_digit(text[2 * i]);
        int low = hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return err_set(err, ERR_INPUT, "expected hexadecimal digits at character %zu",
                           2 * i + 1);
        }
        bytes[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

bool text_copy(char *copy, size_t copy_size, const char *text, struct err *err)
{
    size_t length = strlen(text);

    if (length >= copy_size) {
        return err_set(err, ERR_LIMIT, "text has %zu bytes, limit is %zu", length, copy_size - 1);
    }
    memcpy(copy, text, length + 1);
    return true;
}

size_t text_distance(const char *a, const char *b)
{
    size_t row[64]; /* Levenshtein's table, one row of it */
    size_t n_a = strlen(a);
    size_t n_b = strlen(b);

    if (n_a >= ARRAY_SIZE(row) || n_b >= ARRAY_SIZE(row)) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= n_b; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= n_a; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n_b; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            best = row[j] + 1 < best ? row[j] + 1 : best;
            row[j] = best;
        }
    }
    return row[n_b];
}

void time_text(char text[static TIME_TEXT_SIZE], int64_t unix_ms)
{
    int64_t ms = unix_ms % 1000;
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm tm;

    if (ms < 0) {
        ms += 1000;
        seconds--;
    }
    if (gmtime_r(&seconds, &tm) == NULL) {
        snprintf(text, TIME_TEXT_SIZE, "-");
        return;
    }
    /* not strftime: its %Y does not pad a year to four digits */
    int n = snprintf(text, TIME_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900,
                     tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    size_t length = n < TIME_TEXT_SIZE ? (size_t)n : TIME_TEXT_SIZE - 1;
    if (ms != 0) {
        length += (size_t)snprintf(text + length, TIME_TEXT_SIZE - length, ".%03d", (int)ms);
    }
    snprintf(text + length, TIME_TEXT_SIZE - length, "Z");
}

static bool two_digits(int *value, const char *at)
{
    if (at[0] < '0' || at[0] > '9' || at[1] < '0' || at[1] > '9') {
        return false;
    }
    *value = 10 * (at[0] - '0') + at[1] - '0';
    return true;
}

/* The 19 characters "YYYY-MM-DDTHH:MM:SS", each in its range. */
static bool read_seconds(int64_t *seconds, const char *text)
{
    int century;
    int year;
    struct tm tm = {0};

    bool is_read = text[4] == '-' && text[7] == '-' && text[10] == 'T' && text[13] == ':' &&
                   text[16] == ':' && two_digits(&century, text) && two_digits(&year, text + 2) &&
                   two_digits(&tm.tm_mon, text + 5) && two_digits(&tm.tm_mday, text + 8) &&
                   two_digits(&tm.tm_hour, text + 11) && two_digits(&tm.tm_min, text + 14) &&
                   two_digits(&tm.tm_sec, text + 17);
    if (!is_read || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 59) {
        return false;
    }
    tm.tm_year = 100 * century + year - 1900;
    tm.tm_mon -= 1;
    struct tm normal = tm;
    *seconds = timegm(&normal);
    return normal.tm_mon == tm.tm_mon && normal.tm_mday == tm.tm_mday; /* no 31st of February */
}

bool time_read(int64_t *unix_ms, const char *text, struct err *err)
{
    static const char form[] = "YYYY-MM-DDTHH:MM:SS";
    size_t length = strlen(text);
    int64_t seconds;
    int64_t ms = 0;

    if (length < sizeof(form) - 1 || !read_seconds(&seconds, text)) {
        return err_set(err, ERR_INPUT, "'%.32s' is not a UTC time such as 2017-06-01T00:00:00Z",
                       text);
    }
    const char *at = text + sizeof(form) - 1;
    if (*at == '.') {
        int64_t scale = 100;
        for (at++; *at >= '0' && *at <= '9'; at++) {
            ms += (*at - '0') * scale;
            scale /= 10;
        }
    }
    if (strcmp(at, "Z") != 0) {
        return err_set(err, ERR_INPUT, "time '%.32s' does not end in Z (UTC)", text);
    }
    *unix_ms = 1000 * seconds + ms;
    return true;
}

static int64_t clock_ms(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t time_wall_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}

int64_t time_boot_ms(void)
{
    return clock_ms(CLOCK_BOOTTIME);
}
