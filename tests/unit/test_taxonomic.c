/* SPDX-License-Identifier: MIT */
/* Reports' arithmetic: heights in the tree of life, the open world, box plots; and their loader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "scorer/data/taxonomy.h"
#include "scorer/metric/boxplot.h"
#include "scorer/metric/openworld.h"

static struct arena *arena;

static int arena_start(void **state)
{
    struct err err;

    (void)state;
    return arena_open(&arena, (size_t)64 << 20, &err) ? 0 : -1;
}

static int arena_stop(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

/* Writes a file for one test; the caller unlinks it. */
static void file_make(char path[static 32], const char *text)
{
    struct err err;

    strcpy(path, "/tmp/assay-taxonomy-XXXXXX"); /* tidy: a literal that fits */
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_true(write_full(fd, text, strlen(text), &err));
    close(fd);
}

static const int64_t ids[] = {1, 2, 3, 4, 5, 6};

static const struct class_info six_classes = {.n_classes = 6, .id = ids};

/* Two gulls, a gannet of the genus Morus, a mulberry of the genus Morus, a beetle, one unranked. */
static const char six_ranks[] =
    "category_id,name,kingdom,phylum,class,order,family,genus,train_images\n"
    "1,herring gull,Animalia,Chordata,Aves,Charadriiformes,Laridae,Larus,10\n"
    "2,laughing gull,Animalia,Chordata,Aves,Charadriiformes,Laridae,Leucophaeus,20\n"
    "3,gannet,Animalia,Chordata,Aves,Suliformes,Sulidae,Morus,30\n"
    "4,mulberry,Plantae,Tracheophyta,Magnoliopsida,Rosales,Moraceae,Morus,40\n"
    "99,not ours,Plantae,x,x,x,x,x,1\n"
    "5,beetle,Animalia,Arthropoda,Insecta,,,Morus,0\n";

static void six_load(struct taxonomy *taxonomy)
{
    struct problems problems = {0};
    char path[32];
    struct err err;

    arena_reset(arena);
    file_make(path, six_ranks);
    assert_true(taxonomy_load(taxonomy, path, &six_classes, &problems, arena, &err));
    unlink(path);
}

static void test_taxonomic_height(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint16_t a;
        uint16_t b;
        unsigned height;
    } cases[] = {
        {"itself", 0, 0, 0},
        {"same family", 0, 1, 2},
        {"same class", 0, 2, 4},
        {"a genus of plants and one of animals", 2, 3, 7},
        {"same kingdom, genus of the same name below another phylum", 2, 4, 6},
        {"no ranks", 0, 5, 7},
        {"no ranks, itself", 5, 5, 0},
        {"a class of none", 0, CLASS_OTHER, 7},
    };
    struct taxonomy taxonomy;

    six_load(&taxonomy);
    assert_int_equal(taxonomy.n_ranks, 6);
    assert_string_equal(taxonomy.rank_name[2], "class");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        print_message("%s\n", cases[i].name);
        assert_int_equal(taxonomic_height(&taxonomy, cases[i].a, cases[i].b), cases[i].height);
        if (cases[i].b < 6) {
            assert_int_equal(taxonomic_height(&taxonomy, cases[i].b, cases[i].a), cases[i].height);
        }
    }
}

static void test_taxonomy_load_fewer_ranks(void **state)
{
    (void)state;
    struct problems problems = {0};
    struct taxonomy taxonomy;
    char path[32];
    struct err err;

    arena_reset(arena);
    file_make(path, "genus,category_id,family\nLarus,1,Laridae\nLeucophaeus,2,Laridae\n");
    assert_true(taxonomy_load(&taxonomy, path, &six_classes, &problems, arena, &err));
    unlink(path);
    assert_int_equal(taxonomy.n_ranks, 2);
    assert_string_equal(taxonomy.rank_name[0], "family");
    assert_int_equal(taxonomic_height(&taxonomy, 0, 1), 2);
    assert_int_equal(taxonomic_height(&taxonomy, 0, 2), 3);

    /* where `class` is the id there are no ranks */
    file_make(path, "class,supercategory\n1,Birds\n");
    assert_true(taxonomy_load(&taxonomy, path, &six_classes, &problems, arena, &err));
    unlink(path);
    assert_int_equal(taxonomy.n_ranks, 0);
}

static void test_taxonomy_load_problems(void **state)
{
    (void)state;
    struct problems problems = {0};
    struct taxonomy taxonomy;
    const int64_t *counts;
    char path[32];
    struct err err;

    arena_reset(arena);
    file_make(path, "category_id,genus\n1,Larus\nx,Larus\n");
    assert_false(taxonomy_load(&taxonomy, path, &six_classes, &problems, arena, &err));
    unlink(path);
    assert_int_equal(err.code, ERR_INPUT);
    assert_int_equal(problems.kept[0].line, 3);
    assert_false(taxonomy_load(&taxonomy, path, &six_classes, &problems, arena, &err));
    assert_int_equal(err.code, ERR_INPUT); /* no such file */

    problems = (struct problems){0};
    file_make(path, "category_id,train_images\n1,-5\n2,7\n77,1\n");
    assert_false(taxonomy_load_counts(&counts, path, &six_classes, &problems, arena, &err));
    unlink(path);
    assert_int_equal(problems.n_all, 1);
    assert_int_equal(problems.kept[0].line, 2);
    assert_int_equal(problems.kept[0].column, 3);
    problems = (struct problems){0};
    file_make(path, "class,train_images\n2,7\n77,1\n");
    assert_true(taxonomy_load_counts(&counts, path, &six_classes, &problems, arena, &err));
    unlink(path);
    assert_int_equal(counts[0], -1);
    assert_int_equal(counts[1], 7);
}

/* Five guesses of four images, rank-major with a stride of 32. */
static const struct topk_columns *four_images(void)
{
    static uint16_t ranks[5 * 32];
    static const uint16_t guesses[4][5] = {
        {0, 1, 2, 3, 4},           /* right at once */
        {1, 2, 0, 3, 4},           /* right at the third; the first is of the same family */
        {3, 4, 5, CLASS_OTHER, 1}, /* never right, truth 2: the last is of the same class */
        {4, 5, 1, 2, 3},           /* ignored */
    };
    static const struct topk_columns columns = {4, 32, 5, ranks};

    for (size_t image = 0; image < 4; image++) {
        for (size_t rank = 0; rank < 5; rank++) {
            ranks[rank * 32 + image] = guesses[image][rank];
        }
    }
    return &columns;
}

static const uint16_t four_truth[] = {0, 0, 2, 0};
static const uint8_t four_split[] = {SPLIT_PUBLIC, SPLIT_PRIVATE, SPLIT_PUBLIC, SPLIT_IGNORED};
static const struct class_labels four_labels = {4, 6, four_truth, four_split};

static void test_taxonomic_count(void **state)
{
    (void)state;
    struct taxonomic_counts counts;
    struct taxonomy taxonomy;

    six_load(&taxonomy);
    taxonomic_count(&counts, &taxonomy, four_images(), &four_labels, 3);
    assert_int_equal(counts.images, 3);
    assert_memory_equal(counts.first, ((int64_t[]){1, 0, 1, 0, 0, 0, 0, 1}), 64);
    assert_memory_equal(counts.nearest, ((int64_t[]){2, 0, 0, 0, 1, 0, 0, 0}), 64);
    assert_float_equal(taxonomic_error(counts.first, &taxonomy), 9.0 / 21, 1e-15);
    taxonomic_count(&counts, &taxonomy, four_images(), &four_labels, 1u << SPLIT_PRIVATE);
    assert_int_equal(counts.images, 1);
    assert_float_equal(taxonomic_error(counts.first, &taxonomy), 2.0 / 7, 1e-15);
    taxonomic_count(&counts, &taxonomy, four_images(), &four_labels, 0);
    assert_float_equal(taxonomic_error(counts.first, &taxonomy), 0, 0);
}

static void test_open_world_count(void **state)
{
    (void)state;
    static const int64_t train_images[] = {5, 5, 0, 5, 5, 5};
    struct open_world counts;

    /* class 3 is the reserved one: nobody is unknown, image 2 is guessed so */
    open_world_count(&counts, four_images(), &four_labels, 3, NULL, 3);
    assert_int_equal(counts.known, 3);
    assert_int_equal(counts.known_top1, 1);
    assert_int_equal(counts.known_top5, 2);
    assert_int_equal(counts.unknown, 0);
    assert_int_equal(counts.guessed_unknown, 1);
    assert_int_equal(counts.right_unknown, 0);
    /* class 2 was never seen in training: image 2 is unknown, and found */
    open_world_count(&counts, four_images(), &four_labels, 3, train_images, 3);
    assert_int_equal(counts.known, 2);
    assert_int_equal(counts.unknown, 1);
    assert_int_equal(counts.right_unknown, 1);
    /* the truth itself is the reserved class */
    open_world_count(&counts, four_images(), &four_labels, 0, NULL, 1u << SPLIT_PUBLIC);
    assert_int_equal(counts.known, 1);
    assert_int_equal(counts.unknown, 1);
    assert_int_equal(counts.right_unknown, 1);
}

static void test_boxplot_make(void **state)
{
    (void)state;
    /* quartiles as numpy.percentile gives them */
    static const struct {
        const char *name;
        size_t n;
        double values[8];
        struct boxplot expected;
    } cases[] = {
        {"none", 0, {0}, {0}},
        {"one", 1, {3}, {1, 3, 3, 3, 3, 3, 3, 0}},
        {"four", 4, {4, 1, 3, 2}, {4, 1, 1.75, 2.5, 3.25, 4, 2.5, 0}},
        {"one far above", 5, {1, 2, 3, 4, 100}, {5, 1, 2, 3, 4, 4, 22, 1}},
        {"one far below", 5, {-90, 2, 3, 4, 6}, {5, 2, 2, 3, 4, 6, -15, 1}},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct boxplot plot;
        double values[8];
        memcpy(values, cases[i].values, sizeof(values));
        print_message("%s\n", cases[i].name);
        boxplot_make(&plot, values, cases[i].n);
        assert_memory_equal(&plot, &cases[i].expected, sizeof(plot));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_taxonomic_height),
        cmocka_unit_test(test_taxonomy_load_fewer_ranks),
        cmocka_unit_test(test_taxonomy_load_problems),
        cmocka_unit_test(test_taxonomic_count),
        cmocka_unit_test(test_open_world_count),
        cmocka_unit_test(test_boxplot_make),
    };
    return cmocka_run_group_tests(tests, arena_start, arena_stop);
}
