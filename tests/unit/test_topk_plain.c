/* SPDX-License-Identifier: MIT */
/*
 * Plain rows of topk: the fastest reader of this processor takes nothing that the portable one
 * leaves, and what it takes it takes alike. Where the processor has one reader only, the two are
 * the same and the table of rows still tells whether it is right.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/draw.h"
#include "common/macros.h"
#include "scorer/data/topk_plain.h"
#include "scorer/data/window.h"
#include "scorer/metric/arrays.h"

enum { N_IMAGES = 500, N_CLASSES = 40, TEXT_MAX = 16 << 10 };

static struct arena *arena;
static struct draw draw = {.state = 7};

static int open_arena(void **state)
{
    struct err err;

    (void)state;
    return !arena_open(&arena, (size_t)1 << 28, &err);
}

static int close_arena(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

/* Images 0, 3, 6 …, or such numbers with a letter; class ids of one to `digits_max` digits. */
static struct catalog make_catalog(bool is_text, bool is_open, unsigned digits_max)
{
    static char texts[N_IMAGES][16];
    struct id_text ids[N_IMAGES];
    int64_t class_ids[N_CLASSES];
    struct catalog_source source = {.ids = ids,
                                    .n_ids = N_IMAGES,
                                    .class_ids = class_ids,
                                    .n_classes = N_CLASSES,
                                    .is_open_classes = is_open};
    struct catalog catalog;
    struct err err;

    for (unsigned i = 0; i < N_IMAGES; i++) {
        ids[i].text = texts[i];
        ids[i].size = (size_t)sprintf(texts[i], is_text ? "%u a" : "%u", 3 * i);
    }
    for (unsigned i = 0; i < N_CLASSES; i++) {
        class_ids[i] = i < 10 ? i : i < 20 ? 10 * i : i < 30 || digits_max < 4 ? 30 * i : 250 * i;
        class_ids[i] = digits_max > 4 && i > 35 ? 1000000 + i : class_ids[i];
    }
    assert_true(catalog_make(&catalog, NULL, &source, arena, &err));
    return catalog;
}

/* The text between pads that may be read, where misleading bytes stand. */
static char *between_pads(const char *text, size_t size)
{
    static char room[TEXT_MAX + 2 * WINDOW_PAD];

    memset(room, '7', WINDOW_PAD);
    memcpy(room + WINDOW_PAD, text, size);
    memset(room + WINDOW_PAD + size, '\n', WINDOW_PAD);
    return room + WINDOW_PAD;
}

/* Reads by both; returns what the fastest one takes. */
static size_t read_both(struct topk_batch *batch, size_t *n_portable, const struct catalog *catalog,
                        size_t k, const char *text, size_t size)
{
    static struct topk_batch portable;
    const char *at = between_pads(text, size);
    size_t n = topk_plain_read(batch, TOPK_BATCH, catalog, k, at, at + size);

    *n_portable = topk_plain_portable(&portable, TOPK_BATCH, catalog, k, at, at + size);
    assert_true(n <= *n_portable);
    assert_memory_equal(batch->image, portable.image, n * sizeof(portable.image[0]));
    assert_memory_equal(batch->row_bytes, portable.row_bytes, n * sizeof(portable.row_bytes[0]));
    assert_memory_equal(batch->class_index, portable.class_index, n * k * sizeof(uint16_t));
    return n;
}

static void test_topk_plain_rows(void **state)
{
    static const struct {
        const char *name;
        const char *text;
        size_t n;
    } cases[] = {
        {"shortest", "0,1 2 3 4 5\n", 1},
        {"longest of four", "1497,9750 9500 9250 9000 870\n", 1},
        {"CR LF", "3,1 2 3 4 5\r\n6,5 4 3 2 1\r\n", 2},
        {"CR alone", "3,1 2 3 4 5\r6,5 4 3 2 1\n", 0},
        {"CR within", "3,1 2 3 4\r5\n", 0},
        {"no end", "3,1 2 3 4 5", 0},
        {"empty row", "\n3,1 2 3 4 5\n", 0},
        {"four", "3,1 2 3 4\n6,1 2 3 4 5\n", 0},
        {"six", "3,1 2 3 4 5 6\n", 0},
        {"two spaces", "3,1  2 3 4 5\n", 0},
        {"two commas", "3,1,2 3 4 5\n", 0},
        {"space for comma", "3 1 2 3 4 5\n", 0},
        {"comma for space", "3,1 2 3 4,5\n", 0},
        {"comma at the end", "3,1 2 3 4 5,\n", 0},
        {"space at the end", "3,1 2 3 4 5 \n", 0},
        {"space at the start", " 3,1 2 3 4 5\n", 0},
        {"no id", ",1 2 3 4 5\n", 0},
        {"zero before an id", "03,1 2 3 4 5\n", 0},
        {"zero before a class", "3,01 0002 3 4 5\n", 1},
        {"unknown image", "3,1 2 3 4 5\n4,1 2 3 4 5\n", 1},
        {"unknown class", "3,1 2 3 4 5\n6,1 2 3 4 5\n9,1 2 3 4 11\n12,1 2 3 4 5\n", 2},
        {"far class", "3,1 2 3 4 9999\n", 0},
        {"repeats beside", "3,1 2 3 4 4\n", 0},
        {"repeats at the ends", "3,1 2 3 4 1\n", 0},
        {"repeats two places on", "3,1 2 1 4 5\n", 0},
        {"repeats with a zero", "3,1 2 3 4 01\n", 0},
        {"sign", "3,1 2 3 4 -5\n", 0},
        {"quote", "\"3\",1 2 3 4 5\n", 0},
        {"high byte", "3,1 2 3 4 \xb5\n", 0},
        {"eight digits", "3,1 2 3 4 00000005\n", 0},
        {"colon", "3,1 2 3 4 :\n", 0},
    };
    struct catalog catalog = make_catalog(false, false, 4);
    struct topk_batch batch;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        size_t n_portable;
        size_t n =
            read_both(&batch, &n_portable, &catalog, 5, cases[i].text, strlen(cases[i].text));
        if (n != cases[i].n) {
            fail_msg("%s: %zu rows, expected %zu", cases[i].name, n, cases[i].n);
        }
    }
}

static void test_topk_plain_values(void **state)
{
    static const char text[] = "1497,9750 0 8 190 870\n0,1 2 3 4 5\r\n";
    static const uint16_t expected[] = {39, 0, 8, 19, 29, 1, 2, 3, 4, 5};
    struct catalog catalog = make_catalog(false, false, 4);
    struct topk_batch batch;
    size_t n_portable;

    (void)state;
    assert_int_equal(read_both(&batch, &n_portable, &catalog, 5, text, sizeof(text) - 1), 2);
    assert_int_equal(batch.image[0], 499);
    assert_int_equal(batch.image[1], 0);
    assert_memory_equal(batch.class_index, expected, sizeof(expected));
    assert_int_equal(batch.row_bytes[0], 22);
    assert_int_equal(batch.row_bytes[1], 13);
}

static void test_topk_plain_open_classes(void **state)
{
    static const char text[] = "3,9998 1 9997 77 9999\n";
    static const uint16_t expected[] = {CLASS_OTHER, 1, CLASS_OTHER, CLASS_OTHER, CLASS_OTHER};
    struct catalog catalog = make_catalog(false, true, 4);
    struct topk_batch batch;
    size_t n_portable;

    (void)state;
    assert_in_range(read_both(&batch, &n_portable, &catalog, 5, text, sizeof(text) - 1), 0, 1);
    assert_int_equal(n_portable, 1);
    const char *at = between_pads(text, sizeof(text) - 1);
    assert_int_equal(topk_plain_portable(&batch, 1, &catalog, 5, at, at + sizeof(text) - 1), 1);
    assert_memory_equal(batch.class_index, expected, sizeof(expected));
}

/* Up to 60 rows, `wrongs` of 1,000 bytes changed. */
static size_t random_rows(char *text, const struct catalog *catalog, size_t k, unsigned wrongs)
{
    static const char others[] = "0123456789 ,\n\r\"-.a\xff";
    unsigned n_rows = (unsigned)draw_bits(&draw) % 60;
    size_t size = 0;

    for (unsigned i = 0; i < n_rows; i++) {
        char id[CATALOG_ID_BYTES_MAX];
        size_t id_size =
            catalog_image_id(id, catalog, (uint32_t)(draw_bits(&draw) % catalog->n_images));
        uint64_t first = draw_bits(&draw);
        memcpy(text + size, id, id_size);
        size += id_size;
        for (size_t rank = 0; rank < k; rank++) {
            uint64_t class_index = (first + rank * (1 + first % 3)) % catalog->n_classes;
            size += (size_t)sprintf(text + size, "%c%lld", rank == 0 ? ',' : ' ',
                                    (long long)catalog->class_id[class_index]);
        }
        size += (size_t)sprintf(text + size, "%s", first >> 32 & 1 ? "\n" : "\r\n");
    }
    for (size_t i = 0; i < size; i++) {
        if (draw_bits(&draw) % 1000 < wrongs) {
            text[i] = others[draw_bits(&draw) % (sizeof(others) - 1)];
        }
    }
    return size;
}

static void test_topk_plain_fastest_is_portable(void **state)
{
    static char text[TEXT_MAX];
    struct topk_batch batch;
    size_t n_all = 0;
    size_t n_portable_all = 0;

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        bool is_short = i % 4 < 2; /* all ids have few digits: both take the same rows */
        struct catalog catalog = make_catalog(i % 8 >= 4, i % 5 == 0, is_short ? 3 : 7);
        size_t k = i % 3 == 0 ? 1 + i % 7 : 5;
        unsigned wrongs = i % 2 == 0 ? 0 : 1 + i % 9;
        size_t n_portable;
        size_t size = random_rows(text, &catalog, k, wrongs);
        size_t n = read_both(&batch, &n_portable, &catalog, k, text, size);
        if (is_short && wrongs == 0 && n != n_portable) {
            fail_msg("%u: %zu rows of %zu", i, n, n_portable);
        }
        n_all += n;
        n_portable_all += n_portable;
        arena_reset(arena);
    }
    assert_true(n_all > 100000 && n_portable_all > n_all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_topk_plain_rows),
        cmocka_unit_test(test_topk_plain_values),
        cmocka_unit_test(test_topk_plain_open_classes),
        cmocka_unit_test(test_topk_plain_fastest_is_portable),
    };

    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
