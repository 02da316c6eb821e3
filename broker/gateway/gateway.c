/* SPDX-License-Identifier: MIT */
/*
 * The loop, and the way of a request through it. See the header.
 */
#include "broker/gateway/gateway.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/gateway/exchange.h"
#include "broker/gateway/handlers.h"
#include "broker/gateway/poll.h"
#include "broker/gateway/routes.h"
#include "broker/gateway/sweep.h"
#include "common/channel.h"
#include "common/crypt.h"
#include "common/curve.h"
#include "common/daemon.h"
#include "common/file.h"
#include "common/log.h"
#include "common/text.h"

enum { EVENT_FRAME_MAX = 4096, FINISHER_THREADS = 4 };

/* Who comes in by an address, and what there is for them. */
struct door {
    struct gateway *gateway;
    const struct route *routes;
    size_t n_routes;
};

struct gateway {
    struct gateway_parts parts;
    struct door public;
    struct door operators;
    struct http_server *metrics; /* NULL without such an address */
    struct channel_context *context;
    struct channel *events;
    int signal_fd;
    bool is_stopping;
};

/* ---- the hooks of the HTTP server ---- */

static void on_head(void *context, struct http_request *request)
{
    struct door *door = context;
    struct exchange *exchange = NULL;
    char allowed[ROUTE_ALLOWED_SIZE];
    const char *path = http_request_path(request);
    struct err err;

    if (!exchange_open(&exchange, &door->gateway->parts, request, &err)) {
        log_error("request lost", "error=%s", err.text);
        http_answer(request, &(struct http_answer){.status = 503});
        return;
    }
    http_request_set_user(request, exchange);
    exchange->is_page = strncmp(path, "/v1/", 4) != 0;
    switch (route_find(&exchange->route, &exchange->args, allowed, door->routes, door->n_routes,
                       http_request_method(request), path)) {
    case ROUTE_NO_PATH:
        exchange_fail(exchange, 404, "not_found", "there is nothing at this address");
        return;
    case ROUTE_NO_METHOD:
        exchange_fail_method(exchange, allowed);
        return;
    case ROUTE_FOUND:
        break;
    }
    uint64_t length = http_request_length(request);
    exchange->is_page = exchange->route->is_page;
    if (exchange->route->body == BODY_UPLOAD) {
        exchange->route->handle(exchange);
    } else if (length > EXCHANGE_BODY_MAX && length != HTTP_LENGTH_UNKNOWN) {
        exchange_fail(exchange, 413, "too_large", "the body is larger than 65536 bytes");
    }
}

static void collect(struct exchange *exchange, const void *data, size_t size)
{
    struct bytes *body = &exchange->body;

    if (size > EXCHANGE_BODY_MAX - body->size_bytes) {
        exchange_fail(exchange, 413, "too_large", "the body is larger than 65536 bytes");
        return;
    }
    unsigned char *grown = realloc(body->data, body->size_bytes + size + 1);
    if (grown == NULL) {
        exchange_fail_busy(exchange, 1, "there is no memory for the body");
        return;
    }
    body->data = grown;
    memcpy(body->data + body->size_bytes, data, size);
    body->size_bytes += size;
    body->data[body->size_bytes] = '\0';
}

static void on_body(void *context, struct http_request *request, const void *data, size_t size)
{
    struct exchange *exchange = http_request_user(request);

    (void)context;
    if (exchange->route->body == BODY_UPLOAD) {
        exchange->parts->metrics.upload_bytes += size;
        exchange->on_body(exchange, data, size);
    } else {
        collect(exchange, data, size);
    }
}

static void on_end(void *context, struct http_request *request)
{
    struct exchange *exchange = http_request_user(request);

    (void)context;
    if (exchange->route->body == BODY_UPLOAD) {
        exchange->on_end(exchange);
    } else {
        exchange->route->handle(exchange);
    }
}

static void on_gone(void *context, struct http_request *request)
{
    struct exchange *exchange = http_request_user(request);

    (void)context;
    exchange_close(&exchange);
}

/* What has come of a promised file stays: the client goes on with it. */
static void on_slow(void *context, struct http_request *request)
{
    const struct door *door = context;
    struct exchange *exchange = http_request_user(request);
    const struct settings *settings = &door->gateway->parts.settings;
    struct err err;

    if (http_cut(request)) {
        err_set(&err, ERR_LIMIT, "the body came slower than %lld bytes a second for %lld seconds",
                (long long)settings->limits.body_rate, (long long)settings->times.body_seconds);
        exchange_fail(exchange, 408, "too_slow", err.text);
    }
}

/* ---- events of the broker ---- */

static void take_event(struct gateway *gateway, const unsigned char *frame, size_t size)
{
    struct wire_message event;
    char competition[ROUTE_ARG_SIZE];
    char submission[ROUTE_ARG_SIZE];
    struct err err;

    if (!wire_decode(&event, FROM_BROKER, frame, size, &err) || event.type != WIRE_CHANGED) {
        log_warn("bad event from the broker", "size=%zu", size);
        return;
    }
    wire_text_copy(competition, sizeof(competition), event.changed.competition);
    wire_text_copy(submission, sizeof(submission), event.changed.submission);
    copies_changed(gateway->parts.copies, competition);
    if (submission[0] != '\0') {
        poll_wake(&gateway->parts, submission);
    }
}

static void receive_events(struct gateway *gateway)
{
    const unsigned char *frame;
    size_t size;

    while (channel_receive(gateway->events, NULL, &frame, &size) == CHANNEL_DONE) {
        take_event(gateway, frame, size);
    }
}

static void take_stored(struct gateway *gateway)
{
    for (struct finisher_job *job = finisher_take(gateway->parts.finisher); job != NULL;
         job = finisher_take(gateway->parts.finisher)) {
        struct exchange *exchange = job->context;
        exchange->upload.on_done(exchange);
    }
}

/* ---- opening and the loop ---- */

static bool open_broker_side(struct gateway *gateway, const struct settings *settings,
                             struct err *err)
{
    struct gateway_parts *parts = &gateway->parts;
    struct curve_client asks;
    struct curve_client hears;

    return curve_client_open(&asks, settings->broker, settings->keys, settings->broker_key, err) &&
           curve_client_open(&hears, settings->events, settings->keys, settings->broker_key, err) &&
           channel_context_open(&gateway->context, err) &&
           link_open(&parts->link, gateway->context, settings->broker, &asks, err) &&
           curve_client_connect(&gateway->events, gateway->context, CHANNEL_SUB, settings->events,
                                EVENT_FRAME_MAX, &hears, err) &&
           copies_open(&parts->copies, parts->link, settings->times.refresh_ms,
                       settings->times.answer_ms, err);
}

static bool open_door(struct http_server **server, struct door *door, const char *listen,
                      struct err *err)
{
    const struct settings *settings = &door->gateway->parts.settings;
    const struct http_options options = {
        .listen = listen,
        .connections_max = (unsigned)settings->limits.connections,
        .connections_per_address_max = (unsigned)settings->limits.connections_per_address,
        .idle_seconds = (unsigned)settings->times.idle_seconds,
        .body_rate_min = (uint64_t)settings->limits.body_rate,
        .body_rate_seconds = (unsigned)settings->times.body_seconds};
    const struct http_hooks hooks = {.context = door,
                                     .head = on_head,
                                     .body = on_body,
                                     .end = on_end,
                                     .gone = on_gone,
                                     .slow = on_slow};

    return http_open(server, &options, &hooks, err);
}

static bool open_http_side(struct gateway *gateway, const struct settings *settings,
                           struct err *err)
{
    gateway->public = (struct door){gateway, routes, n_routes};
    gateway->operators = (struct door){gateway, operator_routes, n_operator_routes};
    if (settings->metrics[0] != '\0') {
        if (!open_door(&gateway->metrics, &gateway->operators, settings->metrics, err)) {
            return false;
        }
        log_info("metrics", "address=%s/metrics", http_address(gateway->metrics));
    }
    return open_door(&gateway->parts.http, &gateway->public, settings->listen, err);
}

static bool write_address(const struct gateway *gateway, struct err *err)
{
    const char *address = http_address(gateway->parts.http);
    const char *path = gateway->parts.settings.address_file;

    log_info("ready", "address=%s", address);
    return path[0] == '\0' || file_write_durable(path, address, strlen(address), 0644, err);
}

bool gateway_open(struct gateway **gateway, const struct settings *settings, struct err *err)
{
    struct gateway *opened = calloc(1, sizeof(*opened));

    if (opened == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for the gateway");
    }
    opened->signal_fd = -1;
    opened->parts.settings = *settings;
    if (!daemon_harden(err) || !daemon_signals_open(&opened->signal_fd, err) || !crypt_start(err) ||
        !blobs_open(&opened->parts.blobs, settings->blobs, err) ||
        !finisher_open(&opened->parts.finisher, FINISHER_THREADS, err) ||
        !open_broker_side(opened, settings, err) ||
        !sweep_open(&opened->parts.sweep, &opened->parts, err) ||
        !open_http_side(opened, settings, err) || !write_address(opened, err)) {
        gateway_close(&opened);
        return false;
    }
    *gateway = opened;
    return true;
}

void gateway_close(struct gateway **gateway)
{
    struct gateway *closed = *gateway;

    if (closed == NULL) {
        return;
    }
    finisher_close(&closed->parts.finisher); /* before the uploads that it works on */
    http_close(&closed->parts.http);
    http_close(&closed->metrics);
    sweep_close(&closed->parts.sweep);
    copies_close(&closed->parts.copies);
    link_close(&closed->parts.link);
    channel_close(&closed->events);
    channel_context_close(&closed->context);
    blobs_close(&closed->parts.blobs);
    if (closed->signal_fd >= 0) {
        close(closed->signal_fd);
    }
    free(closed);
    *gateway = NULL;
}

/* The nearer of two times to come, -1 for never. */
static int64_t nearer(int64_t a_ms, int64_t b_ms)
{
    return a_ms < 0 || (b_ms >= 0 && b_ms < a_ms) ? b_ms : a_ms;
}

/* Does what is due, and says how long to wait for more: requests first, for they ask. */
static int64_t tick(struct gateway *gateway)
{
    http_run(gateway->parts.http);
    if (gateway->metrics != NULL) {
        http_run(gateway->metrics);
    }
    int64_t now_ms = time_boot_ms();
    int64_t due_ms = poll_tick(&gateway->parts, now_ms);
    due_ms = nearer(due_ms, sweep_tick(gateway->parts.sweep, now_ms));
    due_ms = nearer(due_ms, link_tick(gateway->parts.link, now_ms));
    if (due_ms >= 0) {
        due_ms = due_ms > now_ms ? due_ms - now_ms : 0;
    }
    if (gateway->metrics != NULL) {
        due_ms = nearer(due_ms, http_timeout_ms(gateway->metrics));
    }
    return nearer(due_ms, http_timeout_ms(gateway->parts.http));
}

bool gateway_run(struct gateway *gateway, struct err *err)
{
    while (!gateway->is_stopping) {
        struct channel_wait waits[] = {
            {.fd = gateway->signal_fd},
            {.channel = link_channel(gateway->parts.link)},
            {.channel = gateway->events},
            {.fd = http_descriptor(gateway->parts.http)},
            {.fd = finisher_descriptor(gateway->parts.finisher)},
            {.fd = gateway->metrics == NULL ? -1 : http_descriptor(gateway->metrics)},
        };
        size_t n_waits = ARRAY_SIZE(waits) - (gateway->metrics == NULL);
        int64_t timeout_ms = tick(gateway);
        if (!channel_wait(waits, n_waits, timeout_ms, err)) {
            return false;
        }
        gateway->is_stopping = waits[0].is_ready;
        receive_events(gateway);
        link_receive(gateway->parts.link);
        take_stored(gateway);
    }
    log_info("stopping", "address=%s", http_address(gateway->parts.http));
    return true;
}
