/* SPDX-License-Identifier: MIT */
/*
 * assay-sim [--seeds N] [--first SEED] [--trace]: runs seeds until one fails, prints the counts.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/crypt.h"
#include "common/log.h"
#include "tests/sim/sim.h"

struct options {
    uint64_t n_seeds;
    uint64_t first;
    bool is_tracing;
};

static bool read_options(struct options *options, int argc, char **argv)
{
    *options = (struct options){.n_seeds = 1000, .first = 1};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--trace") == 0) {
            options->is_tracing = true;
        } else if (i + 1 < argc && strcmp(argv[i], "--seeds") == 0) {
            options->n_seeds = strtoull(argv[++i], NULL, 10);
        } else if (i + 1 < argc && strcmp(argv[i], "--first") == 0) {
            options->first = strtoull(argv[++i], NULL, 10);
        } else {
            return false;
        }
    }
    return true;
}

static int run_seeds(const struct options *options, const char *path,
                     const struct client clients[CLIENTS])
{
    unsigned long long n_acks = 0;
    unsigned long long n_crashes = 0;
    unsigned long long n_events = 0;

    for (uint64_t i = 0; i < options->n_seeds; i++) {
        struct world *world = calloc(1, sizeof(*world));
        if (world == NULL) {
            return 1;
        }
        world->seed = options->first + i;
        world->is_tracing = options->is_tracing;
        bool ok = world_run(world, path, clients);
        n_acks += world->n_acks;
        n_crashes += world->n_crashes;
        n_events += world->n_events;
        if (!ok) {
            printf("seed %llu failed after %lld ms: %s\n", (unsigned long long)world->seed,
                   (long long)world->now_ms, world->failure);
            free(world);
            return 1;
        }
        free(world);
    }
    printf("seeds %llu from %llu, events %llu, broker kills %llu, acknowledged %llu: 0 lost, "
           "0 twice, 0 stuck\n",
           (unsigned long long)options->n_seeds, (unsigned long long)options->first, n_events,
           n_crashes, n_acks);
    return 0;
}

int main(int argc, char **argv)
{
    struct options options;
    static struct client clients[CLIENTS];
    char folder[] = "/dev/shm/assay-sim-XXXXXX";
    char path[PATH_BYTES];
    struct err err;

    if (!read_options(&options, argc, argv)) {
        fprintf(stderr, "usage: assay-sim [--seeds N] [--first SEED] [--trace]\n");
        return 2;
    }
    log_start("sim", options.is_tracing ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
    if (!crypt_start(&err) || mkdtemp(folder) == NULL) {
        fprintf(stderr, "assay-sim: no folder in /dev/shm\n");
        return 1;
    }
    snprintf(path, sizeof(path), "%s/db", folder);
    int code = 1;
    if (world_make_template(path, clients, &err)) {
        code = run_seeds(&options, path, clients);
    } else {
        fprintf(stderr, "assay-sim: %s\n", err.text);
    }
    unlink(path);
    snprintf(path, sizeof(path), "%s/db.lock", folder);
    unlink(path);
    snprintf(path, sizeof(path), "%s/db.signed", folder);
    unlink(path);
    rmdir(folder);
    return code;
}
