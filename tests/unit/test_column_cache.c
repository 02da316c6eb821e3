/* SPDX-License-Identifier: MIT */
/* The column cache: what was put comes back sealed; nothing else does. */
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
#include "scorer/worker/column_cache.h"
#include "scorer/worker/sealed.h"

static const char name[] =
    "/ab/00000000000000000000000000000000000000000000000000000000000000.birds.1";

static struct wire_job sample(void)
{
    struct wire_job job = {.label_version = 1, .competition = wire_text("birds")};

    job.sha256[0] = 0xab;
    return job;
}

static int make_block(const char *text)
{
    struct err err;
    int fd;

    assert_true(sealed_make(&fd, "block", &err));
    assert_true(write_full(fd, text, strlen(text), &err));
    assert_true(sealed_finish(fd, &err));
    return fd;
}

static void remove_all(const char *folder)
{
    char path[512];

    snprintf(path, sizeof(path), "%s%s", folder, name);
    unlink(path);
    snprintf(path, sizeof(path), "%s/ab", folder);
    rmdir(path);
    assert_int_equal(rmdir(folder), 0);
}

static void test_column_cache_put_and_get(void **state)
{
    (void)state;
    char folder[] = "/tmp/assay-test-XXXXXX";
    struct wire_job job = sample();
    struct sealed map = {0};
    struct err err;
    int fd;

    assert_non_null(mkdtemp(folder));
    assert_false(column_cache_get(&fd, folder, &job));
    for (int round = 0; round < 2; round++) { /* kept again: the newer one stands */
        int block = make_block(round == 0 ? "first" : "second block");
        column_cache_put(folder, &job, block);
        close(block);
    }
    assert_true(column_cache_get(&fd, folder, &job));
    assert_true(sealed_map(&map, fd, 1000, &err)); /* only sealed memory can be mapped so */
    assert_int_equal(map.size_bytes, 12);
    assert_memory_equal(map.data, "second block", 12);
    sealed_unmap(&map);
    close(fd);
    column_cache_drop(folder, &job);
    assert_false(column_cache_get(&fd, folder, &job));
    remove_all(folder);
}

static void test_column_cache_keeps_catalogs_apart(void **state)
{
    (void)state;
    char folder[] = "/tmp/assay-test-XXXXXX";
    struct wire_job job = sample();
    int fd;

    assert_non_null(mkdtemp(folder));
    int block = make_block("block");
    column_cache_put(folder, &job, block);
    close(block);
    job.label_version = 2;
    assert_false(column_cache_get(&fd, folder, &job));
    job.label_version = 1;
    job.competition = wire_text("fish");
    assert_false(column_cache_get(&fd, folder, &job));
    job = sample();
    job.sha256[31] = 1;
    assert_false(column_cache_get(&fd, folder, &job));
    remove_all(folder);
}

static void test_column_cache_refuses_names_that_are_paths(void **state)
{
    (void)state;
    char folder[] = "/tmp/assay-test-XXXXXX";
    static const char *const ids[] = {"../../birds", "a/b", "", "Birds", "a.b"};
    int fd;

    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        struct wire_job job = sample();
        int block = make_block("block");
        job.competition = wire_text(ids[i]);
        column_cache_put(folder, &job, block);
        close(block);
        assert_false(column_cache_get(&fd, folder, &job));
    }
    assert_int_equal(rmdir(folder), 0); /* nothing was made in it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_column_cache_put_and_get),
        cmocka_unit_test(test_column_cache_keeps_catalogs_apart),
        cmocka_unit_test(test_column_cache_refuses_names_that_are_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
