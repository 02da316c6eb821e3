/* SPDX-License-Identifier: MIT */
/*
 * A file that is promised before its bytes come, and the bytes in pieces: a small subset of the
 * IETF draft "Resumable Uploads for HTTP" (draft-ietf-httpbis-resumable-upload). The promise makes
 * the upload; GET and HEAD tell how much of it is there; PATCH adds to its end. The last piece is
 * answered as the whole file would be.
 */
#include <stdio.h>
#include <string.h>

#include "broker/gateway/body.h"
#include "broker/gateway/handlers.h"
#include "broker/gateway/header.h"
#include "broker/gateway/records.h"
#include "broker/gateway/upload.h"
#include "common/text.h"

enum { ANSWER_BYTES_MAX = 64 << 10, NUMBER_SIZE = 24 };

static const char part_type[] = "application/partial-upload";

/* ---- promising ---- */

static void on_promised(struct exchange *exchange, const struct wire_message *reply)
{
    const struct wire_promised *promised = &reply->promised;
    char location[64] = "/v1/uploads/";
    struct body_promise promise;
    struct jwriter writer;
    struct err err;

    if (!body_read_promise(&promise, exchange->body.data, exchange->body.size_bytes, &err)) {
        exchange_fail_input(exchange, &err);
        return;
    }
    char sha256[SHA256_HEX_SIZE];
    hex_text(sha256, promise.sha256, sizeof(promise.sha256));
    wire_text_copy(location + strlen(location), 33, promised->submission);
    jwriter_start(&writer, ANSWER_BYTES_MAX);
    jwriter_object(&writer);
    jwriter_key(&writer, "id");
    jwriter_text_n(&writer, promised->submission.data, promised->submission.size);
    jwriter_key_text(&writer, "state", submission_state_name(promised->state));
    jwriter_key_text(&writer, "sha256", sha256);
    jwriter_key_int(&writer, "bytes", promise.bytes);
    key_time(&writer, "received", promised->received_ms);
    key_time(&writer, "until", promised->until_ms == 0 ? INT64_MIN : promised->until_ms);
    jwriter_key(&writer, "entry");
    jwriter_text_n(&writer, promised->entry.data, promised->entry.size);
    jwriter_key(&writer, "minisig");
    jwriter_text_n(&writer, promised->minisig.data, promised->minisig.size);
    quota_json(&writer, promised->remaining_today, promised->remaining_total,
               promised->resets_at_ms);
    jwriter_key_bool(&writer, "is_repeated", promised->is_repeated != 0);
    jwriter_object_end(&writer);
    const struct http_field fields[] = {{"Location", location}};
    exchange_answer_with(exchange, 201, &writer, "application/json", fields, ARRAY_SIZE(fields));
}

void handle_promise_post(struct exchange *exchange)
{
    struct wire_message message = {.type = WIRE_PROMISE_PUT};
    struct body_promise promise;
    struct err err;

    if (!upload_read_key(exchange, &err) ||
        !body_read_promise(&promise, exchange->body.data, exchange->body.size_bytes, &err)) {
        exchange_fail_input(exchange, &err);
        return;
    }
    message.promise_put.token = exchange_token(exchange);
    message.promise_put.competition = wire_text(exchange->args.text[0]);
    message.promise_put.size_bytes = (uint64_t)promise.bytes;
    message.promise_put.file_name = wire_text(promise.file_name);
    message.promise_put.message = wire_text(promise.message);
    memcpy(message.promise_put.key, exchange->upload.key, EXCHANGE_KEY_BYTES);
    memcpy(message.promise_put.sha256, promise.sha256, sizeof(promise.sha256));
    exchange_ask(exchange, &message, WIRE_PROMISED, on_promised);
}

/* ---- how much is there ---- */

/* The header fields of an upload; `texts` holds their values. */
struct upload_fields {
    struct http_field fields[4];
    char offset[NUMBER_SIZE];
    char length[NUMBER_SIZE];
    char limit[2 * NUMBER_SIZE];
};

static void fill_fields(struct upload_fields *filled, uint64_t offset, bool is_complete,
                        uint64_t size, int64_t until_ms)
{
    int64_t left_s = (until_ms - time_wall_ms()) / 1000;

    snprintf(filled->offset, sizeof(filled->offset), "%llu", (unsigned long long)offset);
    snprintf(filled->length, sizeof(filled->length), "%llu", (unsigned long long)size);
    snprintf(filled->limit, sizeof(filled->limit), "max-age=%lld",
             (long long)(left_s < 0 ? 0 : left_s));
    filled->fields[0] = (struct http_field){"Upload-Offset", filled->offset};
    filled->fields[1] = (struct http_field){"Upload-Complete", is_complete ? "?1" : "?0"};
    filled->fields[2] = (struct http_field){"Upload-Length", filled->length};
    filled->fields[3] = (struct http_field){"Upload-Limit", filled->limit};
}

static void answer_upload(struct exchange *exchange, unsigned status, uint64_t offset,
                          const struct wire_upload *upload)
{
    bool is_complete = upload->state != SUBMISSION_RECEIVING;
    struct upload_fields filled;
    char sha256[SHA256_HEX_SIZE];
    struct jwriter writer;

    fill_fields(&filled, offset, is_complete, upload->size_bytes, upload->until_ms);
    hex_text(sha256, upload->sha256, sizeof(upload->sha256));
    jwriter_start(&writer, ANSWER_BYTES_MAX);
    jwriter_object(&writer);
    jwriter_key(&writer, "id");
    jwriter_text_n(&writer, upload->submission.data, upload->submission.size);
    jwriter_key(&writer, "competition");
    jwriter_text_n(&writer, upload->competition.data, upload->competition.size);
    jwriter_key_text(&writer, "state", submission_state_name(upload->state));
    jwriter_key_text(&writer, "sha256", sha256);
    jwriter_key_int(&writer, "bytes", (int64_t)upload->size_bytes);
    jwriter_key_int(&writer, "offset", (int64_t)offset);
    key_time(&writer, "received", upload->received_ms);
    key_time(&writer, "until", upload->until_ms);
    jwriter_object_end(&writer);
    exchange_answer_with(exchange, status, &writer, "application/json", filled.fields,
                         ARRAY_SIZE(filled.fields));
}

static void on_look(struct exchange *exchange, const struct wire_message *reply)
{
    const struct wire_upload *upload = &reply->upload;

    if (!upload_take_over(exchange)) {
        return;
    }
    answer_upload(exchange, 200,
                  upload->state == SUBMISSION_RECEIVING
                      ? blobs_part_bytes(exchange->parts->blobs, exchange->upload.id)
                      : upload->size_bytes,
                  upload);
}

/* Reads the id in the path; the router has checked its form. */
static void read_id(struct exchange *exchange)
{
    struct err ignored;
    const char *text = exchange->args.text[0];

    if (!hex_read(exchange->upload.id, sizeof(exchange->upload.id), text, strlen(text), &ignored)) {
        memset(exchange->upload.id, 0, sizeof(exchange->upload.id));
    }
}

static void ask_upload(struct exchange *exchange, bool is_append,
                       void (*on_reply)(struct exchange *exchange,
                                        const struct wire_message *reply))
{
    struct wire_message message = {.type = WIRE_UPLOAD_GET,
                                   .upload_get = {.token = exchange_token(exchange),
                                                  .submission = wire_text(exchange->args.text[0]),
                                                  .is_append = is_append}};

    exchange_ask(exchange, &message, WIRE_UPLOAD, on_reply);
}

void handle_upload_get(struct exchange *exchange)
{
    read_id(exchange);
    ask_upload(exchange, false, on_look);
}

/* ---- a piece ---- */

static void fail_offset(struct exchange *exchange, uint64_t offset)
{
    struct upload_fields filled;
    struct err err;

    fill_fields(&filled, offset, false, exchange->upload.size_bytes, exchange->upload.until_ms);
    err_set(&err, ERR_INPUT, "the upload goes on at %llu, not at %llu", (unsigned long long)offset,
            (unsigned long long)exchange->upload.offset);
    exchange_fail_with(exchange, 409, "mismatching_upload_offset", err.text, filled.fields,
                       ARRAY_SIZE(filled.fields));
}

static void answer_piece(struct exchange *exchange)
{
    struct upload_fields filled;
    struct jwriter writer;

    fill_fields(&filled, blobs_upload_bytes(exchange->upload.blob), false,
                exchange->upload.size_bytes, exchange->upload.until_ms);
    jwriter_start(&writer, ANSWER_BYTES_MAX);
    exchange_answer_with(exchange, 204, &writer, "application/json", filled.fields,
                         ARRAY_SIZE(filled.fields));
}

/* The last byte of the piece has come. */
static void end_piece(struct exchange *exchange)
{
    struct exchange_upload *upload = &exchange->upload;

    if (upload->blob == NULL) { /* an empty last piece of what is complete already */
        upload_commit(exchange);
    } else if (!upload->is_last) {
        answer_piece(exchange);
    } else if (blobs_upload_bytes(upload->blob) != upload->size_bytes) {
        exchange_fail(exchange, 400, "inconsistent_upload_length",
                      "the last piece does not end where the promised file does");
    } else {
        upload_finish(exchange);
    }
}

/* A piece behind the end of what was promised, or one that says it is the last and is not. */
static bool is_length_wrong(const struct exchange *exchange)
{
    const struct exchange_upload *upload = &exchange->upload;
    uint64_t length = http_request_length(exchange->request);

    if (upload->offset > upload->size_bytes) {
        return true;
    }
    return length != HTTP_LENGTH_UNKNOWN &&
           (length > upload->size_bytes - upload->offset ||
            (upload->is_last && length != upload->size_bytes - upload->offset));
}

static void on_append(struct exchange *exchange, const struct wire_message *reply)
{
    const struct wire_upload *found = &reply->upload;
    struct exchange_upload *upload = &exchange->upload;

    wire_text_copy(upload->competition, sizeof(upload->competition), found->competition);
    upload_expect(exchange, found->size_bytes, found->sha256, found->until_ms);
    memcpy(upload->key, found->key, sizeof(upload->key));
    if (found->state != SUBMISSION_RECEIVING) {
        if (upload->offset == upload->size_bytes && upload->is_last &&
            http_request_length(exchange->request) == 0) {
            memcpy(upload->job.sha256, found->sha256, SHA256_BYTES);
            http_go_on(exchange->request);
            return;
        }
        exchange_fail(exchange, 409, "completed_upload", "the upload is complete");
        return;
    }
    if (is_length_wrong(exchange)) {
        exchange_fail(exchange, 400, "inconsistent_upload_length",
                      "the piece does not end where the promised file does");
        return;
    }
    if (!upload_open_part(exchange, false)) {
        return;
    }
    if (blobs_upload_bytes(upload->blob) != upload->offset) {
        fail_offset(exchange, blobs_upload_bytes(upload->blob));
        return;
    }
    upload_go_on(exchange);
}

void handle_upload_patch(struct exchange *exchange)
{
    struct exchange_upload *upload = &exchange->upload;
    const char *type = http_request_header(exchange->request, "Content-Type");
    struct err err;

    exchange->on_body = upload_add;
    exchange->on_end = end_piece;
    read_id(exchange);
    if (type == NULL || strcmp(type, part_type) != 0) {
        exchange_fail(exchange, 415, "unsupported_media_type",
                      "a piece of an upload is application/partial-upload");
        return;
    }
    if (!header_read_offset(&upload->offset,
                            http_request_header(exchange->request, "Upload-Offset"), &err) ||
        !header_read_flag(&upload->is_last,
                          http_request_header(exchange->request, "Upload-Complete"), &err)) {
        exchange_fail_input(exchange, &err);
        return;
    }
    if (!upload_has_room(exchange)) {
        return;
    }
    ask_upload(exchange, true, on_append);
}
