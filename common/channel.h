/* SPDX-License-Identifier: MIT */
/*
 * ZeroMQ sockets as Assay uses them: one frame a message, bounded, never blocking on a send. A sent
 * message counts for nothing: the peer may be gone. Routing ids are made by the library, never by a
 * peer. Linger is 0, so that closing never hangs. Between machines a socket has CURVE keys: what
 * binds then lets in only whom the process's ZAP handler (guard.h) knows, and nobody without one.
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
    CHANNEL_ZAP,    /* binds in the process: the library's questions about who may connect */
};

enum { CHANNEL_KEY_BYTES = 32 };

/* The keys of a socket that is reached over TCP. */
struct channel_curve {
    uint8_t secret_key[CHANNEL_KEY_BYTES];
    uint8_t public_key[CHANNEL_KEY_BYTES];
    uint8_t server_key[CHANNEL_KEY_BYTES]; /* what connects: public key of what it connects to */
    const char *domain;                    /* what binds: as what its peers are let in; borrowed */
};

/* The peer of a router, as received; copied into the answer. */
struct channel_peer {
    uint8_t size;
    uint8_t door; /* the owner's: which of its routers it came through; not looked at here */
    uint8_t id[14];
};

enum channel_outcome {
    CHANNEL_DONE,
    CHANNEL_EMPTY,    /* receive: nothing waits */
    CHANNEL_NO_PEER,  /* send: the peer is gone, or not connected yet */
    CHANNEL_FULL,     /* send: the peer does not keep up */
    CHANNEL_TOO_LONG, /* receive: more frames than one, or a routing id of the peer's choice;
                         dropped */
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

/*
 * The same with CURVE: nothing is sent or read in the clear, both ends prove their keys.
 *
 *   curve  copied
 *
 * Errors   as channel_open; ERR_SYSTEM also where the library cannot be made to refuse peers
 *          without a ZAP handler
 */
MUST_CHECK bool channel_open_curve(struct channel **channel, struct channel_context *context,
                                   enum channel_kind kind, const char *endpoint, size_t frame_max,
                                   const struct channel_curve *curve, struct err *err);

/* True for an endpoint that leaves the machine's kernel: "tcp://…". */
bool channel_needs_curve(const char *endpoint);

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

/* Whom the ZAP handler took the sender of the last frame for: its user id, "" without CURVE. */
const char *channel_user(struct channel *channel);

enum { CHANNEL_PART_MAX = 256 };

/* A part of a message of several. */
struct channel_part {
    size_t size;
    uint8_t data[CHANNEL_PART_MAX];
};

/*
 * For CHANNEL_ZAP: takes a message of exactly n_parts parts, or answers it. CHANNEL_TOO_LONG:
 * another number of parts, or one that is larger than CHANNEL_PART_MAX; it must still be answered.
 */
MUST_CHECK enum channel_outcome channel_receive_parts(struct channel *channel,
                                                      struct channel_part *parts, size_t n_parts);
MUST_CHECK enum channel_outcome
channel_send_parts(struct channel *channel, const struct channel_part *parts, size_t n_parts);

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
