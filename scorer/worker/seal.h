/* SPDX-License-Identifier: MIT */
/*
 * Private scores, sealed for the workers alone: the broker stores the box and cannot open it. The
 * same scores of the same submission always give the same bytes, so that a re-score can be compared
 * without opening anything. A box opens only for the submission and versions it was made for.
 *
 * Box: 24 bytes of nonce, then XSalsa20-Poly1305 of: version, which values are there (1 private, 2
 * public; 32-bit each), the values' IEEE bits, the JSON text. The nonce is a keyed hash of the
 * subject and the contents: other contents never meet the same nonce.
 */
#pragma once

#include "common/crypt.h"
#include "common/file.h"

enum { SEAL_BOX_MAX = 1 << 20 }; /* what a RESULT can carry */

struct seal_key {
    uint8_t key[CRYPT_KEY_BYTES];
};

/* What a box belongs to. */
struct seal_subject {
    const void *submission; /* id, borrowed */
    size_t submission_size;
    uint32_t label_version;
    uint32_t rules_version;
};

struct seal_score {
    bool has_value;
    double value; /* the ranking metric, private */
    bool has_public_value;
    double public_value; /* the same, public and unrounded */
    const void *json;    /* borrowed */
    size_t json_size;
};

/*
 * Reads the key of `folder`, or makes one when there is none yet. Workers that start together end
 * up with the same key.
 *
 * Errors   ERR_SYSTEM  it cannot be read or made
 *          ERR_CONFIG  the file is not a key
 */
MUST_CHECK bool seal_key_open(struct seal_key *key, const char *folder, struct err *err);

/*
 * Makes a box.
 *
 * Errors   ERR_LIMIT   it would be larger than SEAL_BOX_MAX
 *          ERR_SYSTEM  no memory
 * Owns     *box is the caller's
 */
MUST_CHECK bool seal_close(struct bytes *box, const struct seal_key *key,
                           const struct seal_subject *subject, const struct seal_score *score,
                           struct err *err);

/*
 * Opens a box.
 *
 *   score   out, borrows from *plain
 *   plain   out, the caller's; wipe it before bytes_free
 *
 * Errors   ERR_PEER    changed, of another key, submission or version
 *          ERR_SYSTEM  no memory
 */
MUST_CHECK bool seal_open(struct seal_score *score, struct bytes *plain, const struct seal_key *key,
                          const struct seal_subject *subject, const void *box, size_t box_size,
                          struct err *err);
