/* SPDX-License-Identifier: MIT */
/* Keys of workers: one word, read back as it was written and in no other spelling. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/text.h"
#include "schemas/worker_key.h"

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static bool reads(const char *text)
{
    struct worker_public_key keys[WORKER_KEYS_MAX];
    size_t n_keys;
    struct err err = {0};
    bool ok = worker_keys_read(keys, &n_keys, text, strlen(text), &err);

    assert_int_equal(err.code, ok ? ERR_NONE : ERR_INPUT);
    return ok;
}

static void test_worker_keys_read(void **state)
{
    struct worker_public_key keys[WORKER_KEYS_MAX];
    static const char text[] = "gpu-1:" A64 ":" B64 " gpu-2:" B64 ":" A64;
    char again[WORKER_KEY_TEXT_SIZE];
    size_t n_keys;
    struct err err;

    (void)state;
    assert_true(worker_keys_read(keys, &n_keys, text, strlen(text), &err));
    assert_int_equal(n_keys, 2);
    assert_string_equal(keys[1].name, "gpu-2");
    assert_int_equal(keys[1].sign[31], 0xbb);
    assert_int_equal(keys[1].seal[0], 0xaa);
    worker_key_text(again, &keys[0]);
    assert_memory_equal(again, text, strlen(again));
}

static void test_worker_keys_read_refuses(void **state)
{
    static const char *const texts[] = {
        " ",
        "a",
        ":" A64 ":" B64,
        "a:" A64,
        "a:" A64 ":" A64 "a",
        "a:" A64 "." B64,
        "A:" A64 ":" B64,
        "a:A" A64 ":" B64,
        "a:A"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:" B64,
        "a:" A64 ":" B64 " ",
        "a:" A64 ":" B64 "  b:" B64 ":" A64,
        "a:" A64 ":" B64 " a:" B64 ":" A64,
        "a:" A64 ":" B64 " b:" A64 ":" A64,
        A64 "a:" A64 ":" B64,
    };
    char many[WORKER_KEYS_TEXT_SIZE + WORKER_KEY_TEXT_SIZE] = "";

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        if (reads(texts[i])) {
            fail_msg("%s", texts[i]);
        }
    }
    for (int i = 0; i <= WORKER_KEYS_MAX; i++) {
        assert_true(reads(many));
        snprintf(many + strlen(many), sizeof(many) - strlen(many), "%sw%d:%064d:" A64,
                 i == 0 ? "" : " ", i, i);
    }
    assert_false(reads(many));
}

static void test_worker_key_open(void **state)
{
    char folder[] = "/tmp/assay-worker-key-XXXXXX";
    char path[64];
    char command[64];
    char text[WORKER_KEY_TEXT_SIZE];
    struct worker_key key;
    struct worker_key again;
    struct worker_public_key public_key;
    struct organizer_key organizer;
    struct bytes file = {0};
    struct err err;

    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_true(worker_key_open(&key, folder, "gpu-1", &err));
    assert_true(worker_key_open(&again, folder, "gpu-1", &err));
    assert_memory_equal(&key, &again, sizeof(key));
    assert_true(worker_key_public(&public_key, folder, "gpu-1", &err));
    assert_memory_equal(&public_key, &key.public_key, sizeof(public_key));
    assert_true(organizer_key_open(&organizer, folder, "gpu-1.secret", &err));
    assert_memory_equal(&organizer.seal, &key.seal, sizeof(key.seal));
    assert_memory_equal(organizer.sign, key.public_key.sign, sizeof(organizer.sign));
    assert_memory_equal(organizer.sign_secret, key.sign_secret, sizeof(key.sign_secret));
    assert_false(organizer_key_open(&organizer, "/dev/null", "x", &err));
    assert_true(worker_key_open(&again, folder, "gpu-2", &err));
    assert_memory_not_equal(again.public_key.sign, key.public_key.sign, CRYPT_PUBLIC_KEY_BYTES);
    snprintf(path, sizeof(path), "%s/gpu-1.worker", folder);
    assert_true(file_read(&file, path, 1000, &err));
    worker_key_text(text, &key.public_key);
    assert_int_equal(file.size_bytes, strlen(text) + 1);
    assert_memory_equal(file.data, text, strlen(text));
    bytes_free(&file);
    assert_true(file_write_durable(path, "x", 1, 0644, &err)); /* is mended */
    assert_true(worker_key_open(&again, folder, "gpu-1", &err));
    assert_true(file_read(&file, path, 1000, &err));
    assert_int_equal(file.size_bytes, strlen(text) + 1);
    bytes_free(&file);
    assert_false(worker_key_open(&again, folder, A64 "a", &err));
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

static int start(void **state)
{
    struct err err;

    (void)state;
    return crypt_start(&err) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worker_keys_read),
        cmocka_unit_test(test_worker_keys_read_refuses),
        cmocka_unit_test(test_worker_key_open),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
