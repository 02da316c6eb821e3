/* SPDX-License-Identifier: MIT */
/*
 * What the readers of entries, notes, keys, signatures and boxes refuse, form by form: what is cut,
 * too long, or not the one spelling. Beside the tests of each, which flip every bit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/text.h"
#include "schemas/entry.h"
#include "schemas/history.h"
#include "schemas/receipt.h"
#include "schemas/sshsig.h"
#include "schemas/worker_key.h"
#include "scorer/worker/seal.h"

#define HEX64 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static const uint8_t seed[CRYPT_SEED_BYTES] = {3, 1, 4};

/* ---- entries ---- */

static struct entry close_entry(void)
{
    struct entry entry = {.kind = ENTRY_CLOSE, .competition = "demo", .index = 3};

    entry.values[ENTRY_CLOSE_CLOSED].text = "2017-06-01T00:00:00Z";
    return entry;
}

static void test_entry_make(void **state)
{
    char line[ENTRY_SIZE];
    char longest[3301];
    char word[201];
    struct entry entry = close_entry();
    struct err err;
    size_t size;

    (void)state;
    assert_true(entry_make(line, &size, &entry, &err));
    entry.competition = "de\x7fmo";
    assert_false(entry_make(line, &size, &entry, &err));
    entry = close_entry();
    entry.index = -1;
    assert_false(entry_make(line, &size, &entry, &err));
    assert_int_equal(err.code, ERR_INPUT);
    memset(longest, 'w', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    memset(word, 'x', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    entry = (struct entry){.kind = ENTRY_GENESIS, .competition = word};
    for (size_t i = 0; i < ENTRY_GENESIS_N; i++) {
        entry.values[i].text =
            i == ENTRY_GENESIS_TASK || i == ENTRY_GENESIS_METRIC || i == ENTRY_GENESIS_REVEAL ? word
            : i == ENTRY_GENESIS_WORKERS ? longest
            : i == ENTRY_GENESIS_CREATED ? "2017-06-01T00:00:00Z"
                                         : HEX64;
    }
    assert_false(entry_make(line, &size, &entry, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    longest[2000] = '\0';
    assert_true(entry_make(line, &size, &entry, &err));
}

static void test_entry_read(void **state)
{
    static const char *const lines[] = {
        "",
        "{\"competition\":\"demo",
        "{\"competition\":demo",
        "{\"competition\":\"demo\",\"kind\":clo",
        "{\"competition\":\"demo\",\"kind\":\"open\",\"v\":1}\n",
        "{\"competition\":\"demo\",\"kind\":\"close\",\"v\":x}\n",
        "{\"competition\":\"demo\",\"kind\":\"close\",\"v\":/}\n",
        "{\"competition\":\"demo\",\"kind\":\"close\",\"v\":2,\"index\":3}\n",
        "{\"competition\":\"demo\",\"kind\":\"close\",\"v\":1,\"index\":-3}\n",
        "{\"competition\":\"demo\",\"kind\":\"close\",\"v\":1,\"index\":3}\n",
        "{\"competition\":\"demo\",\"kind\":\"close\",\"v\":1,\"index\":9999999999999999999,"
        "\"submissions\":0,\"closed\":\"2017-06-01T00:00:00Z\"}\n", /* of the same size again */
    };
    char longest[ENTRY_SIZE + 1];
    char texts[ENTRY_SIZE];
    struct entry entry;
    struct err err;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        assert_false(entry_read(&entry, texts, lines[i], strlen(lines[i]), &err));
        assert_int_equal(err.code, ERR_INPUT);
    }
    memset(longest, 'x', sizeof(longest));
    assert_false(entry_read(&entry, texts, longest, ENTRY_SIZE, &err));
    longest[7] = '\0';
    assert_false(entry_read(&entry, texts, longest, 20, &err));
}

/* ---- notes ---- */

static struct note_public_key note_key(uint8_t secret_key[static CRYPT_SECRET_KEY_BYTES])
{
    struct note_public_key key = {.origin = "assay.example/demo"};

    crypt_sign_keys(key.key, secret_key, seed);
    return key;
}

static void test_note_public_key_read(void **state)
{
    uint8_t secret_key[CRYPT_SECRET_KEY_BYTES];
    const struct note_public_key key = note_key(secret_key);
    char text[NOTE_KEY_TEXT_SIZE];
    char longest[600];
    struct note_public_key again;
    struct err err;

    (void)state;
    note_public_key_text(text, &key);
    size_t size = strlen(text);
    assert_true(note_public_key_read(&again, text, size, &err));
    text[size] = '\n';
    assert_true(note_public_key_read(&again, text, size + 1, &err));
    assert_string_equal(again.origin, key.origin);
    assert_false(note_public_key_read(&again, text, 0, &err));
    assert_false(note_public_key_read(&again, "no key", 6, &err));
    assert_false(note_public_key_read(&again, strchr(text, '+'), size, &err));
    assert_false(note_public_key_read(&again, "a+1234", 6, &err));
    int n = snprintf(longest, sizeof(longest), "%0300d%.*s", 0, (int)size, text);
    assert_false(note_public_key_read(&again, longest, (size_t)n, &err));
    text[3] = '\0'; /* inside the origin */
    assert_false(note_public_key_read(&again, text, size, &err));
    assert_int_equal(err.code, ERR_INPUT);
}

static void test_checkpoint_origin(void **state)
{
    char origin[NOTE_ORIGIN_SIZE];
    char longest[NOTE_ORIGIN_SIZE + 2];
    struct err err;

    (void)state;
    assert_true(checkpoint_origin(origin, "a/b\n3\n", 6, &err));
    assert_string_equal(origin, "a/b");
    assert_false(checkpoint_origin(origin, "a/b", 3, &err));
    assert_false(checkpoint_origin(origin, "\nb\n", 3, &err));
    assert_false(checkpoint_origin(origin, "a\tb\n", 4, &err));
    memset(longest, 'x', sizeof(longest));
    longest[NOTE_ORIGIN_SIZE] = '\n';
    assert_false(checkpoint_origin(origin, longest, sizeof(longest), &err));
    assert_true(checkpoint_origin(origin, longest + 1, NOTE_ORIGIN_SIZE, &err));
}

static void test_note_growth_read(void **state)
{
    struct tree_proof proof = {.n = TREE_PROOF_MAX};
    struct tree_proof again;
    char text[NOTE_PROOF_SIZE];
    struct err err;

    (void)state;
    note_growth_write(text, &proof);
    assert_true(note_growth_read(&again, text, strlen(text), &err));
    assert_int_equal(again.n, TREE_PROOF_MAX);
    assert_true(note_growth_read(&again, text, 0, &err));
    size_t line = strlen(text) / TREE_PROOF_MAX;
    memcpy(text + strlen(text), text, line + 1);
    text[line * (TREE_PROOF_MAX + 1)] = '\0';
    assert_false(
        note_growth_read(&again, text, strlen(text), &err)); /* one more than there may be */
    assert_false(note_growth_read(&again, "hash\n", 5, &err));
    memcpy(text + line, "\n", 2);
    assert_false(note_growth_read(&again, text, strlen(text), &err)); /* an empty line */
    assert_int_equal(err.code, ERR_INPUT);
}

static void test_note_proof_checkpoint(void **state)
{
    (void)state;
    assert_int_equal(note_proof_checkpoint("a\n\nb", 4), 3);
    assert_int_equal(note_proof_checkpoint("a\nb", 3), 3);
}

static void test_note_step_take(void **state)
{
    static const char *const texts[] = {"new 3\n\na\n", "old x\n\na\n", "old 3\nhash\n\na\n",
                                        "old 3\n"};
    char longest[NOTE_SIZE + 16];
    struct note_step step;
    struct err err;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        const char *at = texts[i];
        assert_false(note_step_take(&step, &at, texts[i] + strlen(texts[i]), &err));
        assert_int_equal(err.code, ERR_INPUT);
    }
    for (int more = 0; more < 2; more++) {
        size_t head = (size_t)snprintf(longest, sizeof(longest), "old 3\n\n");
        size_t size = head + NOTE_SIZE - 1 + (size_t)more;
        memset(longest + head, 'x', sizeof(longest) - head);
        const char *at = longest;
        assert_int_equal(note_step_take(&step, &at, longest + size, &err), more == 0);
    }
}

/* ---- histories ---- */

/* Steps to checkpoints of these sizes, of a log whose leaves count up; NUL-terminated. */
static void write_history(char *text, const uint64_t *sizes, size_t n, uint64_t first)
{
    uint8_t secret_key[CRYPT_SECRET_KEY_BYTES];
    const struct note_public_key key = note_key(secret_key);
    struct tree tree = {0};
    uint64_t old_size = first;
    struct err err;

    *text = '\0';
    for (uint64_t i = 0; i < 100; i++) {
        struct tree_hash leaf = {{(uint8_t)i}};
        assert_true(tree_append(&tree, &leaf, &err));
    }
    for (size_t i = 0; i < n; i++) {
        char note[NOTE_SIZE];
        struct checkpoint checkpoint = {.size = sizes[i]};
        struct note_step step = {.old_size = old_size, .note = note};
        tree_root(&checkpoint.root, &tree, sizes[i]);
        checkpoint_sign(note, &checkpoint, &key, secret_key);
        step.note_size = strlen(note);
        if (sizes[i] >= old_size) {
            tree_prove_growth(&step.growth, &tree, old_size, sizes[i]);
        }
        note_step_write(text + strlen(text), &step);
        old_size = sizes[i];
    }
    tree_free(&tree);
}

static void test_history_read(void **state)
{
    static const uint64_t grows[] = {1, 3, 8, 20, 99, 100};
    static const uint64_t shrinks[] = {1, 8, 8};
    static const uint64_t jumps[] = {9};
    static char text[64 << 10];
    uint8_t secret_key[CRYPT_SECRET_KEY_BYTES];
    const struct note_public_key key = note_key(secret_key);
    struct history history;
    struct err err;

    (void)state;
    write_history(text, grows, ARRAY_SIZE(grows), 0);
    assert_true(history_read(&history, &key, text, strlen(text), &err));
    assert_int_equal(history_last(&history).size, 100);
    struct checkpoint seen = history_last(&history);
    assert_int_equal(history_find(&history, &seen), HISTORY_SEEN);
    seen.root.bytes[0] ^= 1;
    assert_int_equal(history_find(&history, &seen), HISTORY_OTHER);
    seen.size = 50;
    assert_int_equal(history_find(&history, &seen), HISTORY_NEW);
    history_free(&history);
    assert_true(history_read(&history, &key, text, 0, &err));
    assert_int_equal(history_last(&history).size, 0);
    write_history(text, shrinks, ARRAY_SIZE(shrinks), 0);
    assert_false(history_read(&history, &key, text, strlen(text), &err));
    write_history(text, jumps, ARRAY_SIZE(jumps), 4);
    assert_false(history_read(&history, &key, text, strlen(text), &err));
    write_history(text, grows, ARRAY_SIZE(grows), 0);
    char *hash = strstr(text, "old 3\n") + 6;
    *hash = *hash == 'A' ? 'B' : 'A';
    assert_false(history_read(&history, &key, text, strlen(text), &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_false(history_read(&history, &key, "old 0\n", 6, &err));
}

/* ---- receipts and SSH signatures ---- */

static void test_receipt_public_key_read(void **state)
{
    char base64[RECEIPT_KEY_BASE64_SIZE];
    char text[RECEIPT_KEY_TEXT_SIZE];
    struct receipt_public_key again;
    struct receipt_key key;
    struct err err;

    (void)state;
    receipt_key_of(&key, seed);
    receipt_public_key_text(text, &key.public_key);
    size_t size = strlen(text);
    assert_true(receipt_public_key_read(&again, text, size, &err));
    assert_true(receipt_public_key_read(&again, text, size - 1, &err)); /* no line end behind it */
    assert_false(receipt_public_key_read(&again, text, size - 2, &err));
    assert_false(receipt_public_key_read(&again, "untrusted comment:", 18, &err));
    assert_false(receipt_public_key_read(&again, "untrusted\n", 10, &err));
    assert_false(receipt_public_key_read(&again, "trusted comment: a key\nRW\n", 26, &err));
    receipt_public_key_base64(base64, &key.public_key);
    base64[0] = 'S'; /* other than "Ed" */
    int n = snprintf(text, sizeof(text), "untrusted comment: x\n%s\n", base64);
    assert_false(receipt_public_key_read(&again, text, (size_t)n, &err));
    assert_int_equal(err.code, ERR_INPUT);
}

static void test_receipt_check(void **state)
{
    char text[RECEIPT_SIGNATURE_SIZE];
    struct receipt_key key;
    struct err err;

    (void)state;
    receipt_key_of(&key, seed);
    receipt_sign(text, &key, "entry", 5);
    size_t size = strlen(text);
    assert_true(receipt_check(&key.public_key, "entry", 5, text, size, &err));
    for (size_t cut = 0; cut < size; cut++) {
        assert_false(receipt_check(&key.public_key, "entry", 5, text, cut, &err));
    }
    text[size] = 'x';
    assert_false(receipt_check(&key.public_key, "entry", 5, text, size + 1, &err));
}

static void test_sshsig_signer_read(void **state)
{
    static const char *const lines[] = {"assay@host", "assay@host\n", "assay\n x",
                                        "assay@host namespaces=\"file\" ssh-ed25519 AAAA\n"};
    uint8_t public_key[CRYPT_PUBLIC_KEY_BYTES];
    uint8_t secret_key[CRYPT_SECRET_KEY_BYTES];
    uint8_t again[CRYPT_PUBLIC_KEY_BYTES];
    char line[SSHSIG_SIGNER_SIZE];
    char changed[SSHSIG_SIGNER_SIZE];
    struct err err;

    (void)state;
    crypt_sign_keys(public_key, secret_key, seed);
    sshsig_signer(line, "assay@host", public_key);
    size_t size = strlen(line);
    assert_true(sshsig_signer_read(again, line, size, &err));
    assert_memory_equal(again, public_key, sizeof(again));
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        assert_false(sshsig_signer_read(again, lines[i], strlen(lines[i]), &err));
    }
    for (size_t i = 0; i < size; i++) { /* another option, no base64, another kind of key */
        static const char others[] = {'!', 'A', 'B'};
        for (size_t k = 0; k < sizeof(others); k++) {
            memcpy(changed, line, size);
            changed[i] = others[k];
            if (sshsig_signer_read(again, changed, size, &err)) {
                assert_true(i < 10 || changed[i] == line[i] ||
                            memcmp(again, public_key, sizeof(again)) != 0);
            }
        }
    }
}

/* ---- keys and boxes ---- */

static void test_worker_key_read(void **state)
{
    static const char *const words[] = {
        "",
        ":" HEX64 ":" HEX64,
        "w1",
        "w1:" HEX64,
        "w1:" HEX64 ":" HEX64 "0",
        "w1:x" HEX64 ":" HEX64,
        "w1 " HEX64 ":" HEX64,
        "w1:" HEX64 " " HEX64,
        "w1:Ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad:" HEX64,
        "w1:xa7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad:" HEX64,
        "w1:" HEX64 ":xa7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"};
    struct worker_public_key key;
    struct err err;

    (void)state;
    assert_true(worker_key_read(&key, "w1:" HEX64 ":" HEX64, 3 + 64 + 1 + 64, &err));
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        assert_false(worker_key_read(&key, words[i], strlen(words[i]), &err));
        assert_int_equal(err.code, ERR_INPUT);
    }
}

static void test_worker_key_open(void **state)
{
    char folder[] = "/tmp/assay-forms-XXXXXX";
    char path[128];
    char longest[4096] = {0};
    char command[64];
    struct worker_key key;
    struct err err;

    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_true(worker_key_open(&key, folder, "w1", &err));
    snprintf(path, sizeof(path), "%s/w1.worker", folder);
    char word[WORKER_KEY_TEXT_SIZE + 1];
    worker_key_text(word, &key.public_key);
    word[3] ^= 1; /* of the right size, but another's */
    assert_true(file_write_durable(path, word, strlen(word) + 1, 0644, &err));
    assert_true(worker_key_open(&key, folder, "w1", &err));
    assert_true(
        file_write_durable(path, longest, sizeof(longest), 0644, &err)); /* too long to be one */
    assert_true(worker_key_open(&key, folder, "w1", &err));
    snprintf(path, sizeof(path), "%s/w1.secret", folder);
    assert_true(file_write_durable(path, "short", 5, 0600, &err));
    assert_false(worker_key_open(&key, folder, "w1", &err));
    snprintf(path, sizeof(path), "%s/w2.worker", folder);
    assert_int_equal(mkdir(path, 0700),
                     0); /* what cannot be read is not there, and cannot be put there */
    assert_false(worker_key_open(&key, folder, "w2", &err));
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

/* What seal.c makes, by its description alone: so that a box of another version can be made. */
static void make_box(uint8_t *box, const struct seal_key *key, const struct seal_subject *subject,
                     const uint8_t *plain, size_t size)
{
    struct {
        uint8_t submission[32];
        uint8_t contents[32];
        uint32_t versions[2];
    } parts = {.versions = {subject->label_version, subject->rules_version}};

    crypt_hash(parts.submission, 32, subject->submission, subject->submission_size, NULL);
    crypt_hash(parts.contents, 32, plain, size, key->key);
    crypt_hash(box, CRYPT_NONCE_BYTES, &parts, sizeof(parts), key->key);
    crypt_box_seal(box + CRYPT_NONCE_BYTES, plain, size, box, key->key);
}

static void test_seal_open(void **state)
{
    static const struct seal_key key = {.key = "a key of the tests, 32 bytes...."};
    const struct seal_subject subject = {.submission = "s1", .submission_size = 2};
    const struct seal_score score = {
        .has_public_value = true, .public_value = 0.5, .json = "", .json_size = 0};
    struct seal_score again;
    struct bytes box = {0};
    struct bytes plain = {0};
    uint8_t made[200];
    struct err err;

    (void)state;
    assert_true(seal_close(&box, &key, &subject, &score, &err)); /* a public value alone */
    assert_true(seal_open(&again, &plain, &key, &subject, box.data, box.size_bytes, &err));
    assert_false(again.has_value);
    assert_true(again.has_public_value && again.public_value == 0.5);
    make_box(made, &key, &subject, plain.data, plain.size_bytes);
    assert_memory_equal(made, box.data, box.size_bytes);
    plain.data[0] ^= 64; /* the version */
    make_box(made, &key, &subject, plain.data, plain.size_bytes);
    bytes_free(&plain);
    assert_false(seal_open(&again, &plain, &key, &subject, made, box.size_bytes, &err));
    assert_int_equal(err.code, ERR_PEER);
    bytes_free(&box);
}

static void test_crypt_base64_read(void **state)
{
    uint8_t data[900];
    char text[1300];
    struct err err;

    (void)state;
    assert_false(crypt_base64_read(data, 3, "AA==", 4, &err)); /* of one byte */
    assert_false(crypt_base64_read(data, 3, "AAA", 3, &err));
    assert_false(crypt_base64_read(data, 3, "A!AA", 4, &err));
    assert_true(crypt_base64_read(data, 3, "AAAA", 4, &err));
    memset(text, 'A', sizeof(text));
    assert_false(crypt_base64_read(data, 900, text, 1200, &err)); /* more than it is made for */
    assert_int_equal(err.code, ERR_INPUT);
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
        cmocka_unit_test(test_entry_make),
        cmocka_unit_test(test_entry_read),
        cmocka_unit_test(test_note_public_key_read),
        cmocka_unit_test(test_checkpoint_origin),
        cmocka_unit_test(test_note_growth_read),
        cmocka_unit_test(test_note_proof_checkpoint),
        cmocka_unit_test(test_note_step_take),
        cmocka_unit_test(test_history_read),
        cmocka_unit_test(test_receipt_public_key_read),
        cmocka_unit_test(test_receipt_check),
        cmocka_unit_test(test_sshsig_signer_read),
        cmocka_unit_test(test_worker_key_read),
        cmocka_unit_test(test_worker_key_open),
        cmocka_unit_test(test_seal_open),
        cmocka_unit_test(test_crypt_base64_read),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
