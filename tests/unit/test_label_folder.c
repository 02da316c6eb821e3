/* SPDX-License-Identifier: MIT */
/* Label sets installed, found again, refused when they differ, and never left behind by halves. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "scorer/data/label_folder.h"

static char root[] = "/tmp/assay-label-folder-XXXXXX";
static char place[sizeof(root) + 8]; /* where the sets go */

static const char with_categories[] = "competition: birds\n"
                                      "task: classification\n"
                                      "metric: top1_error\n"
                                      "submission: {format: topk, k: 1}\n"
                                      "categories: ../lists/classes.csv\n";
static const char without_categories[] = "competition: birds\n"
                                         "task: classification\n"
                                         "metric: top1_error\n"
                                         "submission: {format: topk, k: 1}\n";

static const char *inside(const char *name)
{
    static char paths[4][LABEL_PATH_SIZE];
    static unsigned next;
    char *path = paths[next++ % ARRAY_SIZE(paths)];

    snprintf(path, LABEL_PATH_SIZE, "%s/%s", root, name);
    return path;
}

static void put(const char *name, const char *text)
{
    char folder[LABEL_PATH_SIZE];
    struct err err;

    assert_true(path_folder(folder, sizeof(folder), inside(name), &err));
    assert_true(folder_make(folder, 0755, &err));
    assert_true(file_write_durable(inside(name), text, strlen(text), 0644, &err));
}

static void expect(const char *path, const char *text)
{
    struct bytes found = {0};
    struct stat info;
    struct err err;

    assert_true(file_read(&found, path, 4096, &err));
    assert_string_equal((const char *)found.data, text);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    bytes_free(&found);
}

/* How many versions, and what else, lie in the competition's folder. */
static size_t count_sets(void)
{
    size_t n = 0;
    DIR *list = opendir(inside("labels/birds"));

    while (list != NULL && readdir(list) != NULL) {
        n++;
    }
    if (list != NULL) {
        closedir(list);
    }
    return list == NULL ? 0 : n - 2;
}

static int setup(void **state)
{
    (void)state;
    memcpy(root + sizeof(root) - 7, "XXXXXX", 6);
    if (mkdtemp(root) == NULL) {
        return -1;
    }
    snprintf(place, sizeof(place), "%s/labels", root);
    put("here/birds.yaml", with_categories);
    put("lists/classes.csv", "class,supercategory\n1,owls\n");
    put("solution.CSV", "id,expected,usage\na,1,Public\n");
    put("solution.csv", "id,expected,usage\na,1,Public\n");
    put("set/ground_truth.csv", "image_id\n");
    put("set/images.csv", "image_id\nx\n");
    put("set/inner/ignored.csv", "y\n");
    return 0;
}

static int teardown(void **state)
{
    char command[64];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", root);
    return system(command);
}

static void test_label_folder_install_file(void **state)
{
    (void)state;
    struct label_folder set;
    struct stat info;
    struct err err = {0};

    assert_true(
        label_folder_install(place, inside("here/birds.yaml"), inside("solution.csv"), 1, &err));
    assert_true(label_folder_open(&set, place, "birds", 1, &err));
    assert_string_equal(set.labels, inside("labels/birds/1/labels.csv"));
    assert_string_equal(set.categories, inside("labels/birds/1/classes.csv"));
    expect(set.competition, with_categories);
    expect(set.categories, "class,supercategory\n1,owls\n");
    expect(set.labels, "id,expected,usage\na,1,Public\n");
    assert_int_equal(stat(inside("labels/birds/1"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    assert_int_equal(count_sets(), 1);
}

static void test_label_folder_install_folder(void **state)
{
    (void)state;
    struct label_folder set;
    struct err err = {0};

    assert_true(label_folder_install(place, inside("here/birds.yaml"), inside("set"), 2, &err));
    assert_true(label_folder_open(&set, place, "birds", 2, &err));
    assert_string_equal(set.labels, inside("labels/birds/2/labels"));
    expect(inside("labels/birds/2/labels/ground_truth.csv"), "image_id\n");
    expect(inside("labels/birds/2/labels/images.csv"), "image_id\nx\n");
    assert_int_not_equal(access(inside("labels/birds/2/labels/inner"), F_OK), 0);
}

static void test_label_folder_install_unknown_extension(void **state)
{
    (void)state;
    struct label_folder set;
    struct err err = {0};

    put("here/birds.yaml", without_categories);
    assert_true(
        label_folder_install(place, inside("here/birds.yaml"), inside("solution.CSV"), 1, &err));
    assert_true(label_folder_open(&set, place, "birds", 1, &err));
    assert_string_equal(set.labels, inside("labels/birds/1/labels"));
    assert_string_equal(set.categories, "");
}

static void test_label_folder_install_again(void **state)
{
    (void)state;
    struct err err = {0};

    assert_true(label_folder_install(place, inside("here/birds.yaml"), inside("set"), 1, &err));
    assert_true(label_folder_install(place, inside("here/birds.yaml"), inside("set"), 1, &err));
    assert_int_equal(count_sets(), 1);
    put("set/images.csv", "image_id\nz\n");
    assert_false(label_folder_install(place, inside("here/birds.yaml"), inside("set"), 1, &err));
    assert_int_equal(err.code, ERR_CONFIG);
    expect(inside("labels/birds/1/labels/images.csv"), "image_id\nx\n");
    put("set/images.csv", "image_id\nx\n");
    put("set/more.csv", "image_id\n");
    assert_false(label_folder_install(place, inside("here/birds.yaml"), inside("set"), 1, &err));
    assert_int_equal(unlink(inside("set/more.csv")), 0);
    assert_int_equal(unlink(inside("set/images.csv")), 0);
    assert_false(label_folder_install(place, inside("here/birds.yaml"), inside("set"), 1, &err));
    assert_int_equal(err.code, ERR_CONFIG);
    assert_int_equal(count_sets(), 1);
}

static void test_label_folder_install_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *competition;
        const char *categories; /* named in the competition */
        const char *labels;
        enum err_code code;
    } cases[] = {
        {"no competition file", "nothing.yaml", NULL, "set", ERR_SYSTEM},
        {"wrong competition file", "solution.csv", NULL, "set", ERR_CONFIG},
        {"no categories file", "here/birds.yaml", "gone.csv", "set", ERR_SYSTEM},
        {"categories are a folder", "here/birds.yaml", "../lists", "set", ERR_SYSTEM},
        {"categories take a name", "here/birds.yaml", "../labels.csv", "set", ERR_CONFIG},
        {"no labels", "here/birds.yaml", "../lists/classes.csv", "nothing", ERR_SYSTEM},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct err err = {0};
        char text[1024];
        snprintf(text, sizeof(text), "%s%s%s\n", without_categories,
                 cases[i].categories == NULL ? "" : "categories: ",
                 cases[i].categories == NULL ? "" : cases[i].categories);
        put("here/birds.yaml", text);
        if (label_folder_install(place, inside(cases[i].competition), inside(cases[i].labels), 1,
                                 &err) ||
            err.code != cases[i].code || count_sets() != 0) {
            fail_msg("%s: %s, %zu left", cases[i].name, err.text, count_sets());
        }
    }
}

static void test_label_folder_open_refuses(void **state)
{
    (void)state;
    static const char *const ids[] = {"fish", "..", "", "birds/1", "Birds", "/etc"};
    struct label_folder set;
    struct err err = {0};

    assert_true(
        label_folder_install(place, inside("here/birds.yaml"), inside("solution.csv"), 1, &err));
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        assert_false(label_folder_open(&set, place, ids[i], 1, &err));
        assert_int_equal(err.code, ERR_CONFIG);
    }
    assert_false(label_folder_open(&set, place, "birds", 2, &err));
    assert_int_equal(err.code, ERR_CONFIG);
    assert_int_equal(unlink(inside("labels/birds/1/labels.csv")), 0);
    assert_false(label_folder_open(&set, place, "birds", 1, &err));
    assert_int_equal(err.code, ERR_CONFIG);
}

static void test_label_folder_remove(void **state)
{
    (void)state;
    struct label_folder set;
    struct err err = {0};

    assert_true(label_folder_install(place, inside("here/birds.yaml"), inside("set"), 1, &err));
    assert_true(label_folder_install(place, inside("here/birds.yaml"), inside("set"), 2, &err));
    assert_true(label_folder_remove(place, "birds", 1, &err));
    assert_false(label_folder_open(&set, place, "birds", 1, &err));
    assert_true(label_folder_open(&set, place, "birds", 2, &err));
    assert_true(label_folder_remove(place, "birds", 1, &err)); /* not there: fine */
    assert_false(label_folder_remove(place, "../labels/birds", 2, &err));
    assert_int_equal(err.code, ERR_CONFIG);
    assert_true(label_folder_open(&set, place, "birds", 2, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_label_folder_install_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_label_folder_install_folder, setup, teardown),
        cmocka_unit_test_setup_teardown(test_label_folder_install_unknown_extension, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_label_folder_install_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_label_folder_install_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_label_folder_open_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_label_folder_remove, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
