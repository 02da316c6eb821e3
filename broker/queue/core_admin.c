/* SPDX-License-Identifier: MIT */
/*
 * Competitions, teams and numbers.
 */
#include "broker/queue/inside.h"

#include <string.h>

#include "common/crypt.h"
#include "common/text.h"
#include "schemas/scorecard.h"
#include "schemas/worker_key.h"

/* ---- competitions ---- */

/* Refuses a competition file with everything that is wrong with it. */
static bool refuse_problems(struct core *core, const struct core_request *request,
                            const struct problems *problems, struct err *err)
{
    struct wire_message reply = {.type = WIRE_REFUSED};
    struct wire_buffer list = {0};
    bool ok = true;

    for (uint32_t i = 0; i < problems->n_kept && ok; i++) {
        const struct problem *problem = &problems->kept[i];
        struct wire_problem record = {
            .line = problem->line, .column = problem->column, .text = wire_text(problem->text)};
        ok = wire_append(&list, WIRE_PROBLEM, &record, err);
    }
    reply.refused.refusal = REFUSAL_INVALID;
    reply.refused.text = wire_text("the competition file is not valid");
    reply.refused.problems = wire_buffer_bytes(&list);
    ok = ok && core_reply(core, request, &reply, err);
    wire_buffer_free(&list);
    return ok;
}

static bool finish_competition_put(struct core *core, struct core_request *request,
                                   const struct core_now *now, struct err *err)
{
    const struct store_competition_put *put = &request->call.competition_put;
    struct store_competition_row row = {.number = put->competition,
                                        .yaml = put->yaml,
                                        .board_state = BOARD_HIDDEN,
                                        .board_version = 1,
                                        .label_version = STORE_LABEL_FIRST,
                                        .board_changed_ms = now->wall_ms};

    if (put->outcome == STORE_CONFLICT) {
        return core_refuse(core, request, REFUSAL_CONFLICT, err,
                           "competition '%.*s' exists with other rules or labels",
                           (int)put->id.size, (const char *)put->id.data);
    }
    if (put->outcome != STORE_DONE && put->outcome != STORE_REPEATED) {
        return core_refuse_store(core, request, put->outcome, err);
    }
    if (put->outcome == STORE_DONE) {
        if (!directory_add_contest(&core->directory, &row, err)) {
            return false;
        }
        core_publish(core, directory_contest_numbered(&core->directory, row.number), "");
        core_schedule_freeze(core);
        core_schedule_close(core);
    }
    return core_reply_done(core, request, "created", err);
}

/* What is committed to: a root, counts that fit, and workers that can be told apart. */
static bool are_commitments(const struct wire_competition_put *message, struct err *err)
{
    struct worker_public_key keys[WORKER_KEYS_MAX];
    size_t n_keys;

    if (message->n_images == 0 || message->n_images > UINT32_MAX ||
        message->n_public > message->n_images ||
        message->n_private > message->n_images - message->n_public) {
        return err_set(err, ERR_INPUT, "the counts of images do not fit");
    }
    return worker_keys_read(keys, &n_keys, (const char *)message->workers.data,
                            message->workers.size, err);
}

static void fill_commitments(struct store_competition_put *put,
                             const struct wire_competition_put *message)
{
    memcpy(put->label_root, message->label_root, sizeof(put->label_root));
    memcpy(put->label_set, message->label_set, sizeof(put->label_set));
    memcpy(put->ids, message->ids, sizeof(put->ids));
    put->n_images = (int64_t)message->n_images;
    put->n_public = (int64_t)message->n_public;
    put->n_private = (int64_t)message->n_private;
    put->workers = message->workers;
    memcpy(put->organizer, message->organizer, sizeof(put->organizer));
    memcpy(put->score_seed_sha256, message->score_seed, sizeof(put->score_seed_sha256));
}

bool core_begin_competition_put(struct core *core, struct core_request *request,
                                const struct core_now *now, struct err *err)
{
    static const char *const tasks[] = {
        [TASK_CLASSIFICATION] = "classification", [TASK_DETECTION] = "detection"};
    struct wire_bytes yaml = request->message.competition_put.yaml;
    struct problems problems = {0};
    struct competition rules;

    bool is_good = competition_load(&rules, yaml.data, yaml.size, &problems);
    const struct metric_info *metric =
        is_good ? metric_find((enum task)rules.task, rules.metric) : NULL;
    if (is_good && metric == NULL) {
        problems_add(&problems, 0, 0, "the task has no metric '%s'", rules.metric);
    }
    if (metric == NULL) {
        return refuse_problems(core, request, &problems, err);
    }
    struct err wrong;
    if (!are_commitments(&request->message.competition_put, &wrong)) {
        return core_refuse(core, request, REFUSAL_BAD_REQUEST, err, "%s", wrong.text);
    }
    memcpy(request->text, rules.id, sizeof(rules.id));
    memcpy(request->file_name, rules.metric, sizeof(rules.metric));
    request->finish = finish_competition_put;
    request->call.kind = CALL_COMPETITION_PUT;
    request->call.competition_put =
        (struct store_competition_put){.id = wire_text(request->text),
                                       .task = wire_text(tasks[rules.task]),
                                       .metric = wire_text(request->file_name),
                                       .yaml = yaml,
                                       .per_day = rules.limits.per_day,
                                       .has_total = rules.limits.total != CONF_NULL,
                                       .total = rules.limits.total,
                                       .final_selections = rules.limits.final_selections,
                                       .is_higher_better = metric->is_higher_better,
                                       .decimals = (int)rules.board.decimals,
                                       .reveals_labels = rules.label_reveal == LABEL_REVEAL_FULL,
                                       .now_ms = now->wall_ms};
    fill_commitments(&request->call.competition_put, &request->message.competition_put);
    return core_store(core, request, err);
}

static bool finish_workers_put(struct core *core, struct core_request *request,
                               const struct core_now *now, struct err *err)
{
    const struct store_workers_put *put = &request->call.workers_put;

    (void)now;
    if (put->outcome == STORE_CONFLICT) {
        return core_refuse(core, request, REFUSAL_CONFLICT, err,
                           "a worker's name stands for another key");
    }
    if (put->outcome != STORE_DONE) {
        return core_refuse_store(core, request, put->outcome, err);
    }
    return core_reply_done(core, request, "added", err);
}

bool core_begin_workers_put(struct core *core, struct core_request *request,
                            const struct core_now *now, struct err *err)
{
    const struct wire_workers_put *message = &request->message.workers_put;
    struct worker_public_key keys[WORKER_KEYS_MAX];
    struct err wrong;
    size_t n_keys;
    bool is_found;

    if (!core_find_contest(core, request, message->competition, &is_found, err) || !is_found) {
        return !is_found;
    }
    if (!worker_keys_read(keys, &n_keys, (const char *)message->workers.data, message->workers.size,
                          &wrong)) {
        return core_refuse(core, request, REFUSAL_BAD_REQUEST, err, "%s", wrong.text);
    }
    request->finish = finish_workers_put;
    request->call.kind = CALL_WORKERS_PUT;
    request->call.workers_put = (struct store_workers_put){.competition = request->contest->number,
                                                           .workers = message->workers,
                                                           .now_ms = now->wall_ms};
    return core_store(core, request, err);
}

bool core_append_contest(struct wire_buffer *rows, const struct contest *contest, struct err *err)
{
    const struct competition *rules = &contest->rules;
    struct wire_competition_row row = {
        .id = wire_text(rules->id),
        .title = wire_text(rules->title),
        .task = (uint8_t)rules->task,
        .metric = wire_text(rules->metric),
        .is_higher_better = contest->is_higher_better,
        .decimals = (uint8_t)rules->board.decimals,
        .board_state = (uint8_t)contest->board_state,
        .opens_ms = rules->opens_ms,
        .closes_ms = rules->closes_ms,
        .per_day = (uint32_t)rules->limits.per_day,
        .final_selections = (uint32_t)rules->limits.final_selections,
        .n_teams = contest->n_teams,
        .n_submissions = (uint64_t)contest->n_submissions,
        .label_version = (uint32_t)contest->label_version,
    };

    return wire_append(rows, WIRE_COMPETITION_ROW, &row, err);
}

bool core_begin_competition_list(struct core *core, struct core_request *request,
                                 const struct core_now *now, struct err *err)
{
    struct wire_bytes id = request->message.competition_list.competition;
    struct wire_message reply = {.type = WIRE_COMPETITION_ROWS};
    struct wire_buffer rows = {0};
    bool is_found = true;
    bool ok = true;

    (void)now;
    if (id.size > 0) {
        ok = core_find_contest(core, request, id, &is_found, err);
        if (!ok || !is_found) {
            return ok;
        }
        ok = core_append_contest(&rows, request->contest, err);
    }
    for (size_t i = 0; i < core->directory.n_contests && id.size == 0 && ok; i++) {
        ok = core_append_contest(&rows, core->directory.contests[i], err);
    }
    reply.competition_rows.rows = wire_buffer_bytes(&rows);
    ok = ok && core_reply(core, request, &reply, err);
    wire_buffer_free(&rows);
    return ok;
}

/* ---- teams ---- */

static bool add_token(struct core *core, const char *id,
                      const uint8_t hash[static TOKEN_HASH_BYTES], struct store_token_row token,
                      struct err *err)
{
    token.id = wire_text(id);

    memcpy(token.hash, hash, sizeof(token.hash));
    return directory_add_token(&core->directory, &token, err);
}

/* The token goes out, this once. */
static bool reply_made(struct core *core, struct core_request *request, int64_t team,
                       struct err *err)
{
    struct wire_message reply = {.type = WIRE_TEAM_MADE};

    reply.team_made.team_id = (uint64_t)team;
    reply.team_made.token = wire_text(request->token);
    bool ok = core_reply(core, request, &reply, err);
    crypt_wipe(request->token, sizeof(request->token));
    return ok;
}

static bool finish_team_put(struct core *core, struct core_request *request,
                            const struct core_now *now, struct err *err)
{
    const struct store_team_put *put = &request->call.team_put;
    struct store_team_row team = {.number = put->team,
                                  .competition = put->competition,
                                  .name = put->name,
                                  .members = put->members};

    (void)now;
    if (put->outcome == STORE_CONFLICT) {
        return core_refuse(core, request, REFUSAL_CONFLICT, err,
                           "the team name is taken; `assay team token' makes a new token for it");
    }
    if (put->outcome != STORE_DONE) {
        return core_refuse_store(core, request, put->outcome, err);
    }
    if (!directory_add_team(&core->directory, &team, err) ||
        !add_token(core, put->token_id, put->token_hash,
                   (struct store_token_row){
                       .scope = STORE_SCOPE_TEAM, .team = put->team, .expires_ms = INT64_MAX},
                   err)) {
        return false;
    }
    core_publish(core, request->contest, "");
    return reply_made(core, request, put->team, err);
}

static bool is_printable(struct wire_bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < 0x20 || text.data[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

/* Draws a token into the request; what the store keeps of it is given back. */
static void draw_token(const struct core *core, struct core_request *request,
                       const struct core_now *now, char id[static TOKEN_ID_LENGTH + 1],
                       uint8_t hash[static TOKEN_HASH_BYTES])
{
    struct token token;

    token_make(&token, now->random);
    token_text(request->token, &token);
    memcpy(id, token.id, TOKEN_ID_LENGTH + 1);
    token_hash(hash, &token, core->keys->pepper);
    crypt_wipe(&token, sizeof(token));
}

bool core_begin_team_put(struct core *core, struct core_request *request,
                         const struct core_now *now, struct err *err)
{
    const struct wire_team_put *message = &request->message.team_put;
    struct store_team_put *put = &request->call.team_put;
    bool is_found;

    if (!core_find_contest(core, request, message->competition, &is_found, err) || !is_found) {
        return !is_found;
    }
    if (message->name.size == 0 || !is_printable(message->name) ||
        !is_printable(message->members)) {
        return core_refuse(core, request, REFUSAL_BAD_REQUEST, err,
                           "a team needs a name, and names hold no control characters");
    }
    request->finish = finish_team_put;
    request->call.kind = CALL_TEAM_PUT;
    *put = (struct store_team_put){.competition = request->contest->number,
                                   .name = message->name,
                                   .members = message->members,
                                   .now_ms = now->wall_ms};
    draw_token(core, request, now, put->token_id, put->token_hash);
    return core_store(core, request, err);
}

static bool finish_team_token(struct core *core, struct core_request *request,
                              const struct core_now *now, struct err *err)
{
    const struct store_team_token *put = &request->call.team_token;

    (void)now;
    if (put->outcome == STORE_EMPTY) {
        return core_refuse(core, request, REFUSAL_NOT_FOUND, err, "there is no such team");
    }
    if (put->outcome != STORE_DONE) {
        return core_refuse_store(core, request, put->outcome, err);
    }
    if (put->scope == STORE_SCOPE_TEAM) {
        directory_revoke(&core->directory, directory_team(&core->directory, put->team));
    }
    return add_token(core, put->token_id, put->token_hash,
                     (struct store_token_row){
                         .scope = put->scope, .team = put->team, .expires_ms = put->expires_ms},
                     err) &&
           reply_made(core, request, put->team, err);
}

bool core_begin_team_token_put(struct core *core, struct core_request *request,
                               const struct core_now *now, struct err *err)
{
    const struct wire_team_token_put *message = &request->message.team_token_put;
    struct store_team_token *put = &request->call.team_token;
    bool is_found;

    if (!core_find_contest(core, request, message->competition, &is_found, err) || !is_found) {
        return !is_found;
    }
    request->finish = finish_team_token;
    request->call.kind = CALL_TEAM_TOKEN;
    *put = (struct store_team_token){
        .competition = request->contest->number,
        .name = message->name,
        .scope = message->is_reader ? STORE_SCOPE_READER : STORE_SCOPE_TEAM,
        .expires_ms =
            message->days == 0 ? INT64_MAX : now->wall_ms + (int64_t)message->days * TIME_DAY_MS,
        .now_ms = now->wall_ms};
    draw_token(core, request, now, put->token_id, put->token_hash);
    return core_store(core, request, err);
}
