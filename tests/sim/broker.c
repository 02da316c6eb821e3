/* SPDX-License-Identifier: MIT */
/*
 * The broker of the simulated world: the real core and the real store. This driver carries out the
 * core's effects as the real loop does: calls wait for a commit, a crash drops what was not
 * committed, or the answer of what was.
 */
#include "tests/sim/inside.h"

#include <stdio.h>
#include <string.h>

#include "tests/sim/disk.h"

enum { PROMISE_MS = 6 * 3600000, DOWN_MS = 2000, RETRY_MS = 500 };

const struct core_now *world_now(struct world *world, struct moment *moment)
{
    world_bytes(world, moment->random, sizeof(moment->random));
    moment->now =
        (struct core_now){.wall_ms = START_WALL_MS + world->wall_offset_ms + world->now_ms,
                          .boot_ms = world->now_ms,
                          .random = moment->random};
    return &moment->now;
}

struct channel_peer world_peer(unsigned node)
{
    return (struct channel_peer){.size = 1, .id = {(uint8_t)node}};
}

/* A lease is granted once: the same job with the same fence never goes out twice. */
static void note_grant(struct world *world, int64_t job, int64_t fence)
{
    for (size_t i = 0; i < world->n_grants; i++) {
        if (world->grants[i].job == job && world->grants[i].fence == fence) {
            world_fail(world, "job %lld was granted twice with fence %lld", (long long)job,
                       (long long)fence);
        }
    }
    if (world->n_grants < GRANTS_MAX) {
        world->grants[world->n_grants++] = (struct grant){job, fence};
    }
}

void broker_carry_out(struct world *world)
{
    size_t n;
    const struct core_effect *effects = core_effects(world->core, &n);

    for (size_t i = 0; i < n; i++) {
        const struct core_effect *effect = &effects[i];
        if (effect->kind == EFFECT_SEND) {
            enum node_kind kind = effect->side == CORE_GATEWAYS ? NODE_CLIENT : NODE_WORKER;
            if (effect->job != 0) {
                note_grant(world, effect->job, effect->fence);
            }
            world_travel(world, EVENT_TO_NODE, kind, effect->peer.id[0], effect->frame.data,
                         effect->frame.size);
        } else if (effect->kind == EFFECT_STORE) {
            world->queued[world->n_queued++] = effect->call;
        } else if (effect->kind == EFFECT_WARN && world->is_tracing) {
            printf("%8lld broker: %s\n", (long long)world->now_ms,
                   (const char *)effect->frame.data);
        }
    }
    core_effects_clear(world->core);
    if (world->n_queued > 0 && !world->is_commit_due) {
        struct event *event =
            event_add(world, 1 + (int64_t)world_below(world, 20), EVENT_COMMIT, NULL, 0);
        event->incarnation = world->incarnation;
        world->is_commit_due = true;
    }
}

static bool open_broker(struct world *world, struct err *err)
{
    const struct core_settings settings = {.host = "sim",
                                           .lease_ms = LEASE_MS,
                                           .pending_max = 2000,
                                           .promise_ms = PROMISE_MS,
                                           .rescore_percent = 5};
    char signed_path[PATH_BYTES + 8];
    const struct store_settings store_settings = {
        .path = world->path,
        .logs = {.host = "sim", .signed_path = signed_path, .keys = &world->keys},
        .lease_ms = LEASE_MS};
    struct moment start;
    const struct core_now *now = world_now(world, &start);

    snprintf(signed_path, sizeof(signed_path), "%s.signed", world->path);
    return store_open(&world->store, &store_settings, now->wall_ms, now->boot_ms, err) &&
           core_open(&world->core, &settings, &world->keys, world->store, err);
}

void broker_start(struct world *world)
{
    struct err err;

    world->incarnation++;
    world->n_queued = 0;
    world->is_commit_due = false;
    if (open_broker(world, &err)) {
        disk_checkpoint_at(world->checkpoint_pages);
        return;
    }
    broker_drop(world);
    if (world->is_disk_full) { /* whoever supervises it starts it again */
        event_add(world, RETRY_MS, EVENT_FAULT, NULL, 0)->fault = FAULT_BROKER_UP;
    } else {
        world_fail(world, "the broker does not start: %s", err.text);
    }
}

/* The calls that wait die with the process; the core gets them back to end them. */
void broker_drop(struct world *world)
{
    struct moment end;

    while (world->n_queued > 0 && world->core != NULL) {
        struct store_call *call = world->queued[--world->n_queued];
        size_t n;
        store_call_fail(call, STORE_FAILED);
        core_stored(world->core, call, world_now(world, &end));
        const struct core_effect *effects = core_effects(world->core, &n);
        for (size_t i = 0; i < n; i++) {
            if (effects[i].kind == EFFECT_STORE) {
                world->queued[world->n_queued++] = effects[i].call;
            }
        }
        core_effects_clear(world->core);
    }
    core_close(&world->core);
    store_close(&world->store);
}

static bool is_kept(void *world)
{
    return world_chance(world, 500);
}

void broker_kill(struct world *world, bool is_power_lost)
{
    if (world->core == NULL) {
        return;
    }
    world->n_crashes++;
    if (world->n_queued > 0 && world_chance(world, 300)) { /* killed behind its commit */
        store_batch(world->store, world->queued, world->n_queued);
    }
    broker_drop(world);
    if (world->is_fast && is_power_lost) {
        disk_lose_power(is_kept, world);
    } else if (world->is_fast) {
        disk_restart();
    }
    world->broker_wake_ms = world->now_ms;
    event_add(world, (int64_t)world_below(world, DOWN_MS), EVENT_FAULT, NULL, 0)->fault =
        FAULT_BROKER_UP;
}

void broker_up(struct world *world)
{
    broker_start(world);
    if (world->core != NULL) {
        check_acked(world);
    }
}

/* Real files have room: there the batch is refused as a whole, as the engine does. */
static void refuse_batch(struct world *world)
{
    for (size_t i = 0; i < world->n_queued; i++) {
        store_call_fail(world->queued[i], STORE_FULL);
    }
}

void broker_commit(struct world *world)
{
    struct store_call *calls[sizeof(world->queued) / sizeof(world->queued[0])];
    size_t n = world->n_queued;
    struct moment after;

    if (world->is_disk_full && !world->is_fast) {
        refuse_batch(world);
    } else {
        store_batch(world->store, world->queued, n);
    }
    memcpy(calls, world->queued, n * sizeof(calls[0]));
    world->n_queued = 0;
    world->is_commit_due = false;
    for (size_t i = 0; i < n; i++) {
        core_stored(world->core, calls[i], world_now(world, &after));
        broker_carry_out(world);
    }
}

void broker_receive(struct world *world, enum core_side side, unsigned node, const void *frame,
                    size_t size)
{
    struct channel_peer peer = world_peer(node);
    struct moment arrival;

    if (world->core != NULL) {
        core_frame(world->core, side, &peer, frame, size, world_now(world, &arrival));
        broker_carry_out(world);
    }
}

void broker_tick(struct world *world)
{
    struct moment now;

    if (world->core != NULL && world->now_ms >= world->broker_wake_ms) {
        core_tick(world->core, world_now(world, &now));
        broker_carry_out(world);
    }
}

bool broker_ask(struct world *world, const struct wire_message *message, struct wire_buffer *reply,
                struct wire_message *answer, struct err *err)
{
    struct wire_buffer frame = {0};
    struct channel_peer peer = world_peer(0);
    struct moment now;
    bool is_answered = false;

    if (!wire_encode(&frame, message, err)) {
        return false;
    }
    core_frame(world->core, CORE_GATEWAYS, &peer, frame.data, frame.size, world_now(world, &now));
    wire_buffer_free(&frame);
    for (int round = 0; round < 4 && !is_answered; round++) {
        struct store_call *calls[64];
        size_t n_calls = 0;
        size_t n;
        const struct core_effect *effects = core_effects(world->core, &n);
        for (size_t i = 0; i < n; i++) {
            if (effects[i].kind == EFFECT_STORE) {
                calls[n_calls++] = effects[i].call;
            } else if (effects[i].kind == EFFECT_SEND) {
                is_answered = wire_buffer_set(reply, wire_buffer_bytes(&effects[i].frame), err);
            }
        }
        core_effects_clear(world->core);
        store_batch(world->store, calls, n_calls);
        for (size_t i = 0; i < n_calls; i++) {
            core_stored(world->core, calls[i], world_now(world, &now));
        }
    }
    return is_answered && wire_decode(answer, FROM_BROKER, reply->data, reply->size, err);
}
