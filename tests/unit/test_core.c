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

#include "tests/unit/core_fixture.h"

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
    attester_claim(claim.claim.key);
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

static void test_one_backup_at_a_time(void **state)
{
    struct bench *bench = *state;
    struct wire_message put = {.type = WIRE_BACKUP_PUT};
    struct wire_message get = {.type = WIRE_BACKUP_GET};

    put.backup_put.token = wire_text(bench->token);
    assert_refused(ask(bench, put), REFUSAL_NOT_ALLOWED);
    get.backup_get.token = wire_text(bench->token);
    assert_refused(ask(bench, get), REFUSAL_NOT_ALLOWED);
    put.backup_put.token = wire_text(bench->organizer);
    get.backup_get.token = wire_text(bench->organizer);
    assert_int_equal(ask(bench, get).backup.state, BACKUP_NONE);
    for (int i = 0; i < 2; i++) {
        struct wire_message reply = ask(bench, put);
        assert_int_equal(reply.backup.state, BACKUP_RUNNING);
        assert_int_equal(reply.backup.name.size, sizeof(CORE_BACKUP_NAME) - 1);
        assert_int_equal(bench->n_backups, 1);
    }
    core_backed_up(bench->core, 4096, NULL, now_of(bench));
    struct wire_message done = ask(bench, get);
    assert_int_equal(done.backup.state, BACKUP_DONE);
    assert_int_equal(done.backup.size_bytes, 4096);
    assert_int_equal(ask(bench, put).backup.state, BACKUP_RUNNING);
    assert_int_equal(bench->n_backups, 2);
    core_backed_up(bench->core, 0, "no room", now_of(bench));
    struct wire_message failed = ask(bench, get);
    assert_int_equal(failed.backup.state, BACKUP_FAILED);
    assert_true(wire_text_is(failed.backup.text, "no room"));
}

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
        CORE_TEST(one_backup_at_a_time),
        CORE_TEST(the_same_events_have_the_same_effects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
