/* SPDX-License-Identifier: MIT */
/*
 * One track of one competition's board in memory: every team's best submission, ranked. A copy of
 * the store's table `best`, made again at every start.
 */
#pragma once

#include "broker/board/ranking.h"

struct board;

/* Owns: *board is owned by the caller. Errors: ERR_SYSTEM (no memory). */
MUST_CHECK bool board_open(struct board **board, struct err *err);
void board_close(struct board **board);

/* Sets the best submission of key->team, in the place of what it had. Errors: ERR_SYSTEM. */
MUST_CHECK bool board_put(struct board *board, const struct ranking_key *key, struct err *err);

/* Takes every team off. */
void board_clear(struct board *board);

/* Makes `to` show what `from` shows. Errors: ERR_SYSTEM. */
MUST_CHECK bool board_copy(struct board *to, const struct board *from, struct err *err);

size_t board_count(const struct board *board);

/* The team's place from 1; 0 where it has none. */
size_t board_rank(const struct board *board, int64_t team);

/* What stands at a place (from 0, below board_count); borrowed until the next change. */
const struct ranking_key *board_at(const struct board *board, size_t place);
