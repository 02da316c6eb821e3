/* SPDX-License-Identifier: MIT */
/*
 * The broker's sockets. See the header.
 */
#include "broker/queue/doors.h"

#include <stdlib.h>
#include <string.h>

#include "common/curve.h"
#include "common/log.h"

struct door {
    struct channel *channel; /* owned */
    enum core_side side;
    const char *role; /* on TCP: of its peers; else NULL */
    bool is_public;   /* hints only */
};

struct doors {
    struct channel_context *context;
    struct guard *guard; /* NULL where nothing is on TCP */
    struct channel_curve curve;
    struct door doors[DOORS_MAX];
    size_t n_doors;
};

static bool needs_guard(const struct broker_config *config)
{
    return strstr(config->gateways, "tcp://") != NULL ||
           strstr(config->workers, "tcp://") != NULL || strstr(config->events, "tcp://") != NULL;
}

static bool open_guard(struct doors *doors, const struct broker_config *config, struct err *err)
{
    if (!needs_guard(config)) {
        return true;
    }
    if (config->allowed_keys[0] == '\0') {
        return err_set(err, ERR_CONFIG,
                       "an endpoint is on tcp://: allowed_keys must name the file "
                       "of the keys that may connect");
    }
    return curve_keys_open(&doors->curve, config->keys, err) &&
           guard_open(&doors->guard, doors->context, config->allowed_keys, err);
}

static bool open_door(struct doors *doors, enum channel_kind kind, enum core_side side,
                      const char *endpoint, struct err *err)
{
    struct door *door = &doors->doors[doors->n_doors];
    const char *role = side == CORE_WORKERS ? "worker" : "gateway";

    if (doors->n_doors == DOORS_MAX) {
        return err_set(err, ERR_CONFIG, "more than %d endpoints", DOORS_MAX);
    }
    *door = (struct door){.side = side, .is_public = kind == CHANNEL_PUB};
    if (!channel_needs_curve(endpoint)) {
        doors->n_doors++;
        return channel_open(&door->channel, doors->context, kind, endpoint, WIRE_FRAME_MAX, err);
    }
    if (doors->guard == NULL) {
        return err_set(err, ERR_CONFIG, "'%s' is neither ipc:// nor tcp://", endpoint);
    }
    doors->curve.domain = role;
    door->role = role;
    doors->n_doors++;
    if (!channel_open_curve(&door->channel, doors->context, kind, endpoint, WIRE_FRAME_MAX,
                            &doors->curve, err)) {
        return false;
    }
    const char *bound = channel_endpoint(door->channel);
    log_info("listening", "role=%s endpoint=%s", role, bound);
    return guard_prove(doors->guard, doors->context, bound, doors->curve.public_key, err);
}

/* Endpoints are separated by spaces. */
static bool open_list(struct doors *doors, enum channel_kind kind, enum core_side side,
                      const char *endpoints, struct err *err)
{
    char list[BROKER_ENDPOINT_SIZE];
    char *rest = NULL;
    size_t n_before = doors->n_doors;

    memcpy(list, endpoints, sizeof(list));
    for (char *endpoint = strtok_r(list, " ", &rest); endpoint != NULL;
         endpoint = strtok_r(NULL, " ", &rest)) {
        if (!open_door(doors, kind, side, endpoint, err)) {
            return false;
        }
    }
    return doors->n_doors > n_before || err_set(err, ERR_CONFIG, "an endpoint is missing");
}

bool doors_open(struct doors **doors, const struct broker_config *config, struct err *err)
{
    struct doors *opened = calloc(1, sizeof(*opened));

    if (opened == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for sockets");
    }
    if (!channel_context_open(&opened->context, err) || !open_guard(opened, config, err) ||
        !open_list(opened, CHANNEL_PUB, CORE_GATEWAYS, config->events, err) ||
        !open_list(opened, CHANNEL_ROUTER, CORE_WORKERS, config->workers, err) ||
        !open_list(opened, CHANNEL_ROUTER, CORE_GATEWAYS, config->gateways, err)) {
        doors_close(&opened);
        return false;
    }
    *doors = opened;
    return true;
}

void doors_close(struct doors **doors)
{
    struct doors *closed = *doors;

    if (closed == NULL) {
        return;
    }
    for (size_t i = 0; i < closed->n_doors; i++) {
        channel_close(&closed->doors[i].channel); /* before the guard: nobody slips in between */
    }
    guard_close(&closed->guard);
    channel_context_close(&closed->context);
    free(closed);
    *doors = NULL;
}

size_t doors_waits(const struct doors *doors, struct channel_wait *waits)
{
    size_t n_waits = 0;

    for (size_t i = 0; i < doors->n_doors; i++) {
        if (!doors->doors[i].is_public) {
            waits[n_waits++] = (struct channel_wait){.channel = doors->doors[i].channel};
        }
    }
    return n_waits;
}

/* False where its key was taken off the table since it connected. */
static bool name_sender(struct doors *doors, const struct door *door, struct doors_frame *frame)
{
    frame->name[0] = '\0';
    if (door->role == NULL) {
        return true;
    }
    const char *user = channel_user(door->channel);
    if (guard_find(frame->name, doors->guard, door->role, user)) {
        return true;
    }
    log_warn("frame dropped", "reason=\"key is not allowed any more\" public_key=%.60s", user);
    return false;
}

static void take_from(struct doors *doors, size_t at,
                      void (*take)(void *context, const struct doors_frame *frame), void *context)
{
    struct door *door = &doors->doors[at];
    struct doors_frame frame = {0};

    for (int i = 0; i < DOORS_ROUND; i++) {
        enum channel_outcome outcome =
            channel_receive(door->channel, &frame.peer, &frame.data, &frame.size);
        if (outcome == CHANNEL_EMPTY) {
            return;
        }
        if (outcome == CHANNEL_DONE && name_sender(doors, door, &frame)) {
            frame.peer.door = (uint8_t)at;
            take(context, &frame);
        }
    }
}

void doors_take(struct doors *doors, enum core_side side,
                void (*take)(void *context, const struct doors_frame *frame), void *context)
{
    for (size_t i = 0; i < doors->n_doors; i++) {
        if (!doors->doors[i].is_public && doors->doors[i].side == side) {
            take_from(doors, i, take, context);
        }
    }
}

enum channel_outcome doors_send(struct doors *doors, const struct channel_peer *peer,
                                const void *frame, size_t size)
{
    return channel_send(doors->doors[peer->door].channel, peer, frame, size);
}

void doors_publish(struct doors *doors, const void *frame, size_t size)
{
    for (size_t i = 0; i < doors->n_doors; i++) {
        if (doors->doors[i].is_public &&
            channel_send(doors->doors[i].channel, NULL, frame, size) != CHANNEL_DONE) {
            log_debug("hint dropped", "bytes=%zu", size);
        }
    }
}

void doors_refresh(struct doors *doors)
{
    if (doors->guard != NULL) {
        guard_refresh(doors->guard);
    }
}
