/* SPDX-License-Identifier: MIT */
/*
 * Leaderboards as JSON, CSV and page, their moves, and re-score runs. What the public gets is
 * checked here once more: no hidden board and no private score before the reveal.
 */
#include <string.h>

#include "broker/gateway/body.h"
#include "broker/gateway/handlers.h"
#include "broker/gateway/pages.h"
#include "broker/gateway/records.h"

enum {
    BOARD_BYTES_MAX = 128 << 20,
    JSON_ROWS = 1000,
    JSON_ROWS_MAX = 10000,
    FIRST_MAX = 100000000,
    SMALL_BYTES = 256 << 10,
};

/* The kind of copy that ?track= asks for; false and answered where it is no track. */
static bool read_track(enum copy_kind *kind, struct exchange *exchange)
{
    const char *track = exchange_query(exchange, "track");

    if (track == NULL || wire_text_is(wire_text(track), "public")) {
        *kind = COPY_BOARD_PUBLIC;
        return true;
    }
    if (wire_text_is(wire_text(track), "private")) {
        *kind = COPY_BOARD_PRIVATE;
        return true;
    }
    exchange_fail(exchange, 400, "bad_request", "track is neither public nor private");
    return false;
}

/* True where this caller may see the copy; else answered. */
static bool may_see(struct exchange *exchange, const struct copy *copy)
{
    bool is_public = exchange_token(exchange).size == 0;
    struct wire_competition_row row;

    if (!copy_competition(&row, copy)) {
        exchange_fail(exchange, 502, "bad_answer", "the broker answered something else");
        return false;
    }
    if (copy->kind == COPY_BOARD_PRIVATE && row.board_state != BOARD_REVEALED) {
        exchange_fail(exchange, 403, "not_allowed", "private scores are not revealed yet");
        return false;
    }
    if (is_public && row.board_state == BOARD_HIDDEN) {
        exchange_fail(exchange, 403, "not_allowed", "this leaderboard is not published");
        return false;
    }
    return true;
}

/* What a token saw is for nobody else. */
static const char *cache_control(const struct exchange *exchange)
{
    return exchange_token(exchange).size == 0 ? "no-cache" : "private, no-store";
}

/* Answers with a part of a board that was just written, and keeps it for the next who asks. */
static void answer_part(struct exchange *exchange, struct jwriter *writer, const char *type,
                        struct copy *copy, const struct copy_part *part)
{
    struct content *content = NULL;
    struct err err;

    if (!content_make(&content, writer, type, &err)) {
        exchange_fail_err(exchange, &err);
        return;
    }
    copy_keep_part(copy, part->form, part->first, part->limit, content);
    exchange_answer_shared(exchange, content, cache_control(exchange));
    content_release(&content);
}

/* Answers with what was written; keeps it with the copy where `kept` is a place of the copy. */
static void answer_written(struct exchange *exchange, struct jwriter *writer, const char *type,
                           struct content **kept)
{
    struct content *content = NULL;
    struct err err;

    if (!content_make(&content, writer, type, &err)) {
        exchange_fail_err(exchange, &err);
        return;
    }
    if (kept != NULL) {
        *kept = content_hold(content);
    }
    exchange_answer_shared(exchange, content, cache_control(exchange));
    content_release(&content);
}

static void on_json(struct exchange *exchange, struct copy *copy)
{
    int64_t first = 0;
    int64_t limit = 0;
    struct jwriter writer;
    struct err err;

    if (!may_see(exchange, copy)) {
        return;
    }
    if (!exchange_query_int(&first, exchange, "first", 0, 0, FIRST_MAX, &err) ||
        !exchange_query_int(&limit, exchange, "limit", JSON_ROWS, 1, JSON_ROWS_MAX, &err)) {
        exchange_fail_input(exchange, &err);
        return;
    }
    const struct copy_part part = {FORM_JSON, (size_t)first, (size_t)limit, NULL};
    struct content *kept = copy_find_part(copy, part.form, part.first, part.limit);
    if (kept != NULL) {
        exchange_answer_shared(exchange, kept, cache_control(exchange));
        return;
    }
    jwriter_start(&writer, BOARD_BYTES_MAX);
    if (!board_json(&writer, copy, (size_t)first, (size_t)limit)) {
        jwriter_end(&writer);
        exchange_fail(exchange, 502, "bad_answer", "the broker answered something else");
        return;
    }
    answer_part(exchange, &writer, "application/json", copy, &part);
}

void handle_board_json(struct exchange *exchange)
{
    enum copy_kind kind;

    if (read_track(&kind, exchange)) {
        exchange_get_copy(exchange, kind, exchange->args.text[0], on_json);
    }
}

static void on_csv(struct exchange *exchange, struct copy *copy)
{
    struct jwriter writer;

    if (!may_see(exchange, copy)) {
        return;
    }
    if (copy->forms[FORM_CSV] != NULL) {
        exchange_answer_shared(exchange, copy->forms[FORM_CSV], cache_control(exchange));
        return;
    }
    jwriter_start(&writer, BOARD_BYTES_MAX);
    board_csv(&writer, copy);
    answer_written(exchange, &writer, "text/csv; charset=utf-8; header=present",
                   &copy->forms[FORM_CSV]);
}

void handle_board_csv(struct exchange *exchange)
{
    enum copy_kind kind;

    if (read_track(&kind, exchange)) {
        exchange_get_copy(exchange, kind, exchange->args.text[0], on_csv);
    }
}

static void on_page(struct exchange *exchange, struct copy *copy)
{
    int64_t first = 0;
    struct html html;
    struct err err;

    if (!may_see(exchange, copy)) {
        return;
    }
    if (!exchange_query_int(&first, exchange, "first", 0, 0, FIRST_MAX, &err)) {
        exchange_fail_input(exchange, &err);
        return;
    }
    const struct copy_part part = {FORM_PAGE, (size_t)first, 0, NULL};
    struct content *kept = copy_find_part(copy, part.form, part.first, part.limit);
    if (kept != NULL) {
        exchange_answer_shared(exchange, kept, cache_control(exchange));
        return;
    }
    html_start(&html, BOARD_BYTES_MAX);
    if (!page_board(&html, copy, (size_t)first)) {
        jwriter_end(&html.out);
        exchange_fail(exchange, 502, "bad_answer", "the broker answered something else");
        return;
    }
    answer_part(exchange, &html.out, "text/html; charset=utf-8", copy, &part);
}

void handle_board_page(struct exchange *exchange)
{
    enum copy_kind kind;

    if (read_track(&kind, exchange)) {
        exchange_get_copy(exchange, kind, exchange->args.text[0], on_page);
    }
}

static void on_index(struct exchange *exchange, struct copy *copy)
{
    struct html html;

    if (copy->forms[FORM_PAGE] != NULL) {
        exchange_answer_shared(exchange, copy->forms[FORM_PAGE], cache_control(exchange));
        return;
    }
    html_start(&html, BOARD_BYTES_MAX);
    page_index(&html, copy);
    answer_written(exchange, &html.out, "text/html; charset=utf-8", &copy->forms[FORM_PAGE]);
}

void handle_index_page(struct exchange *exchange)
{
    exchange_get_copy(exchange, COPY_COMPETITIONS, "", on_index);
}

static void on_moved(struct exchange *exchange, const struct wire_message *reply)
{
    struct jwriter writer;

    copies_changed(exchange->parts->copies, exchange->args.text[0]);
    jwriter_start(&writer, SMALL_BYTES);
    jwriter_object(&writer);
    jwriter_key(&writer, "status");
    jwriter_text_n(&writer, reply->done.text.data, reply->done.text.size);
    jwriter_object_end(&writer);
    exchange_answer(exchange, 200, &writer, "application/json");
}

void handle_board_move(struct exchange *exchange)
{
    struct body_move move;
    struct err err;

    if (!body_read_move(&move, exchange->body.data, exchange->body.size_bytes, &err)) {
        exchange_fail_input(exchange, &err);
        return;
    }
    struct wire_message message = {.type = WIRE_BOARD_MOVE,
                                   .board_move = {.token = exchange_token(exchange),
                                                  .competition = wire_text(exchange->args.text[0]),
                                                  .move = (uint8_t)move.move}};
    memcpy(message.board_move.signature, move.order, sizeof(move.order));
    exchange_ask_once(exchange, &message, WIRE_DONE, on_moved);
}

static void write_rescore(struct jwriter *writer, const struct wire_rescore *run)
{
    struct wire_bytes rest = run->differences;
    struct wire_rescore_difference difference;

    jwriter_object(writer);
    jwriter_key_int(writer, "run", (int64_t)run->run);
    jwriter_key(writer, "competition");
    jwriter_text_n(writer, run->competition.data, run->competition.size);
    jwriter_key_bool(writer, "is_finished", run->is_finished != 0);
    jwriter_key_int(writer, "planned", run->n_planned);
    jwriter_key_int(writer, "equal", run->n_equal);
    jwriter_key_int(writer, "different", run->n_different);
    jwriter_key_int(writer, "failed", run->n_failed);
    jwriter_key_int(writer, "confirmed", run->n_confirmed);
    jwriter_key(writer, "differences");
    jwriter_array(writer);
    while (wire_next(&difference, WIRE_RESCORE_DIFFERENCE, &rest) == WIRE_ITEM) {
        jwriter_object(writer);
        jwriter_key(writer, "submission");
        jwriter_text_n(writer, difference.submission.data, difference.submission.size);
        jwriter_key(writer, "text");
        jwriter_text_n(writer, difference.text.data, difference.text.size);
        jwriter_object_end(writer);
    }
    jwriter_array_end(writer);
    jwriter_object_end(writer);
}

static void on_rescore_started(struct exchange *exchange, const struct wire_message *reply)
{
    struct jwriter writer;

    jwriter_start(&writer, SMALL_BYTES);
    write_rescore(&writer, &reply->rescore);
    exchange_answer(exchange, 202, &writer, "application/json");
}

void handle_rescore_post(struct exchange *exchange)
{
    struct wire_message message = {
        .type = WIRE_RESCORE_START,
        .rescore_start = {.token = exchange_token(exchange),
                          .competition = wire_text(exchange->args.text[0])}};

    exchange_ask_once(exchange, &message, WIRE_RESCORE, on_rescore_started);
}

static void on_rescore(struct exchange *exchange, const struct wire_message *reply)
{
    struct jwriter writer;

    jwriter_start(&writer, SMALL_BYTES);
    write_rescore(&writer, &reply->rescore);
    exchange_answer(exchange, 200, &writer, "application/json");
}

void handle_rescore_get(struct exchange *exchange)
{
    uint64_t run = 0;

    for (const char *digit = exchange->args.text[0]; *digit != '\0'; digit++) {
        run = 10 * run + (uint64_t)(*digit - '0'); /* the router takes 18 digits at most */
    }
    struct wire_message message = {.type = WIRE_RESCORE_GET,
                                   .rescore_get = {.token = exchange_token(exchange), .run = run}};
    exchange_ask(exchange, &message, WIRE_RESCORE, on_rescore);
}
