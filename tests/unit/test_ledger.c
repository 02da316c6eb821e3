/* SPDX-License-Identifier: MIT */
/* Keys that are made once and stay; lines whose leaf hash is the one of RFC 6962. */
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

#include "broker/ledger/ledger.h"
#include "common/crypt.h"
#include "common/file.h"

static void test_ledger_keys_load(void **state)
{
    (void)state;
    char folder[] = "/tmp/assay-ledger-XXXXXX";
    char keys_folder[64];
    char path[128];
    struct ledger_keys first;
    struct ledger_keys second;
    struct stat info;
    struct err err;

    assert_true(crypt_start(&err));
    assert_non_null(mkdtemp(folder));
    snprintf(keys_folder, sizeof(keys_folder), "%s/keys", folder);
    snprintf(path, sizeof(path), "%s/master", keys_folder);
    assert_false(ledger_keys_load(&first, keys_folder, false, &err));
    assert_int_equal(err.code, ERR_CONFIG);
    assert_true(ledger_keys_load(&first, keys_folder, true, &err));
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_true(ledger_keys_load(&second, keys_folder, true, &err));
    assert_memory_equal(&first, &second, sizeof(first));
    assert_memory_not_equal(first.pepper, first.receipt.secret_key, sizeof(first.pepper));
    assert_int_equal(truncate(path, 31), 0);
    assert_false(ledger_keys_load(&second, keys_folder, true, &err));
    assert_int_equal(err.code, ERR_STORE);
    assert_int_equal(truncate(path, 33), 0);
    assert_false(ledger_keys_load(&second, keys_folder, true, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(keys_folder), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void test_ledger_line_make(void **state)
{
    (void)state;
    struct entry entry = {.kind = ENTRY_CLOSE, .competition = "demo", .index = 3};
    struct ledger_line line;
    unsigned char prefixed[ENTRY_SIZE + 1] = {0};
    uint8_t leaf[SHA256_BYTES];
    struct err err;

    entry.values[ENTRY_CLOSE_CLOSED].text = "2026-06-15T12:00:00Z";
    assert_true(ledger_line_make(&line, &entry, &err));
    memcpy(prefixed + 1, line.text, line.size);
    sha256_of(leaf, prefixed, line.size + 1);
    assert_memory_equal(leaf, line.leaf, sizeof(leaf));
    entry.values[ENTRY_CLOSE_CLOSED].text = "today";
    assert_false(ledger_line_make(&line, &entry, &err));
    assert_int_equal(err.code, ERR_INPUT);
}

static void test_ledger_team_text(void **state)
{
    (void)state;
    char text[LEDGER_TEAM_SIZE];

    ledger_team_text(text, INT64_MAX);
    assert_string_equal(text, "t9223372036854775807");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ledger_keys_load),
        cmocka_unit_test(test_ledger_line_make),
        cmocka_unit_test(test_ledger_team_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
