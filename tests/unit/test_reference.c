/* SPDX-License-Identifier: MIT */
/*
 * The checked-in schemas and reference pages of the configuration files are what their tables
 * write. Run with ASSAY_UPDATE=1 to write them anew after a change of a table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/gateway/settings.h"
#include "client/up_settings.h"
#include "common/file.h"
#include "schemas/competition.h"
#include "scorer/worker/worker_settings.h"

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

static const struct conf_table *const tables[] = {&competition_table, &settings_table,
                                                  &up_settings_table, &worker_settings_table};

static void test_schemas_are_current(void **state)
{
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        struct jwriter writer;
        char name[64];
        struct err err;
        snprintf(name, sizeof(name), "schemas/%s.schema.json", tables[i]->name);
        jwriter_start(&writer, 1 << 20);
        conf_write_schema(&writer, tables[i], strchr(name, '/') + 1);
        jwriter_raw(&writer, "\n", 1);
        assert_true(jwriter_ok(&writer, &err));
        compare_or_update(name, writer.out.data, writer.out.size_bytes);
        jwriter_end(&writer);
    }
}

static void test_reference_pages_are_current(void **state)
{
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        char name[64];
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        snprintf(name, sizeof(name), "docs/reference/%s.md", tables[i]->name);
        conf_write_reference(out, tables[i]);
        fclose(out);
        compare_or_update(name, text, size);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schemas_are_current),
        cmocka_unit_test(test_reference_pages_are_current),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
