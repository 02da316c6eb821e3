/* SPDX-License-Identifier: MIT */
/*
 * A queue that nobody works on: what the broker holds in memory, and what an accept costs it, as
 * the queue grows.
 */
#include "tests/load/load.h"

enum { N_TEAMS = 1000 };

static const size_t stops[] = {1000, 10000, 30000, 100000, 300000, 1000000};

/* The time of the first and of a repeated question for all numbers. */
static void ask_numbers(struct load *load, int64_t took_us[static 2])
{
    for (int i = 0; i < 2; i++) {
        int64_t start_us = now_us();
        struct wire_message numbers =
            fixture_ask(&load->fixture, (struct wire_message){.type = WIRE_STATS_GET,
                                                              .stats_get = {.kind = STATS_ALL}});
        took_us[i] = now_us() - start_us;
        if (numbers.type != WIRE_STATS) {
            fixture_fail("no numbers");
        }
    }
}

int load_queue(size_t n_submissions)
{
    static struct load load;
    const struct timespec pause = {.tv_sec = 1};
    size_t n_sent = 0;

    load_open(&load, N_TEAMS);
    printf("broker with %d teams: %" PRId64 " KiB\n", N_TEAMS, load_memory_kib(&load));
    for (size_t i = 0; i < ARRAY_SIZE(stops) && stops[i] <= n_submissions; i++) {
        int64_t took_us[2];
        int64_t cpu_us = load_cpu_us(&load);
        submit_range(&load, "accepts", n_sent, stops[i], 256);
        cpu_us = load_cpu_us(&load) - cpu_us;
        nanosleep(&pause, NULL);
        ask_numbers(&load, took_us);
        printf("%8zu queued: %" PRId64 " KiB, %.0f us of processor an accept, numbers in %" PRId64
               " us, again in %" PRId64 " us\n",
               stops[i], load_memory_kib(&load), (double)cpu_us / (double)(stops[i] - n_sent),
               took_us[0], took_us[1]);
        fflush(stdout);
        n_sent = stops[i];
    }
    load_close(&load);
    return 0;
}
