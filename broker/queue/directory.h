/* SPDX-License-Identifier: MIT */
/*
 * What the broker keeps in memory of its store: competitions, teams, tokens and boards; nothing
 * that grows with the submissions. Loaded at the start, then kept up with what was committed.
 */
#pragma once

#include "broker/board/board.h"
#include "broker/board/number_map.h"
#include "broker/store/store.h"
#include "common/err.h"
#include "schemas/competition.h"

#include <stddef.h>
#include <stdint.h>

enum { DIRECTORY_TRACKS_N = STORE_FROZEN + 1 };

struct contest {
    int64_t number;
    struct competition rules;
    bool is_higher_better;
    enum wire_board_state board_state;
    int64_t board_version;
    int64_t board_changed_ms;
    int64_t n_submissions;
    uint32_t n_teams;
    int64_t open_run;                         /* a re-score that is not planned to its end; or 0 */
    bool is_planning;                         /* its next page is under way */
    int64_t label_version;                    /* that the boards show */
    bool is_reloading;                        /* the public board is being read anew */
    bool is_closed;                           /* its log has come to its closing time */
    bool is_closing;                          /* that entry is under way */
    struct board *boards[DIRECTORY_TRACKS_N]; /* owned */
};

struct team {
    int64_t number;
    struct contest *contest; /* borrowed */
    char *name;              /* owned */
    char *members;           /* owned */
    int64_t n_submissions;
    int64_t last_ms;
    uint8_t best[DIRECTORY_TRACKS_N][STORE_ID_BYTES]; /* the submission behind each board's row */
};

struct account {
    uint8_t hash[TOKEN_HASH_BYTES];
    enum store_scope scope;
    struct team *team;  /* borrowed; NULL for an organizer */
    int64_t expires_ms; /* INT64_MAX: never */
    bool is_revoked;
};

struct directory {
    struct contest **contests; /* owned, in the order of their numbers */
    size_t n_contests;
    size_t contests_capacity;
    struct number_map by_number; /* contests, borrowed */
    struct number_map teams;     /* struct team, owned */
    struct number_map accounts;  /* struct account, owned */
};

/* {0} … directory_free */
void directory_free(struct directory *directory);

/* Fills the directory from the store. Errors: ERR_STORE, ERR_SYSTEM. */
MUST_CHECK bool directory_load(struct directory *directory, struct store *store, struct err *err);

/*
 * Adds what was committed.
 *
 * Errors   ERR_STORE   the YAML does not load
 *          ERR_SYSTEM  no memory
 */
MUST_CHECK bool directory_add_contest(struct directory *directory,
                                      const struct store_competition_row *row, struct err *err);
MUST_CHECK bool directory_add_team(struct directory *directory, const struct store_team_row *row,
                                   struct err *err);
MUST_CHECK bool directory_add_token(struct directory *directory, const struct store_token_row *row,
                                    struct err *err);

/* Tokens of this team are good no more. */
void directory_revoke(struct directory *directory, const struct team *team);

/* NULL where there is none. */
struct contest *directory_contest(const struct directory *directory, struct wire_bytes id);
struct contest *directory_contest_numbered(const struct directory *directory, int64_t number);
struct team *directory_team(const struct directory *directory, int64_t number);

/* The account of a token, NULL where it is unknown, revoked or expired, or its secret is wrong. */
const struct account *directory_account(const struct directory *directory, struct wire_bytes token,
                                        const uint8_t pepper[static CRYPT_KEY_BYTES],
                                        int64_t now_ms);

/* Puts a team's best submission on a board. Errors: ERR_SYSTEM. */
MUST_CHECK bool directory_rank(struct directory *directory, struct contest *contest,
                               enum store_track track, const struct store_best *best,
                               struct err *err);

/* Takes every team off a board. */
void directory_clear(struct contest *contest, enum store_track track);

/* Makes the frozen board what the public one is now. Errors: ERR_SYSTEM. */
MUST_CHECK bool directory_freeze(struct directory *directory, struct contest *contest,
                                 struct err *err);
