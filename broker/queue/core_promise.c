/* SPDX-License-Identifier: MIT */
/*
 * Promises: a file's hash and size are durable and receipted before its bytes come. At a deadline
 * only these small rows burst, so a promise is taken however long the queue is; its bytes may be
 * told to come back later, until half of their time is over.
 */
#include "broker/queue/inside.h"

#include <string.h>

#include "common/text.h"

bool core_is_expired(const struct store_upload *upload, const struct core_now *now)
{
    return upload->state == SUBMISSION_EXPIRED ||
           (upload->state == SUBMISSION_RECEIVING && now->wall_ms > upload->until_ms);
}

bool core_is_hurried(const struct store_upload *upload, const struct core_now *now,
                     int64_t promise_ms)
{
    return upload->state == SUBMISSION_RECEIVING &&
           upload->until_ms - now->wall_ms < promise_ms / 2;
}

/* ---- promising ---- */

static bool reply_promised(struct core *core, const struct core_request *request, struct err *err)
{
    const struct store_submit *submit = &request->call.submit;
    struct wire_message reply = {.type = WIRE_PROMISED};
    char minisig[RECEIPT_SIGNATURE_SIZE];
    char id[2 * STORE_ID_BYTES + 1];

    hex_text(id, submit->id, sizeof(submit->id));
    receipt_sign(minisig, &core->keys->receipt, submit->entry, submit->entry_size);
    reply.promised.submission = wire_text(id);
    reply.promised.is_repeated = submit->outcome == STORE_REPEATED;
    reply.promised.state = (uint8_t)submit->state;
    reply.promised.entry = (struct wire_bytes){.data = (const unsigned char *)submit->entry,
                                               .size = submit->entry_size};
    reply.promised.minisig = wire_text(minisig);
    reply.promised.received_ms = submit->received_ms;
    reply.promised.until_ms = submit->until_ms;
    reply.promised.remaining_today = submit->quota.remaining_today;
    reply.promised.remaining_total = submit->quota.remaining_total;
    reply.promised.resets_at_ms = submit->quota.resets_at_ms;
    return core_reply(core, request, &reply, err);
}

static bool finish_promise_put(struct core *core, struct core_request *request,
                               const struct core_now *now, struct err *err)
{
    const struct store_submit *submit = &request->call.submit;
    char id[2 * STORE_ID_BYTES + 1];

    if (submit->outcome == STORE_DONE) {
        hex_text(id, submit->id, sizeof(submit->id));
        core_publish(core, request->contest, id);
    }
    return submit->outcome == STORE_DONE || submit->outcome == STORE_REPEATED
               ? reply_promised(core, request, err)
               : core_refuse_submit(core, request, now, err);
}

bool core_begin_promise_put(struct core *core, struct core_request *request,
                            const struct core_now *now, struct err *err)
{
    const struct wire_promise_put *message = &request->message.promise_put;
    struct store_submit *submit = &request->call.submit;
    bool is_found;

    if (!core_find_own_contest(core, request, message->competition, &is_found, err) || !is_found) {
        return !is_found;
    }
    if (core_is_full(core)) {
        return core_refuse_full(core, request, err);
    }
    if (message->size_bytes > (uint64_t)request->contest->rules.limits.file_bytes) {
        return core_refuse(core, request, REFUSAL_TOO_LARGE, err,
                           "file has %llu bytes, limit is %lld",
                           (unsigned long long)message->size_bytes,
                           (long long)request->contest->rules.limits.file_bytes);
    }
    request->finish = finish_promise_put;
    request->call.kind = CALL_SUBMIT;
    *submit = (struct store_submit){
        .competition = request->contest->number,
        .team = request->account->team->number,
        .size_bytes = (int64_t)message->size_bytes,
        .received_ms = now->wall_ms,
        .now_ms = now->wall_ms,
        .grace_ms = core->settings.promise_ms,
        .file_name = core_printable(request->file_name, FILE_NAME_SIZE, message->file_name),
        .message = core_printable(request->text, MESSAGE_SIZE, message->message),
        .is_closed = core_closed_reason(request->contest, now->wall_ms) != NULL,
    };
    memcpy(submit->id, now->random, sizeof(submit->id));
    memcpy(submit->key, message->key, sizeof(submit->key));
    memcpy(submit->sha256, message->sha256, sizeof(submit->sha256));
    return core_store(core, request, err);
}

/* ---- what became of it ---- */

static bool finish_upload_get(struct core *core, struct core_request *request,
                              const struct core_now *now, struct err *err)
{
    const struct store_upload_get *get = &request->call.upload_get;
    const struct store_upload *upload = &get->upload;
    struct wire_message reply = {.type = WIRE_UPLOAD};
    char id[2 * STORE_ID_BYTES + 1];

    if (get->outcome == STORE_EMPTY) {
        return core_refuse(core, request, REFUSAL_NOT_FOUND, err, "there is no such promise");
    }
    if (get->outcome != STORE_DONE) {
        return core_refuse_store(core, request, get->outcome, err);
    }
    if (core_is_expired(upload, now)) {
        return core_refuse_expired(core, request, upload->until_ms, err);
    }
    if (request->message.upload_get.is_append != 0 && upload->state == SUBMISSION_RECEIVING &&
        core_is_behind(core) && !core_is_hurried(upload, now, core->settings.promise_ms)) {
        return core_refuse_full(core, request, err);
    }
    hex_text(id, upload->id, sizeof(upload->id));
    reply.upload.submission = wire_text(id);
    reply.upload.competition = wire_text(get->competition);
    reply.upload.state = (uint8_t)upload->state;
    reply.upload.size_bytes = (uint64_t)upload->size_bytes;
    reply.upload.received_ms = upload->received_ms;
    reply.upload.until_ms = upload->until_ms;
    memcpy(reply.upload.key, get->key, sizeof(get->key));
    memcpy(reply.upload.sha256, upload->sha256, sizeof(upload->sha256));
    return core_reply(core, request, &reply, err);
}

bool core_begin_upload_get(struct core *core, struct core_request *request,
                           const struct core_now *now, struct err *err)
{
    const struct wire_upload_get *message = &request->message.upload_get;
    struct store_upload_get *get = &request->call.upload_get;
    uint8_t id[STORE_ID_BYTES];
    bool is_good;

    (void)now;
    if (!core_read_id(core, request, id, message->submission, &is_good, err) || !is_good) {
        return !is_good;
    }
    if (message->is_append != 0 && core_is_full(core)) {
        return core_refuse_full(core, request, err);
    }
    request->finish = finish_upload_get;
    request->call.kind = CALL_UPLOAD_GET;
    *get = (struct store_upload_get){.team = core_visible_team(request)};
    memcpy(get->id, id, sizeof(id));
    return core_store(core, request, err);
}

/* ---- files without a submission ---- */

static bool finish_blobs_get(struct core *core, struct core_request *request,
                             const struct core_now *now, struct err *err)
{
    const struct store_files_get *get = &request->call.files_get;
    struct wire_message reply = {.type = WIRE_BLOBS};

    (void)now;
    if (get->outcome != STORE_DONE) {
        return core_refuse_store(core, request, get->outcome, err);
    }
    reply.blobs.are_known = wire_buffer_bytes(&get->are_known);
    return core_reply(core, request, &reply, err);
}

bool core_begin_blobs_get(struct core *core, struct core_request *request,
                          const struct core_now *now, struct err *err)
{
    struct wire_bytes hashes = request->message.blobs_get.hashes;

    (void)now;
    if (hashes.size % SHA256_BYTES != 0) {
        return core_refuse(core, request, REFUSAL_BAD_REQUEST, err, "these are no hashes");
    }
    request->finish = finish_blobs_get;
    request->call.kind = CALL_FILES_GET;
    request->call.files_get = (struct store_files_get){.hashes = hashes};
    return core_store(core, request, err);
}
