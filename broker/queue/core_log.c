/* SPDX-License-Identifier: MIT */
/*
 * What the log hands out: receipts, keys, checkpoints, proofs, tiles, entries; and the entry that
 * the clock makes, when a competition closes.
 */
#include "broker/queue/inside.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"

/* ---- receipts ---- */

enum { RECEIPT_NAME_SIZE = 64 };

/* "ID", "ID.promise", "ID.result", and from version 2 of the labels on "ID.result-2". */
static void name_receipt(char name[static RECEIPT_NAME_SIZE], const char *id, enum entry_kind kind,
                         struct wire_bytes line)
{
    char texts[ENTRY_SIZE];
    struct entry entry;
    struct err ignored;

    if (kind == ENTRY_RESULT && entry_read(&entry, texts, line.data, line.size, &ignored) &&
        entry.values[ENTRY_RESULT_LABELS].number > STORE_LABEL_FIRST) {
        snprintf(name, RECEIPT_NAME_SIZE, "%s.result-%" PRId64, id,
                 entry.values[ENTRY_RESULT_LABELS].number);
        return;
    }
    snprintf(name, RECEIPT_NAME_SIZE, "%s%s", id,
             kind == ENTRY_RESULT    ? ".result"
             : kind == ENTRY_PROMISE ? ".promise"
                                     : "");
}

static bool append_receipt(struct core *core, struct wire_buffer *files, const char *id,
                           enum entry_kind kind, struct wire_bytes line, struct wire_bytes proof,
                           struct err *err)
{
    const struct ledger_key *ssh = &core->keys->ssh;
    char name[RECEIPT_NAME_SIZE];
    char minisig[RECEIPT_SIGNATURE_SIZE];
    char sshsig[SSHSIG_SIZE];

    receipt_sign(minisig, &core->keys->receipt, line.data, line.size);
    sshsig_sign(sshsig, line.data, line.size, ssh->public_key, ssh->secret_key);
    name_receipt(name, id, kind, line);
    struct wire_receipt_file file = {.name = wire_text(name),
                                     .entry = line,
                                     .minisig = wire_text(minisig),
                                     .sshsig = wire_text(sshsig),
                                     .proof = proof};
    return wire_append(files, WIRE_RECEIPT_FILE, &file, err);
}

static bool finish_receipt_get(struct core *core, struct core_request *request,
                               const struct core_now *now, struct err *err)
{
    const struct store_entries_get *get = &request->call.entries_get;
    struct wire_message reply = {.type = WIRE_RECEIPT_FILES};
    struct wire_buffer files = {0};
    char id[2 * STORE_ID_BYTES + 1];
    bool ok = true;

    (void)now;
    if (get->outcome == STORE_EMPTY) {
        return core_refuse(core, request, REFUSAL_NOT_FOUND, err, "there is no such submission");
    }
    if (get->outcome != STORE_DONE) {
        return core_refuse_store(core, request, get->outcome, err);
    }
    hex_text(id, get->id, sizeof(get->id));
    for (size_t i = 0; i < get->n_lines && ok; i++) {
        struct wire_bytes line = {.data = (const unsigned char *)get->lines[i].text,
                                  .size = get->lines[i].size};
        ok = append_receipt(core, &files, id, get->lines[i].kind, line,
                            wire_buffer_bytes(&get->lines[i].proof), err);
    }
    reply.receipt_files.files = wire_buffer_bytes(&files);
    ok = ok && core_reply(core, request, &reply, err);
    wire_buffer_free(&files);
    return ok;
}

bool core_begin_receipt_get(struct core *core, struct core_request *request,
                            const struct core_now *now, struct err *err)
{
    struct store_entries_get *get = &request->call.entries_get;
    uint8_t id[STORE_ID_BYTES];
    bool is_good;

    (void)now;
    if (!core_read_id(core, request, id, request->message.receipt_get.submission, &is_good, err) ||
        !is_good) {
        return !is_good;
    }
    request->finish = finish_receipt_get;
    request->call.kind = CALL_ENTRIES_GET;
    *get = (struct store_entries_get){.team = core_visible_team(request)};
    memcpy(get->id, id, sizeof(id));
    return core_store(core, request, err);
}

/* ---- keys ---- */

bool core_begin_key_get(struct core *core, struct core_request *request, const struct core_now *now,
                        struct err *err)
{
    struct wire_message reply = {.type = WIRE_KEY};
    char receipt[RECEIPT_KEY_TEXT_SIZE];
    char signer[SSHSIG_SIGNER_SIZE];
    char log[NOTE_KEY_TEXT_SIZE];

    (void)now;
    switch (request->message.key_get.kind) {
    case KEY_RECEIPT:
        receipt_public_key_text(receipt, &core->keys->receipt.public_key);
        reply.key.text = wire_text(receipt);
        return core_reply(core, request, &reply, err);
    case KEY_SIGNERS:
        ledger_signer(signer, core->keys, core->settings.host);
        reply.key.text = wire_text(signer);
        return core_reply(core, request, &reply, err);
    case KEY_LOG:
        ledger_log_key(log, core->keys, core->settings.host);
        reply.key.text = wire_text(log);
        return core_reply(core, request, &reply, err);
    default:
        return core_refuse(core, request, REFUSAL_NOT_FOUND, err, "there is no such key");
    }
}

/* ---- the log itself ---- */

static bool finish_log_get(struct core *core, struct core_request *request,
                           const struct core_now *now, struct err *err)
{
    const struct store_log_get *get = &request->call.log_get;
    struct wire_message reply = {.type = WIRE_LOG};

    (void)now;
    if (get->outcome == STORE_EMPTY) {
        return core_refuse(core, request, REFUSAL_NOT_FOUND, err,
                           "the log of this competition has no such part");
    }
    if (get->outcome != STORE_DONE) {
        return core_refuse_store(core, request, get->outcome, err);
    }
    reply.log.data = wire_buffer_bytes(&get->data);
    return core_reply(core, request, &reply, err);
}

bool core_begin_log_get(struct core *core, struct core_request *request, const struct core_now *now,
                        struct err *err)
{
    const struct wire_log_get *message = &request->message.log_get;
    struct store_log_get *get = &request->call.log_get;
    bool is_found;

    (void)now;
    if (!core_find_contest(core, request, message->competition, &is_found, err) || !is_found) {
        return !is_found;
    }
    request->finish = finish_log_get;
    request->call.kind = CALL_LOG_GET;
    *get = (struct store_log_get){
        .competition = request->contest->number,
        .part = (enum wire_log_part)message->part,
        .first = message->first,
        .second = message->second,
        .third = message->third,
        .is_organizer =
            request->account != NULL && request->account->scope == STORE_SCOPE_ORGANIZER,
    };
    memcpy(get->sha256, message->sha256, sizeof(get->sha256));
    return core_store(core, request, err);
}

/* ---- files that its entries name ---- */

static bool finish_file_put(struct core *core, struct core_request *request,
                            const struct core_now *now, struct err *err)
{
    const struct store_file_put *put = &request->call.file_put;

    (void)now;
    if (put->outcome != STORE_DONE) {
        return core_refuse_store(core, request, put->outcome, err);
    }
    return core_reply_done(core, request, "kept", err);
}

bool core_begin_file_put(struct core *core, struct core_request *request,
                         const struct core_now *now, struct err *err)
{
    const struct wire_file_put *message = &request->message.file_put;
    struct store_file_put *put = &request->call.file_put;
    bool is_found;

    (void)now;
    if (!core_find_contest(core, request, message->competition, &is_found, err) || !is_found) {
        return !is_found;
    }
    if (message->data.size == 0 || message->at > STORE_FILE_MAX) {
        return core_refuse(core, request, REFUSAL_BAD_REQUEST, err,
                           "a piece of a file has bytes, and a file at most %d", STORE_FILE_MAX);
    }
    request->finish = finish_file_put;
    request->call.kind = CALL_FILE_PUT;
    *put = (struct store_file_put){
        .competition = request->contest->number, .at = (int64_t)message->at, .data = message->data};
    memcpy(put->sha256, message->sha256, sizeof(put->sha256));
    return core_store(core, request, err);
}

static bool finish_disclosure_put(struct core *core, struct core_request *request,
                                  const struct core_now *now, struct err *err)
{
    const struct store_disclosure_put *put = &request->call.disclosure_put;

    (void)now;
    if (put->outcome == STORE_CONFLICT) {
        return core_refuse(core, request, REFUSAL_CONFLICT, err, "%s", put->reason);
    }
    if (put->outcome == STORE_EMPTY) {
        return core_refuse(core, request, REFUSAL_NOT_FOUND, err, "there is no such label set");
    }
    if (put->outcome != STORE_DONE && put->outcome != STORE_REPEATED) {
        return core_refuse_store(core, request, put->outcome, err);
    }
    return core_reply_done(core, request, "published", err);
}

bool core_begin_disclosure_put(struct core *core, struct core_request *request,
                               const struct core_now *now, struct err *err)
{
    const struct wire_disclosure_put *message = &request->message.disclosure_put;
    struct store_disclosure_put *put = &request->call.disclosure_put;
    bool is_found;

    if (!core_find_contest(core, request, message->competition, &is_found, err) || !is_found) {
        return !is_found;
    }
    request->finish = finish_disclosure_put;
    request->call.kind = CALL_DISCLOSURE_PUT;
    *put = (struct store_disclosure_put){
        .competition = request->contest->number, .labels = message->labels, .now_ms = now->wall_ms};
    memcpy(put->label_seed, message->label_seed, sizeof(put->label_seed));
    memcpy(put->sha256, message->sha256, sizeof(put->sha256));
    return core_store(core, request, err);
}

/* ---- closing by the clock ---- */

static bool finish_close(struct core *core, struct core_request *request,
                         const struct core_now *now, struct err *err)
{
    const struct store_close_put *put = &request->call.close_put;

    (void)now;
    request->contest->is_closing = false;
    if (put->outcome != STORE_DONE && put->outcome != STORE_REPEATED) {
        return err_set(err, ERR_STORE, "the log of %s cannot be closed",
                       request->contest->rules.id);
    }
    request->contest->is_closed = true;
    core_schedule_close(core);
    return true;
}

void core_schedule_close(struct core *core)
{
    core->close_ms = INT64_MAX;
    for (size_t i = 0; i < core->directory.n_contests; i++) {
        const struct contest *contest = core->directory.contests[i];
        int64_t closes_ms = contest->rules.closes_ms;
        if (!contest->is_closed && closes_ms != CONF_NULL && closes_ms < core->close_ms) {
            core->close_ms = closes_ms;
        }
    }
}

bool core_close_due(struct core *core, const struct core_now *now, struct err *err)
{
    for (size_t i = 0; i < core->directory.n_contests; i++) {
        struct contest *contest = core->directory.contests[i];
        int64_t closes_ms = contest->rules.closes_ms;
        if (contest->is_closed || contest->is_closing || closes_ms == CONF_NULL ||
            closes_ms >= now->wall_ms) {
            continue;
        }
        struct core_request *request = core_request_new();
        if (request == NULL) {
            return err_set(err, ERR_SYSTEM, "no memory for a request");
        }
        request->contest = contest;
        request->finish = finish_close;
        request->call.kind = CALL_CLOSE_PUT;
        request->call.close_put =
            (struct store_close_put){.competition = contest->number, .now_ms = now->wall_ms};
        if (!core_store_own(core, request, err)) {
            return false;
        }
        contest->is_closing = true;
    }
    return true;
}
