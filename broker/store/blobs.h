/* SPDX-License-Identifier: MIT */
/*
 * The folder in which submissions lie by their SHA-256 (schemas/blob.h). A blob is written under
 * FOLDER/incoming while it is hashed, synced, renamed to its name, and the folder synced: a name
 * that is there names whole, durable bytes. Blobs are never changed and never removed here.
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
 * its incoming folder.
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

/* Ends an upload; removes its bytes where it was not finished. */
void blobs_upload_close(struct blobs_upload **upload);
