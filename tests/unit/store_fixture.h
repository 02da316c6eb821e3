/* SPDX-License-Identifier: MIT */
/*
 * A store in a temporary folder, for every engine, and its calls as short as they can be said.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/store/store.h"
#include "common/file.h"
#include "tests/unit/attester.h"

enum { DAY_MS = 86400000, LEASE_MS = 1000 };

#define NOW_MS (INT64_C(100) * DAY_MS)

/* An engine: how its database is opened and thrown away. */
struct engine {
    const char *name;
    void (*path)(char *path, size_t size, const char *folder);
};

static inline void sqlite_path(char *path, size_t size, const char *folder)
{
    snprintf(path, size, "%s/assay.db", folder);
}

static const struct engine engines[] = {{"sqlite", sqlite_path}};

/* A store in its folder, with a competition and two teams. */
struct world {
    const struct engine *engine;
    char folder[64];
    char path[128];
    struct store *store;
    int64_t competition;
    int64_t teams[2];
    int64_t boot_ms;
    int64_t reserve_bytes;
    char signed_path[128];
    struct ledger_keys keys;
    bool may_void;
};

static inline void run(struct world *world, struct store_call *call)
{
    struct store_call *calls[] = {call};

    store_batch(world->store, calls, 1);
    if (call->kind == CALL_SUBMIT) {
        store_call_free(call); /* its proof: test_logs looks at those */
    }
}

static inline struct store_settings settings_of(const struct world *world)
{
    return (struct store_settings){
        .path = world->path,
        .logs = {.host = "host", .signed_path = world->signed_path, .keys = &world->keys},
        .may_void = world->may_void,
        .lease_ms = LEASE_MS,
        .reserve_bytes = world->reserve_bytes};
}

static inline void reopen(struct world *world)
{
    struct store_settings settings = settings_of(world);
    struct err err;

    store_close(&world->store);
    assert_true(store_open(&world->store, &settings, NOW_MS, world->boot_ms, &err));
}

static inline struct store_call competition_call(const char *id, const char *yaml)
{
    struct store_call call = {.kind = CALL_COMPETITION_PUT};

    call.competition_put = (struct store_competition_put){.id = wire_text(id),
                                                          .task = wire_text("classification"),
                                                          .metric = wire_text("top1_accuracy"),
                                                          .yaml = wire_text(yaml),
                                                          .per_day = 3,
                                                          .has_total = true,
                                                          .total = 5,
                                                          .final_selections = 2,
                                                          .is_higher_better = true,
                                                          .decimals = 5,
                                                          .label_root = {0x11},
                                                          .label_set = {0x22},
                                                          .n_images = 10,
                                                          .n_public = 4,
                                                          .n_private = 6,
                                                          .workers = attester_workers(),
                                                          .now_ms = NOW_MS};
    attester_trust(call.competition_put.organizer, call.competition_put.score_seed_sha256);
    return call;
}

static inline struct store_call team_call(const struct world *world, const char *name, char letter)
{
    struct store_call call = {.kind = CALL_TEAM_PUT};

    call.team_put.competition = world->competition;
    call.team_put.name = wire_text(name);
    call.team_put.members = wire_text("ada");
    memset(call.team_put.token_id, letter, TOKEN_ID_LENGTH);
    call.team_put.now_ms = NOW_MS;
    return call;
}

static inline void world_open(struct world *world, const struct engine *engine)
{
    *world = (struct world){.engine = engine, .folder = "/tmp/assay-store-XXXXXX", .boot_ms = 5000};
    assert_non_null(mkdtemp(world->folder));
    engine->path(world->path, sizeof(world->path), world->folder);
    ledger_keys_derive(&world->keys, (const uint8_t[CRYPT_KEY_BYTES]){7});
    snprintf(world->signed_path, sizeof(world->signed_path), "%s/signed", world->folder);
    reopen(world);
    struct store_call competition = competition_call("demo", "competition: demo");
    run(world, &competition);
    world->competition = competition.competition_put.competition;
    for (int i = 0; i < 2; i++) {
        struct store_call team = team_call(world, i == 0 ? "owls" : "larks", (char)('a' + i));
        run(world, &team);
        assert_int_equal(team.team_put.outcome, STORE_DONE);
        world->teams[i] = team.team_put.team;
    }
}

static inline void world_close(struct world *world)
{
    char command[128];

    store_close(&world->store);
    snprintf(command, sizeof(command), "%s", world->folder);
    pid_t pid = fork();
    if (pid == 0) {
        execlp("rm", "rm", "-rf", command, (char *)NULL);
        _exit(1);
    }
    waitpid(pid, NULL, 0);
}

/* ---- calls as short as they can be said ---- */

static inline struct store_call submit_call(const struct world *world, int team, uint8_t key,
                                            uint8_t file)
{
    struct store_call call = {.kind = CALL_SUBMIT};

    call.submit.competition = world->competition;
    call.submit.team = world->teams[team];
    call.submit.key[0] = key;
    call.submit.id[0] = key;
    call.submit.id[1] = (uint8_t)team;
    call.submit.sha256[0] = file;
    call.submit.size_bytes = 100;
    call.submit.received_ms = NOW_MS + key;
    call.submit.now_ms = NOW_MS + key;
    call.submit.file_name = wire_text("a.csv");
    call.submit.message = wire_text("");
    return call;
}

static inline enum store_outcome submit(struct world *world, int team, uint8_t key)
{
    struct store_call call = submit_call(world, team, key, key);

    run(world, &call);
    return call.submit.outcome;
}

static inline struct store_call claim(struct world *world)
{
    struct store_call call = {.kind = CALL_CLAIM};

    call.claim.worker = wire_text("w1");
    attester_claim(call.claim.key);
    call.claim.lease_until_boot_ms = world->boot_ms + LEASE_MS;
    call.claim.lease_ms = LEASE_MS;
    call.claim.avoid_until_ms = INT64_MAX;
    run(world, &call);
    if (call.claim.outcome == STORE_DONE) {
        attester_saw(&call.claim.job, call.claim.competition, call.claim.submission);
    }
    return call;
}

/* The digest is made of the value, as the core makes it of the whole result. */
static inline enum store_outcome complete_as(struct world *world, uint64_t job, uint64_t fence,
                                             enum wire_outcome outcome, double value,
                                             struct store_changed *changed)
{
    struct wire_result result = {.job_id = job,
                                 .fence = fence,
                                 .outcome = (uint8_t)outcome,
                                 .rows = 10,
                                 .has_value = outcome != OUTCOME_INVALID,
                                 .value = value,
                                 .scorecard = wire_text("{}"),
                                 .sealed = wire_text("sealed"),
                                 .worker = wire_text("w1"),
                                 .build = wire_text("b1")};
    struct store_call call = {.kind = CALL_COMPLETE};

    attester_scores(&result);
    attester_sign(&result, 5);
    call.complete.result = &result;
    call.complete.now_ms = NOW_MS + 100;
    memcpy(call.complete.digest, &value, sizeof(value));
    call.complete.digest[31] = (uint8_t)outcome;
    run(world, &call);
    if (changed != NULL) {
        *changed = call.complete.changed;
    }
    return call.complete.outcome;
}

static inline enum store_outcome score(struct world *world, double value,
                                       struct store_changed *changed)
{
    struct store_call job = claim(world);

    assert_int_equal(job.claim.outcome, STORE_DONE);
    enum store_outcome outcome = complete_as(world, job.claim.job.job_id, job.claim.job.fence,
                                             OUTCOME_SCORED, value, changed);
    store_call_free(&job);
    return outcome;
}

static inline enum store_outcome report_failure(struct world *world, const struct wire_job *job,
                                                bool *is_parked)
{
    struct store_call call = {.kind = CALL_FAIL};

    call.fail.job = (int64_t)job->job_id;
    call.fail.fence = (int64_t)job->fence;
    call.fail.reason = wire_text("the reader crashed");
    call.fail.now_boot_ms = world->boot_ms;
    call.fail.now_ms = NOW_MS;
    run(world, &call);
    *is_parked = call.fail.is_parked;
    return call.fail.outcome;
}

static inline struct store_expire expire(struct world *world)
{
    struct store_call call = {.kind = CALL_EXPIRE};

    call.expire.now_boot_ms = world->boot_ms;
    call.expire.now_ms = NOW_MS;
    run(world, &call);
    return call.expire;
}

static inline struct store_quota_get quota(struct world *world, int team, int64_t now_ms)
{
    struct store_call call = {.kind = CALL_QUOTA_GET};

    call.quota_get.competition = world->competition;
    call.quota_get.team = world->teams[team];
    call.quota_get.key[15] = 77;
    call.quota_get.now_ms = now_ms;
    run(world, &call);
    return call.quota_get;
}

static inline struct wire_submission_row row(struct world *world, int team, uint8_t key)
{
    static struct store_call call;
    struct wire_submission_row row;

    store_call_free(&call);
    call = (struct store_call){.kind = CALL_SUBMISSION_GET};
    call.submission_get.id[0] = key;
    call.submission_get.id[1] = (uint8_t)team;
    run(world, &call);
    assert_int_equal(call.submission_get.outcome, STORE_DONE);
    struct wire_bytes rest = wire_buffer_bytes(&call.submission_get.row);
    assert_int_equal(wire_next(&row, WIRE_SUBMISSION_ROW, &rest), WIRE_ITEM);
    return row; /* borrows until the next call of this function */
}

static inline struct store_board_move move(struct world *world, enum wire_move to)
{
    struct store_call call = {.kind = CALL_BOARD_MOVE};

    call.board_move.competition = world->competition;
    call.board_move.move = to;
    call.board_move.now_ms = NOW_MS;
    attester_order(call.board_move.order, "demo");
    run(world, &call);
    return call.board_move;
}

/* The team at each place of a track; returns how many. */
static inline size_t board(struct world *world, enum store_track track, struct store_best *rows,
                           size_t n_max)
{
    struct store_call call = {.kind = CALL_BOARD_GET};

    call.board_get.competition = world->competition;
    call.board_get.track = track;
    run(world, &call);
    assert_int_equal(call.board_get.outcome, STORE_DONE);
    size_t n_rows = call.board_get.n_rows;
    for (size_t i = 0; i < n_rows && i < n_max; i++) {
        rows[i] = call.board_get.rows[i];
    }
    store_call_free(&call);
    return n_rows;
}

static inline void on_every_engine(void (*check)(struct world *world))
{
    for (size_t i = 0; i < ARRAY_SIZE(engines); i++) {
        struct world world;
        world_open(&world, &engines[i]);
        check(&world);
        world_close(&world);
    }
}

#define TEST(name)                                                                                 \
    static void test_##name(void **state)                                                          \
    {                                                                                              \
        (void)state;                                                                               \
        on_every_engine(check_##name);                                                             \
    }
