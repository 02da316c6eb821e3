/* SPDX-License-Identifier: MIT */
/*
 * A worker of the tests, as far as the broker sees one: its key, and what a competition that it may
 * score commits to.
 */
#pragma once

#include "common/text.h"
#include "schemas/wire.h"
#include "schemas/worker_key.h"

#include <stdio.h>
#include <string.h>

static inline const struct worker_key *attester_key(void)
{
    static struct worker_key key = {.public_key = {.name = "w1"}};
    static const uint8_t seed[CRYPT_SEED_BYTES] = {9};

    crypt_sign_keys(key.public_key.sign, key.sign_secret, seed);
    return &key;
}

/* The word of the key, for the list of a competition's workers. */
static inline struct wire_bytes attester_workers(void)
{
    static char text[WORKER_KEY_TEXT_SIZE];

    worker_key_text(text, &attester_key()->public_key);
    return wire_text(text);
}

static inline void attester_commit(struct wire_competition_put *put)
{
    memset(put->label_root, 0x11, sizeof(put->label_root));
    memset(put->label_set, 0x22, sizeof(put->label_set));
    memset(put->ids, 0x33, sizeof(put->ids));
    put->n_images = 10;
    put->n_public = 4;
    put->n_private = 6;
    put->workers = attester_workers();
}

static inline void attester_claim(uint8_t key[static CRYPT_PUBLIC_KEY_BYTES])
{
    memcpy(key, attester_key()->public_key.sign, CRYPT_PUBLIC_KEY_BYTES);
}
