/* SPDX-License-Identifier: MIT */
/*
 * Who may connect over TCP: real sockets on loopback, real handshakes. That somebody stays out is
 * shown by the guard having refused him twice, or, where there is no guard any more, by a time in
 * which a friend would have come in many times over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/crypt.h"
#include "common/curve.h"
#include "common/file.h"
#include "common/guard.h"
#include "common/text.h"

enum { PATIENCE_MS = 20000, SILENCE_MS = 1500, FRAME_MAX = 1024 };

struct rig {
    char folder[64];
    char path[96];
    struct channel_context *context;
    struct guard *guard;
    struct channel *router;
    struct channel_curve server;
    struct channel_curve friend;
    struct channel_curve stranger;
};

static void make_keys(struct channel_curve *curve, const struct channel_curve *server)
{
    crypt_random(curve->secret_key, sizeof(curve->secret_key));
    crypt_curve_public(curve->public_key, curve->secret_key);
    if (server != NULL) {
        memcpy(curve->server_key, server->public_key, sizeof(curve->server_key));
    }
}

/* The table: a text in which '%' stands for the key. */
static void write_table(const struct rig *rig, const char *pattern, const char *key)
{
    const char *percent = strchr(pattern, '%');
    int before = (int)(percent == NULL ? strlen(pattern) : (size_t)(percent - pattern));
    char text[512];
    struct err err;

    int size = snprintf(text, sizeof(text), "%.*s%s%s", before, pattern, percent == NULL ? "" : key,
                        percent == NULL ? "" : percent + 1);
    assert_true(file_write_durable(rig->path, text, (size_t)size, 0600, &err));
}

static int setup(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    char text[CURVE_TEXT_SIZE];
    struct err err;

    strcpy(rig->folder, "/tmp/assay-guard-XXXXXX"); /* tidy: it fits */
    assert_non_null(mkdtemp(rig->folder));
    snprintf(rig->path, sizeof(rig->path), "%s/allowed", rig->folder);
    assert_true(crypt_start(&err));
    make_keys(&rig->server, NULL);
    make_keys(&rig->friend, &rig->server);
    make_keys(&rig->stranger, &rig->server);
    rig->server.domain = "worker";
    curve_text(text, rig->friend.public_key);
    write_table(rig, "# who works\n\nworker gpu-1 % # the first\n", text);
    assert_true(channel_context_open(&rig->context, &err));
    assert_true(guard_open(&rig->guard, rig->context, rig->path, &err));
    assert_true(channel_open_curve(&rig->router, rig->context, CHANNEL_ROUTER, "tcp://127.0.0.1:*",
                                   FRAME_MAX, &rig->server, &err));
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    struct rig *rig = *state;

    channel_close(&rig->router);
    guard_close(&rig->guard);
    channel_context_close(&rig->context);
    unlink(rig->path);
    rmdir(rig->folder);
    free(rig);
    return 0;
}

static void rest(int64_t ms)
{
    struct err err;

    assert_true(channel_wait(NULL, 0, ms, &err));
}

/* Connects, and sends one frame where it is let in within the time. */
static bool gets_in(struct channel **channel, struct rig *rig, const struct channel_curve *curve,
                    int64_t patience_ms)
{
    struct err err;

    assert_true(channel_open_curve(channel, rig->context, CHANNEL_DEALER,
                                   channel_endpoint(rig->router), FRAME_MAX, curve, &err));
    for (int64_t end_ms = time_boot_ms() + patience_ms; time_boot_ms() < end_ms; rest(5)) {
        if (channel_send(*channel, NULL, "hello", 5) == CHANNEL_DONE) {
            return true;
        }
    }
    return false;
}

/* The name of the sender of the next frame; NULL where its key is not allowed (any more). */
static const char *next_sender(struct rig *rig, char name[static GUARD_NAME_SIZE], const char *role)
{
    struct channel_wait wait = {.channel = rig->router};
    struct channel_peer peer;
    const unsigned char *frame;
    size_t size;
    struct err err;

    assert_true(channel_wait(&wait, 1, PATIENCE_MS, &err));
    assert_true(wait.is_ready);
    assert_int_equal(channel_receive(rig->router, &peer, &frame, &size), CHANNEL_DONE);
    return guard_find(name, rig->guard, role, channel_user(rig->router)) ? name : NULL;
}

static void test_guard_lets_in_whom_it_knows(void **state)
{
    struct rig *rig = *state;
    struct channel *friend = NULL;
    struct channel *stranger = NULL;
    char name[GUARD_NAME_SIZE];
    char text[CURVE_TEXT_SIZE];

    assert_true(gets_in(&friend, rig, &rig->friend, PATIENCE_MS));
    assert_string_equal(next_sender(rig, name, "worker"), "gpu-1");
    assert_false(gets_in(&stranger, rig, &rig->stranger, SILENCE_MS));
    curve_text(text, rig->stranger.public_key); /* allowed while it keeps trying */
    write_table(rig, "worker gpu-2 %\n", text);
    guard_refresh(rig->guard);
    channel_close(&stranger);
    assert_true(gets_in(&stranger, rig, &rig->stranger, PATIENCE_MS));
    assert_string_equal(next_sender(rig, name, "worker"), "gpu-2");
    channel_close(&stranger);
    channel_close(&friend);
}

static void test_guard_find_after_removal(void **state)
{
    struct rig *rig = *state;
    struct channel *friend = NULL;
    char name[GUARD_NAME_SIZE];

    assert_true(gets_in(&friend, rig, &rig->friend, PATIENCE_MS));
    assert_string_equal(next_sender(rig, name, "worker"), "gpu-1");
    assert_int_equal(channel_send(friend, NULL, "more", 4), CHANNEL_DONE);
    assert_null(next_sender(rig, name, "gateway")); /* another role */
    assert_int_equal(unlink(rig->path), 0);
    guard_refresh(rig->guard);
    assert_int_equal(channel_send(friend, NULL, "more", 4), CHANNEL_DONE); /* it is still in */
    assert_null(next_sender(rig, name, "worker"));
    channel_close(&friend);
}

static void test_guard_refresh_keeps_the_table_on_a_bad_file(void **state)
{
    static const char *const bad[] = {
        "worker gpu-1\n",        "nobody gpu-1 %\n",  "worker gpu_1 %\n",
        "worker gpu-1 % more\n", "worker gpu-1 x%\n",
    };
    struct rig *rig = *state;
    struct guard *guard = NULL;
    char text[CURVE_TEXT_SIZE];
    char name[GUARD_NAME_SIZE];
    struct err err;

    curve_text(text, rig->friend.public_key);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        write_table(rig, bad[i], text);
        guard_refresh(rig->guard);
        assert_true(guard_find(name, rig->guard, "worker", text));
        assert_false(guard_open(&guard, rig->context, rig->path, &err));
        assert_int_equal(err.code, ERR_CONFIG);
        assert_non_null(strstr(err.text, ":1: "));
    }
    write_table(rig, "worker gpu-9 %\n", text);
    assert_int_equal(chmod(rig->path, 0620), 0);
    guard_refresh(rig->guard);
    assert_true(guard_find(name, rig->guard, "worker", text));
    assert_string_equal(name, "gpu-1");
    assert_int_equal(chmod(rig->path, 0600), 0);
    guard_refresh(rig->guard);
    assert_true(guard_find(name, rig->guard, "worker", text));
    assert_string_equal(name, "gpu-9");
    assert_false(guard_find(name, rig->guard, "worker", "nonsense"));
}

static void test_guard_prove(void **state)
{
    struct rig *rig = *state;
    struct err err;

    assert_true(guard_prove(rig->guard, rig->context, channel_endpoint(rig->router),
                            rig->server.public_key, &err));
}

/* A socket that lets everybody in, as one without CURVE does, must not pass. */
static void test_guard_prove_open_socket(void **state)
{
    struct rig *rig = *state;
    struct channel *open = NULL;
    struct err err;

    assert_true(
        channel_open(&open, rig->context, CHANNEL_ROUTER, "tcp://127.0.0.1:*", FRAME_MAX, &err));
    assert_false(guard_prove(rig->guard, rig->context, channel_endpoint(open),
                             rig->server.public_key, &err));
    assert_int_equal(err.code, ERR_CONFIG);
    channel_close(&open);
}

/* Without its thread nobody gets in any more, known or not. */
static void test_guard_dead(void **state)
{
    struct rig *rig = *state;
    struct channel *channels[2] = {NULL};

    assert_true(gets_in(&channels[0], rig, &rig->friend, PATIENCE_MS));
    channel_close(&channels[0]);
    guard_close(&rig->guard);
    assert_false(gets_in(&channels[0], rig, &rig->stranger, SILENCE_MS));
    assert_false(gets_in(&channels[1], rig, &rig->friend, SILENCE_MS));
    channel_close(&channels[0]);
    channel_close(&channels[1]);
}

static void test_curve_client_open(void **state)
{
    struct rig *rig = *state;
    struct curve_client client;
    struct curve_client again;
    char key[CURVE_TEXT_SIZE];
    char path[128];
    struct bytes text = {0};
    struct stat info;
    struct err err;

    curve_text(key, rig->server.public_key);
    assert_true(curve_client_open(&client, "ipc://here", "", "", &err));
    assert_false(client.is_needed);
    assert_false(curve_client_open(&client, "tcp://127.0.0.1:1", rig->folder, "", &err));
    assert_int_equal(err.code, ERR_CONFIG);
    assert_false(curve_client_open(&client, "tcp://127.0.0.1:1", rig->folder, "abc", &err));
    assert_int_equal(err.code, ERR_CONFIG);
    assert_true(curve_client_open(&client, "tcp://127.0.0.1:1", rig->folder, key, &err));
    assert_true(curve_client_open(&again, "tcp://127.0.0.1:1", rig->folder, key, &err));
    assert_memory_equal(&client, &again, sizeof(client));
    snprintf(path, sizeof(path), "%s/curve.pub", rig->folder);
    assert_true(file_read(&text, path, 100, &err));
    curve_text(key, client.curve.public_key);
    assert_memory_equal(text.data, key, CURVE_TEXT_SIZE - 1);
    bytes_free(&text);
    unlink(path);
    snprintf(path, sizeof(path), "%s/curve.key", rig->folder);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_guard_lets_in_whom_it_knows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_guard_find_after_removal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_guard_refresh_keeps_the_table_on_a_bad_file, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_guard_prove, setup, teardown),
        cmocka_unit_test_setup_teardown(test_guard_prove_open_socket, setup, teardown),
        cmocka_unit_test_setup_teardown(test_guard_dead, setup, teardown),
        cmocka_unit_test_setup_teardown(test_curve_client_open, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
