/* SPDX-License-Identifier: MIT */
/* Label files of every form, and what is said of wrong ones: never a label. */
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
#include "common/macros.h"
#include "scorer/data/labels.h"

enum { FILES_MAX = 4 };

/* A folder of files to load labels from; `name` without a folder loads that file alone. */
struct files {
    struct {
        const char *name;
        const char *text;
    } file[FILES_MAX];
};

static char folder[] = "/tmp/test_labels_XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static void write_files(const struct files *files)
{
    struct err err = {0};
    char path[256];

    for (size_t i = 0; i < FILES_MAX && files->file[i].name != NULL; i++) {
        assert_true(path_join(path, sizeof(path), folder, files->file[i].name, &err));
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(files->file[i].text, file);
        fclose(file);
    }
}

static void remove_files(const struct files *files)
{
    struct err err = {0};
    char path[256];

    for (size_t i = 0; i < FILES_MAX && files->file[i].name != NULL; i++) {
        assert_true(path_join(path, sizeof(path), folder, files->file[i].name, &err));
        unlink(path);
    }
}

/* Loads the folder, or the one file `name` in it. */
static bool load(struct labels **labels, enum task task, const struct files *files,
                 const char *name, struct problems *problems, struct err *err)
{
    char path[256];
    struct labels_source source = {.task = task, .path = folder};

    if (name != NULL) {
        assert_true(path_join(path, sizeof(path), folder, name, err));
        source.path = path;
    }
    *problems = (struct problems){0};
    write_files(files);
    bool ok = labels_load(labels, &source, problems, err);
    remove_files(files);
    return ok;
}

static struct problems problems;

static void test_labels_load_solution_alone(void **state)
{
    static const struct files files = {{{"solution.csv", "usage,id,expected,note\n"
                                                         "Private,b,30,x\n"
                                                         "Public,\"a\",7,\"x,y\"\r\n"
                                                         "Ignored,c,30,\n"}}};
    struct labels *labels = NULL;
    struct err err = {0};

    (void)state;
    assert_true(load(&labels, TASK_CLASSIFICATION, &files, "solution.csv", &problems, &err));
    assert_int_equal(labels->catalog.n_images, 3);
    assert_true(labels->catalog.is_open_classes);
    assert_int_equal(labels->classes.n_classes, 2);
    assert_int_equal(labels->classes.id[0], 7);
    assert_int_equal(labels->classes.id[1], 30);
    assert_null(labels->classes.group);
    assert_int_equal(labels->truth.n_images, 3);
    assert_int_equal(labels->truth.n_classes, 2);
    assert_memory_equal(labels->truth.truth, ((uint16_t[]){0, 1, 1}), 6);
    assert_memory_equal(labels->truth.split,
                        ((uint8_t[]){SPLIT_PUBLIC, SPLIT_PRIVATE, SPLIT_IGNORED}), 3);
    labels_close(&labels);
    assert_null(labels);
}

static void test_labels_load_classification_folder(void **state)
{
    static const struct files files = {
        {{"solution.csv", "\xef\xbb\xbfid,expected,usage\n10,2,Public\n9,1,Private\n"},
         {"categories.csv", "supercategory,category_id,train_images,name\n"
                            "Birds,2,12,x\nAnts,1,,y\nBirds,5,0,z\n"}}};
    struct labels *labels = NULL;
    struct err err = {0};

    (void)state;
    assert_true(load(&labels, TASK_CLASSIFICATION, &files, NULL, &problems, &err));
    assert_false(labels->catalog.is_open_classes);
    assert_int_equal(labels->classes.n_classes, 3);
    assert_int_equal(labels->classes.n_groups, 2);
    assert_string_equal(labels->classes.group_name[0], "Ants");
    assert_string_equal(labels->classes.group_name[1], "Birds");
    assert_memory_equal(labels->classes.group, ((uint16_t[]){0, 1, 1}), 6);
    assert_memory_equal(labels->classes.train_images, ((int64_t[]){-1, 12, 0}), 24);
    assert_memory_equal(labels->truth.truth, ((uint16_t[]){0, 1}), 4); /* 9 stands before 10 */
    labels_close(&labels);
}

static void check_boxes(const struct labels *labels)
{
    const struct box_labels *boxes = &labels->boxes;

    assert_int_equal(boxes->n_images, 3);
    assert_int_equal(boxes->n_classes, 2);
    assert_int_equal(boxes->n_rows, 3);
    assert_memory_equal(boxes->class_start, ((size_t[]){0, 1, 3}), 24);
    assert_memory_equal(boxes->image, ((uint32_t[]){2, 0, 2}), 12);
    assert_memory_equal(boxes->is_crowd, ((uint8_t[]){0, 1, 0}), 3);
    assert_memory_equal(boxes->area, ((double[]){0.5, 100, 7}), 24);
    assert_memory_equal(&boxes->box[0], &((struct box){1, 2, 0.5, 1}), sizeof(struct box));
    assert_memory_equal(&boxes->box[2], &((struct box){-1, 0, 7, 1}), sizeof(struct box));
}

static void test_labels_load_detection_folder(void **state)
{
    static const struct files files = {
        {{"images.csv",
          "image_id,width,usage\n5,1,Public\n30,1,Ignored\n7,1,Private\n7,1,Private\n"},
         {"categories.csv", "category_id,supercategory_id\n90,b\n4,a\n4,a\n"},
         {"ground_truth.csv", "image_id,category_id,x,y,width,height,area,iscrowd\n"
                              "5,90,0,0,10,10,100,1\n30,4,1,2,0.5,1,0.5,0\n30,90,-1,0,7,1,7,0\n"}}};
    struct labels *labels = NULL;
    struct err err = {0};

    (void)state;
    assert_true(load(&labels, TASK_DETECTION, &files, NULL, &problems, &err));
    check_boxes(labels);
    assert_memory_equal(labels->boxes.split,
                        ((uint8_t[]){SPLIT_PUBLIC, SPLIT_PRIVATE, SPLIT_IGNORED}), 3);
    assert_string_equal(labels->classes.group_name[0], "a");
    labels_close(&labels);
}

/* Half of the box is the object where no mask says otherwise. `class` beside an id is a rank. */
static void test_labels_load_detection_without_areas(void **state)
{
    static const struct files cases[] = {
        {{{"images.csv", "image_id\n5\n"},
          {"categories.csv", "class,category_id\nAves,90\n"},
          {"ground_truth.csv", "image_id,category_id,x,y,width,height,iscrowd\n"
                               "5,90,0,0,10,3,0\n"}}},
        {{{"images.csv", "image_id\n5\n"},
          {"categories.csv", "category_id\n90\n"},
          {"ground_truth.csv", "image_id,category_id,x,y,width,height,area,iscrowd\n"
                               "5,90,0,0,10,3,,0\n"}}},
        {{{"annotations.json", "{\"images\": [{\"id\": 5}], \"categories\": [{\"id\": 90}],"
                               "\"annotations\": [{\"image_id\": 5, \"category_id\": 90,"
                               "\"bbox\": [0, 0, 10, 3], \"iscrowd\": 0}]}"}}},
    };
    static const char *const alone[] = {NULL, NULL, "annotations.json"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct labels *labels = NULL;
        struct err err = {0};
        assert_true(load(&labels, TASK_DETECTION, &cases[i], alone[i], &problems, &err));
        assert_float_equal(labels->boxes.area[0], 15, 0);
        labels_close(&labels);
    }
}

#define COCO_TEXT                                                                                  \
    "{\"images\": [{\"id\": 5}, {\"id\": 30}, {\"id\": 7}],"                                       \
    " \"categories\": [{\"id\": 90, \"supercategory\": \"b\"}, {\"id\": 4, \"supercategory\": "    \
    "\"a\"}],"                                                                                     \
    " \"annotations\": ["                                                                          \
    "{\"image_id\": 5, \"category_id\": 90, \"bbox\": [0, 0, 10, 10], \"area\": 100, "             \
    "\"iscrowd\": 1},"                                                                             \
    "{\"image_id\": 30, \"category_id\": 4, \"bbox\": [1, 2, 0.5, 1], \"area\": 0.5},"             \
    "{\"image_id\": 30, \"category_id\": 90, \"bbox\": [-1, 0, 7, 1], \"area\": 7, "               \
    "\"iscrowd\": 0}]}"

static void test_labels_load_coco(void **state)
{
    static const struct files files = {
        {{"annotations.json", COCO_TEXT},
         {"images.csv", "id,usage\n30,Private\n5,Public\n7,Private\n"}}};
    struct labels *labels = NULL;
    struct err err = {0};

    (void)state;
    assert_true(load(&labels, TASK_DETECTION, &files, NULL, &problems, &err));
    check_boxes(labels);
    assert_memory_equal(labels->boxes.split,
                        ((uint8_t[]){SPLIT_PUBLIC, SPLIT_PRIVATE, SPLIT_PRIVATE}), 3);
    labels_close(&labels);
    assert_true(load(&labels, TASK_DETECTION, &files, "annotations.json", &problems, &err));
    check_boxes(labels);
    assert_memory_equal(labels->boxes.split, ((uint8_t[]){0, 0, 0}), 3);
    assert_int_equal(labels->classes.n_groups, 2);
    labels_close(&labels);
}

enum { ROWS = 300, TEXT_MAX = 40000 };

/* The same rows under a header that only the general way reads. */
static const char *quoted_header(char *quoted, const char *text)
{
    size_t name = strcspn(text, ",\n");

    snprintf(quoted, TEXT_MAX, "\"%.*s\"%s", (int)name, text, text + name);
    return quoted;
}

static void check_same_catalog(const struct labels *a, const struct labels *b)
{
    assert_int_equal(a->catalog.block_bytes, b->catalog.block_bytes);
    assert_memory_equal(a->catalog.block, b->catalog.block, a->catalog.block_bytes);
}

static void test_labels_load_plain_solution_is_general(void **state)
{
    static const char *const usages[] = {"Public", "Private", "Ignored"};
    static char plain[TEXT_MAX];
    static char general[TEXT_MAX];
    struct labels *labels[2] = {NULL, NULL};
    struct err err = {0};

    (void)state;
    size_t size = (size_t)sprintf(plain, "id,expected,usage\n");
    for (unsigned i = 0; i < ROWS; i++) {
        size += (size_t)sprintf(plain + size, "%u,%u,%s%s\n", i * 7919 % 10007, i * i % 301,
                                usages[i % 3], i % 5 == 0 ? "\r" : "");
    }
    struct files files[2] = {{{{"solution.csv", plain}}},
                             {{{"solution.csv", quoted_header(general, plain)}}}};
    for (int i = 0; i < 2; i++) {
        assert_true(load(&labels[i], TASK_CLASSIFICATION, &files[i], NULL, &problems, &err));
    }
    check_same_catalog(labels[0], labels[1]);
    assert_int_equal(labels[0]->truth.n_images, ROWS);
    assert_memory_equal(labels[0]->truth.truth, labels[1]->truth.truth, ROWS * sizeof(uint16_t));
    assert_memory_equal(labels[0]->truth.split, labels[1]->truth.split, ROWS);
    assert_memory_equal(labels[0]->classes.id, labels[1]->classes.id,
                        labels[0]->classes.n_classes * sizeof(int64_t));
    labels_close(&labels[0]);
    labels_close(&labels[1]);
}

static void test_labels_load_plain_boxes_are_general(void **state)
{
    static char texts[4][TEXT_MAX];
    struct labels *labels[2] = {NULL, NULL};
    struct err err = {0};

    (void)state;
    size_t size = (size_t)sprintf(texts[0], "image_id,usage\n");
    for (unsigned i = 0; i < ROWS; i++) {
        size += (size_t)sprintf(texts[0] + size, "%u,%s\n", i * 7919 % 10007,
                                i % 3 == 0 ? "Private" : "Public");
    }
    size = (size_t)sprintf(texts[1], "image_id,category_id,x,y,width,height,area,iscrowd\n");
    for (unsigned i = 0; i < ROWS; i++) {
        size += (size_t)sprintf(texts[1] + size, "%u,%u,%d.%u,-%u,%u.5,1e%u,%.17g,%u\n",
                                i * i % ROWS * 7919 % 10007, i % 7, (int)i - 9, i, i, i, i % 5,
                                (double)i / 3, i % 2);
    }
    struct files files[2] = {
        {{{"images.csv", texts[0]},
          {"categories.csv", "category_id\n0\n1\n2\n3\n4\n5\n6\n"},
          {"ground_truth.csv", texts[1]}}},
        {{{"images.csv", quoted_header(texts[2], texts[0])},
          {"categories.csv", "category_id\n0\n1\n2\n3\n4\n5\n6\n"},
          {"ground_truth.csv", quoted_header(texts[3], texts[1])}}},
    };
    for (int i = 0; i < 2; i++) {
        assert_true(load(&labels[i], TASK_DETECTION, &files[i], NULL, &problems, &err));
    }
    const struct box_labels *a = &labels[0]->boxes;
    const struct box_labels *b = &labels[1]->boxes;
    check_same_catalog(labels[0], labels[1]);
    assert_int_equal(a->n_rows, ROWS);
    assert_int_equal(b->n_rows, ROWS);
    assert_memory_equal(a->class_start, b->class_start, 8 * sizeof(size_t));
    assert_memory_equal(a->image, b->image, ROWS * sizeof(uint32_t));
    assert_memory_equal(a->box, b->box, ROWS * sizeof(struct box));
    assert_memory_equal(a->area, b->area, ROWS * sizeof(double));
    assert_memory_equal(a->is_crowd, b->is_crowd, ROWS);
    assert_memory_equal(a->split, b->split, ROWS);
    labels_close(&labels[0]);
    labels_close(&labels[1]);
}

static void test_labels_load_tells_what_is_wrong(void **state)
{
    static const struct {
        enum task task;
        struct files files;
        uint64_t n;
        uint64_t line;
        uint32_t column;
        const char *text; /* of the first problem */
    } cases[] = {
        {TASK_CLASSIFICATION,
         {{{"solution.csv", ""}}},
         1,
         1,
         1,
         "solution.csv: file is empty, expected the header 'id,expected,usage'"},
        {TASK_CLASSIFICATION,
         {{{"solution.csv", "id,label,usage\n"}}},
         1,
         1,
         1,
         "solution.csv: column 'expected' is missing, expected the header 'id,expected,usage'"},
        {TASK_CLASSIFICATION,
         {{{"solution.csv", "id,expected,usage,id\n"}}},
         1,
         1,
         19,
         "solution.csv: column 'id' stands twice"},
        {TASK_CLASSIFICATION,
         {{{"solution.csv", "id,expected,usage\na,1,Public\nb,4.5,Public\n"}}},
         1,
         3,
         3,
         "solution.csv: expected is no class id (a whole number from 0)"},
        {TASK_CLASSIFICATION,
         {{{"solution.csv", "id,expected,usage\na,-1,Secret\n\nb\n"}}},
         3,
         2,
         3,
         "solution.csv: expected is no class id (a whole number from 0)"},
        {TASK_CLASSIFICATION,
         {{{"solution.csv", "id,expected,usage\na,1,public\n"}}},
         1,
         2,
         5,
         "solution.csv: usage is none of Public, Private, Ignored"},
        {TASK_CLASSIFICATION,
         {{{"solution.csv", "id,expected,usage\na,1,Public\nb,1,Public\n a,1,Public\n"}}},
         1,
         4,
         2,
         "solution.csv: id 'a' repeats"},
        {TASK_CLASSIFICATION,
         {{{"solution.csv", "id,expected,usage\n,1,Public\n"}}},
         1,
         2,
         1,
         "solution.csv: id has 0 bytes, 1 to 255 are allowed"},
        {TASK_CLASSIFICATION,
         {{{"solution.csv", "id,expected,usage\na,1,Public\n\"b,1,Public\n"}}},
         1,
         3,
         1,
         "solution.csv: this quote never closes"},
        {TASK_CLASSIFICATION,
         {{{"solution.csv", "id,expected,usage\na,987,Public\n"},
           {"classes.csv", "class,supercategory\n1,x\n"}}},
         1,
         2,
         1,
         "solution.csv: the expected class of this image is not in the categories file"},
        {TASK_CLASSIFICATION,
         {{{"solution.csv", "id,expected,usage\na,1,Public\n"},
           {"classes.csv", "class,supercategory\n1,x\n2,x\n1,y\n"}}},
         1,
         4,
         1,
         "classes.csv: class repeats with another super-category or count"},
        {TASK_CLASSIFICATION,
         {{{"solution.csv", "id,expected,usage\na,1,Public\n"},
           {"classes.csv", "class,train_images,supercategory\none,1,x\n2,-3,x\n3,1,\n"}}},
         3,
         2,
         1,
         "classes.csv: 'one' is no class id (a whole number)"},
        {TASK_DETECTION,
         {{{"images.csv", "image_id\n1\n"},
           {"categories.csv", "category_id\n1\n"},
           {"ground_truth.csv", "image_id,category_id,x,y,width,height,area,iscrowd\n"
                                "2,987,a,0,-654,654,-654,2\n"}}},
         6,
         2,
         1,
         "ground_truth.csv: image '2' is not in the image list"},
        {TASK_DETECTION,
         {{{"images.csv", "image_id,usage\n1,Public\n1,Private\n"},
           {"categories.csv", "category_id\n1\n"},
           {"ground_truth.csv", "image_id,category_id,x,y,width,height,area,iscrowd\n"}}},
         1,
         0,
         0,
         "image list: id '1' has two usages"},
        {TASK_DETECTION,
         {{{"annotations.json", "{\"images\": [],\n \"annotations\" [987]}"}}},
         1,
         2,
         16,
         "annotations.json: is not JSON"},
        {TASK_DETECTION,
         {{{"annotations.json", "{\"images\": [], \"categories\": []}"}}},
         1,
         0,
         0,
         "annotations.json: array 'annotations' is missing"},
        {TASK_DETECTION,
         {{{"annotations.json", "{\"images\": [{\"id\": 1}, {}], \"categories\": [], "
                                "\"annotations\": []}"}}},
         1,
         0,
         0,
         "annotations.json: images[1]: has no id of 1 to 255 bytes"},
        {TASK_DETECTION,
         {{{"annotations.json",
            "{\"images\": [{\"id\": 1}], \"categories\": [{\"id\": 1}], \"annotations\": ["
            "{\"image_id\": 2, \"category_id\": 1},"
            "{\"image_id\": 1, \"category_id\": 987},"
            "{\"image_id\": 1, \"category_id\": 1, \"bbox\": [1, 1, 654], \"area\": 1},"
            "{\"image_id\": 1, \"category_id\": 1, \"bbox\": [1, 1, 654, 1], \"area\": 1, "
            "\"iscrowd\": 2}]}"}}},
         4,
         0,
         0,
         "annotations.json: annotations[0]: its image is not in the image list"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct labels *labels = NULL;
        struct err err = {0};
        assert_false(load(&labels, cases[i].task, &cases[i].files, NULL, &problems, &err));
        assert_null(labels);
        assert_int_equal(err.code, ERR_INPUT);
        const struct problem *first = &problems.kept[0];
        if (problems.n_all != cases[i].n || first->line != cases[i].line ||
            first->column != cases[i].column || strcmp(first->text, cases[i].text) != 0) {
            fail_msg("case %zu: %llu problems, %llu:%u '%s'", i, (unsigned long long)problems.n_all,
                     (unsigned long long)first->line, first->column, first->text);
        }
        for (uint32_t j = 0; j < problems.n_kept; j++) { /* no value of a label */
            assert_null(strstr(problems.kept[j].text, "987"));
            assert_null(strstr(problems.kept[j].text, "654"));
        }
        assert_null(strstr(err.text, "987"));
    }
}

static void test_labels_load_needs_its_files(void **state)
{
    static const struct files none = {{{NULL, NULL}}};
    static const struct files images = {{{"images.csv", "image_id\n1\n"}}};
    struct labels *labels = NULL;
    struct err err = {0};

    (void)state;
    assert_false(load(&labels, TASK_CLASSIFICATION, &none, NULL, &problems, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_false(load(&labels, TASK_CLASSIFICATION, &none, "no.csv", &problems, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_false(load(&labels, TASK_DETECTION, &images, NULL, &problems, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_false(load(&labels, TASK_DETECTION, &none, "no.json", &problems, &err));
    assert_int_equal(err.code, ERR_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_labels_load_solution_alone),
        cmocka_unit_test(test_labels_load_classification_folder),
        cmocka_unit_test(test_labels_load_detection_folder),
        cmocka_unit_test(test_labels_load_detection_without_areas),
        cmocka_unit_test(test_labels_load_coco),
        cmocka_unit_test(test_labels_load_plain_solution_is_general),
        cmocka_unit_test(test_labels_load_plain_boxes_are_general),
        cmocka_unit_test(test_labels_load_tells_what_is_wrong),
        cmocka_unit_test(test_labels_load_needs_its_files),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
