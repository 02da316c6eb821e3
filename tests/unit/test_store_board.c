/* SPDX-License-Identifier: MIT */
/*
 * The store's contract for boards, selections, the reveal and re-scores, for every engine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/store_fixture.h"

static void check_best(struct world *world)
{
    struct store_changed changed;
    struct store_best rows[3];

    assert_int_equal(submit(world, 0, 1), STORE_DONE);
    assert_int_equal(score(world, 0.5, &changed), STORE_DONE);
    assert_true(changed.is_best);
    int64_t version = changed.board_version;
    assert_int_equal(submit(world, 0, 2), STORE_DONE);
    assert_int_equal(score(world, 0.4, &changed), STORE_DONE);
    assert_false(changed.is_best);
    assert_int_equal(changed.board_version, version);
    assert_int_equal(submit(world, 1, 3), STORE_DONE);
    assert_int_equal(score(world, 0.5, &changed), STORE_DONE); /* a tie: the earlier one wins */
    assert_true(changed.is_best);
    assert_true(changed.board_version > version);
    assert_int_equal(board(world, STORE_PUBLIC, rows, 3), 2);
    assert_int_equal(rows[0].team, world->teams[0]);
    assert_int_equal(rows[1].team, world->teams[1]);
    assert_int_equal(rows[0].submission[0], 1);
}

/* Equal scores that were received at once: the one that was accepted first, whichever is scored
 * first. */
static void check_tie_of_one_team(struct world *world)
{
    struct store_call second = submit_call(world, 0, 2, 2);
    struct store_best rows[1];

    second.submit.received_ms = NOW_MS + 1;
    assert_int_equal(submit(world, 0, 1), STORE_DONE);
    run(world, &second);
    struct store_call first_job = claim(world);
    assert_int_equal(score(world, 0.5, NULL), STORE_DONE); /* the second */
    assert_int_equal(complete_as(world, first_job.claim.job.job_id, first_job.claim.job.fence,
                                 OUTCOME_SCORED, 0.5, NULL),
                     STORE_DONE);
    assert_int_equal(board(world, STORE_PUBLIC, rows, 1), 1);
    assert_int_equal(rows[0].submission[0], 1);
}

static void check_select(struct world *world)
{
    struct store_call call = {.kind = CALL_SELECT};
    static const struct {
        const char *name;
        const char *ids;
        enum store_outcome expected;
    } cases[] = {
        {"two", "01000000000000000000000000000000 02000000000000000000000000000000", STORE_DONE},
        {"again", "02000000000000000000000000000000 01000000000000000000000000000000",
         STORE_REPEATED},
        {"three",
         "01000000000000000000000000000000 02000000000000000000000000000000 "
         "03000000000000000000000000000000",
         STORE_QUOTA},
        {"another team's", "04010000000000000000000000000000", STORE_EMPTY},
        {"no id", "xyz", STORE_EMPTY},
        {"one, twice", "01000000000000000000000000000000 01000000000000000000000000000000",
         STORE_DONE},
        {"none", "", STORE_DONE},
        {"none again", "", STORE_REPEATED},
    };

    for (uint8_t key = 1; key <= 3; key++) {
        assert_int_equal(submit(world, 0, key), STORE_DONE);
    }
    assert_int_equal(submit(world, 1, 4), STORE_DONE);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        call.select = (struct store_select){.competition = world->competition,
                                            .team = world->teams[0],
                                            .ids = wire_text(cases[i].ids),
                                            .now_ms = NOW_MS};
        run(world, &call);
        if (call.select.outcome != cases[i].expected) {
            fail_msg("%s: %d", cases[i].name, call.select.outcome);
        }
    }
    assert_int_equal(row(world, 0, 1).is_selected, 0);
}

/* Opens one result; returns its submission's key. */
static int open_one(struct world *world, struct store_changed *changed)
{
    struct store_call job = claim(world);

    assert_int_equal(job.claim.outcome, STORE_DONE);
    assert_int_equal(job.claim.job.kind, JOB_OPEN);
    assert_int_equal(job.claim.sealed.size, 6);
    int key = job.claim.submission[1] - '0';
    assert_int_equal(
        complete_as(world, job.claim.job.job_id, job.claim.job.fence, OUTCOME_OPENED, 0, changed),
        STORE_DONE);
    store_call_free(&job);
    return key;
}

/* The order that opens is the organizer's, for this competition. */
static void refuse_orders(struct world *world)
{
    struct store_call call = {.kind = CALL_BOARD_MOVE};

    for (int i = 0; i < 3; i++) {
        call.board_move = (struct store_board_move){
            .competition = world->competition, .move = BOARD_REVEAL, .now_ms = NOW_MS};
        attester_order(call.board_move.order, i == 0 ? "demo2" : "demo");
        call.board_move.order[7] ^= i == 1;
        call.board_move.order[63] ^= i == 2;
        run(world, &call);
        assert_int_equal(call.board_move.outcome, STORE_CONFLICT);
    }
}

/* An opening that does not fit what was committed to is refused, and the job is still to be done.
 */
static void refuse_openings(struct world *world)
{
    struct store_call job = claim(world);
    struct wire_result right = {.job_id = job.claim.job.job_id,
                                .fence = job.claim.job.fence,
                                .outcome = OUTCOME_OPENED,
                                .worker = wire_text("w1"),
                                .build = wire_text("b1")};
    struct store_call call = {.kind = CALL_COMPLETE};
    struct store_call release = {.kind = CALL_RELEASE};

    attester_scores(&right);
    for (int i = 0; i < 6; i++) {
        struct wire_result wrong = right;
        wrong.score_seed[31] ^= i == 0;
        wrong.public_score = i == 1 ? wire_text("0.125") : right.public_score;
        wrong.private_score = i == 2 ? wire_text("0.125") : right.private_score;
        wrong.value = i == 3 ? 0.125 : right.value;
        wrong.has_value = i != 4;
        wrong.public_score =
            i == 5 ? wire_text("0.2500000000000000000000000000000000") : wrong.public_score;
        call.complete = (struct store_complete){.result = &wrong, .now_ms = NOW_MS};
        run(world, &call);
        assert_int_equal(call.complete.outcome, STORE_MISFIT);
    }
    release.release.job = (int64_t)job.claim.job.job_id;
    release.release.fence = (int64_t)job.claim.job.fence;
    run(world, &release);
    assert_int_equal(release.release.outcome, STORE_DONE);
    store_call_free(&job);
}

/* What the log says in the end: the seed, and a file with a line a result. */
static void check_opening(struct world *world, const char *expected)
{
    struct store_call call = {.kind = CALL_LOG_GET};

    call.log_get = (struct store_log_get){.competition = world->competition, .part = LOG_FILE};
    sha256_of(call.log_get.sha256, expected, strlen(expected));
    run(world, &call);
    assert_int_equal(call.log_get.outcome, STORE_DONE);
    assert_true(wire_text_is(wire_buffer_bytes(&call.log_get.data), expected));
    call.log_get.first = 30;
    run(world, &call);
    assert_true(wire_text_is(wire_buffer_bytes(&call.log_get.data), expected + 30));
    call.log_get.first = strlen(expected);
    run(world, &call);
    assert_int_equal(call.log_get.outcome, STORE_DONE);
    assert_int_equal(call.log_get.data.size, 0);
    call.log_get.first++;
    run(world, &call);
    assert_int_equal(call.log_get.outcome, STORE_EMPTY);
    call.log_get.first = 0;
    call.log_get.sha256[0] ^= 1;
    run(world, &call);
    assert_int_equal(call.log_get.outcome, STORE_EMPTY);
    store_call_free(&call);
}

static void check_reveal(struct world *world)
{
    /* submission 1 is selected though 2 and 3 are better in public; team 1 chose nothing: its best
     * two in public count, and the better of them in private is the second */
    static const double public_values[] = {0, 0.5, 0.6, 0.7, 0.9, 0.8, 0.1};
    static const double private_values[] = {0, 0.9, 0.1, 0.2, 0.3, 0.8, 1.0};
    struct store_call select = {.kind = CALL_SELECT};
    struct store_changed changed;
    struct store_best rows[3];

    for (uint8_t key = 1; key <= 6; key++) {
        assert_int_equal(submit(world, key >= 4, key), STORE_DONE);
        char id[3] = {'0', (char)('0' + key), '\0'};
        *attester_private(id) = private_values[key];
        assert_int_equal(score(world, public_values[key], NULL), STORE_DONE);
    }
    select.select = (struct store_select){.competition = world->competition,
                                          .team = world->teams[0],
                                          .ids = wire_text("01000000000000000000000000000000"),
                                          .now_ms = NOW_MS};
    run(world, &select);
    assert_int_equal(select.select.outcome, STORE_DONE);
    assert_int_equal(move(world, BOARD_FREEZE).outcome, STORE_CONFLICT); /* not published */
    assert_int_equal(move(world, BOARD_PUBLISH).outcome, STORE_DONE);
    assert_int_equal(move(world, BOARD_PUBLISH).outcome, STORE_REPEATED);
    assert_int_equal(move(world, BOARD_FREEZE).outcome, STORE_DONE);
    assert_int_equal(board(world, STORE_FROZEN, rows, 3), 2);
    refuse_orders(world);
    assert_int_equal(move(world, BOARD_REVEAL).board_state, BOARD_REVEALING);
    assert_int_equal(move(world, BOARD_REVEAL).outcome, STORE_REPEATED);
    assert_int_equal(submit(world, 1, 9), STORE_EMPTY);
    assert_int_equal(row(world, 0, 1).private_score.size, 0);
    refuse_openings(world);
    for (int i = 0; i < 6; i++) { /* finals first */
        int key = open_one(world, &changed);
        assert_int_equal(i < 3, key == 1 || key == 4 || key == 5);
        assert_int_equal(changed.is_revealed, i == 5);
        if (i < 5) {
            assert_int_equal(board(world, STORE_PRIVATE, rows, 3), 0);
            assert_int_equal(row(world, 0, 1).private_score.size, 0);
        }
    }
    assert_int_equal(claim(world).claim.outcome, STORE_EMPTY);
    assert_int_equal(board(world, STORE_PRIVATE, rows, 3), 2);
    assert_int_equal(rows[0].team, world->teams[0]); /* 0.9 of its own choice before 0.8 */
    assert_int_equal(rows[1].submission[0], 5);
    assert_true(wire_text_is(row(world, 0, 1).private_score, "0.90000"));
    assert_true(wire_text_is(row(world, 0, 2).private_score, "0.10000")); /* no final, but open */
    check_opening(world, "01000000000000000000000000000000 1 0.25 0.9\n"
                         "02000000000000000000000000000000 1 0.25 0.1\n"
                         "03000000000000000000000000000000 1 0.25 0.2\n"
                         "04010000000000000000000000000000 1 0.25 0.3\n"
                         "05010000000000000000000000000000 1 0.25 0.8\n"
                         "06010000000000000000000000000000 1 0.25 1.0\n");
    assert_int_equal(move(world, BOARD_PUBLISH).outcome, STORE_CONFLICT);
}

static struct store_rescore_get report(struct world *world, int64_t run_number, char *text,
                                       size_t text_size)
{
    struct store_call call = {.kind = CALL_RESCORE_GET};
    struct wire_rescore_difference difference;

    call.rescore_get.run = run_number;
    run(world, &call);
    struct wire_bytes rest = wire_buffer_bytes(&call.rescore_get.differences);
    text[0] = '\0';
    if (wire_next(&difference, WIRE_RESCORE_DIFFERENCE, &rest) == WIRE_ITEM) {
        wire_text_copy(text, text_size, difference.text);
    }
    store_call_free(&call);
    return call.rescore_get;
}

static void check_rescore(struct world *world)
{
    struct store_call start = {.kind = CALL_RESCORE_START};
    struct store_call plan = {.kind = CALL_RESCORE_PLAN};
    static const double values[] = {0.5, 0.25, 0.75};
    char text[256];

    for (uint8_t key = 1; key <= 3; key++) {
        assert_int_equal(submit(world, 0, key), STORE_DONE);
        assert_int_equal(score(world, 0.5, NULL), STORE_DONE);
    }
    start.rescore_start = (struct store_rescore_start){.competition = world->competition};
    run(world, &start);
    int64_t number = start.rescore_start.run;
    run(world, &start);
    assert_int_equal(start.rescore_start.outcome, STORE_CONFLICT);
    for (int page = 0; page < 2; page++) { /* 2 and 1 */
        plan.rescore_plan =
            (struct store_rescore_plan){.run = number, .page_rows = 2, .jobs_max = 100};
        run(world, &plan);
        assert_int_equal(plan.rescore_plan.outcome, STORE_DONE);
        assert_int_equal(plan.rescore_plan.is_planned, page == 1);
    }
    run(world, &plan);
    assert_int_equal(plan.rescore_plan.outcome, STORE_EMPTY);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(report(world, number, text, sizeof(text)).report.is_finished, 0);
        struct store_call job = claim(world);
        assert_int_equal(job.claim.job.kind, JOB_RESCORE);
        assert_int_equal(complete_as(world, job.claim.job.job_id, job.claim.job.fence,
                                     OUTCOME_SCORED, values[i], NULL),
                         STORE_DONE);
        assert_int_equal(complete_as(world, job.claim.job.job_id, job.claim.job.fence,
                                     OUTCOME_SCORED, values[i], NULL),
                         STORE_REPEATED);
    }
    struct store_rescore_get got = report(world, number, text, sizeof(text));
    assert_int_equal(got.report.is_finished, 1);
    assert_int_equal(got.report.n_planned, 3);
    assert_int_equal(got.report.n_equal, 1);
    assert_int_equal(got.report.n_different, 2);
    assert_string_equal(text, "public score 0.50000 is now 0.25000");
    assert_true(wire_text_is(row(world, 0, 2).public_score, "0.50000")); /* nothing changed */
    run(world, &start);
    assert_int_equal(start.rescore_start.outcome, STORE_DONE);
}

/* A claim that looks at re-scores first still takes live work where there is no re-score. */
static void check_rescore_share(struct world *world)
{
    struct store_call start = {.kind = CALL_RESCORE_START};
    struct store_call plan = {.kind = CALL_RESCORE_PLAN};
    struct store_call first = {.kind = CALL_CLAIM};

    assert_int_equal(submit(world, 0, 1), STORE_DONE);
    assert_int_equal(score(world, 0.5, NULL), STORE_DONE);
    start.rescore_start = (struct store_rescore_start){.competition = world->competition};
    run(world, &start);
    plan.rescore_plan = (struct store_rescore_plan){
        .run = start.rescore_start.run, .page_rows = 2, .jobs_max = 100};
    run(world, &plan);
    assert_int_equal(submit(world, 0, 2), STORE_DONE);
    assert_int_equal(submit(world, 0, 3), STORE_DONE);
    assert_int_equal(claim(world).claim.job.kind, JOB_SCORE); /* live before re-score */
    first.claim.worker = wire_text("w1");
    attester_claim(first.claim.key);
    first.claim.avoid_until_ms = INT64_MAX;
    first.claim.is_rescore_first = true;
    first.claim.lease_until_boot_ms = world->boot_ms + LEASE_MS;
    run(world, &first);
    assert_int_equal(first.claim.job.kind, JOB_RESCORE);
    run(world, &first);
    assert_int_equal(first.claim.job.kind, JOB_SCORE);
}

static void check_rescore_failure_is_counted(struct world *world)
{
    struct store_call start = {.kind = CALL_RESCORE_START};
    struct store_call plan = {.kind = CALL_RESCORE_PLAN};
    bool is_parked;
    char text[256];

    assert_int_equal(submit(world, 0, 1), STORE_DONE);
    assert_int_equal(score(world, 0.5, NULL), STORE_DONE);
    start.rescore_start = (struct store_rescore_start){.competition = world->competition};
    run(world, &start);
    plan.rescore_plan = (struct store_rescore_plan){
        .run = start.rescore_start.run, .page_rows = 2, .jobs_max = 100};
    run(world, &plan);
    for (int i = 0; i < STORE_FAILS_MAX; i++) {
        struct store_call job = claim(world);
        assert_int_equal(report_failure(world, &job.claim.job, &is_parked), STORE_DONE);
        world->boot_ms += 10 * STORE_RETRY_DELAY_MS;
        expire(world);
    }
    struct store_rescore_get got = report(world, start.rescore_start.run, text, sizeof(text));
    assert_int_equal(got.report.n_failed, 1);
    assert_int_equal(got.report.is_finished, 1);
    assert_int_equal(row(world, 0, 1).state, SUBMISSION_SCORED);
}

TEST(best)
TEST(tie_of_one_team)
TEST(select)
TEST(reveal)
TEST(rescore)
TEST(rescore_share)
TEST(rescore_failure_is_counted)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_best),
        cmocka_unit_test(test_tie_of_one_team),
        cmocka_unit_test(test_select),
        cmocka_unit_test(test_reveal),
        cmocka_unit_test(test_rescore),
        cmocka_unit_test(test_rescore_share),
        cmocka_unit_test(test_rescore_failure_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
