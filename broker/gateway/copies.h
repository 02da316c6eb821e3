/* SPDX-License-Identifier: MIT */
/*
 * What everybody reads — the list of competitions and the boards — in memory, as the broker sent
 * it, with each form of it (JSON, CSV, page) made once. Events mark a copy as old; the next reader
 * has it fetched, one fetch for all who wait. While the broker is away the last copy is served.
 *
 * Whoever comes with a token gets a copy of their own, which nobody else sees.
 */
#pragma once

#include "broker/gateway/content.h"
#include "broker/gateway/link.h"

enum copy_kind { COPY_COMPETITIONS, COPY_BOARD_PUBLIC, COPY_BOARD_PRIVATE };

enum copy_form { FORM_JSON, FORM_CSV, FORM_PAGE, FORM_N };

enum { COPY_PARTS = 16, COPY_PART_BYTES_MAX = 128 << 10 };

/* A part of a board as it was asked for lately. */
struct copy_part {
    enum copy_form form;
    size_t first;
    size_t limit;
    struct content *content; /* NULL: none */
};

struct copy {
    size_t n_holders;
    enum copy_kind kind;
    struct wire_buffer head; /* boards: the record of the competition */
    struct wire_buffer rows; /* records of competition_row or of board_row */
    uint32_t *row_offsets;   /* owned; of n_rows rows */
    size_t n_rows;
    uint64_t version;
    int64_t changed_ms;
    struct content *forms[FORM_N]; /* made by who first needs them; NULL before */
    struct copy_part parts[COPY_PARTS];
    size_t next_part; /* the one that is forgotten for the next */
};

struct copy *copy_hold(struct copy *copy);
void copy_release(struct copy **copy);

/* A part that was kept; NULL where it was not. Borrowed. */
struct content *copy_find_part(const struct copy *copy, enum copy_form form, size_t first,
                               size_t limit);

/* Keeps a part in the place of the oldest; one that is too large is not kept. */
void copy_keep_part(struct copy *copy, enum copy_form form, size_t first, size_t limit,
                    struct content *content);

/* The competition of a board. False where the broker sent something else. */
MUST_CHECK bool copy_competition(struct wire_competition_row *row, const struct copy *copy);

/* The rows from place `first` (0 is the top) on, for wire_next. */
struct wire_bytes copy_rows(const struct copy *copy, size_t first);

struct copies;

/*
 * Called once: with a copy (borrowed for the call), or with NULL and the broker's refusal, or with
 * NULL and NULL where it did not answer. Embedded in what waits.
 */
struct copies_waiter {
    void (*on_copy)(void *context, struct copy *copy, const struct wire_message *refusal);
    void *context;
    struct copies_waiter *next; /* of the copies' own */
};

/* Errors: ERR_SYSTEM (no memory). Owns: *copies is owned by the caller; link is borrowed. */
MUST_CHECK bool copies_open(struct copies **copies, struct link *link, int64_t refresh_ms,
                            int64_t patience_ms, struct err *err);
void copies_close(struct copies **copies);

/*
 * Gets a copy for the waiter, now or later.
 *
 *   token        the caller's, empty for the public
 *   competition  of a board; "" for the list
 *
 * Errors   ERR_LIMIT   the token is longer than any token
 *          ERR_SYSTEM  no memory
 */
MUST_CHECK bool copies_get(struct copies *copies, struct wire_bytes token, enum copy_kind kind,
                           const char *competition, struct copies_waiter *waiter, int64_t now_ms,
                           struct err *err);

/* The waiter is gone; one that does not wait is fine. */
void copies_forget(struct copies *copies, struct copies_waiter *waiter);

/* An event said that something of this competition changed. */
void copies_changed(struct copies *copies, const char *competition);
