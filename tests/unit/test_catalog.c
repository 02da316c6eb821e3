/* SPDX-License-Identifier: MIT */
/* The catalog: order of images, lookups of every kind of id, damaged blocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/macros.h"
#include "scorer/data/catalog.h"
#include "scorer/metric/arrays.h"

enum { IDS_MAX = 8 };

static struct arena *open_arena(void)
{
    struct arena *arena = NULL;
    struct err err = {0};

    assert_true(arena_open(&arena, 256 << 20, &err));
    return arena;
}

static size_t take_ids(struct id_text ids[static IDS_MAX], const char *const *texts)
{
    size_t n = 0;

    for (; n < IDS_MAX && texts[n] != NULL; n++) {
        ids[n] = (struct id_text){.text = texts[n], .size = strlen(texts[n])};
    }
    return n;
}

static uint32_t find(const struct catalog *catalog, const char *text)
{
    return catalog_find_image(catalog, text, strlen(text));
}

static void test_catalog_make_orders_images(void **state)
{
    static const struct {
        const char *name;
        const char *ids[IDS_MAX + 1];
        const char *order[IDS_MAX + 1];
        bool has_numbers;
        bool is_plain;
    } cases[] = {
        {"numbers", {"10", "9", "300"}, {"9", "10", "300"}, true, true},
        {"repeated numbers", {"2", "1", "2"}, {"1", "2"}, true, true},
        {"far numbers", {"9007199254740991", "5"}, {"5", "9007199254740991"}, false, true},
        {"leading zeros", {"010", "9", "10"}, {"9", "010", "10"}, false, true},
        {"signs", {"5", "-3", "+4"}, {"-3", "+4", "5"}, false, true},
        {"texts", {"b", "10", "9", "a"}, {"10", "9", "a", "b"}, false, true},
        {"prefixes", {"ab", "a", "abc", "ab"}, {"a", "ab", "abc"}, false, true},
        {"too large for a number",
         {"99999999999999999999", "5"},
         {"5", "99999999999999999999"},
         false,
         true},
        {"quote inside", {"a\"b", "a"}, {"a", "a\"b"}, false, false},
        {"space at the end", {"a ", "a"}, {"a", "a "}, false, false},
        {"space inside", {"a b", "a"}, {"a", "a b"}, false, true},
        {"none", {NULL}, {NULL}, false, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct arena *arena = open_arena();
        struct id_text ids[IDS_MAX];
        struct catalog_source source = {.ids = ids, .n_ids = take_ids(ids, cases[i].ids)};
        struct catalog catalog;
        struct err err = {0};
        char id[CATALOG_ID_BYTES_MAX];
        uint32_t index_of[IDS_MAX];
        uint32_t n = 0;

        print_message("%s\n", cases[i].name);
        assert_true(catalog_make(&catalog, index_of, &source, arena, &err));
        for (; cases[i].order[n] != NULL; n++) {
            size_t size = catalog_image_id(id, &catalog, n);
            assert_int_equal(size, strlen(cases[i].order[n]));
            assert_memory_equal(id, cases[i].order[n], size);
            assert_int_equal(find(&catalog, cases[i].order[n]), n);
        }
        assert_int_equal(catalog.n_images, n);
        for (size_t j = 0; j < source.n_ids; j++) {
            assert_int_equal(index_of[j], find(&catalog, cases[i].ids[j]));
        }
        assert_int_equal(catalog.number_word != NULL, cases[i].has_numbers);
        assert_int_equal(catalog.is_plain, cases[i].is_plain);
        arena_close(&arena);
    }
}

static void test_catalog_find_image_is_byte_for_byte(void **state)
{
    static const char *const lists[][IDS_MAX + 1] = {{"1", "20", "300"}, {"1", "20", "00300"}};
    static const char *const others[] = {"",
                                         "01",
                                         "+1",
                                         "1 ",
                                         " 1",
                                         "1.0",
                                         "2",
                                         "-1",
                                         "0",
                                         "0300",
                                         "18446744073709551617",
                                         "301",
                                         "30x",
                                         "1\n",
                                         "99999999999999999999999"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        struct arena *arena = open_arena();
        struct id_text ids[IDS_MAX];
        struct catalog_source source = {.ids = ids, .n_ids = take_ids(ids, lists[i])};
        struct catalog catalog;
        struct err err = {0};

        assert_true(catalog_make(&catalog, NULL, &source, arena, &err));
        for (size_t j = 0; j < ARRAY_SIZE(others); j++) {
            assert_int_equal(find(&catalog, others[j]), CATALOG_NONE);
        }
        assert_int_equal(catalog_find_image(&catalog, "1\0", 2), CATALOG_NONE);
        arena_close(&arena);
    }
}

/* Many ids of one form: each is found, its neighbours are not. */
static void check_many(const char *prefix, int width, uint32_t step, const char *suffix)
{
    enum { N = 20000 };
    static char texts[N][32];
    static struct id_text ids[N];
    struct catalog_source source = {.ids = ids, .n_ids = N};
    struct arena *arena = open_arena();
    struct catalog catalog;
    struct catalog opened;
    struct err err = {0};
    char id[CATALOG_ID_BYTES_MAX];
    char other[32];

    for (uint32_t i = 0; i < N; i++) {
        int size =
            snprintf(texts[i], sizeof(texts[i]), "%s%0*u%s", prefix, width, i * step, suffix);
        ids[i] = (struct id_text){.text = texts[i], .size = (size_t)size};
    }
    assert_true(catalog_make(&catalog, NULL, &source, arena, &err));
    assert_true(catalog_open(&opened, catalog.block, catalog.block_bytes, &err));
    for (uint32_t i = 0; i < N; i++) {
        uint32_t image = catalog_find_image(&opened, ids[i].text, ids[i].size);
        assert_true(image < N);
        assert_int_equal(catalog_image_id(id, &opened, image), ids[i].size);
        assert_memory_equal(id, ids[i].text, ids[i].size);
        snprintf(other, sizeof(other), "%s%0*u%s", prefix, width, i * step + 1, suffix);
        assert_int_equal(find(&opened, other), CATALOG_NONE);
    }
    arena_close(&arena);
}

static void test_catalog_find_image_among_many(void **state)
{
    (void)state;
    check_many("", 1, 2, "");
    check_many("", 1, 1000, "");
    check_many("99999999999999", 5, 2, "");
    check_many("", 6, 3, "");
    check_many("ILSVRC2012_val_", 8, 2, ".JPEG");
    check_many("x", 1, 7, "");
}

static void test_catalog_find_class(void **state)
{
    static const int64_t close[] = {0, 3, 90};
    static const int64_t far[] = {-5, 2, 3000000000};
    struct arena *arena = open_arena();
    struct catalog_source source = {.class_ids = close, .n_classes = 3};
    struct catalog catalog;
    struct err err = {0};

    (void)state;
    assert_true(catalog_make(&catalog, NULL, &source, arena, &err));
    assert_non_null(catalog.class_slot);
    assert_int_equal(catalog_find_class(&catalog, 0), 0);
    assert_int_equal(catalog_find_class(&catalog, 90), 2);
    assert_int_equal(catalog_find_class(&catalog, 91), CATALOG_NONE);
    assert_int_equal(catalog_find_class(&catalog, 1), CATALOG_NONE);
    assert_int_equal(catalog_find_class(&catalog, -1), CATALOG_NONE);
    source.is_open_classes = true;
    assert_true(catalog_make(&catalog, NULL, &source, arena, &err));
    assert_int_equal(catalog_find_class(&catalog, 3), 1);
    assert_int_equal(catalog_find_class(&catalog, 1), CLASS_OTHER);
    assert_int_equal(catalog_find_class(&catalog, INT64_MAX), CLASS_OTHER);
    assert_int_equal(catalog_find_class(&catalog, -1), CATALOG_NONE);
    source = (struct catalog_source){.class_ids = far, .n_classes = 3};
    assert_true(catalog_make(&catalog, NULL, &source, arena, &err));
    assert_null(catalog.class_slot);
    assert_int_equal(catalog_find_class(&catalog, -5), 0);
    assert_int_equal(catalog_find_class(&catalog, 3000000000), 2);
    assert_int_equal(catalog_find_class(&catalog, 3), CATALOG_NONE);
    arena_close(&arena);
}

static void test_catalog_find_name(void **state)
{
    static const int64_t ids[] = {1, 2, 3, 4, 5};
    static const char *const names[] = {"dog", "/m/01g317", "", "two words", "dog"};
    struct arena *arena = open_arena();
    struct catalog_source source = {.class_ids = ids, .n_classes = 5, .class_names = names};
    struct catalog catalog;
    struct catalog opened;
    struct err err = {0};

    (void)state;
    assert_true(catalog_make(&catalog, NULL, &source, arena, &err));
    assert_true(catalog_open(&opened, catalog.block, catalog.block_bytes, &err));
    assert_int_equal(catalog_find_name(&opened, "/m/01g317", 9), 1);
    assert_int_equal(catalog_find_name(&opened, "dog", 3), CATALOG_NONE); /* which one? */
    assert_int_equal(catalog_find_name(&opened, "", 0), CATALOG_NONE);
    assert_int_equal(catalog_find_name(&opened, "two words", 9), CATALOG_NONE);
    assert_int_equal(catalog_find_name(&opened, "cat", 3), CATALOG_NONE);
    source.class_names = NULL;
    assert_true(catalog_make(&catalog, NULL, &source, arena, &err));
    assert_int_equal(catalog_find_name(&catalog, "dog", 3), CATALOG_NONE);
    arena_close(&arena);
}

static void test_catalog_image_size(void **state)
{
    static const uint32_t sizes[][2] = {{640, 480}, {3, 4}};
    static const uint32_t numbers[] = {12, 5};
    struct id_text texts[] = {{"b", 1}, {"a", 1}};
    struct arena *arena = open_arena();
    struct catalog_source source = {.ids = texts, .n_ids = 2, .sizes = sizes};
    struct catalog catalog;
    struct err err = {0};

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_true(catalog_make(&catalog, NULL, &source, arena, &err));
        assert_int_equal(catalog.image_size[0][0], 3);
        assert_int_equal(catalog.image_size[1][1], 480);
        source.numbers = numbers;
        source.ids = NULL;
    }
    source.sizes = NULL;
    assert_true(catalog_make(&catalog, NULL, &source, arena, &err));
    assert_null(catalog.image_size);
    arena_close(&arena);
}

static void test_catalog_make_refuses(void **state)
{
    struct arena *arena = open_arena();
    struct arena *small = NULL;
    struct id_text ids[] = {{"a", 1}, {"", 0}};
    char long_id[CATALOG_ID_BYTES_MAX + 1] = {0};
    struct catalog_source source = {.ids = ids, .n_ids = 2};
    struct catalog catalog;
    struct err err = {0};

    (void)state;
    assert_false(catalog_make(&catalog, NULL, &source, arena, &err));
    assert_int_equal(err.code, ERR_INPUT);
    ids[1] = (struct id_text){.text = long_id, .size = sizeof(long_id)};
    assert_false(catalog_make(&catalog, NULL, &source, arena, &err));
    assert_int_equal(err.code, ERR_INPUT);
    ids[1].size--;
    assert_true(catalog_make(&catalog, NULL, &source, arena, &err));
    source.n_classes = CLASSES_MAX + 1;
    assert_false(catalog_make(&catalog, NULL, &source, arena, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    source = (struct catalog_source){.n_ids = CATALOG_IMAGES_MAX + 1};
    assert_false(catalog_make(&catalog, NULL, &source, arena, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    source = (struct catalog_source){.ids = ids, .n_ids = 2};
    assert_true(arena_open(&small, 64, &err));
    assert_false(catalog_make(&catalog, NULL, &source, small, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    arena_close(&small);
    arena_close(&arena);
}

/* Every word of a block set to a wrong value: refused, or lookups stay inside the block. */
static void check_damaged(const struct catalog *catalog)
{
    static const uint32_t wrong[] = {0, 1, 77, 0x7fffffff, UINT32_MAX};
    size_t size = catalog->block_bytes;
    uint32_t *copy = aligned_alloc(64, size);
    char id[CATALOG_ID_BYTES_MAX];
    struct catalog opened;
    struct err err = {0};

    assert_non_null(copy);
    for (size_t i = 0; i < size / 4; i++) {
        for (size_t j = 0; j < ARRAY_SIZE(wrong); j++) {
            memcpy(copy, catalog->block, size);
            copy[i] = wrong[j];
            if (catalog_open(&opened, copy, size, &err)) {
                find(&opened, "1");
                find(&opened, "30");
                find(&opened, "a long id that is not there");
                catalog_find_class(&opened, 7);
                catalog_find_name(&opened, "yz", 2);
                for (uint32_t k = 0; k < opened.n_images; k++) {
                    assert_in_range(catalog_image_id(id, &opened, k), 1, CATALOG_ID_BYTES_MAX);
                }
            } else {
                assert_int_equal(err.code, ERR_PEER);
            }
        }
    }
    assert_false(catalog_open(&opened, catalog->block, size - 64, &err));
    assert_false(catalog_open(&opened, catalog->block, 8, &err));
    free(copy);
}

static void test_catalog_open_survives_damage(void **state)
{
    static const char *const lists[][IDS_MAX + 1] = {{"1", "20", "30"}, {"a", "20", "00300"}};
    static const int64_t classes[] = {1, 7};
    static const char *const names[] = {"x", "yz"};
    static const uint32_t sizes[][2] = {{1, 2}, {3, 4}, {5, 6}};
    struct arena *arena = open_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        struct id_text ids[IDS_MAX];
        struct catalog_source source = {.ids = ids,
                                        .n_ids = take_ids(ids, lists[i]),
                                        .sizes = sizes,
                                        .class_ids = classes,
                                        .class_names = names,
                                        .n_classes = ARRAY_SIZE(classes)};
        struct catalog catalog;
        struct err err = {0};
        assert_true(catalog_make(&catalog, NULL, &source, arena, &err));
        check_damaged(&catalog);
    }
    arena_close(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_catalog_make_orders_images),
        cmocka_unit_test(test_catalog_find_image_is_byte_for_byte),
        cmocka_unit_test(test_catalog_find_image_among_many),
        cmocka_unit_test(test_catalog_find_class),
        cmocka_unit_test(test_catalog_find_name),
        cmocka_unit_test(test_catalog_image_size),
        cmocka_unit_test(test_catalog_make_refuses),
        cmocka_unit_test(test_catalog_open_survives_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
