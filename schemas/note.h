/* SPDX-License-Identifier: MIT */
/*
 * Checkpoints of a log as C2SP signed notes, and the proof file that ties an entry to one:
 *
 *   checkpoint   ORIGIN LF  size LF  base64(root) LF  LF  "— " ORIGIN " " base64(key id | sig) LF
 *   proof file   "c2sp.org/tlog-proof@v1" LF  "index " n LF  base64(hash) LF …  LF  checkpoint
 *
 * The origin is HOST/COMPETITION. Signatures of other keys (witnesses) behind the log's own are
 * allowed and skipped.
 *
 * Source: C2SP signed-note, tlog-checkpoint, tlog-proof
 */
#pragma once

#include "common/crypt.h"
#include "schemas/tree.h"

enum {
    NOTE_ORIGIN_SIZE = 256,
    NOTE_SIZE = 4096,        /* a checkpoint with room for witnesses, with its NUL */
    NOTE_PROOF_SIZE = 16384, /* a proof file, with its NUL */
    NOTE_KEY_TEXT_SIZE = 512,
};

struct note_public_key {
    char origin[NOTE_ORIGIN_SIZE];
    uint8_t key[CRYPT_PUBLIC_KEY_BYTES];
};

struct checkpoint {
    uint64_t size;
    struct tree_hash root;
};

/* Writes the key as ORIGIN+hash+key, the form that Go's note package reads. */
void note_public_key_text(char text[static NOTE_KEY_TEXT_SIZE], const struct note_public_key *key);

/* Reads that form, LF at the end allowed. Errors: ERR_INPUT. */
MUST_CHECK bool note_public_key_read(struct note_public_key *key, const void *text, size_t size,
                                     struct err *err);

/* Signs a checkpoint; the note is NUL-terminated. */
void checkpoint_sign(char note[static NOTE_SIZE], const struct checkpoint *checkpoint,
                     const struct note_public_key *key,
                     const uint8_t secret_key[static CRYPT_SECRET_KEY_BYTES]);

/*
 * Reads a checkpoint and checks the log's signature.
 *
 * Errors   ERR_INPUT  another origin, no signature of this key, a wrong one, or not this form
 */
MUST_CHECK bool checkpoint_read(struct checkpoint *checkpoint, const struct note_public_key *key,
                                const void *note, size_t size, struct err *err);

/* Writes the proof file of the entry at `index`, NUL-terminated. */
void note_proof_write(char text[static NOTE_PROOF_SIZE], uint64_t index,
                      const struct tree_proof *proof, const char *checkpoint_note);

/*
 * Checks that `leaf` is in the log at `index`, by a proof file; the checkpoint is handed out.
 *
 * Errors   ERR_INPUT  as checkpoint_read and tree_check_leaf, or another index
 */
MUST_CHECK bool note_proof_check(struct checkpoint *checkpoint, const struct note_public_key *key,
                                 const struct tree_hash *leaf, uint64_t index, const void *text,
                                 size_t size, struct err *err);

/*
 * The name of the log that a checkpoint says it is of; nothing is checked.
 *
 * Errors   ERR_INPUT  it has no first line
 */
MUST_CHECK bool checkpoint_origin(char origin[static NOTE_ORIGIN_SIZE], const void *note,
                                  size_t size, struct err *err);

/* Where a proof file's checkpoint begins; `size`, where it has none. */
size_t note_proof_checkpoint(const void *text, size_t size);

/* Writes a proof of growth as base64 hashes, a line each, NUL-terminated. */
void note_growth_write(char text[static NOTE_PROOF_SIZE], const struct tree_proof *proof);

/* Reads what note_growth_write writes. Errors: ERR_INPUT. */
MUST_CHECK bool note_growth_read(struct tree_proof *proof, const void *text, size_t size,
                                 struct err *err);

/*
 * A step from one checkpoint to a later one, as C2SP tlog-witness puts it into an add-checkpoint
 * request: "old " size LF, base64(hash) LF …, LF, checkpoint.
 */
struct note_step {
    uint64_t old_size;
    struct tree_proof growth;
    const char *note; /* borrowed */
    size_t note_size; /* less than NOTE_SIZE */
};

enum { NOTE_STEP_SIZE = NOTE_PROOF_SIZE };

/* Writes a step, NUL-terminated. */
void note_step_write(char text[static NOTE_STEP_SIZE], const struct note_step *step);

/*
 * Takes a step off the front of steps that stand behind one another; nothing is checked but its
 * form.
 *
 *   at     in: where it begins; out: behind it
 *
 * Errors   ERR_INPUT
 */
MUST_CHECK bool note_step_take(struct note_step *step, const char **at, const char *end,
                               struct err *err);
