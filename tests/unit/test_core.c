/* SPDX-License-Identifier: MIT */
/*
 * The core: frames, time and store answers in, effects out. The clock is the test's; the store is a
 * real one, run between the core's rounds, so that a test decides what has been committed when.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/queue/core.h"
#include "common/crypt.h"
#include "tests/unit/store_fixture.h"

enum { CALLS_MAX = 64, SENT_MAX = 64, LEASE = 30000 };

/* 2026-06-15T12:00:00Z */
#define WALL_MS INT64_C(1781524800000)

static const char yaml[] = "competition: demo\n"
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
    char organizer[TOKEN_SIZE];
    char token[TOKEN_SIZE];
};

static const struct core_now *now_of(struct bench *bench)
{
    static struct core_now now;
    static uint8_t random[CORE_RANDOM_BYTES];

    bench->random++;
    crypt_hash(random, CORE_RANDOM_BYTES, &bench->random, sizeof(bench->random), NULL);
    now = (struct core_now){.wall_ms = bench->wall_ms, .boot_ms = bench->boot_ms, .random = random};
    return &now;
}

static void note_sent(struct bench *bench, const struct core_effect *effect)
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

static void collect(struct bench *bench)
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
        }
    }
    core_effects_clear(bench->core);
}

/* Commits what waits and gives the answers to the core, once. */
static void commit(struct bench *bench)
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

static void commit_all(struct bench *bench)
{
    while (bench->n_calls > 0) {
        commit(bench);
    }
}

static void forget_sent(struct bench *bench)
{
    for (size_t i = 0; i < bench->n_sent; i++) {
        wire_buffer_free(&bench->sent[i].frame);
    }
    bench->n_sent = 0;
}

/* A frame arrives; what it leads to in the store waits for a commit. */
static void arrive(struct bench *bench, enum core_side side, uint8_t peer_id,
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

static void tick(struct bench *bench, int64_t ms)
{
    bench->wall_ms += ms;
    bench->boot_ms += ms;
    core_tick(bench->core, now_of(bench));
    collect(bench);
}

/* What was sent at a place of the list; borrowed until forget_sent. */
static struct wire_message sent_at(const struct bench *bench, size_t at)
{
    struct wire_message message;
    struct err err;

    assert_true(at < bench->n_sent);
    assert_true(wire_decode(&message, FROM_BROKER, bench->sent[at].frame.data,
                            bench->sent[at].frame.size, &err));
    return message;
}

/* A gateway's request with its only answer. */
static struct wire_message ask(struct bench *bench, struct wire_message request)
{
    forget_sent(bench);
    arrive(bench, CORE_GATEWAYS, 1, &request);
    commit_all(bench);
    assert_true(bench->n_sent >= 1);
    return sent_at(bench, 0);
}

static void open_core(struct bench *bench)
{
    const struct core_settings settings = {
        .lease_ms = LEASE, .pending_max = 8, .ready_age_max_ms = 0, .disk_free_min_bytes = 1000};
    struct err err;

    assert_true(core_open(&bench->core, &settings, &bench->keys, bench->world.store, &err));
}

static void make_organizer(struct bench *bench)
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

static struct wire_message team_request(const struct bench *bench, const char *name)
{
    struct wire_message request = {.type = WIRE_TEAM_PUT};

    request.team_put.token = wire_text(bench->organizer);
    request.team_put.competition = wire_text("demo");
    request.team_put.name = wire_text(name);
    return request;
}

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    struct wire_message put = {.type = WIRE_COMPETITION_PUT};
    uint8_t seed[CRYPT_SEED_BYTES] = {1};
    struct err err;

    assert_true(crypt_start(&err));
    bench->wall_ms = WALL_MS;
    bench->boot_ms = 1000;
    receipt_key_of(&bench->keys.receipt, seed);
    bench->world.engine = &engines[0];
    memcpy(bench->world.folder, "/tmp/assay-core-XXXXXX", 23);
    assert_non_null(mkdtemp(bench->world.folder));
    engines[0].path(bench->world.path, sizeof(bench->world.path), bench->world.folder);
    reopen(&bench->world);
    make_organizer(bench);
    open_core(bench);
    put.competition_put.token = wire_text(bench->organizer);
    put.competition_put.yaml = wire_text(yaml);
    assert_int_equal(ask(bench, put).type, WIRE_DONE);
    struct wire_message team = ask(bench, team_request(bench, "owls"));
    assert_int_equal(team.type, WIRE_TEAM_MADE);
    wire_text_copy(bench->token, sizeof(bench->token), team.team_made.token);
    forget_sent(bench);
    *state = bench;
    return 0;
}

static int teardown(void **state)
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

static struct wire_message submission(const struct bench *bench, uint8_t key)
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

static void claim_as(struct bench *bench, uint8_t peer, uint32_t wait_ms)
{
    struct wire_message request = {.type = WIRE_CLAIM};

    request.claim.worker = wire_text("w1");
    request.claim.build = wire_text("b1");
    request.claim.wait_ms = wait_ms;
    arrive(bench, CORE_WORKERS, peer, &request);
    commit_all(bench);
}

static struct wire_message result_for(struct wire_message job, double value)
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
    return request;
}

static void assert_refused(struct wire_message reply, enum wire_refusal refusal)
{
    assert_int_equal(reply.type, WIRE_REFUSED);
    assert_int_equal(reply.refused.refusal, refusal);
}

static struct wire_message begin(const struct bench *bench, uint64_t size)
{
    struct wire_message request = {.type = WIRE_SUBMIT_BEGIN};

    request.submit_begin.token = wire_text(bench->token);
    request.submit_begin.competition = wire_text("demo");
    request.submit_begin.size_bytes = size;
    request.submit_begin.key[5] = 5;
    return request;
}

/* ---- tests ---- */

static void test_nothing_is_answered_before_its_commit(void **state)
{
    struct bench *bench = *state;
    struct wire_message request = submission(bench, 1);

    arrive(bench, CORE_GATEWAYS, 1, &request);
    assert_int_equal(bench->n_sent, 0);
    assert_int_equal(bench->n_calls, 1);
    commit(bench);
    assert_int_equal(bench->n_sent, 1);
    assert_int_equal(sent_at(bench, 0).type, WIRE_SUBMIT_ACCEPTED);
    assert_int_equal(sent_at(bench, 0).request_id, bench->next_request);
}

static void test_opening_and_closing_time(void **state)
{
    struct bench *bench = *state;
    static const struct {
        const char *name;
        int64_t now_ms;
        int64_t received_ms;
        bool is_accepted;
    } cases[] = {
        {"before it opens", -3600001, -3600001, false},
        {"as it opens", -3600000, -3600000, true},
        {"received in time, a little slow", 3600000 + 30000, 3600000, true},
        {"received too late", 3600001, 3600001, false},
        {"a clock more than a minute behind does not help", 3600000 + 60001, 3600000, false},
        {"a clock ahead does not help", -3600001, 0, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct wire_message request = submission(bench, (uint8_t)(10 + i));
        bench->wall_ms = WALL_MS + cases[i].now_ms;
        request.submit_commit.received_ms = WALL_MS + cases[i].received_ms;
        struct wire_message reply = ask(bench, request);
        if ((reply.type == WIRE_SUBMIT_ACCEPTED) != cases[i].is_accepted) {
            fail_msg("%s", cases[i].name);
        }
        assert_true(cases[i].is_accepted || reply.refused.refusal == REFUSAL_CLOSED);
    }
    /* what was accepted is answered again after the end */
    bench->wall_ms = WALL_MS + 7200000;
    assert_int_equal(ask(bench, submission(bench, 11)).submit_accepted.is_repeated, 1);
}

static void test_begin_refuses(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(ask(bench, begin(bench, 5000)).type, WIRE_SUBMIT_ALLOWED);
    assert_int_equal(ask(bench, begin(bench, UINT64_MAX)).type, WIRE_SUBMIT_ALLOWED);
    assert_refused(ask(bench, begin(bench, 5001)), REFUSAL_TOO_LARGE);
    core_disk_free(bench->core, 999);
    struct wire_message busy = ask(bench, begin(bench, 1));
    assert_refused(busy, REFUSAL_BUSY);
    assert_true(busy.refused.retry_after_ms > 0);
    core_disk_free(bench->core, 1000);
    for (uint8_t i = 0; i < 9; i++) { /* more than pending_max wait for the store */
        struct wire_message request = submission(bench, (uint8_t)(50 + i));
        arrive(bench, CORE_GATEWAYS, 1, &request);
    }
    forget_sent(bench);
    struct wire_message request = begin(bench, 1);
    arrive(bench, CORE_GATEWAYS, 1, &request);
    assert_refused(sent_at(bench, 0), REFUSAL_BUSY);
    bench->wall_ms = WALL_MS + 3600001;
    commit_all(bench);
    assert_refused(ask(bench, begin(bench, 1)), REFUSAL_CLOSED);
}

static void test_text_of_people_is_made_printable(void **state)
{
    struct bench *bench = *state;
    struct wire_message get = {.type = WIRE_SUBMISSION_LIST};
    struct wire_submission_row row;

    assert_int_equal(ask(bench, submission(bench, 1)).type, WIRE_SUBMIT_ACCEPTED);
    get.submission_list.token = wire_text(bench->token);
    get.submission_list.competition = wire_text("demo");
    get.submission_list.before = UINT64_MAX;
    get.submission_list.rows_max = 10;
    struct wire_message reply = ask(bench, get);
    struct wire_bytes rest = reply.submission_rows.rows;
    assert_int_equal(wire_next(&row, WIRE_SUBMISSION_ROW, &rest), WIRE_ITEM);
    assert_true(wire_text_is(row.message, "line?break"));
    assert_refused(ask(bench, team_request(bench, "bad\nname")), REFUSAL_BAD_REQUEST);
    assert_refused(ask(bench, team_request(bench, "")), REFUSAL_BAD_REQUEST);
    assert_refused(ask(bench, team_request(bench, "owls")), REFUSAL_CONFLICT);
}

static void test_a_waiting_claim_shares_the_commit(void **state)
{
    struct bench *bench = *state;
    struct wire_message request = submission(bench, 1);

    claim_as(bench, 2, 5000);
    assert_int_equal(bench->n_sent, 0);
    arrive(bench, CORE_GATEWAYS, 1, &request);
    assert_int_equal(bench->n_calls, 2);
    commit(bench); /* one commit: receipt and job */
    assert_int_equal(bench->n_sent, 2);
    assert_int_equal(sent_at(bench, 0).type, WIRE_SUBMIT_ACCEPTED);
    assert_int_equal(sent_at(bench, 1).type, WIRE_JOB);
    assert_int_equal(bench->sent[1].peer, 2);
    assert_int_equal(bench->n_calls, 0);
}

/* The claim is on its way to the store while the submission arrives. */
static void test_no_wakeup_is_lost(void **state)
{
    struct bench *bench = *state;
    struct wire_message request = submission(bench, 1);
    struct wire_message claim = {.type = WIRE_CLAIM};

    claim.claim.worker = wire_text("w1");
    claim.claim.build = wire_text("b1");
    claim.claim.wait_ms = 5000;
    arrive(bench, CORE_WORKERS, 2, &claim);
    arrive(bench, CORE_GATEWAYS, 1, &request);
    commit_all(bench);
    assert_int_equal(bench->n_sent, 2);
    assert_int_equal(sent_at(bench, 1).type, WIRE_JOB);
}

static void test_claims_wait_their_time(void **state)
{
    struct bench *bench = *state;

    claim_as(bench, 2, 0);
    assert_int_equal(sent_at(bench, 0).type, WIRE_NO_JOB);
    forget_sent(bench);
    claim_as(bench, 2, 5000);
    claim_as(bench, 3, 1000);
    claim_as(bench, 2, 3000); /* in the place of its first */
    tick(bench, 999);
    assert_int_equal(bench->n_sent, 0);
    tick(bench, 1);
    assert_int_equal(bench->n_sent, 1);
    assert_int_equal(bench->sent[0].peer, 3);
    commit_all(bench);
    tick(bench, 2000);
    assert_int_equal(bench->n_sent, 2);
    assert_int_equal(bench->sent[1].peer, 2);
    commit_all(bench);
    tick(bench, 5000);
    assert_int_equal(bench->n_sent, 2);
}

static void test_a_job_for_a_peer_that_is_gone_goes_to_the_next(void **state)
{
    struct bench *bench = *state;

    claim_as(bench, 2, 5000);
    claim_as(bench, 3, 5000);
    ask(bench, submission(bench, 1));
    assert_int_equal(bench->n_sent, 2);
    assert_int_equal(bench->sent[1].peer, 2);
    assert_true(bench->sent[1].job > 0);
    core_unsent(bench->core, bench->sent[1].job, bench->sent[1].fence, now_of(bench));
    collect(bench);
    commit_all(bench);
    assert_int_equal(bench->n_sent, 3);
    assert_int_equal(sent_at(bench, 2).type, WIRE_JOB);
    assert_int_equal(bench->sent[2].peer, 3);
    assert_int_equal(bench->sent[2].job, bench->sent[1].job);
    assert_int_equal(bench->sent[2].fence, bench->sent[1].fence + 1);
}

static void test_a_lost_lease_goes_to_a_waiting_claim(void **state)
{
    struct bench *bench = *state;

    ask(bench, submission(bench, 1));
    forget_sent(bench);
    claim_as(bench, 2, 0);
    struct wire_message first = sent_at(bench, 0);
    assert_int_equal(first.job.lease_ms, LEASE);
    claim_as(bench, 3, 60000);
    tick(bench, LEASE - 1);
    commit_all(bench);
    assert_int_equal(bench->n_sent, 1);
    tick(bench, 1000);
    commit_all(bench);
    assert_int_equal(bench->n_sent, 2);
    struct wire_message second = sent_at(bench, 1);
    assert_int_equal(second.type, WIRE_JOB);
    struct wire_message late = result_for(first, 0.5);
    arrive(bench, CORE_WORKERS, 2, &late);
    commit_all(bench);
    assert_int_equal(sent_at(bench, 2).result_taken.verdict, VERDICT_STALE);
    struct wire_message good = result_for(second, 0.5);
    arrive(bench, CORE_WORKERS, 3, &good);
    commit_all(bench);
    assert_int_equal(sent_at(bench, 3).result_taken.verdict, VERDICT_RECORDED);
}

static struct wire_message ask_board(struct bench *bench, const char *token)
{
    struct wire_message request = {.type = WIRE_BOARD_GET};

    request.board_get.token = wire_text(token);
    request.board_get.competition = wire_text("demo");
    request.board_get.rows_max = 10;
    return ask(bench, request);
}

static void submit_and_score(struct bench *bench, uint8_t key, double value)
{
    assert_int_equal(ask(bench, submission(bench, key)).type, WIRE_SUBMIT_ACCEPTED);
    forget_sent(bench);
    claim_as(bench, 2, 0);
    struct wire_message result = result_for(sent_at(bench, 0), value);
    arrive(bench, CORE_WORKERS, 2, &result);
    commit_all(bench);
}

static void test_the_clock_freezes_the_board(void **state)
{
    struct bench *bench = *state;
    struct wire_message publish = {.type = WIRE_BOARD_MOVE};
    struct wire_board_row row;

    publish.board_move.token = wire_text(bench->organizer);
    publish.board_move.competition = wire_text("demo");
    assert_refused(ask_board(bench, ""), REFUSAL_NOT_ALLOWED);
    assert_int_equal(ask(bench, publish).type, WIRE_DONE);
    submit_and_score(bench, 1, 0.5);
    bench->wall_ms = WALL_MS + 1800000 - 1;
    submit_and_score(bench, 2, 0.6);
    bench->wall_ms += 1; /* no tick: the next frame already finds it frozen */
    submit_and_score(bench, 3, 0.9);
    struct wire_message page = ask_board(bench, "");
    assert_int_equal(page.board_page.n_teams, 1);
    struct wire_bytes rest = page.board_page.rows;
    assert_int_equal(wire_next(&row, WIRE_BOARD_ROW, &rest), WIRE_ITEM);
    assert_true(wire_text_is(row.score, "0.60000"));
    core_close(&bench->core);
    open_core(bench);
    page = ask_board(bench, "");
    rest = page.board_page.rows;
    assert_int_equal(wire_next(&row, WIRE_BOARD_ROW, &rest), WIRE_ITEM);
    assert_true(wire_text_is(row.score, "0.60000"));
}

static void test_frames_that_are_none(void **state)
{
    struct bench *bench = *state;
    const struct channel_peer peer = {.size = 1, .id = {9}};
    struct wire_message claim = {.type = WIRE_CLAIM};

    core_frame(bench->core, CORE_GATEWAYS, &peer, "", 0, now_of(bench));
    core_frame(bench->core, CORE_WORKERS, &peer, "nonsense", 8, now_of(bench));
    collect(bench);
    arrive(bench, CORE_GATEWAYS, 1, &claim); /* a worker's message from a gateway */
    assert_int_equal(bench->n_sent, 0);
    assert_int_equal(bench->n_calls, 0);
    assert_int_equal(bench->n_warned, 3);
}

static void test_results_that_are_none(void **state)
{
    struct bench *bench = *state;
    struct wire_message job = {.type = WIRE_JOB};
    struct wire_message bad[5];

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        bad[i] = result_for(job, 0.5);
    }
    bad[0].result.outcome = 9;
    bad[1].result.value = 0.0 / 0.0;
    bad[2].result.worker = wire_text("a\"b");
    bad[3].result.problems = wire_text("no records");
    bad[4].result.job_id = UINT64_MAX;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        forget_sent(bench);
        arrive(bench, CORE_WORKERS, 2, &bad[i]);
        assert_int_equal(bench->n_calls, 0);
        assert_refused(sent_at(bench, 0), REFUSAL_BAD_REQUEST);
    }
}

static void test_a_parked_submission_is_put_back(void **state)
{
    struct bench *bench = *state;
    struct wire_message accepted = ask(bench, submission(bench, 1));
    struct wire_message retry = {.type = WIRE_SUBMISSION_RETRY};
    char id[33];

    wire_text_copy(id, sizeof(id), accepted.submit_accepted.submission);
    retry.submission_retry.submission = wire_text(id);
    for (int i = 0; i < STORE_FAILS_MAX; i++) {
        struct wire_message failed = {.type = WIRE_FAILED};
        forget_sent(bench);
        claim_as(bench, 2, 0);
        failed.failed.job_id = sent_at(bench, 0).job.job_id;
        failed.failed.fence = sent_at(bench, 0).job.fence;
        failed.failed.reason = wire_text("out of memory");
        arrive(bench, CORE_WORKERS, 2, &failed);
        commit_all(bench);
        tick(bench, 10 * STORE_RETRY_DELAY_MS);
        commit_all(bench);
    }
    claim_as(bench, 3, 5000);
    retry.submission_retry.token = wire_text(bench->token);
    assert_refused(ask(bench, retry), REFUSAL_NOT_ALLOWED);
    retry.submission_retry.token = wire_text(bench->organizer);
    assert_int_equal(ask(bench, retry).type, WIRE_DONE);
    assert_int_equal(sent_at(bench, 1).type, WIRE_JOB); /* who waited has it already */
}

static void test_the_same_events_have_the_same_effects(void **state)
{
    struct bench *bench = *state;
    struct wire_message first = ask(bench, submission(bench, 1));
    char minisig[1024];

    wire_text_copy(minisig, sizeof(minisig), first.submit_accepted.minisig);
    core_close(&bench->core); /* a restart in between */
    reopen(&bench->world);
    open_core(bench);
    struct wire_message again = ask(bench, submission(bench, 1));
    assert_true(wire_text_is(again.submit_accepted.minisig, minisig));
}

#define CORE_TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(nothing_is_answered_before_its_commit),
        CORE_TEST(opening_and_closing_time),
        CORE_TEST(begin_refuses),
        CORE_TEST(text_of_people_is_made_printable),
        CORE_TEST(a_waiting_claim_shares_the_commit),
        CORE_TEST(no_wakeup_is_lost),
        CORE_TEST(claims_wait_their_time),
        CORE_TEST(a_job_for_a_peer_that_is_gone_goes_to_the_next),
        CORE_TEST(a_lost_lease_goes_to_a_waiting_claim),
        CORE_TEST(the_clock_freezes_the_board),
        CORE_TEST(frames_that_are_none),
        CORE_TEST(results_that_are_none),
        CORE_TEST(a_parked_submission_is_put_back),
        CORE_TEST(the_same_events_have_the_same_effects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
