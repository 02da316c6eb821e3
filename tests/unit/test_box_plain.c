/* SPDX-License-Identifier: MIT */
/* Plain rows of boxes: the fastest reader takes what the portable one takes, and both take what the
 * number grammar says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/draw.h"
#include "common/macros.h"
#include "scorer/data/digits.h"
#include "tests/fuzz/plain_reference.h"

enum { TEXT_MAX = 4096, CASE_ROWS = 20000 };

static struct draw draw = {20170601};
static struct arena *arena;

static struct catalog make_catalog(const struct id_text *ids, size_t n_ids)
{
    /* 352 and the image 744 are what 3.8 and 7.0 would be if a point were taken for a digit */
    static const int64_t class_ids[] = {0, 1, 5, 38, 352, 2854};
    const struct catalog_source source = {
        .ids = ids, .n_ids = n_ids, .class_ids = class_ids, .n_classes = ARRAY_SIZE(class_ids)};
    struct catalog catalog;
    struct err err;

    assert_true(catalog_make(&catalog, NULL, &source, arena, &err));
    return catalog;
}

static struct catalog number_catalog(void)
{
    static const struct id_text ids[] = {{"0", 1}, {"7", 1}, {"171628", 6}, {"744", 3}};

    return make_catalog(ids, ARRAY_SIZE(ids));
}

static struct catalog text_catalog(void)
{
    static const struct id_text ids[] = {{"0007", 4}, {"1716.jpg", 8}, {"t 2/a-b", 7}, {"7", 1}};

    return make_catalog(ids, ARRAY_SIZE(ids));
}

static size_t add_row(char *to, const char *image)
{
    static const char *const classes[] = {"0", "1", "5", "38", "2854"};
    size_t size = (size_t)sprintf(to, "%s,%s", image, classes[draw_below(&draw, 5)]);

    for (int i = 0; i < 5; i++) {
        uint64_t whole = draw_bits(&draw) >> (37 + draw_below(&draw, 27));
        uint64_t behind = draw_below(&draw, 10000);
        switch (draw_below(&draw, 3)) {
        case 0:
            size += (size_t)sprintf(to + size, ",%u", (unsigned)(whole % 100000000));
            break;
        case 1:
            size +=
                (size_t)sprintf(to + size, ",%u.%04u", (unsigned)(whole % 10000), (unsigned)behind);
            break;
        default:
            size +=
                (size_t)sprintf(to + size, ",%u.%u", (unsigned)(whole % 1000), (unsigned)behind);
        }
    }
    to[size++] = '\n';
    return size;
}

/* Every row of these forms is taken, by both readers. */
static void check_plain(const struct catalog *catalog, const char *const *images, size_t n_images)
{
    char text[TEXT_MAX + 2 * PLAIN_PAD];
    struct plain_counts counts;

    for (int i = 0; i < CASE_ROWS; i++) {
        memset(text, (char)draw_bits(&draw), sizeof(text));
        size_t n_rows = 1 + draw_below(&draw, 4);
        size_t size = 0;
        for (size_t row = 0; row < n_rows; row++) {
            size += add_row(text + PLAIN_PAD + size, images[draw_below(&draw, n_images)]);
        }
        assert_true(plain_read(&counts, catalog, text + PLAIN_PAD, text + PLAIN_PAD + size));
        assert_int_equal(counts.n_portable, n_rows);
        assert_int_equal(counts.n_fastest, n_rows);
        /* the last row is not whole */
        assert_true(plain_read(&counts, catalog, text + PLAIN_PAD, text + PLAIN_PAD + size - 1));
        assert_int_equal(counts.n_portable, n_rows - 1);
        assert_int_equal(counts.n_fastest, n_rows - 1);
    }
}

static void test_box_plain_numbers(void **state)
{
    static const char *const images[] = {"0", "7", "171628"};
    struct catalog catalog = number_catalog();

    (void)state;
    assert_non_null(catalog.number_word);
    check_plain(&catalog, images, ARRAY_SIZE(images));
}

static void test_box_plain_texts(void **state)
{
    static const char *const images[] = {"0007", "1716.jpg", "t 2/a-b", "7"};
    struct catalog catalog = text_catalog();

    (void)state;
    assert_null(catalog.number_word);
    assert_true(catalog.is_plain);
    check_plain(&catalog, images, ARRAY_SIZE(images));
}

/* One to three bytes of a row are changed: whatever comes of it, nobody takes it otherwise. */
static void test_box_plain_damaged(void **state)
{
    static const char letters[] = "0123456789.,.,-+eE \"\r\n\t\xff";
    static const char *const images[] = {"0", "7", "171628"};
    struct catalog catalogs[] = {number_catalog(), text_catalog()};
    char text[TEXT_MAX + 2 * PLAIN_PAD];
    struct plain_counts counts;
    size_t n_taken = 0;

    (void)state;
    for (int i = 0; i < 5 * CASE_ROWS; i++) {
        memset(text, '7', sizeof(text));
        size_t size = add_row(text + PLAIN_PAD, images[draw_below(&draw, 3)]);
        size += add_row(text + PLAIN_PAD + size, "7");
        for (uint64_t n = 1 + draw_below(&draw, 3); n > 0; n--) {
            text[PLAIN_PAD + draw_below(&draw, size)] =
                letters[draw_below(&draw, sizeof(letters) - 1)];
        }
        const struct catalog *catalog = &catalogs[draw_below(&draw, 2)];
        if (!plain_read(&counts, catalog, text + PLAIN_PAD, text + PLAIN_PAD + size)) {
            fail_msg("readers differ on '%.*s'", (int)size, text + PLAIN_PAD);
        }
        n_taken += counts.n_fastest;
    }
    assert_in_range(n_taken, CASE_ROWS, 9 * CASE_ROWS);
}

static void test_box_plain_cases(void **state)
{
    static const struct {
        const char *name;
        const char *row;
        bool is_taken; /* by the portable reader */
    } cases[] = {
        {"as they come", "7,38,0.753835,402.87,171.35,19.64,18.45\n", true},
        {"eight digits", "7,38,0.1234567,12345678,1,1,1\n", true},
        {"nine digits", "7,38,0.12345678,1,1,1,1\n", true},
        {"nine that are too many", "7,38,923456789,1,1,1,1\n", false},
        {"two points", "7,38,0.7.5,1,1,1,1\n", false},
        {"point first", "7,38,.75,1,1,1,1\n", false},
        {"point last", "7,38,1,1,1,1,75.\n", false},
        {"negative place", "7,38,0.5,-1.5,-2,1,1\n", true},
        {"negative size", "7,38,0.5,1,1,-1,1\n", false},
        {"six fields", "7,38,0.5,1,1,1\n", false},
        {"eight fields", "7,38,0.5,1,1,1,1,1\n", false},
        {"empty field", "7,38,0.5,,1,1,1\n", false},
        {"empty last field", "7,38,0.5,1,1,1,\n", false},
        {"unknown image", "8,38,0.5,1,1,1,1\n", false},
        {"image with a zero before", "07,38,0.5,1,1,1,1\n", false},
        {"image behind the last", "99999999,38,0.5,1,1,1,1\n", false},
        {"unknown class", "7,39,0.5,1,1,1,1\n", false},
        {"class behind the last", "7,9999999,0.5,1,1,1,1\n", false},
        {"class with a point", "7,3.8,0.5,1,1,1,1\n", false},
        {"image with a point", "7.0,38,0.5,1,1,1,1\n", false},
        {"exponent", "7,38,1e-2,1,1,1,1\n", true},
        {"spaces", "7,38, 0.5,1,1,1,1\n", false},
        {"quotes", "7,38,\"0.5\",1,1,1,1\n", false},
        {"carriage return", "7,38,0.5,1,1,1,1\r\n", false},
    };
    struct catalog catalog = number_catalog();

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[256 + 2 * PLAIN_PAD];
        struct plain_counts counts;
        size_t size = strlen(cases[i].row);
        memset(text, '1', sizeof(text));
        memcpy(text + PLAIN_PAD, cases[i].row, size);
        if (!plain_read(&counts, &catalog, text + PLAIN_PAD, text + PLAIN_PAD + size) ||
            counts.n_portable != (cases[i].is_taken ? 1 : 0)) {
            fail_msg("%s: %zu, %zu", cases[i].name, counts.n_fastest, counts.n_portable);
        }
    }
}

/* Bytes that are no digits come to some number: an image of that number is not meant by them. */
static void test_box_plain_empty_image(void **state)
{
    static const char row[] = ",38,0.5,1,1,1,1\n";
    char text[sizeof(row) + 2 * PLAIN_PAD] = {0};
    char id[16];
    struct plain_counts counts;

    (void)state;
    int size = snprintf(id, sizeof(id), "%u", digits_value(digits_load(row), 8));
    assert_int_equal(size, 8);
    struct catalog catalog = make_catalog(&(struct id_text){id, (size_t)size}, 1);
    assert_non_null(catalog.number_word);
    memcpy(text + PLAIN_PAD, row, sizeof(row) - 1);
    assert_true(
        plain_read(&counts, &catalog, text + PLAIN_PAD, text + PLAIN_PAD + sizeof(row) - 1));
    assert_int_equal(counts.n_fastest, 0);
    assert_int_equal(counts.n_portable, 0);
}

static int open_arena(void **state)
{
    struct err err;

    (void)state;
    return arena_open(&arena, 64 << 20, &err) ? 0 : -1;
}

static int close_arena(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_box_plain_numbers),     cmocka_unit_test(test_box_plain_texts),
        cmocka_unit_test(test_box_plain_damaged),     cmocka_unit_test(test_box_plain_cases),
        cmocka_unit_test(test_box_plain_empty_image),
    };

    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
