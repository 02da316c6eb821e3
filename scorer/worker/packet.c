/* SPDX-License-Identifier: MIT */
/*
 * Packets: eight bytes of sizes that carry the descriptors, then the frame.
 */
#include "scorer/worker/packet.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/file.h"
#include "schemas/wire.h"

struct head {
    uint32_t size;
    uint32_t n_fds;
};

union control {
    char bytes[CMSG_SPACE(sizeof(int) * PACKET_FDS_MAX)];
    struct cmsghdr align;
};

void packet_close_fds(struct packet *packet)
{
    for (size_t i = 0; i < packet->n_fds; i++) {
        if (packet->fds[i] >= 0) {
            close(packet->fds[i]);
        }
    }
    packet->n_fds = 0;
}

void packet_free(struct packet *packet)
{
    packet_close_fds(packet);
    free(packet->data);
    *packet = (struct packet){0};
}

int packet_take_fd(struct packet *packet, size_t index)
{
    if (index >= packet->n_fds) {
        return -1;
    }
    int fd = packet->fds[index];
    packet->fds[index] = -1;
    return fd;
}

bool packet_pair(int ends[static 2], struct err *err)
{
    const struct timeval patience = {.tv_sec = PACKET_PATIENCE_MS / 1000};

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
        return err_set(err, ERR_SYSTEM, "socketpair: %s", strerror(errno));
    }
    for (int i = 0; i < 2; i++) {
        if (setsockopt(ends[i], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
            setsockopt(ends[i], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0) {
            err_set(err, ERR_SYSTEM, "setsockopt: %s", strerror(errno));
            close(ends[0]);
            close(ends[1]);
            ends[0] = ends[1] = -1;
            return false;
        }
    }
    return true;
}

static bool send_head(int socket, const struct head *head, const int *fds, struct err *err)
{
    union control control = {0};
    struct iovec part = {.iov_base = (void *)(uintptr_t)head, .iov_len = sizeof(*head)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t n;

    if (head->n_fds > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * head->n_fds);
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int) * head->n_fds);
        memcpy(CMSG_DATA(rights), fds, sizeof(int) * head->n_fds);
    }
    do {
        n = sendmsg(socket, &message, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof(*head) ||
           err_set(err, ERR_PEER, "send: %s", n < 0 ? strerror(errno) : "cut short");
}

bool packet_send(int socket, const void *frame, size_t size, const int *fds, size_t n_fds,
                 struct err *err)
{
    const struct head head = {.size = (uint32_t)size, .n_fds = (uint32_t)n_fds};
    const unsigned char *at = frame;

    if (size > WIRE_FRAME_MAX || n_fds > PACKET_FDS_MAX) {
        return err_set(err, ERR_LIMIT, "packet of %zu bytes and %zu descriptors", size, n_fds);
    }
    if (!send_head(socket, &head, fds, err)) {
        return false;
    }
    while (size > 0) {
        ssize_t n = send(socket, at, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return err_set(err, ERR_PEER, "send: %s", strerror(errno));
        }
        at += n;
        size -= (size_t)n;
    }
    return true;
}

/* Keeps the descriptors of one message, so that none of them leaks whatever else is wrong. */
static void keep_fds(struct packet *packet, struct msghdr *message)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL;
         part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS) {
            packet->n_fds = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            memcpy(packet->fds, CMSG_DATA(part), packet->n_fds * sizeof(int));
        }
    }
}

static bool receive_head(struct head *head, struct packet *packet, int socket, struct err *err)
{
    union control control;
    struct iovec part = {.iov_base = head, .iov_len = sizeof(*head)};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    ssize_t n;

    do {
        n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_WAITALL);
    } while (n < 0 && errno == EINTR);
    if (n <= 0) {
        return err_set(err, ERR_PEER, "receive: %s", n < 0 ? strerror(errno) : "the peer ended");
    }
    keep_fds(packet, &message);
    if (n != (ssize_t)sizeof(*head) || (message.msg_flags & MSG_CTRUNC) != 0 ||
        head->n_fds != packet->n_fds || head->size > WIRE_FRAME_MAX) {
        return err_set(err, ERR_PEER, "receive: not a packet");
    }
    return true;
}

enum packet_outcome packet_receive(struct packet *packet, int socket, struct err *err)
{
    struct head head;

    packet_close_fds(packet);
    packet->size = 0;
    if (!receive_head(&head, packet, socket, err)) {
        goto fail;
    }
    if (head.size > packet->capacity) {
        free(packet->data);
        packet->capacity = 0;
        packet->data = malloc(head.size);
        if (packet->data == NULL) {
            err_set(err, ERR_SYSTEM, "no memory for %u bytes", (unsigned)head.size);
            goto fail;
        }
        packet->capacity = head.size;
    }
    if (!read_full(socket, packet->data, head.size, err)) {
        goto fail;
    }
    packet->size = head.size;
    return PACKET_DONE;
fail:
    packet_close_fds(packet);
    return PACKET_CLOSED;
}
