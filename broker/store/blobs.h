/* SPDX-License-Identifier: MIT */
/*
 * The folder in which submissions lie by their SHA-256 (schemas/blob.h). A blob is written under
 * FOLDER/incoming while it is hashed, synced, renamed to its name, and the folder synced: a name
 * that is there names whole, durable bytes. Blobs are never changed, and removed only where they
 * belong to nothing and are old. What came of a promised blob stays until the rest follows.
 *
 * Several processes may use one folder: each holds a lock on the files it is still writing.
 */
#pragma once

#include "common/err.h"
#include "common/sha256.h"

#include <stddef.h>

struct blobs;        /* the folder */
struct blobs_upload; /* one blob that is arriving */

/*
 * Opens a blob folder; makes it where it is missing, and removes what a crashed process left in
 * its incoming folder, except parts.
 *
 * Errors   ERR_STORE  a folder cannot be made or read
 * Owns     *blobs is owned by the caller; end it with blobs_close, after its uploads
 */
MUST_CHECK bool blobs_open(struct blobs **blobs, const char *folder, struct err *err);
void blobs_close(struct blobs **blobs);

/* Bytes that may still be written to the folder's file system. Errors: ERR_STORE. */
MUST_CHECK bool blobs_free_bytes(uint64_t *free_bytes, const struct blobs *blobs, struct err *err);

/*
 * Starts a blob; blobs_upload_add takes its bytes in order.
 *
 * Errors   ERR_STORE   the folder or the disk refused; the upload can only be closed then
 *          ERR_SYSTEM  no memory
 * Owns     *upload is owned by the caller; end it with blobs_upload_close
 */
MUST_CHECK bool blobs_upload_open(struct blobs_upload **upload, struct blobs *blobs,
                                  struct err *err);
MUST_CHECK bool blobs_upload_add(struct blobs_upload *upload, const void *data, size_t size,
                                 struct err *err);

enum { BLOBS_PART_ID_BYTES = 16 };

enum blobs_part { BLOBS_PART_OPENED, BLOBS_PART_IN_USE, BLOBS_PART_FAILED };

/*
 * Opens the part of a blob that has come so far, to add to its end; an empty one where nothing
 * has. It stays when it is closed unfinished. Where it is not empty, blobs_upload_rehash must be
 * called before anything is added.
 *
 *   is_new   drop what has come
 *
 * Returns  BLOBS_PART_IN_USE  another upload adds to it; BLOBS_PART_FAILED with an error
 * Errors   as blobs_upload_open
 * Owns     as blobs_upload_open
 */
MUST_CHECK enum blobs_part blobs_part_open(struct blobs_upload **upload, struct blobs *blobs,
                                           const uint8_t id[static BLOBS_PART_ID_BYTES],
                                           bool is_new, struct err *err);

/* Bytes of a part that have come; 0 without one. */
uint64_t blobs_part_bytes(const struct blobs *blobs, const uint8_t id[static BLOBS_PART_ID_BYTES]);

/* Removes parts that nobody adds to, and that nothing was added to for so long. */
void blobs_sweep_parts(const struct blobs *blobs, int64_t older_than_s);

/* Reads what a part holds, so that its hash can go on. Errors: ERR_STORE. */
MUST_CHECK bool blobs_upload_rehash(struct blobs_upload *upload, struct err *err);

uint64_t blobs_upload_bytes(const struct blobs_upload *upload);

/*
 * Makes the blob durable under its name. One that has this name already is replaced by the same
 * bytes.
 *
 *   sha256   out, of all bytes added
 *
 * Errors   ERR_STORE
 */
MUST_CHECK bool blobs_upload_finish(uint8_t sha256[static SHA256_BYTES],
                                    struct blobs_upload *upload, struct err *err);

/* As blobs_upload_finish, if the hash is `expected`; else its bytes go, and *is_other is true. */
MUST_CHECK bool blobs_upload_finish_as(bool *is_other, const uint8_t expected[static SHA256_BYTES],
                                       struct blobs_upload *upload, struct err *err);

/* Ends an upload; removes its bytes where it was not finished and is no part. */
void blobs_upload_close(struct blobs_upload **upload);

/* ---- blobs that belong to nothing ---- */

enum { BLOBS_SHELVES = 256 };

/*
 * Lists the blobs on a shelf that are older than so many seconds: SHA-256 after SHA-256.
 *
 *   hashes   out, owned by the caller; free() it
 *
 * Errors   ERR_STORE, ERR_SYSTEM
 */
MUST_CHECK bool blobs_list(uint8_t **hashes, size_t *n_hashes, const struct blobs *blobs,
                           unsigned shelf, int64_t older_than_s, struct err *err);

/*
 * Removes a blob if it is still older than so many seconds: one that was written again meanwhile
 * stays. *is_removed tells. Errors: ERR_STORE.
 */
MUST_CHECK bool blobs_remove(bool *is_removed, const struct blobs *blobs,
                             const uint8_t sha256[static SHA256_BYTES], int64_t older_than_s,
                             struct err *err);
