/* SPDX-License-Identifier: MIT */
/*
 * Requests to the broker. Each has a number, a deadline and somebody who waits for its answer;
 * what cannot be sent yet, because the broker restarts, is tried again until the deadline. A sent
 * request counts for nothing, so that requests that are safe to repeat can be sent again.
 */
#pragma once

#include "common/channel.h"
#include "common/curve.h"
#include "schemas/wire.h"

struct link;

/* `reply` is borrowed for the call; NULL: no answer came in time. May ask again. */
struct link_waiter {
    void (*on_reply)(void *context, const struct wire_message *reply);
    void *context;
};

struct link_times {
    int64_t patience_ms; /* until the waiter is told that no answer came */
    int64_t repeat_ms;   /* 0: sent once; else sent again after so long without an answer */
};

/*
 * Connects to the broker's endpoint; that it listens is not needed.
 *
 * Errors   ERR_CONFIG  the endpoint cannot be used
 *          ERR_SYSTEM  no more sockets or memory
 * Owns     *link is owned by the caller; end it with link_close, which tells nobody
 */
MUST_CHECK bool link_open(struct link **link, struct channel_context *context, const char *endpoint,
                          const struct curve_client *curve, struct err *err);
void link_close(struct link **link);

struct channel *link_channel(struct link *link);

/*
 * Sends a request; its request_id is set here.
 *
 *   id       out, for link_forget
 *   now_ms   boot clock, as for link_tick
 *
 * Errors   ERR_LIMIT   a field is longer than the format allows
 *          ERR_SYSTEM  no memory
 */
MUST_CHECK bool link_ask(uint64_t *id, struct link *link, struct wire_message *message,
                         struct link_times times, struct link_waiter waiter, int64_t now_ms,
                         struct err *err);

/* The waiter is gone; an unknown id is fine. */
void link_forget(struct link *link, uint64_t id);

/* Hands out the answers that are there. */
void link_receive(struct link *link);

/* Sends what is due and gives up on what is late; returns when to call again, -1 for never. */
int64_t link_tick(struct link *link, int64_t now_ms);
