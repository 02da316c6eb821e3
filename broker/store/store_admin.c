/* SPDX-License-Identifier: MIT */
/*
 * Competitions, teams and tokens: what organizers make, and what the broker loads at its start.
 */
#include "broker/store/inside.h"

#include <string.h>

#include "common/text.h"
#include "schemas/worker_key.h"

static bool is_equal(struct wire_bytes a, struct wire_bytes b)
{
    return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

/* The genesis entry commits to the rules and the labels before anything is received. */
static bool make_genesis(struct ledger_line *line, const char *id,
                         const struct store_competition_put *call, struct err *err)
{
    char task[64];
    char metric[64];
    char workers[WORKER_KEYS_TEXT_SIZE];
    char created[TIME_TEXT_SIZE];
    char rules[SHA256_HEX_SIZE];
    char root[SHA256_HEX_SIZE];
    char set[SHA256_HEX_SIZE];
    char ids[SHA256_HEX_SIZE];
    char organizer[SHA256_HEX_SIZE];
    char seed[SHA256_HEX_SIZE];
    uint8_t digest[SHA256_BYTES];
    struct entry entry = {.kind = ENTRY_GENESIS, .competition = id};

    wire_text_copy(task, sizeof(task), call->task);
    wire_text_copy(metric, sizeof(metric), call->metric);
    sha256_of(digest, call->yaml.data, call->yaml.size);
    hex_text(rules, digest, sizeof(digest));
    hex_text(root, call->label_root, sizeof(call->label_root));
    hex_text(set, call->label_set, sizeof(call->label_set));
    hex_text(ids, call->ids, sizeof(call->ids));
    hex_text(organizer, call->organizer, sizeof(call->organizer));
    hex_text(seed, call->score_seed_sha256, sizeof(call->score_seed_sha256));
    wire_text_copy(workers, sizeof(workers), call->workers);
    time_text(created, call->now_ms);
    entry.values[ENTRY_GENESIS_TASK].text = task;
    entry.values[ENTRY_GENESIS_METRIC].text = metric;
    entry.values[ENTRY_GENESIS_RULES_SHA256].text = rules;
    entry.values[ENTRY_GENESIS_LABEL_ROOT].text = root;
    entry.values[ENTRY_GENESIS_LABEL_SET_SHA256].text = set;
    entry.values[ENTRY_GENESIS_IDS_SHA256].text = ids;
    entry.values[ENTRY_GENESIS_IMAGES].number = call->n_images;
    entry.values[ENTRY_GENESIS_PUBLIC].number = call->n_public;
    entry.values[ENTRY_GENESIS_PRIVATE].number = call->n_private;
    entry.values[ENTRY_GENESIS_WORKERS].text = workers;
    entry.values[ENTRY_GENESIS_ORGANIZER].text = organizer;
    entry.values[ENTRY_GENESIS_SCORE_SEED_SHA256].text = seed;
    entry.values[ENTRY_GENESIS_REVEAL].text = call->reveals_labels ? "full" : "none";
    entry.values[ENTRY_GENESIS_CREATED].text = created;
    return ledger_line_make(line, &entry, err);
}

/* True for what DB_COMPETITION_BY_ID stands on. */
static bool is_same_competition(struct store *store, const struct store_competition_put *call)
{
    struct db *db = store->db;
    uint8_t root[TREE_HASH_BYTES];
    uint8_t set[SHA256_BYTES];

    db_column_copy(db, DB_COMPETITION_BY_ID, 2, root, sizeof(root));
    db_column_copy(db, DB_COMPETITION_BY_ID, 3, set, sizeof(set));
    return is_equal(db_column_bytes(db, DB_COMPETITION_BY_ID, 1), call->yaml) &&
           memcmp(root, call->label_root, sizeof(root)) == 0 &&
           memcmp(set, call->label_set, sizeof(set)) == 0;
}

static bool insert_worker(struct store *store, int64_t competition,
                          const struct worker_public_key *key, struct err *err)
{
    return db_run(store->db, DB_WORKER_INSERT, err, db_int(competition),
                  db_blob(key->sign, sizeof(key->sign)), db_text(wire_text(key->name)));
}

static bool insert_workers(struct store *store, const struct store_competition_put *call,
                           struct err *err)
{
    struct worker_public_key keys[WORKER_KEYS_MAX];
    size_t n_keys;

    if (!worker_keys_read(keys, &n_keys, (const char *)call->workers.data, call->workers.size,
                          err)) {
        return false;
    }
    for (size_t i = 0; i < n_keys; i++) {
        if (!insert_worker(store, call->competition, &keys[i], err)) {
            return false;
        }
    }
    return true;
}

static bool insert_labels(struct store *store, const struct store_competition_put *call,
                          struct err *err)
{
    return db_run(store->db, DB_LABEL_SET_INSERT, err, db_int(call->competition),
                  db_int(STORE_LABEL_FIRST), db_blob(call->label_root, sizeof(call->label_root)),
                  db_blob(call->label_set, sizeof(call->label_set)), db_int(call->n_images),
                  db_int(call->n_public), db_int(call->n_private)) &&
           insert_workers(store, call, err);
}

bool store_do_competition_put(struct store *store, struct store_competition_put *call,
                              struct err *err)
{
    char id[STORE_COMPETITION_SIZE];
    const struct entry first = {.kind = ENTRY_GENESIS, .competition = id};
    struct ledger_line genesis;
    bool has_row;

    if (!db_find(store->db, DB_COMPETITION_BY_ID, &has_row, err, db_text(call->id))) {
        return false;
    }
    if (has_row) {
        call->competition = db_column_int(store->db, DB_COMPETITION_BY_ID, 0);
        call->outcome = is_same_competition(store, call) ? STORE_REPEATED : STORE_CONFLICT;
        return true;
    }
    wire_text_copy(id, sizeof(id), call->id);
    if (!make_genesis(&genesis, id, call, err) ||
        !db_run(store->db, DB_COMPETITION_INSERT, err, db_text(call->id),
                db_blob(call->yaml.data, call->yaml.size), db_int(call->now_ms),
                db_blob(genesis.leaf, sizeof(genesis.leaf)), db_int(call->per_day),
                db_int_or_null(call->has_total, call->total), db_int(call->final_selections),
                db_int(call->is_higher_better), db_int(call->decimals), db_text(call->metric),
                db_blob(call->organizer, sizeof(call->organizer)),
                db_blob(call->score_seed_sha256, sizeof(call->score_seed_sha256)))) {
        return false;
    }
    call->competition = db_last_number(store->db);
    call->outcome = STORE_DONE;
    return insert_labels(store, call, err) &&
           store_publish(store, call->competition, call->yaml, err) &&
           store_append_first(store, &genesis, &first, call->competition, err) &&
           store_append_keys(store, call->competition, id, call->now_ms, err);
}

/* Whether a worker is there; a name or key that is only half of one is a conflict. */
static bool find_worker(struct store *store, struct store_workers_put *call,
                        const struct worker_public_key *key, bool *is_there, struct err *err)
{
    struct db *db = store->db;
    uint8_t found[CRYPT_PUBLIC_KEY_BYTES];

    if (!db_find(db, DB_WORKER_FIND, is_there, err, db_int(call->competition),
                 db_blob(key->sign, sizeof(key->sign)), db_text(wire_text(key->name)))) {
        return false;
    }
    if (*is_there) {
        db_column_copy(db, DB_WORKER_FIND, 0, found, sizeof(found));
        bool is_same = memcmp(found, key->sign, sizeof(found)) == 0 &&
                       wire_text_is(db_column_bytes(db, DB_WORKER_FIND, 1), key->name);
        call->outcome = is_same ? call->outcome : STORE_CONFLICT;
    }
    return true;
}

static bool add_worker(struct store *store, const struct store_workers_put *call,
                       const struct worker_public_key *key, struct err *err)
{
    struct entry entry = {.kind = ENTRY_WORKER};
    struct ledger_line line;
    char text[WORKER_KEY_TEXT_SIZE];
    char added[TIME_TEXT_SIZE];

    worker_key_text(text, key);
    time_text(added, call->now_ms);
    entry.values[ENTRY_WORKER_KEY].text = text;
    entry.values[ENTRY_WORKER_ADDED].text = added;
    return insert_worker(store, call->competition, key, err) &&
           store_append(store, &line, &entry, call->competition, 0, err);
}

bool store_do_workers_put(struct store *store, struct store_workers_put *call, struct err *err)
{
    struct worker_public_key keys[WORKER_KEYS_MAX];
    bool are_there[WORKER_KEYS_MAX];
    size_t n_keys;

    call->outcome = STORE_DONE;
    if (!worker_keys_read(keys, &n_keys, (const char *)call->workers.data, call->workers.size,
                          err)) {
        return false;
    }
    for (size_t i = 0; i < n_keys; i++) {
        if (!find_worker(store, call, &keys[i], &are_there[i], err)) {
            return false;
        }
    }
    for (size_t i = 0; i < n_keys && call->outcome == STORE_DONE; i++) {
        if (!are_there[i] && !add_worker(store, call, &keys[i], err)) {
            return false;
        }
    }
    return true;
}

/* A token as it goes into the store. */
struct new_token {
    const char *id;
    const uint8_t *hash;
    enum store_scope scope;
    int64_t team; /* 0: none */
    int64_t expires_ms;
};

static bool insert_token(struct db *db, const struct new_token *token, int64_t now_ms,
                         struct err *err)
{
    return db_run(db, DB_TOKEN_INSERT, err, db_text(wire_text(token->id)),
                  db_blob(token->hash, TOKEN_HASH_BYTES), db_int(token->scope),
                  db_int_or_null(token->team != 0, token->team), db_int(now_ms),
                  db_int_or_null(token->expires_ms != INT64_MAX, token->expires_ms));
}

bool store_do_team_put(struct store *store, struct store_team_put *call, struct err *err)
{
    if (!db_run(store->db, DB_TEAM_INSERT, err, db_int(call->competition), db_text(call->name),
                db_text(call->members), db_int(call->now_ms))) {
        return false;
    }
    call->outcome = STORE_CONFLICT;
    if (db_changes(store->db) == 0) {
        return true;
    }
    call->outcome = STORE_DONE;
    call->team = db_last_number(store->db);
    const struct new_token token = {.id = call->token_id,
                                    .hash = call->token_hash,
                                    .scope = STORE_SCOPE_TEAM,
                                    .team = call->team,
                                    .expires_ms = INT64_MAX};
    return insert_token(store->db, &token, call->now_ms, err);
}

bool store_do_team_token(struct store *store, struct store_team_token *call, struct err *err)
{
    struct db *db = store->db;
    bool has_row;

    if (!db_find(db, DB_TEAM_BY_NAME, &has_row, err, db_int(call->competition),
                 db_text(call->name))) {
        return false;
    }
    call->outcome = STORE_EMPTY;
    if (!has_row) {
        return true;
    }
    call->outcome = STORE_DONE;
    call->team = db_column_int(db, DB_TEAM_BY_NAME, 0);
    const struct new_token token = {.id = call->token_id,
                                    .hash = call->token_hash,
                                    .scope = call->scope,
                                    .team = call->team,
                                    .expires_ms = call->expires_ms};
    return (call->scope == STORE_SCOPE_READER ||
            db_run(db, DB_TOKEN_REVOKE, err, db_int(call->team))) &&
           insert_token(db, &token, call->now_ms, err);
}

bool store_has_organizer(struct store *store, bool *has_one, struct err *err)
{
    return db_start(store->db, DB_TOKEN_ORGANIZER, NULL, 0, err) &&
           db_row(store->db, DB_TOKEN_ORGANIZER, has_one, err);
}

bool store_do_organizer_put(struct store *store, struct store_organizer_put *call, struct err *err)
{
    bool has_row;

    if (!store_has_organizer(store, &has_row, err)) {
        return false;
    }
    call->outcome = has_row ? STORE_REPEATED : STORE_DONE;
    const struct new_token token = {.id = call->token_id,
                                    .hash = call->token_hash,
                                    .scope = STORE_SCOPE_ORGANIZER,
                                    .expires_ms = INT64_MAX};
    return has_row || insert_token(store->db, &token, call->now_ms, err);
}

/* ---- loading ---- */

static bool visit_competitions(struct store *store, const struct store_visitor *visitor,
                               struct err *err)
{
    struct db *db = store->db;
    bool has_row;

    if (!db_start(db, DB_COMPETITION_ALL, NULL, 0, err) ||
        !db_row(db, DB_COMPETITION_ALL, &has_row, err)) {
        return false;
    }
    while (has_row) {
        struct store_competition_row row = {
            .number = db_column_int(db, DB_COMPETITION_ALL, 0),
            .yaml = db_column_bytes(db, DB_COMPETITION_ALL, 1),
            .board_state = (enum wire_board_state)db_column_int(db, DB_COMPETITION_ALL, 2),
            .board_version = db_column_int(db, DB_COMPETITION_ALL, 3),
            .board_changed_ms = db_column_int(db, DB_COMPETITION_ALL, 4),
            .n_submissions = db_column_int(db, DB_COMPETITION_ALL, 5),
            .open_run = db_column_int(db, DB_COMPETITION_ALL, 6),
            .label_version = db_column_int(db, DB_COMPETITION_ALL, 7),
            .is_closed = logs_is_closed(store->logs, db_column_int(db, DB_COMPETITION_ALL, 0)),
        };
        if (!visitor->competition(visitor->context, &row, err) ||
            !db_row(db, DB_COMPETITION_ALL, &has_row, err)) {
            return false;
        }
    }
    return true;
}

static bool visit_teams(struct store *store, const struct store_visitor *visitor, struct err *err)
{
    struct db *db = store->db;
    bool has_row;

    if (!db_start(db, DB_TEAM_ALL, NULL, 0, err) || !db_row(db, DB_TEAM_ALL, &has_row, err)) {
        return false;
    }
    while (has_row) {
        struct store_team_row row = {
            .number = db_column_int(db, DB_TEAM_ALL, 0),
            .competition = db_column_int(db, DB_TEAM_ALL, 1),
            .name = db_column_bytes(db, DB_TEAM_ALL, 2),
            .members = db_column_bytes(db, DB_TEAM_ALL, 3),
            .n_submissions = db_column_int(db, DB_TEAM_ALL, 4),
            .last_ms = db_column_int(db, DB_TEAM_ALL, 5),
        };
        if (!visitor->team(visitor->context, &row, err) ||
            !db_row(db, DB_TEAM_ALL, &has_row, err)) {
            return false;
        }
    }
    return true;
}

static bool visit_tokens(struct store *store, const struct store_visitor *visitor, struct err *err)
{
    struct db *db = store->db;
    bool has_row;

    if (!db_start(db, DB_TOKEN_ALL, NULL, 0, err) || !db_row(db, DB_TOKEN_ALL, &has_row, err)) {
        return false;
    }
    while (has_row) {
        struct store_token_row row = {
            .id = db_column_bytes(db, DB_TOKEN_ALL, 0),
            .scope = (enum store_scope)db_column_int(db, DB_TOKEN_ALL, 2),
            .team = db_column_int(db, DB_TOKEN_ALL, 3),
            .expires_ms = db_column_is_null(db, DB_TOKEN_ALL, 4)
                              ? INT64_MAX
                              : db_column_int(db, DB_TOKEN_ALL, 4),
        };
        db_column_copy(db, DB_TOKEN_ALL, 1, row.hash, sizeof(row.hash));
        if (!visitor->token(visitor->context, &row, err) ||
            !db_row(db, DB_TOKEN_ALL, &has_row, err)) {
            return false;
        }
    }
    return true;
}

bool store_visit(struct store *store, const struct store_visitor *visitor, struct err *err)
{
    return visit_competitions(store, visitor, err) && visit_teams(store, visitor, err) &&
           visit_tokens(store, visitor, err);
}
