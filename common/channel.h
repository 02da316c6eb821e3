/* SPDX-License-Identifier: MIT */
/*
 * ZeroMQ sockets as Assay uses them: one frame a message, bounded, never blocking on a send. A sent
 * message counts for nothing: the peer may be gone. Routing ids are made by the library, never by a
 * peer. Linger is 0, so that closing never hangs.
 */
#pragma once

#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

struct channel_context; /* one a process, made after the last fork */
struct channel;         /* one a thread */

enum channel_kind {
    CHANNEL_ROUTER, /* binds; answers many peers */
    CHANNEL_DEALER, /* connects to one router */
    CHANNEL_PUB,    /* binds; hints to whoever listens */
    CHANNEL_SUB,    /* connects; gets every hint */
};

/* The peer of a router, as received; copied into the answer. */
struct channel_peer {
    uint8_t size;
    uint8_t id[15];
};

enum channel_outcome {
    CHANNEL_DONE,
    CHANNEL_EMPTY,    /* receive: nothing waits */
    CHANNEL_NO_PEER,  /* send: the peer is gone, or not connected yet */
    CHANNEL_FULL,     /* send: the peer does not keep up */
    CHANNEL_TOO_LONG, /* receive: more frames than one; dropped */
};

MUST_CHECK bool channel_context_open(struct channel_context **context, struct err *err);
void channel_context_close(struct channel_context **context);

/*
 * Opens a socket and binds or connects it.
 *
 *   endpoint   "ipc://path" or "tcp://127.0.0.1:7711"; a bound "tcp://127.0.0.1:*" picks a port
 *   frame_max  bytes; a peer that sends a larger frame is disconnected
 *
 * Errors   ERR_CONFIG  the endpoint cannot be used
 *          ERR_SYSTEM  no more sockets
 * Owns     *channel is owned by the caller; end it with channel_close before the context
 */
MUST_CHECK bool channel_open(struct channel **channel, struct channel_context *context,
                             enum channel_kind kind, const char *endpoint, size_t frame_max,
                             struct err *err);
void channel_close(struct channel **channel);

/* The endpoint with the port that was picked. */
const char *channel_endpoint(const struct channel *channel);

/* Sends one frame; `peer` only for a router. Never waits. */
MUST_CHECK enum channel_outcome channel_send(struct channel *channel,
                                             const struct channel_peer *peer, const void *frame,
                                             size_t size);

/*
 * Takes one frame that waits; never waits for one.
 *
 *   frame, size  out, borrowed until the next receive on this channel
 *   peer         out, for a router; may be NULL
 */
MUST_CHECK enum channel_outcome channel_receive(struct channel *channel, struct channel_peer *peer,
                                                const unsigned char **frame, size_t *size);

/* What to wait for: a channel, or (with channel NULL) a file descriptor. */
struct channel_wait {
    struct channel *channel;
    int fd;
    bool is_ready; /* out */
};

/*
 * Waits until one of them can be read, or for timeout_ms (-1: for ever). A signal ends the wait
 * early with nothing ready.
 *
 * Errors   ERR_SYSTEM
 */
MUST_CHECK bool channel_wait(struct channel_wait *waits, size_t n_waits, int64_t timeout_ms,
                             struct err *err);
