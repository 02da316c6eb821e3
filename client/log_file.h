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
#include "schemas/tree.h"

enum { LOG_FILE_BYTES_MAX = 1 << 30 };

/* The labels that a log stands at. {0} before its first entry. */
struct log_labels {
    int64_t version;
    struct tree_hash root;
    int64_t n_rows;
};

/* A file that an entry names. */
struct log_file {
    char sha256[SHA256_HEX_SIZE];
    bool is_proof; /* of a correction, which is what follows */
    struct log_labels before;
    struct log_labels after;
    int64_t n_changes;
};

/*
 * Tells the file that an entry names, for the entries of a log in their order.
 *
 *   is_there  out, false where it names none
 *   labels    in and out
 *
 * Errors   ERR_INPUT  a correction that does not continue the labels before it
 */
MUST_CHECK bool log_file_of(struct log_file *file, bool *is_there, struct log_labels *labels,
                            const struct entry *entry, struct err *err);

/* Checks that a file is the one that its entry names, and a proof that it proves what the entry
 * says. Errors: ERR_INPUT, ERR_SYSTEM. */
MUST_CHECK bool log_file_check(const struct log_file *file, const struct bytes *data,
                               struct err *err);

/*
 * Fetches a file, which is to be checked.
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
