/* SPDX-License-Identifier: MIT */
/*
 * Promised files, from the store's rows up to the core's answers: kept, late, changed, repeated,
 * closed in between, refused; and what everybody is told about quota, pace and tokens.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/text.h"
#include "tests/unit/core_fixture.h"

/* ---- the store ---- */

enum { GRACE_MS = 5000 };

static struct store_call promise_call(const struct world *world, uint8_t key, uint8_t file)
{
    struct store_call call = submit_call(world, 0, key, file);

    call.submit.grace_ms = GRACE_MS;
    return call;
}

static struct store_upload upload(struct world *world, uint8_t key)
{
    struct store_call call = {.kind = CALL_UPLOAD_GET};

    call.upload_get.id[0] = key;
    run(world, &call);
    assert_int_equal(call.upload_get.outcome, STORE_DONE);
    assert_int_equal(call.upload_get.key[0], key);
    assert_string_equal(call.upload_get.competition, "demo");
    return call.upload_get.upload;
}

static void check_a_promise_is_kept(struct world *world)
{
    struct store_call promise = promise_call(world, 1, 1);
    struct store_call bytes = submit_call(world, 0, 1, 1);
    struct entry entry;
    char texts[ENTRY_SIZE];
    struct err err;

    run(world, &promise);
    assert_int_equal(promise.submit.outcome, STORE_DONE);
    assert_int_equal(promise.submit.until_ms, NOW_MS + 1 + GRACE_MS);
    assert_int_equal(quota(world, 0, NOW_MS).quota.remaining_today, 2); /* in flight */
    assert_true(entry_read(&entry, texts, promise.submit.entry, promise.submit.entry_size, &err));
    assert_int_equal(entry.kind, ENTRY_PROMISE);
    assert_int_equal(row(world, 0, 1).state, SUBMISSION_RECEIVING);
    assert_int_equal(upload(world, 1).state, SUBMISSION_RECEIVING);
    assert_int_equal(claim(world).claim.outcome, STORE_EMPTY); /* there is nothing to score yet */

    bytes.submit.id[5] = 99; /* another id was drawn: the promise's stands */
    bytes.submit.received_ms = NOW_MS + GRACE_MS;
    bytes.submit.is_closed = true; /* meanwhile */
    run(world, &bytes);
    assert_int_equal(bytes.submit.outcome, STORE_DONE);
    assert_int_equal(bytes.submit.id[5], 0);
    assert_int_equal(bytes.submit.received_ms, NOW_MS + 1);
    assert_true(entry_read(&entry, texts, bytes.submit.entry, bytes.submit.entry_size, &err));
    assert_int_equal(entry.kind, ENTRY_SUBMISSION);
    assert_int_equal(row(world, 0, 1).received_ms, NOW_MS + 1);
    assert_int_equal(quota(world, 0, NOW_MS).quota.remaining_today, 2); /* counted once */
    assert_int_equal(score(world, 0.5, NULL), STORE_DONE);
    assert_int_equal(quota(world, 0, NOW_MS).quota.remaining_today, 2);
}

static void check_a_kept_promise_repeats(struct world *world)
{
    struct store_call promise = promise_call(world, 1, 1);
    struct store_call again = promise_call(world, 1, 1);
    struct store_call bytes = submit_call(world, 0, 1, 1);
    struct store_call bytes_again = submit_call(world, 0, 1, 1);

    run(world, &promise);
    run(world, &bytes);
    run(world, &again);
    assert_int_equal(again.submit.outcome, STORE_REPEATED);
    assert_int_equal(again.submit.state, SUBMISSION_ACCEPTED);
    assert_int_equal(again.submit.entry_size, promise.submit.entry_size);
    assert_memory_equal(again.submit.entry, promise.submit.entry, promise.submit.entry_size);
    run(world, &bytes_again);
    assert_int_equal(bytes_again.submit.outcome, STORE_REPEATED);
    assert_int_equal(bytes_again.submit.entry_size, bytes.submit.entry_size);
    assert_memory_equal(bytes_again.submit.entry, bytes.submit.entry, bytes.submit.entry_size);
}

static void check_nothing_else_keeps_a_promise(struct world *world)
{
    struct store_call promise = promise_call(world, 1, 1);
    struct store_call other = submit_call(world, 0, 1, 2);
    struct store_call shorter = submit_call(world, 0, 1, 1);
    struct store_call late = submit_call(world, 0, 1, 1);

    run(world, &promise);
    run(world, &other);
    assert_int_equal(other.submit.outcome, STORE_CONFLICT);
    shorter.submit.size_bytes--;
    run(world, &shorter);
    assert_int_equal(shorter.submit.outcome, STORE_CONFLICT);
    late.submit.received_ms = promise.submit.until_ms + 1;
    run(world, &late);
    assert_int_equal(late.submit.outcome, STORE_STALE);
    assert_int_equal(row(world, 0, 1).state, SUBMISSION_RECEIVING);
}

static void check_a_promise_expires(struct world *world)
{
    struct store_call promise = promise_call(world, 1, 1);
    struct store_call bytes = submit_call(world, 0, 1, 1);
    struct store_call expiry = {.kind = CALL_EXPIRE};

    run(world, &promise);
    expiry.expire.promised_ms = promise.submit.until_ms;
    run(world, &expiry);
    assert_int_equal(expiry.expire.n_expired, 0);
    expiry.expire.promised_ms++;
    run(world, &expiry);
    assert_int_equal(expiry.expire.outcome, STORE_DONE);
    assert_int_equal(expiry.expire.n_expired, 1);
    struct wire_submission_row shown = row(world, 0, 1);
    assert_int_equal(shown.state, SUBMISSION_EXPIRED);
    assert_true(shown.reason.size > 0);
    assert_int_equal(shown.until_ms, promise.submit.until_ms);
    assert_int_equal(quota(world, 0, NOW_MS).quota.remaining_today, 3); /* free again */
    run(world, &bytes);
    assert_int_equal(bytes.submit.outcome, STORE_STALE);
    assert_int_equal(claim(world).claim.outcome, STORE_EMPTY);
    run(world, &expiry);
    assert_int_equal(expiry.expire.n_expired, 0);
}

static void check_promises_count_as_in_flight(struct world *world)
{
    for (uint8_t key = 1; key <= 3; key++) {
        struct store_call promise = promise_call(world, key, key);
        run(world, &promise);
        assert_int_equal(promise.submit.outcome, STORE_DONE);
        assert_int_equal(promise.submit.quota.remaining_today, 3 - key);
        assert_int_equal(promise.submit.quota.remaining_total, 5 - key);
    }
    struct store_call promise = promise_call(world, 4, 4);
    run(world, &promise);
    assert_int_equal(promise.submit.outcome, STORE_QUOTA);
    assert_int_equal(submit(world, 0, 5), STORE_QUOTA);
    assert_int_equal(move(world, BOARD_PUBLISH).outcome, STORE_DONE);
    assert_int_equal(move(world, BOARD_REVEAL).outcome, STORE_CONFLICT); /* they are waited for */
}

static void check_the_total_ends(struct world *world)
{
    for (uint8_t key = 1; key <= 5; key++) {
        struct store_call call = submit_call(world, 0, key, key);
        call.submit.received_ms += key > 3 ? DAY_MS : 0;
        run(world, &call);
        assert_int_equal(call.submit.outcome, STORE_DONE);
        assert_int_equal(call.submit.quota.remaining_total, 5 - key);
        assert_int_equal(call.submit.quota.resets_at_ms == INT64_MIN, key == 5);
    }
    struct store_quota_get tomorrow = quota(world, 0, NOW_MS + DAY_MS);
    assert_int_equal(tomorrow.outcome, STORE_QUOTA);
    assert_int_equal(tomorrow.quota.remaining_total, 0);
    assert_true(tomorrow.quota.resets_at_ms == INT64_MIN);
}

static void check_files_are_known(struct world *world)
{
    struct store_call promise = promise_call(world, 1, 1);
    struct store_call call = {.kind = CALL_FILES_GET};
    uint8_t hashes[3 * SHA256_BYTES] = {[0] = 1, [SHA256_BYTES] = 2, [2 * SHA256_BYTES] = 3};

    run(world, &promise);
    assert_int_equal(submit(world, 1, 3), STORE_DONE);
    call.files_get.hashes = (struct wire_bytes){.data = hashes, .size = sizeof(hashes)};
    run(world, &call);
    assert_int_equal(call.files_get.outcome, STORE_DONE);
    assert_int_equal(call.files_get.are_known.size, 3);
    assert_memory_equal(call.files_get.are_known.data, "\1\0\1", 3);
    store_call_free(&call);
}

static void check_a_new_token(struct world *world)
{
    struct store_call call = {.kind = CALL_TEAM_TOKEN};

    call.team_token.competition = world->competition;
    call.team_token.name = wire_text("owls");
    call.team_token.scope = STORE_SCOPE_TEAM;
    call.team_token.expires_ms = INT64_MAX;
    memset(call.team_token.token_id, 'z', TOKEN_ID_LENGTH);
    run(world, &call);
    assert_int_equal(call.team_token.outcome, STORE_DONE);
    assert_int_equal(call.team_token.team, world->teams[0]);
    call.team_token.name = wire_text("nobody");
    run(world, &call);
    assert_int_equal(call.team_token.outcome, STORE_EMPTY);
}

TEST(a_promise_is_kept)
TEST(a_kept_promise_repeats)
TEST(nothing_else_keeps_a_promise)
TEST(a_promise_expires)
TEST(promises_count_as_in_flight)
TEST(the_total_ends)
TEST(files_are_known)
TEST(a_new_token)

/* ---- the core ---- */

static struct wire_message promise_of(const struct bench *bench, uint8_t key)
{
    struct wire_message request = {.type = WIRE_PROMISE_PUT};

    request.promise_put.token = wire_text(bench->token);
    request.promise_put.competition = wire_text("demo");
    request.promise_put.key[0] = key;
    request.promise_put.sha256[0] = key;
    request.promise_put.size_bytes = 100;
    request.promise_put.file_name = wire_text("a.csv");
    return request;
}

static struct wire_message upload_of(const struct bench *bench, const char *id, bool is_append)
{
    struct wire_message request = {.type = WIRE_UPLOAD_GET};

    request.upload_get.token = wire_text(bench->token);
    request.upload_get.submission = wire_text(id);
    request.upload_get.is_append = is_append;
    return request;
}

static void promise(struct bench *bench, char id[static 33], uint8_t key)
{
    struct wire_message reply = ask(bench, promise_of(bench, key));

    assert_int_equal(reply.type, WIRE_PROMISED);
    wire_text_copy(id, 33, reply.promised.submission);
}

static void test_bytes_after_the_close(void **state)
{
    struct bench *bench = *state;
    int64_t closes_ms = WALL_MS + 3600000;
    char id[33];

    bench->wall_ms = closes_ms;
    promise(bench, id, 1);
    bench->wall_ms = closes_ms + 1000;
    assert_refused(ask(bench, promise_of(bench, 2)), REFUSAL_CLOSED);
    struct wire_message begin_it = begin(bench, 100);
    begin_it.submit_begin.key[0] = 1;
    begin_it.submit_begin.key[5] = 0;
    struct wire_message allowed = ask(bench, begin_it);
    assert_int_equal(allowed.type, WIRE_SUBMIT_ALLOWED);
    assert_true(wire_text_is(allowed.submit_allowed.promised, id));
    assert_int_equal(allowed.submit_allowed.size_bytes, 100);
    struct wire_message accepted = ask(bench, submission(bench, 1));
    assert_int_equal(accepted.type, WIRE_SUBMIT_ACCEPTED);
    assert_true(wire_text_is(accepted.submit_accepted.submission, id));
    assert_refused(ask(bench, submission(bench, 2)), REFUSAL_CLOSED);
}

static void test_an_expired_promise(void **state)
{
    struct bench *bench = *state;
    char id[33];

    promise(bench, id, 1);
    tick(bench, PROMISE);
    commit_all(bench);
    assert_int_equal(ask(bench, upload_of(bench, id, true)).type, WIRE_UPLOAD);
    tick(bench, 1);
    commit_all(bench);
    assert_refused(ask(bench, upload_of(bench, id, true)), REFUSAL_EXPIRED);
    struct wire_message late = ask(bench, submission(bench, 1));
    assert_refused(late, REFUSAL_EXPIRED);
    assert_int_equal(late.refused.has_quota, 1);
    assert_int_equal(late.refused.remaining_today, 2);
    for (int i = 0; i < 3; i++) { /* the gateway's clock may have said so a minute ago */
        tick(bench, 30000);
        commit_all(bench);
    }
    late = ask(bench, submission(bench, 1));
    assert_refused(late, REFUSAL_EXPIRED);
    assert_int_equal(late.refused.remaining_today, 3);
}

/* With a job that waits too long promises are taken, and bytes in the second half of their time. */
static void test_a_long_queue_defers_bytes(void **state)
{
    struct bench *bench = *state;
    char id[33];

    assert_int_equal(ask(bench, submission(bench, 9)).type, WIRE_SUBMIT_ACCEPTED);
    tick(bench, 60001);
    commit_all(bench);
    assert_refused(ask(bench, begin(bench, 1)), REFUSAL_BUSY);
    promise(bench, id, 1);
    assert_refused(ask(bench, upload_of(bench, id, true)), REFUSAL_BUSY);
    assert_int_equal(ask(bench, upload_of(bench, id, false)).type, WIRE_UPLOAD);
    tick(bench, PROMISE / 2 + 1);
    commit_all(bench);
    assert_int_equal(ask(bench, upload_of(bench, id, true)).type, WIRE_UPLOAD);
}

static void test_memory_mark(void **state)
{
    struct bench *bench = *state;

    core_memory_used(bench->core, 1000001);
    assert_refused(ask(bench, promise_of(bench, 1)), REFUSAL_BUSY);
    assert_refused(ask(bench, begin(bench, 1)), REFUSAL_BUSY);
    core_memory_used(bench->core, 1000000);
    assert_int_equal(ask(bench, promise_of(bench, 1)).type, WIRE_PROMISED);
}

static void test_a_refusal_tells_the_quota(void **state)
{
    struct bench *bench = *state;
    char id[33];

    for (uint8_t key = 1; key <= 3; key++) {
        promise(bench, id, key);
    }
    const struct wire_message requests[] = {promise_of(bench, 4), begin(bench, 1),
                                            submission(bench, 4)};
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        struct wire_message refused = ask(bench, requests[i]);
        assert_refused(refused, REFUSAL_QUOTA);
        assert_int_equal(refused.refused.has_quota, 1);
        assert_int_equal(refused.refused.remaining_today, 0);
        assert_true(refused.refused.remaining_total == STORE_NO_LIMIT);
        assert_int_equal(refused.refused.resets_at_ms, WALL_MS + 12 * 3600000);
        assert_int_equal(refused.refused.retry_after_ms, 12 * 3600000);
    }
    struct wire_message other = promise_of(bench, 1);
    other.promise_put.size_bytes = 99;
    struct wire_message refused = ask(bench, other);
    assert_refused(refused, REFUSAL_CONFLICT);
    assert_int_equal(refused.refused.has_quota, 1);
}

static struct wire_submission_row shown(struct bench *bench, const char *id)
{
    struct wire_message get = {.type = WIRE_SUBMISSION_GET};
    struct wire_submission_row row;

    get.submission_get.token = wire_text(bench->token);
    get.submission_get.submission = wire_text(id);
    struct wire_message reply = ask(bench, get);
    assert_int_equal(reply.type, WIRE_SUBMISSION);
    struct wire_bytes rest = reply.submission.row;
    assert_int_equal(wire_next(&row, WIRE_SUBMISSION_ROW, &rest), WIRE_ITEM);
    return row;
}

/* Nothing is told before something was measured; then place, pace and workers decide. */
static void test_expected_time(void **state)
{
    struct bench *bench = *state;
    char ids[3][33];

    for (uint8_t i = 0; i < 3; i++) {
        struct wire_message accepted = ask(bench, submission(bench, (uint8_t)(i + 1)));
        wire_text_copy(ids[i], sizeof(ids[i]), accepted.submit_accepted.submission);
    }
    assert_int_equal(shown(bench, ids[2]).queue_position, 3);
    assert_int_equal(shown(bench, ids[2]).expected_ms, -1);
    forget_sent(bench);
    claim_as(bench, 7, 0);
    struct wire_message job = sent_at(bench, 0);
    assert_int_equal(job.type, WIRE_JOB);
    struct wire_message result = result_for(job, 0.5);
    bench->boot_ms += 4000;
    arrive(bench, CORE_WORKERS, 7, &result);
    commit_all(bench);
    assert_int_equal(shown(bench, ids[2]).queue_position, 2);
    assert_int_equal(shown(bench, ids[2]).expected_ms, 4000 + 2 * 4000);
    forget_sent(bench);
    claim_as(bench, 8, 0); /* a second worker */
    assert_int_equal(shown(bench, ids[2]).queue_position, 1);
    assert_int_equal(shown(bench, ids[2]).expected_ms, 4000 + 4000 / 2);
    assert_int_equal(shown(bench, ids[1]).expected_ms, -1); /* it is being scored */
    bench->boot_ms += 100000;                               /* nobody was heard of for long */
    assert_int_equal(shown(bench, ids[2]).expected_ms, -1);
}

static void test_a_team_gets_another_token(void **state)
{
    struct bench *bench = *state;
    struct wire_message request = {.type = WIRE_TEAM_TOKEN_PUT};
    char old[TOKEN_SIZE];

    request.team_token_put.token = wire_text(bench->organizer);
    request.team_token_put.competition = wire_text("demo");
    request.team_token_put.name = wire_text("owls");
    memcpy(old, bench->token, sizeof(old));
    struct wire_message made = ask(bench, request);
    assert_int_equal(made.type, WIRE_TEAM_MADE);
    wire_text_copy(bench->token, sizeof(bench->token), made.team_made.token);
    assert_int_equal(ask(bench, submission(bench, 1)).type, WIRE_SUBMIT_ACCEPTED);
    for (int round = 0; round < 2; round++) { /* also after a restart */
        struct wire_message stale = submission(bench, 2);
        stale.submit_commit.token = wire_text(old);
        assert_refused(ask(bench, stale), REFUSAL_NO_TOKEN);
        core_close(&bench->core);
        open_core(bench);
    }
    assert_int_equal(ask(bench, submission(bench, 2)).type, WIRE_SUBMIT_ACCEPTED);
    request.team_token_put.name = wire_text("nobody");
    assert_refused(ask(bench, request), REFUSAL_NOT_FOUND);
    request.team_token_put.token = wire_text(bench->token);
    assert_refused(ask(bench, request), REFUSAL_NOT_ALLOWED);
}

static void make_token(char token[static TOKEN_SIZE], struct bench *bench, uint8_t is_reader,
                       uint32_t days)
{
    struct wire_message request = {.type = WIRE_TEAM_TOKEN_PUT};

    request.team_token_put.token = wire_text(bench->organizer);
    request.team_token_put.competition = wire_text("demo");
    request.team_token_put.name = wire_text("owls");
    request.team_token_put.is_reader = is_reader;
    request.team_token_put.days = days;
    struct wire_message made = ask(bench, request);
    assert_int_equal(made.type, WIRE_TEAM_MADE);
    wire_text_copy(token, TOKEN_SIZE, made.team_made.token);
}

static struct wire_message list_with(struct bench *bench, const char *token)
{
    struct wire_message list = {.type = WIRE_SUBMISSION_LIST};

    list.submission_list.token = wire_text(token);
    list.submission_list.competition = wire_text("demo");
    list.submission_list.before = UINT64_MAX;
    list.submission_list.rows_max = 10;
    return ask(bench, list);
}

static void test_tokens_that_read_and_that_expire(void **state)
{
    struct bench *bench = *state;
    char reader[TOKEN_SIZE];
    char month[TOKEN_SIZE];

    make_token(reader, bench, 1, 0);
    struct wire_message sent = submission(bench, 1);
    assert_int_equal(ask(bench, sent).type, WIRE_SUBMIT_ACCEPTED); /* the first one is still good */
    sent.submit_commit.token = wire_text(reader);
    assert_refused(ask(bench, sent), REFUSAL_NOT_ALLOWED);
    assert_int_equal(list_with(bench, reader).type, WIRE_SUBMISSION_ROWS);
    make_token(month, bench, 0, 30); /* revokes all of them */
    assert_refused(list_with(bench, reader), REFUSAL_NO_TOKEN);
    bench->wall_ms += 30 * (int64_t)TIME_DAY_MS - 1;
    assert_int_equal(list_with(bench, month).type, WIRE_SUBMISSION_ROWS);
    core_close(&bench->core);
    open_core(bench); /* the end is kept in the store */
    assert_int_equal(list_with(bench, month).type, WIRE_SUBMISSION_ROWS);
    bench->wall_ms += 1;
    assert_refused(list_with(bench, month), REFUSAL_NO_TOKEN);
}

/* One claim in twenty looks at re-scores first, however many submissions wait. */
static void test_the_share_of_rescores(void **state)
{
    struct bench *bench = *state;
    unsigned n_first = 0;

    for (int i = 0; i < 200; i++) {
        struct wire_message request = {.type = WIRE_CLAIM};
        request.claim.worker = wire_text("w1");
        request.claim.build = wire_text("b1");
        arrive(bench, CORE_WORKERS, 3, &request);
        assert_int_equal(bench->n_calls, 1);
        n_first += bench->calls[0]->claim.is_rescore_first;
        commit_all(bench);
        forget_sent(bench);
    }
    assert_int_equal(n_first, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_promise_is_kept),
        cmocka_unit_test(test_a_kept_promise_repeats),
        cmocka_unit_test(test_nothing_else_keeps_a_promise),
        cmocka_unit_test(test_a_promise_expires),
        cmocka_unit_test(test_promises_count_as_in_flight),
        cmocka_unit_test(test_the_total_ends),
        cmocka_unit_test(test_files_are_known),
        cmocka_unit_test(test_a_new_token),
        CORE_TEST(bytes_after_the_close),
        CORE_TEST(an_expired_promise),
        CORE_TEST(a_long_queue_defers_bytes),
        CORE_TEST(memory_mark),
        CORE_TEST(a_refusal_tells_the_quota),
        CORE_TEST(expected_time),
        CORE_TEST(a_team_gets_another_token),
        CORE_TEST(tokens_that_read_and_that_expire),
        CORE_TEST(the_share_of_rescores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
