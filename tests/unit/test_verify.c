/* SPDX-License-Identifier: MIT */
/*
 * A receipt in a folder as a competitor has it: every flipped bit of every file is refused, and so
 * is a log that does not continue what was seen of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/verify.h"
#include "common/file.h"
#include "schemas/sshsig.h"

#define NAME "00000000000000000000000000000001"

enum { N_ENTRIES = 5, INDEX = 3 };

/* A service's keys and a log, and the folder that its receipts lie in. */
struct service {
    char folder[64];
    struct receipt_key receipt;
    uint8_t ssh_public[CRYPT_PUBLIC_KEY_BYTES];
    uint8_t ssh_secret[CRYPT_SECRET_KEY_BYTES];
    uint8_t log_secret[CRYPT_SECRET_KEY_BYTES];
    struct note_public_key log; /* of birds */
    struct tree tree;
    char line[ENTRY_SIZE];
    size_t line_size;
};

static const char *const files[] = {"receipt.pub",      "allowed_signers",    "log.vkey",
                                    NAME ".json",       NAME ".json.minisig", NAME ".json.sig",
                                    NAME ".tlog-proof", "birds.checkpoints"};

static void put(const struct service *service, const char *name, const void *data, size_t size)
{
    char path[4096];
    struct err err;

    assert_true(path_join(path, sizeof(path), service->folder, name, &err));
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void put_keys(struct service *service)
{
    char text[NOTE_KEY_TEXT_SIZE];
    struct note_public_key log = service->log;

    receipt_public_key_text(text, &service->receipt.public_key);
    put(service, "receipt.pub", text, strlen(text));
    sshsig_signer(text, "assay@example.org", service->ssh_public);
    put(service, "allowed_signers", text, strlen(text));
    snprintf(log.origin, sizeof(log.origin), "example.org");
    note_public_key_text(text, &log);
    put(service, "log.vkey", text, strlen(text));
}

/* The entry of NAME at INDEX, in a log of other entries. */
static void make_log(struct service *service, int64_t file_bytes, size_t n_entries)
{
    struct entry entry = {.kind = ENTRY_SUBMISSION, .competition = "birds", .index = INDEX};
    struct tree_hash leaf;
    struct err err;
    char digest[65];

    memset(digest, 'a', 64);
    digest[64] = '\0';
    entry.values[ENTRY_SUBMISSION_ID].text = NAME;
    entry.values[ENTRY_SUBMISSION_TEAM].text = "t1";
    entry.values[ENTRY_SUBMISSION_FILE_SHA256].text = digest;
    entry.values[ENTRY_SUBMISSION_FILE_BYTES].number = file_bytes;
    entry.values[ENTRY_SUBMISSION_RECEIVED].text = "2026-07-01T12:00:00Z";
    entry.values[ENTRY_SUBMISSION_GENESIS].text = digest;
    assert_true(entry_make(service->line, &service->line_size, &entry, &err));
    tree_free(&service->tree);
    for (size_t i = 0; i < n_entries; i++) {
        memset(leaf.bytes, (int)i, sizeof(leaf.bytes));
        if (i == INDEX) {
            entry_leaf(leaf.bytes, service->line, service->line_size);
        }
        assert_true(tree_append(&service->tree, &leaf, &err));
    }
}

static void put_receipt(struct service *service)
{
    struct checkpoint checkpoint = {.size = tree_size(&service->tree)};
    struct tree_proof path;
    char note[NOTE_SIZE];
    char text[NOTE_PROOF_SIZE];

    tree_root(&checkpoint.root, &service->tree, checkpoint.size);
    tree_prove_leaf(&path, &service->tree, INDEX, checkpoint.size);
    checkpoint_sign(note, &checkpoint, &service->log, service->log_secret);
    note_proof_write(text, INDEX, &path, note);
    put(service, NAME ".tlog-proof", text, strlen(text));
    receipt_sign(text, &service->receipt, service->line, service->line_size);
    put(service, NAME ".json.minisig", text, strlen(text));
    sshsig_sign(text, service->line, service->line_size, service->ssh_public, service->ssh_secret);
    put(service, NAME ".json.sig", text, strlen(text));
    put(service, NAME ".json", service->line, service->line_size);
}

static int open_service(void **state)
{
    static struct service service;
    uint8_t seed[CRYPT_SEED_BYTES] = {7};

    memset(&service, 0, sizeof(service));
    snprintf(service.folder, sizeof(service.folder), "/tmp/assay-test-XXXXXX");
    assert_non_null(mkdtemp(service.folder));
    receipt_key_of(&service.receipt, seed);
    seed[1] = 1;
    crypt_sign_keys(service.ssh_public, service.ssh_secret, seed);
    seed[1] = 2;
    crypt_sign_keys(service.log.key, service.log_secret, seed);
    snprintf(service.log.origin, sizeof(service.log.origin), "example.org/birds");
    put_keys(&service);
    make_log(&service, 1000, N_ENTRIES);
    put_receipt(&service);
    *state = &service;
    return 0;
}

static int close_service(void **state)
{
    struct service *service = *state;
    char path[4096];
    struct err err;

    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        assert_true(path_join(path, sizeof(path), service->folder, files[i], &err));
        unlink(path);
    }
    tree_free(&service->tree);
    return rmdir(service->folder);
}

/* What `assay verify` does; ERR_NONE where it accepts. */
static enum err_code verify(const struct service *service, bool *is_new)
{
    static struct verify_receipt receipt;
    static struct keyring keyring;
    char path[4096];
    struct err err;

    assert_true(path_join(path, sizeof(path), service->folder, NAME ".json", &err));
    if (!keyring_read(&keyring, service->folder, NULL, &err) ||
        !verify_receipt(&receipt, path, &keyring, &err)) {
        return err.code;
    }
    struct sighting sighting = verify_sighting(&receipt);
    return keyring_see(is_new, &keyring, &sighting, &err) ? ERR_NONE : err.code;
}

static void test_verify_refuses_every_flipped_bit(void **state)
{
    const struct service *service = *state;
    char path[4096];
    struct bytes text = {0};
    bool is_new;
    struct err err;

    assert_int_equal(verify(service, &is_new), ERR_NONE);
    for (size_t i = 3; i < 7; i++) { /* the receipt's own files */
        assert_true(path_join(path, sizeof(path), service->folder, files[i], &err));
        assert_true(file_read(&text, path, NOTE_PROOF_SIZE, &err));
        for (size_t bit = 0; bit < 8 * text.size_bytes; bit++) {
            text.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
            put(service, files[i], text.data, text.size_bytes);
            assert_int_not_equal(verify(service, &is_new), ERR_NONE);
            text.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
        }
        put(service, files[i], text.data, text.size_bytes - 1);
        assert_int_not_equal(verify(service, &is_new), ERR_NONE);
        put(service, files[i], text.data, text.size_bytes);
        assert_int_equal(verify(service, &is_new), ERR_NONE);
        bytes_free(&text);
    }
}

static void test_verify_needs_every_file(void **state)
{
    const struct service *service = *state;
    char path[4096];
    bool is_new;
    struct err err;

    for (size_t i = 0; i < 7; i++) {
        assert_true(path_join(path, sizeof(path), service->folder, files[i], &err));
        assert_int_equal(unlink(path), 0);
        assert_int_equal(verify(service, &is_new), i < 3 ? ERR_CONFIG : ERR_SYSTEM);
        put_keys(*state);
        put_receipt(*state);
        assert_int_equal(verify(service, &is_new), ERR_NONE);
    }
}

static void test_keyring_see(void **state)
{
    struct service *service = *state;
    bool is_new;

    assert_int_equal(verify(service, &is_new), ERR_NONE);
    assert_false(is_new); /* the first one is remembered */
    make_log(service, 1001, N_ENTRIES);
    put_receipt(service); /* a log of the same size with another entry */
    assert_int_equal(verify(service, &is_new), ERR_INPUT);
    make_log(service, 1000, N_ENTRIES + 1);
    put_receipt(service); /* a longer one: who says that it continues? */
    assert_int_equal(verify(service, &is_new), ERR_NONE);
    assert_true(is_new);
}

static void test_keyring_follow(void **state)
{
    static struct verify_receipt receipt;
    static struct keyring keyring;
    struct service *service = *state;
    struct tree_proof growth;
    char path[4096];
    bool is_new;
    struct err err;

    assert_int_equal(verify(service, &is_new), ERR_NONE);
    make_log(service, 1000, N_ENTRIES + 6);
    put_receipt(service);
    assert_true(path_join(path, sizeof(path), service->folder, NAME ".json", &err));
    assert_true(keyring_read(&keyring, service->folder, NULL, &err));
    assert_true(verify_receipt(&receipt, path, &keyring, &err));
    struct sighting sighting = verify_sighting(&receipt);
    tree_prove_growth(&growth, &service->tree, N_ENTRIES - 1, N_ENTRIES + 6);
    assert_false(keyring_follow(&keyring, &sighting, N_ENTRIES - 1, &growth, &err));
    assert_false(keyring_follow(&keyring, &sighting, N_ENTRIES, &growth, &err));
    assert_int_equal(err.code, ERR_INPUT);
    tree_prove_growth(&growth, &service->tree, N_ENTRIES, N_ENTRIES + 6);
    assert_true(keyring_follow(&keyring, &sighting, N_ENTRIES, &growth, &err));
    assert_int_equal(verify(service, &is_new), ERR_NONE);
    assert_false(is_new);
    make_log(service, 1000, N_ENTRIES);
    put_receipt(service); /* one that was seen before is still good */
    assert_int_equal(verify(service, &is_new), ERR_NONE);
    assert_false(is_new);
}

static void test_verify_refuses_other_names(void **state)
{
    static const char *const names[] = {"example.org/bird",   "example.org/birds2",
                                        "example.org/birds/", "example.org/birds/x",
                                        "other.org/birds",    "example.org"};
    struct service *service = *state;
    bool is_new;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        snprintf(service->log.origin, sizeof(service->log.origin), "%s", names[i]);
        put_receipt(service);
        assert_int_equal(verify(service, &is_new), ERR_INPUT);
    }
    /* a log that went on after a loss is told from the one that was seen */
    snprintf(service->log.origin, sizeof(service->log.origin), "example.org/birds/2");
    put_receipt(service);
    assert_int_equal(verify(service, &is_new), ERR_NONE);
    snprintf(service->log.origin, sizeof(service->log.origin), "example.org/birds");
    put_receipt(service);
    assert_int_equal(verify(service, &is_new), ERR_INPUT);
}

static void test_history_read_refuses(void **state)
{
    static const char *const cases[] = {"old 0", "old 00\n\n", "old 1\n\nx\n",
                                        "x",     "old 0\n\n",  "old 0\nAA==\n\n"};
    struct service *service = *state;
    struct history history;
    bool is_new;
    struct bytes text = {0};
    char path[4096];
    struct err err;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_false(history_read(&history, &service->log, cases[i], strlen(cases[i]), &err));
        assert_int_equal(err.code, ERR_INPUT);
        assert_null(history.checkpoints);
    }
    assert_int_equal(verify(service, &is_new), ERR_NONE);
    assert_true(path_join(path, sizeof(path), service->folder, "birds.checkpoints", &err));
    assert_true(file_read(&text, path, HISTORY_SIZE_MAX, &err));
    assert_true(history_read(&history, &service->log, text.data, text.size_bytes, &err));
    assert_int_equal(history.n, 1);
    assert_int_equal(history_last(&history).size, N_ENTRIES);
    history_free(&history);
    for (size_t bit = 0; bit < 8 * text.size_bytes; bit++) {
        text.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
        assert_false(history_read(&history, &service->log, text.data, text.size_bytes, &err));
        text.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    bytes_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_verify_refuses_every_flipped_bit, open_service,
                                        close_service),
        cmocka_unit_test_setup_teardown(test_verify_needs_every_file, open_service, close_service),
        cmocka_unit_test_setup_teardown(test_keyring_see, open_service, close_service),
        cmocka_unit_test_setup_teardown(test_keyring_follow, open_service, close_service),
        cmocka_unit_test_setup_teardown(test_verify_refuses_other_names, open_service,
                                        close_service),
        cmocka_unit_test_setup_teardown(test_history_read_refuses, open_service, close_service),
    };
    struct err err;

    if (!crypt_start(&err)) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
