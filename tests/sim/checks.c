/* SPDX-License-Identifier: MIT */
/*
 * The invariants, asked of the store through the same calls that the broker uses.
 */
#include "tests/sim/sim.h"

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

void check_proof(struct world *world, struct wish *wish, struct wire_bytes proof)
{
    struct note_public_key key = log_key(world);
    struct tree_hash leaf;
    struct entry entry;
    char texts[ENTRY_SIZE];
    struct err err;

    entry_leaf(leaf.bytes, wish->entry, wish->entry_size);
    if (!entry_read(&entry, texts, wish->entry, wish->entry_size, &err) ||
        !note_proof_check(&wish->checkpoint, &key, &leaf, (uint64_t)entry.index, proof.data,
                          proof.size, &err)) {
        world_fail(world, "the receipt of %s does not prove it: %s", wish->id, err.text);
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
    for (unsigned i = 0; i < SUBMISSIONS_MAX && world->failure[0] == '\0'; i++) {
        const struct wish *wish =
            &world->clients[i / SUBMISSIONS_EACH].wishes[i % SUBMISSIONS_EACH];
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

    for (unsigned i = 0; i < SUBMISSIONS_MAX && world->failure[0] == '\0'; i++) {
        const struct wish *wish =
            &world->clients[i / SUBMISSIONS_EACH].wishes[i % SUBMISSIONS_EACH];
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
    for (unsigned i = 0; i < SUBMISSIONS_MAX; i++) {
        const struct wish *wish =
            &world->clients[i / SUBMISSIONS_EACH].wishes[i % SUBMISSIONS_EACH];
        struct wire_submission_row row;
        struct store_call call;
        if (!wish->is_acked) {
            return false;
        }
        bool is_found = state_of(world, wish, &row, &call);
        bool is_open = is_found && row.state < SUBMISSION_SCORED;
        store_call_free(&call);
        if (!is_found || is_open) {
            return false;
        }
    }
    return true;
}

/* Scored with its own value, or parked where every worker fails on it. */
static void check_state(struct world *world, const struct wish *wish)
{
    struct wire_submission_row row = {0};
    struct store_call call;
    char expected[40];

    bool is_found = state_of(world, wish, &row, &call);
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

    for (unsigned i = 0; i < SUBMISSIONS_MAX; i++) {
        const struct wish *wish =
            &world->clients[i / SUBMISSIONS_EACH].wishes[i % SUBMISSIONS_EACH];
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
    if (call.stats.stats.n_submissions != SUBMISSIONS_MAX) {
        world_fail(world, "%llu submissions for %d requests",
                   (unsigned long long)call.stats.stats.n_submissions, SUBMISSIONS_MAX);
    }
    if (call.stats.stats.n_ready + call.stats.stats.n_leased != 0) {
        world_fail(world, "jobs are left of finished submissions");
    }
}

void check_end(struct world *world)
{
    check_acked(world);
    for (unsigned i = 0; i < SUBMISSIONS_MAX; i++) {
        check_state(world, &world->clients[i / SUBMISSIONS_EACH].wishes[i % SUBMISSIONS_EACH]);
    }
    check_log(world);
    check_count(world);
}
