/* SPDX-License-Identifier: MIT */
/*
 * Virtual time and the network: one heap of events ordered by time, then by the order in which they
 * were made. The broker's driver carries out the core's effects as the real loop does: calls wait
 * for a commit, a crash drops what was not committed, or the answer of what was.
 */
#include "tests/sim/sim.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/text.h"

enum {
    STORM_MS = 60000,
    CALM_MS = 900000, /* within this everything must drain */
    TICK_MS = 50,
    LEASE_MS = 2000,
    PROMISE_MS = 6 * 3600000,
    RESTART_MS = 500,
};

static const int64_t START_WALL_MS = 1496275200000; /* 2017-06-01 */

enum event_kind { EVENT_TO_BROKER, EVENT_TO_NODE, EVENT_COMMIT, EVENT_TICK, EVENT_FAULT };

enum fault_kind {
    FAULT_BROKER,
    FAULT_WORKER,
    FAULT_PAUSE,
    FAULT_CUT,
    FAULT_CLOCK,
    FAULT_DISK,
    FAULT_DISK_END,
    FAULT_WORKER_UP,
};

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

    for (size_t i = 0; i < size; i++) {
        bytes[i] = (unsigned char)(next_random(world) >> 40);
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

static struct event *event_add(struct world *world, int64_t delay_ms, enum event_kind kind,
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

static void travel(struct world *world, enum event_kind event_kind, enum node_kind kind,
                   unsigned node, const void *frame, size_t size)
{
    unsigned copies = 1;

    if (!world->is_calm) {
        if (world->now_ms < world->cut_until_ms[place_of(kind, node)] ||
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
        travel(world, EVENT_TO_BROKER, kind, node, frame.data, frame.size);
    }
    wire_buffer_free(&frame);
}

static struct channel_peer peer_of(unsigned node)
{
    return (struct channel_peer){.size = 1, .id = {(uint8_t)node}};
}

/* ---- the broker's driver ---- */

struct moment {
    struct core_now now;
    uint8_t random[CORE_RANDOM_BYTES];
};

static const struct core_now *moment(struct world *world, struct moment *moment)
{
    world_bytes(world, moment->random, sizeof(moment->random));
    moment->now =
        (struct core_now){.wall_ms = START_WALL_MS + world->wall_offset_ms + world->now_ms,
                          .boot_ms = world->now_ms,
                          .random = moment->random};
    return &moment->now;
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

static void carry_out(struct world *world)
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
            travel(world, EVENT_TO_NODE, kind, effect->peer.id[0], effect->frame.data,
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

static void broker_start(struct world *world)
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
    struct err err;
    const struct core_now *now = moment(world, &start);

    snprintf(signed_path, sizeof(signed_path), "%s.signed", world->path);
    world->incarnation++;
    world->n_queued = 0;
    world->is_commit_due = false;
    if (!store_open(&world->store, &store_settings, now->wall_ms, now->boot_ms, &err) ||
        !core_open(&world->core, &settings, &world->keys, world->store, &err)) {
        world_fail(world, "the broker does not start: %s", err.text);
    }
}

/* The calls that wait die with the process; the core gets them back to end them. */
static void broker_drop(struct world *world)
{
    struct moment end;

    while (world->n_queued > 0 && world->core != NULL) {
        struct store_call *call = world->queued[--world->n_queued];
        size_t n;
        store_call_fail(call, STORE_FAILED);
        core_stored(world->core, call, moment(world, &end));
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

static void broker_kill(struct world *world)
{
    if (world->core == NULL) {
        return;
    }
    world->n_crashes++;
    if (world->n_queued > 0 && world_chance(world, 300)) { /* killed behind its commit */
        store_batch(world->store, world->queued, world->n_queued);
    }
    broker_drop(world);
    broker_start(world);
    check_acked(world);
}

/* A full disk refuses the batch as a whole, as the engine does. */
static void refuse_batch(struct world *world)
{
    for (size_t i = 0; i < world->n_queued; i++) {
        store_call_fail(world->queued[i], STORE_FULL);
    }
}

static void broker_commit(struct world *world)
{
    struct store_call *calls[ARRAY_SIZE(world->queued)];
    size_t n = world->n_queued;
    struct moment after;

    if (world->is_disk_full) {
        refuse_batch(world);
    } else {
        store_batch(world->store, world->queued, n);
    }
    memcpy(calls, world->queued, n * sizeof(calls[0]));
    world->n_queued = 0;
    world->is_commit_due = false;
    for (size_t i = 0; i < n; i++) {
        core_stored(world->core, calls[i], moment(world, &after));
        carry_out(world);
    }
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

static void to_broker(struct world *world, const struct event *event)
{
    struct channel_peer peer = peer_of(event->node);
    struct moment arrival;
    enum core_side side = event->node_kind == NODE_CLIENT ? CORE_GATEWAYS : CORE_WORKERS;

    core_frame(world->core, side, &peer, event->frame, event->size, moment(world, &arrival));
    carry_out(world);
}

static void tick(struct world *world)
{
    struct moment now;

    core_tick(world->core, moment(world, &now));
    carry_out(world);
    for (unsigned i = 0; i < CLIENTS; i++) {
        client_tick(world, i);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        worker_tick(world, i);
    }
    event_add(world, TICK_MS, EVENT_TICK, NULL, 0);
}

static void strike(struct world *world, enum fault_kind fault)
{
    unsigned worker = (unsigned)world_below(world, WORKERS);
    struct event *later;

    switch (fault) {
    case FAULT_BROKER:
        broker_kill(world);
        return;
    case FAULT_WORKER:
        world->workers[worker] = (struct worker){.is_down = true};
        later = event_add(world, 200 + (int64_t)world_below(world, 3000), EVENT_FAULT, NULL, 0);
        later->fault = FAULT_WORKER_UP;
        later->node = worker;
        return;
    case FAULT_PAUSE:
        world->workers[worker].wake_ms = world->now_ms + (int64_t)world_below(world, 4 * LEASE_MS);
        return;
    case FAULT_CUT:
        world->cut_until_ms[world_below(world, CLIENTS + WORKERS)] =
            world->now_ms + (int64_t)world_below(world, 10000);
        return;
    case FAULT_CLOCK:
        world->wall_offset_ms += (int64_t)world_below(world, 7200000) - 3600000;
        return;
    case FAULT_DISK:
        world->is_disk_full = true;
        event_add(world, (int64_t)world_below(world, 5000), EVENT_FAULT, NULL, 0)->fault =
            FAULT_DISK_END;
        return;
    case FAULT_DISK_END:
        world->is_disk_full = false;
        return;
    case FAULT_WORKER_UP:
        return;
    }
}

static void happen(struct world *world, const struct event *event)
{
    bool is_stale = event->incarnation != 0 && event->incarnation != world->incarnation;

    switch (event->kind) {
    case EVENT_TO_BROKER:
        to_broker(world, event); /* a frame on the wire outlives a restart */
        return;
    case EVENT_TO_NODE:
        to_node(world, event);
        return;
    case EVENT_COMMIT:
        if (!is_stale) {
            broker_commit(world);
        }
        return;
    case EVENT_TICK:
        tick(world);
        return;
    case EVENT_FAULT:
        if (event->fault == FAULT_WORKER_UP) {
            world->workers[event->node].is_down = false;
        } else if (!world->is_calm || event->fault == FAULT_DISK_END) {
            strike(world, event->fault);
        }
        return;
    }
}

/* ---- a seed ---- */

/* Swarm testing: every seed has some of the faults, at rates of its own. */
static void draw_faults(struct world *world)
{
    struct faults *faults = &world->faults;

    *faults = (struct faults){.delay_max_ms = (unsigned)world_below(world, 300)};
    if (world_chance(world, 600)) {
        faults->loss_per_mille = (unsigned)world_below(world, 200);
    }
    if (world_chance(world, 600)) {
        faults->duplicate_per_mille = (unsigned)world_below(world, 200);
    }
    unsigned *const counts[] = {&faults->broker_kills,  &faults->worker_kills,
                                &faults->worker_pauses, &faults->partitions,
                                &faults->clock_jumps,   &faults->full_disks};
    for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
        *counts[i] = world_chance(world, 500) ? (unsigned)world_below(world, 8) : 0;
    }
    if (world_chance(world, 300)) {
        faults->fail_per_mille = (unsigned)world_below(world, 100);
    }
    if (world_chance(world, 300)) {
        faults->poison_per_mille = (unsigned)world_below(world, 300);
    }
}

static void plan_faults(struct world *world)
{
    const struct faults *faults = &world->faults;
    const unsigned counts[] = {
        [FAULT_BROKER] = faults->broker_kills, [FAULT_WORKER] = faults->worker_kills,
        [FAULT_PAUSE] = faults->worker_pauses, [FAULT_CUT] = faults->partitions,
        [FAULT_CLOCK] = faults->clock_jumps,   [FAULT_DISK] = faults->full_disks};

    for (size_t kind = 0; kind < ARRAY_SIZE(counts); kind++) {
        for (unsigned i = 0; i < counts[kind]; i++) {
            int64_t at = (int64_t)world_below(world, STORM_MS / 4);
            event_add(world, at, EVENT_FAULT, NULL, 0)->fault = (enum fault_kind)kind;
        }
    }
}

static void plan_wishes(struct world *world, const struct client clients[CLIENTS])
{
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct client *client = &world->clients[i];
        memcpy(client->token, clients[i].token, sizeof(client->token));
        for (unsigned j = 0; j < SUBMISSIONS_EACH; j++) {
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

static bool copy_file(const char *from, const char *to, struct err *err)
{
    struct bytes data = {0};

    if (!file_read(&data, from, 1 << 24, err)) {
        return false;
    }
    int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write_full(fd, data.data, data.size_bytes, err);
    if (fd >= 0) {
        close(fd);
    }
    bytes_free(&data);
    return ok;
}

static void remove_database(const char *path)
{
    static const char *const ends[] = {"", "-wal", "-shm", ".lock", ".signed"};
    char name[PATH_BYTES + 8];

    for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
        snprintf(name, sizeof(name), "%s%s", path, ends[i]);
        unlink(name);
    }
}

static void run_until_drained(struct world *world)
{
    int64_t end_ms = STORM_MS + CALM_MS;

    while (world->failure[0] == '\0' && world->now_ms < end_ms) {
        struct event *event = event_take(world);
        world->now_ms = event->at_ms;
        if (!world->is_calm &&
            (world->now_ms >= STORM_MS / 4 || (world->now_ms > 2000 && world->n_heap == 0))) {
            world->is_calm = true;
        }
        bool is_tick = event->kind == EVENT_TICK;
        happen(world, event);
        free(event);
        if (world->is_calm && is_tick && world->n_queued == 0 && world->n_events % 8 == 0 &&
            check_is_drained(world)) {
            return;
        }
    }
    if (world->failure[0] == '\0') {
        world_fail(world, "work is left %d s after the last fault", CALM_MS / 1000);
    }
}

bool world_run(struct world *world, const char *template_path, const struct client clients[CLIENTS])
{
    static const uint8_t master[CRYPT_KEY_BYTES] = {1};
    char signed_template[PATH_BYTES + 8];
    char signed_path[PATH_BYTES + 8];
    struct err err;

    ledger_keys_derive(&world->keys, master);
    world->rng = world->seed * 0x9e3779b97f4a7c15u + 1;
    snprintf(world->path, sizeof(world->path), "%s.%llu", template_path,
             (unsigned long long)world->seed);
    snprintf(signed_template, sizeof(signed_template), "%s.signed", template_path);
    snprintf(signed_path, sizeof(signed_path), "%s.signed", world->path);
    if (!copy_file(template_path, world->path, &err) ||
        !copy_file(signed_template, signed_path, &err)) {
        world_fail(world, "%s", err.text);
        return false;
    }
    draw_faults(world);
    plan_wishes(world, clients);
    broker_start(world);
    plan_faults(world);
    event_add(world, 0, EVENT_TICK, NULL, 0);
    if (world->failure[0] == '\0') {
        run_until_drained(world);
    }
    if (world->failure[0] == '\0') {
        check_end(world);
    }
    broker_drop(world);
    while (world->n_heap > 0) {
        free(event_take(world));
    }
    free(world->heap);
    remove_database(world->path);
    return world->failure[0] == '\0';
}

/* ---- the template ---- */

/* Asks the broker and commits until it has answered; the answer borrows from the reply. */
static bool ask(struct world *world, const struct wire_message *message, struct wire_buffer *reply,
                struct wire_message *answer, struct err *err)
{
    struct wire_buffer frame = {0};
    struct channel_peer peer = peer_of(0);
    struct moment now;
    bool is_answered = false;

    if (!wire_encode(&frame, message, err)) {
        return false;
    }
    core_frame(world->core, CORE_GATEWAYS, &peer, frame.data, frame.size, moment(world, &now));
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
            core_stored(world->core, calls[i], moment(world, &now));
        }
    }
    return is_answered && wire_decode(answer, FROM_BROKER, reply->data, reply->size, err);
}

static bool make_teams(struct world *world, const char *organizer, struct client *clients,
                       struct err *err)
{
    static const char yaml[] = "competition: sim\ntask: classification\nmetric: top1_accuracy\n"
                               "submission: {format: topk, k: 1}\nlimits: {per_day: 1000000}\n";
    struct wire_buffer reply = {0};
    struct wire_message answer;
    struct wire_message put = {.type = WIRE_COMPETITION_PUT};
    bool ok;

    put.competition_put.token = wire_text(organizer);
    put.competition_put.yaml = wire_text(yaml);
    ok = ask(world, &put, &reply, &answer, err) && answer.type == WIRE_DONE;
    for (unsigned i = 0; i < CLIENTS && ok; i++) {
        struct wire_message team = {.type = WIRE_TEAM_PUT};
        char name[16];
        snprintf(name, sizeof(name), "team %u", i);
        team.team_put.token = wire_text(organizer);
        team.team_put.competition = wire_text("sim");
        team.team_put.name = wire_text(name);
        ok = ask(world, &team, &reply, &answer, err) && answer.type == WIRE_TEAM_MADE;
        if (ok) {
            wire_text_copy(clients[i].token, sizeof(clients[i].token), answer.team_made.token);
        }
    }
    wire_buffer_free(&reply);
    return ok || err_set(err, ERR_STORE, "the template cannot be made");
}

bool world_make_template(const char *path, struct client clients[CLIENTS], struct err *err)
{
    static const uint8_t master[CRYPT_KEY_BYTES] = {1};
    struct world *world = calloc(1, sizeof(*world));
    struct store_call call = {.kind = CALL_ORGANIZER_PUT};
    struct store_call *calls[] = {&call};
    struct token token;
    uint8_t random[64];
    char text[TOKEN_SIZE];

    if (world == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory");
    }
    world->rng = 1;
    ledger_keys_derive(&world->keys, master);
    snprintf(world->path, sizeof(world->path), "%s", path);
    remove_database(path);
    broker_start(world);
    bool ok = world->failure[0] == '\0';
    if (ok) {
        core_close(&world->core);
        world_bytes(world, random, sizeof(random));
        token_make(&token, random);
        token_text(text, &token);
        memcpy(call.organizer_put.token_id, token.id, sizeof(token.id));
        token_hash(call.organizer_put.token_hash, &token, world->keys.pepper);
        store_batch(world->store, calls, 1);
        store_close(&world->store);
        broker_start(world);
        ok = world->failure[0] == '\0' && make_teams(world, text, clients, err);
    } else {
        err_set(err, ERR_STORE, "%s", world->failure);
    }
    broker_drop(world);
    free(world->heap);
    free(world);
    return ok;
}
