/* SPDX-License-Identifier: MIT */
/*
 * The real assay-broker process, spoken to in frames: the whole main job, repeated and late
 * messages, restarts after kill -9, and the lock that keeps a second broker out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schemas/receipt.h"
#include "tests/unit/broker_fixture.h"

static const char yaml[] = "competition: demo\n"
                           "task: classification\n"
                           "metric: top1_accuracy\n"
                           "submission: {format: topk, k: 1}\n"
                           "limits: {per_day: 3, final_selections: 2}\n";

static struct fixture fixture;

static int setup(void **state)
{
    (void)state;
    fixture_open(&fixture, 30000);
    assert_int_equal(fixture_make_competition(&fixture, yaml).type, WIRE_DONE);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_close(&fixture);
    return 0;
}

static struct wire_message submit(const char *token, uint64_t key)
{
    return fixture_ask(&fixture, fixture_submission("demo", token, key, key));
}

static uint8_t complete(double value)
{
    struct wire_message job = fixture_claim(&fixture, 2000);
    assert_int_equal(job.type, WIRE_JOB);
    struct wire_message taken =
        fixture_work(&fixture, fixture_result(job.job.job_id, job.job.fence, value));
    assert_int_equal(taken.type, WIRE_RESULT_TAKEN);
    return taken.result_taken.verdict;
}

static struct wire_message board(const char *token, enum wire_track track)
{
    struct wire_message request = {.type = WIRE_BOARD_GET};

    request.board_get.token = wire_text(token);
    request.board_get.competition = wire_text("demo");
    request.board_get.track = (uint8_t)track;
    request.board_get.rows_max = 100;
    return fixture_ask(&fixture, request);
}

static struct wire_message move(enum wire_move to)
{
    struct wire_message request = {.type = WIRE_BOARD_MOVE};

    request.board_move.token = wire_text(fixture.organizer);
    request.board_move.competition = wire_text("demo");
    request.board_move.move = (uint8_t)to;
    attester_order(request.board_move.signature, "demo");
    return fixture_ask(&fixture, request);
}

static struct wire_submission_row row_of(const char *token, const char *id)
{
    struct wire_message request = {.type = WIRE_SUBMISSION_GET};
    struct wire_submission_row row;

    request.submission_get.token = wire_text(token);
    request.submission_get.submission = wire_text(id);
    struct wire_message reply = fixture_ask(&fixture, request);
    assert_int_equal(reply.type, WIRE_SUBMISSION);
    assert_int_equal(wire_next(&row, WIRE_SUBMISSION_ROW, &reply.submission.row), WIRE_ITEM);
    return row;
}

static void assert_refused(struct wire_message reply, enum wire_refusal refusal)
{
    assert_int_equal(reply.type, WIRE_REFUSED);
    assert_int_equal(reply.refused.refusal, refusal);
}

/* Checks a receipt with the public key file that the broker wrote. */
static void assert_receipt_good(struct wire_bytes entry, struct wire_bytes minisig)
{
    struct receipt_public_key key;
    struct bytes file = {0};
    char path[128];
    struct err err;

    snprintf(path, sizeof(path), "%s/receipt.pub", fixture.folder);
    assert_true(file_read(&file, path, 1024, &err));
    assert_true(receipt_public_key_read(&key, file.data, file.size_bytes, &err));
    assert_true(receipt_check(&key, entry.data, entry.size, minisig.data, minisig.size, &err));
    bytes_free(&file);
}

static void test_main_job(void **state)
{
    (void)state;
    char token[TOKEN_SIZE] = "";
    char id[33];
    struct wire_board_row first;

    fixture_make_team(&fixture, "demo", "owls", token);
    struct wire_message begin = {.type = WIRE_SUBMIT_BEGIN};
    begin.submit_begin.token = wire_text(token);
    begin.submit_begin.competition = wire_text("demo");
    begin.submit_begin.size_bytes = 1000;
    struct wire_message allowed = fixture_ask(&fixture, begin);
    assert_int_equal(allowed.type, WIRE_SUBMIT_ALLOWED);
    assert_int_equal(allowed.submit_allowed.remaining_today, 3);

    struct wire_message accepted = submit(token, 1);
    assert_int_equal(accepted.type, WIRE_SUBMIT_ACCEPTED);
    assert_int_equal(accepted.submit_accepted.remaining_today, 2);
    assert_receipt_good(accepted.submit_accepted.entry, accepted.submit_accepted.minisig);
    wire_text_copy(id, sizeof(id), accepted.submit_accepted.submission);
    assert_int_equal(row_of(token, id).state, SUBMISSION_ACCEPTED);
    assert_int_equal(row_of(token, id).queue_position, 1);
    assert_int_equal(complete(0.8125), VERDICT_RECORDED);

    struct wire_submission_row row = row_of(token, id);
    assert_int_equal(row.state, SUBMISSION_SCORED);
    assert_true(wire_text_is(row.public_score, "0.81250"));
    assert_refused(board("", TRACK_PUBLIC), REFUSAL_NOT_ALLOWED);
    assert_int_equal(board(fixture.organizer, TRACK_PUBLIC).type, WIRE_BOARD_PAGE);
    assert_int_equal(move(BOARD_PUBLISH).type, WIRE_DONE);
    struct wire_message page = board("", TRACK_PUBLIC);
    assert_int_equal(page.type, WIRE_BOARD_PAGE);
    assert_int_equal(page.board_page.n_teams, 1);
    assert_int_equal(wire_next(&first, WIRE_BOARD_ROW, &page.board_page.rows), WIRE_ITEM);
    assert_true(wire_text_is(first.team, "owls"));
    assert_true(wire_text_is(first.score, "0.81250"));
    assert_true(wire_text_is(first.submission, id));
    assert_refused(board(fixture.organizer, TRACK_PRIVATE), REFUSAL_NOT_ALLOWED);

    struct wire_message get = {.type = WIRE_RECEIPT_GET};
    get.receipt_get.token = wire_text(token);
    get.receipt_get.submission = wire_text(id);
    struct wire_message receipts = fixture_ask(&fixture, get);
    struct wire_receipt_file file;
    int n_files = 0;
    while (wire_next(&file, WIRE_RECEIPT_FILE, &receipts.receipt_files.files) == WIRE_ITEM) {
        assert_receipt_good(file.entry, file.minisig);
        n_files++;
    }
    assert_int_equal(n_files, 2);
}

static void test_repeated_submit_has_the_same_receipt(void **state)
{
    (void)state;
    char token[TOKEN_SIZE] = "";
    unsigned char entry[4096];

    fixture_make_team(&fixture, "demo", "larks", token);
    struct wire_message first = submit(token, 1);
    size_t size = first.submit_accepted.entry.size;
    memcpy(entry, first.submit_accepted.entry.data, size);
    struct wire_message again = submit(token, 1);
    assert_int_equal(again.type, WIRE_SUBMIT_ACCEPTED);
    assert_int_equal(again.submit_accepted.is_repeated, 1);
    assert_int_equal(again.submit_accepted.entry.size, size);
    assert_memory_equal(again.submit_accepted.entry.data, entry, size);
    assert_refused(fixture_ask(&fixture, fixture_submission("demo", token, 1, 2)),
                   REFUSAL_CONFLICT);
    assert_int_equal(complete(0.5), VERDICT_RECORDED);
    assert_int_equal(fixture_claim(&fixture, 0).type, WIRE_NO_JOB);
}

static void test_quota_counts_what_is_in_flight(void **state)
{
    (void)state;
    char token[TOKEN_SIZE] = "";

    fixture_make_team(&fixture, "demo", "wrens", token);
    for (uint64_t key = 1; key <= 3; key++) {
        assert_int_equal(submit(token, key).type, WIRE_SUBMIT_ACCEPTED);
    }
    assert_refused(submit(token, 4), REFUSAL_QUOTA);
    assert_int_equal(submit(token, 3).type, WIRE_SUBMIT_ACCEPTED); /* a repeat costs nothing */
    struct wire_message job = fixture_claim(&fixture, 0);
    struct wire_message invalid = fixture_result(job.job.job_id, job.job.fence, 0);
    invalid.result.outcome = OUTCOME_INVALID;
    invalid.result.has_value = 0;
    invalid.result.n_problems = 1;
    assert_int_equal(fixture_work(&fixture, invalid).result_taken.verdict, VERDICT_RECORDED);
    assert_int_equal(submit(token, 4).type, WIRE_SUBMIT_ACCEPTED); /* an invalid file is free */
    assert_refused(submit(token, 5), REFUSAL_QUOTA);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(complete(0.1 * i), VERDICT_RECORDED);
    }
}

static void test_repeated_late_and_different_results(void **state)
{
    (void)state;
    char token[TOKEN_SIZE] = "";

    fixture_make_team(&fixture, "demo", "kites", token);
    assert_int_equal(submit(token, 1).type, WIRE_SUBMIT_ACCEPTED);
    struct wire_message job = fixture_claim(&fixture, 0);
    uint64_t id = job.job.job_id;
    uint64_t fence = job.job.fence;
    assert_int_equal(
        fixture_work(&fixture, fixture_result(id, fence + 1, 0.5)).result_taken.verdict,
        VERDICT_STALE);
    assert_int_equal(fixture_work(&fixture, fixture_result(id, fence, 0.5)).result_taken.verdict,
                     VERDICT_RECORDED);
    assert_int_equal(fixture_work(&fixture, fixture_result(id, fence, 0.5)).result_taken.verdict,
                     VERDICT_REPEATED);
    assert_int_equal(fixture_work(&fixture, fixture_result(id, fence, 0.6)).result_taken.verdict,
                     VERDICT_DIFFERENT);
    assert_int_equal(fixture_work(&fixture, fixture_result(id + 1000, 1, 0.6)).result_taken.verdict,
                     VERDICT_STALE);
}

static void test_waiting_claim_gets_the_next_submission(void **state)
{
    (void)state;
    char token[TOKEN_SIZE] = "";
    struct wire_message claim = {.type = WIRE_CLAIM};

    fixture_make_team(&fixture, "demo", "rooks", token);
    claim.claim.worker = wire_text("w1");
    claim.claim.build = wire_text("b1");
    claim.claim.wait_ms = 20000;
    attester_claim(claim.claim.key);
    uint64_t request = fixture_send(&fixture, fixture.worker, &claim);
    assert_int_equal(submit(token, 1).type, WIRE_SUBMIT_ACCEPTED);
    struct wire_message job = fixture_answer(fixture.worker, request);
    assert_int_equal(job.type, WIRE_JOB);
    fixture_work(&fixture, fixture_result(job.job.job_id, job.job.fence, 0.25));
}

static void test_kill_and_restart_lose_nothing(void **state)
{
    (void)state;
    char tokens[40][TOKEN_SIZE];
    char ids[40][33];

    for (int i = 0; i < 40; i++) {
        char name[32];
        snprintf(name, sizeof(name), "team %d", i);
        fixture_make_team(&fixture, "demo", name, tokens[i]);
        struct wire_message accepted = submit(tokens[i], 7);
        assert_int_equal(accepted.type, WIRE_SUBMIT_ACCEPTED);
        wire_text_copy(ids[i], sizeof(ids[i]), accepted.submit_accepted.submission);
    }
    struct wire_message leased = fixture_claim(&fixture, 0);
    uint64_t job = leased.job.job_id;
    uint64_t fence = leased.job.fence;
    fixture_stop(&fixture, SIGKILL);
    fixture_start(&fixture);
    /* what was leased before the crash is still its worker's */
    assert_int_equal(fixture_work(&fixture, fixture_result(job, fence, 0.125)).result_taken.verdict,
                     VERDICT_RECORDED);
    for (int i = 1; i < 40; i++) {
        assert_int_equal(complete(0.25), VERDICT_RECORDED);
    }
    assert_int_equal(fixture_claim(&fixture, 0).type, WIRE_NO_JOB);
    for (int i = 0; i < 40; i++) {
        assert_int_equal(row_of(tokens[i], ids[i]).state, SUBMISSION_SCORED);
        assert_int_equal(submit(tokens[i], 7).submit_accepted.is_repeated, 1);
    }
    assert_int_equal(move(BOARD_PUBLISH).type, WIRE_DONE);
    uint32_t n_teams = board("", TRACK_PUBLIC).board_page.n_teams;
    int status = fixture_stop(&fixture, SIGTERM);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    fixture_start(&fixture);
    assert_int_equal(board("", TRACK_PUBLIC).board_page.n_teams, n_teams);
}

static void test_second_broker_is_kept_out(void **state)
{
    (void)state;
    int status = 0;
    pid_t second = fixture_spawn(&fixture, true);

    waitpid(second, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 2);
    assert_int_equal(fixture_ask(&fixture, (struct wire_message){.type = WIRE_KEY_GET}).type,
                     WIRE_KEY);
}

static void test_tokens(void **state)
{
    (void)state;
    char token[TOKEN_SIZE] = "";

    fixture_make_team(&fixture, "demo", "doves", token);
    assert_refused(submit("", 1), REFUSAL_NO_TOKEN);
    token[TOKEN_SIZE - 2] = token[TOKEN_SIZE - 2] == 'a' ? 'b' : 'a';
    assert_refused(submit(token, 1), REFUSAL_NO_TOKEN);
    assert_refused(board(token, TRACK_PUBLIC), REFUSAL_NO_TOKEN);
    struct wire_message as_team = {.type = WIRE_RESCORE_START};
    fixture_make_team(&fixture, "demo", "doves 2", token);
    as_team.rescore_start.token = wire_text(token);
    as_team.rescore_start.competition = wire_text("demo");
    assert_refused(fixture_ask(&fixture, as_team), REFUSAL_NOT_ALLOWED);
    assert_refused(submit(fixture.organizer, 1), REFUSAL_NOT_ALLOWED);
}

static void test_rescore(void **state)
{
    (void)state;
    struct wire_message start = {.type = WIRE_RESCORE_START};
    struct wire_message get = {.type = WIRE_RESCORE_GET};

    start.rescore_start.token = wire_text(fixture.organizer);
    start.rescore_start.competition = wire_text("demo");
    struct wire_message run = fixture_ask(&fixture, start);
    assert_int_equal(run.type, WIRE_RESCORE);
    get.rescore_get.token = wire_text(fixture.organizer);
    get.rescore_get.run = run.rescore.run;
    uint32_t n_done = 0;
    for (;;) {
        struct wire_message job = fixture_claim(&fixture, 300);
        if (job.type != WIRE_JOB) {
            break;
        }
        assert_int_equal(job.job.kind, JOB_RESCORE);
        struct wire_message taken =
            fixture_work(&fixture, fixture_result(job.job.job_id, job.job.fence, 0.25));
        assert_int_equal(taken.result_taken.verdict, VERDICT_RECORDED);
        n_done++;
    }
    struct wire_message report = fixture_ask(&fixture, get);
    assert_int_equal(report.rescore.is_finished, 1);
    assert_int_equal(report.rescore.n_planned, n_done);
    assert_int_equal(report.rescore.n_equal + report.rescore.n_different, n_done);
    assert_true(report.rescore.n_equal >= 39);
    assert_true(report.rescore.n_different >= 1);
}

static void test_freeze_and_reveal(void **state)
{
    (void)state;
    char token[TOKEN_SIZE] = "";
    struct wire_board_row row;

    fixture_make_team(&fixture, "demo", "hawks", token);
    assert_int_equal(move(BOARD_FREEZE).type, WIRE_DONE);
    uint32_t n_teams = board("", TRACK_PUBLIC).board_page.n_teams;
    assert_int_equal(submit(token, 1).type, WIRE_SUBMIT_ACCEPTED);
    assert_refused(move(BOARD_REVEAL), REFUSAL_CONFLICT); /* one is not scored yet */
    assert_int_equal(complete(0.99), VERDICT_RECORDED);
    assert_int_equal(board("", TRACK_PUBLIC).board_page.n_teams, n_teams);
    assert_int_equal(move(BOARD_REVEAL).type, WIRE_DONE);
    assert_refused(board("", TRACK_PRIVATE), REFUSAL_NOT_ALLOWED);
    assert_refused(submit(token, 2), REFUSAL_CLOSED);
    for (;;) {
        struct wire_message job = fixture_claim(&fixture, 300);
        if (job.type != WIRE_JOB) {
            break;
        }
        assert_int_equal(job.job.kind, JOB_OPEN);
        assert_true(wire_text_is(job.job.sealed, "sealed"));
        struct wire_message open = fixture_result(job.job.job_id, job.job.fence, 0.5);
        open.result.outcome = OUTCOME_OPENED;
        assert_int_equal(fixture_work(&fixture, open).result_taken.verdict, VERDICT_RECORDED);
    }
    struct wire_message page = board("", TRACK_PRIVATE);
    assert_int_equal(page.type, WIRE_BOARD_PAGE);
    assert_int_equal(page.board_page.n_teams, n_teams + 1);
    assert_int_equal(wire_next(&row, WIRE_BOARD_ROW, &page.board_page.rows), WIRE_ITEM);
    assert_int_equal(row.rank, 1);
    assert_true(row.public_rank >= 1);
    fixture_stop(&fixture, SIGKILL);
    fixture_start(&fixture);
    assert_int_equal(board("", TRACK_PRIVATE).board_page.n_teams, n_teams + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_main_job),
        cmocka_unit_test(test_repeated_submit_has_the_same_receipt),
        cmocka_unit_test(test_quota_counts_what_is_in_flight),
        cmocka_unit_test(test_repeated_late_and_different_results),
        cmocka_unit_test(test_waiting_claim_gets_the_next_submission),
        cmocka_unit_test(test_kill_and_restart_lose_nothing),
        cmocka_unit_test(test_second_broker_is_kept_out),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_rescore),
        cmocka_unit_test(test_freeze_and_reveal),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
