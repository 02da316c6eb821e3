/* SPDX-License-Identifier: MIT */
/* An older database is refused, until the operator says to go on, which the log then tells. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/store_fixture.h"

static void copy(const char *from, const char *to)
{
    struct bytes data = {0};
    struct err err;

    assert_true(file_read(&data, from, 1 << 24, &err));
    assert_true(file_write_durable(to, data.data, data.size_bytes, 0600, &err));
    bytes_free(&data);
}

static void assert_refused(struct world *world, const char *part)
{
    struct store_settings settings = settings_of(world);
    struct err err;

    assert_false(store_open(&world->store, &settings, NOW_MS, 0, &err));
    assert_int_equal(err.code, ERR_CONFIG);
    assert_non_null(strstr(err.text, part));
}

static void check_old_database(struct world *world)
{
    char backup[160];

    snprintf(backup, sizeof(backup), "%s/backup", world->folder);
    store_close(&world->store);
    copy(world->path, backup);
    reopen(world);
    assert_int_equal(submit(world, 0, 1), STORE_DONE);
    store_close(&world->store);
    copy(backup, world->path);
    assert_refused(world, "3 entries were signed, 2 are there");
    assert_refused(world, "--void-lost");
    world->may_void = true;
    reopen(world);
    world->may_void = false;
    reopen(world);
    assert_int_equal(submit(world, 0, 1), STORE_DONE);
    store_close(&world->store);
    assert_int_equal(unlink(world->signed_path), 0);
    assert_refused(world, "nothing says what was signed");
}
TEST(old_database)

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_old_database)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
