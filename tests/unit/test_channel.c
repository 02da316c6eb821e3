/* SPDX-License-Identifier: MIT */
/* Real sockets: a router and a dealer over tcp on loopback, and what a lost peer looks like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <zmq.h>

#include "common/channel.h"

enum { PATIENCE_MS = 10000 };

static bool wait_for(struct channel *channel)
{
    struct channel_wait wait = {.channel = channel};
    struct err err;

    return channel_wait(&wait, 1, PATIENCE_MS, &err) && wait.is_ready;
}

static void send_when_connected(struct channel *channel, const char *text)
{
    enum channel_outcome outcome = CHANNEL_NO_PEER;

    for (int i = 0; i < 1000 && outcome != CHANNEL_DONE; i++) {
        struct err err;
        outcome = channel_send(channel, NULL, text, strlen(text));
        assert_true(channel_wait(NULL, 0, outcome == CHANNEL_DONE ? 0 : 10, &err));
    }
    assert_int_equal(outcome, CHANNEL_DONE);
}

static void test_channel_send_and_receive(void **state)
{
    (void)state;
    struct channel_context *context = NULL;
    struct channel *router = NULL;
    struct channel *dealer = NULL;
    struct channel_peer peer;
    const unsigned char *frame;
    size_t size;
    struct err err;

    assert_true(channel_context_open(&context, &err));
    assert_true(channel_open(&router, context, CHANNEL_ROUTER, "tcp://127.0.0.1:*", 1024, &err));
    assert_true(
        channel_open(&dealer, context, CHANNEL_DEALER, channel_endpoint(router), 1024, &err));
    send_when_connected(dealer, "question");
    assert_true(wait_for(router));
    assert_int_equal(channel_receive(router, &peer, &frame, &size), CHANNEL_DONE);
    assert_int_equal(size, 8);
    assert_memory_equal(frame, "question", 8);
    assert_int_equal(channel_receive(router, &peer, &frame, &size), CHANNEL_EMPTY);
    assert_int_equal(channel_send(router, &peer, "answer", 6), CHANNEL_DONE);
    assert_true(wait_for(dealer));
    assert_int_equal(channel_receive(dealer, NULL, &frame, &size), CHANNEL_DONE);
    assert_memory_equal(frame, "answer", 6);
    channel_close(&dealer);
    enum channel_outcome outcome = CHANNEL_DONE;
    for (int i = 0; i < 1000 && outcome == CHANNEL_DONE; i++) {
        assert_true(channel_wait(NULL, 0, 10, &err));
        outcome = channel_send(router, &peer, "late", 4);
    }
    assert_int_equal(outcome, CHANNEL_NO_PEER);
    channel_close(&router);
    channel_context_close(&context);
    assert_null(context);
}

static void test_channel_open_refuses(void **state)
{
    (void)state;
    struct channel_context *context = NULL;
    struct channel *channel = NULL;
    struct err err;

    assert_true(channel_context_open(&context, &err));
    assert_false(channel_open(&channel, context, CHANNEL_ROUTER, "nonsense", 1024, &err));
    assert_int_equal(err.code, ERR_CONFIG);
    assert_null(channel);
    channel_context_close(&context);
}

/* Who chooses its id could wait for the frames of another. */
static void test_channel_receive_chosen_id(void **state)
{
    (void)state;
    static const struct {
        const char *id;
        size_t size;
    } chosen[] = {{"worker-1", 8}, {"five5", 5}};
    struct channel_context *context = NULL;
    struct channel *router = NULL;
    struct channel_peer peer;
    const unsigned char *frame;
    size_t size;
    struct err err;

    assert_true(channel_context_open(&context, &err));
    assert_true(channel_open(&router, context, CHANNEL_ROUTER, "tcp://127.0.0.1:*", 1024, &err));
    for (size_t i = 0; i < sizeof(chosen) / sizeof(chosen[0]); i++) {
        int linger = 0;
        void *socket = zmq_socket(context, ZMQ_DEALER);
        assert_int_equal(zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof(linger)), 0);
        assert_int_equal(zmq_setsockopt(socket, ZMQ_ROUTING_ID, chosen[i].id, chosen[i].size), 0);
        assert_int_equal(zmq_connect(socket, channel_endpoint(router)), 0);
        assert_int_equal(zmq_send(socket, "question", 8, 0), 8);
        assert_true(wait_for(router));
        assert_int_equal(channel_receive(router, &peer, &frame, &size), CHANNEL_TOO_LONG);
        assert_int_equal(channel_receive(router, &peer, &frame, &size), CHANNEL_EMPTY);
        assert_int_equal(zmq_close(socket), 0);
    }
    channel_close(&router);
    channel_context_close(&context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_channel_send_and_receive),
        cmocka_unit_test(test_channel_receive_chosen_id),
        cmocka_unit_test(test_channel_open_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
