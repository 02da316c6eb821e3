/* SPDX-License-Identifier: MIT */
/* Sealed files: opened by their recipients, and nothing of them can be changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/macros.h"
#include "schemas/scoreseal.h"

enum { HEAD_ONE = 11 + 1 + 112 + 24 };

static struct scoreseal_key key_of(uint8_t byte)
{
    struct scoreseal_key key;

    memset(key.secret_key, byte, sizeof(key.secret_key));
    crypt_curve_public(key.public_key, key.secret_key);
    return key;
}

static struct bytes make(const struct scoreseal_key *keys, size_t n_keys, const void *plain,
                         size_t size)
{
    uint8_t recipients[SCORESEAL_RECIPIENTS_MAX][CRYPT_KEY_BYTES];
    struct bytes sealed = {0};
    struct err err;

    for (size_t i = 0; i < n_keys; i++) {
        memcpy(recipients[i], keys[i].public_key, CRYPT_KEY_BYTES);
    }
    assert_true(scoreseal_make(&sealed, (const uint8_t(*)[CRYPT_KEY_BYTES])recipients, n_keys,
                               plain, size, &err));
    return sealed;
}

/* Whether it opens; what is in it then is `plain`. */
static bool opens(const struct bytes *sealed, const struct scoreseal_key *key, const void *plain,
                  size_t size)
{
    struct err err = {0};
    size_t opened_size;

    if (!scoreseal_plain_size(&opened_size, sealed->data, sealed->size_bytes, &err)) {
        assert_int_equal(err.code, ERR_PEER);
        assert_false(scoreseal_open(NULL, sealed->data, sealed->size_bytes, key, &err));
        assert_int_equal(err.code, ERR_PEER);
        return false;
    }
    unsigned char *opened = malloc(opened_size + 1);
    bool ok = scoreseal_open(opened, sealed->data, sealed->size_bytes, key, &err);
    assert_int_equal(err.code, ok ? ERR_NONE : ERR_PEER);
    if (ok) {
        assert_int_equal(opened_size, size);
        assert_memory_equal(opened, plain, size);
    }
    free(opened);
    return ok;
}

static void test_scoreseal_open(void **state)
{
    static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 131072, 200000};
    static unsigned char plain[200000];
    uint8_t found[SCORESEAL_RECIPIENTS_MAX][CRYPT_KEY_BYTES];
    const struct scoreseal_key keys[] = {key_of(1), key_of(2)};
    const struct scoreseal_key other = key_of(3);

    (void)state;
    memset(plain, 7, sizeof(plain));
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct bytes sealed = make(keys, 2, plain, sizes[i]);
        size_t n_chunks = sizes[i] == 0 ? 1 : (sizes[i] + 65535) / 65536;
        assert_int_equal(sealed.size_bytes, HEAD_ONE + 112 + sizes[i] + 17 * n_chunks);
        assert_memory_equal(sealed.data, "SCORESEAL1\n\2", 12);
        assert_int_equal(scoreseal_recipients(found, sealed.data, sealed.size_bytes), 2);
        assert_memory_equal(found[1], keys[1].public_key, CRYPT_KEY_BYTES);
        assert_int_equal(scoreseal_recipients(found, sealed.data, 11), 0);
        assert_true(opens(&sealed, &keys[0], plain, sizes[i]));
        assert_true(opens(&sealed, &keys[1], plain, sizes[i]));
        assert_false(opens(&sealed, &other, plain, sizes[i]));
        bytes_free(&sealed);
    }
}

static void test_scoreseal_make_refuses(void **state)
{
    static const uint8_t recipients[SCORESEAL_RECIPIENTS_MAX + 1][CRYPT_KEY_BYTES];
    struct bytes sealed = {0};
    struct err err = {0};

    (void)state;
    assert_false(scoreseal_make(&sealed, recipients, 0, "", 0, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_false(scoreseal_make(&sealed, recipients, SCORESEAL_RECIPIENTS_MAX + 1, "", 0, &err));
    assert_int_equal(err.code, ERR_LIMIT);
}

/* Every bit of a small file; of the larger one those around every boundary. */
static void test_scoreseal_open_refuses_flips(void **state)
{
    static unsigned char plain[65536 + 3];
    static const size_t marks[] = {0, HEAD_ONE, HEAD_ONE + 65553, HEAD_ONE + 65553 + 20};
    const struct scoreseal_key key = key_of(1);
    struct bytes small = make(&key, 1, "labels", 6);
    struct bytes large = make(&key, 1, plain, sizeof(plain));

    (void)state;
    for (size_t bit = 0; bit < 8 * small.size_bytes; bit++) {
        small.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
        assert_false(opens(&small, &key, "labels", 6));
        small.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    assert_true(opens(&small, &key, "labels", 6));
    for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
        for (size_t at = marks[i] < 20 ? 0 : marks[i] - 20;
             at < marks[i] + 20 && at < large.size_bytes; at++) {
            large.data[at] ^= 0x10;
            assert_false(opens(&large, &key, plain, sizeof(plain)));
            large.data[at] ^= 0x10;
        }
    }
    assert_true(opens(&large, &key, plain, sizeof(plain)));
    bytes_free(&small);
    bytes_free(&large);
}

/* Every length of a small file, and of the larger one around the end of its first chunk. */
static void test_scoreseal_open_refuses_cuts(void **state)
{
    static unsigned char plain[2 * 65536];
    const struct scoreseal_key key = key_of(1);
    struct bytes small = make(&key, 1, "labels", 6);
    struct bytes large = make(&key, 1, plain, sizeof(plain));
    size_t size = small.size_bytes;

    (void)state;
    for (small.size_bytes = 0; small.size_bytes < size; small.size_bytes++) {
        assert_false(opens(&small, &key, "labels", 6));
    }
    size = large.size_bytes;
    for (size_t cut = HEAD_ONE + 65553 - 20; cut < HEAD_ONE + 65553 + 20; cut++) {
        large.size_bytes = cut;
        assert_false(opens(&large, &key, plain, sizeof(plain)));
    }
    large.size_bytes = size;
    assert_true(opens(&large, &key, plain, sizeof(plain)));
    bytes_free(&small);
    bytes_free(&large);
}

static void test_scoreseal_open_refuses_other_heads(void **state)
{
    const struct scoreseal_key keys[] = {key_of(1), key_of(2)};
    struct bytes sealed = make(keys, 2, "labels", 6);
    unsigned char record[112];

    (void)state;
    memcpy(record, sealed.data + 12, 112); /* the recipients change places */
    memmove(sealed.data + 12, sealed.data + 12 + 112, 112);
    memcpy(sealed.data + 12 + 112, record, 112);
    assert_false(opens(&sealed, &keys[0], "labels", 6));
    bytes_free(&sealed);

    sealed = make(keys, 2, "labels", 6); /* one of them is dropped */
    memmove(sealed.data + 12, sealed.data + 12 + 112, sealed.size_bytes - 12 - 112);
    sealed.data[11] = 1;
    sealed.size_bytes -= 112;
    assert_false(opens(&sealed, &keys[1], "labels", 6));
    for (int n = 0; n < 256; n++) {
        sealed.data[11] = (unsigned char)n;
        assert_false(opens(&sealed, &keys[1], "labels", 6));
    }
    bytes_free(&sealed);
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
        cmocka_unit_test(test_scoreseal_open),
        cmocka_unit_test(test_scoreseal_make_refuses),
        cmocka_unit_test(test_scoreseal_open_refuses_flips),
        cmocka_unit_test(test_scoreseal_open_refuses_cuts),
        cmocka_unit_test(test_scoreseal_open_refuses_other_heads),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
