/* SPDX-License-Identifier: MIT */
/* Corrections of labels: taken with their proof alone, scored beside the old, shown in one step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schemas/correction.h"
#include "tests/unit/store_fixture.h"

enum { N_ROWS = 10 };

/* A label set as far as the store knows it. */
struct set {
    struct tree_hash leaves[N_ROWS];
    struct tree_hash root;
};

static struct set set_of(unsigned changes)
{
    struct set set;
    struct err err;

    for (size_t i = 0; i < N_ROWS; i++) {
        memset(&set.leaves[i], (int)i + 1, sizeof(set.leaves[i]));
        set.leaves[i].bytes[0] ^= (uint8_t)((changes >> i & 1) << 7);
    }
    assert_true(commitment_root(&set.root, set.leaves, N_ROWS, &err));
    return set;
}

static void make_competition(struct world *world, const struct set *set)
{
    struct store_call call = competition_call("fix", "competition: fix");

    memcpy(call.competition_put.label_root, set->root.bytes, TREE_HASH_BYTES);
    run(world, &call);
    assert_int_equal(call.competition_put.outcome, STORE_DONE);
    world->competition = call.competition_put.competition;
    for (int i = 0; i < 2; i++) {
        struct store_call team = team_call(world, i == 0 ? "owls" : "larks", (char)('c' + i));
        run(world, &team);
        world->teams[i] = team.team_put.team;
    }
}

/* Puts the proof from one set to the other; its hash is handed out. */
static void put_proof(struct world *world, uint8_t sha256[static SHA256_BYTES],
                      const struct set *from, const struct set *to)
{
    struct store_call call = {.kind = CALL_FILE_PUT};
    struct correction correction;
    struct bytes text = {0};
    struct err err;

    assert_true(correction_make(&correction, from->leaves, to->leaves, N_ROWS, &err));
    assert_true(correction_write(&text, &correction, &err));
    sha256_of(sha256, text.data, text.size_bytes);
    call.file_put = (struct store_file_put){.competition = world->competition,
                                            .data = {text.data, text.size_bytes}};
    memcpy(call.file_put.sha256, sha256, SHA256_BYTES);
    run(world, &call);
    assert_int_equal(call.file_put.outcome, STORE_DONE);
    correction_free(&correction);
    bytes_free(&text);
}

/* A correction, signed by the organizer. */
static struct store_call correction_call(const struct world *world, int64_t labels,
                                         const struct set *from, const struct set *to,
                                         const uint8_t proof[static SHA256_BYTES])
{
    struct store_call call = {.kind = CALL_CORRECTION_PUT};
    struct store_correction_put *put = &call.correction_put;
    uint8_t public_key[CRYPT_PUBLIC_KEY_BYTES];
    uint8_t secret_key[CRYPT_SECRET_KEY_BYTES];

    *put = (struct store_correction_put){.competition = world->competition,
                                         .labels = labels,
                                         .label_set = {0x44, (uint8_t)labels},
                                         .n_public = 4,
                                         .n_private = 5,
                                         .reason = wire_text("a mistake"),
                                         .now_ms = NOW_MS};
    memcpy(put->label_root, to->root.bytes, TREE_HASH_BYTES);
    memcpy(put->sha256, proof, SHA256_BYTES);
    const struct order_correct order = {.competition = "fix",
                                        .labels = (uint32_t)labels,
                                        .old_root = from->root.bytes,
                                        .new_root = to->root.bytes,
                                        .label_set_sha256 = put->label_set,
                                        .proof_sha256 = proof,
                                        .reason = "a mistake"};
    attester_organizer(public_key, secret_key);
    order_correct_sign(put->signature, &order, secret_key);
    return call;
}

static enum store_outcome correct(struct world *world, const struct store_call *call)
{
    struct store_call copy = *call;

    run(world, &copy);
    return copy.correction_put.outcome;
}

static void check_refusals(struct world *world)
{
    const struct set first = set_of(0);
    const struct set second = set_of(1 << 2 | 1 << 7);
    const struct set silent = set_of(1 << 2 | 1 << 7 | 1 << 9);
    uint8_t proof[SHA256_BYTES];
    uint8_t other[SHA256_BYTES] = {1};

    make_competition(world, &first);
    struct store_call call = correction_call(world, 2, &first, &second, other);
    assert_int_equal(correct(world, &call), STORE_CONFLICT); /* no such file */
    put_proof(world, proof, &first, &second);
    call = correction_call(world, 2, &first, &silent, proof);
    assert_int_equal(correct(world, &call), STORE_CONFLICT); /* one more changed than is said */
    call = correction_call(world, 3, &first, &second, proof);
    assert_int_equal(correct(world, &call), STORE_CONFLICT);
    call = correction_call(world, 1, &first, &second, proof);
    assert_int_equal(correct(world, &call), STORE_CONFLICT);
    call = correction_call(world, 2, &second, &second, proof);
    assert_int_equal(correct(world, &call), STORE_CONFLICT); /* signed for other labels before */
    const struct store_call right = correction_call(world, 2, &first, &second, proof);
    for (int i = 0; i < 6; i++) {
        call = right;
        call.correction_put.signature[i] ^= i == 0;
        call.correction_put.label_set[0] ^= i == 1;
        call.correction_put.reason = wire_text(i == 2 ? "another" : "a mistake");
        call.correction_put.n_public = i == 3 ? 11 : i == 4 ? -1 : 4;
        call.correction_put.n_private = i == 5 ? 7 : 5;
        assert_int_equal(correct(world, &call), STORE_CONFLICT);
    }
    struct store_call start = {.kind = CALL_RESCORE_START};
    start.rescore_start = (struct store_rescore_start){.competition = world->competition};
    assert_int_equal(submit(world, 0, 1), STORE_DONE);
    assert_int_equal(score(world, 0.5, NULL), STORE_DONE);
    run(world, &start);
    assert_int_equal(start.rescore_start.outcome, STORE_DONE);
    assert_int_equal(correct(world, &right), STORE_CONFLICT); /* a re-score is under way */
}

/* Nothing was scored yet: the new labels are there at once. */
static void check_nothing_scored(struct world *world)
{
    const struct set first = set_of(0);
    const struct set second = set_of(1);
    uint8_t proof[SHA256_BYTES];

    make_competition(world, &first);
    put_proof(world, proof, &first, &second);
    struct store_call call = correction_call(world, 2, &first, &second, proof);
    run(world, &call);
    assert_int_equal(call.correction_put.outcome, STORE_DONE);
    assert_true(call.correction_put.changed.is_corrected);
    assert_int_equal(call.correction_put.changed.label_version, 2);
    assert_int_equal(submit(world, 0, 1), STORE_DONE);
    struct store_call job = claim(world);
    assert_int_equal(job.claim.job.label_version, 2);
    assert_memory_equal(job.claim.job.label_root, second.root.bytes, TREE_HASH_BYTES);
}

/* Scores whatever comes: as before plus 0.1 under the second version. */
static struct store_changed work(struct world *world, enum wire_job_kind kind, double value)
{
    struct store_changed changed;
    struct store_call job = claim(world);

    assert_int_equal(job.claim.outcome, STORE_DONE);
    assert_int_equal(job.claim.job.kind, kind);
    assert_int_equal(job.claim.job.label_version, 2);
    assert_int_equal(complete_as(world, job.claim.job.job_id, job.claim.job.fence, OUTCOME_SCORED,
                                 value, &changed),
                     STORE_DONE);
    store_call_free(&job);
    return changed;
}

static void expect_board(struct world *world, uint8_t first, uint8_t second)
{
    struct store_best rows[3];

    assert_int_equal(board(world, STORE_PUBLIC, rows, 3), 2);
    assert_int_equal(rows[0].submission[0], first);
    assert_int_equal(rows[1].submission[0], second);
}

static void check_correction(struct world *world)
{
    const struct set first = set_of(0);
    const struct set second = set_of(1 << 2 | 1 << 7);
    struct store_call start = {.kind = CALL_RESCORE_START};
    uint8_t proof[SHA256_BYTES];

    make_competition(world, &first);
    put_proof(world, proof, &first, &second);
    assert_int_equal(submit(world, 0, 1), STORE_DONE);
    assert_int_equal(score(world, 0.5, NULL), STORE_DONE);
    assert_int_equal(submit(world, 0, 2), STORE_DONE);
    assert_int_equal(score(world, 0.4, NULL), STORE_DONE);
    assert_int_equal(submit(world, 1, 3), STORE_DONE);
    assert_int_equal(score(world, 0.3, NULL), STORE_DONE);
    assert_int_equal(submit(world, 1, 4), STORE_DONE);
    struct store_call leased = claim(world);
    assert_int_equal(leased.claim.job.label_version, 1);
    struct store_call call = correction_call(world, 2, &first, &second, proof);
    run(world, &call);
    assert_int_equal(call.correction_put.outcome, STORE_DONE);
    assert_false(call.correction_put.changed.is_corrected);
    assert_int_equal(correct(world, &call), STORE_REPEATED);
    const struct set third = set_of(1);
    struct store_call next = correction_call(world, 3, &second, &third, proof);
    assert_int_equal(correct(world, &next), STORE_CONFLICT); /* not before this one is over */
    start.rescore_start = (struct store_rescore_start){.competition = world->competition};
    run(world, &start);
    assert_int_equal(start.rescore_start.outcome, STORE_STALE);
    assert_int_equal(row(world, 1, 4).state, SUBMISSION_ACCEPTED);
    assert_int_equal(complete_as(world, leased.claim.job.job_id, leased.claim.job.fence,
                                 OUTCOME_SCORED, 0.9, NULL),
                     STORE_STALE);                                /* by the old labels */
    assert_int_equal(work(world, JOB_SCORE, 0.6).is_best, false); /* live before all else */
    expect_board(world, 1, 3);
    assert_int_equal(row(world, 1, 4).label_version, 2);
    assert_false(work(world, JOB_CORRECT, 0.1).is_corrected); /* of 1 */
    assert_false(work(world, JOB_CORRECT, 0.7).is_corrected); /* of 2 */
    expect_board(world, 1, 3);
    assert_true(wire_text_is(row(world, 0, 2).public_score, "0.40000"));
    assert_int_equal(row(world, 0, 2).label_version, 1);
    struct store_changed changed = work(world, JOB_CORRECT, 0.2); /* of 3: the last */
    assert_true(changed.is_corrected);
    assert_int_equal(changed.label_version, 2);
    expect_board(world, 2, 4);
    assert_true(wire_text_is(row(world, 0, 2).public_score, "0.70000"));
    assert_int_equal(row(world, 0, 2).label_version, 2);
    assert_int_equal(claim(world).claim.outcome, STORE_EMPTY);
    run(world, &start);
    assert_int_equal(start.rescore_start.outcome, STORE_DONE);
}

/* What cannot be scored again waits for the organizer, who asks again. */
static void check_parked(struct world *world)
{
    const struct set first = set_of(0);
    const struct set second = set_of(1);
    uint8_t proof[SHA256_BYTES];
    bool is_parked;

    make_competition(world, &first);
    put_proof(world, proof, &first, &second);
    assert_int_equal(submit(world, 0, 1), STORE_DONE);
    assert_int_equal(score(world, 0.5, NULL), STORE_DONE);
    struct store_call call = correction_call(world, 2, &first, &second, proof);
    assert_int_equal(correct(world, &call), STORE_DONE);
    for (int i = 0; i < STORE_FAILS_MAX; i++) {
        struct store_call job = claim(world);
        assert_int_equal(report_failure(world, &job.claim.job, &is_parked), STORE_DONE);
        world->boot_ms += 10 * STORE_RETRY_DELAY_MS;
        expire(world);
    }
    assert_true(is_parked);
    assert_int_equal(claim(world).claim.outcome, STORE_EMPTY);
    assert_int_equal(row(world, 0, 1).state, SUBMISSION_SCORED);
    assert_int_equal(correct(world, &call), STORE_REPEATED);
    assert_true(work(world, JOB_CORRECT, 0.6).is_corrected);
}

TEST(refusals)
TEST(nothing_scored)
TEST(correction)
TEST(parked)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_nothing_scored),
        cmocka_unit_test(test_correction),
        cmocka_unit_test(test_parked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
