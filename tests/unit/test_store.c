/* SPDX-License-Identifier: MIT */
/*
 * The store's contract, for every engine: each call the first time, repeated, stale and refused;
 * a database opened again. Boards and re-scores are in test_store_board.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/store_fixture.h"

static void check_competition_and_team(struct world *world)
{
    struct store_call again = competition_call("demo", "competition: demo");
    struct store_call other = competition_call("demo", "competition: demo # changed");
    struct store_call bad = competition_call("bad\"id", "x");
    struct store_call team = team_call(world, "owls", 'q');

    run(world, &again);
    assert_int_equal(again.competition_put.outcome, STORE_REPEATED);
    assert_int_equal(again.competition_put.competition, world->competition);
    run(world, &other);
    assert_int_equal(other.competition_put.outcome, STORE_CONFLICT);
    run(world, &bad); /* no entry can hold it: nothing is left of it */
    assert_int_equal(bad.competition_put.outcome, STORE_FAILED);
    run(world, &team);
    assert_int_equal(team.team_put.outcome, STORE_CONFLICT);
}

static void check_submit(struct world *world)
{
    struct store_call first = submit_call(world, 0, 1, 1);
    struct store_call again = submit_call(world, 0, 1, 1);
    struct store_call other_file = submit_call(world, 0, 1, 2);
    struct store_call closed = submit_call(world, 0, 9, 9);
    struct entry entry;
    char texts[ENTRY_SIZE];
    struct err err;

    again.submit.id[5] = 99; /* another id was drawn: the first one stands */
    again.submit.is_closed = true;
    closed.submit.is_closed = true;
    run(world, &first);
    assert_int_equal(first.submit.outcome, STORE_DONE);
    assert_int_equal(first.submit.quota.remaining_today, 2);
    assert_true(entry_read(&entry, texts, first.submit.entry, first.submit.entry_size, &err));
    assert_int_equal(entry.index, 2); /* behind the genesis and the keys */
    run(world, &again);
    assert_int_equal(again.submit.outcome, STORE_REPEATED);
    assert_int_equal(again.submit.entry_size, first.submit.entry_size);
    assert_memory_equal(again.submit.entry, first.submit.entry, first.submit.entry_size);
    run(world, &other_file);
    assert_int_equal(other_file.submit.outcome, STORE_CONFLICT);
    run(world, &closed);
    assert_int_equal(closed.submit.outcome, STORE_EMPTY);
    assert_int_equal(submit(world, 1, 1), STORE_DONE); /* another team's key is another key */
}

static void check_quota(struct world *world)
{
    for (uint8_t key = 1; key <= 3; key++) {
        assert_int_equal(submit(world, 0, key), STORE_DONE);
    }
    assert_int_equal(submit(world, 0, 4), STORE_QUOTA);
    assert_int_equal(submit(world, 0, 2), STORE_REPEATED);
    assert_int_equal(submit(world, 1, 1), STORE_DONE);
    struct store_quota_get today = quota(world, 0, NOW_MS);
    assert_int_equal(today.outcome, STORE_QUOTA);
    assert_int_equal(today.quota.remaining_today, 0);
    assert_int_equal(today.quota.resets_at_ms, NOW_MS + DAY_MS);
    struct store_quota_get tomorrow = quota(world, 0, NOW_MS + DAY_MS);
    assert_int_equal(tomorrow.quota.remaining_today, 2); /* 5 in all, 3 of them used */
    struct store_call job = claim(world);
    assert_int_equal(
        complete_as(world, job.claim.job.job_id, job.claim.job.fence, OUTCOME_INVALID, 0, NULL),
        STORE_DONE);
    assert_int_equal(quota(world, 0, NOW_MS).quota.remaining_today, 1);
    assert_int_equal(quota(world, 0, NOW_MS + DAY_MS).quota.remaining_today, 3);
}

/* A batch that fails in the middle keeps what is around it, and the log has no gap. */
static void check_batch(struct world *world)
{
    struct store_call first = submit_call(world, 0, 1, 1);
    struct store_call broken = submit_call(world, 0, 2, 2);
    struct store_call last = submit_call(world, 1, 3, 3);
    struct store_call *calls[] = {&first, &broken, &last};
    struct entry entry;
    char texts[ENTRY_SIZE];
    struct err err;

    memcpy(broken.submit.id, first.submit.id, sizeof(first.submit.id)); /* must be unique */
    store_batch(world->store, calls, 3);
    store_call_free(&first);
    store_call_free(&last);
    assert_int_equal(first.submit.outcome, STORE_DONE);
    assert_int_equal(broken.submit.outcome, STORE_FAILED);
    assert_int_equal(last.submit.outcome, STORE_DONE);
    assert_true(entry_read(&entry, texts, last.submit.entry, last.submit.entry_size, &err));
    assert_int_equal(entry.index, 3);
    assert_int_equal(quota(world, 0, NOW_MS).quota.remaining_today, 2);
}

static void check_results(struct world *world)
{
    struct store_changed changed;

    assert_int_equal(submit(world, 0, 1), STORE_DONE);
    struct store_call job = claim(world);
    uint64_t id = job.claim.job.job_id;
    uint64_t fence = job.claim.job.fence;
    assert_int_equal(row(world, 0, 1).state, SUBMISSION_SCORING);
    assert_int_equal(claim(world).claim.outcome, STORE_EMPTY);
    assert_int_equal(complete_as(world, id, fence + 1, OUTCOME_SCORED, 0.5, NULL), STORE_STALE);
    assert_int_equal(complete_as(world, id, 0, OUTCOME_SCORED, 0.5, NULL), STORE_STALE);
    assert_int_equal(complete_as(world, id, fence, OUTCOME_OPENED, 0.5, NULL), STORE_MISFIT);
    assert_int_equal(complete_as(world, id, fence, OUTCOME_SCORED, 0.5, &changed), STORE_DONE);
    assert_true(changed.is_best && changed.is_submission);
    assert_int_equal(row(world, 0, 1).state, SUBMISSION_SCORED);
    assert_int_equal(complete_as(world, id, fence, OUTCOME_SCORED, 0.5, &changed), STORE_REPEATED);
    assert_false(changed.is_best);
    assert_int_equal(complete_as(world, id, fence, OUTCOME_SCORED, 0.6, NULL), STORE_DIFFERENT);
    assert_true(wire_text_is(row(world, 0, 1).public_score, "0.50000"));
    assert_int_equal(complete_as(world, id + 1, 1, OUTCOME_SCORED, 0.6, NULL), STORE_STALE);
}

/* A result that no listed worker signed is refused, and the job is still to be done. */
static void check_signatures(struct world *world)
{
    struct wire_result result = {.outcome = OUTCOME_SCORED,
                                 .has_value = 1,
                                 .value = 0.5,
                                 .scorecard = wire_text("{}"),
                                 .sealed = wire_text("sealed"),
                                 .worker = wire_text("w1"),
                                 .build = wire_text("b1")};
    struct store_call call = {.kind = CALL_COMPLETE};

    assert_int_equal(submit(world, 0, 1), STORE_DONE);
    struct store_call job = claim(world);
    result.job_id = job.claim.job.job_id;
    result.fence = job.claim.job.fence;
    call.complete.result = &result;
    call.complete.now_ms = NOW_MS;
    for (int i = 0; i < 6; i++) {
        attester_sign(&result, 5);
        result.value = i == 0 ? 0.6 : 0.5; /* other than what was signed */
        result.public_commitment[0] = i == 1;
        result.scorecard = wire_text(i == 2 ? "{ }" : "{}");
        result.signature[63] ^= i == 3;
        result.key[0] ^= i == 4; /* of nobody */
        result.outcome = i == 5 ? OUTCOME_INVALID : OUTCOME_SCORED;
        run(world, &call);
        assert_int_equal(call.complete.outcome, STORE_MISFIT);
        result.public_commitment[0] = 0;
        result.value = 0.5;
        result.outcome = OUTCOME_SCORED;
    }
    assert_int_equal(row(world, 0, 1).state, SUBMISSION_SCORING);
    result.scorecard = wire_text("{}");
    attester_sign(&result, 5);
    run(world, &call);
    assert_int_equal(call.complete.outcome, STORE_DONE);
}

static void check_leases(struct world *world)
{
    struct store_call renew = {.kind = CALL_RENEW};

    assert_int_equal(submit(world, 0, 1), STORE_DONE);
    struct store_call first = claim(world);
    int64_t id = (int64_t)first.claim.job.job_id;
    renew.renew.job = id;
    renew.renew.fence = (int64_t)first.claim.job.fence;
    world->boot_ms += LEASE_MS - 1;
    renew.renew.lease_until_boot_ms = world->boot_ms + LEASE_MS;
    run(world, &renew);
    assert_int_equal(renew.renew.outcome, STORE_DONE);
    world->boot_ms += LEASE_MS - 1;
    assert_int_equal(expire(world).outcome, STORE_EMPTY);
    world->boot_ms += 1;
    struct store_expire expired = expire(world);
    assert_int_equal(expired.n_lost, 1);
    assert_int_equal(expired.n_ready, 1);
    assert_int_equal(expire(world).outcome, STORE_EMPTY);
    assert_int_equal(row(world, 0, 1).state, SUBMISSION_ACCEPTED);
    run(world, &renew);
    assert_int_equal(renew.renew.outcome, STORE_STALE);
    struct store_call second = claim(world);
    assert_int_equal(second.claim.job.job_id, id);
    assert_int_equal(second.claim.job.fence, first.claim.job.fence + 1);
    assert_int_equal(
        complete_as(world, (uint64_t)id, first.claim.job.fence, OUTCOME_SCORED, 0.5, NULL),
        STORE_STALE);
    assert_int_equal(
        complete_as(world, (uint64_t)id, second.claim.job.fence, OUTCOME_SCORED, 0.5, NULL),
        STORE_DONE);
}

/* A lease that ran out while nobody else claimed: the result still counts. */
static void check_late_result(struct world *world)
{
    assert_int_equal(submit(world, 0, 1), STORE_DONE);
    struct store_call job = claim(world);
    world->boot_ms += LEASE_MS;
    assert_int_equal(expire(world).n_lost, 1);
    assert_int_equal(
        complete_as(world, job.claim.job.job_id, job.claim.job.fence, OUTCOME_SCORED, 0.5, NULL),
        STORE_DONE);
    assert_int_equal(claim(world).claim.outcome, STORE_EMPTY);
}

static void check_release(struct world *world)
{
    struct store_call release = {.kind = CALL_RELEASE};

    assert_int_equal(submit(world, 0, 1), STORE_DONE);
    struct store_call job = claim(world);
    release.release.job = (int64_t)job.claim.job.job_id;
    release.release.fence = (int64_t)job.claim.job.fence;
    run(world, &release);
    assert_int_equal(release.release.outcome, STORE_DONE);
    assert_int_equal(row(world, 0, 1).state, SUBMISSION_ACCEPTED);
    run(world, &release);
    assert_int_equal(release.release.outcome, STORE_STALE);
    assert_int_equal(claim(world).claim.job.fence, job.claim.job.fence + 1);
}

static void check_failures(struct world *world)
{
    bool is_parked = false;
    struct store_call job = {.kind = CALL_CLAIM};

    assert_int_equal(submit(world, 0, 1), STORE_DONE);
    for (int i = 1; i <= STORE_FAILS_MAX; i++) {
        job = claim(world);
        assert_int_equal(job.claim.outcome, STORE_DONE);
        assert_int_equal(report_failure(world, &job.claim.job, &is_parked), STORE_DONE);
        assert_int_equal(is_parked, i == STORE_FAILS_MAX);
        bool again;
        assert_int_equal(report_failure(world, &job.claim.job, &again), STORE_STALE);
        assert_int_equal(claim(world).claim.outcome, STORE_EMPTY); /* it waits a while */
        world->boot_ms += (int64_t)STORE_RETRY_DELAY_MS * i;
        expire(world);
    }
    struct wire_submission_row parked = row(world, 0, 1);
    assert_int_equal(parked.state, SUBMISSION_FAILED);
    assert_true(wire_text_is(parked.reason, "the reader crashed"));
    assert_int_equal(claim(world).claim.outcome, STORE_EMPTY);
    assert_int_equal(quota(world, 0, NOW_MS).quota.remaining_today, 3);
    /* who failed cannot come back with a result */
    assert_int_equal(
        complete_as(world, job.claim.job.job_id, job.claim.job.fence, OUTCOME_SCORED, 0.5, NULL),
        STORE_STALE);
}

static enum store_outcome retry(struct world *world, uint8_t key)
{
    struct store_call call = {.kind = CALL_RETRY};

    call.retry.id[0] = key;
    call.retry.now_ms = NOW_MS;
    run(world, &call);
    return call.retry.outcome;
}

/* A parked submission is put back with all its tries. */
static void check_retry(struct world *world)
{
    bool is_parked = false;

    assert_int_equal(submit(world, 0, 1), STORE_DONE);
    assert_int_equal(retry(world, 2), STORE_EMPTY);
    assert_int_equal(retry(world, 1), STORE_REPEATED);
    for (int round = 0; round < 2; round++) {
        for (int i = 1; i <= STORE_FAILS_MAX; i++) {
            struct store_call job = claim(world);
            assert_int_equal(report_failure(world, &job.claim.job, &is_parked), STORE_DONE);
            assert_int_equal(is_parked, i == STORE_FAILS_MAX);
            world->boot_ms += 10 * STORE_RETRY_DELAY_MS;
            expire(world);
        }
        assert_int_equal(quota(world, 0, NOW_MS).quota.remaining_today, 3);
        assert_int_equal(retry(world, 1), STORE_DONE);
        assert_int_equal(retry(world, 1), STORE_REPEATED);
        assert_int_equal(quota(world, 0, NOW_MS).quota.remaining_today, 2);
        assert_int_equal(row(world, 0, 1).state, SUBMISSION_ACCEPTED);
        assert_int_equal(row(world, 0, 1).reason.size, 0);
    }
    assert_int_equal(score(world, 0.5, NULL), STORE_DONE);
    assert_int_equal(retry(world, 1), STORE_REPEATED);
    assert_int_equal(quota(world, 0, NOW_MS).quota.remaining_today, 2);
}

static void check_lost_leases_park_late(struct world *world)
{
    struct store_call job = {.kind = CALL_CLAIM};

    assert_int_equal(submit(world, 0, 1), STORE_DONE);
    for (int i = 1; i <= STORE_LOST_MAX; i++) {
        job = claim(world);
        assert_int_equal(job.claim.outcome, STORE_DONE);
        world->boot_ms += LEASE_MS;
        assert_int_equal(expire(world).n_parked, i == STORE_LOST_MAX);
    }
    assert_int_equal(row(world, 0, 1).state, SUBMISSION_FAILED);
    assert_int_equal(quota(world, 0, NOW_MS).quota.remaining_today, 3);
    /* the last worker was only slow: its result ends the matter, and is charged now */
    assert_int_equal(
        complete_as(world, job.claim.job.job_id, job.claim.job.fence, OUTCOME_SCORED, 0.5, NULL),
        STORE_DONE);
    assert_int_equal(row(world, 0, 1).state, SUBMISSION_SCORED);
    assert_int_equal(quota(world, 0, NOW_MS).quota.remaining_today, 2);
}

/* Teams take turns: a team with a backlog does not stand before another's first. */
static void check_fairness(struct world *world)
{
    static const uint8_t expected[] = {0, 1, 0, 0};

    for (uint8_t key = 1; key <= 3; key++) {
        assert_int_equal(submit(world, 0, key), STORE_DONE);
    }
    assert_int_equal(submit(world, 1, 4), STORE_DONE);
    assert_int_equal(row(world, 0, 1).queue_position, 1);
    assert_int_equal(row(world, 1, 4).queue_position, 2);
    assert_int_equal(row(world, 0, 3).queue_position, 4);
    for (size_t i = 0; i < 4; i++) {
        struct store_call job = claim(world);
        assert_int_equal(job.claim.submission[3] - '0', expected[i]);
    }
}

static void check_reopen(struct world *world)
{
    struct store_settings settings = settings_of(world);
    struct err err;
    struct store *second = NULL;

    assert_int_equal(submit(world, 0, 1), STORE_DONE);
    assert_int_equal(submit(world, 1, 2), STORE_DONE);
    struct store_call job = claim(world);
    assert_false(store_open(&second, &settings, NOW_MS, 0, &err)); /* the lock */
    assert_int_equal(err.code, ERR_CONFIG);
    world->boot_ms = 1; /* the machine was started again: its boot clock too */
    reopen(world);
    assert_int_equal(expire(world).outcome, STORE_EMPTY); /* the lease runs anew */
    assert_int_equal(
        complete_as(world, job.claim.job.job_id, job.claim.job.fence, OUTCOME_SCORED, 0.5, NULL),
        STORE_DONE);
    world->boot_ms += LEASE_MS;
    assert_int_equal(score(world, 0.4, NULL), STORE_DONE);
    assert_int_equal(claim(world).claim.outcome, STORE_EMPTY);
}

static void check_job_numbers_are_never_used_again(struct world *world)
{
    assert_int_equal(submit(world, 0, 1), STORE_DONE);
    struct store_call first = claim(world);
    assert_int_equal(complete_as(world, first.claim.job.job_id, first.claim.job.fence,
                                 OUTCOME_SCORED, 0.5, NULL),
                     STORE_DONE);
    reopen(world);
    assert_int_equal(submit(world, 0, 2), STORE_DONE);
    struct store_call second = claim(world);
    assert_true(second.claim.job.job_id > first.claim.job.job_id);
}

TEST(competition_and_team)
TEST(submit)
TEST(quota)
TEST(batch)
TEST(results)
TEST(signatures)
TEST(leases)
TEST(late_result)
TEST(release)
TEST(failures)
TEST(retry)
TEST(lost_leases_park_late)
TEST(fairness)
TEST(reopen)
TEST(job_numbers_are_never_used_again)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_competition_and_team),
        cmocka_unit_test(test_submit),
        cmocka_unit_test(test_quota),
        cmocka_unit_test(test_batch),
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_signatures),
        cmocka_unit_test(test_leases),
        cmocka_unit_test(test_late_result),
        cmocka_unit_test(test_release),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_retry),
        cmocka_unit_test(test_lost_leases_park_late),
        cmocka_unit_test(test_fairness),
        cmocka_unit_test(test_reopen),
        cmocka_unit_test(test_job_numbers_are_never_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
