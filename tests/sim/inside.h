/* SPDX-License-Identifier: MIT */
/*
 * What the files of the simulated world share: its events, its broker, its faults.
 */
#pragma once

#include "tests/sim/sim.h"

enum { LEASE_MS = 2000 };

static const int64_t START_WALL_MS = 1496275200000; /* 2017-06-01 */

enum event_kind { EVENT_TO_BROKER, EVENT_TO_NODE, EVENT_COMMIT, EVENT_TICK, EVENT_FAULT };

struct event {
    int64_t at_ms;
    uint64_t order;
    enum event_kind kind;
    uint64_t incarnation; /* of the broker; 0: any */
    enum node_kind node_kind;
    unsigned node;
    enum fault_kind fault;
    size_t size;
    unsigned char frame[];
};

/* ---- world.c ---- */

/* Adds an event; what is not set stays 0. Borrowed until it happens. */
struct event *event_add(struct world *world, int64_t delay_ms, enum event_kind kind,
                        const void *frame, size_t size);

/* Through the network: lost, doubled, delayed. */
void world_travel(struct world *world, enum event_kind event_kind, enum node_kind kind,
                  unsigned node, const void *frame, size_t size);

/* ---- faults.c ---- */

/* Swarm testing: every seed has some of the faults, at rates of its own. */
void faults_draw(struct world *world);
void faults_plan(struct world *world);
void faults_strike(struct world *world, const struct event *event);

/* ---- broker.c ---- */

struct moment {
    struct core_now now;
    uint8_t random[CORE_RANDOM_BYTES];
};

const struct core_now *world_now(struct world *world, struct moment *moment);
struct channel_peer world_peer(unsigned node);

void broker_start(struct world *world);
void broker_drop(struct world *world);
void broker_kill(struct world *world, bool is_power_lost);
void broker_up(struct world *world);
void broker_commit(struct world *world);
void broker_carry_out(struct world *world);
void broker_tick(struct world *world);
void broker_receive(struct world *world, enum core_side side, unsigned node, const void *frame,
                    size_t size);

/* Asks the broker and commits until it has answered; the answer borrows from the reply. */
bool broker_ask(struct world *world, const struct wire_message *message, struct wire_buffer *reply,
                struct wire_message *answer, struct err *err);

/* ---- template.c ---- */

void database_remove(const char *path);
