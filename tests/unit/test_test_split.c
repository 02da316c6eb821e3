/* SPDX-License-Identifier: MIT */
/* The division into train, validation and test, and the list of photos it is made from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/draw.h"
#include "common/file.h"
#include "scorer/data/photos.h"

static struct arena *arena;

static int arena_start(void **state)
{
    struct err err;

    (void)state;
    return arena_open(&arena, (size_t)1 << 30, &err) ? 0 : -1;
}

static int arena_stop(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

/* One taxon; observer i has photos[i] observations of one photo each. */
static void divide(struct test_split *split, const uint32_t *photos, size_t n_observers)
{
    static uint32_t taxon[10000];
    static uint32_t observer[10000];
    static uint32_t observation[10000];
    struct err err;
    uint32_t n = 0;

    for (uint32_t i = 0; i < n_observers; i++) {
        for (uint32_t j = 0; j < photos[i]; j++, n++) {
            observer[n] = i;
            observation[n] = n;
        }
    }
    struct photo_columns columns = {n, 1, taxon, observer, observation};
    arena_reset(arena);
    assert_true(test_split_make(split, &columns, 1, arena, &err));
}

static void test_make_one_taxon(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t n_observers;
        uint32_t photos[24]; /* by observer; 0 repeats the one before */
        size_t test;
        size_t train;
        size_t val;
    } cases[] = {
        {"the paper's example", 20, {1}, 8, 8, 4},
        {"19 observers", 19, {2}, 0, 0, 0},
        {"21 observers: 8 to test", 21, {1}, 8, 8, 5},
        {"exactly a third of 12", 20, {1}, 8, 8, 4},
        /* 12 x 100 train-val: one observer has more than 30 photos */
        {"one rich observer fills it", 20, {100}, 800, 1100, 100},
        /* 30 photos are not more than 30: a second observer follows */
        {"30 photos are not full", 20, {30}, 240, 300, 60},
        {"31 photos are", 20, {31}, 248, 341, 31},
        /* fewest first: 8 of the ones to test; 11 ones do not fill it, and the 70 are taken too */
        {"nothing left to train", 20, {70, 1}, 8, 0, 81},
        {"the largest observers come last", 24, {500, 500, 500, 1}, 9, 1000, 512},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint32_t photos[24];
        struct test_split split;
        for (size_t j = 0; j < cases[i].n_observers; j++) {
            photos[j] = cases[i].photos[j] != 0 ? cases[i].photos[j] : photos[j - 1];
        }
        divide(&split, photos, cases[i].n_observers);
        print_message("%s\n", cases[i].name);
        assert_int_equal(split.n_photos[PART_TEST_PUBLIC] + split.n_photos[PART_TEST_PRIVATE],
                         cases[i].test);
        assert_int_equal(split.n_photos[PART_TEST_PUBLIC], cases[i].test / 2);
        assert_int_equal(split.n_photos[PART_TRAIN], cases[i].train);
        assert_int_equal(split.n_photos[PART_VAL], cases[i].val);
        assert_int_equal(split.n_taxa_left_out, cases[i].test == 0);
        assert_int_equal(split.n_taxa_untrained, cases[i].test != 0 && cases[i].train == 0);
    }
}

/* Photos of one observation count once: 20 observers, but 19 observations are impossible; so 20
 * observers of which one has all its photos in one observation. */
static void test_make_counts_observations_not_photos(void **state)
{
    (void)state;
    uint32_t taxon[60] = {0};
    uint32_t observer[60];
    uint32_t observation[60];
    struct test_split split;
    struct err err;

    /* observer 0: 1 observation of 22 photos; observers 1 to 19: 2 observations of 1 photo */
    for (uint32_t i = 0; i < 60; i++) {
        observer[i] = i < 22 ? 0 : 1 + (i - 22) / 2;
        observation[i] = i < 22 ? 0 : i;
    }
    struct photo_columns columns = {60, 1, taxon, observer, observation};
    arena_reset(arena);
    assert_true(test_split_make(&split, &columns, 1, arena, &err));
    assert_true(split.part[0] == PART_TEST_PUBLIC || split.part[0] == PART_TEST_PRIVATE);
    assert_int_equal(split.n_photos[PART_TEST_PUBLIC] + split.n_photos[PART_TEST_PRIVATE],
                     22 + 7 * 2);
}

enum { N_LIST = 20000, N_TAXA = 60, N_OBSERVERS = 120 };

struct list_row {
    uint32_t taxon;
    uint32_t observer;
    uint32_t observation;
};

static void list_write(const char *path, const struct list_row *rows, const uint32_t *order)
{
    FILE *out = fopen(path, "w");

    assert_non_null(out);
    fprintf(out, "observer,extra,photo,taxon,observation\n");
    for (uint32_t i = 0; i < N_LIST; i++) {
        const struct list_row *row = &rows[order[i]];
        fprintf(out, "u%u,x,p%u,\"t,%u\",o%u\n", row->observer, order[i], row->taxon,
                row->observation);
    }
    assert_int_equal(fclose(out), 0);
}

static void list_divide(struct photos *photos, struct test_split *split, const char *path,
                        uint64_t seed)
{
    static struct problems problems;
    struct err err;

    assert_true(photos_read(photos, path, &problems, arena, &err));
    assert_true(test_split_make(split, &photos->columns, seed, arena, &err));
}

static bool is_test(uint8_t part)
{
    return part == PART_TEST_PUBLIC || part == PART_TEST_PRIVATE;
}

/* No observer's photos of a taxon are in two of train, val and test. */
static void check_sides(const struct photos *photos, const struct test_split *split)
{
    static uint8_t side[N_TAXA][N_OBSERVERS];

    memset(side, 0, sizeof(side));
    for (size_t i = 0; i < N_LIST; i++) {
        uint8_t own = (uint8_t)(1 + (is_test(split->part[i]) ? PART_TEST_PUBLIC : split->part[i]));
        uint8_t *seen = &side[photos->columns.taxon[i]][photos->columns.observer[i]];
        assert_true(*seen == 0 || *seen == own);
        *seen = own;
    }
}

static void test_photos_read_and_make(void **state)
{
    (void)state;
    static struct list_row rows[N_LIST];
    static uint32_t order[N_LIST];
    char path[] = "/tmp/assay-photos-XXXXXX";
    struct draw draw = {.state = 5};
    struct photos photos[3];
    struct test_split split[3];

    for (uint32_t i = 0; i < N_LIST; i++) {
        order[i] = i;
        rows[i] = i % 3 != 0 ? rows[i - 1]
                             : (struct list_row){(uint32_t)draw_below(&draw, N_TAXA),
                                                 (uint32_t)draw_below(&draw, N_OBSERVERS), i};
    }
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    arena_reset(arena);
    list_write(path, rows, order);
    list_divide(&photos[0], &split[0], path, 1);
    list_divide(&photos[1], &split[1], path, 2);
    for (uint32_t i = N_LIST - 1; i > 0; i--) {
        uint32_t other = (uint32_t)draw_below(&draw, i + 1);
        uint32_t swap = order[i];
        order[i] = order[other];
        order[other] = swap;
    }
    list_write(path, rows, order);
    list_divide(&photos[2], &split[2], path, 1);
    unlink(path);
    check_sides(&photos[0], &split[0]);
    assert_int_equal(photos[0].columns.n_taxa, N_TAXA);
    assert_memory_equal(photos[0].taxon[1].text, "t,1", 3);
    assert_int_equal(split[0].n_photos[PART_TEST_PUBLIC],
                     (split[0].n_photos[PART_TEST_PUBLIC] + split[0].n_photos[PART_TEST_PRIVATE]) /
                         2);
    /* the order of the file changes nothing, the seed only the half */
    assert_memory_equal(split[0].part, split[2].part, N_LIST);
    assert_memory_not_equal(split[0].part, split[1].part, N_LIST);
    for (size_t i = 0; i < N_LIST; i++) {
        assert_true(split[0].part[i] == split[1].part[i] || is_test(split[0].part[i]));
    }
}

static void test_photos_read_problems(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *text;
        uint64_t n_problems;
        uint64_t line;
        uint32_t column;
        const char *problem;
    } cases[] = {
        {"empty file", "", 1, 1, 1, "file has no header"},
        {"missing column", "photo,taxon,observer\n", 1, 1, 1,
         "header has 0 columns 'observation', expected 1"},
        {"repeated column", "photo,taxon,observer,observation,photo\n", 1, 1, 1,
         "header has 2 columns 'photo', expected 1"},
        {"short row", "photo,taxon,observer,observation\n1,2,3\n", 1, 2, 1,
         "row has 3 fields, observation is field 4"},
        {"empty field", "photo,taxon,observer,observation\n1,2,3,4\n2,,3,4\n", 1, 3, 3,
         "taxon is empty"},
        {"repeated photo", "photo,taxon,observer,observation\n1,2,3,4\n1,2,3,4\n", 1, 3, 1,
         "photo '1' stands in line 2"},
        {"two taxa", "photo,taxon,observer,observation\n1,2,3,4\n2,5,3,4\n", 1, 3, 1,
         "observation '4' has another taxon in line 2"},
        {"two observers", "photo,taxon,observer,observation\n1,2,3,4\n2,2,9,4\n", 1, 3, 1,
         "observation '4' has another observer in line 2"},
        {"wrong quote", "photo,taxon,observer,observation\n1,2\"x,3,4\n2,2,9\n", 2, 2, 4,
         "quote inside a field without quotes"},
        {"header only", "photo,taxon,observer,observation\n", 0, 0, 0, NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char path[] = "/tmp/assay-photos-XXXXXX";
        struct problems problems = {0};
        struct photos photos;
        struct err err;
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        assert_true(write_full(fd, cases[i].text, strlen(cases[i].text), &err));
        close(fd);
        arena_reset(arena);
        print_message("%s\n", cases[i].name);
        bool is_read = photos_read(&photos, path, &problems, arena, &err);
        unlink(path);
        assert_int_equal(is_read, cases[i].problem == NULL);
        assert_int_equal(problems.n_all, cases[i].n_problems);
        if (!is_read) {
            assert_int_equal(err.code, ERR_INPUT);
            assert_string_equal(problems.kept[0].text, cases[i].problem);
            assert_int_equal(problems.kept[0].line, cases[i].line);
            assert_int_equal(problems.kept[0].column, cases[i].column);
        }
    }
}

/* The first outputs for seed 0 that the authors' own code gives */
static void test_draw_bits_known(void **state)
{
    (void)state;
    struct draw draw = {.state = 0};

    assert_int_equal(draw_bits(&draw), 0xe220a8397b1dcdaf);
    assert_int_equal(draw_bits(&draw), 0x6e789e6aa1b965f4);
    assert_int_equal(draw_bits(&draw), 0x06c45d188009454f);
    for (int i = 0; i < 10000; i++) {
        assert_true(draw_below(&draw, 3) < 3);
        double unit = draw_unit(&draw);
        assert_true(unit >= 0 && unit < 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_make_one_taxon),
        cmocka_unit_test(test_make_counts_observations_not_photos),
        cmocka_unit_test(test_photos_read_and_make),
        cmocka_unit_test(test_photos_read_problems),
        cmocka_unit_test(test_draw_bits_known),
    };
    return cmocka_run_group_tests(tests, arena_start, arena_stop);
}
