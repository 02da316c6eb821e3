/* SPDX-License-Identifier: MIT */
/*
 * A whole file arrives: the broker is asked whether it may come, it is streamed into the blob
 * folder while it is hashed, and the broker is told until it has answered. The key makes a
 * repeated request the same submission, from the client's side and from ours; where it was
 * promised before, this is the promised file.
 */
#include <stdio.h>
#include <string.h>

#include "broker/gateway/handlers.h"
#include "broker/gateway/upload.h"
#include "common/text.h"

/* The last byte has come. */
static void finish(struct exchange *exchange)
{
    const struct exchange_upload *upload = &exchange->upload;

    if (upload->is_promised && blobs_upload_bytes(upload->blob) != upload->size_bytes) {
        exchange_fail(exchange, 409, "conflict", "this is not the file that was promised");
        return;
    }
    upload_finish(exchange);
}

/* The file that was promised with this key; it begins anew, whatever has come of it. */
static void begin_promised(struct exchange *exchange, const struct wire_submit_allowed *allowed)
{
    struct exchange_upload *upload = &exchange->upload;
    uint64_t length = http_request_length(exchange->request);
    struct err ignored;

    upload_expect(exchange, allowed->size_bytes, allowed->sha256, allowed->until_ms);
    if (length != HTTP_LENGTH_UNKNOWN && length != allowed->size_bytes) {
        exchange_fail(exchange, 409, "conflict", "this is not the file that was promised");
        return;
    }
    if (!hex_read(upload->id, sizeof(upload->id), (const char *)allowed->promised.data,
                  allowed->promised.size, &ignored)) {
        exchange_fail(exchange, 502, "bad_answer", "the broker answered something else");
        return;
    }
    if (upload_open_part(exchange, true)) {
        upload_go_on(exchange);
    }
}

static void on_allowed(struct exchange *exchange, const struct wire_message *reply)
{
    uint64_t length = http_request_length(exchange->request);
    struct err err;

    if (reply->submit_allowed.bytes_max < exchange->upload.bytes_max) {
        exchange->upload.bytes_max = reply->submit_allowed.bytes_max;
    }
    if (length != HTTP_LENGTH_UNKNOWN && length > exchange->upload.bytes_max) {
        upload_fail_too_large(exchange);
        return;
    }
    if (reply->submit_allowed.promised.size > 0) {
        begin_promised(exchange, &reply->submit_allowed);
        return;
    }
    if (!blobs_upload_open(&exchange->upload.blob, exchange->parts->blobs, &err)) {
        exchange_fail_err(exchange, &err);
        return;
    }
    http_go_on(exchange->request);
}

void handle_upload(struct exchange *exchange)
{
    struct exchange_upload *upload = &exchange->upload;
    uint64_t length = http_request_length(exchange->request);
    struct wire_bytes file_name;
    struct wire_bytes text;
    struct err err;

    exchange->on_body = upload_add;
    exchange->on_end = finish;
    upload->bytes_max = (uint64_t)exchange->parts->settings.limits.upload_bytes;
    snprintf(upload->competition, sizeof(upload->competition), "%s", exchange->args.text[0]);
    if (!upload_read_key(exchange, &err) || !upload_read_names(&file_name, &text, exchange, &err)) {
        exchange_fail_input(exchange, &err);
        return;
    }
    if (length != HTTP_LENGTH_UNKNOWN && length > upload->bytes_max) {
        upload_fail_too_large(exchange);
        return;
    }
    if (!upload_has_room(exchange)) {
        return;
    }
    struct wire_message message = {.type = WIRE_SUBMIT_BEGIN,
                                   .submit_begin = {.token = exchange_token(exchange),
                                                    .competition = wire_text(upload->competition),
                                                    .size_bytes = length}};
    memcpy(message.submit_begin.key, upload->key, EXCHANGE_KEY_BYTES);
    exchange_ask(exchange, &message, WIRE_SUBMIT_ALLOWED, on_allowed);
}
