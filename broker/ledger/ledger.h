/* SPDX-License-Identifier: MIT */
/*
 * What the broker writes to a competition's log, and the keys it signs with. Entries are made
 * inside the store's commit, because only there their index is known; they are signed after it.
 * Nothing here keeps state but the keys; the logs themselves are in logs.h.
 */
#pragma once

#include "common/err.h"
#include "schemas/entry.h"
#include "schemas/note.h"
#include "schemas/receipt.h"
#include "schemas/sshsig.h"

#include <stddef.h>
#include <stdint.h>

/* A line of the log and its leaf hash. */
struct ledger_line {
    char text[ENTRY_SIZE];
    size_t size;
    uint8_t leaf[ENTRY_LEAF_BYTES];
};

/* An Ed25519 key pair. */
struct ledger_key {
    uint8_t public_key[CRYPT_PUBLIC_KEY_BYTES];
    uint8_t secret_key[CRYPT_SECRET_KEY_BYTES];
};

/* What the broker keeps under its keys folder, all from one master key of 32 random bytes. */
struct ledger_keys {
    struct receipt_key receipt;      /* minisign */
    struct ledger_key ssh;           /* OpenSSH */
    struct ledger_key log;           /* checkpoints */
    uint8_t pepper[CRYPT_KEY_BYTES]; /* of token hashes */
};

/*
 * Loads the master key from FOLDER/master and derives the keys.
 *
 *   may_make  at the first start the master key is made (0600)
 *
 * Errors   ERR_CONFIG  there is no master key, and none may be made
 *          ERR_SYSTEM  the file cannot be read or written
 *          ERR_STORE   it does not hold 32 bytes
 */
MUST_CHECK bool ledger_keys_load(struct ledger_keys *keys, const char *folder, bool may_make,
                                 struct err *err);

/* The keys of a master key. */
void ledger_keys_derive(struct ledger_keys *keys, const uint8_t master[static CRYPT_KEY_BYTES]);

/* Overwrites the keys. */
void ledger_keys_wipe(struct ledger_keys *keys);

/* Makes the line and its leaf hash. Errors: as entry_make. */
MUST_CHECK bool ledger_line_make(struct ledger_line *line, const struct entry *entry,
                                 struct err *err);

/* The three signing keys as a key entry has them, and the log's name with its key. */
struct ledger_key_texts {
    char receipt[RECEIPT_KEY_BASE64_SIZE];
    char ssh[SSHSIG_KEY_TEXT_SIZE];
    char log[NOTE_KEY_TEXT_SIZE];
};
void ledger_key_texts(struct ledger_key_texts *texts, const struct ledger_keys *keys,
                      const char *origin);

/* The line of allowed_signers; the principal is assay@HOST. */
void ledger_signer(char line[static SSHSIG_SIGNER_SIZE], const struct ledger_keys *keys,
                   const char *host);

/* The key of checkpoints under the service's name, with LF: HOST+hash+key. */
void ledger_log_key(char line[static NOTE_KEY_TEXT_SIZE], const struct ledger_keys *keys,
                    const char *host);

/* How a team is called in entries: "t42". */
enum { LEDGER_TEAM_SIZE = 24 };
void ledger_team_text(char text[static LEDGER_TEAM_SIZE], int64_t team);
