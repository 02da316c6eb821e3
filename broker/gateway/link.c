/* SPDX-License-Identifier: MIT */
/*
 * Requests in a list: there are at most a few per connection. See the header.
 */
#include "broker/gateway/link.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/log.h"

enum { RETRY_SEND_MS = 20 };

struct ask {
    struct ask *next;
    uint64_t id;
    struct wire_buffer frame; /* owned */
    struct link_waiter waiter;
    int64_t repeat_ms;
    int64_t send_at_ms; /* INT64_MAX: it was sent once and for all */
    int64_t give_up_at_ms;
};

struct link {
    struct channel *channel;
    struct ask *asks;
    uint64_t last_id;
};

bool link_open(struct link **link, struct channel_context *context, const char *endpoint,
               const struct curve_client *curve, struct err *err)
{
    struct link *opened = calloc(1, sizeof(*opened));

    if (opened == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for the link to the broker");
    }
    if (!curve_client_connect(&opened->channel, context, CHANNEL_DEALER, endpoint, WIRE_FRAME_MAX,
                              curve, err)) {
        free(opened);
        return false;
    }
    *link = opened;
    return true;
}

static void ask_free(struct ask *ask)
{
    wire_buffer_free(&ask->frame);
    free(ask);
}

void link_close(struct link **link)
{
    if (*link == NULL) {
        return;
    }
    while ((*link)->asks != NULL) {
        struct ask *ask = (*link)->asks;
        (*link)->asks = ask->next;
        ask_free(ask);
    }
    channel_close(&(*link)->channel);
    free(*link);
    *link = NULL;
}

struct channel *link_channel(struct link *link)
{
    return link->channel;
}

static void try_send(struct link *link, struct ask *ask, int64_t now_ms)
{
    enum channel_outcome outcome =
        channel_send(link->channel, NULL, ask->frame.data, ask->frame.size);

    if (outcome != CHANNEL_DONE) {
        ask->send_at_ms = now_ms + RETRY_SEND_MS;
    } else {
        ask->send_at_ms = ask->repeat_ms > 0 ? now_ms + ask->repeat_ms : INT64_MAX;
    }
}

bool link_ask(uint64_t *id, struct link *link, struct wire_message *message,
              struct link_times times, struct link_waiter waiter, int64_t now_ms, struct err *err)
{
    struct ask *ask = calloc(1, sizeof(*ask));

    if (ask == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for a request");
    }
    *ask = (struct ask){.id = ++link->last_id,
                        .waiter = waiter,
                        .repeat_ms = times.repeat_ms,
                        .give_up_at_ms = now_ms + times.patience_ms};
    message->request_id = ask->id;
    if (!wire_encode(&ask->frame, message, err)) {
        ask_free(ask);
        return false;
    }
    ask->next = link->asks;
    link->asks = ask;
    *id = ask->id;
    try_send(link, ask, now_ms);
    return true;
}

/* Takes an ask out of the list; NULL where there is none of this id. */
static struct ask *take_ask(struct link *link, uint64_t id)
{
    for (struct ask **place = &link->asks; *place != NULL; place = &(*place)->next) {
        if ((*place)->id == id) {
            struct ask *found = *place;
            *place = found->next;
            return found;
        }
    }
    return NULL;
}

void link_forget(struct link *link, uint64_t id)
{
    struct ask *ask = take_ask(link, id);

    if (ask != NULL) {
        ask_free(ask);
    }
}

static void hand_out(struct link *link, const unsigned char *frame, size_t size)
{
    struct wire_message reply;
    struct err err;

    if (!wire_decode(&reply, FROM_BROKER, frame, size, &err)) {
        log_warn("bad frame from the broker", "size=%zu error=%s", size, err.text);
        return;
    }
    struct ask *ask = take_ask(link, reply.request_id);
    if (ask == NULL) {
        log_debug("late answer", "request=%" PRIu64 " type=%s", reply.request_id,
                  wire_type_name(reply.type));
        return;
    }
    struct link_waiter waiter = ask->waiter;
    ask_free(ask);
    waiter.on_reply(waiter.context, &reply);
}

void link_receive(struct link *link)
{
    const unsigned char *frame;
    size_t size;

    for (;;) {
        switch (channel_receive(link->channel, NULL, &frame, &size)) {
        case CHANNEL_DONE:
            hand_out(link, frame, size);
            break;
        case CHANNEL_TOO_LONG:
            log_warn("bad frame from the broker", "it has several parts");
            break;
        case CHANNEL_EMPTY:
        case CHANNEL_NO_PEER:
        case CHANNEL_FULL:
            return;
        }
    }
}

/* The first one that is late; its waiter may change the list. */
static struct ask *take_late(struct link *link, int64_t now_ms)
{
    for (struct ask *ask = link->asks; ask != NULL; ask = ask->next) {
        if (ask->give_up_at_ms <= now_ms) {
            return take_ask(link, ask->id);
        }
    }
    return NULL;
}

int64_t link_tick(struct link *link, int64_t now_ms)
{
    int64_t next_ms = INT64_MAX;

    for (struct ask *late = take_late(link, now_ms); late != NULL; late = take_late(link, now_ms)) {
        struct link_waiter waiter = late->waiter;
        ask_free(late);
        waiter.on_reply(waiter.context, NULL);
    }
    for (struct ask *ask = link->asks; ask != NULL; ask = ask->next) {
        if (ask->send_at_ms <= now_ms) {
            try_send(link, ask, now_ms);
        }
        int64_t due_ms =
            ask->send_at_ms < ask->give_up_at_ms ? ask->send_at_ms : ask->give_up_at_ms;
        next_ms = due_ms < next_ms ? due_ms : next_ms;
    }
    return next_ms == INT64_MAX ? -1 : next_ms;
}
