/* SPDX-License-Identifier: MIT */
/*
 * The file that remembers what was signed: signed checkpoints behind one another, and a line
 * "lost ORIGIN" for a log that was given up. Only the last checkpoint of a name counts. It is
 * appended to and synced before a checkpoint leaves, so that a database that is put back from a
 * backup cannot make the broker sign a second history. It belongs in no backup.
 */
#pragma once

#include "common/err.h"
#include "schemas/note.h"

enum { SIGNED_TEXT_SIZE = 1024 };

struct signed_record {
    char origin[NOTE_ORIGIN_SIZE];
    struct checkpoint checkpoint;
    bool is_lost;                /* the name is not used again */
    size_t place;                /* in the file, when it was read from there */
    char text[SIGNED_TEXT_SIZE]; /* as it stands in the file */
};

struct signed_file {
    char *path; /* owned */
    int fd;
    size_t size_bytes;
    bool is_new;                   /* there was none */
    bool is_stale;                 /* a write failed: the next one makes the file anew */
    struct signed_record *records; /* owned, one a name */
    size_t n_records;
    size_t capacity;
};

/*
 * Reads the file, where there is one. A checkpoint of the last write that a power cut left torn,
 * cut off or with zeros in it, was never handed out: it is dropped.
 *
 *   key   that signs; its origin is not looked at
 *
 * Errors   ERR_STORE   it is damaged, or signed with another key
 *          ERR_SYSTEM  it cannot be read
 * Owns     *file is owned by the caller; end it with signed_close
 */
MUST_CHECK bool signed_open(struct signed_file *file, const char *path,
                            const struct note_public_key *key, struct err *err);
void signed_close(struct signed_file *file);

/* What was signed last under a name; NULL where nothing was. */
const struct signed_record *signed_find(const struct signed_file *file, const char *origin);

/*
 * Adds records, durably. The file is made where there is none, also without records.
 *
 * Errors   ERR_LIMIT   no room on the disk; nothing is kept
 *          ERR_SYSTEM  the same
 */
MUST_CHECK bool signed_add(struct signed_file *file, const struct signed_record *records,
                           size_t n_records, struct err *err);
