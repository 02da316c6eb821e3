/* SPDX-License-Identifier: MIT */
/*
 * The order of a board in memory: a team's rank, a page anywhere, and a better score.
 */
#include "broker/board/ranking.h"
#include "tests/load/load.h"

enum { QUESTIONS = 100000, PAGE_ROWS = 50 };

static int64_t cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static struct ranking_key key_of(uint64_t team)
{
    uint64_t mixed = team * UINT64_C(0x9e3779b97f4a7c15);

    return (struct ranking_key){.sort_key = (int64_t)(mixed >> 20),
                                .received_ms = (int64_t)(mixed & 0xffff),
                                .submission = (int64_t)team + 1,
                                .team = (int64_t)team + 1};
}

static void print_times(const char *what, int64_t *times_ns)
{
    printf("%-8s p50 %.2f us   p99 %.2f us of processor\n", what,
           1e-3 * (double)percentile(times_ns, QUESTIONS, 50),
           1e-3 * (double)percentile(times_ns, QUESTIONS, 99));
}

static size_t ask(const char *what, struct ranking *ranking, size_t n_teams, size_t n_rows)
{
    static int64_t times_ns[QUESTIONS];
    size_t sum = 0;

    for (size_t i = 0; i < QUESTIONS; i++) {
        struct ranking_key key = key_of(i * 7919 % n_teams);
        int64_t start_ns = cpu_ns();
        size_t place = ranking_place(ranking, &key);
        for (size_t row = 0; row < n_rows && place + row < n_teams; row++) {
            sum += (size_t)ranking_at(ranking, place + row)->team;
        }
        times_ns[i] = cpu_ns() - start_ns;
        sum += place;
    }
    print_times(what, times_ns);
    return sum;
}

static void improve(struct ranking *ranking, size_t n_teams)
{
    static int64_t times_ns[QUESTIONS];
    struct err err;

    for (size_t i = 0; i < QUESTIONS; i++) {
        struct ranking_key key = key_of(i * 7919 % n_teams);
        struct ranking_key better = key;
        better.sort_key /= 2;
        int64_t start_ns = cpu_ns();
        ranking_remove(ranking, &key);
        if (!ranking_insert(ranking, &better, &err)) {
            fixture_fail(err.text);
        }
        times_ns[i] = cpu_ns() - start_ns;
    }
    print_times("update", times_ns);
}

int load_ranks(size_t n_teams)
{
    struct ranking *ranking = NULL;
    struct err err;

    if (!ranking_open(&ranking, &err)) {
        fixture_fail(err.text);
    }
    int64_t start_ns = cpu_ns();
    for (size_t i = 0; i < n_teams; i++) {
        struct ranking_key key = key_of(i);
        if (!ranking_insert(ranking, &key, &err)) {
            fixture_fail(err.text);
        }
    }
    printf("%zu teams in %.0f ms\n", n_teams, 1e-6 * (double)(cpu_ns() - start_ns));
    size_t sum = ask("rank", ranking, n_teams, 0) + ask("page", ranking, n_teams, PAGE_ROWS);
    improve(ranking, n_teams);
    printf("sum %zu\n", sum);
    ranking_close(&ranking);
    return 0;
}
