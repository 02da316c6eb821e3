/* SPDX-License-Identifier: MIT */
/*
 * What the golden tests share: paths of cases, their expected.json, files that are stored packed.
 */
#pragma once

#include "common/file.h"
#include "common/jdoc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { GOLDEN_PATH_SIZE = 1024 };

struct golden {
    char folder[GOLDEN_PATH_SIZE];   /* "…/tests/golden/detection/edge/one_perfect" */
    char unpacked[GOLDEN_PATH_SIZE]; /* a temporary file, "" where none was needed */
    struct bytes text;
    struct jdoc *expected;
};

/* Opens a case such as "detection/edge/one_perfect". */
static inline void golden_open(struct golden *golden, const char *name)
{
    char path[GOLDEN_PATH_SIZE + 32];
    struct err err = {0};

    *golden = (struct golden){0};
    snprintf(golden->folder, sizeof(golden->folder), "%s/tests/golden/%s", ASSAY_SOURCE_DIR, name);
    snprintf(path, sizeof(path), "%s/expected.json", golden->folder);
    assert_true(file_read(&golden->text, path, 4 << 20, &err));
    assert_true(jdoc_open(&golden->expected, golden->text.data, golden->text.size_bytes, &err));
}

static inline void golden_close(struct golden *golden)
{
    jdoc_close(&golden->expected);
    bytes_free(&golden->text);
    if (golden->unpacked[0] != '\0') {
        unlink(golden->unpacked);
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
    assert_true(golden->unpacked[0] == '\0');
    snprintf(golden->unpacked, sizeof(golden->unpacked), "/tmp/assay-golden-XXXXXX");
    int fd = mkstemp(golden->unpacked);
    assert_true(fd >= 0);
    close(fd);
    snprintf(command, sizeof(command), "gzip -dc '%s.gz' > '%s'", path, golden->unpacked);
    assert_int_equal(system(command), 0);
    snprintf(path, GOLDEN_PATH_SIZE, "%s", golden->unpacked);
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
