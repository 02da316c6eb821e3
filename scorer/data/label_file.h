/* SPDX-License-Identifier: MIT */
/*
 * Where a worker finds label sets: FOLDER/COMPETITION/VERSION.sealed, a label block in a SCORESEAL1
 * container. The organizer's command puts it there, sealed to the workers and to the organizer; it
 * is opened into memory that is locked, left out of dumps and not inherited. Another set is another
 * version; a set that is sealed again holds the same block.
 */
#pragma once

#include "schemas/scoreseal.h"
#include "scorer/data/label_block.h"

enum { LABEL_PATH_SIZE = 4096 };

/* {0} … label_file_close */
struct label_file {
    struct label_block block;     /* borrows from arena */
    struct arena *arena;          /* owned, protected; NULL in a closed file */
    uint8_t sha256[SHA256_BYTES]; /* of the block */
    const void *data;             /* the block itself */
    size_t size_bytes;
    bool is_locked; /* its memory never goes to swap */
};

/*
 * Opens a set.
 *
 *   competition  its id; anything but an id is refused before it is made a path
 *   sha256       what the block must be, looked at before anything is read from it; NULL where the
 *                caller trusts the folder
 *
 * Errors   ERR_CONFIG  there is no such set, it is not sealed to this key, or is another one
 *          ERR_PEER    it was changed or cut
 *          ERR_LIMIT   a path is too long, the file too large
 *          ERR_SYSTEM
 * Owns     *file is owned by the caller
 */
MUST_CHECK bool label_file_open(struct label_file *file, const char *folder,
                                const char *competition, uint32_t version,
                                const struct scoreseal_key *key, const uint8_t *sha256,
                                struct err *err);
void label_file_close(struct label_file *file);

/* True where a set is there. */
bool label_file_exists(const char *folder, const char *competition, uint32_t version);

/* The public keys that a set is sealed to; returns how many, 0 where there is none. */
size_t label_file_recipients(uint8_t recipients[static SCORESEAL_RECIPIENTS_MAX][CRYPT_KEY_BYTES],
                             const char *folder, const char *competition, uint32_t version);

/*
 * Seals a block into `folder`, durably and for this user alone (0600, 0700), in place of what was
 * there.
 *
 * Errors   ERR_SYSTEM  it cannot be written
 *          ERR_LIMIT   a path is too long; the recipients are none or too many
 *          ERR_CONFIG  no id of a competition
 */
MUST_CHECK bool label_file_write(const char *folder, const char *competition, uint32_t version,
                                 const struct bytes *block,
                                 const uint8_t (*recipients)[CRYPT_KEY_BYTES], size_t n_recipients,
                                 struct err *err);

/*
 * Takes a set away again that was put there in vain; one that is not there is fine.
 *
 * Errors   ERR_CONFIG  no id of a competition
 *          ERR_LIMIT   a path is too long
 *          ERR_SYSTEM  it cannot be removed
 */
MUST_CHECK bool label_file_remove(const char *folder, const char *competition, uint32_t version,
                                  struct err *err);
