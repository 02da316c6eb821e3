/* SPDX-License-Identifier: MIT */
/*
 * The link to the broker and the copies behind it, over real sockets: the test plays the broker on
 * a router and decides what it answers, and when; time is passed in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/gateway/copies.h"
#include "common/text.h"

enum { PATIENCE_MS = 20000, REFRESH_MS = 100000, ANSWER_MS = 5000 };

struct fixture {
    struct channel_context *context;
    struct channel *router;
    struct link *link;
    struct copies *copies;
    struct channel_peer peer;
    struct wire_message request; /* the last one that came; borrows from the router's frame */
};

struct waiter {
    struct copies_waiter node;
    int n_calls;
    struct copy *copy; /* held */
    int refusal;       /* -1: no answer at all */
};

static void on_copy(void *context, struct copy *copy, const struct wire_message *refusal)
{
    struct waiter *waiter = context;

    waiter->n_calls++;
    waiter->copy = copy == NULL ? NULL : copy_hold(copy);
    waiter->refusal = refusal == NULL ? -1 : refusal->refused.refusal;
}

static int open_fixture(void **state)
{
    static const struct curve_client in_clear = {.is_needed = false};
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct err err;

    assert_true(channel_context_open(&fixture->context, &err));
    assert_true(channel_open(&fixture->router, fixture->context, CHANNEL_ROUTER,
                             "tcp://127.0.0.1:*", WIRE_FRAME_MAX, &err));
    assert_true(link_open(&fixture->link, fixture->context, channel_endpoint(fixture->router),
                          &in_clear, &err));
    assert_true(copies_open(&fixture->copies, fixture->link, REFRESH_MS, ANSWER_MS, &err));
    *state = fixture;
    return 0;
}

static int close_fixture(void **state)
{
    struct fixture *fixture = *state;

    copies_close(&fixture->copies);
    link_close(&fixture->link);
    channel_close(&fixture->router);
    channel_context_close(&fixture->context);
    free(fixture);
    return 0;
}

/* The broker gets the next request; meanwhile the link sends what it could not send before. */
static void receive(struct fixture *fixture, enum wire_type type)
{
    const unsigned char *frame;
    size_t size;
    struct err err;

    for (int64_t until_ms = time_boot_ms() + PATIENCE_MS; time_boot_ms() < until_ms;) {
        struct channel_wait wait = {.channel = fixture->router};
        link_tick(fixture->link, time_boot_ms());
        assert_true(channel_wait(&wait, 1, 10, &err));
        if (channel_receive(fixture->router, &fixture->peer, &frame, &size) == CHANNEL_DONE) {
            assert_true(wire_decode(&fixture->request, FROM_GATEWAY, frame, size, &err));
            assert_int_equal(fixture->request.type, type);
            return;
        }
    }
    fail_msg("no request came");
}

static void assert_no_request(struct fixture *fixture)
{
    struct channel_wait wait = {.channel = fixture->router};
    struct err err;

    assert_true(channel_wait(&wait, 1, 50, &err));
    assert_false(wait.is_ready);
}

static void send_frame(struct fixture *fixture, const void *frame, size_t size)
{
    struct channel_wait wait = {.channel = link_channel(fixture->link)};
    struct err err;

    assert_int_equal(channel_send(fixture->router, &fixture->peer, frame, size), CHANNEL_DONE);
    assert_true(channel_wait(&wait, 1, PATIENCE_MS, &err));
    assert_true(wait.is_ready);
    link_receive(fixture->link);
}

/* The broker answers the request that it got last. */
static void answer(struct fixture *fixture, struct wire_message reply)
{
    struct wire_buffer frame = {0};
    struct err err;

    reply.request_id = fixture->request.request_id;
    assert_true(wire_encode(&frame, &reply, &err));
    send_frame(fixture, frame.data, frame.size);
    wire_buffer_free(&frame);
}

static void refuse(struct fixture *fixture, enum wire_refusal refusal)
{
    answer(fixture, (struct wire_message){.type = WIRE_REFUSED,
                                          .refused = {.refusal = refusal, .text = wire_text("")}});
}

/* A page of the board with rows of these ranks. */
static void answer_page(struct fixture *fixture, uint64_t version, uint32_t n_teams,
                        uint32_t first_rank, uint32_t last_rank)
{
    struct wire_competition_row competition = {.id = wire_text("trees"),
                                               .title = wire_text(""),
                                               .metric = wire_text("m"),
                                               .board_state = BOARD_PUBLIC};
    struct wire_buffer head = {0};
    struct wire_buffer rows = {0};
    struct err err;

    assert_true(wire_append(&head, WIRE_COMPETITION_ROW, &competition, &err));
    for (uint32_t rank = first_rank; rank <= last_rank; rank++) {
        struct wire_board_row row = {.rank = rank,
                                     .team = wire_text("t"),
                                     .members = wire_text(""),
                                     .score = wire_text("1"),
                                     .submission = wire_text("")};
        assert_true(wire_append(&rows, WIRE_BOARD_ROW, &row, &err));
    }
    answer(fixture, (struct wire_message){.type = WIRE_BOARD_PAGE,
                                          .board_page = {.competition = wire_buffer_bytes(&head),
                                                         .version = version,
                                                         .n_teams = n_teams,
                                                         .rows = wire_buffer_bytes(&rows)}});
    wire_buffer_free(&head);
    wire_buffer_free(&rows);
}

static void get(struct fixture *fixture, struct waiter *waiter, const char *token)
{
    struct err err;

    *waiter = (struct waiter){.node = {.on_copy = on_copy, .context = waiter}};
    assert_true(copies_get(fixture->copies, wire_text(token), COPY_BOARD_PUBLIC, "trees",
                           &waiter->node, time_boot_ms(), &err));
}

/* Looks at what a waiter got, and lets go of it. */
static void check_copy(struct waiter *waiter, uint64_t version, size_t n_rows)
{
    assert_int_equal(waiter->n_calls, 1);
    assert_non_null(waiter->copy);
    assert_int_equal(waiter->copy->version, version);
    assert_int_equal(waiter->copy->n_rows, n_rows);
    for (size_t i = 0; i < n_rows; i++) {
        struct wire_bytes rest = copy_rows(waiter->copy, i);
        struct wire_board_row row;
        assert_int_equal(wire_next(&row, WIRE_BOARD_ROW, &rest), WIRE_ITEM);
        assert_int_equal(row.rank, i + 1);
    }
    assert_int_equal(copy_rows(waiter->copy, n_rows).size, 0);
    copy_release(&waiter->copy);
}

static void test_one_fetch_for_all(void **state)
{
    struct fixture *fixture = *state;
    struct waiter waiters[3];

    for (size_t i = 0; i < ARRAY_SIZE(waiters); i++) {
        get(fixture, &waiters[i], "");
    }
    receive(fixture, WIRE_BOARD_GET);
    assert_no_request(fixture);
    answer_page(fixture, 1, 2, 1, 2);
    for (size_t i = 0; i < ARRAY_SIZE(waiters); i++) {
        check_copy(&waiters[i], 1, 2);
    }
    get(fixture, &waiters[0], ""); /* from memory */
    check_copy(&waiters[0], 1, 2);
    assert_no_request(fixture);
}

static void test_event_makes_old(void **state)
{
    struct fixture *fixture = *state;
    struct waiter waiter;

    get(fixture, &waiter, "");
    receive(fixture, WIRE_BOARD_GET);
    answer_page(fixture, 1, 1, 1, 1);
    check_copy(&waiter, 1, 1);
    copies_changed(fixture->copies, "other");
    get(fixture, &waiter, "");
    check_copy(&waiter, 1, 1);
    copies_changed(fixture->copies, "trees");
    get(fixture, &waiter, "");
    assert_int_equal(waiter.n_calls, 0);
    receive(fixture, WIRE_BOARD_GET);
    copies_changed(fixture->copies, "trees"); /* while it is fetched: it is fetched again */
    answer_page(fixture, 2, 1, 1, 1);
    assert_int_equal(waiter.n_calls, 0);
    receive(fixture, WIRE_BOARD_GET);
    answer_page(fixture, 3, 1, 1, 1);
    check_copy(&waiter, 3, 1);
}

static void test_pages_are_joined(void **state)
{
    struct fixture *fixture = *state;
    struct waiter waiter;

    get(fixture, &waiter, "");
    receive(fixture, WIRE_BOARD_GET);
    assert_int_equal(fixture->request.board_get.first, 0);
    answer_page(fixture, 1, 5, 1, 3);
    receive(fixture, WIRE_BOARD_GET);
    assert_int_equal(fixture->request.board_get.first, 3);
    answer_page(fixture, 2, 5, 4, 5); /* it moved on in between: from the start again */
    receive(fixture, WIRE_BOARD_GET);
    assert_int_equal(fixture->request.board_get.first, 0);
    answer_page(fixture, 2, 5, 1, 3);
    receive(fixture, WIRE_BOARD_GET);
    answer_page(fixture, 2, 5, 4, 5);
    check_copy(&waiter, 2, 5);
}

static void test_token_is_kept_apart(void **state)
{
    struct fixture *fixture = *state;
    struct waiter organizer;
    struct waiter visitor;

    get(fixture, &organizer, "asy1_secret");
    receive(fixture, WIRE_BOARD_GET);
    assert_true(wire_text_is(fixture->request.board_get.token, "asy1_secret"));
    answer_page(fixture, 7, 1, 1, 1);
    check_copy(&organizer, 7, 1);
    get(fixture, &visitor, "");
    assert_int_equal(visitor.n_calls, 0);
    receive(fixture, WIRE_BOARD_GET);
    assert_int_equal(fixture->request.board_get.token.size, 0);
    refuse(fixture, REFUSAL_NOT_ALLOWED);
    assert_int_equal(visitor.n_calls, 1);
    assert_null(visitor.copy);
    assert_int_equal(visitor.refusal, REFUSAL_NOT_ALLOWED);
    get(fixture, &organizer, "asy1_secret");
    receive(fixture, WIRE_BOARD_GET);
    get(fixture, &visitor, ""); /* does not wait for the organizer's */
    receive(fixture, WIRE_BOARD_GET);
    assert_int_equal(fixture->request.board_get.token.size, 0);
    refuse(fixture, REFUSAL_NOT_ALLOWED);
    assert_int_equal(visitor.n_calls, 1);
    assert_int_equal(organizer.n_calls, 0);
    copies_forget(fixture->copies, &organizer.node);
    get(fixture, &organizer, "asy1_secret"); /* asked again each time */
    receive(fixture, WIRE_BOARD_GET);
    refuse(fixture, REFUSAL_NO_TOKEN);
    assert_int_equal(organizer.refusal, REFUSAL_NO_TOKEN);
}

static void test_refusal_ends_a_copy(void **state)
{
    struct fixture *fixture = *state;
    struct waiter waiter;

    get(fixture, &waiter, "");
    receive(fixture, WIRE_BOARD_GET);
    answer_page(fixture, 1, 1, 1, 1);
    check_copy(&waiter, 1, 1);
    copies_changed(fixture->copies, "trees");
    get(fixture, &waiter, "");
    receive(fixture, WIRE_BOARD_GET);
    refuse(fixture, REFUSAL_BUSY); /* the old one is better than nothing */
    check_copy(&waiter, 1, 1);
    copies_changed(fixture->copies, "trees");
    int64_t later_ms =
        time_boot_ms() + 2000; /* a broker that was busy is left alone for a second */
    waiter = (struct waiter){.node = {.on_copy = on_copy, .context = &waiter}};
    struct err err;
    assert_true(copies_get(fixture->copies, wire_text(""), COPY_BOARD_PUBLIC, "trees", &waiter.node,
                           later_ms, &err));
    receive(fixture, WIRE_BOARD_GET);
    refuse(fixture, REFUSAL_NOT_FOUND);
    assert_int_equal(waiter.n_calls, 1);
    assert_null(waiter.copy);
    assert_int_equal(waiter.refusal, REFUSAL_NOT_FOUND);
}

static void test_broker_away(void **state)
{
    struct fixture *fixture = *state;
    struct waiter waiter;

    get(fixture, &waiter, "");
    receive(fixture, WIRE_BOARD_GET);
    link_tick(fixture->link, time_boot_ms() + ANSWER_MS);
    assert_int_equal(waiter.n_calls, 1);
    assert_null(waiter.copy);
    assert_int_equal(waiter.refusal, -1);
    get(fixture, &waiter, "");
    receive(fixture, WIRE_BOARD_GET);
    answer_page(fixture, 1, 1, 1, 1);
    check_copy(&waiter, 1, 1);
    copies_changed(fixture->copies, "trees");
    get(fixture, &waiter, "");
    receive(fixture, WIRE_BOARD_GET);
    link_tick(fixture->link, time_boot_ms() + ANSWER_MS); /* no answer: the old one */
    check_copy(&waiter, 1, 1);
    answer_page(fixture, 2, 1, 1, 1); /* too late, and harmless */
    assert_int_equal(waiter.n_calls, 1);
}

static void test_forgotten_waiter(void **state)
{
    struct fixture *fixture = *state;
    struct waiter stays;
    struct waiter leaves;

    get(fixture, &leaves, "");
    get(fixture, &stays, "");
    copies_forget(fixture->copies, &leaves.node);
    copies_forget(fixture->copies, &leaves.node);
    receive(fixture, WIRE_BOARD_GET);
    answer_page(fixture, 1, 1, 1, 1);
    check_copy(&stays, 1, 1);
    assert_int_equal(leaves.n_calls, 0);
}

static void test_broken_answers(void **state)
{
    static const unsigned char noise[] = "this is no frame of ours";
    struct fixture *fixture = *state;
    struct waiter waiter;

    get(fixture, &waiter, "");
    receive(fixture, WIRE_BOARD_GET);
    send_frame(fixture, noise, sizeof(noise));
    assert_int_equal(waiter.n_calls, 0);
    answer(fixture, (struct wire_message){.type = WIRE_DONE, .done = {.text = wire_text("")}});
    assert_int_equal(waiter.n_calls, 1);
    assert_null(waiter.copy);
    get(fixture, &waiter, "");
    receive(fixture, WIRE_BOARD_GET);
    answer(fixture, (struct wire_message){
                        .type = WIRE_BOARD_PAGE,
                        .board_page = {.competition = wire_text("x"), .rows = wire_text("yz")}});
    assert_int_equal(waiter.n_calls, 1);
    assert_null(waiter.copy);
}

/* ---- the link alone ---- */

static void count_reply(void *context, const struct wire_message *reply)
{
    int *n = context;

    *n += reply == NULL ? 100 : 1;
}

static void test_link_repeats(void **state)
{
    struct fixture *fixture = *state;
    struct wire_message message = {.type = WIRE_STATS_GET};
    const struct link_times times = {.patience_ms = 10000, .repeat_ms = 1000};
    int n = 0;
    const struct link_waiter waiter = {.on_reply = count_reply, .context = &n};
    int64_t now_ms = time_boot_ms();
    uint64_t id = 0;
    struct err err;

    assert_true(link_ask(&id, fixture->link, &message, times, waiter, now_ms, &err));
    receive(fixture, WIRE_STATS_GET);
    uint64_t first_id = fixture->request.request_id;
    assert_int_equal(first_id, id);
    link_tick(fixture->link, now_ms + 900);
    assert_no_request(fixture);
    link_tick(fixture->link, time_boot_ms() + 1100);
    receive(fixture, WIRE_STATS_GET);
    assert_int_equal(fixture->request.request_id, first_id);
    answer(fixture, (struct wire_message){.type = WIRE_STATS});
    assert_int_equal(n, 1);
    answer(fixture, (struct wire_message){.type = WIRE_STATS}); /* of the repeated one */
    assert_int_equal(n, 1);
    assert_int_equal(link_tick(fixture->link, now_ms + 20000), -1);
    assert_int_equal(n, 1);
}

static void test_link_gives_up(void **state)
{
    struct fixture *fixture = *state;
    struct wire_message message = {.type = WIRE_STATS_GET};
    const struct link_times times = {.patience_ms = 1000};
    int n = 0;
    const struct link_waiter waiter = {.on_reply = count_reply, .context = &n};
    int64_t now_ms = time_boot_ms();
    uint64_t id = 0;
    struct err err;

    assert_true(link_ask(&id, fixture->link, &message, times, waiter, now_ms, &err));
    receive(fixture, WIRE_STATS_GET);
    assert_int_equal(link_tick(fixture->link, now_ms + 999), now_ms + 1000);
    assert_int_equal(n, 0);
    assert_int_equal(link_tick(fixture->link, now_ms + 1000), -1);
    assert_int_equal(n, 100);
    assert_true(link_ask(&id, fixture->link, &message, times, waiter, now_ms, &err));
    link_forget(fixture->link, id);
    link_forget(fixture->link, id);
    assert_int_equal(link_tick(fixture->link, now_ms + 5000), -1);
    assert_int_equal(n, 100);
}

static void test_link_refuses_long_fields(void **state)
{
    struct fixture *fixture = *state;
    char token[200];
    int n = 0;
    const struct link_waiter waiter = {.on_reply = count_reply, .context = &n};
    uint64_t id = 0;
    struct err err;

    memset(token, 'a', sizeof(token) - 1);
    token[sizeof(token) - 1] = '\0';
    struct wire_message message = {
        .type = WIRE_RECEIPT_GET,
        .receipt_get = {.token = wire_text(token), .submission = wire_text("")}};
    assert_false(link_ask(&id, fixture->link, &message, (struct link_times){.patience_ms = 1000},
                          waiter, time_boot_ms(), &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_int_equal(link_tick(fixture->link, time_boot_ms() + 5000), -1);
    assert_int_equal(n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_fetch_for_all, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_event_makes_old, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_pages_are_joined, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_token_is_kept_apart, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_refusal_ends_a_copy, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_broker_away, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_forgotten_waiter, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_broken_answers, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_link_repeats, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_link_gives_up, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_link_refuses_long_fields, open_fixture, close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
