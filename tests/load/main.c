/* SPDX-License-Identifier: MIT */
/*
 * assay-load: what a real broker does under load, in a temporary folder.
 */
#include "tests/load/load.h"

static int usage(void)
{
    fputs(
        "usage: assay-load [accepts [SUBMISSIONS [WINDOW]]]  durable accepts, claims, results\n"
        "       assay-load queue [SUBMISSIONS]             memory as the queue grows\n"
        "       assay-load burst [SECONDS [RATE]]          100 times the rate in a second scoring\n"
        "       assay-load ranks [TEAMS]                   a board's order in memory\n"
        "       assay-load board TEAMS COMMAND...          ASSAY_URL for a command that measures\n",
        stderr);
    return 2;
}

static size_t number(int argc, char **argv, int at, size_t fallback, size_t max)
{
    size_t value = argc > at ? strtoul(argv[at], NULL, 10) : fallback;

    return value <= max ? value : 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "accepts";

    if (strcmp(what, "accepts") == 0) {
        size_t n_submissions = number(argc, argv, 2, 20000, 10000000);
        size_t window = number(argc, argv, 3, 256, WINDOW_MAX);
        return n_submissions > 0 && window > 0 ? load_accepts(n_submissions, window) : usage();
    }
    size_t n = number(argc, argv, 2, 0, 10000000);
    if (strcmp(what, "queue") == 0) {
        return load_queue(argc > 2 ? n : 1000000);
    }
    if (strcmp(what, "burst") == 0) {
        size_t per_second = number(argc, argv, 3, 15, 100);
        return per_second > 0 ? load_burst(argc > 2 && n > 0 ? n : 20, per_second) : usage();
    }
    if (strcmp(what, "ranks") == 0) {
        return load_ranks(argc > 2 && n > 0 ? n : 1000000);
    }
    if (strcmp(what, "board") == 0 && argc > 3 && n > 1) {
        return load_board(n, argv + 3);
    }
    return usage();
}
