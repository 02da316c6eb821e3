/* SPDX-License-Identifier: MIT */
/*
 * The broker's sockets. Each side may be reached by several endpoints: over ipc, where the folder's
 * permissions are the access control, and over TCP, where it is CURVE and the table of allowed
 * keys. Peers are the same to the core, wherever they came in.
 */
#pragma once

#include "broker/queue/config.h"
#include "broker/queue/core.h"
#include "common/channel.h"
#include "common/guard.h"

struct doors;

enum { DOORS_MAX = 12 };

/*
 * Binds every endpoint of the configuration, and proves that those on TCP refuse an unknown key.
 *
 * Errors   ERR_CONFIG  an endpoint cannot be used, no file of allowed keys for one on TCP, or the
 *                      proof failed
 *          ERR_SYSTEM
 * Owns     *doors is owned by the caller; end it with doors_close
 */
MUST_CHECK bool doors_open(struct doors **doors, const struct broker_config *config,
                           struct err *err);
void doors_close(struct doors **doors);

/* What to wait for, at most DOORS_MAX of them. */
size_t doors_waits(const struct doors *doors, struct channel_wait *waits);

enum { DOORS_ROUND = 256 }; /* frames of one socket, before the next is looked at */

/* A frame as it came in. */
struct doors_frame {
    struct channel_peer peer;
    char name[GUARD_NAME_SIZE]; /* of the peer's key; "" where it came over ipc */
    const unsigned char *data;  /* borrowed until the next take of the same socket */
    size_t size;
};

/*
 * Takes frames that wait, up to DOORS_ROUND a socket, and hands each to `take`. What comes from a
 * peer whose key is not allowed any more is dropped.
 */
void doors_take(struct doors *doors, enum core_side side,
                void (*take)(void *context, const struct doors_frame *frame), void *context);

/* Sends to a peer, as channel_send. */
MUST_CHECK enum channel_outcome doors_send(struct doors *doors, const struct channel_peer *peer,
                                           const void *frame, size_t size);

/* Tells everybody who listens. */
void doors_publish(struct doors *doors, const void *frame, size_t size);

/* To be called once a second: follows changes of the file of allowed keys. */
void doors_refresh(struct doors *doors);
