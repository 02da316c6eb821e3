/* SPDX-License-Identifier: MIT */
/*
 * Corrections of labels: taken, and shown when everything is scored under them. The board in memory
 * stays what it was until the new one is there, and then is that one at once.
 */
#include "broker/queue/inside.h"

#include <string.h>

/* The public board as it was computed in the commit of the last result. */
static bool finish_corrected_board(struct core *core, struct core_request *request,
                                   const struct core_now *now, struct err *err)
{
    const struct store_board_get *get = &request->call.board_get;
    struct contest *contest = request->contest;

    (void)now;
    contest->is_reloading = false;
    if (get->outcome != STORE_DONE) {
        return err_set(err, ERR_STORE, "the board of %s cannot be read", contest->rules.id);
    }
    directory_clear(contest, STORE_PUBLIC);
    for (size_t i = 0; i < get->n_rows; i++) {
        if (!directory_rank(&core->directory, contest, STORE_PUBLIC, &get->rows[i], err)) {
            return false;
        }
    }
    core_publish(core, contest, "");
    return true;
}

bool core_load_corrected(struct core *core, const struct store_changed *changed, struct err *err)
{
    struct contest *contest = directory_contest_numbered(&core->directory, changed->competition);
    struct core_request *request = core_request_new();

    if (request == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for a request");
    }
    contest->label_version = changed->label_version;
    contest->board_version = changed->board_version;
    contest->board_changed_ms = changed->board_changed_ms;
    contest->is_reloading = true;
    request->contest = contest;
    request->finish = finish_corrected_board;
    request->call.kind = CALL_BOARD_GET;
    request->call.board_get =
        (struct store_board_get){.competition = contest->number, .track = STORE_PUBLIC};
    return core_store_own(core, request, err);
}

static bool finish_correction_put(struct core *core, struct core_request *request,
                                  const struct core_now *now, struct err *err)
{
    const struct store_correction_put *put = &request->call.correction_put;

    if (put->outcome == STORE_CONFLICT) {
        return core_refuse(core, request, REFUSAL_CONFLICT, err, "%s", put->refusal);
    }
    if (put->outcome != STORE_DONE && put->outcome != STORE_REPEATED) {
        return core_refuse_store(core, request, put->outcome, err);
    }
    if (put->changed.is_corrected && !core_load_corrected(core, &put->changed, err)) {
        return false;
    }
    return core_wake(core, WAITERS_MAX, now, err) && core_reply_done(core, request, "taken", err);
}

/* What an entry of the log can hold. */
static bool is_reason(struct wire_bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < 0x20 || text.data[i] > 0x7e || text.data[i] == '"' ||
            text.data[i] == '\\') {
            return false;
        }
    }
    return text.size > 0;
}

bool core_begin_correction_put(struct core *core, struct core_request *request,
                               const struct core_now *now, struct err *err)
{
    const struct wire_correction_put *message = &request->message.correction_put;
    struct store_correction_put *put = &request->call.correction_put;
    bool is_found;

    if (!core_find_contest(core, request, message->competition, &is_found, err) || !is_found) {
        return !is_found;
    }
    if (!is_reason(message->reason) || message->n_public > UINT32_MAX ||
        message->n_private > UINT32_MAX) {
        return core_refuse(core, request, REFUSAL_BAD_REQUEST, err,
                           "a reason is printable ASCII without quotes and backslashes");
    }
    request->finish = finish_correction_put;
    request->call.kind = CALL_CORRECTION_PUT;
    *put = (struct store_correction_put){.competition = request->contest->number,
                                         .labels = message->labels,
                                         .n_public = (int64_t)message->n_public,
                                         .n_private = (int64_t)message->n_private,
                                         .reason = message->reason,
                                         .now_ms = now->wall_ms};
    memcpy(put->label_root, message->label_root, sizeof(put->label_root));
    memcpy(put->label_set, message->label_set, sizeof(put->label_set));
    memcpy(put->sha256, message->sha256, sizeof(put->sha256));
    memcpy(put->signature, message->signature, sizeof(put->signature));
    return core_store(core, request, err);
}
