/* SPDX-License-Identifier: MIT */
/*
 * The keys of one worker, from a file of 32 random bytes of its own: Ed25519, with which it signs
 * results, and X25519, to which labels are sealed. The public halves are one word,
 *
 *   NAME:64 hexadecimal digits (Ed25519):64 hexadecimal digits (X25519)
 *
 * which stands in a file of its own for the organizer's command, and in the genesis entry of every
 * competition that the worker scores.
 */
#pragma once

#include "schemas/scoreseal.h"

enum {
    WORKER_KEY_NAME_SIZE = 65,
    WORKER_KEY_TEXT_SIZE = WORKER_KEY_NAME_SIZE + 2 * (1 + 2 * CRYPT_KEY_BYTES),
    WORKER_KEYS_MAX = 16, /* of one competition */
    WORKER_KEYS_TEXT_SIZE = WORKER_KEYS_MAX * WORKER_KEY_TEXT_SIZE,
};

/* Behind the name of the file with a public key. */
#define WORKER_KEY_SUFFIX ".worker"

struct worker_public_key {
    char name[WORKER_KEY_NAME_SIZE]; /* [a-z0-9-] */
    uint8_t sign[CRYPT_PUBLIC_KEY_BYTES];
    uint8_t seal[CRYPT_KEY_BYTES];
};

struct worker_key {
    struct worker_public_key public_key;
    uint8_t sign_secret[CRYPT_SECRET_KEY_BYTES];
    struct scoreseal_key seal;
};

/* Writes the word, NUL-terminated. */
void worker_key_text(char text[static WORKER_KEY_TEXT_SIZE], const struct worker_public_key *key);

/* Reads what worker_key_text writes, and nothing else. Errors: ERR_INPUT. */
MUST_CHECK bool worker_key_read(struct worker_public_key *key, const char *text, size_t size,
                                struct err *err);

/*
 * Reads words that single spaces separate: none to WORKER_KEYS_MAX, with no name or key twice.
 *
 * Errors   ERR_INPUT
 */
MUST_CHECK bool worker_keys_read(struct worker_public_key keys[static WORKER_KEYS_MAX],
                                 size_t *n_keys, const char *text, size_t size, struct err *err);

/*
 * Reads FOLDER/NAME.secret, or makes it; puts the public word beside it as FOLDER/NAME.worker.
 *
 * Errors   ERR_SYSTEM, ERR_LIMIT, ERR_CONFIG, as keyfile_open
 */
MUST_CHECK bool worker_key_open(struct worker_key *key, const char *folder, const char *name,
                                struct err *err);

/* The public half alone; nothing secret stays in memory. Errors: as worker_key_open. */
MUST_CHECK bool worker_key_public(struct worker_public_key *key, const char *folder,
                                  const char *name, struct err *err);

/* An organizer's, from such a file: the key that opens labels, and the one that signs orders. */
struct organizer_key {
    struct scoreseal_key seal;
    uint8_t sign[CRYPT_PUBLIC_KEY_BYTES];
    uint8_t sign_secret[CRYPT_SECRET_KEY_BYTES];
};

/* The keys of a file of 32 random bytes, made where there is none; wipe them. Errors: as
 * keyfile_open. */
MUST_CHECK bool organizer_key_open(struct organizer_key *key, const char *folder, const char *name,
                                   struct err *err);
