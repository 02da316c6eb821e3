/* SPDX-License-Identifier: MIT */
/*
 * SSH signatures, checkpoints and proof files: round trips, every flipped bit refused, ssh-keygen
 * and openssl as the judges, and the example of the C2SP specification.
 */
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
#include "schemas/entry.h"
#include "schemas/note.h"
#include "schemas/sshsig.h"

static const uint8_t seed[CRYPT_SEED_BYTES] = {3, 1, 4};
static const char line[] = "{\"competition\":\"inat2017\"}\n";

struct keys {
    uint8_t public_key[CRYPT_PUBLIC_KEY_BYTES];
    uint8_t secret_key[CRYPT_SECRET_KEY_BYTES];
    struct note_public_key note;
};

static struct keys make_keys(void)
{
    struct keys keys = {.note.origin = "assay.example/inat2017"};

    crypt_sign_keys(keys.public_key, keys.secret_key, seed);
    memcpy(keys.note.key, keys.public_key, sizeof(keys.note.key));
    return keys;
}

static void write_in(const char *folder, const char *name, const void *data, size_t size)
{
    char path[4096];
    struct err err;

    assert_true(path_join(path, sizeof(path), folder, name, &err));
    assert_true(file_write_durable(path, data, size, 0600, &err));
}

/* Runs a shell line in `folder`; its exit status. */
static int run_in(const char *folder, const char *command)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        if (chdir(folder) == 0) {
            execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        }
        _exit(127);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void remove_folder(const char *folder)
{
    assert_int_equal(run_in(folder, "rm -f -- * && rmdir -- \"$PWD\""), 0);
}

static void test_sshsig_check_refuses_every_flipped_bit(void **state)
{
    (void)state;
    struct keys keys = make_keys();
    char text[SSHSIG_SIZE];
    char changed[sizeof(line)];
    struct err err;

    sshsig_sign(text, line, strlen(line), keys.public_key, keys.secret_key);
    size_t length = strlen(text);
    assert_true(sshsig_check(keys.public_key, line, strlen(line), text, length, &err));
    for (size_t bit = 0; bit < 8 * length; bit++) {
        text[bit / 8] ^= (char)(1 << bit % 8);
        assert_false(sshsig_check(keys.public_key, line, strlen(line), text, length, &err));
        text[bit / 8] ^= (char)(1 << bit % 8);
    }
    memcpy(changed, line, sizeof(line));
    for (size_t bit = 0; bit < 8 * strlen(line); bit++) {
        changed[bit / 8] ^= (char)(1 << bit % 8);
        assert_false(sshsig_check(keys.public_key, changed, strlen(line), text, length, &err));
        changed[bit / 8] ^= (char)(1 << bit % 8);
    }
    for (size_t size = 0; size < length; size++) {
        assert_false(sshsig_check(keys.public_key, line, strlen(line), text, size, &err));
    }
    keys.public_key[0] ^= 1;
    assert_false(sshsig_check(keys.public_key, line, strlen(line), text, length, &err));
}

static void test_sshsig_sign_is_accepted_by_ssh_keygen(void **state)
{
    (void)state;
    static const char verify[] = "ssh-keygen -q -Y verify -f allowed_signers -I scores@example "
                                 "-n assay-receipt@v1 -s entry.sig < entry >/dev/null 2>&1";
    struct keys keys = make_keys();
    char folder[] = "/tmp/assay-test-XXXXXX";
    char text[SSHSIG_SIZE];
    char signer[SSHSIG_SIGNER_SIZE];
    uint8_t again[CRYPT_PUBLIC_KEY_BYTES];
    struct err err;

    assert_non_null(mkdtemp(folder));
    sshsig_sign(text, line, strlen(line), keys.public_key, keys.secret_key);
    sshsig_signer(signer, "scores@example", keys.public_key);
    assert_true(sshsig_signer_read(again, signer, strlen(signer), &err));
    assert_memory_equal(again, keys.public_key, sizeof(again));
    write_in(folder, "allowed_signers", signer, strlen(signer));
    write_in(folder, "entry", line, strlen(line));
    write_in(folder, "entry.sig", text, strlen(text));
    assert_int_equal(run_in(folder, verify), 0);
    write_in(folder, "entry", line, strlen(line) - 1);
    assert_int_not_equal(run_in(folder, verify), 0);
    remove_folder(folder);
}

static void test_checkpoint_read_refuses_every_flipped_bit(void **state)
{
    (void)state;
    struct keys keys = make_keys();
    struct checkpoint checkpoint = {.size = 1713, .root.bytes = {7}};
    struct checkpoint again;
    char note[NOTE_SIZE];
    struct err err;

    checkpoint_sign(note, &checkpoint, &keys.note, keys.secret_key);
    size_t length = strlen(note);
    assert_true(checkpoint_read(&again, &keys.note, note, length, &err));
    assert_true(again.size == 1713);
    assert_memory_equal(&again.root, &checkpoint.root, sizeof(again.root));
    for (size_t bit = 0; bit < 8 * length; bit++) {
        note[bit / 8] ^= (char)(1 << bit % 8);
        assert_false(checkpoint_read(&again, &keys.note, note, length, &err));
        note[bit / 8] ^= (char)(1 << bit % 8);
    }
    for (size_t size = 0; size < length; size++) {
        assert_false(checkpoint_read(&again, &keys.note, note, size, &err));
    }
}

static void test_checkpoint_read_skips_other_signers(void **state)
{
    (void)state;
    struct keys keys = make_keys();
    struct checkpoint checkpoint = {.size = 0};
    char note[NOTE_SIZE];
    char cosigned[NOTE_SIZE + 64];
    struct err err;

    checkpoint_sign(note, &checkpoint, &keys.note, keys.secret_key);
    snprintf(cosigned, sizeof(cosigned), "%s\xe2\x80\x94 witness.example AAAAAAAA\n", note);
    assert_true(checkpoint_read(&checkpoint, &keys.note, cosigned, strlen(cosigned), &err));
    const char *body_end = strstr(note, "\n\n") + 2;
    snprintf(cosigned, sizeof(cosigned), "%.*s\xe2\x80\x94 witness.example AAAAAAAA\n",
             (int)(body_end - note), note);
    assert_false(checkpoint_read(&checkpoint, &keys.note, cosigned, strlen(cosigned), &err));
    assert_string_equal(err.text, "checkpoint is not signed by the log");
}

/* A note with this body, signed by the log's key under its own name. */
static bool accepts_body(const struct keys *keys, const char *body)
{
    struct checkpoint checkpoint = {.size = 5};
    char right[NOTE_SIZE];
    char note[NOTE_SIZE];
    uint8_t blob[4 + CRYPT_SIGNATURE_BYTES];
    char base64[CRYPT_BASE64_SIZE(sizeof(blob))];
    struct err err;

    checkpoint_sign(right, &checkpoint, &keys->note, keys->secret_key);
    assert_true(crypt_base64_read(blob, sizeof(blob), strrchr(right, ' ') + 1,
                                  strlen(strrchr(right, ' ') + 1) - 1, &err));
    crypt_sign(blob + 4, body, strlen(body), keys->secret_key); /* the key's id stays */
    crypt_base64(base64, sizeof(base64), blob, sizeof(blob));
    snprintf(note, sizeof(note), "%s\n\xe2\x80\x94 %s %s\n", body, keys->note.origin, base64);
    return checkpoint_read(&checkpoint, &keys->note, note, strlen(note), &err);
}

#define ROOT "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static void test_checkpoint_read_refuses_other_bodies(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *body;
        bool is_good;
    } cases[] = {
        {"right", "assay.example/inat2017\n5\n" ROOT "\n", true},
        {"another log of the same key", "assay.example/birds\n5\n" ROOT "\n", false},
        {"a longer name", "assay.example/inat2017x\n5\n" ROOT "\n", false},
        {"a leading zero", "assay.example/inat2017\n05\n" ROOT "\n", false},
        {"zero", "assay.example/inat2017\n0\n" ROOT "\n", true},
        {"two zeros", "assay.example/inat2017\n00\n" ROOT "\n", false},
        {"no size", "assay.example/inat2017\n\n" ROOT "\n", false},
        {"a signed size", "assay.example/inat2017\n+5\n" ROOT "\n", false},
        {"a size of 20 digits", "assay.example/inat2017\n10000000000000000000\n" ROOT "\n", false},
        {"a short root", "assay.example/inat2017\n5\nAAAA\n", false},
        {"an extension", "assay.example/inat2017\n5\n" ROOT "\nmore\n", false},
        {"nothing", "", false},
    };
    struct keys keys = make_keys();

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        if (accepts_body(&keys, cases[i].body) != cases[i].is_good) {
            fail_msg("%s", cases[i].name);
        }
    }
}

static void test_checkpoint_read_refuses_hidden_text(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "\xe2\x80\x94 witness AAAA\n",
        "\xe2\x80\x94 witness AA\rAA\n",
        "\xe2\x80\x94 witness \x1b[2JAAAA\n",
        "\xe2\x80\x94 wit\x7fness AAAA\n",
        "\xe2\x80\x94 wit\xc3\xa4ss AAAA\n",
        "no signature\n",
        "\xe2\x80\x94 cut",
    };
    struct keys keys = make_keys();
    struct checkpoint checkpoint = {.size = 5};
    char note[NOTE_SIZE];
    struct err err;

    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        checkpoint_sign(note, &checkpoint, &keys.note, keys.secret_key);
        strcat(note, lines[i]);
        assert_int_equal(checkpoint_read(&checkpoint, &keys.note, note, strlen(note), &err),
                         i == 0);
    }
}

static void test_note_public_key_read_refuses_every_flipped_bit(void **state)
{
    (void)state;
    struct keys keys = make_keys();
    char text[NOTE_KEY_TEXT_SIZE];
    struct note_public_key read;
    struct err err;

    note_public_key_text(text, &keys.note);
    size_t length = strlen(text);
    assert_true(note_public_key_read(&read, text, length, &err));
    for (size_t bit = 0; bit < 8 * length; bit++) {
        text[bit / 8] ^= (char)(1 << bit % 8);
        assert_false(note_public_key_read(&read, text, length, &err));
        text[bit / 8] ^= (char)(1 << bit % 8);
    }
    for (size_t size = 0; size < length; size++) {
        assert_false(note_public_key_read(&read, text, size, &err));
    }
}

static void test_checkpoint_sign_is_accepted_by_openssl(void **state)
{
    (void)state;
    static const char verify[] =
        "printf '\\060\\052\\060\\005\\006\\003\\053\\145\\160\\003\\041\\000' > key.der && "
        "cat key >> key.der && sed '/^$/,$d' note > body && "
        "tail -n 1 note | cut -d' ' -f3 | base64 -d | tail -c 64 > signature && "
        "openssl pkeyutl -verify -pubin -keyform DER -inkey key.der -rawin -in body "
        "-sigfile signature > /dev/null";
    struct keys keys = make_keys();
    struct checkpoint checkpoint = {.size = 5, .root.bytes = {1}};
    char folder[] = "/tmp/assay-test-XXXXXX";
    char note[NOTE_SIZE];

    assert_non_null(mkdtemp(folder));
    checkpoint_sign(note, &checkpoint, &keys.note, keys.secret_key);
    write_in(folder, "key", keys.public_key, sizeof(keys.public_key));
    write_in(folder, "note", note, strlen(note));
    assert_int_equal(run_in(folder, verify), 0);
    note[strlen(keys.note.origin) + 1] = '6';
    write_in(folder, "note", note, strlen(note));
    assert_int_not_equal(run_in(folder, verify), 0);
    remove_folder(folder);
}

static void test_note_public_key_of_the_go_documentation(void **state)
{
    (void)state;
    /* golang.org/x/mod/sumdb/note, package example */
    static const char text[] = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    struct note_public_key key;
    char again[NOTE_KEY_TEXT_SIZE];
    struct err err;

    assert_true(note_public_key_read(&key, text, strlen(text), &err));
    assert_string_equal(key.origin, "PeterNeumann");
    note_public_key_text(again, &key);
    assert_string_equal(again, text);
    assert_false(note_public_key_read(&key, text, strlen(text) - 1, &err));
    assert_false(note_public_key_read(&key, "a+c74f20a3", 10, &err));
    assert_false(note_public_key_read(&key, "", 0, &err));
}

static void test_note_proof_check(void **state)
{
    (void)state;
    struct keys keys = make_keys();
    struct tree tree = {0};
    struct checkpoint checkpoint = {.size = 300};
    struct tree_proof proof;
    char note[NOTE_SIZE];
    char text[NOTE_PROOF_SIZE];
    struct err err;

    for (unsigned i = 0; i < 300; i++) {
        struct tree_hash leaf;
        entry_leaf(leaf.bytes, &i, sizeof(i));
        assert_true(tree_append(&tree, &leaf, &err));
    }
    tree_root(&checkpoint.root, &tree, 300);
    checkpoint_sign(note, &checkpoint, &keys.note, keys.secret_key);
    tree_prove_leaf(&proof, &tree, 77, 300);
    note_proof_write(text, 77, &proof, note);
    size_t length = strlen(text);
    const struct tree_hash *leaf = &tree.levels[0].hashes[77];
    assert_true(note_proof_check(&checkpoint, &keys.note, leaf, 77, text, length, &err));
    assert_true(checkpoint.size == 300);
    assert_false(note_proof_check(&checkpoint, &keys.note, leaf, 78, text, length, &err));
    assert_false(note_proof_check(&checkpoint, &keys.note, leaf + 1, 77, text, length, &err));
    for (size_t bit = 0; bit < 8 * length; bit++) {
        text[bit / 8] ^= (char)(1 << bit % 8);
        assert_false(note_proof_check(&checkpoint, &keys.note, leaf, 77, text, length, &err));
        text[bit / 8] ^= (char)(1 << bit % 8);
    }
    for (size_t size = 0; size < length; size++) {
        assert_false(note_proof_check(&checkpoint, &keys.note, leaf, 77, text, size, &err));
    }
    tree_free(&tree);
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
        cmocka_unit_test(test_sshsig_check_refuses_every_flipped_bit),
        cmocka_unit_test(test_sshsig_sign_is_accepted_by_ssh_keygen),
        cmocka_unit_test(test_checkpoint_read_refuses_every_flipped_bit),
        cmocka_unit_test(test_checkpoint_read_skips_other_signers),
        cmocka_unit_test(test_checkpoint_read_refuses_other_bodies),
        cmocka_unit_test(test_checkpoint_read_refuses_hidden_text),
        cmocka_unit_test(test_note_public_key_read_refuses_every_flipped_bit),
        cmocka_unit_test(test_checkpoint_sign_is_accepted_by_openssl),
        cmocka_unit_test(test_note_public_key_of_the_go_documentation),
        cmocka_unit_test(test_note_proof_check),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
