/* SPDX-License-Identifier: MIT */
/* Entries and receipts: round trips, every flipped bit refused, and stock minisign as the judge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/text.h"
#include "schemas/blob.h"
#include "schemas/entry.h"
#include "schemas/receipt.h"
#include "schemas/token.h"

static const char hex64[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

static struct entry sample(void)
{
    struct entry entry = {.kind = ENTRY_SUBMISSION, .competition = "inat2017", .index = 1713};

    entry.values[ENTRY_SUBMISSION_ID].text = "00112233445566778899aabbccddeeff";
    entry.values[ENTRY_SUBMISSION_TEAM].text = "t42";
    entry.values[ENTRY_SUBMISSION_FILE_SHA256].text = hex64;
    entry.values[ENTRY_SUBMISSION_FILE_BYTES].number = 5536223;
    entry.values[ENTRY_SUBMISSION_RECEIVED].text = "2017-06-01T00:00:00Z";
    entry.values[ENTRY_SUBMISSION_GENESIS].text = hex64;
    return entry;
}

static void test_entry_make_is_canonical(void **state)
{
    (void)state;
    struct entry entry = sample();
    struct entry again;
    char line[ENTRY_SIZE];
    char texts[ENTRY_SIZE];
    size_t size;
    struct err err;

    assert_true(entry_make(line, &size, &entry, &err));
    assert_string_equal(
        line, "{\"competition\":\"inat2017\",\"kind\":\"submission\",\"v\":1,\"index\":1713,"
              "\"id\":\"00112233445566778899aabbccddeeff\",\"team\":\"t42\",\"file_sha256\":"
              "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\","
              "\"file_bytes\":5536223,\"received\":\"2017-06-01T00:00:00Z\",\"genesis\":"
              "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}\n");
    assert_true(entry_read(&again, texts, line, size, &err));
    assert_int_equal(again.kind, ENTRY_SUBMISSION);
    assert_int_equal(again.index, 1713);
    assert_string_equal(again.values[ENTRY_SUBMISSION_TEAM].text, "t42");
    assert_int_equal(again.values[ENTRY_SUBMISSION_FILE_BYTES].number, 5536223);
}

static void test_entry_make_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int place;
        const char *text;
        int64_t number;
    } cases[] = {
        {"short id", ENTRY_SUBMISSION_ID, "0011", 0},
        {"upper-case hash", ENTRY_SUBMISSION_GENESIS,
         "BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 0},
        {"quote", ENTRY_SUBMISSION_TEAM, "t\"42", 0},
        {"backslash", ENTRY_SUBMISSION_TEAM, "t\\42", 0},
        {"not ASCII", ENTRY_SUBMISSION_TEAM, "t\xc3\xa9", 0},
        {"negative", ENTRY_SUBMISSION_FILE_BYTES, NULL, -1},
        {"time", ENTRY_SUBMISSION_RECEIVED, "2017-06-01T00:00:00.000Z", 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct entry entry = sample();
        char line[ENTRY_SIZE];
        size_t size;
        struct err err;
        entry.values[cases[i].place].text = cases[i].text;
        entry.values[cases[i].place].number = cases[i].number;
        if (entry_make(line, &size, &entry, &err)) {
            fail_msg("%s was accepted", cases[i].name);
        }
    }
}

static void test_entry_read_refuses_what_is_not_canonical(void **state)
{
    (void)state;
    struct entry entry = sample();
    char line[ENTRY_SIZE];
    char texts[ENTRY_SIZE];
    size_t size;
    struct err err;

    assert_true(entry_make(line, &size, &entry, &err));
    assert_false(entry_read(&entry, texts, line, size - 1, &err));
    for (size_t i = 0; i < size; i++) { /* a tab anywhere, inside a text too */
        char wide[ENTRY_SIZE];
        memcpy(wide, line, i);
        wide[i] = '\t';
        memcpy(wide + i + 1, line + i, size - i);
        assert_false(entry_read(&entry, texts, wide, size + 1, &err));
    }
    assert_false(entry_read(&entry, texts, "{}\n", 3, &err));
}

static void test_entry_leaf_is_rfc6962(void **state)
{
    (void)state;
    uint8_t leaf[ENTRY_LEAF_BYTES];
    char text[SHA256_HEX_SIZE];

    /* RFC 6962, hash of the empty leaf, as transparency-dev/merkle lists it */
    entry_leaf(leaf, "", 0);
    hex_text(text, leaf, sizeof(leaf));
    assert_string_equal(text, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
}

struct signed_entry {
    struct receipt_key key;
    char line[ENTRY_SIZE];
    size_t size;
    char receipt[RECEIPT_SIGNATURE_SIZE];
};

static struct signed_entry signed_sample(void)
{
    static const uint8_t seed[CRYPT_SEED_BYTES] = {1, 2, 3};
    struct signed_entry made = {0};
    struct entry entry = sample();
    struct err err;

    receipt_key_of(&made.key, seed);
    assert_true(entry_make(made.line, &made.size, &entry, &err));
    receipt_sign(made.receipt, &made.key, made.line, made.size);
    return made;
}

static bool check(const struct signed_entry *made)
{
    struct err err;

    return receipt_check(&made->key.public_key, made->line, made->size, made->receipt,
                         strlen(made->receipt), &err);
}

static void test_receipt_check_refuses_every_flipped_bit(void **state)
{
    (void)state;
    struct signed_entry made = signed_sample();
    struct err err;

    assert_true(check(&made));
    for (size_t bit = 0; bit < 8 * made.size; bit++) {
        made.line[bit / 8] ^= (char)(1 << bit % 8);
        assert_false(check(&made));
        made.line[bit / 8] ^= (char)(1 << bit % 8);
    }
    size_t length = strlen(made.receipt);
    for (size_t bit = 0; bit < 8 * length; bit++) {
        made.receipt[bit / 8] ^= (char)(1 << bit % 8);
        assert_false(
            receipt_check(&made.key.public_key, made.line, made.size, made.receipt, length, &err));
        made.receipt[bit / 8] ^= (char)(1 << bit % 8);
    }
    assert_false(
        receipt_check(&made.key.public_key, made.line, made.size, made.receipt, length - 1, &err));
    assert_false(
        receipt_check(&made.key.public_key, made.line, made.size, made.receipt, length + 1, &err));
    made.key.public_key.key[0] ^= 1;
    assert_false(check(&made));
}

static void test_receipt_public_key_round_trip(void **state)
{
    (void)state;
    struct signed_entry made = signed_sample();
    struct receipt_public_key key;
    char text[RECEIPT_KEY_TEXT_SIZE];
    struct err err;

    receipt_public_key_text(text, &made.key.public_key);
    assert_true(receipt_public_key_read(&key, text, strlen(text), &err));
    assert_memory_equal(&key, &made.key.public_key, sizeof(key));
    text[0] = 'x';
    assert_false(receipt_public_key_read(&key, text, strlen(text), &err));
    assert_false(receipt_public_key_read(&key, "", 0, &err));
}

static int run_minisign(const char *folder)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        if (chdir(folder) == 0) {
            execlp("minisign", "minisign", "-q", "-V", "-p", "receipt.pub", "-m", "entry.json",
                   (char *)NULL);
        }
        _exit(127);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void write_in(const char *folder, const char *name, const void *data, size_t size)
{
    char path[4096];
    struct err err;

    assert_true(path_join(path, sizeof(path), folder, name, &err));
    assert_true(file_write_durable(path, data, size, 0600, &err));
}

static void test_receipt_sign_is_accepted_by_minisign(void **state)
{
    (void)state;
    struct signed_entry made = signed_sample();
    char folder[] = "/tmp/assay-test-XXXXXX";
    char text[RECEIPT_KEY_TEXT_SIZE];
    static const char *const names[] = {"receipt.pub", "entry.json", "entry.json.minisig"};

    assert_non_null(mkdtemp(folder));
    receipt_public_key_text(text, &made.key.public_key);
    write_in(folder, names[0], text, strlen(text));
    write_in(folder, names[1], made.line, made.size);
    write_in(folder, names[2], made.receipt, strlen(made.receipt));
    assert_int_equal(run_minisign(folder), 0);
    made.line[40] ^= 1;
    write_in(folder, names[1], made.line, made.size);
    assert_int_equal(run_minisign(folder), 1);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char path[4096];
        struct err err;
        assert_true(path_join(path, sizeof(path), folder, names[i], &err));
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(rmdir(folder), 0);
}

static void test_token_round_trip(void **state)
{
    (void)state;
    uint8_t random[64];
    uint8_t pepper[CRYPT_KEY_BYTES] = {5};
    uint8_t first[TOKEN_HASH_BYTES];
    uint8_t second[TOKEN_HASH_BYTES];
    struct token token;
    struct token again;
    char text[TOKEN_SIZE];
    struct err err;

    crypt_random(random, sizeof(random));
    token_make(&token, random);
    token_text(text, &token);
    assert_int_equal(strlen(text), 70);
    assert_true(token_read(&again, text, strlen(text), &err));
    token_hash(first, &token, pepper);
    token_hash(second, &again, pepper);
    assert_memory_equal(first, second, sizeof(first));
    text[69] = '1';
    assert_false(token_read(&again, text, 70, &err));
    assert_false(token_read(&again, text, 69, &err));
}

static void test_blob_path(void **state)
{
    (void)state;
    uint8_t sha256[SHA256_BYTES] = {0xab, 0xcd};
    char path[4 + BLOB_NAME_SIZE];
    struct err err;

    assert_true(blob_path(path, sizeof(path), "blob", sha256, &err));
    assert_memory_equal(path, "blob/ab/cd00", 12);
    assert_int_equal(strlen(path), 4 + BLOB_NAME_SIZE - 1);
    assert_false(blob_path(path, sizeof(path) - 1, "blob", sha256, &err));
}

static int start(void **state)
{
    (void)state;
    struct err err;

    return crypt_start(&err) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entry_make_is_canonical),
        cmocka_unit_test(test_entry_make_refuses),
        cmocka_unit_test(test_entry_read_refuses_what_is_not_canonical),
        cmocka_unit_test(test_entry_leaf_is_rfc6962),
        cmocka_unit_test(test_receipt_check_refuses_every_flipped_bit),
        cmocka_unit_test(test_receipt_public_key_round_trip),
        cmocka_unit_test(test_receipt_sign_is_accepted_by_minisign),
        cmocka_unit_test(test_token_round_trip),
        cmocka_unit_test(test_blob_path),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
