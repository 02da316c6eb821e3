/* SPDX-License-Identifier: MIT */
/*
 * Every competition's log as a Merkle tree in memory (64 bytes an entry), and what was signed of
 * it. The entries themselves are in the store; they come here after their commit and at the start.
 *
 * Order decides: what is signed must be durable, and what was signed must never be forgotten. So a
 * checkpoint is made after the commit, and written to a file of its own, synced, before anything
 * with it leaves. At the start that file is held against the entries: where they are fewer than
 * were signed, or others, the database is an older one or was changed, and signing on would give a
 * log two histories.
 *
 * A log's name (its origin) is HOST/COMPETITION and stands in its key entry. Where entries were
 * lost and the operator says to go on, a void entry tells of it and gives the log its next name,
 * HOST/COMPETITION/2, so that no name ever has two histories.
 */
#pragma once

#include "broker/ledger/ledger.h"
#include "schemas/wire.h"

struct logs;

enum { LOGS_HOST_MAX = 63 };

struct logs_settings {
    const char *host;               /* borrowed for logs_open */
    const char *signed_path;        /* as host */
    const struct ledger_keys *keys; /* borrowed as long as the logs live */
};

/* An entry that was committed. */
struct logs_entry {
    int64_t competition; /* number; a log begins with its index 0 */
    const char *id;      /* of the competition; borrowed for the call */
    int64_t index;
    enum entry_kind kind;
    uint8_t leaf[ENTRY_LEAF_BYTES];
    char origin[NOTE_ORIGIN_SIZE]; /* of a key or void entry: the log's name from here on */
};

/* What the signed file says of a log that does not fit it. */
struct logs_loss {
    int64_t competition; /* 0: of a log that is not there at all */
    const char *reason;  /* "lost", "changed", "no record" */
    char origin[NOTE_ORIGIN_SIZE];
    struct checkpoint checkpoint; /* the last one that was signed */
    uint64_t size;                /* entries that are there */
};

/*
 * Reads what was signed.
 *
 * Errors   ERR_CONFIG  the host is no name
 *          ERR_STORE   the file is damaged, or its signatures are not of this key
 *          ERR_SYSTEM
 * Owns     *logs is owned by the caller; end it with logs_close
 */
MUST_CHECK bool logs_open(struct logs **logs, const struct logs_settings *settings,
                          struct err *err);
void logs_close(struct logs **logs);

/* Adds an entry at the end of its log. Errors: ERR_STORE (not the next index), ERR_SYSTEM. */
MUST_CHECK bool logs_append(struct logs *logs, const struct logs_entry *entry, struct err *err);

/* The origin that a competition's new log gets: one that nothing was signed under. */
void logs_new_origin(char origin[static NOTE_ORIGIN_SIZE], const struct logs *logs,
                     const char *competition);

/*
 * Finds the next log, from *place on, that is not what was signed of it; false when the rest is
 * right. Begin with 0, when every entry is there.
 */
bool logs_find_loss(struct logs_loss *loss, size_t *place, const struct logs *logs);

/* A log's next name, for a void entry. */
void logs_next_origin(char origin[static NOTE_ORIGIN_SIZE], const struct logs *logs,
                      int64_t competition);

/* Notes that a whole log is lost: its name is never used again. Errors: ERR_SYSTEM. */
MUST_CHECK bool logs_give_up(struct logs *logs, const char *origin, struct err *err);

/*
 * Signs every log that has grown, one checkpoint each, and makes it durable that it was signed.
 *
 * Errors   ERR_LIMIT   no room on the disk: nothing was signed
 *          ERR_SYSTEM  the same
 */
MUST_CHECK bool logs_sign(struct logs *logs, struct err *err);

/* ---- what is handed out; it is of the last checkpoint ---- */

/* True for a log that has come to its closing time. */
bool logs_is_closed(const struct logs *logs, int64_t competition);

/* Entries that are signed; 0 where there is no log. */
uint64_t logs_size(const struct logs *logs, int64_t competition);

/* The checkpoint, a signed note. Errors: ERR_INPUT (no log, or none signed), ERR_SYSTEM. */
MUST_CHECK bool logs_checkpoint(struct wire_buffer *text, const struct logs *logs,
                                int64_t competition, struct err *err);

/* The key of its checkpoints, with LF. Errors: as logs_checkpoint. */
MUST_CHECK bool logs_key(struct wire_buffer *text, const struct logs *logs, int64_t competition,
                         struct err *err);

/* The tlog-proof file of an entry. Errors: ERR_INPUT (it is not signed), ERR_SYSTEM. */
MUST_CHECK bool logs_prove(struct wire_buffer *text, const struct logs *logs, int64_t competition,
                           uint64_t index, struct err *err);

/* That a log of size `from` is the beginning of the one of size `to`: base64 hashes, a line each.
 * Errors: ERR_INPUT (not 0 <= from <= to <= size), ERR_SYSTEM. */
MUST_CHECK bool logs_prove_growth(struct wire_buffer *text, const struct logs *logs,
                                  int64_t competition, uint64_t from, uint64_t to, struct err *err);

/* A tile of up to 256 hashes: tile `index` of level `level`, in units of 8 levels of the tree.
 * Errors: ERR_INPUT (there is none of that width), ERR_SYSTEM. */
MUST_CHECK bool logs_tile(struct wire_buffer *tile, const struct logs *logs, int64_t competition,
                          uint64_t level, uint64_t index, uint64_t width, struct err *err);
