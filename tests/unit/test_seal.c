/* SPDX-License-Identifier: MIT */
/* Sealed private scores: the same bytes every time, opened by nobody and for nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "scorer/worker/seal.h"

static const struct seal_key key = {.key = "a key of the tests, 32 bytes...."};
static const struct seal_subject subject = {.submission = "0123456789abcdef0123456789abcdef",
                                            .submission_size = 32,
                                            .label_version = 1,
                                            .rules_version = 1};
static const struct seal_score score = {
    .has_value = true, .value = 0.1, .json = "{\"private\":1}", .json_size = 13};

static struct bytes close_box(const struct seal_key *with, const struct seal_subject *of,
                              const struct seal_score *what)
{
    struct bytes box = {0};
    struct err err = {0};

    assert_true(seal_close(&box, with, of, what, &err));
    return box;
}

static bool opens(const struct seal_key *with, const struct seal_subject *of,
                  const struct bytes *box)
{
    struct seal_score opened;
    struct bytes plain = {0};
    struct err err = {0};
    bool ok = seal_open(&opened, &plain, with, of, box->data, box->size_bytes, &err);

    assert_true(ok || err.code == ERR_PEER);
    bytes_free(&plain);
    return ok;
}

static void test_seal_open(void **state)
{
    (void)state;
    struct bytes box = close_box(&key, &subject, &score);
    struct seal_score opened = {0};
    struct bytes plain = {0};
    struct err err = {0};

    assert_true(seal_open(&opened, &plain, &key, &subject, box.data, box.size_bytes, &err));
    assert_true(opened.has_value);
    assert_memory_equal(&opened.value, &score.value, sizeof(double));
    assert_int_equal(opened.json_size, score.json_size);
    assert_memory_equal(opened.json, score.json, score.json_size);
    bytes_free(&plain);
    bytes_free(&box);
}

static void test_seal_close_is_deterministic(void **state)
{
    (void)state;
    const struct seal_score without = {.value = 5, .json = score.json, .json_size = 13};
    const struct seal_score without_other = {.value = 6, .json = score.json, .json_size = 13};
    struct bytes a = close_box(&key, &subject, &score);
    struct bytes b = close_box(&key, &subject, &score);

    assert_int_equal(a.size_bytes, b.size_bytes);
    assert_memory_equal(a.data, b.data, a.size_bytes);
    bytes_free(&a);
    bytes_free(&b);
    a = close_box(&key, &subject, &without);
    b = close_box(&key, &subject, &without_other);
    assert_memory_equal(a.data, b.data, a.size_bytes); /* a value that is not there has no bits */
    bytes_free(&a);
    bytes_free(&b);
}

static void test_seal_close_never_repeats_a_nonce(void **state)
{
    (void)state;
    struct seal_score other = score;
    struct bytes a = close_box(&key, &subject, &score);

    other.value = 0.2;
    struct bytes b = close_box(&key, &subject, &other);
    assert_memory_not_equal(a.data, b.data, CRYPT_NONCE_BYTES);
    bytes_free(&a);
    bytes_free(&b);
}

static void test_seal_open_refuses(void **state)
{
    (void)state;
    struct bytes box = close_box(&key, &subject, &score);
    struct seal_key other_key = key;
    struct seal_subject other;

    other_key.key[31] ^= 1;
    assert_false(opens(&other_key, &subject, &box));
    other = subject;
    other.submission = "0123456789abcdef0123456789abcdee";
    assert_false(opens(&key, &other, &box));
    other = subject;
    other.submission_size = 31;
    assert_false(opens(&key, &other, &box));
    other = subject;
    other.label_version = 2;
    assert_false(opens(&key, &other, &box));
    other = subject;
    other.rules_version = 2;
    assert_false(opens(&key, &other, &box));
    for (size_t bit = 0; bit < box.size_bytes * 8; bit++) {
        box.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
        assert_false(opens(&key, &subject, &box));
        box.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    for (size_t size = box.size_bytes; size-- > 0;) {
        const struct bytes cut = {.data = box.data, .size_bytes = size};
        assert_false(opens(&key, &subject, &cut));
    }
    assert_true(opens(&key, &subject, &box));
    bytes_free(&box);
}

static void test_seal_close_limit(void **state)
{
    (void)state;
    char *json = calloc(1, SEAL_BOX_MAX);
    struct seal_score large = {.json = json, .json_size = SEAL_BOX_MAX - 24 - 40};
    struct err err = {0};

    struct bytes box = close_box(&key, &subject, &large);
    assert_int_equal(box.size_bytes, SEAL_BOX_MAX);
    bytes_free(&box);
    large.json_size++;
    assert_false(seal_close(&box, &key, &subject, &large, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    free(json);
}

static void test_seal_key_open(void **state)
{
    (void)state;
    char folder[] = "/tmp/assay-seal-XXXXXX";
    char keys[64];
    char path[80];
    struct seal_key first = {0};
    struct seal_key again = {0};
    struct stat info;
    struct err err = {0};

    assert_non_null(mkdtemp(folder));
    snprintf(keys, sizeof(keys), "%s/keys", folder);
    snprintf(path, sizeof(path), "%s/seal.key", keys);
    assert_true(seal_key_open(&first, keys, &err));
    assert_true(seal_key_open(&again, keys, &err));
    assert_memory_equal(&first, &again, sizeof(first));
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(info.st_nlink, 1);
    assert_true(file_write_durable(path, "short", 5, 0600, &err));
    assert_false(seal_key_open(&again, keys, &err));
    assert_int_equal(err.code, ERR_CONFIG);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(keys), 0);
    assert_int_equal(rmdir(folder), 0);
}

enum { RACERS = 8 };

/* Workers that start together end up with the same key. */
static void test_seal_key_open_race(void **state)
{
    (void)state;
    char folder[] = "/tmp/assay-seal-XXXXXX";
    char path[80];
    struct seal_key keys[RACERS];
    int ends[2];
    struct err err = {0};

    assert_non_null(mkdtemp(folder));
    assert_int_equal(pipe(ends), 0);
    for (int i = 0; i < RACERS; i++) {
        if (fork() == 0) {
            struct seal_key mine = {0};
            bool ok = seal_key_open(&mine, folder, &err) &&
                      write(ends[1], &mine, sizeof(mine)) == (ssize_t)sizeof(mine);
            _exit(ok ? 0 : 1);
        }
    }
    assert_true(read_full(ends[0], keys, sizeof(keys), &err));
    for (int i = 0; i < RACERS; i++) {
        int status;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
        assert_memory_equal(&keys[i], &keys[0], sizeof(keys[0]));
    }
    snprintf(path, sizeof(path), "%s/seal.key", folder);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

static int setup(void **state)
{
    struct err err;

    (void)state;
    return crypt_start(&err) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seal_open),
        cmocka_unit_test(test_seal_close_is_deterministic),
        cmocka_unit_test(test_seal_close_never_repeats_a_nonce),
        cmocka_unit_test(test_seal_open_refuses),
        cmocka_unit_test(test_seal_close_limit),
        cmocka_unit_test(test_seal_key_open),
        cmocka_unit_test(test_seal_key_open_race),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
