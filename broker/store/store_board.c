/* SPDX-License-Identifier: MIT */
/*
 * The board's moves: published, frozen, revealed. Each leaves an entry with the hash of the board
 * as it stood: lines "rank,team,score,submission", best first.
 */
#include "broker/store/inside.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/crashpoint.h"
#include "common/text.h"
#include "schemas/opening.h"
#include "schemas/order.h"
#include "schemas/score.h"

static const char *const move_names[] = {
    [BOARD_PUBLISH] = "publish", [BOARD_FREEZE] = "freeze", [BOARD_REVEAL] = "reveal"};

/* How the competition shows scores, and where its board is. */
struct display {
    enum wire_board_state board_state;
    int64_t final_selections;
    int64_t board_version;
    bool is_higher_better;
    int decimals;
    int64_t label_version;
};

static bool read_display(struct store *store, struct display *display, int64_t competition,
                         struct err *err)
{
    struct db *db = store->db;
    bool has_row;

    if (!db_find(db, DB_COMPETITION_ROW, &has_row, err, db_int(competition))) {
        return false;
    }
    if (!has_row) {
        return err_set(err, ERR_STORE, "no competition has number %" PRId64, competition);
    }
    *display = (struct display){
        .board_state = (enum wire_board_state)db_column_int(db, DB_COMPETITION_ROW, 1),
        .final_selections = db_column_int(db, DB_COMPETITION_ROW, 4),
        .board_version = db_column_int(db, DB_COMPETITION_ROW, 6),
        .is_higher_better = db_column_int(db, DB_COMPETITION_ROW, 7) != 0,
        .decimals = (int)db_column_int(db, DB_COMPETITION_ROW, 8),
        .label_version = db_column_int(db, DB_COMPETITION_ROW, 9),
    };
    return true;
}

static bool hash_board(struct store *store, char text[static SHA256_HEX_SIZE],
                       const struct display *display, int64_t competition, enum store_track track,
                       struct err *err)
{
    struct db *db = store->db;
    struct sha256 hash;
    uint8_t digest[SHA256_BYTES];
    bool has_row;

    sha256_start(&hash);
    if (!db_find(db, DB_BEST_ALL, &has_row, err, db_int(competition), db_int(track))) {
        return false;
    }
    for (int64_t rank = 1; has_row; rank++) {
        uint8_t id[STORE_ID_BYTES];
        char id_text[2 * STORE_ID_BYTES + 1];
        char score[SCORE_TEXT_SIZE];
        char line[160];
        db_column_copy(db, DB_BEST_ALL, 4, id, sizeof(id));
        hex_text(id_text, id, sizeof(id));
        double value = score_of_key(db_column_int(db, DB_BEST_ALL, 1), display->is_higher_better);
        score_text(score, value, display->decimals);
        int n = snprintf(line, sizeof(line), "%" PRId64 ",t%" PRId64 ",%s,%s\n", rank,
                         db_column_int(db, DB_BEST_ALL, 0), score, id_text);
        sha256_add(&hash, line, (size_t)n);
        if (!db_row(db, DB_BEST_ALL, &has_row, err)) {
            return false;
        }
    }
    sha256_finish(&hash, digest);
    hex_text(text, digest, sizeof(digest));
    return true;
}

static bool set_state(struct store *store, int64_t competition, enum wire_board_state state,
                      int64_t now_ms, int64_t *version, struct err *err)
{
    bool has_row;

    if (!db_find(store->db, DB_BOARD_CHANGED, &has_row, err, db_int(competition), db_int(now_ms),
                 db_int(state))) {
        return false;
    }
    *version = db_column_int(store->db, DB_BOARD_CHANGED, 0);
    return true;
}

/* A board as it stands now, and what was done with it. */
struct shown {
    enum store_track track;
    const char *move;
    int64_t version;
};

static bool append_board(struct store *store, const struct display *display, int64_t competition,
                         const struct shown *shown, int64_t now_ms, struct err *err)
{
    struct entry entry = {.kind = ENTRY_LEADERBOARD};
    struct ledger_line line;
    char hash[SHA256_HEX_SIZE];
    char moved[TIME_TEXT_SIZE];

    if (!hash_board(store, hash, display, competition, shown->track, err)) {
        return false;
    }
    time_text(moved, now_ms);
    entry.values[ENTRY_LEADERBOARD_MOVE].text = shown->move;
    entry.values[ENTRY_LEADERBOARD_VERSION].number = shown->version;
    entry.values[ENTRY_LEADERBOARD_LABELS].number = display->label_version;
    entry.values[ENTRY_LEADERBOARD_BOARD_SHA256].text = hash;
    entry.values[ENTRY_LEADERBOARD_MOVED].text = moved;
    return store_append(store, &line, &entry, competition, 0, err);
}

static bool append_move(struct store *store, const struct display *display, int64_t competition,
                        enum wire_move move, int64_t version, int64_t now_ms, struct err *err)
{
    const struct shown shown = {.track = move == BOARD_REVEAL ? STORE_PRIVATE : STORE_PUBLIC,
                                .move = move_names[move],
                                .version = version};

    return append_board(store, display, competition, &shown, now_ms, err);
}

bool store_show_corrected(struct store *store, int64_t *board_version, int64_t competition,
                          int64_t now_ms, struct err *err)
{
    struct shown shown = {.track = STORE_PUBLIC, .move = "correct"};
    struct display display = {.board_state = BOARD_HIDDEN};
    struct db *db = store->db;

    if (!db_run(db, DB_BEST_CLEAR, err, db_int(competition), db_int(STORE_PUBLIC)) ||
        !db_run(db, DB_BEST_MAKE, err, db_int(competition)) ||
        !read_display(store, &display, competition, err) ||
        !set_state(store, competition, display.board_state, now_ms, &shown.version, err)) {
        return false;
    }
    *board_version = shown.version;
    return append_board(store, &display, competition, &shown, now_ms, err);
}

/* ---- the moves ---- */

static bool refuse(struct store_board_move *call, const char *reason)
{
    call->outcome = STORE_CONFLICT;
    snprintf(call->reason, sizeof(call->reason), "%s", reason);
    return true;
}

static bool move_to(struct store *store, struct store_board_move *call,
                    const struct display *display, enum wire_board_state state, struct err *err)
{
    call->outcome = STORE_DONE;
    call->board_state = state;
    call->board_changed_ms = call->now_ms;
    CRASHPOINT("board about to move");
    return set_state(store, call->competition, state, call->now_ms, &call->board_version, err) &&
           append_move(store, display, call->competition, call->move, call->board_version,
                       call->now_ms, err);
}

static bool publish(struct store *store, struct store_board_move *call,
                    const struct display *display, struct err *err)
{
    switch (display->board_state) {
    case BOARD_PUBLIC:
        call->outcome = STORE_REPEATED;
        return true;
    case BOARD_HIDDEN:
    case BOARD_FROZEN:
        return db_run(store->db, DB_BEST_CLEAR, err, db_int(call->competition),
                      db_int(STORE_FROZEN)) &&
               move_to(store, call, display, BOARD_PUBLIC, err);
    case BOARD_REVEALING:
    case BOARD_REVEALED:
        return refuse(call, "the board was revealed");
    }
    return false;
}

static bool freeze(struct store *store, struct store_board_move *call,
                   const struct display *display, struct err *err)
{
    switch (display->board_state) {
    case BOARD_FROZEN:
        call->outcome = STORE_REPEATED;
        return true;
    case BOARD_PUBLIC:
        return db_run(store->db, DB_BEST_FREEZE, err, db_int(call->competition)) &&
               move_to(store, call, display, BOARD_FROZEN, err);
    case BOARD_HIDDEN:
        return refuse(call, "the board is not published");
    case BOARD_REVEALING:
    case BOARD_REVEALED:
        return refuse(call, "the board was revealed");
    }
    return false;
}

/* Says which submissions decide, before anything private of them is opened. */
static bool append_reveal(struct store *store, const struct store_board_move *call, struct err *err)
{
    struct db *db = store->db;
    struct entry entry = {.kind = ENTRY_REVEAL};
    struct ledger_line line;
    struct sha256 hash;
    uint8_t digest[SHA256_BYTES];
    char text[SHA256_HEX_SIZE];
    char signature[CRYPT_BASE64_SIZE(CRYPT_SIGNATURE_BYTES)];
    char begun[TIME_TEXT_SIZE];
    bool has_row;

    sha256_start(&hash);
    if (!db_find(db, DB_FINAL_ALL, &has_row, err, db_int(call->competition))) {
        return false;
    }
    while (has_row) {
        uint8_t id[STORE_ID_BYTES];
        char id_text[2 * STORE_ID_BYTES + 1];
        db_column_copy(db, DB_FINAL_ALL, 0, id, sizeof(id));
        hex_text(id_text, id, sizeof(id));
        sha256_add(&hash, id_text, strlen(id_text));
        sha256_add(&hash, "\n", 1);
        entry.values[ENTRY_REVEAL_FINALS].number++;
        if (!db_row(db, DB_FINAL_ALL, &has_row, err)) {
            return false;
        }
    }
    sha256_finish(&hash, digest);
    hex_text(text, digest, sizeof(digest));
    time_text(begun, call->now_ms);
    crypt_base64(signature, sizeof(signature), call->order, sizeof(call->order));
    entry.values[ENTRY_REVEAL_FINALS_SHA256].text = text;
    entry.values[ENTRY_REVEAL_SIGNATURE].text = signature;
    entry.values[ENTRY_REVEAL_BEGUN].text = begun;
    return (logs_is_closed(store->logs, call->competition) ||
            store_append_close(store, call->competition, call->now_ms, err)) &&
           store_append(store, &line, &entry, call->competition, 0, err);
}

/* Marks what the reveal looks at, and has it opened by the workers. */
static bool open_finals(struct store *store, struct store_board_move *call,
                        const struct display *display, struct err *err)
{
    struct db *db = store->db;
    bool is_revealed = false;

    call->outcome = STORE_DONE;
    call->board_state = BOARD_REVEALING;
    call->board_changed_ms = call->now_ms;
    if (!db_run(db, DB_FINAL_CHOSEN, err, db_int(call->competition)) ||
        !db_run(db, DB_FINAL_DEFAULT, err, db_int(call->competition),
                db_int(display->final_selections)) ||
        !append_reveal(store, call, err) ||
        !db_run(db, DB_REVEAL_ORDER_PUT, err, db_int(call->competition),
                db_blob(call->order, sizeof(call->order))) ||
        !db_run(db, DB_FINAL_OPEN, err, db_int(call->competition), db_int(call->now_ms)) ||
        !set_state(store, call->competition, BOARD_REVEALING, call->now_ms, &call->board_version,
                   err) ||
        !store_reveal_settle(store, call->competition, call->now_ms, &is_revealed,
                             &call->board_version, err)) {
        return false;
    }
    call->board_state = is_revealed ? BOARD_REVEALED : BOARD_REVEALING;
    CRASHPOINT("finals sent to be opened");
    return true;
}

/* Whether the organizer signed that private scores are to be opened. */
static bool check_order(bool *is_ordered, struct store *store, const struct store_board_move *call,
                        struct err *err)
{
    struct db *db = store->db;
    uint8_t organizer[CRYPT_PUBLIC_KEY_BYTES];
    uint8_t seed[SHA256_BYTES];
    char competition[STORE_COMPETITION_SIZE];
    const struct order_reveal order = {.competition = competition, .score_seed_sha256 = seed};

    if (!db_find(db, DB_COMPETITION_KEYS, is_ordered, err, db_int(call->competition))) {
        return false;
    }
    db_column_copy(db, DB_COMPETITION_KEYS, 0, organizer, sizeof(organizer));
    db_column_copy(db, DB_COMPETITION_KEYS, 1, seed, sizeof(seed));
    wire_text_copy(competition, sizeof(competition), db_column_bytes(db, DB_COMPETITION_KEYS, 2));
    *is_ordered = order_reveal_check(call->order, &order, organizer);
    return true;
}

static bool reveal(struct store *store, struct store_board_move *call,
                   const struct display *display, struct err *err)
{
    struct db *db = store->db;
    bool has_row;

    if (display->board_state == BOARD_REVEALED) {
        call->outcome = STORE_REPEATED;
        return true;
    }
    if (!check_order(&has_row, store, call, err)) {
        return false;
    }
    if (!has_row) {
        return refuse(call, "the order to open is not signed by the organizer's key");
    }
    if (display->board_state == BOARD_REVEALING) { /* asked again: what was parked is tried again */
        call->outcome = STORE_REPEATED;
        return db_run(db, DB_JOB_UNPARK, err, db_int(JOB_OPEN), db_int(call->competition),
                      db_int(call->now_ms));
    }
    if (!db_find(db, DB_SUBMISSION_UNFINISHED, &has_row, err, db_int(call->competition))) {
        return false;
    }
    int64_t n_open = db_column_int(db, DB_SUBMISSION_UNFINISHED, 0);
    if (!store_is_correcting(store, &has_row, call->competition, err)) {
        return false;
    }
    if (has_row) {
        return refuse(call, "not everything is scored under the corrected labels yet");
    }
    if (n_open > 0) {
        call->outcome = STORE_CONFLICT;
        snprintf(call->reason, sizeof(call->reason), "%" PRId64 " submissions are not scored yet",
                 n_open);
        return true;
    }
    return open_finals(store, call, display, err);
}

bool store_do_board_move(struct store *store, struct store_board_move *call, struct err *err)
{
    struct display display = {.board_state = BOARD_HIDDEN};

    if (!read_display(store, &display, call->competition, err)) {
        return false;
    }
    call->board_state = display.board_state;
    call->board_version = display.board_version;
    switch (call->move) {
    case BOARD_PUBLISH:
        return publish(store, call, &display, err);
    case BOARD_FREEZE:
        return freeze(store, call, &display, err);
    case BOARD_REVEAL:
        return reveal(store, call, &display, err);
    }
    return refuse(call, "no such move");
}

/* ---- every score that was committed to ---- */

/* The lines of the opened results, in their order. Owns: *data is the caller's. */
static bool list_openings(struct wire_buffer *data, int64_t *n, struct store *store,
                          int64_t competition, struct err *err)
{
    struct db *db = store->db;
    bool has_row;

    *n = 0;
    if (!db_find(db, DB_OPENED_ALL, &has_row, err, db_int(competition))) {
        return false;
    }
    while (has_row) {
        uint8_t id[STORE_ID_BYTES];
        struct opening opening = {.labels = (uint32_t)db_column_int(db, DB_OPENED_ALL, 1)};
        char line[OPENING_LINE_SIZE];
        db_column_copy(db, DB_OPENED_ALL, 0, id, sizeof(id));
        hex_text(opening.submission, id, sizeof(id));
        wire_text_copy(opening.public_score, OPENING_SCORE_SIZE,
                       db_column_bytes(db, DB_OPENED_ALL, 2));
        wire_text_copy(opening.private_score, OPENING_SCORE_SIZE,
                       db_column_bytes(db, DB_OPENED_ALL, 3));
        size_t size = opening_write(line, &opening);
        if (!wire_buffer_add(data, (struct wire_bytes){(unsigned char *)line, size}, err) ||
            !db_row(db, DB_OPENED_ALL, &has_row, err)) {
            return false;
        }
        ++*n;
    }
    return true;
}

/* Publishes the score seed and the scores; nothing where nothing was ever scored. */
static bool append_opening(struct store *store, int64_t competition, int64_t now_ms,
                           struct err *err)
{
    struct entry entry = {.kind = ENTRY_OPENING};
    struct wire_buffer scores = {0};
    struct ledger_line line;
    uint8_t digest[SHA256_BYTES];
    char seed[SHA256_HEX_SIZE];
    char hash[SHA256_HEX_SIZE];
    char opened[TIME_TEXT_SIZE];
    bool has_row;
    int64_t n;

    bool ok = list_openings(&scores, &n, store, competition, err) &&
              db_find(store->db, DB_COMPETITION_KEYS, &has_row, err, db_int(competition));
    if (ok && n > 0) {
        db_column_copy(store->db, DB_COMPETITION_KEYS, 3, digest, sizeof(digest));
        hex_text(seed, digest, sizeof(digest));
        sha256_of(digest, scores.data, scores.size);
        hex_text(hash, digest, sizeof(digest));
        time_text(opened, now_ms);
        entry.values[ENTRY_OPENING_SCORE_SEED].text = seed;
        entry.values[ENTRY_OPENING_RESULTS].number = n;
        entry.values[ENTRY_OPENING_SCORES_SHA256].text = hash;
        entry.values[ENTRY_OPENING_SCORES_BYTES].number = (int64_t)scores.size;
        entry.values[ENTRY_OPENING_OPENED].text = opened;
        ok = store_publish(store, competition, wire_buffer_bytes(&scores), err) &&
             store_append(store, &line, &entry, competition, 0, err);
    }
    wire_buffer_free(&scores);
    return ok;
}

bool store_reveal_settle(struct store *store, int64_t competition, int64_t now_ms,
                         bool *is_revealed, int64_t *board_version, struct err *err)
{
    struct db *db = store->db;
    struct display display = {.board_state = BOARD_HIDDEN};
    bool has_row;

    *is_revealed = false;
    if (!db_find(db, DB_JOB_OF_COMPETITION, &has_row, err, db_int(JOB_OPEN), db_int(competition),
                 db_int(1)) ||
        !read_display(store, &display, competition, err)) {
        return false;
    }
    if (db_column_int(db, DB_JOB_OF_COMPETITION, 0) > 0 || display.board_state != BOARD_REVEALING) {
        return true;
    }
    *is_revealed = true;
    CRASHPOINT("finals opened, board not revealed");
    return append_opening(store, competition, now_ms, err) &&
           db_run(db, DB_BEST_REVEAL, err, db_int(competition)) &&
           set_state(store, competition, BOARD_REVEALED, now_ms, board_version, err) &&
           append_move(store, &display, competition, BOARD_REVEAL, *board_version, now_ms, err);
}

bool store_do_board_get(struct store *store, struct store_board_get *call, struct err *err)
{
    struct db *db = store->db;
    size_t capacity = 0;
    bool has_row;

    call->outcome = STORE_DONE;
    call->n_rows = 0;
    if (!db_find(db, DB_BEST_ALL, &has_row, err, db_int(call->competition), db_int(call->track))) {
        return false;
    }
    while (has_row) {
        if (call->n_rows == capacity) {
            capacity = capacity == 0 ? 64 : 2 * capacity;
            struct store_best *rows = realloc(call->rows, capacity * sizeof(*rows));
            if (rows == NULL) {
                return err_set(err, ERR_SYSTEM, "no memory for a board of %zu teams", capacity);
            }
            call->rows = rows;
        }
        struct store_best *row = &call->rows[call->n_rows++];
        row->team = db_column_int(db, DB_BEST_ALL, 0);
        row->sort_key = db_column_int(db, DB_BEST_ALL, 1);
        row->received_ms = db_column_int(db, DB_BEST_ALL, 2);
        row->number = db_column_int(db, DB_BEST_ALL, 3);
        db_column_copy(db, DB_BEST_ALL, 4, row->submission, sizeof(row->submission));
        if (!db_row(db, DB_BEST_ALL, &has_row, err)) {
            return false;
        }
    }
    return true;
}
