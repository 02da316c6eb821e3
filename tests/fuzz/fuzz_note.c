/* SPDX-License-Identifier: MIT */
/*
 * What a log hands out and a competitor keeps: keys, checkpoints, proofs, steps and histories,
 * signatures of OpenSSH. Whatever is accepted is what was signed, and is written back as it was.
 */
#include <string.h>

#include "schemas/history.h"
#include "schemas/sshsig.h"
#include "tests/fuzz/fuzz.h"

enum { N_LEAVES = 5 };

static const uint8_t seed[CRYPT_SEED_BYTES] = {2};
static struct note_public_key key = {.origin = "example.org/birds"};
static struct tree tree;

static bool is_of_tree(const struct checkpoint *checkpoint)
{
    struct tree_hash root;

    if (checkpoint->size > N_LEAVES) {
        return false;
    }
    tree_root(&root, &tree, checkpoint->size);
    return memcmp(&root, &checkpoint->root, sizeof(root)) == 0;
}

static void start(void)
{
    uint8_t secret_key[CRYPT_SECRET_KEY_BYTES];
    struct tree_hash leaf;
    struct err err;

    FUZZ_CHECK(crypt_start(&err));
    crypt_sign_keys(key.key, secret_key, seed);
    for (int i = 0; i < N_LEAVES; i++) {
        memset(leaf.bytes, i, sizeof(leaf.bytes));
        FUZZ_CHECK(tree_append(&tree, &leaf, &err));
    }
}

static void check_keys(const uint8_t *data, size_t size)
{
    char text[NOTE_KEY_TEXT_SIZE];
    struct note_public_key read;
    uint8_t ssh[CRYPT_PUBLIC_KEY_BYTES];
    struct err err;

    if (note_public_key_read(&read, data, size, &err)) {
        note_public_key_text(text, &read);
        FUZZ_CHECK(memcmp(text, data, strlen(text)) == 0);
    }
    (void)!sshsig_signer_read(ssh, data, size, &err);
    (void)!sshsig_check(key.key, "entry\n", 6, data, size, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_started;
    const struct tree_hash leaf = {.bytes = {0}};
    struct checkpoint checkpoint;
    struct history history;
    struct tree_proof growth;
    char origin[NOTE_ORIGIN_SIZE];
    struct err err;

    if (!is_started) {
        start();
        is_started = true;
    }
    check_keys(data, size);
    if (checkpoint_read(&checkpoint, &key, data, size, &err)) {
        FUZZ_CHECK(is_of_tree(&checkpoint));
    }
    if (note_proof_check(&checkpoint, &key, &leaf, 0, data, size, &err)) {
        size_t at = note_proof_checkpoint(data, size);
        FUZZ_CHECK(is_of_tree(&checkpoint));
        FUZZ_CHECK(checkpoint_origin(origin, data + at, size - at, &err));
        FUZZ_CHECK(strcmp(origin, key.origin) == 0);
    }
    if (history_read(&history, &key, data, size, &err)) {
        for (size_t i = 0; i < history.n; i++) {
            FUZZ_CHECK(is_of_tree(&history.checkpoints[i]));
        }
        history_free(&history);
    }
    (void)!note_growth_read(&growth, data, size, &err);
    return 0;
}
