/* SPDX-License-Identifier: MIT */
/*
 * A ranking, and the key of every team in it. See the header.
 */
#include "broker/board/board.h"

#include <stdlib.h>

#include "broker/board/number_map.h"

struct board {
    struct ranking *ranking;
    struct number_map keys; /* team -> its struct ranking_key, owned */
};

bool board_open(struct board **board, struct err *err)
{
    struct board *opened = calloc(1, sizeof(*opened));

    if (opened == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for a board");
    }
    if (!ranking_open(&opened->ranking, err)) {
        free(opened);
        return false;
    }
    *board = opened;
    return true;
}

void board_clear(struct board *board)
{
    for (size_t i = 0; i < board->keys.n_slots; i++) {
        free(board->keys.slots[i].value);
    }
    number_map_free(&board->keys);
    ranking_clear(board->ranking);
}

void board_close(struct board **board)
{
    if (*board != NULL) {
        board_clear(*board);
        ranking_close(&(*board)->ranking);
        free(*board);
        *board = NULL;
    }
}

bool board_put(struct board *board, const struct ranking_key *key, struct err *err)
{
    struct ranking_key *kept = number_map_get(&board->keys, key->team);

    if (kept != NULL) {
        struct ranking_key before = *kept;
        if (!ranking_insert(board->ranking, key, err)) {
            return false;
        }
        ranking_remove(board->ranking, &before);
        *kept = *key;
        return true;
    }
    kept = malloc(sizeof(*kept));
    if (kept == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for a team on a board");
    }
    *kept = *key;
    if (!ranking_insert(board->ranking, key, err)) {
        free(kept);
        return false;
    }
    if (!number_map_put(&board->keys, key->team, kept, err)) {
        ranking_remove(board->ranking, key);
        free(kept);
        return false;
    }
    return true;
}

bool board_copy(struct board *to, const struct board *from, struct err *err)
{
    board_clear(to);
    for (size_t i = 0; i < from->keys.n_slots; i++) {
        const struct ranking_key *key = from->keys.slots[i].value;
        if (key != NULL && !board_put(to, key, err)) {
            return false;
        }
    }
    return true;
}

size_t board_count(const struct board *board)
{
    return ranking_count(board->ranking);
}

size_t board_rank(const struct board *board, int64_t team)
{
    const struct ranking_key *key = number_map_get(&board->keys, team);

    return key == NULL ? 0 : ranking_place(board->ranking, key) + 1;
}

const struct ranking_key *board_at(const struct board *board, size_t place)
{
    return ranking_at(board->ranking, place);
}
