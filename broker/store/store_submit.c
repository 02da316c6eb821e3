/* SPDX-License-Identifier: MIT */
/*
 * Accepting a submission: row, log entry and job in one transaction, the quota checked inside it. A
 * promise is the same row without a job; what becomes of it is in store_promise.c.
 */
#include "broker/store/inside.h"

#include <string.h>

#include "common/text.h"

enum { JOB_COST_BYTES = 65536 };

bool store_count(struct store *store, int64_t team, int64_t received_ms, int n_open, int n_scored,
                 struct err *err)
{
    return db_run(store->db, DB_TEAM_COUNT, err, db_int(team), db_int(n_open), db_int(n_scored)) &&
           db_run(store->db, DB_DAY_COUNT, err, db_int(team), db_int(received_ms / TIME_DAY_MS),
                  db_int(n_open), db_int(n_scored));
}

static int64_t bounded(int64_t value, int64_t max)
{
    return value < 0 ? 0 : value > max ? max : value;
}

bool store_quota(struct store *store, struct store_quota *quota, const struct store_limits *limits,
                 int64_t team, int64_t at_ms, struct err *err)
{
    struct db *db = store->db;
    int64_t today = limits->per_day;
    int64_t total = STORE_NO_LIMIT;
    bool has_row;

    if (!db_find(db, DB_DAY_ROW, &has_row, err, db_int(team), db_int(at_ms / TIME_DAY_MS))) {
        return false;
    }
    if (has_row) {
        today -= db_column_int(db, DB_DAY_ROW, 0) + db_column_int(db, DB_DAY_ROW, 1);
    }
    if (limits->has_total) {
        if (!db_find(db, DB_TEAM_ROW, &has_row, err, db_int(team))) {
            return false;
        }
        total =
            limits->total - db_column_int(db, DB_TEAM_ROW, 0) - db_column_int(db, DB_TEAM_ROW, 1);
        total = bounded(total, STORE_NO_LIMIT - 1);
    }
    quota->remaining_total = (uint32_t)total;
    quota->remaining_today = (uint32_t)bounded(today, total);
    quota->resets_at_ms = total == 0 ? INT64_MIN : (at_ms / TIME_DAY_MS + 1) * TIME_DAY_MS;
    return true;
}

bool store_rules(struct store *store, struct store_rules *rules, int64_t competition,
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

/* The entry of the call's submission; of its promise where a promise is asked about. */
static bool find_entry(struct store *store, struct store_submit *call, struct err *err)
{
    struct db *db = store->db;
    bool is_promise = call->grace_ms > 0 && call->until_ms > 0;
    bool has_row;

    if (!db_find(db, DB_ENTRY_OF_KIND, &has_row, err, db_int(call->number),
                 db_int(is_promise ? ENTRY_PROMISE : ENTRY_SUBMISSION))) {
        return false;
    }
    struct wire_bytes line = db_column_bytes(db, DB_ENTRY_OF_KIND, 0);
    if (!has_row || line.size > ENTRY_SIZE) {
        return err_set(err, ERR_STORE, "submission %lld has no entry", (long long)call->number);
    }
    memcpy(call->entry, line.data, line.size);
    call->entry_size = line.size;
    call->entry_index = db_column_int(db, DB_ENTRY_OF_KIND, 1);
    return true;
}

struct store_upload store_upload_of_key(struct store *store)
{
    struct db *db = store->db;
    struct store_upload upload = {
        .received_ms = db_column_int(db, DB_SUBMISSION_BY_KEY, 3),
        .state = (enum wire_submission_state)db_column_int(db, DB_SUBMISSION_BY_KEY, 4),
        .until_ms = db_column_int(db, DB_SUBMISSION_BY_KEY, 5),
        .size_bytes = db_column_int(db, DB_SUBMISSION_BY_KEY, 6),
    };

    db_column_copy(db, DB_SUBMISSION_BY_KEY, 2, upload.sha256, sizeof(upload.sha256));
    db_column_copy(db, DB_SUBMISSION_BY_KEY, 7, upload.id, sizeof(upload.id));
    return upload;
}

/* The first answer to a key that was used before; or the bytes of what was promised under it. */
static bool repeat(struct store *store, struct store_submit *call, const struct store_rules *rules,
                   struct err *err)
{
    struct db *db = store->db;
    struct store_upload upload = store_upload_of_key(store);

    call->outcome = STORE_CONFLICT;
    if (db_column_int(db, DB_SUBMISSION_BY_KEY, 1) != call->competition ||
        upload.size_bytes != call->size_bytes ||
        memcmp(upload.sha256, call->sha256, sizeof(upload.sha256)) != 0) {
        return true;
    }
    call->number = db_column_int(db, DB_SUBMISSION_BY_KEY, 0);
    call->state = upload.state;
    call->until_ms = upload.until_ms;
    if (call->grace_ms == 0 && upload.state == SUBMISSION_RECEIVING) {
        return store_keep_promise(store, call, rules, err);
    }
    bool is_late = call->grace_ms == 0 && upload.state == SUBMISSION_EXPIRED;
    memcpy(call->id, upload.id, sizeof(call->id));
    call->received_ms = upload.received_ms;
    call->outcome = is_late ? STORE_STALE : STORE_REPEATED;
    return is_late || find_entry(store, call, err);
}

/* Fills the entry of a promise: as that of a submission, with the time until which. */
static void fill_promise(struct entry *entry, const char *until)
{
    entry->kind = ENTRY_PROMISE;
    entry->values[ENTRY_PROMISE_GENESIS] = entry->values[ENTRY_SUBMISSION_GENESIS];
    entry->values[ENTRY_PROMISE_UNTIL].text = until;
}

bool store_append_receipt(struct store *store, struct store_submit *call, enum entry_kind kind,
                          const struct store_rules *rules, struct err *err)
{
    struct entry entry = {.kind = ENTRY_SUBMISSION};
    struct ledger_line line;
    char until[TIME_TEXT_SIZE];
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
    if (kind == ENTRY_PROMISE) {
        time_text(until, call->until_ms);
        fill_promise(&entry, until);
    }
    if (!store_append(store, &line, &entry, call->competition, call->number, err)) {
        return false;
    }
    memcpy(call->entry, line.text, line.size);
    call->entry_size = line.size;
    call->entry_index = entry.index;
    return true;
}

/*
 * The job behind a submission. Start-time fair queueing: it starts where the team's last job ends
 * or where the lane is now, whichever is later, and costs its size.
 */
bool store_add_job(struct store *store, const struct store_submit *call, bool is_counted,
                   struct err *err)
{
    struct db *db = store->db;
    int64_t labels;
    bool has_row;

    if (!store_labels_newest(store, &labels, call->competition, err) ||
        !db_find(db, DB_LANE_ROW, &has_row, err, db_int(LANE_LIVE))) {
        return false;
    }
    int64_t start = has_row ? db_column_int(db, DB_LANE_ROW, 0) : 0;
    if (!db_find(db, DB_TEAM_ROW, &has_row, err, db_int(call->team))) {
        return false;
    }
    int64_t last = has_row ? db_column_int(db, DB_TEAM_ROW, 2) : 0;
    start = start > last ? start : last;
    return db_run(db, DB_JOB_INSERT, err, db_int(JOB_SCORE), db_int(call->number),
                  db_int(call->competition), db_int(labels), db_int(STORE_RULES_VERSION),
                  db_int_or_null(false, 0), db_int(LANE_LIVE), db_int(start),
                  db_int(call->now_ms)) &&
           db_run(db, DB_TEAM_SUBMITTED, err, db_int(call->team), db_int(call->received_ms),
                  db_int(start + JOB_COST_BYTES + call->size_bytes), db_int(!is_counted)) &&
           (is_counted || db_run(db, DB_DAY_COUNT, err, db_int(call->team),
                                 db_int(call->received_ms / TIME_DAY_MS), db_int(1), db_int(0))) &&
           db_run(db, DB_COMPETITION_COUNT, err, db_int(call->competition));
}

static bool insert_all(struct store *store, struct store_submit *call,
                       const struct store_rules *rules, struct err *err)
{
    bool is_promise = call->grace_ms > 0;

    call->state = is_promise ? SUBMISSION_RECEIVING : SUBMISSION_ACCEPTED;
    call->until_ms = is_promise ? call->received_ms + call->grace_ms : 0;
    if (!db_run(store->db, DB_SUBMISSION_INSERT, err, db_blob(call->id, sizeof(call->id)),
                db_int(call->competition), db_int(call->team),
                db_blob(call->key, sizeof(call->key)), db_blob(call->sha256, sizeof(call->sha256)),
                db_int(call->size_bytes), db_int(call->received_ms), db_int(call->now_ms),
                db_text(call->file_name), db_text(call->message), db_int(call->state),
                db_int_or_null(is_promise, call->until_ms))) {
        return false;
    }
    call->number = db_last_number(store->db);
    if (is_promise) {
        return store_append_receipt(store, call, ENTRY_PROMISE, rules, err) &&
               store_count(store, call->team, call->received_ms, 1, 0, err);
    }
    return store_append_receipt(store, call, ENTRY_SUBMISSION, rules, err) &&
           store_add_job(store, call, false, err);
}

/* What the team has left behind this submission. */
static void take_one(struct store_quota *quota)
{
    quota->remaining_today--;
    if (quota->remaining_total != STORE_NO_LIMIT && --quota->remaining_total == 0) {
        quota->resets_at_ms = INT64_MIN;
    }
}

bool store_do_submit(struct store *store, struct store_submit *call, struct err *err)
{
    struct store_rules rules;
    bool has_row;

    if (!store_rules(store, &rules, call->competition, err) ||
        !store_quota(store, &call->quota, &rules.limits, call->team, call->received_ms, err) ||
        !db_find(store->db, DB_SUBMISSION_BY_KEY, &has_row, err, db_int(call->team),
                 db_blob(call->key, sizeof(call->key)))) {
        return false;
    }
    if (has_row) {
        return repeat(store, call, &rules, err);
    }
    if (call->is_closed || rules.board_state >= BOARD_REVEALING) {
        call->outcome = STORE_EMPTY;
        return true;
    }
    if (call->quota.remaining_today == 0) {
        call->outcome = STORE_QUOTA;
        return true;
    }
    take_one(&call->quota);
    call->outcome = STORE_DONE;
    return insert_all(store, call, &rules, err);
}

bool store_do_quota_get(struct store *store, struct store_quota_get *call, struct err *err)
{
    struct store_rules rules;
    bool has_row;

    if (!store_rules(store, &rules, call->competition, err) ||
        !store_quota(store, &call->quota, &rules.limits, call->team, call->now_ms, err) ||
        !db_find(store->db, DB_SUBMISSION_BY_KEY, &has_row, err, db_int(call->team),
                 db_blob(call->key, sizeof(call->key)))) {
        return false;
    }
    call->outcome = call->quota.remaining_today > 0 ? STORE_DONE : STORE_QUOTA;
    if (has_row) {
        call->outcome = STORE_REPEATED;
        call->upload = store_upload_of_key(store);
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
    struct store_rules rules;
    bool is_good;
    bool has_row;

    if (!store_rules(store, &rules, call->competition, err) ||
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
