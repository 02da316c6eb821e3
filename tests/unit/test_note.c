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
        cmocka_unit_test(test_checkpoint_sign_is_accepted_by_openssl),
        cmocka_unit_test(test_note_public_key_of_the_go_documentation),
        cmocka_unit_test(test_note_proof_check),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
