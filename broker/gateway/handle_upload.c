/* SPDX-License-Identifier: MIT */
/*
 * A file arrives: the broker is asked whether it may come, it is streamed into the blob folder
 * while it is hashed, and the broker is told until it has answered. The key makes a repeated
 * request the same submission, from the client's side and from ours.
 */
#include <string.h>

#include "broker/gateway/handlers.h"
#include "broker/gateway/records.h"
#include "common/crypt.h"
#include "common/log.h"
#include "common/text.h"
#include "schemas/entry.h"

enum { ANSWER_BYTES_MAX = 64 << 10, BUSY_SECONDS = 30, KEY_HEX_SIZE = 2 * EXCHANGE_KEY_BYTES + 1 };

/* Text from the query that people will see: no control characters. */
static bool read_text(struct wire_bytes *text, const struct exchange *exchange, const char *name,
                      size_t size_max, struct err *err)
{
    const char *value = exchange_query(exchange, name);

    *text = wire_text(value == NULL ? "" : value);
    if (text->size > size_max) {
        return err_set(err, ERR_INPUT, "%s has %zu bytes, limit is %zu", name, text->size,
                       size_max);
    }
    for (size_t i = 0; i < text->size; i++) {
        if (text->data[i] < 0x20 || text->data[i] == 0x7f) {
            return err_set(err, ERR_INPUT, "%s holds a control character", name);
        }
    }
    return true;
}

static bool read_names(struct wire_bytes *file_name, struct wire_bytes *message,
                       const struct exchange *exchange, struct err *err)
{
    return read_text(file_name, exchange, "file_name", 255, err) &&
           read_text(message, exchange, "message", 500, err);
}

/* The client's key, or one of ours where it has none. */
static bool read_key(struct exchange *exchange, struct err *err)
{
    const char *text = http_request_header(exchange->request, "Idempotency-Key");

    if (text == NULL) {
        crypt_random(exchange->upload.key, EXCHANGE_KEY_BYTES);
        return true;
    }
    return hex_read(exchange->upload.key, EXCHANGE_KEY_BYTES, text, strlen(text), err) ||
           err_set(err, ERR_INPUT, "Idempotency-Key must have 32 hexadecimal digits");
}

static void fail_too_large(struct exchange *exchange)
{
    struct err err;

    err_set(&err, ERR_INPUT, "the file is larger than %llu bytes",
            (unsigned long long)exchange->upload.bytes_max);
    exchange_fail(exchange, 413, "too_large", err.text);
}

/* True where the disk has room for a file of the announced size, and some to spare. */
static bool has_room(struct exchange *exchange)
{
    uint64_t length = http_request_length(exchange->request);
    uint64_t needed = (uint64_t)exchange->parts->settings.limits.free_bytes;
    uint64_t free_bytes = 0;
    struct err err;

    if (!blobs_free_bytes(&free_bytes, exchange->parts->blobs, &err)) {
        log_error("blob folder", "error=%s", err.text);
        return false;
    }
    needed += length == HTTP_LENGTH_UNKNOWN ? 0 : length;
    return free_bytes >= needed;
}

/* ---- the end: everything arrived ---- */

static void write_received(struct jwriter *writer, const struct wire_submit_accepted *accepted)
{
    char texts[ENTRY_SIZE];
    struct entry entry;
    struct err err;

    jwriter_key(writer, "received");
    if (entry_read(&entry, texts, accepted->entry.data, accepted->entry.size, &err) &&
        entry.kind == ENTRY_SUBMISSION) {
        jwriter_text(writer, entry.values[ENTRY_SUBMISSION_RECEIVED].text);
    } else {
        jwriter_null(writer);
    }
}

static void answer_accepted(struct exchange *exchange, const struct wire_submit_accepted *accepted)
{
    char location[64] = "/v1/submissions/";
    char sha256[SHA256_HEX_SIZE];
    char key[KEY_HEX_SIZE];
    struct jwriter writer;

    wire_text_copy(location + strlen(location), 33, accepted->submission);
    hex_text(sha256, exchange->upload.job.sha256, SHA256_BYTES);
    hex_text(key, exchange->upload.key, EXCHANGE_KEY_BYTES);
    jwriter_start(&writer, ANSWER_BYTES_MAX);
    jwriter_object(&writer);
    jwriter_key(&writer, "id");
    jwriter_text_n(&writer, accepted->submission.data, accepted->submission.size);
    jwriter_key_text(&writer, "state", "accepted");
    jwriter_key_text(&writer, "sha256", sha256);
    jwriter_key_int(&writer, "bytes", (int64_t)blobs_upload_bytes(exchange->upload.blob));
    write_received(&writer, accepted);
    jwriter_key(&writer, "entry");
    jwriter_text_n(&writer, accepted->entry.data, accepted->entry.size);
    jwriter_key(&writer, "minisig");
    jwriter_text_n(&writer, accepted->minisig.data, accepted->minisig.size);
    quota_json(&writer, accepted->remaining_today, accepted->remaining_total,
               accepted->resets_at_ms);
    jwriter_key_bool(&writer, "is_repeated", accepted->is_repeated != 0);
    jwriter_object_end(&writer);
    const struct http_field fields[] = {{"Location", location}, {"Idempotency-Key", key}};
    exchange_answer_with(exchange, 202, &writer, "application/json", fields, ARRAY_SIZE(fields));
}

static void on_committed(struct exchange *exchange, const struct wire_message *reply)
{
    if (reply == NULL) {
        exchange_fail_busy(exchange, 1,
                           "the file has arrived, but the broker does not answer: send it again "
                           "with the same Idempotency-Key");
        return;
    }
    if (reply->type != WIRE_SUBMIT_ACCEPTED) {
        exchange_fail_reply(exchange, reply);
        return;
    }
    answer_accepted(exchange, &reply->submit_accepted);
}

void handle_upload_stored(struct exchange *exchange)
{
    struct exchange_upload *upload = &exchange->upload;
    struct wire_message message = {.type = WIRE_SUBMIT_COMMIT};
    struct wire_submit_commit *commit = &message.submit_commit;
    struct err err;

    if (!upload->job.is_done) {
        exchange_fail_err(exchange, &upload->job.err);
        return;
    }
    if (!read_names(&commit->file_name, &commit->message, exchange, &err)) {
        exchange_fail_err(exchange, &err);
        return;
    }
    commit->token = exchange_token(exchange);
    commit->competition = wire_text(exchange->args.text[0]);
    commit->size_bytes = blobs_upload_bytes(upload->blob);
    commit->received_ms = upload->received_ms;
    memcpy(commit->key, upload->key, sizeof(commit->key));
    memcpy(commit->sha256, upload->job.sha256, sizeof(commit->sha256));
    exchange_ask_long(exchange, &message, exchange->parts->settings.times.commit_ms, on_committed);
}

/* The last byte has come: from here on it is late for nobody. */
static void finish(struct exchange *exchange)
{
    struct exchange_upload *upload = &exchange->upload;

    upload->received_ms = time_wall_ms();
    upload->job = (struct finisher_job){.upload = upload->blob, .context = exchange};
    http_hold(exchange->request);
    finisher_add(exchange->parts->finisher, &upload->job);
}

/* ---- the body ---- */

static void add(struct exchange *exchange, const void *data, size_t size)
{
    struct exchange_upload *upload = &exchange->upload;
    struct err err;

    if (size > upload->bytes_max - blobs_upload_bytes(upload->blob)) {
        fail_too_large(exchange);
        return;
    }
    if (!blobs_upload_add(upload->blob, data, size, &err)) {
        log_error("upload failed", "error=%s", err.text);
        exchange_fail_busy(exchange, BUSY_SECONDS, "the file cannot be stored now");
    }
}

/* ---- the head ---- */

static void on_allowed(struct exchange *exchange, const struct wire_message *reply)
{
    uint64_t length = http_request_length(exchange->request);
    struct err err;

    if (reply->submit_allowed.bytes_max < exchange->upload.bytes_max) {
        exchange->upload.bytes_max = reply->submit_allowed.bytes_max;
    }
    if (length != HTTP_LENGTH_UNKNOWN && length > exchange->upload.bytes_max) {
        fail_too_large(exchange);
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
    uint64_t length = http_request_length(exchange->request);
    struct wire_bytes file_name;
    struct wire_bytes text;
    struct err err;

    exchange->on_body = add;
    exchange->on_end = finish;
    exchange->upload.bytes_max = (uint64_t)exchange->parts->settings.limits.upload_bytes;
    if (!read_key(exchange, &err) || !read_names(&file_name, &text, exchange, &err)) {
        exchange_fail_input(exchange, &err);
        return;
    }
    if (length != HTTP_LENGTH_UNKNOWN && length > exchange->upload.bytes_max) {
        fail_too_large(exchange);
        return;
    }
    if (!has_room(exchange)) {
        exchange_fail_busy(exchange, BUSY_SECONDS, "there is no room for the file now");
        return;
    }
    struct wire_message message = {
        .type = WIRE_SUBMIT_BEGIN,
        .submit_begin = {.token = exchange_token(exchange),
                         .competition = wire_text(exchange->args.text[0]),
                         .size_bytes = length}};
    memcpy(message.submit_begin.key, exchange->upload.key, EXCHANGE_KEY_BYTES);
    exchange_ask(exchange, &message, WIRE_SUBMIT_ALLOWED, on_allowed);
}
