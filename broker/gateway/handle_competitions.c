/* SPDX-License-Identifier: MIT */
/*
 * Competitions and teams.
 */
#include "broker/gateway/body.h"
#include "broker/gateway/handlers.h"
#include "broker/gateway/records.h"

#include <string.h>

enum { LIST_BYTES_MAX = 32 << 20, SMALL_BYTES = 8192 };

/* A copy's form, made by the first who needs it. */
static void answer_list(struct exchange *exchange, struct copy *copy)
{
    struct content **form = &copy->forms[FORM_JSON];
    struct jwriter writer;
    struct err err;

    if (*form == NULL) {
        jwriter_start(&writer, LIST_BYTES_MAX);
        competitions_json(&writer, copy);
        if (!content_make(form, &writer, "application/json", &err)) {
            exchange_fail_err(exchange, &err);
            return;
        }
    }
    exchange_answer_shared(exchange, *form, "no-cache");
}

void handle_competition_list(struct exchange *exchange)
{
    exchange_get_copy(exchange, COPY_COMPETITIONS, "", answer_list);
}

static void answer_one(struct exchange *exchange, struct copy *copy)
{
    struct wire_bytes rest = copy_rows(copy, 0);
    struct wire_competition_row row;
    struct jwriter writer;

    while (wire_next(&row, WIRE_COMPETITION_ROW, &rest) == WIRE_ITEM) {
        if (wire_text_is(row.id, exchange->args.text[0])) {
            jwriter_start(&writer, SMALL_BYTES);
            competition_json(&writer, &row);
            exchange_answer(exchange, 200, &writer, "application/json");
            return;
        }
    }
    exchange_fail(exchange, 404, "not_found", "there is no such competition");
}

void handle_competition_get(struct exchange *exchange)
{
    exchange_get_copy(exchange, COPY_COMPETITIONS, "", answer_one);
}

static void on_made(struct exchange *exchange, const struct wire_message *reply)
{
    struct jwriter writer;

    copies_changed(exchange->parts->copies, "");
    jwriter_start(&writer, SMALL_BYTES);
    jwriter_object(&writer);
    jwriter_key(&writer, "status");
    jwriter_text_n(&writer, reply->done.text.data, reply->done.text.size);
    jwriter_object_end(&writer);
    exchange_answer(exchange, 201, &writer, "application/json");
}

void handle_competition_post(struct exchange *exchange)
{
    struct body_competition body;
    struct err err;

    if (!body_read_competition(&body, exchange->body.data, exchange->body.size_bytes, &err)) {
        exchange_fail_input(exchange, &err);
        return;
    }
    struct wire_message message = {.type = WIRE_COMPETITION_PUT,
                                   .competition_put = {.token = exchange_token(exchange),
                                                       .yaml = wire_text(body.yaml),
                                                       .n_images = (uint64_t)body.n_images,
                                                       .n_public = (uint64_t)body.n_public,
                                                       .n_private = (uint64_t)body.n_private,
                                                       .workers = wire_text(body.workers)}};
    memcpy(message.competition_put.label_root, body.label_root, sizeof(body.label_root));
    memcpy(message.competition_put.label_set, body.label_set, sizeof(body.label_set));
    memcpy(message.competition_put.ids, body.ids, sizeof(body.ids));
    memcpy(message.competition_put.organizer, body.organizer, sizeof(body.organizer));
    memcpy(message.competition_put.score_seed, body.score_seed, sizeof(body.score_seed));
    exchange_ask_once(exchange, &message, WIRE_DONE, on_made);
    body_competition_free(&body);
}

void handle_workers_post(struct exchange *exchange)
{
    struct body_workers body;
    struct err err;

    if (!body_read_workers(&body, exchange->body.data, exchange->body.size_bytes, &err)) {
        exchange_fail_input(exchange, &err);
        return;
    }
    struct wire_message message = {.type = WIRE_WORKERS_PUT,
                                   .workers_put = {.token = exchange_token(exchange),
                                                   .competition = wire_text(exchange->args.text[0]),
                                                   .workers = wire_text(body.workers)}};
    exchange_ask_once(exchange, &message, WIRE_DONE, on_made);
}

static void answer_team(struct exchange *exchange, const struct wire_team_made *made,
                        const char *name)
{
    struct jwriter writer;

    jwriter_start(&writer, SMALL_BYTES);
    jwriter_object(&writer);
    jwriter_key_int(&writer, "team_id", (int64_t)made->team_id);
    jwriter_key_text(&writer, "name", name);
    jwriter_key(&writer, "token");
    jwriter_text_n(&writer, made->token.data, made->token.size);
    jwriter_object_end(&writer);
    exchange_answer(exchange, 201, &writer, "application/json");
}

/* The name stands in the body that was asked with. */
static void on_team(struct exchange *exchange, const struct wire_message *reply)
{
    struct body_team team;
    struct err err;

    if (!body_read_team(&team, exchange->body.data, exchange->body.size_bytes, &err)) {
        exchange_fail_input(exchange, &err);
        return;
    }
    copies_changed(exchange->parts->copies, exchange->args.text[0]);
    answer_team(exchange, &reply->team_made, team.name);
}

static void on_team_token(struct exchange *exchange, const struct wire_message *reply)
{
    struct body_token token;
    struct err err;

    if (!body_read_token(&token, exchange->body.data, exchange->body.size_bytes, &err)) {
        exchange_fail_input(exchange, &err);
        return;
    }
    answer_team(exchange, &reply->team_made, token.name);
}

/* A new token for a team. */
void handle_team_token_post(struct exchange *exchange)
{
    struct body_token token;
    struct err err;

    if (!body_read_token(&token, exchange->body.data, exchange->body.size_bytes, &err)) {
        exchange_fail_input(exchange, &err);
        return;
    }
    struct wire_message message = {
        .type = WIRE_TEAM_TOKEN_PUT,
        .team_token_put = {.token = exchange_token(exchange),
                           .competition = wire_text(exchange->args.text[0]),
                           .name = wire_text(token.name),
                           .is_reader = token.is_reader,
                           .days = (uint32_t)token.days}};
    exchange_ask_once(exchange, &message, WIRE_TEAM_MADE, on_team_token);
}

void handle_team_post(struct exchange *exchange)
{
    struct body_team team;
    struct err err;

    if (!body_read_team(&team, exchange->body.data, exchange->body.size_bytes, &err)) {
        exchange_fail_input(exchange, &err);
        return;
    }
    struct wire_message message = {.type = WIRE_TEAM_PUT,
                                   .team_put = {.token = exchange_token(exchange),
                                                .competition = wire_text(exchange->args.text[0]),
                                                .name = wire_text(team.name),
                                                .members = wire_text(team.members)}};
    exchange_ask_once(exchange, &message, WIRE_TEAM_MADE, on_team);
}
