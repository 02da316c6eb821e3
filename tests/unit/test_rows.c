/* SPDX-License-Identifier: MIT */
/* The row reader: its positions, its limits, and the same events as libcsv alone gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/draw.h"
#include "common/macros.h"
#include "tests/fuzz/rows_reference.h"

static struct draw draw = {20170601};

/* A size of the next piece, about the given one. */
static size_t random_cut(void *state)
{
    const size_t *about = state;

    return 1 + draw_bits(&draw) % *about;
}

static size_t no_cut(void *state)
{
    (void)state;
    return 0;
}

static void test_rows_next_events(void **state)
{
    static const struct {
        const char *name;
        const char *text;
        const char *events;
    } cases[] = {
        {"nothing", "", ""},
        {"one row", "a,b\n", " 1:1[a] 1:3[b] row 1:0 2\n"},
        {"no line end", "a,b", " 1:1[a] 1:3[b] row 1:0 2\n"},
        {"CRLF and an empty row", "a\r\n\r\nb\r\n", " 1:1[a] row 1:0 1\n 3:1[b] row 3:0 1\n"},
        {"CR alone", "a\rb\r\rc", " 1:1[a] row 1:0 1\n 2:1[b] row 2:0 1\n 4:1[c] row 4:0 1\n"},
        {"blank rows vanish", " \t\n  \na\n", " 3:1[a] row 3:0 1\n"},
        {"spaces are dropped", " a b\t, c \n", " 1:2[a b] 1:8[c] row 1:0 2\n"},
        {"empty fields", ",\n", " 1:1[] 1:2[] row 1:0 2\n"},
        {"quotes", "\"a,\"\"b\" ,c\n", " 1:1q[a,\"b] 1:10[c] row 1:0 2\n"},
        {"quoted lines", "\"a\r\nb\",c\nd\n",
         " 1:1q[a\r\nb] 2:4[c] row 1:0 2\n 3:1[d] row 3:0 1\n"},
        {"quote inside", "x\na\"b,c\nd\n", " 1:1[x] row 1:0 1\n bad 2:2 0\n 3:1[d] row 3:0 1\n"},
        {"text behind a quote", "\"a\"b\nd\n", " bad 1:4 0\n 2:1[d] row 2:0 1\n"},
        {"never closes", "a\nb, \"c\nd\n", " 1:1[a] row 1:0 1\n stop 2:4 0\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct transcript read = {0};
        reader_read(&read, cases[i].text, strlen(cases[i].text), no_cut, NULL);
        transcript_add(&read, "", 1);
        if (strcmp(read.text, cases[i].events) != 0) {
            fail_msg("%s: found '%s', expected '%s'", cases[i].name, read.text, cases[i].events);
        }
        transcript_free(&read);
    }
}

/* Random inputs over the bytes that matter, in random pieces. */
static void test_rows_next_is_libcsv(void **state)
{
    static const char alphabet[] = "a,\n\"b \r\n,\t\0\xef\xbb\xbf;";
    char data[160];

    (void)state;
    for (int i = 0; i < 50000; i++) {
        size_t size = draw_bits(&draw) % sizeof(data);
        size_t n_letters = 3 + draw_bits(&draw) % (sizeof(alphabet) - 4);
        size_t quote_odds = 1 + draw_bits(&draw) % 20; /* most quotes become letters: longer rows */
        for (size_t j = 0; j < size; j++) {
            data[j] = alphabet[draw_bits(&draw) % n_letters];
            if (data[j] == '"' && draw_bits(&draw) % quote_odds != 0) {
                data[j] = 'q';
            }
        }
        struct transcript expected = {0};
        struct transcript read = {0};
        size_t about = 1 + draw_bits(&draw) % 100;
        reference_read(&expected, data, size);
        reader_read(&read, data, size, random_cut, &about);
        transcript_add(&expected, "", 1);
        transcript_add(&read, "", 1);
        if (read.size != expected.size || memcmp(read.text, expected.text, read.size) != 0) {
            fail_msg("input %d of %zu bytes:\nlibcsv: %.*s\nours:   %.*s", i, size,
                     (int)expected.size, expected.text, (int)read.size, read.text);
        }
        transcript_free(&expected);
        transcript_free(&read);
    }
}

/* Reads a row of `size` bytes around the limit, plain or quoted. */
static enum rows_event read_long(size_t size, bool is_quoted, bool is_last, struct err *err)
{
    static struct row row;
    struct rows rows;
    char *data = malloc(size);

    assert_non_null(data);
    memset(data, 'x', size);
    data[0] = is_quoted ? '"' : 'x';
    rows_start(&rows, 1);
    rows_give(&rows, data, size, is_last);
    enum rows_event event = rows_next(&rows, &row, err);
    rows_free(&rows);
    free(data);
    return event;
}

static void test_rows_next_bounds_a_row(void **state)
{
    static const struct {
        size_t size;
        bool is_quoted;
        bool is_last;
        enum rows_event event;
        enum err_code code;
    } cases[] = {
        {ROW_BYTES_MAX, false, true, ROWS_ROW, ERR_NONE},
        {ROW_BYTES_MAX, false, false, ROWS_MORE, ERR_NONE},
        {ROW_BYTES_MAX + 1, false, true, ROWS_STOP, ERR_LIMIT},
        {ROW_BYTES_MAX + 1, false, false, ROWS_STOP, ERR_LIMIT},
        {ROW_BYTES_MAX, true, true, ROWS_STOP, ERR_INPUT},
        {ROW_BYTES_MAX, true, false, ROWS_MORE, ERR_NONE},
        {ROW_BYTES_MAX + 1, true, true, ROWS_STOP, ERR_LIMIT},
        {ROW_BYTES_MAX + 1, true, false, ROWS_STOP, ERR_LIMIT},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct err err = {0};
        enum rows_event event =
            read_long(cases[i].size, cases[i].is_quoted, cases[i].is_last, &err);
        if (event != cases[i].event || err.code != cases[i].code) {
            fail_msg("case %zu gives event %d, code %d", i, (int)event, (int)err.code);
        }
    }
}

static void test_rows_next_counts_fields_beyond_the_kept(void **state)
{
    static struct row row;
    static char data[2 * 1000 + 1];
    struct err err = {0};
    struct rows rows;

    (void)state;
    for (int is_quoted = 0; is_quoted < 2; is_quoted++) {
        for (size_t i = 0; i < sizeof(data); i++) {
            data[i] = i % 2 == 0 ? ',' : 'x';
        }
        memcpy(data, is_quoted ? "\"\"" : "xx", 2);
        rows_start(&rows, 1);
        rows_give(&rows, data, sizeof(data), true);
        assert_int_equal(rows_next(&rows, &row, &err), ROWS_ROW);
        assert_int_equal(row.n_fields, 1001);
        assert_int_equal(rows_next(&rows, &row, &err), ROWS_END);
        rows_free(&rows);
    }
}

static void test_rows_mark_size(void **state)
{
    (void)state;
    assert_int_equal(rows_mark_size("\xef\xbb\xbfid", 5), 3);
    assert_int_equal(rows_mark_size("\xef\xbb", 2), 0);
    assert_int_equal(rows_mark_size("id", 2), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_next_events),
        cmocka_unit_test(test_rows_next_is_libcsv),
        cmocka_unit_test(test_rows_next_bounds_a_row),
        cmocka_unit_test(test_rows_next_counts_fields_beyond_the_kept),
        cmocka_unit_test(test_rows_mark_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
