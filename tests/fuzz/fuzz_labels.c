/* SPDX-License-Identifier: MIT */
/*
 * Label files of any content: loaded, or refused with a problem. The first byte chooses which file
 * of a folder holds the input; the others are right. The folders are made once, in memory where the
 * system offers that: the loader reads files, and making them cost more than all the rest.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "scorer/data/labels.h"
#include "tests/fuzz/fuzz.h"

static const struct {
    enum task task;
    const char *name;
    const char *others[3][2]; /* name, text */
} cases[] = {
    {TASK_CLASSIFICATION, "solution.csv", {{"classes.csv", "class\n1\n2\n"}}},
    {TASK_CLASSIFICATION, "classes.csv", {{"solution.csv", "id,expected,usage\na,1,Public\n"}}},
    {TASK_CLASSIFICATION, "solution.csv", {{NULL, NULL}}},
    {TASK_DETECTION,
     "ground_truth.csv",
     {{"images.csv", "image_id\n1\n2\n"}, {"categories.csv", "category_id\n1\n2\n"}}},
    {TASK_DETECTION,
     "images.csv",
     {{"ground_truth.csv", "image_id,category_id,x,y,width,height,area,iscrowd\n"},
      {"categories.csv", "category_id\n1\n2\n"}}},
    {TASK_DETECTION, "annotations.json", {{NULL, NULL}}},
};

enum { N_CASES = sizeof(cases) / sizeof(cases[0]), N_OTHERS = 3 };

static char folders[N_CASES][40];

static void in_folder(char path[static 256], size_t index, const char *name)
{
    snprintf(path, 256, "%s/%s", folders[index], name);
}

static void write_file(size_t index, const char *name, const void *data, size_t size)
{
    char path[256];

    in_folder(path, index, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FUZZ_CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    close(fd);
}

static void remove_file(size_t index, const char *name)
{
    char path[256];

    in_folder(path, index, name);
    unlink(path);
}

static void remove_folders(void)
{
    for (size_t index = 0; index < N_CASES; index++) {
        remove_file(index, cases[index].name);
        for (size_t i = 0; i < N_OTHERS && cases[index].others[i][0] != NULL; i++) {
            remove_file(index, cases[index].others[i][0]);
        }
        rmdir(folders[index]);
    }
}

static void make_folders(void)
{
    const char *place = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

    for (size_t index = 0; index < N_CASES; index++) {
        snprintf(folders[index], sizeof(folders[index]), "%s/fuzz_labels_XXXXXX", place);
        FUZZ_CHECK(mkdtemp(folders[index]) != NULL);
        for (size_t i = 0; i < N_OTHERS && cases[index].others[i][0] != NULL; i++) {
            const char *text = cases[index].others[i][1];
            write_file(index, cases[index].others[i][0], text, strlen(text));
        }
    }
    atexit(remove_folders);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct problems problems;
    static bool is_made;
    struct labels *labels = NULL;
    struct err err = {0};

    if (size == 0) {
        return 0;
    }
    if (!is_made) {
        make_folders();
        is_made = true;
    }
    size_t choice = data[0] % N_CASES;
    write_file(choice, cases[choice].name, data + 1, size - 1);
    struct labels_source source = {.task = cases[choice].task, .path = folders[choice]};
    problems = (struct problems){0};
    bool ok = labels_load(&labels, &source, &problems, &err);
    FUZZ_CHECK(ok == (labels != NULL));
    FUZZ_CHECK(ok ? problems.n_all == 0 : err.code != ERR_NONE);
    labels_close(&labels);
    return 0;
}
