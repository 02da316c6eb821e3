/* SPDX-License-Identifier: MIT */
/*
 * A core on a real store, and everything it sends. The clock is the test's; the store is run
 * between the core's rounds, so that a test decides what has been committed when.
 */
#pragma once

#include "broker/queue/core.h"
#include "common/crypt.h"
#include "tests/unit/store_fixture.h"

enum { CALLS_MAX = 64, SENT_MAX = 64, LEASE = 30000, PROMISE = 600000 };

/* 2026-06-15T12:00:00Z */
#define WALL_MS INT64_C(1781524800000)

static const char demo_yaml[] = "competition: demo\n"
                                "task: classification\n"
                                "metric: top1_accuracy\n"
                                "submission: {format: topk, k: 1}\n"
                                "opens: 2026-06-15T11:00:00Z\n"
                                "closes: 2026-06-15T13:00:00Z\n"
                                "limits: {per_day: 3, file_bytes: 5000}\n"
                                "board: {freeze: 2026-06-15T12:30:00Z}\n";

struct sent {
    enum core_side side;
    uint8_t peer;
    int64_t job;
    int64_t fence;
    struct wire_buffer frame;
};

/* A core, its store and everything it has sent. */
struct bench {
    struct world world;
    struct ledger_keys keys;
    struct core *core;
    int64_t wall_ms;
    int64_t boot_ms;
    uint64_t random;
    uint64_t next_request;
    struct store_call *calls[CALLS_MAX]; /* given to the store, not run yet */
    size_t n_calls;
    struct sent sent[SENT_MAX];
    size_t n_sent;
    size_t n_published;
    size_t n_warned;
    size_t n_backups;
    char organizer[TOKEN_SIZE];
    char token[TOKEN_SIZE];
};

static inline const struct core_now *now_of(struct bench *bench)
{
    static struct core_now now;
    static uint8_t random[CORE_RANDOM_BYTES];

    bench->random++;
    crypt_hash(random, CORE_RANDOM_BYTES, &bench->random, sizeof(bench->random), NULL);
    now = (struct core_now){.wall_ms = bench->wall_ms, .boot_ms = bench->boot_ms, .random = random};
    return &now;
}

static inline void note_sent(struct bench *bench, const struct core_effect *effect)
{
    struct err err;

    assert_true(bench->n_sent < SENT_MAX);
    struct sent *sent = &bench->sent[bench->n_sent++];
    sent->side = effect->side;
    sent->peer = effect->peer.id[0];
    sent->job = effect->job;
    sent->fence = effect->fence;
    assert_true(wire_buffer_set(&sent->frame, wire_buffer_bytes(&effect->frame), &err));
}

static inline void collect(struct bench *bench)
{
    size_t n_effects;
    const struct core_effect *effects = core_effects(bench->core, &n_effects);

    for (size_t i = 0; i < n_effects; i++) {
        switch (effects[i].kind) {
        case EFFECT_SEND:
            note_sent(bench, &effects[i]);
            break;
        case EFFECT_PUBLISH:
            bench->n_published++;
            break;
        case EFFECT_STORE:
            assert_true(bench->n_calls < CALLS_MAX);
            bench->calls[bench->n_calls++] = effects[i].call;
            break;
        case EFFECT_WARN:
            bench->n_warned++;
            break;
        case EFFECT_BACKUP:
            bench->n_backups++;
            break;
        }
    }
    core_effects_clear(bench->core);
}

/* Commits what waits and gives the answers to the core, once. */
static inline void commit(struct bench *bench)
{
    struct store_call *calls[CALLS_MAX];
    size_t n_calls = bench->n_calls;

    memcpy(calls, bench->calls, n_calls * sizeof(calls[0]));
    bench->n_calls = 0;
    store_batch(bench->world.store, calls, n_calls);
    for (size_t i = 0; i < n_calls; i++) {
        core_stored(bench->core, calls[i], now_of(bench));
        collect(bench);
    }
}

static inline void commit_all(struct bench *bench)
{
    while (bench->n_calls > 0) {
        commit(bench);
    }
}

static inline void forget_sent(struct bench *bench)
{
    for (size_t i = 0; i < bench->n_sent; i++) {
        wire_buffer_free(&bench->sent[i].frame);
    }
    bench->n_sent = 0;
}

/* A frame arrives; what it leads to in the store waits for a commit. */
static inline void arrive(struct bench *bench, enum core_side side, uint8_t peer_id,
                          struct wire_message *message)
{
    struct channel_peer peer = {.size = 1, .id = {peer_id}};
    struct wire_buffer frame = {0};
    struct err err;

    message->request_id = ++bench->next_request;
    assert_true(wire_encode(&frame, message, &err));
    core_frame(bench->core, side, &peer, frame.data, frame.size, now_of(bench));
    wire_buffer_free(&frame);
    collect(bench);
}

static inline void tick(struct bench *bench, int64_t ms)
{
    bench->wall_ms += ms;
    bench->boot_ms += ms;
    core_tick(bench->core, now_of(bench));
    collect(bench);
}

/* What was sent at a place of the list; borrowed until forget_sent. */
static inline struct wire_message sent_at(const struct bench *bench, size_t at)
{
    struct wire_message message;
    struct err err;

    assert_true(at < bench->n_sent);
    assert_true(wire_decode(&message, FROM_BROKER, bench->sent[at].frame.data,
                            bench->sent[at].frame.size, &err));
    return message;
}

/* A gateway's request with its only answer. */
static inline struct wire_message ask(struct bench *bench, struct wire_message request)
{
    forget_sent(bench);
    arrive(bench, CORE_GATEWAYS, 1, &request);
    commit_all(bench);
    assert_true(bench->n_sent >= 1);
    return sent_at(bench, 0);
}

static inline void open_core(struct bench *bench)
{
    const struct core_settings settings = {.host = "host",
                                           .lease_ms = LEASE,
                                           .pending_max = 8,
                                           .ready_age_max_ms = 60000,
                                           .disk_free_min_bytes = 1000,
                                           .memory_max_bytes = 1000000,
                                           .promise_ms = PROMISE,
                                           .rescore_percent = 5};
    struct err err;

    assert_true(core_open(&bench->core, &settings, &bench->keys, bench->world.store, &err));
}

static inline void make_organizer(struct bench *bench)
{
    struct store_call call = {.kind = CALL_ORGANIZER_PUT};
    struct token token;

    token_make(&token, now_of(bench)->random);
    token_text(bench->organizer, &token);
    memcpy(call.organizer_put.token_id, token.id, sizeof(token.id));
    token_hash(call.organizer_put.token_hash, &token, bench->keys.pepper);
    run(&bench->world, &call);
    assert_int_equal(call.organizer_put.outcome, STORE_DONE);
}

static inline struct wire_message team_request(const struct bench *bench, const char *name)
{
    struct wire_message request = {.type = WIRE_TEAM_PUT};

    request.team_put.token = wire_text(bench->organizer);
    request.team_put.competition = wire_text("demo");
    request.team_put.name = wire_text(name);
    return request;
}

static inline int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    struct wire_message put = {.type = WIRE_COMPETITION_PUT};
    uint8_t master[CRYPT_KEY_BYTES] = {1};
    struct err err;

    assert_true(crypt_start(&err));
    bench->wall_ms = WALL_MS;
    bench->boot_ms = 1000;
    ledger_keys_derive(&bench->keys, master);
    bench->world.keys = bench->keys;
    bench->world.engine = &engines[0];
    memcpy(bench->world.folder, "/tmp/assay-core-XXXXXX", 23);
    assert_non_null(mkdtemp(bench->world.folder));
    engines[0].path(bench->world.path, sizeof(bench->world.path), bench->world.folder);
    snprintf(bench->world.signed_path, sizeof(bench->world.signed_path), "%s/signed",
             bench->world.folder);
    snprintf(bench->world.signed_path, sizeof(bench->world.signed_path), "%s/signed",
             bench->world.folder);
    reopen(&bench->world);
    make_organizer(bench);
    open_core(bench);
    put.competition_put.token = wire_text(bench->organizer);
    put.competition_put.yaml = wire_text(demo_yaml);
    attester_commit(&put.competition_put);
    assert_int_equal(ask(bench, put).type, WIRE_DONE);
    struct wire_message team = ask(bench, team_request(bench, "owls"));
    assert_int_equal(team.type, WIRE_TEAM_MADE);
    wire_text_copy(bench->token, sizeof(bench->token), team.team_made.token);
    forget_sent(bench);
    *state = bench;
    return 0;
}

static inline int teardown(void **state)
{
    struct bench *bench = *state;

    commit_all(bench);
    forget_sent(bench);
    core_close(&bench->core);
    world_close(&bench->world);
    free(bench);
    return 0;
}

/* ---- messages ---- */

static inline struct wire_message submission(const struct bench *bench, uint8_t key)
{
    struct wire_message request = {.type = WIRE_SUBMIT_COMMIT};

    request.submit_commit.token = wire_text(bench->token);
    request.submit_commit.competition = wire_text("demo");
    request.submit_commit.key[0] = key;
    request.submit_commit.sha256[0] = key;
    request.submit_commit.size_bytes = 100;
    request.submit_commit.received_ms = bench->wall_ms;
    request.submit_commit.file_name = wire_text("a.csv");
    request.submit_commit.message = wire_text("line\nbreak");
    return request;
}

static inline void claim_as(struct bench *bench, uint8_t peer, uint32_t wait_ms)
{
    struct wire_message request = {.type = WIRE_CLAIM};

    request.claim.worker = wire_text("w1");
    request.claim.build = wire_text("b1");
    request.claim.wait_ms = wait_ms;
    attester_claim(request.claim.key);
    arrive(bench, CORE_WORKERS, peer, &request);
    commit_all(bench);
}

static inline struct wire_message result_for(struct wire_message job, double value)
{
    struct wire_message request = {.type = WIRE_RESULT};

    request.result.job_id = job.job.job_id;
    request.result.fence = job.job.fence;
    request.result.has_value = 1;
    request.result.value = value;
    request.result.scorecard = wire_text("{}");
    request.result.sealed = wire_text("s");
    request.result.worker = wire_text("w1");
    request.result.build = wire_text("b1");
    attester_saw_message(&job);
    attester_sign(&request.result, 5);
    return request;
}

static inline void assert_refused(struct wire_message reply, enum wire_refusal refusal)
{
    assert_int_equal(reply.type, WIRE_REFUSED);
    assert_int_equal(reply.refused.refusal, refusal);
}

static inline struct wire_message begin(const struct bench *bench, uint64_t size)
{
    struct wire_message request = {.type = WIRE_SUBMIT_BEGIN};

    request.submit_begin.token = wire_text(bench->token);
    request.submit_begin.competition = wire_text("demo");
    request.submit_begin.size_bytes = size;
    request.submit_begin.key[5] = 5;
    return request;
}

#define CORE_TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
