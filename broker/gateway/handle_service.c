/* SPDX-License-Identifier: MIT */
/*
 * Health, keys, and the files that pages need.
 */
#include "broker/gateway/handlers.h"

#include <string.h>

#include "broker/gateway/upload.h"

enum {
    RETRY_SECONDS = 10,
    SMALL_BYTES = 4096,
    METRICS_BYTES_MAX = 256 << 10,
    METRICS_PATIENCE_MS = 2000,
    STATIC_BYTES_MAX = 256 << 10,
};

static void answer_ok(struct exchange *exchange)
{
    struct jwriter writer;

    jwriter_start(&writer, SMALL_BYTES);
    jwriter_object(&writer);
    jwriter_key_text(&writer, "status", "ok");
    jwriter_object_end(&writer);
    exchange_answer(exchange, 200, &writer, "application/json");
}

/* Alive: this process serves. */
void handle_health(struct exchange *exchange)
{
    answer_ok(exchange);
}

static void on_stats(struct exchange *exchange, const struct wire_message *reply)
{
    if (reply->stats.is_busy) {
        exchange_fail_busy(exchange, RETRY_SECONDS, "the broker takes no new submissions now");
    } else {
        answer_ok(exchange);
    }
}

/* Ready: a submission that is sent now would be taken. */
void handle_ready(struct exchange *exchange)
{
    struct wire_message message = {.type = WIRE_STATS_GET, .stats_get = {.kind = STATS_READY}};

    if (!upload_has_room(exchange)) {
        return;
    }
    exchange_ask(exchange, &message, WIRE_STATS, on_stats);
}

static void on_numbers(struct exchange *exchange, const struct wire_message *reply)
{
    struct gateway_parts *parts = exchange->parts;
    uint64_t free_bytes = 0;
    struct jwriter writer;
    struct err ignored;
    bool has_broker = reply != NULL && reply->type == WIRE_STATS;

    if (!blobs_free_bytes(&free_bytes, parts->blobs, &ignored)) {
        free_bytes = 0;
    }
    jwriter_start(&writer, METRICS_BYTES_MAX);
    metrics_write(&writer, &parts->metrics, free_bytes, has_broker ? &reply->stats : NULL);
    exchange_answer(exchange, 200, &writer, "text/plain; version=0.0.4; charset=utf-8");
}

/* Without the broker the gateway's own numbers, and that it is away. */
void handle_metrics(struct exchange *exchange)
{
    struct wire_message message = {.type = WIRE_STATS_GET, .stats_get = {.kind = STATS_ALL}};

    exchange_ask_long(exchange, &message, METRICS_PATIENCE_MS, on_numbers);
}

struct embedded {
    const char *name;
    const unsigned char *data;
    size_t size;
};

#include "static.inc" /* tidy: made by cmake from the folder static */

static const char *static_type(const char *name)
{
    const char *dot = strrchr(name, '.');

    return dot != NULL && strcmp(dot, ".css") == 0 ? "text/css; charset=utf-8" : "image/svg+xml";
}

static void answer_static(struct exchange *exchange, const struct embedded *file)
{
    struct content *content = NULL;
    struct jwriter writer;
    struct err err;

    jwriter_start(&writer, STATIC_BYTES_MAX);
    jwriter_raw(&writer, file->data, file->size);
    if (!content_make(&content, &writer, static_type(file->name), &err)) {
        exchange_fail_err(exchange, &err);
        return;
    }
    exchange_answer_shared(exchange, content, "no-cache");
    content_release(&content);
}

/* Routes name the files one by one, so that a file of this name is always found. */
void handle_static(struct exchange *exchange)
{
    const char *name = strrchr(http_request_path(exchange->request), '/') + 1;

    for (size_t i = 0; i < ARRAY_SIZE(static_files); i++) {
        if (strcmp(static_files[i].name, name) == 0) {
            answer_static(exchange, &static_files[i]);
            return;
        }
    }
    exchange_fail(exchange, 404, "not_found", "there is nothing at this address");
}
