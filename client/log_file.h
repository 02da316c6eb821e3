/* SPDX-License-Identifier: MIT */
/*
 * Files that entries of a log name by their SHA-256: fetched from the service, or put there by the
 * organizer, a piece at a time.
 */
#pragma once

#include "client/service.h"
#include "common/file.h"
#include "common/sha256.h"
#include "schemas/entry.h"

enum { LOG_FILE_BYTES_MAX = 1 << 30 };

/* The hash of the file that an entry names, NULL where it names none; borrowed from the entry. */
const char *log_file_of(const struct entry *entry);

/*
 * Fetches a file and checks that it has its hash.
 *
 *   sha256  64 hexadecimal digits
 *
 * Returns the exit code; what is wrong is said. Owns: *data is the caller's.
 */
MUST_CHECK int log_file_get(struct bytes *data, struct service *service, const char *competition,
                            const char *sha256);

/* Puts a file; its hash is handed out. Returns the exit code. */
MUST_CHECK int log_file_put(char sha256[static SHA256_HEX_SIZE], struct service *service,
                            const char *competition, const struct bytes *data);
