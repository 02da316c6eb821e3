/* SPDX-License-Identifier: MIT */
/*
 * The public keys of a service as a competitor keeps them beside the receipts: receipt.pub for
 * minisign, allowed_signers for ssh-keygen, log.vkey for the checkpoints of its logs; and the
 * checkpoints seen so far of each log, COMPETITION.checkpoints.
 */
#pragma once

#include "schemas/history.h"
#include "schemas/receipt.h"

enum { KEYRING_PATH_SIZE = 4096 };

struct keyring {
    char folder[KEYRING_PATH_SIZE];
    struct receipt_public_key receipt;
    uint8_t ssh[CRYPT_PUBLIC_KEY_BYTES];
    struct note_public_key log; /* under the name of the service */
};

/* The folder with the keys for receipts in `folder`: that one or the one above. */
MUST_CHECK bool keyring_find(char keys[static KEYRING_PATH_SIZE], const char *folder);

/*
 * Reads the keys of a folder.
 *
 *   receipt_path   of the receipt key where it has another name, or NULL; the other keys lie beside
 *
 * Errors   ERR_CONFIG  a key is missing
 *          ERR_INPUT   a file is not a key
 *          ERR_SYSTEM, ERR_LIMIT  a file cannot be read
 */
MUST_CHECK bool keyring_read(struct keyring *keyring, const char *folder, const char *receipt_path,
                             struct err *err);

/*
 * The key of a competition's log, under the name that a checkpoint of it says.
 *
 * Errors   ERR_INPUT  it is of another service's or another competition's log
 */
MUST_CHECK bool keyring_log(struct note_public_key *key, const struct keyring *keyring,
                            const char *competition, const void *note, size_t note_size,
                            struct err *err);

/*
 * Reads what was seen of a log so far; empty where that is nothing.
 *
 * Errors   ERR_INPUT   it was seen under another name, or the file is damaged
 *          ERR_SYSTEM, ERR_LIMIT  the file cannot be read
 * Owns     *history is owned by the caller; end it with history_free
 */
MUST_CHECK bool keyring_history(struct history *history, const struct keyring *keyring,
                                const struct note_public_key *key, const char *competition,
                                struct err *err);

/* A checked checkpoint of a competition's log, and the note that says it. */
struct sighting {
    const char *competition;           /* borrowed, as all here */
    const struct note_public_key *log; /* as keyring_log gave it */
    struct checkpoint checkpoint;
    const char *note;
    size_t note_size; /* less than NOTE_SIZE */
};

/*
 * Holds a checkpoint against those seen before. The first one of a log is remembered.
 *
 *   is_new   out: it is none of those seen, and nothing says yet that it continues them
 *
 * Errors   ERR_INPUT   the log has two histories, or was seen under another name
 *          ERR_SYSTEM, ERR_LIMIT  what was seen cannot be read or kept
 */
MUST_CHECK bool keyring_see(bool *is_new, const struct keyring *keyring,
                            const struct sighting *sighting, struct err *err);

/*
 * Remembers a checkpoint as the next one, by the proof that the log grew to it.
 *
 * Errors   ERR_INPUT   the proof does not show that
 *          ERR_SYSTEM, ERR_LIMIT  it cannot be kept
 */
MUST_CHECK bool keyring_follow(const struct keyring *keyring, const struct sighting *sighting,
                               uint64_t old_size, const struct tree_proof *growth, struct err *err);
