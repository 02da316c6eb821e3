/* SPDX-License-Identifier: MIT */
/*
 * The checked-in schema and reference page of the competition file are what its table writes.
 * Run with ASSAY_UPDATE=1 to write them anew after a change of the table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/file.h"
#include "schemas/competition.h"

static void compare_or_update(const char *name, const void *data, size_t size)
{
    char path[4096];
    struct bytes found = {0};
    struct err err;

    assert_true(path_join(path, sizeof(path), ASSAY_SOURCE_DIR, name, &err));
    if (getenv("ASSAY_UPDATE") != NULL) {
        assert_true(file_write_durable(path, data, size, 0644, &err));
    }
    assert_true(file_read(&found, path, 1 << 20, &err));
    assert_int_equal(found.size_bytes, size);
    assert_memory_equal(found.data, data, size);
    bytes_free(&found);
}

static void test_competition_schema_is_current(void **state)
{
    (void)state;
    struct jwriter writer;
    struct err err;

    jwriter_start(&writer, 1 << 20);
    conf_write_schema(&writer, &competition_table, "competition.schema.json");
    jwriter_raw(&writer, "\n", 1);
    assert_true(jwriter_ok(&writer, &err));
    compare_or_update("schemas/competition.schema.json", writer.out.data, writer.out.size_bytes);
    jwriter_end(&writer);
}

static void test_competition_reference_is_current(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    conf_write_reference(out, &competition_table);
    fclose(out);
    compare_or_update("docs/reference/competition.md", text, size);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_competition_schema_is_current),
        cmocka_unit_test(test_competition_reference_is_current),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
