/* SPDX-License-Identifier: MIT */
/* Packets between a worker's processes, and the sealed memory that travels with them. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "schemas/wire.h"
#include "scorer/worker/packet.h"
#include "scorer/worker/sealed.h"

static int count_descriptors(void)
{
    int n = 0;

    for (int fd = 0; fd < 256; fd++) {
        n += fcntl(fd, F_GETFD) >= 0;
    }
    return n;
}

static void test_packet_send_and_receive(void **state)
{
    (void)state;
    int before = count_descriptors();
    struct packet packet = {0};
    struct err err = {0};
    int ends[2];
    int fds[2];

    assert_true(packet_pair(ends, &err));
    assert_int_equal(pipe(fds), 0);
    assert_true(packet_send(ends[0], "frame", 5, fds, 2, &err));
    assert_true(packet_send(ends[0], NULL, 0, NULL, 0, &err));
    assert_true(packet_send(ends[0], "last", 4, fds, 1, &err));
    assert_int_equal(packet_receive(&packet, ends[1], &err), PACKET_DONE);
    assert_int_equal(packet.size, 5);
    assert_memory_equal(packet.data, "frame", 5);
    assert_int_equal(packet.n_fds, 2);
    int taken = packet_take_fd(&packet, 1);
    assert_int_equal(packet_take_fd(&packet, 2), -1);
    assert_int_equal(write(taken, "x", 1), 1); /* it is the pipe's writing end */
    close(taken);
    assert_int_equal(packet_receive(&packet, ends[1], &err), PACKET_DONE);
    assert_int_equal(packet.size, 0);
    assert_int_equal(packet.n_fds, 0);
    assert_int_equal(packet_receive(&packet, ends[1], &err), PACKET_DONE);
    assert_int_equal(packet.n_fds, 1);
    close(ends[0]);
    assert_int_equal(packet_receive(&packet, ends[1], &err), PACKET_CLOSED);
    assert_false(packet_send(ends[1], "x", 1, NULL, 0, &err));
    assert_int_equal(err.code, ERR_PEER);
    close(ends[1]);
    close(fds[0]);
    close(fds[1]);
    packet_free(&packet);
    assert_int_equal(count_descriptors(), before);
}

struct large {
    int socket;
    const unsigned char *data;
};

static void *send_large(void *argument)
{
    const struct large *large = argument;
    struct err err = {0};

    return packet_send(large->socket, large->data, WIRE_FRAME_MAX, NULL, 0, &err) ? argument : NULL;
}

static void test_packet_send_large(void **state)
{
    (void)state;
    unsigned char *data = malloc(WIRE_FRAME_MAX);
    struct packet packet = {0};
    struct err err = {0};
    pthread_t thread;
    void *sent = NULL;
    int ends[2];

    for (size_t i = 0; i < WIRE_FRAME_MAX; i++) {
        data[i] = (unsigned char)(i * 7);
    }
    assert_true(packet_pair(ends, &err));
    struct large large = {.socket = ends[0], .data = data};
    assert_int_equal(pthread_create(&thread, NULL, send_large, &large), 0);
    assert_int_equal(packet_receive(&packet, ends[1], &err), PACKET_DONE);
    pthread_join(thread, &sent);
    assert_non_null(sent);
    assert_int_equal(packet.size, WIRE_FRAME_MAX);
    assert_memory_equal(packet.data, data, WIRE_FRAME_MAX);
    assert_false(packet_send(ends[0], data, (size_t)WIRE_FRAME_MAX + 1, NULL, 0, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    packet_free(&packet);
    close(ends[0]);
    close(ends[1]);
    free(data);
}

/* Bytes that are no packet end the connection and leave no descriptor behind. */
static void test_packet_receive_refuses(void **state)
{
    (void)state;
    static const uint32_t heads[][2] = {
        {5, 1}, {UINT32_MAX, 0}, {WIRE_FRAME_MAX + 1, 0}, {0, 3}, {0, UINT32_MAX}};
    int before = count_descriptors();

    for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
        struct packet packet = {0};
        struct err err = {0};
        int ends[2];
        assert_true(packet_pair(ends, &err));
        assert_int_equal(send(ends[0], heads[i], sizeof(heads[i]), 0), sizeof(heads[i]));
        assert_int_equal(packet_receive(&packet, ends[1], &err), PACKET_CLOSED);
        close(ends[0]);
        close(ends[1]);
        packet_free(&packet);
    }
    assert_int_equal(count_descriptors(), before);
}

static void test_sealed_map(void **state)
{
    (void)state;
    struct sealed map = {0};
    struct err err = {0};
    int fd = -1;

    assert_true(sealed_make(&fd, "test", &err));
    assert_true(write_full(fd, "contents", 8, &err));
    assert_false(sealed_map(&map, fd, 100, &err)); /* it could still change */
    assert_int_equal(err.code, ERR_PEER);
    assert_true(sealed_finish(fd, &err));
    assert_false(sealed_map(&map, fd, 7, &err));
    assert_int_equal(err.code, ERR_PEER);
    assert_true(sealed_map(&map, fd, 8, &err));
    assert_int_equal(write(fd, "x", 1), -1);
    assert_int_equal(ftruncate(fd, 0), -1);
    close(fd);
    assert_int_equal(map.size_bytes, 8);
    assert_memory_equal(map.data, "contents", 8);
    sealed_unmap(&map);
    assert_null(map.data);
}

static void test_sealed_map_refuses(void **state)
{
    (void)state;
    struct sealed map = {0};
    struct err err = {0};
    int fd = -1;

    assert_false(sealed_map(&map, -1, 100, &err));
    assert_false(sealed_map(&map, STDERR_FILENO, 100, &err));
    assert_int_equal(err.code, ERR_PEER);
    assert_true(sealed_make(&fd, "empty", &err));
    assert_true(sealed_finish(fd, &err));
    assert_false(sealed_map(&map, fd, 100, &err));
    close(fd);
    assert_true(sealed_make(&fd, "mapped", &err));
    assert_int_equal(ftruncate(fd, 4096), 0);
    void *writable = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(writable != MAP_FAILED);
    assert_false(sealed_finish(fd, &err));
    assert_int_equal(err.code, ERR_SYSTEM);
    munmap(writable, 4096);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packet_send_and_receive), cmocka_unit_test(test_packet_send_large),
        cmocka_unit_test(test_packet_receive_refuses),  cmocka_unit_test(test_sealed_map),
        cmocka_unit_test(test_sealed_map_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
