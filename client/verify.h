/* SPDX-License-Identifier: MIT */
/*
 * Checking a receipt in a folder: the entry, its signature beside it, and the key.
 */
#pragma once

#include "schemas/entry.h"

enum { VERIFY_PATH_SIZE = 4096 };

struct verify_receipt {
    struct entry entry; /* borrows from texts */
    char texts[ENTRY_SIZE];
};

/* The public key near the receipts of a folder: receipt.pub there or one folder up. */
MUST_CHECK bool verify_find_key(char path[static VERIFY_PATH_SIZE], const char *folder);

/*
 * Checks signature and canonical form of ID.json with ID.json.minisig; crypt_start comes first.
 *
 *   key_path   of the public key; NULL for the one near the receipt
 *
 * Errors   ERR_INPUT   the receipt is not valid
 *          ERR_CONFIG  no key
 *          ERR_SYSTEM, ERR_LIMIT  a file cannot be read
 */
MUST_CHECK bool verify_receipt(struct verify_receipt *receipt, const char *path,
                               const char *key_path, struct err *err);
