/* SPDX-License-Identifier: MIT */
/*
 * Packed submissions: every kind, damaged ones, bombs. The files were made by Python's gzip and
 * zipfile and by the zstd program.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/macros.h"
#include "scorer/data/stream.h"
#include "scorer/data/unpack.h"

static const char text[] = "id,predicted\na,0 1\nb,1 0\n";

static const char gzip[] =
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x4c\xd1\x29\x28\x4a\x4d\xc9\x4c"
    "\x2e\x49\x4d\xe1\x4a\xd4\x31\x50\x30\xe4\x4a\xd2\x31\x54\x30\xe0\x02\x00\x86"
    "\x7e\x52\xa5\x19\x00\x00\x00";

static const char gzip_members[] =
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x4c\xd1\x29\x28\x4a\x4d\xc9\x4c"
    "\x2e\x49\x4d\xe1\x02\x00\x03\x5e\x42\x54\x0d\x00\x00\x00\x1f\x8b\x08\x00\x00"
    "\x00\x00\x00\x02\x03\x4b\xd4\x31\x50\x30\xe4\x4a\xd2\x31\x54\x30\xe0\x02\x00"
    "\xb3\x9d\xf5\x4d\x0c\x00\x00\x00";

static const char gzip_empty[] =
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x03\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00";

static const char gzip_twice[] =
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x93\xef\xe6\x60\x00\x01\x26\xe6\xd3"
    "\x3e\x17\x35\x35\xbc\x7c\x4f\xfa\xe8\x79\xfa\x3e\xf4\xba\x62\x18\x60\xf0\xc4"
    "\xeb\x92\x61\x88\xc1\x03\x26\x86\xb6\xba\xa0\xa5\x92\x40\x45\x00\xb3\x9f\xfe"
    "\xa3\x2d\x00\x00\x00";

static const char gzip_zeros[] =
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xed\xc1\x21\x01\x00\x00\x00\xc3\x20"
    "\xbf\xfe\x81\x5f\xe3\x02\x28\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\xe0\xd5\x00\x7c\x0a\x6d\xd2\xa0\x86\x01\x00";

static const char zstd[] =
    "\x28\xb5\x2f\xfd\x04\x68\xc9\x00\x00\x69\x64\x2c\x70\x72\x65\x64\x69\x63\x74"
    "\x65\x64\x0a\x61\x2c\x30\x20\x31\x0a\x62\x2c\x31\x20\x30\x0a\x6e\x9a\x54\xa3";

static const char zstd_zeros[] =
    "\x28\xb5\x2f\xfd\x04\x68\x4d\x00\x00\x08\x0a\x01\x00\x9c\x86\x39\x10\x02\x69"
    "\xe6\x4d\x4e";

static const char zip_stored[] =
    "\x50\x4b\x03\x04\x14\x00\x00\x00\x00\x00\x00\x00\xc1\x4a\x86\x7e\x52\xa5\x19"
    "\x00\x00\x00\x19\x00\x00\x00\x05\x00\x00\x00\x73\x2e\x63\x73\x76\x69\x64\x2c"
    "\x70\x72\x65\x64\x69\x63\x74\x65\x64\x0a\x61\x2c\x30\x20\x31\x0a\x62\x2c\x31"
    "\x20\x30\x0a\x50\x4b\x01\x02\x14\x03\x14\x00\x00\x00\x00\x00\x00\x00\xc1\x4a"
    "\x86\x7e\x52\xa5\x19\x00\x00\x00\x19\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x80\x01\x00\x00\x00\x00\x73\x2e\x63\x73\x76\x50\x4b\x05"
    "\x06\x00\x00\x00\x00\x01\x00\x01\x00\x33\x00\x00\x00\x3c\x00\x00\x00\x00\x00";

static const char zip_deflated[] =
    "\x50\x4b\x03\x04\x14\x00\x00\x08\x08\x00\x00\x00\xc1\x4a\x86\x7e\x52\xa5\x1b"
    "\x00\x00\x00\x19\x00\x00\x00\x06\x00\x00\x00\xc3\xa9\x2e\x63\x73\x76\xcb\x4c"
    "\xd1\x29\x28\x4a\x4d\xc9\x4c\x2e\x49\x4d\xe1\x4a\xd4\x31\x50\x30\xe4\x4a\xd2"
    "\x31\x54\x30\xe0\x02\x00\x50\x4b\x01\x02\x14\x03\x14\x00\x00\x08\x08\x00\x00"
    "\x00\xc1\x4a\x86\x7e\x52\xa5\x1b\x00\x00\x00\x19\x00\x00\x00\x06\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x80\x01\x00\x00\x00\x00\xc3\xa9\x2e\x63\x73"
    "\x76\x50\x4b\x05\x06\x00\x00\x00\x00\x01\x00\x01\x00\x34\x00\x00\x00\x3f\x00"
    "\x00\x00\x00\x00";

static const char zip_two[] =
    "\x50\x4b\x03\x04\x14\x00\x00\x00\x08\x00\x00\x00\xc1\x4a\x86\x7e\x52\xa5\x1b"
    "\x00\x00\x00\x19\x00\x00\x00\x05\x00\x00\x00\x61\x2e\x63\x73\x76\xcb\x4c\xd1"
    "\x29\x28\x4a\x4d\xc9\x4c\x2e\x49\x4d\xe1\x4a\xd4\x31\x50\x30\xe4\x4a\xd2\x31"
    "\x54\x30\xe0\x02\x00\x50\x4b\x03\x04\x14\x00\x00\x00\x08\x00\x00\x00\xc1\x4a"
    "\x86\x7e\x52\xa5\x1b\x00\x00\x00\x19\x00\x00\x00\x05\x00\x00\x00\x62\x2e\x63"
    "\x73\x76\xcb\x4c\xd1\x29\x28\x4a\x4d\xc9\x4c\x2e\x49\x4d\xe1\x4a\xd4\x31\x50"
    "\x30\xe4\x4a\xd2\x31\x54\x30\xe0\x02\x00\x50\x4b\x01\x02\x14\x03\x14\x00\x00"
    "\x00\x08\x00\x00\x00\xc1\x4a\x86\x7e\x52\xa5\x1b\x00\x00\x00\x19\x00\x00\x00"
    "\x05\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x01\x00\x00\x00\x00\x61"
    "\x2e\x63\x73\x76\x50\x4b\x01\x02\x14\x03\x14\x00\x00\x00\x08\x00\x00\x00\xc1"
    "\x4a\x86\x7e\x52\xa5\x1b\x00\x00\x00\x19\x00\x00\x00\x05\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x80\x01\x3e\x00\x00\x00\x62\x2e\x63\x73\x76\x50\x4b"
    "\x05\x06\x00\x00\x00\x00\x02\x00\x02\x00\x66\x00\x00\x00\x7c\x00\x00\x00\x00"
    "\x00";

static const char zip_folder[] =
    "\x50\x4b\x03\x04\x14\x00\x00\x00\x08\x00\x00\x00\xc1\x4a\x00\x00\x00\x00\x02"
    "\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x64\x2f\x03\x00\x50\x4b\x01\x02"
    "\x14\x03\x14\x00\x00\x00\x08\x00\x00\x00\xc1\x4a\x00\x00\x00\x00\x02\x00\x00"
    "\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x01"
    "\x00\x00\x00\x00\x64\x2f\x50\x4b\x05\x06\x00\x00\x00\x00\x01\x00\x01\x00\x30"
    "\x00\x00\x00\x22\x00\x00\x00\x00\x00";

static const char zip_zeros[] =
    "\x50\x4b\x03\x04\x14\x00\x00\x00\x08\x00\x00\x00\xc1\x4a\x7c\x0a\x6d\xd2\x73"
    "\x00\x00\x00\xa0\x86\x01\x00\x05\x00\x00\x00\x73\x2e\x63\x73\x76\xed\xc1\x21"
    "\x01\x00\x00\x00\xc3\x20\xbf\xfe\x81\x5f\xe3\x02\x28\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xe0\xd5\x00\x50\x4b"
    "\x01\x02\x14\x03\x14\x00\x00\x00\x08\x00\x00\x00\xc1\x4a\x7c\x0a\x6d\xd2\x73"
    "\x00\x00\x00\xa0\x86\x01\x00\x05\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x80\x01\x00\x00\x00\x00\x73\x2e\x63\x73\x76\x50\x4b\x05\x06\x00\x00\x00\x00"
    "\x01\x00\x01\x00\x33\x00\x00\x00\x96\x00\x00\x00\x00\x00";

static const char zip_none[] =
    "\x50\x4b\x05\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00";

enum { OUT_BYTES = 1 << 20 };

static char out[OUT_BYTES];

/* Unpacks all of a file in pieces of `piece` bytes. */
static bool unpack_all(const char *data, size_t size, size_t bytes_max, size_t piece, size_t *n_out,
                       struct err *err)
{
    struct stream stream = {.data = data, .size = size};
    struct unpack_source source = {.packing = unpack_packing(data, size),
                                   .read = stream_read,
                                   .read_data = &stream,
                                   .bytes_max = bytes_max};
    struct unpack *unpack = NULL;
    size_t n = piece;
    bool ok = true;

    *n_out = 0;
    *err = (struct err){0};
    assert_true(unpack_open(&unpack, &source, err));
    while (ok && n == piece) {
        assert_true(*n_out + piece <= OUT_BYTES);
        ok = unpack_read(unpack, out + *n_out, piece, &n, err);
        *n_out += ok ? n : 0;
    }
    unpack_close(&unpack);
    assert_null(unpack);
    return ok;
}

#define BYTES(array) array, sizeof(array) - 1

static void test_unpack_packing(void **state)
{
    (void)state;
    assert_int_equal(unpack_packing(BYTES(gzip)), PACKING_GZIP);
    assert_int_equal(unpack_packing(BYTES(zstd)), PACKING_ZSTD);
    assert_int_equal(unpack_packing(BYTES(zip_stored)), PACKING_ZIP);
    assert_int_equal(unpack_packing(BYTES(zip_none)), PACKING_ZIP);
    assert_int_equal(unpack_packing(BYTES(text)), PACKING_NONE);
    assert_int_equal(unpack_packing("PK", 2), PACKING_NONE);
    assert_int_equal(unpack_packing("", 0), PACKING_NONE);
}

static void test_unpack_read(void **state)
{
    static const struct {
        const char *name;
        const char *data;
        size_t size;
        const char *message; /* NULL: it unpacks to the text */
    } cases[] = {
        {"gzip", BYTES(gzip), NULL},
        {"two members", BYTES(gzip_members), NULL},
        {"zstd", BYTES(zstd), NULL},
        {"zip, stored", BYTES(zip_stored), NULL},
        {"zip, deflated, a name in UTF-8", BYTES(zip_deflated), NULL},
        {"gzip, cut", gzip, sizeof(gzip) - 10, "file cannot be unpacked: "},
        {"zstd, cut", zstd, sizeof(zstd) - 10, "file cannot be unpacked: "},
        {"zip, cut", zip_deflated, 60, "file cannot be unpacked: "},
        {"gzip, only the start", gzip, 4, "file cannot be unpacked: "},
        {"two files", BYTES(zip_two), "zip archive holds more than one file"},
        {"a folder", BYTES(zip_folder), "zip archive holds something else than a file"},
        {"no file", BYTES(zip_none), "zip archive holds no file"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        for (size_t piece = 1; piece < 100; piece += 7) {
            struct err err;
            size_t n;
            bool ok = unpack_all(cases[i].data, cases[i].size, 1000, piece, &n, &err);
            if (ok != (cases[i].message == NULL)) {
                fail_msg("%s: %d '%s'", cases[i].name, ok, err.text);
            }
            if (ok) {
                assert_int_equal(n, sizeof(text) - 1);
                assert_memory_equal(out, text, n);
            } else {
                assert_int_equal(err.code, ERR_INPUT);
                assert_memory_equal(err.text, cases[i].message, strlen(cases[i].message));
            }
        }
    }
}

static void test_unpack_read_of_nothing_and_of_layers(void **state)
{
    struct err err;
    size_t n;

    (void)state;
    assert_true(unpack_all(BYTES(gzip_empty), 1000, 64, &n, &err));
    assert_int_equal(n, 0);
    assert_false(unpack_all(BYTES(gzip_twice), 1000, 64, &n, &err));
    assert_string_equal(err.text, "file is packed in more than one layer");
}

static void test_unpack_read_stops_a_bomb(void **state)
{
    static const struct {
        const char *data;
        size_t size;
    } bombs[] = {{BYTES(gzip_zeros)}, {BYTES(zstd_zeros)}, {BYTES(zip_zeros)}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bombs); i++) {
        struct err err;
        size_t n;
        assert_true(unpack_all(bombs[i].data, bombs[i].size, 100000, 4096, &n, &err));
        assert_int_equal(n, 100000);
        assert_false(unpack_all(bombs[i].data, bombs[i].size, 99999, 4096, &n, &err));
        assert_int_equal(err.code, ERR_INPUT);
        assert_string_equal(err.text, "unpacked, the file has more than 99999 bytes");
        assert_true(n <= 99999);
    }
}

/* Every byte of every kind changed: refused or unpacked, within the limit. */
static void test_unpack_read_survives_damage(void **state)
{
    static const struct {
        const char *data;
        size_t size;
    } files[] = {{BYTES(gzip)}, {BYTES(zstd)}, {BYTES(zip_stored)}, {BYTES(zip_deflated)}};
    char damaged[512];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        for (size_t at = 4; at < files[i].size; at++) {
            for (int bit = 0; bit < 8; bit++) {
                struct err err;
                size_t n;
                memcpy(damaged, files[i].data, files[i].size);
                damaged[at] = (char)(damaged[at] ^ 1 << bit);
                if (!unpack_all(damaged, files[i].size, 1000, 64, &n, &err)) {
                    assert_int_equal(err.code, ERR_INPUT);
                }
                assert_true(n <= 1000);
            }
        }
    }
}

static bool failing_read(void *data, char *to, size_t size, size_t *n_read, struct err *err)
{
    (void)data;
    (void)to;
    (void)size;
    *n_read = 0;
    return err_set(err, ERR_SYSTEM, "the disk is gone");
}

static void test_unpack_read_passes_on_a_failed_read(void **state)
{
    struct unpack_source source = {
        .packing = PACKING_GZIP, .read = failing_read, .bytes_max = 1000};
    struct unpack *unpack = NULL;
    struct err err = {0};
    size_t n;

    (void)state;
    assert_true(unpack_open(&unpack, &source, &err));
    assert_false(unpack_read(unpack, out, 10, &n, &err));
    assert_int_equal(err.code, ERR_SYSTEM);
    assert_string_equal(err.text, "the disk is gone");
    unpack_close(&unpack);
}

static void test_unpack_rehearse(void **state)
{
    struct err err = {0};

    (void)state;
    assert_true(unpack_rehearse(&err));
    assert_true(unpack_rehearse(&err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unpack_packing),
        cmocka_unit_test(test_unpack_read),
        cmocka_unit_test(test_unpack_read_of_nothing_and_of_layers),
        cmocka_unit_test(test_unpack_read_stops_a_bomb),
        cmocka_unit_test(test_unpack_read_survives_damage),
        cmocka_unit_test(test_unpack_rehearse),
        cmocka_unit_test(test_unpack_read_passes_on_a_failed_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
