/* SPDX-License-Identifier: MIT */
/*
 * Competitions, teams, tokens and boards in memory. See the header.
 */
#include "broker/queue/directory.h"

#include <stdlib.h>
#include <string.h>

#include "common/crypt.h"
#include "schemas/scorecard.h"

static void contest_free(struct contest *contest)
{
    if (contest != NULL) {
        for (size_t track = 0; track < DIRECTORY_TRACKS_N; track++) {
            board_close(&contest->boards[track]);
        }
        free(contest);
    }
}

static void team_free(struct team *team)
{
    if (team != NULL) {
        free(team->name);
        free(team->members);
        free(team);
    }
}

void directory_free(struct directory *directory)
{
    for (size_t i = 0; i < directory->n_contests; i++) {
        contest_free(directory->contests[i]);
    }
    for (size_t i = 0; i < directory->teams.n_slots; i++) {
        team_free(directory->teams.slots[i].value);
    }
    for (size_t i = 0; i < directory->accounts.n_slots; i++) {
        free(directory->accounts.slots[i].value);
    }
    free(directory->contests);
    number_map_free(&directory->by_number);
    number_map_free(&directory->teams);
    number_map_free(&directory->accounts);
    *directory = (struct directory){0};
}

/* ---- adding ---- */

static bool make_room(struct directory *directory, struct err *err)
{
    size_t capacity = directory->contests_capacity == 0 ? 16 : 2 * directory->contests_capacity;

    if (directory->n_contests < directory->contests_capacity) {
        return true;
    }
    struct contest **contests = realloc(directory->contests, capacity * sizeof(struct contest *));
    if (contests == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for %zu competitions", capacity);
    }
    directory->contests = contests;
    directory->contests_capacity = capacity;
    return true;
}

static bool contest_make(struct contest **made, const struct store_competition_row *row,
                         struct err *err)
{
    struct problems problems = {0};
    struct contest *contest = calloc(1, sizeof(*contest));

    if (contest == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for a competition");
    }
    if (!competition_load(&contest->rules, row->yaml.data, row->yaml.size, &problems)) {
        err_set(err, ERR_STORE, "competition %lld does not load: %s", (long long)row->number,
                problems.kept[0].text);
        goto fail;
    }
    const struct metric_info *metric =
        metric_find((enum task)contest->rules.task, contest->rules.metric);
    if (metric == NULL) {
        err_set(err, ERR_STORE, "competition %lld ranks by '%s', which is no metric",
                (long long)row->number, contest->rules.metric);
        goto fail;
    }
    for (size_t track = 0; track < DIRECTORY_TRACKS_N; track++) {
        if (!board_open(&contest->boards[track], err)) {
            goto fail;
        }
    }
    contest->number = row->number;
    contest->is_higher_better = metric->is_higher_better;
    contest->board_state = row->board_state;
    contest->board_version = row->board_version;
    contest->board_changed_ms = row->board_changed_ms;
    contest->n_submissions = row->n_submissions;
    contest->open_run = row->open_run;
    contest->label_version = row->label_version;
    contest->is_closed = row->is_closed;
    *made = contest;
    return true;
fail:
    contest_free(contest);
    return false;
}

bool directory_add_contest(struct directory *directory, const struct store_competition_row *row,
                           struct err *err)
{
    struct contest *contest = NULL;

    if (!make_room(directory, err) || !contest_make(&contest, row, err)) {
        return false;
    }
    if (!number_map_put(&directory->by_number, contest->number, contest, err)) {
        contest_free(contest);
        return false;
    }
    directory->contests[directory->n_contests++] = contest;
    return true;
}

static char *copy_text(struct wire_bytes text)
{
    return strndup((const char *)text.data, text.size);
}

bool directory_add_team(struct directory *directory, const struct store_team_row *row,
                        struct err *err)
{
    struct contest *contest = directory_contest_numbered(directory, row->competition);
    struct team *team = calloc(1, sizeof(*team));

    if (team == NULL || contest == NULL) {
        err_set(err, ERR_SYSTEM, "no memory or no competition for team %lld",
                (long long)row->number);
        goto fail;
    }
    team->number = row->number;
    team->contest = contest;
    team->name = copy_text(row->name);
    team->members = copy_text(row->members);
    team->n_submissions = row->n_submissions;
    team->last_ms = row->last_ms;
    if (team->name == NULL || team->members == NULL) {
        err_set(err, ERR_SYSTEM, "no memory for team %lld", (long long)row->number);
        goto fail;
    }
    if (!number_map_put(&directory->teams, team->number, team, err)) {
        goto fail;
    }
    contest->n_teams++;
    return true;
fail:
    team_free(team);
    return false;
}

/* Five bits a character: the id as a number, without collisions. */
static int64_t token_number(const char id[static TOKEN_ID_LENGTH + 1])
{
    int64_t number = 0;

    for (size_t i = 0; i < TOKEN_ID_LENGTH; i++) {
        int digit = id[i] >= 'a' ? id[i] - 'a' : id[i] - '2' + 26;
        number = number << 5 | (digit & 31);
    }
    return number;
}

bool directory_add_token(struct directory *directory, const struct store_token_row *row,
                         struct err *err)
{
    struct account *account = calloc(1, sizeof(*account));
    char id[TOKEN_ID_LENGTH + 1];

    if (account == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for a token");
    }
    wire_text_copy(id, sizeof(id), row->id);
    memcpy(account->hash, row->hash, sizeof(account->hash));
    account->scope = row->scope;
    account->team = directory_team(directory, row->team);
    account->expires_ms = row->expires_ms;
    if (!number_map_put(&directory->accounts, token_number(id), account, err)) {
        free(account);
        return false;
    }
    return true;
}

void directory_revoke(struct directory *directory, const struct team *team)
{
    for (size_t i = 0; i < directory->accounts.n_slots; i++) {
        struct account *account = directory->accounts.slots[i].value;
        if (account != NULL && account->team == team) {
            account->is_revoked = true; /* requests under way still point to it */
        }
    }
}

/* ---- looking up ---- */

struct contest *directory_contest(const struct directory *directory, struct wire_bytes id)
{
    for (size_t i = 0; i < directory->n_contests; i++) {
        if (wire_text_is(id, directory->contests[i]->rules.id)) {
            return directory->contests[i];
        }
    }
    return NULL;
}

struct contest *directory_contest_numbered(const struct directory *directory, int64_t number)
{
    return number_map_get(&directory->by_number, number);
}

struct team *directory_team(const struct directory *directory, int64_t number)
{
    return number_map_get(&directory->teams, number);
}

const struct account *directory_account(const struct directory *directory, struct wire_bytes token,
                                        const uint8_t pepper[static CRYPT_KEY_BYTES],
                                        int64_t now_ms)
{
    struct token parsed;
    uint8_t hash[TOKEN_HASH_BYTES];
    struct err ignored;

    if (!token_read(&parsed, token.data, token.size, &ignored)) {
        return NULL;
    }
    token_hash(hash, &parsed, pepper);
    const struct account *account = number_map_get(&directory->accounts, token_number(parsed.id));
    bool is_good = account != NULL && !account->is_revoked && now_ms < account->expires_ms &&
                   crypt_equal(account->hash, hash, sizeof(hash));
    crypt_wipe(&parsed, sizeof(parsed));
    return is_good ? account : NULL;
}

/* ---- boards ---- */

bool directory_rank(struct directory *directory, struct contest *contest, enum store_track track,
                    const struct store_best *best, struct err *err)
{
    struct team *team = directory_team(directory, best->team);
    struct ranking_key key = {.sort_key = best->sort_key,
                              .received_ms = best->received_ms,
                              .submission = best->number,
                              .team = best->team};

    if (team == NULL) {
        return err_set(err, ERR_STORE, "board names team %lld, which is not there",
                       (long long)best->team);
    }
    memcpy(team->best[track], best->submission, sizeof(team->best[track]));
    return board_put(contest->boards[track], &key, err);
}

void directory_clear(struct contest *contest, enum store_track track)
{
    board_clear(contest->boards[track]);
}

bool directory_freeze(struct directory *directory, struct contest *contest, struct err *err)
{
    struct board *live = contest->boards[STORE_PUBLIC];

    for (size_t place = 0; place < board_count(live); place++) {
        struct team *team = directory_team(directory, board_at(live, place)->team);
        memcpy(team->best[STORE_FROZEN], team->best[STORE_PUBLIC], STORE_ID_BYTES);
    }
    return board_copy(contest->boards[STORE_FROZEN], live, err);
}

/* ---- loading ---- */

static bool load_contest(void *context, const struct store_competition_row *row, struct err *err)
{
    return directory_add_contest(context, row, err);
}

static bool load_team(void *context, const struct store_team_row *row, struct err *err)
{
    return directory_add_team(context, row, err);
}

static bool load_token(void *context, const struct store_token_row *row, struct err *err)
{
    return directory_add_token(context, row, err);
}

static bool load_board(struct directory *directory, struct store *store, struct contest *contest,
                       enum store_track track, struct err *err)
{
    struct store_call call = {.kind = CALL_BOARD_GET};
    struct store_call *calls[] = {&call};
    bool ok = true;

    call.board_get.competition = contest->number;
    call.board_get.track = track;
    store_batch(store, calls, 1);
    if (call.board_get.outcome != STORE_DONE) {
        ok = err_set(err, ERR_STORE, "the board of %s cannot be read", contest->rules.id);
    }
    for (size_t i = 0; ok && i < call.board_get.n_rows; i++) {
        ok = directory_rank(directory, contest, track, &call.board_get.rows[i], err);
    }
    store_call_free(&call);
    return ok;
}

bool directory_load(struct directory *directory, struct store *store, struct err *err)
{
    const struct store_visitor visitor = {
        .context = directory, .competition = load_contest, .team = load_team, .token = load_token};

    if (!store_visit(store, &visitor, err)) {
        return false;
    }
    for (size_t i = 0; i < directory->n_contests; i++) {
        for (int track = 0; track < DIRECTORY_TRACKS_N; track++) {
            if (!load_board(directory, store, directory->contests[i], (enum store_track)track,
                            err)) {
                return false;
            }
        }
    }
    return true;
}
