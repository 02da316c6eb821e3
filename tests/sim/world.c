/* SPDX-License-Identifier: MIT */
/*
 * Virtual time, chance and the network: one heap of events ordered by time, then by the order in
 * which they were made; and the life of one seed.
 */
#include "tests/sim/inside.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/text.h"
#include "tests/sim/disk.h"

enum { TICK_MS = 50, DRAIN_CHECK_MS = 500 };

/* ---- chance ---- */

static uint64_t next_random(struct world *world)
{
    world->rng ^= world->rng >> 12;
    world->rng ^= world->rng << 25;
    world->rng ^= world->rng >> 27;
    return world->rng * 2685821657736338717u; /* xorshift64* */
}

uint64_t world_below(struct world *world, uint64_t n)
{
    return n == 0 ? 0 : (next_random(world) >> 11) % n;
}

bool world_chance(struct world *world, unsigned per_mille)
{
    return world_below(world, 1000) < per_mille;
}

void world_bytes(struct world *world, void *data, size_t size)
{
    unsigned char *bytes = data;

    for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
        uint64_t word = next_random(world);
        memcpy(bytes + i, &word, size - i < sizeof(word) ? size - i : sizeof(word));
    }
}

void world_fail(struct world *world, const char *format, ...)
{
    va_list args;

    if (world->failure[0] == '\0') {
        va_start(args, format);
        vsnprintf(world->failure, sizeof(world->failure), format, args);
        va_end(args);
    }
}

unsigned world_wishes(const struct world *world)
{
    return world->n_clients * world->n_each;
}

struct wish *world_wish(struct world *world, unsigned number)
{
    return &world->clients[number / world->n_each].wishes[number % world->n_each];
}

/* ---- the heap ---- */

static bool is_earlier(const struct event *a, const struct event *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void swap(struct world *world, size_t a, size_t b)
{
    struct event *event = world->heap[a];

    world->heap[a] = world->heap[b];
    world->heap[b] = event;
}

struct event *event_add(struct world *world, int64_t delay_ms, enum event_kind kind,
                        const void *frame, size_t size)
{
    struct event *event = calloc(1, sizeof(*event) + size);

    if (event == NULL) {
        abort();
    }
    event->at_ms = world->now_ms + delay_ms;
    event->order = world->n_events++;
    event->kind = kind;
    event->size = size;
    if (size > 0) {
        memcpy(event->frame, frame, size);
    }
    if (world->n_heap == world->heap_capacity) {
        world->heap_capacity = world->heap_capacity == 0 ? 256 : 2 * world->heap_capacity;
        world->heap = realloc(world->heap, world->heap_capacity * sizeof(struct event *));
        if (world->heap == NULL) {
            abort();
        }
    }
    size_t at = world->n_heap++;
    world->heap[at] = event;
    while (at > 0 && is_earlier(world->heap[at], world->heap[(at - 1) / 2])) {
        swap(world, at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
    return event;
}

static struct event *event_take(struct world *world)
{
    struct event *event = world->heap[0];
    size_t at = 0;

    world->heap[0] = world->heap[--world->n_heap];
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < world->n_heap; child++) {
            if (is_earlier(world->heap[child], world->heap[least])) {
                least = child;
            }
        }
        if (least == at) {
            return event;
        }
        swap(world, at, least);
        at = least;
    }
}

/* ---- the network ---- */

static unsigned place_of(enum node_kind kind, unsigned node)
{
    return kind == NODE_CLIENT ? node : CLIENTS + node;
}

void world_travel(struct world *world, enum event_kind event_kind, enum node_kind kind,
                  unsigned node, const void *frame, size_t size)
{
    unsigned copies = 1;

    if (!world->is_calm) {
        if (world->now_ms < world->cut_until_ms[place_of(kind, node)][event_kind] ||
            world_chance(world, world->faults.loss_per_mille)) {
            return;
        }
        copies += world_chance(world, world->faults.duplicate_per_mille);
    }
    for (unsigned i = 0; i < copies; i++) {
        int64_t delay = 1 + (int64_t)world_below(world, world->faults.delay_max_ms + 1);
        struct event *event = event_add(world, delay, event_kind, frame, size);
        event->node_kind = kind;
        event->node = node;
        event->incarnation = world->incarnation;
    }
}

void world_send(struct world *world, enum node_kind kind, unsigned node,
                const struct wire_message *message)
{
    struct wire_buffer frame = {0};
    struct err err;

    if (!wire_encode(&frame, message, &err)) {
        world_fail(world, "a node cannot send: %s", err.text);
    } else {
        world_travel(world, EVENT_TO_BROKER, kind, node, frame.data, frame.size);
    }
    wire_buffer_free(&frame);
}

/* ---- events ---- */

static void to_node(struct world *world, const struct event *event)
{
    struct wire_message message;
    struct err err;

    if (!wire_decode(&message, FROM_BROKER, event->frame, event->size, &err)) {
        world_fail(world, "the broker sent a wrong frame: %s", err.text);
    } else if (event->node_kind == NODE_CLIENT) {
        client_receive(world, event->node, &message);
    } else {
        worker_receive(world, event->node, &message);
    }
}

static void tick(struct world *world)
{
    broker_tick(world);
    for (unsigned i = 0; i < world->n_clients; i++) {
        client_tick(world, i);
    }
    for (unsigned i = 0; i < world->n_workers; i++) {
        worker_tick(world, i);
    }
    event_add(world, TICK_MS, EVENT_TICK, NULL, 0);
}

/* Until when the event waits because its process is paused; 0: it does not. */
static int64_t paused_until(const struct world *world, const struct event *event)
{
    int64_t until_ms = 0;

    if (event->kind == EVENT_TO_BROKER || event->kind == EVENT_COMMIT) {
        until_ms = world->broker_wake_ms;
    } else if (event->kind == EVENT_TO_NODE && event->node_kind == NODE_WORKER) {
        until_ms = world->workers[event->node].wake_ms;
    }
    return until_ms > world->now_ms ? until_ms : 0;
}

static void put_off(struct world *world, const struct event *event, int64_t until_ms)
{
    struct event *again =
        event_add(world, until_ms - world->now_ms, event->kind, event->frame, event->size);

    again->incarnation = event->incarnation;
    again->node_kind = event->node_kind;
    again->node = event->node;
}

static void happen(struct world *world, const struct event *event)
{
    bool is_stale = event->incarnation != 0 && event->incarnation != world->incarnation;
    int64_t until_ms = paused_until(world, event);

    if (until_ms > 0) {
        put_off(world, event, until_ms);
        return;
    }
    switch (event->kind) {
    case EVENT_TO_BROKER: /* a frame on the wire outlives a restart */
        broker_receive(world, event->node_kind == NODE_CLIENT ? CORE_GATEWAYS : CORE_WORKERS,
                       event->node, event->frame, event->size);
        return;
    case EVENT_TO_NODE:
        to_node(world, event);
        return;
    case EVENT_COMMIT:
        if (!is_stale && world->core != NULL) {
            broker_commit(world);
        }
        return;
    case EVENT_TICK:
        tick(world);
        return;
    case EVENT_FAULT:
        faults_strike(world, event);
        return;
    }
}

/* ---- a seed ---- */

static void plan_wishes(struct world *world, const struct start *start)
{
    for (unsigned i = 0; i < world->n_clients; i++) {
        struct client *client = &world->clients[i];
        memcpy(client->token, start->tokens[i], sizeof(client->token));
        for (unsigned j = 0; j < world->n_each; j++) {
            struct wish *wish = &client->wishes[j];
            world_bytes(world, wish->key, sizeof(wish->key));
            world_bytes(world, wish->sha256, sizeof(wish->sha256));
            wish->is_poison = world_chance(world, world->faults.poison_per_mille);
            wish->is_promised = world_chance(world, 400);
            if (j > 0 && world_chance(world, 100)) { /* the same file again is another submission */
                memcpy(wish->sha256, client->wishes[j - 1].sha256, sizeof(wish->sha256));
                wish->is_poison = client->wishes[j - 1].is_poison;
            }
        }
    }
}

static void run_until_drained(struct world *world)
{
    while (world->failure[0] == '\0' && world->now_ms < STORM_MS + CALM_MS) {
        struct event *event = event_take(world);
        world->now_ms = event->at_ms;
        world->is_calm = world->now_ms >= STORM_MS;
        bool is_tick = event->kind == EVENT_TICK;
        happen(world, event);
        free(event);
        if (world->is_calm && is_tick && world->now_ms % DRAIN_CHECK_MS == 0 &&
            world->n_queued == 0 && world->core != NULL && !world->is_disk_full &&
            check_is_drained(world)) {
            return;
        }
    }
    if (world->failure[0] == '\0') {
        world_fail(world, "work is left %d s after the last fault", CALM_MS / 1000);
    }
}

/* The database of the seed as it starts. */
static bool begin(struct world *world, const struct start *start)
{
    struct err err;

    disk_use(world->is_fast);
    fast_sign_use(world->is_fast);
    snprintf(world->path, sizeof(world->path), "%s.seed", start->paths[world->is_fast]);
    if (world->is_fast) {
        snprintf(world->path, sizeof(world->path), "%s", start->paths[true]);
        disk_reset();
    }
    if (!template_lay(world, start, &err)) {
        world_fail(world, "%s", err.text);
        return false;
    }
    return true;
}

bool world_run(struct world *world, const struct start *start)
{
    static const uint8_t master[CRYPT_KEY_BYTES] = {1};

    ledger_keys_derive(&world->keys, master);
    world->rng = world->seed * 0x9e3779b97f4a7c15u + 1;
    world->is_fast = world->seed % FULL_SEEDS != 0;
    if (!begin(world, start)) {
        return false;
    }
    faults_draw(world);
    plan_wishes(world, start);
    broker_start(world);
    faults_plan(world);
    event_add(world, 0, EVENT_TICK, NULL, 0);
    if (world->failure[0] == '\0') {
        run_until_drained(world);
    }
    if (world->failure[0] == '\0') {
        check_end(world, start);
    }
    broker_drop(world);
    while (world->n_heap > 0) {
        free(event_take(world));
    }
    free(world->heap);
    if (!world->is_fast) {
        database_remove(world->path);
    }
    return world->failure[0] == '\0';
}
