/* SPDX-License-Identifier: MIT */
/*
 * The invariants, asked of the store through the same calls that the broker uses.
 */
#include "tests/sim/inside.h"

#include <stdlib.h>
#include <string.h>

#include "common/text.h"

static void run(struct world *world, struct store_call *call)
{
    struct store_call *calls[] = {call};

    store_batch(world->store, calls, 1);
}

/* The log lines of a wish; the caller frees nothing. */
static bool find_entries(struct world *world, const struct wish *wish, struct store_call *call)
{
    struct err err;

    store_call_free(call);
    *call = (struct store_call){.kind = CALL_ENTRIES_GET};
    if (!hex_read(call->entries_get.id, STORE_ID_BYTES, wish->id, 32, &err)) {
        world_fail(world, "an id is not hexadecimal");
        return false;
    }
    run(world, call);
    return call->entries_get.outcome == STORE_DONE;
}

static struct note_public_key log_key(const struct world *world)
{
    struct note_public_key key = {.origin = "sim/sim"};

    memcpy(key.key, world->keys.log.public_key, sizeof(key.key));
    return key;
}

void check_receipt(struct world *world, struct wish *wish,
                   const struct wire_submit_accepted *accepted)
{
    struct note_public_key key = log_key(world);
    struct tree_hash leaf;
    struct entry entry;
    char texts[ENTRY_SIZE];
    struct err err;

    entry_leaf(leaf.bytes, wish->entry, wish->entry_size);
    if (!entry_read(&entry, texts, wish->entry, wish->entry_size, &err) ||
        !time_read(&wish->received_ms, entry.values[ENTRY_SUBMISSION_RECEIVED].text, &err) ||
        !receipt_check(&world->keys.receipt.public_key, wish->entry, wish->entry_size,
                       accepted->minisig.data, accepted->minisig.size, &err) ||
        !note_proof_check(&wish->checkpoint, &key, &leaf, (uint64_t)entry.index,
                          accepted->proof.data, accepted->proof.size, &err)) {
        world_fail(world, "the receipt of %s does not prove it: %s", wish->id, err.text);
        return;
    }
}

static struct store_call get_log(struct world *world, enum wire_log_part part, uint64_t first,
                                 uint64_t second)
{
    struct store_call call = {.kind = CALL_LOG_GET};

    call.log_get =
        (struct store_log_get){.competition = 1, .part = part, .first = first, .second = second};
    run(world, &call);
    if (call.log_get.outcome != STORE_DONE) {
        world_fail(world, "the log does not answer");
    }
    return call;
}

/* Every checkpoint that was ever handed out is the beginning of the log as it is now. */
static void check_growth(struct world *world)
{
    struct note_public_key key = log_key(world);
    struct store_call note = get_log(world, LOG_CHECKPOINT, 0, 0);
    struct checkpoint now = {.size = 0};
    struct err err;

    if (!checkpoint_read(&now, &key, note.log_get.data.data, note.log_get.data.size, &err)) {
        world_fail(world, "%s", err.text);
    }
    store_call_free(&note);
    for (unsigned i = 0; i < world_wishes(world) && world->failure[0] == '\0'; i++) {
        struct wish *wish = world_wish(world, i);
        struct tree_proof proof;
        if (!wish->is_acked) {
            continue;
        }
        struct store_call growth = get_log(world, LOG_GROWTH, wish->checkpoint.size, now.size);
        const struct wire_buffer *data = &growth.log_get.data;
        if (!note_growth_read(&proof, data->data, data->size, &err) ||
            !tree_check_growth(wish->checkpoint.size, &wish->checkpoint.root, now.size, &now.root,
                               &proof, &err)) {
            world_fail(world, "the log of %s has another history now: %s", wish->id, err.text);
        }
        store_call_free(&growth);
    }
}

void check_acked(struct world *world)
{
    static struct store_call call;

    check_growth(world);

    for (unsigned i = 0; i < world_wishes(world) && world->failure[0] == '\0'; i++) {
        struct wish *wish = world_wish(world, i);
        if (!wish->is_acked) {
            continue;
        }
        if (!find_entries(world, wish, &call)) {
            world_fail(world, "acknowledged submission %s is lost", wish->id);
        } else if (call.entries_get.lines[0].size != wish->entry_size ||
                   memcmp(call.entries_get.lines[0].text, wish->entry, wish->entry_size) != 0) {
            world_fail(world, "the entry of %s is not the one that was signed", wish->id);
        }
    }
}

static bool state_of(struct world *world, const struct wish *wish, struct wire_submission_row *row,
                     struct store_call *call)
{
    struct err err;

    *call = (struct store_call){.kind = CALL_SUBMISSION_GET};
    if (!hex_read(call->submission_get.id, STORE_ID_BYTES, wish->id, 32, &err)) {
        return false;
    }
    run(world, call);
    struct wire_bytes rest = wire_buffer_bytes(&call->submission_get.row);
    return call->submission_get.outcome == STORE_DONE &&
           wire_next(row, WIRE_SUBMISSION_ROW, &rest) == WIRE_ITEM;
}

bool check_is_drained(struct world *world)
{
    for (unsigned i = 0; i < world_wishes(world); i++) {
        struct wish *wish = world_wish(world, i);
        struct wire_submission_row row;
        struct store_call call;
        if (!wish->is_acked) {
            return false;
        }
        if (!wish->is_settled) {
            wish->is_settled = state_of(world, wish, &row, &call) && row.state >= SUBMISSION_SCORED;
            store_call_free(&call);
        }
        if (!wish->is_settled) {
            return false;
        }
    }
    return true;
}

/* Scored with its own value, or parked where every worker fails on it. */
static void check_state(struct world *world, struct wish *wish)
{
    struct wire_submission_row row = {0};
    struct store_call call;
    char expected[40];

    bool is_found = state_of(world, wish, &row, &call);
    wish->number = row.state == SUBMISSION_SCORED ? row.sequence : 0;
    snprintf(expected, sizeof(expected), "%.5f", score_of(wish->sha256));
    if (!is_found) {
        world_fail(world, "submission %s is gone", wish->id);
    } else if (wish->is_poison && row.state != SUBMISSION_FAILED) {
        world_fail(world, "poison %s is in state %d", wish->id, row.state);
    } else if (!wish->is_poison && row.state != SUBMISSION_SCORED &&
               wish->n_failures < STORE_FAILS_MAX) {
        world_fail(world, "healthy %s is in state %d", wish->id, row.state);
    } else if (row.state == SUBMISSION_SCORED && !wire_text_is(row.public_score, expected)) {
        world_fail(world, "submission %s has the score of another file", wish->id);
    }
    store_call_free(&call);
}

/* Every index of the log once and none left out: the genesis, the keys, what submissions have. */
static void check_log(struct world *world)
{
    bool is_there[2 + 3 * SUBMISSIONS_MAX] = {true, true};
    static struct store_call call;
    size_t n = 2;

    for (unsigned i = 0; i < world_wishes(world); i++) {
        struct wish *wish = world_wish(world, i);
        if (!find_entries(world, wish, &call)) {
            world_fail(world, "submission %s has no entries", wish->id);
            return;
        }
        for (size_t j = 0; j < call.entries_get.n_lines; j++) {
            struct entry entry;
            char texts[ENTRY_SIZE];
            struct err err;
            if (!entry_read(&entry, texts, call.entries_get.lines[j].text,
                            call.entries_get.lines[j].size, &err) ||
                entry.index >= (int64_t)ARRAY_SIZE(is_there) || is_there[entry.index]) {
                world_fail(world, "an entry of %s is wrong or has the place of another", wish->id);
                return;
            }
            is_there[entry.index] = true;
            n++;
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (!is_there[i]) {
            world_fail(world, "the log has a gap at %zu", i);
        }
    }
}

/* The keys stand for one submission each: as many rows as wishes. */
static void check_count(struct world *world)
{
    struct store_call call = {.kind = CALL_STATS, .stats = {.is_counted = true}};

    run(world, &call);
    if (call.stats.stats.n_submissions != world_wishes(world)) {
        world_fail(world, "%llu submissions for %u requests",
                   (unsigned long long)call.stats.stats.n_submissions, world_wishes(world));
    }
    if (call.stats.stats.n_ready + call.stats.stats.n_leased != 0) {
        world_fail(world, "jobs are left of finished submissions");
    }
}

/* The better one of two wishes that are scored: by score, then the earlier. */
static bool is_better(const struct wish *a, const struct wish *b)
{
    double score_a = score_of(a->sha256);
    double score_b = score_of(b->sha256);

    if (score_a > score_b || score_a < score_b) {
        return score_a > score_b;
    }
    return a->received_ms != b->received_ms ? a->received_ms < b->received_ms
                                            : a->number < b->number;
}

/* Each team's best, best first, computed from what the clients know; their number. */
static unsigned rank_teams(struct world *world, const struct wish *ranked[CLIENTS])
{
    unsigned n = 0;

    for (unsigned i = 0; i < world->n_clients; i++) {
        const struct wish *best = NULL;
        for (unsigned j = 0; j < world->n_each; j++) {
            const struct wish *wish = &world->clients[i].wishes[j];
            if (wish->number != 0 && (best == NULL || is_better(wish, best))) {
                best = wish;
            }
        }
        if (best == NULL) {
            continue;
        }
        unsigned at = n++;
        for (; at > 0 && is_better(best, ranked[at - 1]); at--) {
            ranked[at] = ranked[at - 1];
        }
        ranked[at] = best;
    }
    return n;
}

/* The board, as the broker shows it, is that of the best of every team. */
static void check_board(struct world *world, const struct start *start)
{
    const struct wish *ranked[CLIENTS];
    unsigned n = rank_teams(world, ranked);
    struct wire_message get = {.type = WIRE_BOARD_GET};
    struct wire_buffer reply = {0};
    struct wire_message page;
    struct err err;
    unsigned at = 0;

    get.board_get.token = wire_text(start->organizer);
    get.board_get.competition = wire_text("sim");
    get.board_get.rows_max = CLIENTS;
    if (!broker_ask(world, &get, &reply, &page, &err) || page.type != WIRE_BOARD_PAGE) {
        world_fail(world, "there is no board");
        goto out;
    }
    struct wire_bytes rest = page.board_page.rows;
    struct wire_board_row row;
    while (wire_next(&row, WIRE_BOARD_ROW, &rest) == WIRE_ITEM) {
        if (at >= n || !wire_text_is(row.submission, ranked[at]->id)) {
            world_fail(world, "place %u of the board is %.*s, %.*s of %.*s", at + 1,
                       (int)row.submission.size, (const char *)row.submission.data,
                       (int)row.score.size, (const char *)row.score.data, (int)row.team.size,
                       (const char *)row.team.data);
        }
        at++;
    }
    if (at != n) {
        world_fail(world, "%u teams on the board instead of %u", at, n);
    }
out:
    wire_buffer_free(&reply);
}

void check_end(struct world *world, const struct start *start)
{
    check_acked(world);
    for (unsigned i = 0; i < world_wishes(world); i++) {
        check_state(world, world_wish(world, i));
    }
    check_log(world);
    check_count(world);
    check_board(world, start);
}
