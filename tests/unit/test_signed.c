/* SPDX-License-Identifier: MIT */
/* The file of signed checkpoints, as it is written and as a power cut or a bad disk leaves it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/ledger/ledger.h"
#include "broker/ledger/signed.h"
#include "common/file.h"

enum { LOGS_MAX = 2 };

static const char *const origins[LOGS_MAX] = {"host/first+1", "host/second+1"};

struct rig {
    char folder[64];
    char path[96];
    struct ledger_keys keys;
    struct note_public_key key;
};

static struct signed_record record_of(const struct rig *rig, int log, uint64_t size)
{
    struct signed_record record = {.checkpoint = {.size = size}};
    struct note_public_key key = rig->key;
    char note[NOTE_SIZE];

    snprintf(key.origin, sizeof(key.origin), "%s", origins[log]);
    checkpoint_sign(note, &record.checkpoint, &key, rig->keys.log.secret_key);
    snprintf(record.origin, sizeof(record.origin), "%s", origins[log]);
    snprintf(record.text, sizeof(record.text), "%.*s", SIGNED_TEXT_SIZE - 1, note);
    return record;
}

static void rig_open(struct rig *rig)
{
    *rig = (struct rig){.folder = "/tmp/assay-signed-XXXXXX"};
    assert_non_null(mkdtemp(rig->folder));
    snprintf(rig->path, sizeof(rig->path), "%s/signed", rig->folder);
    ledger_keys_derive(&rig->keys, (const uint8_t[CRYPT_KEY_BYTES]){7});
    memcpy(rig->key.key, rig->keys.log.public_key, sizeof(rig->key.key));
}

static void rig_close(const struct rig *rig)
{
    unlink(rig->path);
    assert_int_equal(rmdir(rig->folder), 0);
}

/* Adds checkpoints of both logs in one write. */
static void add(struct signed_file *file, const struct rig *rig, uint64_t size)
{
    struct signed_record records[LOGS_MAX] = {record_of(rig, 0, size), record_of(rig, 1, size)};
    struct err err;

    assert_true(signed_add(file, records, LOGS_MAX, &err));
}

static uint64_t size_of(const struct signed_file *file, int log)
{
    const struct signed_record *record = signed_find(file, origins[log]);

    return record == NULL ? 0 : record->checkpoint.size;
}

static void put(const struct rig *rig, const char *text, size_t size)
{
    FILE *file = fopen(rig->path, "w");

    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* The bytes of a file with so many writes; *last_at is where the last begins. */
static struct bytes write_file(const struct rig *rig, uint64_t n_writes, size_t *last_at)
{
    struct signed_file file;
    struct bytes text = {0};
    struct err err;

    assert_true(signed_open(&file, rig->path, &rig->key, &err));
    for (uint64_t size = 1; size <= n_writes; size++) {
        *last_at = file.size_bytes;
        add(&file, rig, size);
    }
    signed_close(&file);
    assert_true(file_read(&text, rig->path, 1 << 20, &err));
    return text;
}

/* It opens, and what was durable counts. */
static void open_torn(struct signed_file *file, const struct rig *rig, uint64_t n_writes)
{
    struct err err;

    if (!signed_open(file, rig->path, &rig->key, &err)) {
        fail_msg("%s", err.text);
    }
    for (int log = 0; log < LOGS_MAX; log++) {
        assert_in_range(size_of(file, log), n_writes - 1, n_writes);
    }
}

/* The file that was torn can be added to. */
static void assert_goes_on(const struct rig *rig, uint64_t n_writes)
{
    struct signed_file file;
    struct err err;

    open_torn(&file, rig, n_writes);
    add(&file, rig, n_writes + 1);
    signed_close(&file);
    assert_true(signed_open(&file, rig->path, &rig->key, &err));
    assert_false(file.is_stale);
    assert_int_equal(size_of(&file, 0), n_writes + 1);
    assert_int_equal(size_of(&file, 1), n_writes + 1);
    signed_close(&file);
}

static void test_torn(void **state)
{
    (void)state;
    struct rig rig;
    size_t last_at = 0;

    rig_open(&rig);
    struct bytes text = write_file(&rig, 3, &last_at);
    char *torn = malloc(text.size_bytes);
    for (size_t from = last_at; from < text.size_bytes; from += 11) {
        put(&rig, (const char *)text.data, from);
        assert_goes_on(&rig, 3);
        for (size_t to = from + 1; to <= text.size_bytes; to += 7) {
            struct signed_file file;
            memcpy(torn, text.data, text.size_bytes);
            memset(torn + from, 0, to - from);
            put(&rig, torn, text.size_bytes);
            open_torn(&file, &rig, 3);
            signed_close(&file);
        }
        assert_goes_on(&rig, 3);
    }
    free(torn);
    bytes_free(&text);
    rig_close(&rig);
}

static void assert_refused(const struct rig *rig, const char *part)
{
    struct signed_file file;
    struct err err;

    assert_false(signed_open(&file, rig->path, &rig->key, &err));
    assert_int_equal(err.code, ERR_STORE);
    assert_non_null(strstr(err.text, part));
}

static void test_damaged(void **state)
{
    (void)state;
    struct rig rig;
    size_t last_at = 0;

    rig_open(&rig);
    struct bytes text = write_file(&rig, 3, &last_at);
    text.data[last_at / 2 + 5] ^= 4;
    put(&rig, (const char *)text.data, text.size_bytes);
    assert_refused(&rig, "at byte");
    text.data[last_at / 2 + 5] = 0; /* as torn, but two writes follow */
    put(&rig, (const char *)text.data, text.size_bytes);
    assert_refused(&rig, "zeros stand before it");
    bytes_free(&text);
    unlink(rig.path);
    text = write_file(&rig, 1, &last_at);
    rig.key.key[0] ^= 1;
    assert_refused(&rig, "at byte 0");
    bytes_free(&text);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_torn),
        cmocka_unit_test(test_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
