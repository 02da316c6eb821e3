/* SPDX-License-Identifier: MIT */
/*
 * assay-sim [--seeds N] [--first SEED] [--seconds S] [--jobs J] [--trace]: runs seeds in J
 * processes until one fails or the time is over, prints the counts.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/crypt.h"
#include "common/log.h"
#include "tests/sim/disk.h"
#include "tests/sim/inside.h"

enum { JOBS_MAX = 64 };

struct options {
    uint64_t n_seeds;
    uint64_t first;
    uint64_t n_seconds; /* 0: without an end */
    uint64_t n_jobs;
    bool is_tracing;
};

struct counts {
    uint64_t n_seeds;
    uint64_t n_full; /* seeds on real files */
    uint64_t n_acks;
    uint64_t n_crashes;
    uint64_t n_events;
};

static bool read_options(struct options *options, int argc, char **argv)
{
    *options = (struct options){.n_seeds = 1000, .first = 1, .n_jobs = 1};
    const struct {
        const char *name;
        uint64_t *value;
    } numbers[] = {{"--seeds", &options->n_seeds},
                   {"--first", &options->first},
                   {"--seconds", &options->n_seconds},
                   {"--jobs", &options->n_jobs}};

    for (int i = 1; i < argc; i++) {
        bool is_known = strcmp(argv[i], "--trace") == 0;
        options->is_tracing |= is_known;
        for (size_t j = 0; j < sizeof(numbers) / sizeof(numbers[0]) && !is_known; j++) {
            is_known = i + 1 < argc && strcmp(argv[i], numbers[j].name) == 0;
            if (is_known) {
                *numbers[j].value = strtoull(argv[++i], NULL, 10);
            }
        }
        if (!is_known) {
            return false;
        }
    }
    return options->n_jobs >= 1 && options->n_jobs <= JOBS_MAX;
}

static bool run_seed(const struct options *options, uint64_t seed, const struct start *start,
                     struct counts *counts)
{
    struct world *world = calloc(1, sizeof(*world));

    if (world == NULL) {
        return false;
    }
    world->seed = seed;
    world->is_tracing = options->is_tracing;
    bool ok = world_run(world, start);
    counts->n_seeds++;
    counts->n_full += !world->is_fast;
    counts->n_acks += world->n_acks;
    counts->n_crashes += world->n_crashes;
    counts->n_events += world->n_events;
    if (!ok) {
        printf("seed %llu failed after %lld ms: %s\n", (unsigned long long)seed,
               (long long)world->now_ms, world->failure);
    }
    free(world);
    return ok;
}

/* One process: every n_jobs-th seed. */
static int run_seeds(const struct options *options, uint64_t job, const char *folder,
                     struct counts *counts)
{
    static struct start start;
    time_t end = time(NULL) + (time_t)options->n_seconds;
    struct err err;
    bool ok = true;

    snprintf(start.paths[false], PATH_BYTES, "%s/files.%u", folder, (unsigned)job);
    snprintf(start.paths[true], PATH_BYTES, "%s/memory.%u", folder, (unsigned)job);
    if (!template_make(&start, &err)) {
        fprintf(stderr, "assay-sim: %s\n", err.text);
        ok = false;
    }
    for (uint64_t i = job; i < options->n_seeds && ok; i += options->n_jobs) {
        if (options->n_seconds > 0 && time(NULL) >= end) {
            break;
        }
        ok = run_seed(options, options->first + i, &start, counts);
    }
    database_remove(start.paths[false]);
    database_remove(start.paths[true]);
    return ok ? 0 : 1;
}

/* The first process that fails ends the others; the exit code of all. */
static int wait_for_all(const pid_t *pids, uint64_t n_jobs)
{
    int code = 0;

    for (uint64_t i = 0; i < n_jobs; i++) {
        int status;
        if (waitpid(-1, &status, 0) < 0 || WIFEXITED(status) == 0 || WEXITSTATUS(status) != 0) {
            code = 1;
            for (uint64_t j = 0; j < n_jobs; j++) {
                kill(pids[j], SIGTERM);
            }
        }
    }
    return code;
}

static int run_jobs(const struct options *options, const char *folder, struct counts *counts)
{
    pid_t pids[JOBS_MAX];

    if (options->n_jobs == 1) {
        return run_seeds(options, 0, folder, counts);
    }
    for (uint64_t job = 0; job < options->n_jobs; job++) {
        pids[job] = fork();
        if (pids[job] == 0) {
            int code = run_seeds(options, job, folder, &counts[job]);
            fflush(NULL);
            _exit(code);
        }
    }
    return wait_for_all(pids, options->n_jobs);
}

static void print_counts(const struct options *options, const struct counts *counts)
{
    struct counts sum = {0};

    for (uint64_t job = 0; job < options->n_jobs; job++) {
        sum.n_seeds += counts[job].n_seeds;
        sum.n_full += counts[job].n_full;
        sum.n_acks += counts[job].n_acks;
        sum.n_crashes += counts[job].n_crashes;
        sum.n_events += counts[job].n_events;
    }
    printf("seeds %llu from %llu (%llu on real files), events %llu, broker crashes %llu, "
           "acknowledged %llu: 0 lost, 0 twice, 0 stuck\n",
           (unsigned long long)sum.n_seeds, (unsigned long long)options->first,
           (unsigned long long)sum.n_full, (unsigned long long)sum.n_events,
           (unsigned long long)sum.n_crashes, (unsigned long long)sum.n_acks);
}

int main(int argc, char **argv)
{
    struct options options;
    char folder[] = "/dev/shm/assay-sim-XXXXXX";
    struct err err;

    if (!read_options(&options, argc, argv)) {
        fprintf(stderr, "usage: assay-sim [--seeds N] [--first SEED] [--seconds S] [--jobs J] "
                        "[--trace]\n");
        return 2;
    }
    log_start("sim", options.is_tracing ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
    struct counts *counts = mmap(NULL, JOBS_MAX * sizeof(*counts), PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (counts == MAP_FAILED || !crypt_start(&err) || !disk_start() || mkdtemp(folder) == NULL) {
        fprintf(stderr, "assay-sim: no folder in /dev/shm\n");
        return 1;
    }
    int code = run_jobs(&options, folder, counts);
    if (code == 0) {
        print_counts(&options, counts);
    }
    rmdir(folder);
    return code;
}
