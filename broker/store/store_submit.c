/* SPDX-License-Identifier: MIT */
/*
 * Accepting a submission: row, log entry and job in one transaction, the quota checked inside it.
 */
#include "broker/store/inside.h"

#include <string.h>

#include "common/text.h"

enum { DAY_MS = 86400000, JOB_COST_BYTES = 65536 };

bool store_count(struct store *store, int64_t team, int64_t received_ms, int n_open, int n_scored,
                 struct err *err)
{
    return db_run(store->db, DB_TEAM_COUNT, err, db_int(team), db_int(n_open), db_int(n_scored)) &&
           db_run(store->db, DB_DAY_COUNT, err, db_int(team), db_int(received_ms / DAY_MS),
                  db_int(n_open), db_int(n_scored));
}

bool store_quota(struct store *store, struct store_quota *quota, const struct store_limits *limits,
                 int64_t team, int64_t at_ms, struct err *err)
{
    struct db *db = store->db;
    int64_t left = limits->per_day;
    bool has_row;

    if (!db_find(db, DB_DAY_ROW, &has_row, err, db_int(team), db_int(at_ms / DAY_MS))) {
        return false;
    }
    if (has_row) {
        left -= db_column_int(db, DB_DAY_ROW, 0) + db_column_int(db, DB_DAY_ROW, 1);
    }
    if (limits->has_total) {
        if (!db_find(db, DB_TEAM_ROW, &has_row, err, db_int(team))) {
            return false;
        }
        int64_t used = db_column_int(db, DB_TEAM_ROW, 0) + db_column_int(db, DB_TEAM_ROW, 1);
        left = limits->total - used < left ? limits->total - used : left;
    }
    left = left < 0 ? 0 : left;
    quota->remaining_today = left > UINT32_MAX ? UINT32_MAX : (uint32_t)left;
    quota->resets_at_ms = (at_ms / DAY_MS + 1) * DAY_MS;
    return true;
}

/* The rules that a submission must meet, and what its entry names. */
struct rules {
    struct store_limits limits;
    enum wire_board_state board_state;
    int64_t final_selections;
    uint8_t genesis[ENTRY_LEAF_BYTES];
};

static bool read_rules(struct store *store, struct rules *rules, int64_t competition,
                       struct err *err)
{
    struct db *db = store->db;
    bool has_row;

    if (!db_find(db, DB_COMPETITION_ROW, &has_row, err, db_int(competition))) {
        return false;
    }
    if (!has_row) {
        return err_set(err, ERR_STORE, "no competition has number %lld", (long long)competition);
    }
    rules->board_state = (enum wire_board_state)db_column_int(db, DB_COMPETITION_ROW, 1);
    rules->limits.per_day = db_column_int(db, DB_COMPETITION_ROW, 2);
    rules->limits.has_total = !db_column_is_null(db, DB_COMPETITION_ROW, 3);
    rules->limits.total = db_column_int(db, DB_COMPETITION_ROW, 3);
    rules->final_selections = db_column_int(db, DB_COMPETITION_ROW, 4);
    db_column_copy(db, DB_COMPETITION_ROW, 5, rules->genesis, sizeof(rules->genesis));
    return true;
}

/* The first answer to a key that was used before. */
static bool repeat(struct store *store, struct store_submit *call, struct err *err)
{
    struct db *db = store->db;
    uint8_t sha256[SHA256_BYTES];
    bool has_row;

    db_column_copy(db, DB_SUBMISSION_BY_KEY, 2, sha256, sizeof(sha256));
    call->outcome = STORE_CONFLICT;
    if (db_column_int(db, DB_SUBMISSION_BY_KEY, 1) != call->competition ||
        memcmp(sha256, call->sha256, sizeof(sha256)) != 0) {
        return true;
    }
    call->number = db_column_int(db, DB_SUBMISSION_BY_KEY, 0);
    if (!db_find(db, DB_ENTRY_OF_SUBMISSION, &has_row, err, db_int(call->number))) {
        return false;
    }
    struct wire_bytes line = db_column_bytes(db, DB_ENTRY_OF_SUBMISSION, 1);
    if (!has_row || line.size > ENTRY_SIZE) {
        return err_set(err, ERR_STORE, "submission %lld has no entry", (long long)call->number);
    }
    memcpy(call->entry, line.data, line.size);
    call->entry_size = line.size;
    call->outcome = STORE_REPEATED;
    return true;
}

static bool append_entry(struct store *store, struct store_submit *call, const struct rules *rules,
                         struct err *err)
{
    struct entry entry = {.kind = ENTRY_SUBMISSION};
    struct ledger_line line;
    char id[2 * STORE_ID_BYTES + 1];
    char team[LEDGER_TEAM_SIZE];
    char sha256[SHA256_HEX_SIZE];
    char received[TIME_TEXT_SIZE];
    char genesis[2 * ENTRY_LEAF_BYTES + 1];

    hex_text(id, call->id, sizeof(call->id));
    ledger_team_text(team, call->team);
    hex_text(sha256, call->sha256, sizeof(call->sha256));
    time_text(received, call->received_ms);
    hex_text(genesis, rules->genesis, sizeof(rules->genesis));
    entry.values[ENTRY_SUBMISSION_ID].text = id;
    entry.values[ENTRY_SUBMISSION_TEAM].text = team;
    entry.values[ENTRY_SUBMISSION_FILE_SHA256].text = sha256;
    entry.values[ENTRY_SUBMISSION_FILE_BYTES].number = call->size_bytes;
    entry.values[ENTRY_SUBMISSION_RECEIVED].text = received;
    entry.values[ENTRY_SUBMISSION_GENESIS].text = genesis;
    if (!store_append(store, &line, &entry, call->competition, call->number, err)) {
        return false;
    }
    memcpy(call->entry, line.text, line.size);
    call->entry_size = line.size;
    return true;
}

/*
 * The job behind a submission. Start-time fair queueing: it starts where the team's last job ends
 * or where the lane is now, whichever is later, and costs its size.
 */
static bool add_job(struct store *store, const struct store_submit *call, struct err *err)
{
    struct db *db = store->db;
    bool has_row;

    if (!db_find(db, DB_LANE_ROW, &has_row, err, db_int(LANE_LIVE))) {
        return false;
    }
    int64_t start = has_row ? db_column_int(db, DB_LANE_ROW, 0) : 0;
    if (!db_find(db, DB_TEAM_ROW, &has_row, err, db_int(call->team))) {
        return false;
    }
    int64_t last = has_row ? db_column_int(db, DB_TEAM_ROW, 2) : 0;
    start = start > last ? start : last;
    return db_run(db, DB_JOB_INSERT, err, db_int(JOB_SCORE), db_int(call->number),
                  db_int(call->competition), db_int(STORE_LABEL_VERSION),
                  db_int(STORE_RULES_VERSION), db_int_or_null(false, 0), db_int(LANE_LIVE),
                  db_int(start), db_int(call->now_ms)) &&
           db_run(db, DB_TEAM_SUBMITTED, err, db_int(call->team), db_int(call->received_ms),
                  db_int(start + JOB_COST_BYTES + call->size_bytes)) &&
           db_run(db, DB_DAY_COUNT, err, db_int(call->team), db_int(call->received_ms / DAY_MS),
                  db_int(1), db_int(0));
}

static bool insert_all(struct store *store, struct store_submit *call, const struct rules *rules,
                       struct err *err)
{
    if (!db_run(store->db, DB_SUBMISSION_INSERT, err, db_blob(call->id, sizeof(call->id)),
                db_int(call->competition), db_int(call->team),
                db_blob(call->key, sizeof(call->key)), db_blob(call->sha256, sizeof(call->sha256)),
                db_int(call->size_bytes), db_int(call->received_ms), db_int(call->now_ms),
                db_text(call->file_name), db_text(call->message))) {
        return false;
    }
    call->number = db_last_number(store->db);
    return append_entry(store, call, rules, err) && add_job(store, call, err) &&
           db_run(store->db, DB_COMPETITION_COUNT, err, db_int(call->competition));
}

bool store_do_submit(struct store *store, struct store_submit *call, struct err *err)
{
    struct rules rules;
    bool has_row;

    if (!read_rules(store, &rules, call->competition, err) ||
        !store_quota(store, &call->quota, &rules.limits, call->team, call->received_ms, err) ||
        !db_find(store->db, DB_SUBMISSION_BY_KEY, &has_row, err, db_int(call->team),
                 db_blob(call->key, sizeof(call->key)))) {
        return false;
    }
    if (has_row) {
        return repeat(store, call, err);
    }
    if (call->is_closed || rules.board_state >= BOARD_REVEALING) {
        call->outcome = STORE_EMPTY;
        return true;
    }
    if (call->quota.remaining_today == 0) {
        call->outcome = STORE_QUOTA;
        return true;
    }
    call->quota.remaining_today--;
    call->outcome = STORE_DONE;
    return insert_all(store, call, &rules, err);
}

bool store_do_quota_get(struct store *store, struct store_quota_get *call, struct err *err)
{
    struct rules rules;
    bool has_row;

    if (!read_rules(store, &rules, call->competition, err) ||
        !store_quota(store, &call->quota, &rules.limits, call->team, call->now_ms, err) ||
        !db_find(store->db, DB_SUBMISSION_BY_KEY, &has_row, err, db_int(call->team),
                 db_blob(call->key, sizeof(call->key)))) {
        return false;
    }
    call->outcome = call->quota.remaining_today > 0 ? STORE_DONE : STORE_QUOTA;
    if (has_row) {
        call->outcome = STORE_REPEATED;
    }
    return true;
}

/* ---- the team's choice for the end ---- */

enum { CHOICE_MAX = 100 };

struct choice {
    int64_t numbers[CHOICE_MAX];
    int64_t n_numbers;
    int64_t n_selected_before; /* of them */
};

/* Takes one id off the front of the list; false in *is_good where it is not one of the team's
 * submissions that may count. */
static bool choose_one(struct store *store, struct choice *choice, const struct store_select *call,
                       const unsigned char *text, size_t size, bool *is_good, struct err *err)
{
    struct db *db = store->db;
    uint8_t id[STORE_ID_BYTES];
    struct err ignored;
    bool has_row;

    *is_good = false;
    if (!hex_read(id, sizeof(id), (const char *)text, size, &ignored)) {
        return true;
    }
    if (!db_find(db, DB_SUBMISSION_BY_ID, &has_row, err, db_blob(id, sizeof(id)))) {
        return false;
    }
    if (!has_row || db_column_int(db, DB_SUBMISSION_BY_ID, 1) != call->team ||
        db_column_int(db, DB_SUBMISSION_BY_ID, 2) > SUBMISSION_SCORED ||
        choice->n_numbers == CHOICE_MAX) {
        return true;
    }
    *is_good = true;
    int64_t number = db_column_int(db, DB_SUBMISSION_BY_ID, 0);
    for (int64_t i = 0; i < choice->n_numbers; i++) {
        if (choice->numbers[i] == number) {
            return true;
        }
    }
    choice->numbers[choice->n_numbers++] = number;
    choice->n_selected_before += db_column_int(db, DB_SUBMISSION_BY_ID, 3);
    return true;
}

static bool choose_all(struct store *store, struct choice *choice, const struct store_select *call,
                       bool *is_good, struct err *err)
{
    const unsigned char *at = call->ids.data;
    size_t rest = call->ids.size;

    *is_good = true;
    while (rest > 0 && *is_good) {
        const unsigned char *space = memchr(at, ' ', rest);
        size_t size = space == NULL ? rest : (size_t)(space - at);
        if (size > 0 && !choose_one(store, choice, call, at, size, is_good, err)) {
            return false;
        }
        size_t n_taken = space == NULL ? rest : size + 1;
        at += n_taken;
        rest -= n_taken;
    }
    return true;
}

static bool write_choice(struct store *store, const struct choice *choice,
                         const struct store_select *call, struct err *err)
{
    struct entry entry = {.kind = ENTRY_SELECTION};
    struct ledger_line line;
    char team[LEDGER_TEAM_SIZE];
    char selected[TIME_TEXT_SIZE];
    char ids[ENTRY_SIZE];

    if (!db_run(store->db, DB_SUBMISSION_UNSELECT, err, db_int(call->team))) {
        return false;
    }
    for (int64_t i = 0; i < choice->n_numbers; i++) {
        if (!db_run(store->db, DB_SUBMISSION_SELECT, err, db_int(choice->numbers[i]))) {
            return false;
        }
    }
    ledger_team_text(team, call->team);
    time_text(selected, call->now_ms);
    wire_text_copy(ids, sizeof(ids), call->ids);
    entry.values[ENTRY_SELECTION_TEAM].text = team;
    entry.values[ENTRY_SELECTION_SUBMISSIONS].text = ids;
    entry.values[ENTRY_SELECTION_SELECTED].text = selected;
    return store_append(store, &line, &entry, call->competition, 0, err);
}

bool store_do_select(struct store *store, struct store_select *call, struct err *err)
{
    struct choice choice = {.n_numbers = 0};
    struct rules rules;
    bool is_good;
    bool has_row;

    if (!read_rules(store, &rules, call->competition, err) ||
        !choose_all(store, &choice, call, &is_good, err) ||
        !db_find(store->db, DB_SUBMISSION_SELECTED_COUNT, &has_row, err, db_int(call->team))) {
        return false;
    }
    int64_t n_before = db_column_int(store->db, DB_SUBMISSION_SELECTED_COUNT, 0);
    call->final_selections = rules.final_selections;
    if (rules.board_state >= BOARD_REVEALING) {
        call->outcome = STORE_CONFLICT;
    } else if (!is_good) {
        call->outcome = STORE_EMPTY;
    } else if (choice.n_numbers > rules.final_selections) {
        call->outcome = STORE_QUOTA;
    } else if (choice.n_selected_before == choice.n_numbers && n_before == choice.n_numbers) {
        call->outcome = STORE_REPEATED;
    } else {
        call->outcome = STORE_DONE;
        return write_choice(store, &choice, call, err);
    }
    return true;
}
