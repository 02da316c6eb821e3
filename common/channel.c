/* SPDX-License-Identifier: MIT */
/*
 * ZeroMQ sockets. ROUTER_MANDATORY turns silent drops into outcomes, IMMEDIATE keeps a dealer from
 * sending into nowhere, ZMTP heartbeats find a host that died. See the header.
 */
#include "common/channel.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zmq.h>

#ifndef ZMQ_ZAP_ENFORCE_DOMAIN /* named in drafts only; the library has it since 4.3.0 */
#define ZMQ_ZAP_ENFORCE_DOMAIN 93
#endif

enum {
    WATERMARK = 1000, /* messages */
    BACKLOG = 1024,
    KEEPALIVE_IDLE_S = 60,
    KEEPALIVE_INTERVAL_S = 15,
    KEEPALIVE_COUNT = 4,
    HEARTBEAT_MS = 2000,
    HEARTBEAT_TIMEOUT_MS = 6000,
    HANDSHAKE_MS = 5000,
    RECONNECT_MS = 20,
    RECONNECT_MAX_MS = 1000,
    WAITS_MAX = 16,
    ENDPOINT_SIZE = 256,
    OWN_ID_BYTES = 5,
};

struct channel {
    void *socket;
    enum channel_kind kind;
    zmq_msg_t frame; /* what the last receive handed out */
    char endpoint[ENDPOINT_SIZE];
};

bool channel_context_open(struct channel_context **context, struct err *err)
{
    void *made = zmq_ctx_new();

    if (made == NULL) {
        return err_set(err, ERR_SYSTEM, "no ZeroMQ context: %s", zmq_strerror(errno));
    }
    zmq_ctx_set(made, ZMQ_BLOCKY, 0);
    *context = made;
    return true;
}

void channel_context_close(struct channel_context **context)
{
    if (*context != NULL) {
        while (zmq_ctx_term(*context) < 0 && errno == EINTR) {
        }
        *context = NULL;
    }
}

static bool set_option(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof(value)) == 0;
}

static bool set_options(void *socket, enum channel_kind kind, size_t frame_max)
{
    int64_t size_max = (int64_t)frame_max;
    bool ok = zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &size_max, sizeof(size_max)) == 0 &&
              set_option(socket, ZMQ_LINGER, 0) && set_option(socket, ZMQ_SNDHWM, WATERMARK) &&
              set_option(socket, ZMQ_RCVHWM, WATERMARK) &&
              set_option(socket, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS) &&
              set_option(socket, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS) &&
              set_option(socket, ZMQ_HEARTBEAT_TTL, HEARTBEAT_TIMEOUT_MS) &&
              set_option(socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS) &&
              set_option(socket, ZMQ_RECONNECT_IVL, RECONNECT_MS) &&
              set_option(socket, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS) &&
              set_option(socket, ZMQ_BACKLOG, BACKLOG) &&
              set_option(socket, ZMQ_TCP_KEEPALIVE, 1) &&
              set_option(socket, ZMQ_TCP_KEEPALIVE_IDLE, KEEPALIVE_IDLE_S) &&
              set_option(socket, ZMQ_TCP_KEEPALIVE_INTVL, KEEPALIVE_INTERVAL_S) &&
              set_option(socket, ZMQ_TCP_KEEPALIVE_CNT, KEEPALIVE_COUNT);

    switch (kind) {
    case CHANNEL_ROUTER:
        return ok && set_option(socket, ZMQ_ROUTER_MANDATORY, 1);
    case CHANNEL_DEALER:
        return ok && set_option(socket, ZMQ_IMMEDIATE, 1);
    case CHANNEL_SUB:
        return ok && zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0) == 0;
    case CHANNEL_PUB:
    case CHANNEL_ZAP:
        return ok;
    }
    return false;
}

static bool is_binding(enum channel_kind kind)
{
    return kind == CHANNEL_ROUTER || kind == CHANNEL_PUB || kind == CHANNEL_ZAP;
}

static bool set_key(void *socket, int option, const uint8_t key[static CHANNEL_KEY_BYTES])
{
    return zmq_setsockopt(socket, option, key, CHANNEL_KEY_BYTES) == 0;
}

/* Without a handler the library lets every key in, unless it is told to enforce the domain. That
 * must be read back: a library that does not know the option fails here, not open. */
static bool set_server(void *socket, const struct channel_curve *curve)
{
    int is_enforced = 0;
    size_t size = sizeof(is_enforced);

    return set_option(socket, ZMQ_CURVE_SERVER, 1) &&
           zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, curve->domain, strlen(curve->domain)) == 0 &&
           set_option(socket, ZMQ_ZAP_ENFORCE_DOMAIN, 1) &&
           zmq_getsockopt(socket, ZMQ_ZAP_ENFORCE_DOMAIN, &is_enforced, &size) == 0 &&
           is_enforced == 1;
}

static bool set_curve(void *socket, enum channel_kind kind, const struct channel_curve *curve)
{
    return set_key(socket, ZMQ_CURVE_SECRETKEY, curve->secret_key) &&
           set_key(socket, ZMQ_CURVE_PUBLICKEY, curve->public_key) &&
           (is_binding(kind) ? set_server(socket, curve)
                             : set_key(socket, ZMQ_CURVE_SERVERKEY, curve->server_key));
}

static bool attach(struct channel *channel, const char *endpoint, struct err *err)
{
    bool binds = is_binding(channel->kind);
    size_t size = sizeof(channel->endpoint);
    int status =
        binds ? zmq_bind(channel->socket, endpoint) : zmq_connect(channel->socket, endpoint);

    if (status < 0 ||
        zmq_getsockopt(channel->socket, ZMQ_LAST_ENDPOINT, channel->endpoint, &size) < 0) {
        return err_set(err, ERR_CONFIG, "%s %s: %s", binds ? "bind" : "connect", endpoint,
                       zmq_strerror(errno));
    }
    return true;
}

/* With `curve` NULL in the clear. */
static bool open_channel(struct channel **channel, struct channel_context *context,
                         enum channel_kind kind, const char *endpoint, size_t frame_max,
                         const struct channel_curve *curve, struct err *err)
{
    static const int types[] = {ZMQ_ROUTER, ZMQ_DEALER, ZMQ_PUB, ZMQ_SUB, ZMQ_REP};
    struct channel *opened = calloc(1, sizeof(*opened));

    if (opened == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for a socket");
    }
    opened->kind = kind;
    zmq_msg_init(&opened->frame);
    opened->socket = zmq_socket(context, types[kind]);
    if (opened->socket == NULL) {
        err_set(err, ERR_SYSTEM, "no ZeroMQ socket: %s", zmq_strerror(errno));
        goto fail;
    }
    if (!set_options(opened->socket, kind, frame_max) ||
        (curve != NULL && !set_curve(opened->socket, kind, curve))) {
        err_set(err, ERR_SYSTEM, "ZeroMQ option refused: %s", zmq_strerror(errno));
        goto fail;
    }
    if (!attach(opened, endpoint, err)) {
        goto fail;
    }
    *channel = opened;
    return true;
fail:
    channel_close(&opened);
    return false;
}

bool channel_open(struct channel **channel, struct channel_context *context, enum channel_kind kind,
                  const char *endpoint, size_t frame_max, struct err *err)
{
    return open_channel(channel, context, kind, endpoint, frame_max, NULL, err);
}

bool channel_open_curve(struct channel **channel, struct channel_context *context,
                        enum channel_kind kind, const char *endpoint, size_t frame_max,
                        const struct channel_curve *curve, struct err *err)
{
    return open_channel(channel, context, kind, endpoint, frame_max, curve, err);
}

bool channel_needs_curve(const char *endpoint)
{
    return strncmp(endpoint, "ipc://", 6) != 0 && strncmp(endpoint, "inproc://", 9) != 0;
}

void channel_close(struct channel **channel)
{
    if (*channel == NULL) {
        return;
    }
    zmq_msg_close(&(*channel)->frame);
    if ((*channel)->socket != NULL) {
        zmq_close((*channel)->socket);
    }
    free(*channel);
    *channel = NULL;
}

const char *channel_endpoint(const struct channel *channel)
{
    return channel->endpoint;
}

static int send_part(void *socket, const void *data, size_t size, int flags)
{
    int n;

    do {
        n = zmq_send(socket, data, size, flags | ZMQ_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    return n;
}

enum channel_outcome channel_send(struct channel *channel, const struct channel_peer *peer,
                                  const void *frame, size_t size)
{
    assert((peer != NULL) == (channel->kind == CHANNEL_ROUTER));
    if (peer != NULL && send_part(channel->socket, peer->id, peer->size, ZMQ_SNDMORE) < 0) {
        return errno == EHOSTUNREACH ? CHANNEL_NO_PEER : CHANNEL_FULL;
    }
    if (send_part(channel->socket, frame, size, 0) < 0) {
        return errno == EHOSTUNREACH || channel->kind == CHANNEL_DEALER ? CHANNEL_NO_PEER
                                                                        : CHANNEL_FULL;
    }
    return CHANNEL_DONE;
}

/* A peer may choose its routing id, and with it the place of one that is to come: only the ids that
 * our side makes up, 5 bytes that begin with 0, are taken. */
static bool is_own_id(const unsigned char *id, size_t size)
{
    return size == OWN_ID_BYTES && id[0] == 0;
}

static int receive_part(struct channel *channel)
{
    int n;

    do {
        n = zmq_msg_recv(&channel->frame, channel->socket, ZMQ_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    return n;
}

/* Drops what follows the frame that was read; true where there was something. */
static bool drop_rest(struct channel *channel)
{
    bool has_rest = zmq_msg_more(&channel->frame);

    while (zmq_msg_more(&channel->frame) && receive_part(channel) >= 0) {
    }
    return has_rest;
}

enum channel_outcome channel_receive(struct channel *channel, struct channel_peer *peer,
                                     const unsigned char **frame, size_t *size)
{
    if (receive_part(channel) < 0) {
        return CHANNEL_EMPTY;
    }
    if (channel->kind == CHANNEL_ROUTER) {
        size_t id_size = zmq_msg_size(&channel->frame);
        if (peer != NULL && id_size == OWN_ID_BYTES) {
            peer->size = (uint8_t)id_size;
            memcpy(peer->id, zmq_msg_data(&channel->frame), id_size);
        }
        if (!is_own_id(zmq_msg_data(&channel->frame), id_size) || !zmq_msg_more(&channel->frame) ||
            receive_part(channel) < 0) {
            drop_rest(channel);
            return CHANNEL_TOO_LONG;
        }
    }
    if (drop_rest(channel)) {
        return CHANNEL_TOO_LONG;
    }
    *frame = zmq_msg_data(&channel->frame);
    *size = zmq_msg_size(&channel->frame);
    return CHANNEL_DONE;
}

const char *channel_user(struct channel *channel)
{
    const char *user = zmq_msg_gets(&channel->frame, "User-Id");

    return user == NULL ? "" : user;
}

enum channel_outcome channel_receive_parts(struct channel *channel, struct channel_part *parts,
                                           size_t n_parts)
{
    bool is_whole = true;
    size_t n_taken = 0;

    do {
        if (receive_part(channel) < 0) {
            return CHANNEL_EMPTY;
        }
        size_t size = zmq_msg_size(&channel->frame);
        if (n_taken < n_parts && size <= CHANNEL_PART_MAX) {
            parts[n_taken].size = size;
            memcpy(parts[n_taken].data, zmq_msg_data(&channel->frame), size);
        } else {
            is_whole = false;
        }
        n_taken++;
    } while (zmq_msg_more(&channel->frame));
    return is_whole && n_taken == n_parts ? CHANNEL_DONE : CHANNEL_TOO_LONG;
}

enum channel_outcome channel_send_parts(struct channel *channel, const struct channel_part *parts,
                                        size_t n_parts)
{
    for (size_t i = 0; i < n_parts; i++) {
        int flags = i + 1 < n_parts ? ZMQ_SNDMORE : 0;
        if (send_part(channel->socket, parts[i].data, parts[i].size, flags) < 0) {
            return CHANNEL_NO_PEER;
        }
    }
    return CHANNEL_DONE;
}

bool channel_wait(struct channel_wait *waits, size_t n_waits, int64_t timeout_ms, struct err *err)
{
    zmq_pollitem_t items[WAITS_MAX];

    assert(n_waits <= WAITS_MAX);
    for (size_t i = 0; i < n_waits; i++) {
        void *socket = waits[i].channel == NULL ? NULL : waits[i].channel->socket;
        items[i] = (zmq_pollitem_t){.socket = socket, .fd = waits[i].fd, .events = ZMQ_POLLIN};
        waits[i].is_ready = false;
    }
    int n = zmq_poll(items, (int)n_waits, timeout_ms);
    if (n < 0 && errno != EINTR) {
        return err_set(err, ERR_SYSTEM, "poll: %s", zmq_strerror(errno));
    }
    for (size_t i = 0; n > 0 && i < n_waits; i++) {
        waits[i].is_ready = (items[i].revents & (ZMQ_POLLIN | ZMQ_POLLERR)) != 0;
    }
    return true;
}
