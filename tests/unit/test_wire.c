/* SPDX-License-Identifier: MIT */
/* The codec of wire.def: round trips, and frames that must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/wire.h"

static struct wire_message sample(void)
{
    struct wire_message message = {.type = WIRE_SUBMIT_COMMIT, .request_id = 0x1122334455667788};

    message.submit_commit.token = wire_text("token");
    message.submit_commit.competition = wire_text("inat2017");
    memset(message.submit_commit.key, 7, sizeof(message.submit_commit.key));
    memset(message.submit_commit.sha256, 9, sizeof(message.submit_commit.sha256));
    message.submit_commit.size_bytes = UINT64_MAX - 1;
    message.submit_commit.received_ms = -5;
    message.submit_commit.file_name = wire_text("");
    message.submit_commit.message = wire_text("first try");
    return message;
}

static void test_wire_encode_and_decode(void **state)
{
    (void)state;
    struct wire_message message = sample();
    struct wire_message again;
    struct wire_buffer frame = {0};
    struct err err;

    assert_true(wire_encode(&frame, &message, &err));
    assert_true(wire_decode(&again, FROM_GATEWAY, frame.data, frame.size, &err));
    assert_int_equal(again.type, WIRE_SUBMIT_COMMIT);
    assert_true(again.request_id == message.request_id);
    assert_true(wire_text_is(again.submit_commit.competition, "inat2017"));
    assert_true(wire_text_is(again.submit_commit.file_name, ""));
    assert_true(again.submit_commit.size_bytes == UINT64_MAX - 1);
    assert_int_equal(again.submit_commit.received_ms, -5);
    assert_memory_equal(again.submit_commit.sha256, message.submit_commit.sha256, 32);
    wire_buffer_free(&frame);
}

static void test_wire_decode_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t offset;
        unsigned char value;
    } cases[] = {
        {"magic", 0, 'X'},
        {"version", 4, 4},
        {"unknown type", 6, 250},
        {"a record's type", 6, 200},
        {"a worker's message", 6, 60},
        {"body size", 8, 1},
        {"reserved bytes", 12, 1},
        {"a text longer than the frame", 24, 90},
        {"a text longer than its limit", 25, 1},
    };
    struct wire_message message = sample();
    struct wire_message again;
    struct wire_buffer frame = {0};
    struct err err;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_true(wire_encode(&frame, &message, &err));
        frame.data[cases[i].offset] = cases[i].value;
        if (wire_decode(&again, FROM_GATEWAY, frame.data, frame.size, &err)) {
            fail_msg("%s was accepted", cases[i].name);
        }
        assert_int_equal(err.code, ERR_INPUT);
    }
    assert_true(wire_encode(&frame, &message, &err));
    assert_false(wire_decode(&again, FROM_WORKER, frame.data, frame.size, &err));
    for (size_t size = 0; size < frame.size; size++) {
        unsigned char *copy = malloc(size + 1); /* exact room: the sanitizer sees a read beyond */
        memcpy(copy, frame.data, size);
        assert_false(wire_decode(&again, FROM_GATEWAY, copy, size, &err));
        free(copy);
    }
    wire_buffer_free(&frame);
}

static void test_wire_encode_refuses_long_fields(void **state)
{
    (void)state;
    struct wire_message message = sample();
    struct wire_buffer frame = {0};
    char text[65];
    struct err err;

    memset(text, 'a', sizeof(text));
    message.submit_commit.competition = (struct wire_bytes){(unsigned char *)text, 63};
    assert_true(wire_encode(&frame, &message, &err));
    message.submit_commit.competition.size = 64;
    assert_false(wire_encode(&frame, &message, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    wire_buffer_free(&frame);
}

static void test_wire_records(void **state)
{
    (void)state;
    struct wire_buffer list = {0};
    struct err err;

    for (uint32_t i = 0; i < 3; i++) {
        struct wire_problem problem = {.line = 10 + i, .column = i, .text = wire_text("bad")};
        assert_true(wire_append(&list, WIRE_PROBLEM, &problem, &err));
    }
    struct wire_bytes rest = wire_buffer_bytes(&list);
    struct wire_problem problem;
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(wire_next(&problem, WIRE_PROBLEM, &rest), WIRE_ITEM);
        assert_int_equal(problem.line, 10 + i);
        assert_true(wire_text_is(problem.text, "bad"));
    }
    assert_int_equal(wire_next(&problem, WIRE_PROBLEM, &rest), WIRE_LAST);
    rest = (struct wire_bytes){list.data, list.size - 1};
    assert_int_equal(wire_next(&problem, WIRE_PROBLEM, &rest), WIRE_ITEM);
    assert_int_equal(wire_next(&problem, WIRE_PROBLEM, &rest), WIRE_ITEM);
    assert_int_equal(wire_next(&problem, WIRE_PROBLEM, &rest), WIRE_BROKEN);
    wire_buffer_free(&list);
}

static void test_wire_type_name(void **state)
{
    (void)state;
    assert_string_equal(wire_type_name(WIRE_SUBMIT_BEGIN), "SUBMIT_BEGIN");
    assert_string_equal(wire_type_name((enum wire_type)255), "UNKNOWN");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wire_encode_and_decode),
        cmocka_unit_test(test_wire_decode_refuses),
        cmocka_unit_test(test_wire_encode_refuses_long_fields),
        cmocka_unit_test(test_wire_records),
        cmocka_unit_test(test_wire_type_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
