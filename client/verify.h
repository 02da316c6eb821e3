/* SPDX-License-Identifier: MIT */
/*
 * Checking a receipt: the entry, its two signatures and its proof beside it, the keys, and what was
 * seen of the log before.
 */
#pragma once

#include "client/keyring.h"
#include "schemas/entry.h"

enum { VERIFY_PATH_SIZE = KEYRING_PATH_SIZE };

struct verify_receipt {
    struct entry entry; /* borrows from texts */
    char texts[ENTRY_SIZE];
    struct note_public_key log;   /* that the proof is of */
    struct checkpoint checkpoint; /* that the proof leads to */
    char proof[NOTE_PROOF_SIZE];
    size_t proof_size;
};

/* The files of a receipt, borrowed: NAME.json, NAME.json.minisig, NAME.json.sig, NAME.tlog-proof.
 */
enum receipt_part { PART_ENTRY, PART_MINISIG, PART_SSHSIG, PART_PROOF, PARTS };
struct receipt_files {
    struct {
        const void *data;
        size_t size_bytes;
    } parts[PARTS];
};

/* What stands behind the name of each part: ".json", … */
extern const char *const verify_endings[PARTS];

/*
 * Checks the files of a receipt: each must be the very bytes that the service writes; crypt_start
 * comes first.
 *
 * Errors   ERR_INPUT   the receipt is not valid
 */
MUST_CHECK bool verify_files(struct verify_receipt *receipt, const struct receipt_files *files,
                             const struct keyring *keyring, struct err *err);

/*
 * Checks NAME.json with the other files beside it.
 *
 * Errors   as verify_files
 *          ERR_CONFIG  its name does not end with .json
 *          ERR_SYSTEM, ERR_LIMIT  a file cannot be read
 */
MUST_CHECK bool verify_receipt(struct verify_receipt *receipt, const char *path,
                               const struct keyring *keyring, struct err *err);

/* The checkpoint that a checked receipt's proof leads to; borrows from the receipt. */
struct sighting verify_sighting(const struct verify_receipt *receipt);
