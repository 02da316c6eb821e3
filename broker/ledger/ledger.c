/* SPDX-License-Identifier: MIT */
/*
 * Keys and lines of the log. See the header.
 */
#include "broker/ledger/ledger.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/crypt.h"
#include "common/file.h"

enum { RECEIPT_SEED_ID = 1, SSH_SEED_ID = 2, LOG_SEED_ID = 3, PEPPER_ID = 1 };

static const char signing[8] = {'a', 's', 's', 'a', 'y', 'k', 'e', 'y'};
static const char hashing[8] = {'a', 's', 's', 'a', 'y', 'p', 'e', 'p'};

static bool make_master(const char *path, struct err *err)
{
    uint8_t master[CRYPT_KEY_BYTES];

    crypt_random(master, sizeof(master));
    bool ok = file_write_durable(path, master, sizeof(master), 0600, err);
    crypt_wipe(master, sizeof(master));
    return ok;
}

static void derive_key(struct ledger_key *key, uint64_t id,
                       const uint8_t master[static CRYPT_KEY_BYTES])
{
    uint8_t seed[CRYPT_SEED_BYTES];

    crypt_derive(seed, id, signing, master);
    crypt_sign_keys(key->public_key, key->secret_key, seed);
    crypt_wipe(seed, sizeof(seed));
}

void ledger_keys_derive(struct ledger_keys *keys, const uint8_t master[static CRYPT_KEY_BYTES])
{
    uint8_t seed[CRYPT_SEED_BYTES];

    crypt_derive(seed, RECEIPT_SEED_ID, signing, master);
    receipt_key_of(&keys->receipt, seed);
    crypt_wipe(seed, sizeof(seed));
    derive_key(&keys->ssh, SSH_SEED_ID, master);
    derive_key(&keys->log, LOG_SEED_ID, master);
    crypt_derive(keys->pepper, PEPPER_ID, hashing, master);
}

bool ledger_keys_load(struct ledger_keys *keys, const char *folder, bool may_make, struct err *err)
{
    char path[PATH_MAX];
    struct bytes master = {0};
    bool ok = false;

    if (!folder_make_durable(folder, 0700, err) ||
        !path_join(path, sizeof(path), folder, "master", err)) {
        return false;
    }
    bool is_missing = access(path, F_OK) < 0 && errno == ENOENT;
    if (is_missing && !may_make) {
        return err_set(err, ERR_CONFIG,
                       "%s is missing: restore it from the backup that holds the database", path);
    }
    if (is_missing && !make_master(path, err)) {
        return false;
    }
    if (!file_read(&master, path, CRYPT_KEY_BYTES, err)) {
        return false;
    }
    if (master.size_bytes != CRYPT_KEY_BYTES) {
        err_set(err, ERR_STORE, "%s has %zu bytes, a key has %d", path, master.size_bytes,
                CRYPT_KEY_BYTES);
        goto out;
    }
    ledger_keys_derive(keys, master.data);
    ok = true;
out:
    crypt_wipe(master.data, master.size_bytes);
    bytes_free(&master);
    return ok;
}

void ledger_keys_wipe(struct ledger_keys *keys)
{
    crypt_wipe(keys, sizeof(*keys));
}

bool ledger_line_make(struct ledger_line *line, const struct entry *entry, struct err *err)
{
    if (!entry_make(line->text, &line->size, entry, err)) {
        return false;
    }
    entry_leaf(line->leaf, line->text, line->size);
    return true;
}

void ledger_key_texts(struct ledger_key_texts *texts, const struct ledger_keys *keys,
                      const char *origin)
{
    struct note_public_key log = {.origin = ""};

    receipt_public_key_base64(texts->receipt, &keys->receipt.public_key);
    sshsig_key_text(texts->ssh, keys->ssh.public_key);
    snprintf(log.origin, sizeof(log.origin), "%s", origin);
    memcpy(log.key, keys->log.public_key, sizeof(log.key));
    note_public_key_text(texts->log, &log);
}

void ledger_log_key(char line[static NOTE_KEY_TEXT_SIZE], const struct ledger_keys *keys,
                    const char *host)
{
    struct ledger_key_texts texts;

    ledger_key_texts(&texts, keys, host);
    snprintf(line, NOTE_KEY_TEXT_SIZE, "%.*s\n", NOTE_KEY_TEXT_SIZE - 2, texts.log);
}

void ledger_signer(char line[static SSHSIG_SIGNER_SIZE], const struct ledger_keys *keys,
                   const char *host)
{
    char principal[128];

    snprintf(principal, sizeof(principal), "assay@%s", host);
    sshsig_signer(line, principal, keys->ssh.public_key);
}

void ledger_team_text(char text[static LEDGER_TEAM_SIZE], int64_t team)
{
    snprintf(text, LEDGER_TEAM_SIZE, "t%" PRId64, team);
}
