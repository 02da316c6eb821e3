/* SPDX-License-Identifier: MIT */
/*
 * Files on their way in. See the header. A promised file is written where a later request can go
 * on with it; any other is dropped with its request.
 */
#include "broker/gateway/upload.h"

#include <string.h>

#include "broker/gateway/handlers.h"
#include "broker/gateway/records.h"
#include "common/crashpoint.h"
#include "common/crypt.h"
#include "common/log.h"
#include "common/text.h"
#include "schemas/entry.h"

enum { ANSWER_BYTES_MAX = 64 << 10, BUSY_SECONDS = 30, KEY_HEX_SIZE = 2 * EXCHANGE_KEY_BYTES + 1 };

bool upload_read_key(struct exchange *exchange, struct err *err)
{
    const char *text = http_request_header(exchange->request, "Idempotency-Key");

    if (text == NULL) {
        crypt_random(exchange->upload.key, EXCHANGE_KEY_BYTES);
        return true;
    }
    return hex_read(exchange->upload.key, EXCHANGE_KEY_BYTES, text, strlen(text), err) ||
           err_set(err, ERR_INPUT, "Idempotency-Key must have 32 hexadecimal digits");
}

bool upload_has_room(struct exchange *exchange)
{
    uint64_t length = http_request_length(exchange->request);
    uint64_t needed = (uint64_t)exchange->parts->settings.limits.free_bytes;
    uint64_t free_bytes = 0;
    struct err err;

    if (!blobs_free_bytes(&free_bytes, exchange->parts->blobs, &err)) {
        log_error("blob folder", "error=%s", err.text);
    }
    needed += length == HTTP_LENGTH_UNKNOWN ? 0 : length;
    if (free_bytes >= needed) {
        return true;
    }
    exchange_fail_busy(exchange, BUSY_SECONDS, "there is no room for the file now");
    return false;
}

void upload_expect(struct exchange *exchange, uint64_t size_bytes,
                   const uint8_t sha256[static SHA256_BYTES], int64_t until_ms)
{
    struct exchange_upload *upload = &exchange->upload;

    upload->is_promised = true;
    upload->size_bytes = size_bytes;
    upload->bytes_max = size_bytes;
    upload->until_ms = until_ms;
    memcpy(upload->job.sha256, sha256, SHA256_BYTES);
}

/* ---- one request at a time adds to a promised file ---- */

bool upload_take_over(struct exchange *exchange)
{
    for (struct exchange *other = exchange->parts->uploads; other != NULL;
         other = other->upload.next) {
        struct exchange_upload *upload = &other->upload;
        if (other == exchange || upload->blob == NULL ||
            memcmp(upload->id, exchange->upload.id, sizeof(upload->id)) != 0) {
            continue;
        }
        if (!http_cut(other->request)) {
            exchange_fail_busy(exchange, 1, "the upload is being worked on");
            return false;
        }
        exchange_fail(other, 409, "superseded", "another request goes on with this upload");
        blobs_upload_close(&upload->blob);
    }
    return true;
}

void upload_leave(struct exchange *exchange)
{
    for (struct exchange **place = &exchange->parts->uploads; *place != NULL;
         place = &(*place)->upload.next) {
        if (*place == exchange) {
            *place = exchange->upload.next;
            break;
        }
    }
    blobs_upload_close(&exchange->upload.blob);
}

bool upload_open_part(struct exchange *exchange, bool is_new)
{
    struct exchange_upload *upload = &exchange->upload;
    struct err err;

    if (!upload_take_over(exchange)) {
        return false;
    }
    switch (blobs_part_open(&upload->blob, exchange->parts->blobs, upload->id, is_new, &err)) {
    case BLOBS_PART_OPENED:
        upload->next = exchange->parts->uploads;
        exchange->parts->uploads = exchange;
        return true;
    case BLOBS_PART_IN_USE:
        exchange_fail_busy(exchange, 1, "the upload is being worked on");
        return false;
    case BLOBS_PART_FAILED:
        break;
    }
    exchange_fail_err(exchange, &err);
    return false;
}

/* ---- work on threads ---- */

static void work(struct exchange *exchange, enum finisher_work kind,
                 void (*on_done)(struct exchange *exchange))
{
    struct exchange_upload *upload = &exchange->upload;

    upload->on_done = on_done;
    upload->job.upload = upload->blob;
    upload->job.context = exchange;
    upload->job.work = kind;
    http_hold(exchange->request);
    finisher_add(exchange->parts->finisher, &upload->job);
}

static void on_rehashed(struct exchange *exchange)
{
    if (!exchange->upload.job.is_done) {
        exchange_fail_err(exchange, &exchange->upload.job.err);
        return;
    }
    http_go_on(exchange->request);
}

void upload_go_on(struct exchange *exchange)
{
    if (blobs_upload_bytes(exchange->upload.blob) == 0) {
        http_go_on(exchange->request);
        return;
    }
    work(exchange, FINISHER_REHASH, on_rehashed);
}

void upload_fail_too_large(struct exchange *exchange)
{
    struct err err;

    err_set(&err, ERR_INPUT, "the file is larger than %llu bytes",
            (unsigned long long)exchange->upload.bytes_max);
    exchange_fail(exchange, 413, "too_large", err.text);
}

void upload_add(struct exchange *exchange, const void *data, size_t size)
{
    struct exchange_upload *upload = &exchange->upload;
    struct err err;

    if (size > upload->bytes_max - blobs_upload_bytes(upload->blob)) {
        upload_fail_too_large(exchange);
        return;
    }
    if (!blobs_upload_add(upload->blob, data, size, &err)) {
        log_error("upload failed", "error=%s", err.text);
        exchange_fail_busy(exchange, BUSY_SECONDS, "the file cannot be stored now");
    }
}

/* ---- the answer ---- */

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
    jwriter_key_int(&writer, "bytes", (int64_t)exchange->upload.size_bytes);
    write_received(&writer, accepted);
    jwriter_key(&writer, "entry");
    jwriter_text_n(&writer, accepted->entry.data, accepted->entry.size);
    jwriter_key(&writer, "minisig");
    jwriter_text_n(&writer, accepted->minisig.data, accepted->minisig.size);
    quota_json(&writer, accepted->remaining_today, accepted->remaining_total,
               accepted->resets_at_ms);
    jwriter_key_bool(&writer, "is_repeated", accepted->is_repeated != 0);
    jwriter_object_end(&writer);
    const struct http_field fields[] = {
        {"Location", location}, {"Idempotency-Key", key}, {"Upload-Complete", "?1"}};
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
    CRASHPOINT("accepted, client not told");
    answer_accepted(exchange, &reply->submit_accepted);
}

void upload_commit(struct exchange *exchange)
{
    struct exchange_upload *upload = &exchange->upload;
    struct wire_message message = {.type = WIRE_SUBMIT_COMMIT};
    struct wire_submit_commit *commit = &message.submit_commit;
    struct err err;

    if (!upload_read_names(&commit->file_name, &commit->message, exchange, &err)) {
        exchange_fail_err(exchange, &err);
        return;
    }
    commit->token = exchange_token(exchange);
    commit->competition = wire_text(upload->competition);
    commit->size_bytes = upload->size_bytes;
    commit->received_ms = upload->received_ms;
    memcpy(commit->key, upload->key, sizeof(commit->key));
    memcpy(commit->sha256, upload->job.sha256, sizeof(commit->sha256));
    CRASHPOINT("blob stored, broker not told");
    exchange_ask_long(exchange, &message, exchange->parts->settings.times.commit_ms, on_committed);
}

static void on_finished(struct exchange *exchange)
{
    const struct finisher_job *job = &exchange->upload.job;

    if (!job->is_done) {
        exchange_fail_err(exchange, &job->err);
    } else if (job->is_other) {
        exchange_fail(exchange, 409, "other_bytes",
                      "these are not the bytes that were promised: their SHA-256 is another. None "
                      "of them was kept; begin at 0 again");
    } else {
        upload_commit(exchange);
    }
}

/* From here on it is late for nobody. */
void upload_finish(struct exchange *exchange)
{
    struct exchange_upload *upload = &exchange->upload;

    upload->received_ms = time_wall_ms();
    upload->size_bytes = blobs_upload_bytes(upload->blob);
    work(exchange, upload->is_promised ? FINISHER_FINISH_AS : FINISHER_FINISH, on_finished);
}

/* ---- what people typed ---- */

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

bool upload_read_names(struct wire_bytes *file_name, struct wire_bytes *message,
                       const struct exchange *exchange, struct err *err)
{
    return read_text(file_name, exchange, "file_name", 255, err) &&
           read_text(message, exchange, "message", 500, err);
}
