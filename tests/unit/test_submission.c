/* SPDX-License-Identifier: MIT */
/* Submissions: right ones in every dress, all that can be wrong, and the same answer for any cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/draw.h"
#include "common/macros.h"
#include "scorer/data/reading.h"
#include "scorer/data/submission.h"
#include "scorer/metric/boxrows.h"

enum { IDS_MAX = 4, PROBLEMS_MAX = 6 };

static const struct submission_columns columns = {.id = "id",
                                                  .predicted = "predicted",
                                                  .image_id = "image_id",
                                                  .category_id = "category_id",
                                                  .score = "score",
                                                  .x = "x",
                                                  .y = "y",
                                                  .width = "width",
                                                  .height = "height",
                                                  .prediction_string = "boxes"};

/* label score x y width height */
static const struct prediction_form by_size = {
    .n_tokens = 6,
    .tokens = {PREDICTION_LABEL, PREDICTION_SCORE, PREDICTION_X, PREDICTION_Y, PREDICTION_WIDTH,
               PREDICTION_HEIGHT},
    .has_label = true,
    .none = "no_box",
};

/* xmin ymin xmax ymax score, of the only class, as shares of the image */
static const struct prediction_form by_edges = {
    .n_tokens = 5,
    .tokens = {PREDICTION_X, PREDICTION_Y, PREDICTION_XMAX, PREDICTION_YMAX, PREDICTION_SCORE},
    .is_normalized = true,
};

static const char *const letters[] = {"a", "b", "c", NULL};
static const char *const numbers[] = {"7", "10", "300", NULL};
static const int64_t class_ids[] = {0, 1, 2, 5, 90};
static const char *const class_names[] = {"", "dog", "cat", "/m/5", "90"};
static const uint32_t sizes[][2] = {{100, 200}, {640, 480}, {1, 1}};

static struct arena *arena;
static struct problems problems;

static int open_arena(void **state)
{
    struct err err;

    (void)state;
    return !arena_open(&arena, (size_t)1 << 30, &err);
}

static int close_arena(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

static struct catalog make_catalog(const char *const *texts, bool is_open)
{
    struct id_text ids[IDS_MAX];
    struct catalog_source source = {.ids = ids,
                                    .class_ids = class_ids,
                                    .class_names = class_names,
                                    .n_classes = ARRAY_SIZE(class_ids),
                                    .sizes = texts == NULL ? NULL : sizes,
                                    .is_open_classes = is_open,
                                    .is_open_images = texts == NULL};
    struct catalog catalog;
    struct err err = {0};

    for (; texts != NULL && texts[source.n_ids] != NULL; source.n_ids++) {
        ids[source.n_ids] =
            (struct id_text){.text = texts[source.n_ids], .size = strlen(texts[source.n_ids])};
    }
    assert_true(catalog_make(&catalog, NULL, &source, arena, &err));
    return catalog;
}

static struct submission_source make_source(const struct catalog *catalog,
                                            enum submission_format format, size_t k,
                                            const char *text, size_t size)
{
    return (struct submission_source){
        .form = {.format = format, .k = k, .columns = &columns, .prediction = &by_size},
        .catalog = catalog,
        .data = text,
        .size = size,
        .fd = -1,
        .n_threads = 1,
    };
}

/* As arrays, until the arena's end. */
static const struct box_columns *flatten(const struct box_columns *boxes)
{
    struct err err;
    struct box_columns *flat = arena_alloc(arena, 1, sizeof(*flat), &err);

    assert_true(flat != NULL && boxrows_flatten(flat, boxes, arena, &err));
    return flat;
}

static void print_problems(void)
{
    for (uint32_t i = 0; i < problems.n_kept; i++) {
        print_message("  %llu:%u %s\n", (unsigned long long)problems.kept[i].line,
                      problems.kept[i].column, problems.kept[i].text);
    }
}

static void test_submission_read_topk(void **state)
{
    static const struct {
        const char *name;
        const char *text;
    } cases[] = {
        {"plain", "id,predicted\nc,5 90\na,0 1\nb,2 0\n"},
        {"no line end", "id,predicted\nc,5 90\na,0 1\nb,2 0"},
        {"CRLF", "id,predicted\r\nc,5 90\r\na,0 1\r\nb,2 0\r\n"},
        {"CR", "id,predicted\rc,5 90\ra,0 1\rb,2 0\r"},
        {"mark", "\xef\xbb\xbfid,predicted\nc,5 90\na,0 1\nb,2 0\n"},
        {"quotes", "\"id\",\"predicted\"\n\"c\",\"5 90\"\na,\"0 1\"\n\"b\",2 0\n"},
        {"other order", "predicted,id\n5 90,c\n0 1,a\n2 0,b\n"},
        {"spaces", " id\t, predicted \n c , 5 90 \na,0 1\t\n\tb,2 0\n"},
        {"empty rows", "\nid,predicted\n\nc,5 90\n  \na,0 1\nb,2 0\n\n\n"},
        {"leading zeros and signs", "id,predicted\nc,05 90\na,+0 1\nb,2 -0\n"},
    };
    struct catalog catalog = make_catalog(letters, false);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct submission_source source =
            make_source(&catalog, FORMAT_TOPK, 2, cases[i].text, strlen(cases[i].text));
        struct submission submission;
        struct err err = {0};
        print_message("%s\n", cases[i].name);
        if (!submission_read(&submission, &source, arena, &problems, &err)) {
            print_problems();
            fail_msg("%s", err.text);
        }
        assert_int_equal(submission.n_rows, 3);
        assert_int_equal(submission.topk.n_images, 3);
        assert_int_equal(submission.topk.k, 2);
        assert_int_equal(submission.topk.stride, 32);
        assert_memory_equal(submission.topk.ranks, ((uint16_t[]){0, 2, 3}), 6);
        assert_memory_equal(submission.topk.ranks + 32, ((uint16_t[]){1, 0, 4}), 6);
    }
}

static void test_submission_read_topk_of_open_classes(void **state)
{
    static const char text[] = "id,predicted\na,3 5\nb,0 99999999999\nc,7 8\n";
    struct catalog catalog = make_catalog(letters, true);
    struct submission_source source = make_source(&catalog, FORMAT_TOPK, 2, text, sizeof(text) - 1);
    struct submission submission;
    struct err err = {0};

    (void)state;
    assert_true(submission_read(&submission, &source, arena, &problems, &err));
    assert_memory_equal(submission.topk.ranks, ((uint16_t[]){CLASS_OTHER, 0, CLASS_OTHER}), 6);
    assert_memory_equal(submission.topk.ranks + 32, ((uint16_t[]){3, CLASS_OTHER, CLASS_OTHER}), 6);
}

/* Boxes of classes that an open catalog does not list are valid, and nothing is kept of them. */
static void test_submission_read_boxes_of_open_classes(void **state)
{
    static const struct {
        enum submission_format format;
        const char *text;
    } cases[] = {
        {FORMAT_BOXES, "image_id,category_id,score,x,y,width,height\n300,5,0.25,1,2,3,4\n"
                       "300,99,0.25,1,2,3,4\n7,99,0.123456789012345678,1,2,3,4\n"},
        {FORMAT_PREDICTION_STRING, "image_id,boxes\n300,5 0.25 1 2 3 4 99 0.25 1 2 3 4\n"
                                   "7,99 0.5 1 2 3 4\n10,\n"},
    };
    struct catalog catalog = make_catalog(numbers, true);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct submission_source source =
            make_source(&catalog, cases[i].format, 0, cases[i].text, strlen(cases[i].text));
        struct submission submission;
        struct err err = {0};
        if (!submission_read(&submission, &source, arena, &problems, &err)) {
            fail_msg("%zu: %s", i, problems.n_all > 0 ? problems.kept[0].text : err.text);
        }
        assert_int_equal(submission.boxes.n_rows, 1);
    }
}

static void test_submission_read_boxes(void **state)
{
    static const struct {
        const char *name;
        const char *text;
    } cases[] = {
        {"plain", "image_id,category_id,score,x,y,width,height\n"
                  "300,5,0.25,1,2,3,4\n7,0,1e-3,-1.5,-2,0,0.125\n300,5,-7,1,1,1,1\n"
                  "10,5,0.5,0,0,9,9\n"},
        {"quotes, CRLF, spaces",
         "\"image_id\",category_id,score,x,y,width,height\r\n"
         "\"300\",5,\"0.25\",1,2,3,4\r\n 7 ,0,0.001,-1.5,-2, 0,1.25e-1\r\n\r\n300,05,-7.0,1,1,1,1\n"
         "10,5,+0.5,0,-0,9,9"},
        {"other order", "height,image_id,category_id,score,x,y,width\n"
                        "4,300,5,0.25,1,2,3\n0.125,7,0,1e-3,-1.5,-2,0\n1,300,5,-7,1,1,1\n"
                        "9,10,5,0.5,0,0,9\n"},
    };
    struct catalog catalog = make_catalog(numbers, false);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct submission_source source =
            make_source(&catalog, FORMAT_BOXES, 0, cases[i].text, strlen(cases[i].text));
        struct submission submission;
        struct err err = {0};
        print_message("%s\n", cases[i].name);
        if (!submission_read(&submission, &source, arena, &problems, &err)) {
            print_problems();
            fail_msg("%s", err.text);
        }
        const struct box_columns *boxes = flatten(&submission.boxes);
        assert_int_equal(submission.n_rows, 4);
        assert_int_equal(boxes->n_rows, 4);
        assert_int_equal(boxes->n_classes, 5);
        assert_memory_equal(boxes->class_start, ((size_t[]){0, 1, 1, 1, 4, 4}), 48);
        assert_memory_equal(boxes->image, ((uint32_t[]){0, 2, 2, 1}), 16);
        assert_memory_equal(boxes->score, ((double[]){0.001, 0.25, -7, 0.5}), 32);
        assert_memory_equal(&boxes->box[0], &((struct box){-1.5, -2, 0, 0.125}), 32);
        assert_memory_equal(&boxes->box[1], &((struct box){1, 2, 3, 4}), 32);
    }
}

static void test_submission_read_prediction_strings(void **state)
{
    static const char text[] = "image_id,boxes\n"
                               "c,dog 0.5 1 2 3 4 5 0.25 -1 0 9 9\n"
                               "a,no_box\r\n"
                               "b,\"1 0.5 0 0 1 1\"\n";
    struct catalog catalog = make_catalog(letters, false);
    struct submission_source source =
        make_source(&catalog, FORMAT_PREDICTION_STRING, 0, text, sizeof(text) - 1);
    struct submission submission;
    struct err err = {0};

    (void)state;
    if (!submission_read(&submission, &source, arena, &problems, &err)) {
        print_problems();
        fail_msg("%s", err.text);
    }
    const struct box_columns *boxes = flatten(&submission.boxes);
    assert_int_equal(submission.n_rows, 3);
    assert_memory_equal(boxes->class_start, ((size_t[]){0, 0, 2, 2, 3, 3}), 48);
    assert_memory_equal(boxes->image, ((uint32_t[]){2, 1, 2}), 12);
    assert_memory_equal(boxes->score, ((double[]){0.5, 0.5, 0.25}), 24);
    assert_memory_equal(&boxes->box[0], &((struct box){1, 2, 3, 4}), 32);
    assert_memory_equal(&boxes->box[2], &((struct box){-1, 0, 9, 9}), 32);
}

static void test_submission_read_normalized_edges(void **state)
{
    static const char text[] = "image_id,boxes\na,0.25 0.5 0.5 1 0.9\nb,0 0 0.5 0.25 1e-3\nc,\n";
    static const char wrong[] = "image_id,boxes\na,0.5 0.5 0.25 1 0.9\nb,0 0 0 1e308 1\nc,\n";
    struct id_text ids[] = {{"a", 1}, {"b", 1}, {"c", 1}};
    struct catalog_source catalog_source = {
        .ids = ids, .n_ids = 3, .sizes = sizes, .class_ids = class_ids, .n_classes = 1};
    struct catalog catalog;
    struct submission submission;
    struct err err = {0};

    (void)state;
    assert_true(catalog_make(&catalog, NULL, &catalog_source, arena, &err));
    struct submission_source source =
        make_source(&catalog, FORMAT_PREDICTION_STRING, 0, text, sizeof(text) - 1);
    source.form.prediction = &by_edges;
    assert_true(submission_read(&submission, &source, arena, &problems, &err));
    const struct box_columns *boxes = flatten(&submission.boxes);
    assert_memory_equal(&boxes->box[0], &((struct box){25, 100, 25, 100}), 32);
    assert_memory_equal(&boxes->box[1], &((struct box){0, 0, 320, 120}), 32);
    source.data = wrong;
    source.size = sizeof(wrong) - 1;
    assert_false(submission_read(&submission, &source, arena, &problems, &err));
    assert_int_equal(problems.n_all, 2);
    assert_string_equal(problems.kept[0].text, "xmax is below xmin in box (0.5, 0.5, 0.25, 1)");
    assert_string_equal(problems.kept[1].text, "a box is too large for numbers");
    catalog_source.sizes = NULL;
    assert_true(catalog_make(&catalog, NULL, &catalog_source, arena, &err));
    assert_false(submission_read(&submission, &source, arena, &problems, &err));
    assert_int_equal(err.code, ERR_CONFIG);
    catalog_source.sizes = sizes;
    catalog_source.n_classes = 2;
    assert_true(catalog_make(&catalog, NULL, &catalog_source, arena, &err));
    assert_false(submission_read(&submission, &source, arena, &problems, &err));
    assert_int_equal(err.code, ERR_CONFIG);
}

static void test_submission_read_boxes_may_be_empty(void **state)
{
    static const char text[] = "image_id,category_id,score,x,y,width,height";
    struct catalog catalog = make_catalog(numbers, false);
    struct submission_source source =
        make_source(&catalog, FORMAT_BOXES, 0, text, sizeof(text) - 1);
    struct submission submission;
    struct err err = {0};

    (void)state;
    assert_true(submission_read(&submission, &source, arena, &problems, &err));
    assert_int_equal(submission.boxes.n_rows, 0);
    assert_int_equal(submission.boxes.class_start[5], 0);
}

#define STRINGS "image_id,boxes\n"
#define TOPK "id,predicted\n"
#define BOXES "image_id,category_id,score,x,y,width,height\n"

static void test_submission_read_tells_all_that_is_wrong(void **state)
{
    static const struct {
        const char *text;
        enum submission_format format;
        struct {
            uint64_t line;
            uint32_t column;
            const char *text;
        } problems[PROBLEMS_MAX];
    } cases[] = {
        {"", FORMAT_TOPK, {{1, 1, "file is empty, expected the header 'id,predicted'"}}},
        {"\n \n", FORMAT_TOPK, {{1, 1, "file is empty, expected the header 'id,predicted'"}}},
        {"id;predicted\na;1 2\n",
         FORMAT_TOPK,
         {{1, 1, "unknown column 'id;predicted', expected the header 'id,predicted'"},
          {1, 1, "column 'id' is missing, expected the header 'id,predicted'"},
          {1, 1, "column 'predicted' is missing, expected the header 'id,predicted'"}}},
        {"id,predicted,note\na,1 2,x\n",
         FORMAT_TOPK,
         {{1, 14, "unknown column 'note', expected the header 'id,predicted'"}}},
        {"id,Predicted,id\n",
         FORMAT_TOPK,
         {{1, 4, "unknown column 'Predicted', expected the header 'id,predicted'"},
          {1, 14, "column 'id' stands twice"},
          {1, 1, "column 'predicted' is missing, expected the header 'id,predicted'"}}},
        {"id,\"pre\"dicted\n", FORMAT_TOPK, {{1, 9, "text behind the closing quote of a field"}}},
        {TOPK "a,1 2\n", FORMAT_TOPK, {{3, 1, "2 ids are missing: 'b', 'c'"}}},
        {TOPK "a,1 2\nb,1 2\na,1 2\nc,1 2\nz,1 2\n,1 2\n",
         FORMAT_TOPK,
         {{4, 1, "id 'a' repeats"},
          {6, 1, "id 'z' is not in the list of images"},
          {7, 1, "id is empty"}}},
        {TOPK "a,1\nb,1 2 5\nc,\n",
         FORMAT_TOPK,
         {{2, 3, "row has 1 class ids, expected 2"},
          {3, 3, "row has 3 class ids, expected 2"},
          {4, 3, "row has 0 class ids, expected 2"}}},
        {TOPK "a,1  2\nb,\" 1 2\"\nc,1\t2\n",
         FORMAT_TOPK,
         {{2, 5, "' 2' follows a space too many: class ids are separated by single spaces"},
          {3, 3, "' 1 2' follows a space too many: class ids are separated by single spaces"},
          {4, 3, "'1?2' is no class id (a whole number from 0)"},
          {4, 3, "row has 1 class ids, expected 2"}}},
        {TOPK "a,1 x\nb,-1 1.0\nc,3 99999999999999999999\n",
         FORMAT_TOPK,
         {{2, 5, "'x' is no class id (a whole number from 0)"},
          {3, 3, "'-1' is no class id (a whole number from 0)"},
          {3, 6, "'1.0' is no class id (a whole number from 0)"},
          {4, 3, "'3' is not in the list of classes"},
          {4, 5, "'99999999999999999999' is too large for a class id"}}},
        {TOPK "a,1 1\nb,5 05\nc,1 2\n",
         FORMAT_TOPK,
         {{2, 5, "'1' repeats in this row"}, {3, 5, "'05' repeats in this row"}}},
        {TOPK "a\nb,1 2,3\nc,1 2\n",
         FORMAT_TOPK,
         {{2, 1, "row has 1 fields, the header has 2"},
          {3, 1, "row has 3 fields, the header has 2"},
          {5, 1, "2 ids are missing: 'a', 'b'"}}},
        {TOPK "a,1 2\nb,\"1 2\nc,1 2\n", FORMAT_TOPK, {{3, 3, "this quote never closes"}}},
        {TOPK "a,1 2\nb,1 \"2\nc,1 2\n",
         FORMAT_TOPK,
         {{3, 5, "quote inside a field without quotes"}, {5, 1, "1 id is missing: 'b'"}}},
        {TOPK "a,1 2\n\"b\n\",1 2\nc,x 2\nb,2 1\n",
         FORMAT_TOPK,
         {{3, 1, "id 'b?' is not in the list of images"},
          {5, 3, "'x' is no class id (a whole number from 0)"}}},
        {TOPK "a\xff\xc3,1 2\na,1 2\nb,1 2\nc,1 2\n",
         FORMAT_TOPK,
         {{2, 1, "id 'a?\?' is not in the list of images"}}},
        {BOXES "8,3,nan,inf,0x1,-1,1e999\n",
         FORMAT_BOXES,
         {{2, 1, "id '8' is not in the list of images"},
          {2, 3, "class '3' is not in the list of classes"},
          {2, 5, "score 'nan' is no number"},
          {2, 9, "x 'inf' is no number"},
          {2, 13, "y '0x1' is no number"},
          {2, 17, "width '-1' is negative"}}},
        {BOXES "7,dog,1,1,1,1,1e999\n07,0,1,1,1,,1\n",
         FORMAT_BOXES,
         {{2, 3, "'dog' is no class id (a whole number)"},
          {2, 15, "height '1e999' is too large for a number"},
          {3, 1, "id '07' is not in the list of images"},
          {3, 12, "width '' is no number"}}},
        {STRINGS "a,dog 1 1 1 1\nb,cow 1 1 1 1 1 3 x 1 1 -1 1e999\nc,\n",
         FORMAT_PREDICTION_STRING,
         {{2, 3, "the last box has 5 values, expected 6"},
          {3, 3, "label 'cow' is not in the list of classes"},
          {3, 17, "label '3' is not in the list of classes"},
          {3, 19, "score 'x' is no number"},
          {3, 25, "width '-1' is negative"},
          {3, 28, "height '1e999' is too large for a number"}}},
        {STRINGS "a,1 1 1 1 1 1\nb,\nc,1 1 1  1 1 1\n",
         FORMAT_PREDICTION_STRING,
         {{4, 9, "value '' is empty: values are separated by single spaces"}}},
        {STRINGS "a,1 1 1  1 1 1\nb,no_box 1\na,\nd,\n",
         FORMAT_PREDICTION_STRING,
         {{2, 9, "value '' is empty: values are separated by single spaces"},
          {3, 3, "label 'no_box' is not in the list of classes"},
          {3, 3, "the last box has 2 values, expected 6"},
          {4, 1, "id 'a' repeats"},
          {5, 1, "id 'd' is not in the list of images"},
          {6, 1, "1 id is missing: 'c'"}}},
        {BOXES "7,0,1,1,1,1\n7,0,1,1,1,1,1,1\n7,0,1,1,1,1,1\n",
         FORMAT_BOXES,
         {{2, 1, "row has 6 fields, the header has 7"},
          {3, 1, "row has 8 fields, the header has 7"}}},
    };
    struct catalog of_letters = make_catalog(letters, false);
    struct catalog of_numbers = make_catalog(numbers, false);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        bool is_boxes = cases[i].format == FORMAT_BOXES;
        struct submission_source source =
            make_source(is_boxes ? &of_numbers : &of_letters, cases[i].format, 2, cases[i].text,
                        strlen(cases[i].text));
        struct submission submission;
        struct err err = {0};
        size_t n = 0;
        assert_false(submission_read(&submission, &source, arena, &problems, &err));
        assert_int_equal(err.code, ERR_INPUT);
        for (; n < PROBLEMS_MAX && cases[i].problems[n].text != NULL; n++) {
            const struct problem *found = &problems.kept[n];
            if (n >= problems.n_kept || found->line != cases[i].problems[n].line ||
                found->column != cases[i].problems[n].column ||
                strcmp(found->text, cases[i].problems[n].text) != 0) {
                print_problems();
                fail_msg("case %zu, problem %zu", i, n);
            }
        }
        if (n < PROBLEMS_MAX && problems.n_all != n) {
            print_problems();
            fail_msg("case %zu has %llu problems", i, (unsigned long long)problems.n_all);
        }
    }
}

/* id,predicted, a,0 1, b,1 0 */
static const char gzip[] =
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x4c\xd1\x29\x28\x4a\x4d\xc9\x4c"
    "\x2e\x49\x4d\xe1\x4a\xd4\x31\x50\x30\xe4\x4a\xd2\x31\x54\x30\xe0\x02\x00\x86"
    "\x7e\x52\xa5\x19\x00\x00\x00";

static void test_submission_read_unpacks(void **state)
{
    static const struct {
        size_t size;
        size_t unpacked_max;
        uint64_t line;
        const char *text;
    } cases[] = {
        {sizeof(gzip) - 1, 25, 4, "1 id is missing: 'c'"},
        {sizeof(gzip) - 1, 24, 0, "unpacked, the file has more than 24 bytes"},
        {sizeof(gzip) - 10, 25, 0, "file cannot be unpacked: it is cut off"},
    };
    struct catalog catalog = make_catalog(letters, false);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        for (size_t n_threads = 1; n_threads <= 2; n_threads++) {
            struct submission_source source =
                make_source(&catalog, FORMAT_TOPK, 2, gzip, cases[i].size);
            struct submission submission;
            struct err err = {0};
            source.n_threads = n_threads;
            source.part_bytes = 1;
            source.unpacked_max = cases[i].unpacked_max;
            assert_false(submission_read(&submission, &source, arena, &problems, &err));
            assert_int_equal(err.code, ERR_INPUT);
            assert_int_equal(problems.n_all, 1);
            assert_int_equal(problems.kept[0].line, cases[i].line);
            assert_string_equal(problems.kept[0].text, cases[i].text);
        }
    }
}

static void test_submission_read_without_an_image_list(void **state)
{
    static const char right[] = TOPK "x,1 2\ny,2 1\n";
    static const char wrong[] = TOPK "x,1 2\ny,2 3\nx,2 1\n,1 2\n";
    static const char boxes[] = BOXES "x,1,1,1,1,1,1\nx,1,1,1,1,1,z\n";
    struct catalog catalog = make_catalog(NULL, false);
    struct submission_source source =
        make_source(&catalog, FORMAT_TOPK, 2, right, sizeof(right) - 1);
    struct submission submission;
    struct err err = {0};

    (void)state;
    assert_true(submission_read(&submission, &source, arena, &problems, &err));
    assert_int_equal(submission.n_rows, 2);
    source = make_source(&catalog, FORMAT_TOPK, 2, wrong, sizeof(wrong) - 1);
    assert_false(submission_read(&submission, &source, arena, &problems, &err));
    assert_int_equal(problems.n_all, 3);
    assert_string_equal(problems.kept[1].text, "id 'x' repeats");
    assert_int_equal(problems.kept[1].line, 4);
    source = make_source(&catalog, FORMAT_BOXES, 2, boxes, sizeof(boxes) - 1);
    assert_false(submission_read(&submission, &source, arena, &problems, &err));
    assert_int_equal(problems.n_all, 1);
}

static void test_submission_read_keeps_the_first_hundred(void **state)
{
    struct catalog catalog = make_catalog(numbers, false);
    char *text = malloc(100000);
    size_t size = (size_t)sprintf(text, BOXES);
    struct submission submission;
    struct err err = {0};

    (void)state;
    for (int i = 0; i < 1000; i++) {
        size += (size_t)sprintf(text + size, "7,0,%s,1,1,1,1\n", i % 2 == 0 ? "0.5" : "z");
    }
    for (size_t n_threads = 1; n_threads <= 3; n_threads++) {
        struct submission_source source = make_source(&catalog, FORMAT_BOXES, 0, text, size);
        source.n_threads = n_threads;
        source.part_bytes = 1000;
        assert_false(submission_read(&submission, &source, arena, &problems, &err));
        assert_int_equal(problems.n_all, 500);
        assert_int_equal(problems.n_kept, PROBLEMS_KEPT);
        assert_int_equal(problems.kept[0].line, 3);
        assert_int_equal(problems.kept[99].line, 201);
        assert_int_equal(submission.n_rows, 1000);
    }
    free(text);
}

static struct draw draw = {20170601};

enum { TEXT_MAX = 60000, MANY = 400 };

/* One random row, mostly right: now and then quoted, over two lines, or wrong. */
static size_t random_row(char *text, enum submission_format format, unsigned id, unsigned mess)
{
    static const char *const ends[] = {"\n", "\n", "\n", "\r\n", "\n\n", "\r"};
    const char *quote = draw_bits(&draw) % 100 < mess ? "\"" : "";
    const char *end = ends[mess == 0 ? 0 : draw_bits(&draw) % ARRAY_SIZE(ends)];
    unsigned r = (unsigned)draw_bits(&draw);

    if (mess > 0 && r % 97 == 0) {
        return (size_t)sprintf(text, "\"%u\n,\r\n\"\"x\",1 2%s", id, end);
    }
    if (mess > 0 && r % 89 == 0) {
        return (size_t)sprintf(text, "%u,1 %s2%s", id, r % 2 == 0 ? "\"" : "  ", end);
    }
    if (format == FORMAT_TOPK) {
        unsigned first = r % 5;
        return (size_t)sprintf(text, "%s%u%s,%s%u %u%s%s", quote, id, quote, quote,
                               (unsigned)class_ids[first], (unsigned)class_ids[(first + 1) % 5],
                               quote, end);
    }
    return (size_t)sprintf(text, "%u,%s%u%s,%.*g,%.2f,%d,%u.%u,%u%s", id, quote,
                           (unsigned)class_ids[r % 5], quote, (int)(r % 18), (double)r / 7e9,
                           (double)(r % 9999) / 100 - 10, (int)(r % 77) - 5, r % 700, r % 100,
                           r % 300, end);
}

static size_t random_text(char *text, enum submission_format format, unsigned mess)
{
    size_t size = (size_t)sprintf(text, "%s", format == FORMAT_TOPK ? TOPK : BOXES);
    unsigned start = (unsigned)draw_bits(&draw);

    for (unsigned i = 0; i < MANY && size < TEXT_MAX - 500; i++) {
        unsigned id = (start + i * 7) % MANY; /* each once: 7 and 400 have no common factor */
        if (mess > 50 && draw_bits(&draw) % 50 == 0) {
            id = (unsigned)draw_bits(&draw) % (MANY + 9);
        }
        size += random_row(text + size, format, id, mess);
    }
    return size;
}

static void assert_same_boxes(const struct box_columns *left, const struct box_columns *right)
{
    const struct box_columns *a = flatten(left);
    const struct box_columns *b = flatten(right);

    assert_int_equal(left->has_wide, right->has_wide);
    assert_int_equal(a->n_rows, b->n_rows);
    assert_memory_equal(a->class_start, b->class_start, (a->n_classes + 1) * sizeof(size_t));
    if (a->n_rows > 0) {
        assert_memory_equal(a->image, b->image, a->n_rows * sizeof(uint32_t));
        assert_memory_equal(a->score, b->score, a->n_rows * sizeof(double));
        assert_memory_equal(a->box, b->box, a->n_rows * sizeof(struct box));
    }
}

/* Reads with other threads, cuts and ways to give the bytes: all must equal the first reading. */
static void check_ways(const struct submission_source *first, int fd)
{
    static struct problems expected;
    struct submission submission;
    struct submission other;
    struct err err = {0};

    bool ok = submission_read(&submission, first, arena, &expected, &err);
    for (unsigned way = 0; way < 8; way++) {
        struct submission_source source = *first;
        source.n_threads = 1 + draw_bits(&draw) % 4;
        source.part_bytes = 1 + draw_bits(&draw) % 3000;
        if (way % 2 == 1) {
            source.data = NULL;
            source.fd = fd;
            assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        }
        assert_int_equal(submission_read(&other, &source, arena, &problems, &err), ok);
        assert_int_equal(problems.n_all, expected.n_all);
        assert_int_equal(problems.n_kept, expected.n_kept);
        for (uint32_t i = 0; i < expected.n_kept; i++) {
            assert_int_equal(problems.kept[i].line, expected.kept[i].line);
            assert_int_equal(problems.kept[i].column, expected.kept[i].column);
            assert_string_equal(problems.kept[i].text, expected.kept[i].text);
        }
        assert_int_equal(other.n_rows, submission.n_rows);
        if (ok && first->form.format == FORMAT_TOPK) {
            assert_memory_equal(other.topk.ranks, submission.topk.ranks,
                                2 * other.topk.stride * sizeof(uint16_t));
        } else if (ok) {
            assert_same_boxes(&other.boxes, &submission.boxes);
        }
    }
}

static void test_submission_read_is_the_same_for_any_cut(void **state)
{
    static char text[TEXT_MAX];
    static char ids[MANY][8];
    struct id_text list[MANY];
    struct catalog_source catalog_source = {
        .ids = list, .n_ids = MANY, .class_ids = class_ids, .n_classes = ARRAY_SIZE(class_ids)};
    struct catalog catalog;
    struct err err = {0};
    unsigned n_valid = 0;

    (void)state;
    for (unsigned i = 0; i < MANY; i++) {
        list[i] = (struct id_text){.text = ids[i], .size = (size_t)sprintf(ids[i], "%u", i)};
    }
    for (unsigned i = 0; i < 200; i++) {
        enum submission_format format = i % 2 == 0 ? FORMAT_TOPK : FORMAT_BOXES;
        size_t size = random_text(text, format, i % 4 < 2 ? 0 : (unsigned)draw_bits(&draw) % 100);
        int fd = memfd_create("test_submission", MFD_CLOEXEC);
        assert_int_equal(write(fd, text, size), size);
        arena_reset(arena);
        assert_true(catalog_make(&catalog, NULL, &catalog_source, arena, &err));
        struct submission_source source = make_source(&catalog, format, 2, text, size);
        check_ways(&source, fd);
        n_valid += problems.n_all == 0;
        close(fd);
    }
    assert_in_range(n_valid, 90, 150); /* both kinds are there */
}

/* The same rows with a space before each field but the first, which the general way drops. */
static size_t add_spaces(char *other, const char *text, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < size; i++) {
        other[n++] = text[i];
        if (text[i] == ',') {
            other[n++] = ' ';
        }
    }
    return n;
}

/* Plain rows are a short way: the same rows with a space in each go the general one. */
static void test_submission_read_plain_is_general(void **state)
{
    static char text[TEXT_MAX];
    static char other[2 * TEXT_MAX];
    static char ids[MANY][12];
    struct id_text list[MANY];
    struct catalog_source catalog_source = {
        .ids = list, .n_ids = MANY, .class_ids = class_ids, .n_classes = ARRAY_SIZE(class_ids)};
    struct catalog catalog;
    struct err err = {0};

    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        enum submission_format format = i % 2 == 0 ? FORMAT_TOPK : FORMAT_BOXES;
        for (unsigned id = 0; id < MANY; id++) {
            list[id].text = ids[id];
            list[id].size = (size_t)sprintf(ids[id], "%u", id);
        }
        if (i % 3 == 0) { /* ids that are texts */
            list[0] = (struct id_text){.text = "zero", .size = 4};
        }
        size_t size = random_text(text, format, 0);
        size_t other_size = add_spaces(other, text, size);
        arena_reset(arena);
        assert_true(catalog_make(&catalog, NULL, &catalog_source, arena, &err));
        struct submission_source source = make_source(&catalog, format, 2, text, size);
        struct submission plain;
        struct submission general;
        bool ok = submission_read(&plain, &source, arena, &problems, &err);
        source.data = other;
        source.size = other_size;
        assert_int_equal(submission_read(&general, &source, arena, &problems, &err), ok);
        assert_int_equal(ok, i % 3 != 0); /* the id 0 is not in the list of texts */
        assert_int_equal(plain.n_rows, general.n_rows);
        if (ok && format == FORMAT_TOPK) {
            assert_memory_equal(plain.topk.ranks, general.topk.ranks,
                                2 * plain.topk.stride * sizeof(uint16_t));
        } else if (ok) {
            assert_same_boxes(&plain.boxes, &general.boxes);
        }
    }
}

static void test_submission_read_keeps_to_the_limit(void **state)
{
    struct catalog catalog = make_catalog(numbers, false);
    char *text = malloc(2 << 20);
    size_t size = (size_t)sprintf(text, BOXES);
    struct arena *small = NULL;
    struct submission submission;
    struct err err = {0};

    (void)state;
    while (size < (2 << 20) - 100) {
        size += (size_t)sprintf(text + size, "7,0,1,1,1,1,1\n");
    }
    struct submission_source source = make_source(&catalog, FORMAT_BOXES, 0, text, size);
    assert_true(arena_open(&small, 3 << 20, &err));
    assert_false(submission_read(&submission, &source, small, &problems, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_true(submission_read(&submission, &source, arena, &problems, &err));
    arena_close(&small);
    free(text);
}

/* Rows that are refused one after the other are each read about once, not once for every row of a
 * batch. */
static void test_part_batch(void **state)
{
    enum { BATCH_MAX = 64 };
    struct part *part = calloc(1, sizeof(*part));

    (void)state;
    assert_non_null(part);
    assert_int_equal(part_batch(part, BATCH_MAX), BATCH_MAX);
    part->n_taken = 1; /* no row was taken */
    assert_int_equal(part_batch(part, BATCH_MAX), 2);
    part->n_taken = 1 + 10;
    assert_int_equal(part_batch(part, BATCH_MAX), 22);
    part->n_taken = 1 + BATCH_MAX;
    assert_int_equal(part_batch(part, BATCH_MAX), BATCH_MAX);
    free(part);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_part_batch),
        cmocka_unit_test(test_submission_read_topk),
        cmocka_unit_test(test_submission_read_topk_of_open_classes),
        cmocka_unit_test(test_submission_read_boxes_of_open_classes),
        cmocka_unit_test(test_submission_read_boxes),
        cmocka_unit_test(test_submission_read_prediction_strings),
        cmocka_unit_test(test_submission_read_normalized_edges),
        cmocka_unit_test(test_submission_read_boxes_may_be_empty),
        cmocka_unit_test(test_submission_read_tells_all_that_is_wrong),
        cmocka_unit_test(test_submission_read_unpacks),
        cmocka_unit_test(test_submission_read_without_an_image_list),
        cmocka_unit_test(test_submission_read_keeps_the_first_hundred),
        cmocka_unit_test(test_submission_read_is_the_same_for_any_cut),
        cmocka_unit_test(test_submission_read_plain_is_general),
        cmocka_unit_test(test_submission_read_keeps_to_the_limit),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
