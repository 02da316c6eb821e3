/* SPDX-License-Identifier: MIT */
/*
 * What the broker writes to a competition's log, and the key it signs with. Entries are made inside
 * the store's commit, because only there their index is known; they are signed after it. Nothing
 * here keeps state but the key.
 */
#pragma once

#include "common/err.h"
#include "schemas/entry.h"
#include "schemas/receipt.h"

#include <stddef.h>
#include <stdint.h>

/* A line of the log and its leaf hash. */
struct ledger_line {
    char text[ENTRY_SIZE];
    size_t size;
    uint8_t leaf[ENTRY_LEAF_BYTES];
};

/* What the broker keeps under its keys folder, all from one master key of 32 random bytes. */
struct ledger_keys {
    struct receipt_key receipt;
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

/* Overwrites the keys. */
void ledger_keys_wipe(struct ledger_keys *keys);

/* Makes the line and its leaf hash. Errors: as entry_make. */
MUST_CHECK bool ledger_line_make(struct ledger_line *line, const struct entry *entry,
                                 struct err *err);

/* How a team is called in entries: "t42". */
enum { LEDGER_TEAM_SIZE = 24 };
void ledger_team_text(char text[static LEDGER_TEAM_SIZE], int64_t team);
