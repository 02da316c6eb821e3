/* SPDX-License-Identifier: MIT */
/* Boards and rankings against brute force; sort keys against the order of the doubles. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/board/board.h"
#include "common/macros.h"
#include "schemas/score.h"

static uint64_t random_state = 42;

static uint64_t next_random(uint64_t below)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (random_state >> 33) % below;
}

static void test_score_key_keeps_the_order(void **state)
{
    (void)state;
    static const double values[] = {-HUGE_VAL, -1e300, -2.0, -1.0, -1e-300, 0.0,
                                    1e-300,    0.1,    0.2,  1.0,  100.0,   1e300};
    for (size_t i = 1; i < ARRAY_SIZE(values); i++) {
        for (size_t j = 1; j < ARRAY_SIZE(values); j++) {
            assert_int_equal(score_key(values[i], false) < score_key(values[j], false), i < j);
            assert_int_equal(score_key(values[i], true) < score_key(values[j], true), i > j);
        }
        assert_true(score_of_key(score_key(values[i], true), true) == values[i]);
        assert_true(score_of_key(score_key(values[i], false), false) == values[i]);
    }
    assert_true(score_key(-0.0, true) == score_key(0.0, true));
}

static void test_score_text(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double value;
        int decimals;
        const char *expected;
    } cases[] = {
        {"rounded", 0.5045806987249628, 5, "0.50458"},
        {"filled", 0.25, 5, "0.25000"},
        {"no sign of zero", -0.000001, 5, "0.00000"},
        {"negative", -1.5, 1, "-1.5"},
        {"no decimals", 0.6, 0, "1"},
        {"huge", 1e300, 2, "1.00e+300"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[SCORE_TEXT_SIZE];
        score_text(text, cases[i].value, cases[i].decimals);
        assert_string_equal(text, cases[i].expected);
    }
}

enum { N_TEAMS = 3000, N_STEPS = 12000 };

static struct ranking_key best[N_TEAMS];
static bool is_on_board[N_TEAMS];

/* Places by counting, for every team. */
static size_t brute_rank(size_t team)
{
    size_t rank = 1;

    for (size_t i = 0; i < N_TEAMS; i++) {
        rank += is_on_board[i] && ranking_is_before(&best[i], &best[team]);
    }
    return rank;
}

static void check_board(const struct board *board, size_t n_on_board)
{
    assert_int_equal(board_count(board), n_on_board);
    for (size_t place = 0; place < n_on_board; place++) {
        const struct ranking_key *key = board_at(board, place);
        assert_memory_equal(key, &best[key->team], sizeof(*key));
        assert_int_equal(board_rank(board, key->team), place + 1);
        if (place > 0) {
            struct ranking_key before = *board_at(board, place - 1);
            assert_true(ranking_is_before(&before, key));
        }
    }
}

static void test_board_against_brute_force(void **state)
{
    (void)state;
    struct board *board = NULL;
    struct board *copy = NULL;
    size_t n_on_board = 0;
    struct err err;

    assert_true(board_open(&board, &err));
    assert_true(board_open(&copy, &err));
    assert_int_equal(board_rank(board, 1), 0);
    for (int64_t step = 0; step < N_STEPS; step++) {
        size_t team = next_random(N_TEAMS);
        /* few distinct scores and times, so that ties are common */
        best[team] = (struct ranking_key){.sort_key = (int64_t)next_random(50) - 25,
                                          .received_ms = (int64_t)next_random(20),
                                          .submission = step,
                                          .team = (int64_t)team};
        n_on_board += !is_on_board[team];
        is_on_board[team] = true;
        assert_true(board_put(board, &best[team], &err));
        if (step % 100 == 0) {
            assert_int_equal(board_rank(board, (int64_t)team), brute_rank(team));
        }
    }
    check_board(board, n_on_board);
    assert_true(board_copy(copy, board, &err));
    check_board(copy, n_on_board);
    board_clear(board);
    assert_int_equal(board_count(board), 0);
    check_board(copy, n_on_board);
    board_close(&copy);
    board_close(&board);
}

static void test_ranking_empties_and_fills_again(void **state)
{
    (void)state;
    struct ranking *ranking = NULL;
    struct err err;

    assert_true(ranking_open(&ranking, &err));
    for (int round = 0; round < 2; round++) {
        for (int64_t i = 0; i < 2000; i++) {
            struct ranking_key key = {.sort_key = i * 7919 % 2000, .team = i};
            assert_true(ranking_insert(ranking, &key, &err));
        }
        for (int64_t i = 0; i < 2000; i++) {
            struct ranking_key key = {.sort_key = i * 7919 % 2000, .team = i};
            struct ranking_key absent = {.sort_key = key.sort_key, .team = -1};
            ranking_remove(ranking, &absent);
            ranking_remove(ranking, &key);
            assert_int_equal(ranking_count(ranking), 1999 - i);
        }
    }
    ranking_close(&ranking);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_score_key_keeps_the_order),
        cmocka_unit_test(test_score_text),
        cmocka_unit_test(test_board_against_brute_force),
        cmocka_unit_test(test_ranking_empties_and_fills_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
