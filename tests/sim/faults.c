/* SPDX-License-Identifier: MIT */
/*
 * The faults of a seed: which it has, when they strike, what they do.
 */
#include "tests/sim/inside.h"

#include "common/text.h"
#include "tests/sim/disk.h"

enum { HOUR_MS = 3600000, FAULTS_EACH_MAX = 8 };

void faults_draw(struct world *world)
{
    struct faults *faults = &world->faults;

    *faults = (struct faults){.delay_max_ms = (unsigned)world_below(world, 300)};
    if (world_chance(world, 600)) {
        faults->loss_per_mille = (unsigned)world_below(world, 200);
    }
    if (world_chance(world, 600)) {
        faults->duplicate_per_mille = (unsigned)world_below(world, 200);
    }
    for (size_t i = 0; i < FAULTS_N; i++) {
        faults->counts[i] =
            world_chance(world, 400) ? (unsigned)world_below(world, FAULTS_EACH_MAX) : 0;
    }
    if (world_chance(world, 300)) {
        faults->fail_per_mille = (unsigned)world_below(world, 400);
    }
    if (world_chance(world, 300)) {
        faults->poison_per_mille = (unsigned)world_below(world, 300);
    }
    for (unsigned i = 0; i < CLIENTS && world_chance(world, 500); i++) {
        world->clients[i].skew_ms = (int64_t)world_below(world, 4000) - 2000;
    }
    world->n_clients = 1 + (unsigned)world_below(world, CLIENTS);
    world->n_each = 1 + (unsigned)world_below(world, SUBMISSIONS_EACH);
    world->n_workers = 1 + (unsigned)world_below(world, WORKERS);
    world->checkpoint_pages = world_chance(world, 500) ? 4000 : 1 + (int)world_below(world, 100);
}

void faults_plan(struct world *world)
{
    for (size_t kind = 0; kind < FAULTS_N; kind++) {
        for (unsigned i = 0; i < world->faults.counts[kind]; i++) {
            int64_t at = (int64_t)world_below(world, STORM_MS);
            event_add(world, at, EVENT_FAULT, NULL, 0)->fault = (enum fault_kind)kind;
        }
    }
}

static void later(struct world *world, unsigned max_ms, enum fault_kind fault, unsigned node)
{
    struct event *event =
        event_add(world, (int64_t)world_below(world, max_ms), EVENT_FAULT, NULL, 0);

    event->fault = fault;
    event->node = node;
}

/* A node is cut off, both ways or only one. */
static void cut(struct world *world)
{
    unsigned place = (unsigned)world_below(world, CLIENTS + WORKERS);
    unsigned ways = 1 + (unsigned)world_below(world, 3);

    for (unsigned way = 0; way < 2; way++) {
        if ((ways & (1u << way)) != 0) {
            world->cut_until_ms[place][way] = world->now_ms + (int64_t)world_below(world, 10000);
        }
    }
}

static int64_t jump(struct world *world)
{
    return (int64_t)world_below(world, 2 * HOUR_MS) - HOUR_MS;
}

static void fill_disk(struct world *world, bool is_full)
{
    world->is_disk_full = is_full;
    disk_fill(is_full && world->is_fast);
}

void faults_strike(struct world *world, const struct event *event)
{
    unsigned worker = (unsigned)world_below(world, WORKERS);

    if (world->is_calm && event->fault < FAULTS_N) {
        return;
    }
    switch (event->fault) {
    case FAULT_BROKER:
        broker_kill(world, false);
        return;
    case FAULT_POWER:
        broker_kill(world, true);
        return;
    case FAULT_BROKER_PAUSE:
        world->broker_wake_ms = world->now_ms + (int64_t)world_below(world, 3 * LEASE_MS);
        return;
    case FAULT_WORKER:
        world->workers[worker] =
            (struct worker){.is_down = true, .request_id = world->workers[worker].request_id};
        later(world, 3000, FAULT_WORKER_UP, worker);
        return;
    case FAULT_PAUSE:
        world->workers[worker].wake_ms = world->now_ms + (int64_t)world_below(world, 4 * LEASE_MS);
        return;
    case FAULT_CUT:
        cut(world);
        return;
    case FAULT_CLOCK:
        world->wall_offset_ms += jump(world);
        return;
    case FAULT_SKEW:
        world->clients[world_below(world, CLIENTS)].skew_ms = jump(world);
        return;
    case FAULT_DISK:
        fill_disk(world, true);
        later(world, 5000, FAULT_DISK_END, 0);
        return;
    case FAULT_DISK_END:
        fill_disk(world, false);
        return;
    case FAULT_WORKER_UP:
        world->workers[event->node].is_down = false;
        return;
    case FAULT_BROKER_UP:
        broker_up(world);
        return;
    }
}
