/* SPDX-License-Identifier: MIT */
/*
 * Boards from memory, and their moves. Nobody sees a hidden board but the organizer, and nobody at
 * all a private number before the reveal is complete.
 */
#include "broker/queue/inside.h"

#include <string.h>

#include "common/text.h"
#include "schemas/score.h"

enum { PAGE_ROWS_MAX = 2000 };

/* The board that answers for a track: a frozen public one stands until the reveal is asked for. */
static enum store_track shown_track(const struct contest *contest, enum wire_track track)
{
    if (track == TRACK_PRIVATE) {
        return STORE_PRIVATE;
    }
    return contest->board_state == BOARD_FROZEN ? STORE_FROZEN : STORE_PUBLIC;
}

static bool append_team(struct core *core, struct wire_buffer *rows, const struct contest *contest,
                        enum store_track track, size_t place, struct err *err)
{
    struct ranking_key key = *board_at(contest->boards[track], place);
    const struct team *team = directory_team(&core->directory, key.team);
    char score[SCORE_TEXT_SIZE];
    char id[2 * STORE_ID_BYTES + 1];

    score_text(score, score_of_key(key.sort_key, contest->is_higher_better),
               (int)contest->rules.board.decimals);
    hex_text(id, team->best[track], STORE_ID_BYTES);
    struct wire_board_row row = {
        .rank = (uint32_t)place + 1,
        .team_id = (uint64_t)team->number,
        .team = wire_text(team->name),
        .members = wire_text(team->members),
        .last_ms = team->last_ms,
        .score = wire_text(score),
        .n_submissions = (uint32_t)team->n_submissions,
        .submission = wire_text(id),
        .public_rank = track == STORE_PRIVATE
                           ? (uint32_t)board_rank(contest->boards[STORE_PUBLIC], key.team)
                           : 0,
    };
    return wire_append(rows, WIRE_BOARD_ROW, &row, err);
}

static bool reply_page(struct core *core, const struct core_request *request, struct err *err)
{
    const struct wire_board_get *message = &request->message.board_get;
    const struct contest *contest = request->contest;
    enum store_track track = shown_track(contest, (enum wire_track)message->track);
    size_t n_teams = board_count(contest->boards[track]);
    size_t n_rows = message->rows_max > PAGE_ROWS_MAX ? PAGE_ROWS_MAX : message->rows_max;
    struct wire_message reply = {.type = WIRE_BOARD_PAGE};
    struct wire_buffer head = {0};
    struct wire_buffer rows = {0};

    bool ok = core_append_contest(&head, contest, err);
    for (size_t i = 0; ok && i < n_rows && message->first + i < n_teams; i++) {
        ok = append_team(core, &rows, contest, track, message->first + i, err);
    }
    reply.board_page.competition = wire_buffer_bytes(&head);
    reply.board_page.version = (uint64_t)contest->board_version;
    reply.board_page.track = message->track;
    reply.board_page.n_teams = (uint32_t)n_teams;
    reply.board_page.changed_ms = contest->board_changed_ms;
    reply.board_page.rows = wire_buffer_bytes(&rows);
    ok = ok && core_reply(core, request, &reply, err);
    wire_buffer_free(&rows);
    wire_buffer_free(&head);
    return ok;
}

bool core_begin_board_get(struct core *core, struct core_request *request,
                          const struct core_now *now, struct err *err)
{
    const struct wire_board_get *message = &request->message.board_get;
    bool is_organizer =
        request->account != NULL && request->account->scope == STORE_SCOPE_ORGANIZER;
    bool is_found;

    (void)now;
    if (!core_find_contest(core, request, message->competition, &is_found, err) || !is_found) {
        return !is_found;
    }
    if (message->track > TRACK_PRIVATE) {
        return core_refuse(core, request, REFUSAL_BAD_REQUEST, err, "there is no such track");
    }
    if (message->track == TRACK_PRIVATE && request->contest->board_state != BOARD_REVEALED) {
        return core_refuse(core, request, REFUSAL_NOT_ALLOWED, err,
                           "the private board is not revealed");
    }
    if (request->contest->board_state == BOARD_HIDDEN && !is_organizer) {
        return core_refuse(core, request, REFUSAL_NOT_ALLOWED, err, "the board is not published");
    }
    return reply_page(core, request, err);
}

/* ---- moves ---- */

/* The private board as it was computed in the reveal's commit. */
static bool finish_private_board(struct core *core, struct core_request *request,
                                 const struct core_now *now, struct err *err)
{
    const struct store_board_get *get = &request->call.board_get;

    (void)now;
    if (get->outcome != STORE_DONE) {
        return err_set(err, ERR_STORE, "the private board of %s cannot be read",
                       request->contest->rules.id);
    }
    for (size_t i = 0; i < get->n_rows; i++) {
        if (!directory_rank(&core->directory, request->contest, STORE_PRIVATE, &get->rows[i],
                            err)) {
            return false;
        }
    }
    request->contest->board_state = BOARD_REVEALED;
    core_publish(core, request->contest, "");
    return true;
}

bool core_load_private(struct core *core, struct contest *contest, struct err *err)
{
    struct core_request *request = core_request_new();

    if (request == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for a request");
    }
    request->contest = contest;
    request->finish = finish_private_board;
    request->call.kind = CALL_BOARD_GET;
    request->call.board_get =
        (struct store_board_get){.competition = contest->number, .track = STORE_PRIVATE};
    return core_store_own(core, request, err);
}

/* Brings the memory to where the committed move left the board. */
static bool note_move(struct core *core, struct contest *contest,
                      const struct store_board_move *move, const struct core_now *now,
                      struct err *err)
{
    contest->board_version = move->board_version;
    contest->board_changed_ms = move->board_changed_ms;
    if (move->board_state == BOARD_REVEALED) { /* no final to be opened */
        contest->board_state = BOARD_REVEALING;
        return core_load_private(core, contest, err);
    }
    bool ok = move->board_state != BOARD_FROZEN || directory_freeze(&core->directory, contest, err);
    contest->board_state = move->board_state;
    core_schedule_freeze(core);
    core_publish(core, contest, "");
    if (ok && move->board_state == BOARD_REVEALING) {
        ok = core_wake(core, WAITERS_MAX, now, err);
    }
    return ok;
}

static bool finish_board_move(struct core *core, struct core_request *request,
                              const struct core_now *now, struct err *err)
{
    const struct store_board_move *move = &request->call.board_move;

    if (move->outcome == STORE_DONE && !note_move(core, request->contest, move, now, err)) {
        return false;
    }
    if (!request->has_peer) {
        return true;
    }
    switch (move->outcome) {
    case STORE_DONE:
        return core_reply_done(core, request, "moved", err);
    case STORE_REPEATED:
        return core_reply_done(core, request, "it stands so", err) &&
               core_wake(core, WAITERS_MAX, now, err);
    case STORE_CONFLICT:
        return core_refuse(core, request, REFUSAL_CONFLICT, err, "%s", move->reason);
    case STORE_EMPTY:
    case STORE_QUOTA:
    case STORE_STALE:
    case STORE_DIFFERENT:
    case STORE_MISFIT:
    case STORE_FULL:
    case STORE_FAILED:
        break;
    }
    return core_refuse_store(core, request, move->outcome, err);
}

/* `order` is NULL for a move that needs none. */
static void fill_move(struct core_request *request, enum wire_move move, const uint8_t *order,
                      int64_t now_ms)
{
    request->finish = finish_board_move;
    request->call.kind = CALL_BOARD_MOVE;
    request->call.board_move = (struct store_board_move){
        .competition = request->contest->number, .move = move, .now_ms = now_ms};
    if (order != NULL) {
        memcpy(request->call.board_move.order, order, sizeof(request->call.board_move.order));
    }
}

bool core_begin_board_move(struct core *core, struct core_request *request,
                           const struct core_now *now, struct err *err)
{
    const struct wire_board_move *message = &request->message.board_move;
    bool is_found;

    if (!core_find_contest(core, request, message->competition, &is_found, err) || !is_found) {
        return !is_found;
    }
    if (message->move > BOARD_REVEAL) {
        return core_refuse(core, request, REFUSAL_BAD_REQUEST, err, "there is no such move");
    }
    fill_move(request, (enum wire_move)message->move, message->signature, now->wall_ms);
    return core_store(core, request, err);
}

/* ---- freezing by the clock ---- */

void core_schedule_freeze(struct core *core)
{
    core->freeze_ms = INT64_MAX;
    for (size_t i = 0; i < core->directory.n_contests; i++) {
        const struct contest *contest = core->directory.contests[i];
        int64_t freeze_ms = contest->rules.board.freeze_ms;
        if (contest->board_state == BOARD_PUBLIC && freeze_ms != CONF_NULL &&
            freeze_ms < core->freeze_ms) {
            core->freeze_ms = freeze_ms;
        }
    }
}

bool core_freeze_due(struct core *core, const struct core_now *now, struct err *err)
{
    core->freeze_ms = INT64_MAX; /* until the moves are committed */
    for (size_t i = 0; i < core->directory.n_contests; i++) {
        struct contest *contest = core->directory.contests[i];
        int64_t freeze_ms = contest->rules.board.freeze_ms;
        if (contest->board_state != BOARD_PUBLIC || freeze_ms == CONF_NULL ||
            freeze_ms > now->wall_ms) {
            continue;
        }
        struct core_request *request = core_request_new();
        if (request == NULL) {
            return err_set(err, ERR_SYSTEM, "no memory for a request");
        }
        request->contest = contest;
        fill_move(request, BOARD_FREEZE, NULL, now->wall_ms);
        if (!core_store_own(core, request, err)) {
            return false;
        }
    }
    return true;
}
