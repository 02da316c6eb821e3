/* SPDX-License-Identifier: MIT */
/*
 * What the golden tests share: cases with their expected.json, files that are stored packed, and
 * the way from the files to columns and labels, which is the product's own.
 */
#pragma once

#include "common/file.h"
#include "common/jdoc.h"
#include "scorer/data/labels.h"
#include "scorer/data/submission.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { GOLDEN_PATH_SIZE = 1024, GOLDEN_UNPACKED_MAX = 2 };

struct golden {
    char folder[GOLDEN_PATH_SIZE]; /* "…/tests/golden/detection/edge/one_perfect" */
    size_t n_unpacked;
    char unpacked[GOLDEN_UNPACKED_MAX][GOLDEN_PATH_SIZE]; /* temporary files */
    struct bytes text;
    struct jdoc *expected;
    struct labels *labels;
    struct arena *arena;
    struct submission submission;
    struct problems problems; /* of the submission */
};

/* Opens a case such as "detection/edge/one_perfect". */
static inline void golden_open(struct golden *golden, const char *name)
{
    char path[GOLDEN_PATH_SIZE + 32];
    struct err err = {0};

    memset(golden, 0, sizeof(*golden));
    snprintf(golden->folder, sizeof(golden->folder), "%s/tests/golden/%.200s", ASSAY_SOURCE_DIR,
             name);
    snprintf(path, sizeof(path), "%s/expected.json", golden->folder);
    assert_true(file_read(&golden->text, path, 4 << 20, &err));
    assert_true(jdoc_open(&golden->expected, golden->text.data, golden->text.size_bytes, &err));
    assert_true(arena_open(&golden->arena, (size_t)1 << 30, &err));
}

static inline void golden_close(struct golden *golden)
{
    jdoc_close(&golden->expected);
    bytes_free(&golden->text);
    labels_close(&golden->labels);
    arena_close(&golden->arena);
    for (size_t i = 0; i < golden->n_unpacked; i++) {
        unlink(golden->unpacked[i]);
    }
}

/* The path of a file of the case; a packed one is unpacked to a temporary file first. */
static inline void golden_file(char path[static GOLDEN_PATH_SIZE], struct golden *golden,
                               const char *name)
{
    char command[3 * GOLDEN_PATH_SIZE];

    assert_true(snprintf(path, GOLDEN_PATH_SIZE, "%.900s/%.100s", golden->folder, name) <
                GOLDEN_PATH_SIZE);
    if (access(path, R_OK) == 0) {
        return;
    }
    assert_true(golden->n_unpacked < GOLDEN_UNPACKED_MAX);
    char *unpacked = golden->unpacked[golden->n_unpacked++];
    snprintf(unpacked, GOLDEN_PATH_SIZE, "/tmp/assay-golden-XXXXXX");
    int fd = mkstemp(unpacked);
    assert_true(fd >= 0);
    close(fd);
    snprintf(command, sizeof(command), "gzip -dc '%s.gz' > '%s'", path, unpacked);
    assert_int_equal(system(command), 0);
    snprintf(path, GOLDEN_PATH_SIZE, "%s", unpacked);
}

/* Loads the labels of a case, which must be right. `name` is the solution, "" for the folder. */
static inline void golden_labels(struct golden *golden, const char *name,
                                 const struct competition *competition)
{
    char path[GOLDEN_PATH_SIZE];
    struct problems problems = {0};
    struct err err = {0};

    golden_file(path, golden, name);
    const struct labels_source source = {.task = (enum task)competition->task, .path = path};
    if (!labels_load(&golden->labels, &source, &problems, &err)) {
        fail_msg("%s: %s", path, err.text);
    }
}

/* Reads the submission of a case; false where it is invalid, golden->problems say why. */
static inline bool golden_read(struct golden *golden, const char *name,
                               const struct competition *competition)
{
    char path[GOLDEN_PATH_SIZE];
    struct err err = {0};

    golden_file(path, golden, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    const struct submission_source source = {
        .form = {.format = (enum submission_format)competition->submission.format,
                 .k = (size_t)competition->submission.k,
                 .columns = &competition->submission.columns,
                 .prediction = &competition->submission.prediction},
        .catalog = &golden->labels->catalog,
        .fd = fd,
        .unpacked_max = (size_t)competition->limits.file_bytes,
        .n_threads = 2,
    };
    bool ok = submission_read(&golden->submission, &source, golden->arena, &golden->problems, &err);
    close(fd);
    assert_true(ok || err.code == ERR_INPUT);
    return ok;
}

/* The competition of a test, from YAML text. */
static inline void golden_competition(struct competition *competition, const char *text)
{
    struct problems problems = {0};

    assert_true(competition_load(competition, text, strlen(text), &problems));
}

/* What is wrong with a submission: one row a problem, the first ones only. */
struct golden_problem {
    uint64_t line;
    uint32_t column;
    const char *text;
};

static inline void golden_problems(const struct golden *golden, uint64_t n_all,
                                   const struct golden_problem *expected, size_t n_expected)
{
    assert_int_equal(golden->problems.n_all, n_all);
    for (size_t i = 0; i < n_expected; i++) {
        const struct problem *problem = &golden->problems.kept[i];
        if (problem->line != expected[i].line || problem->column != expected[i].column ||
            strcmp(problem->text, expected[i].text) != 0) {
            fail_msg("%s:%d:%d: %s", golden->folder, (int)problem->line, (int)problem->column,
                     problem->text);
        }
    }
}

/* A number of expected.json; the key must be there. */
static inline double golden_number(const struct jvalue *object, const char *key)
{
    double value;
    int64_t integer;
    const struct jvalue *member = jvalue_member(object, key);

    if (jvalue_int(&integer, member)) {
        return (double)integer;
    }
    assert_true(jvalue_double(&value, member));
    return value;
}
