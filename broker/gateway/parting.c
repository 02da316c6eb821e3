/* SPDX-License-Identifier: MIT */
/*
 * Parting connections in a fixed table: when it is full, further ones are closed as they are.
 */
#include "broker/gateway/parting.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PLACES = 64,
    LINGER_MS = 5000,
    BYTES_MAX = 64 << 20,
    READ_BYTES = 64 << 10,
    READS_MAX = 8, /* of one connection in one run */
};

struct place {
    int fd; /* -1: free */
    int64_t until_ms;
    size_t bytes;
};

struct parting {
    int epoll_fd;
    struct place places[PLACES];
    unsigned char dropped[READ_BYTES];
};

bool parting_open(struct parting **parting, struct err *err)
{
    struct parting *opened = calloc(1, sizeof(*opened));

    if (opened == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for closing connections");
    }
    opened->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (opened->epoll_fd < 0) {
        free(opened);
        return err_set(err, ERR_SYSTEM, "epoll: %s", strerror(errno));
    }
    for (size_t i = 0; i < PLACES; i++) {
        opened->places[i].fd = -1;
    }
    *parting = opened;
    return true;
}

void parting_close(struct parting **parting)
{
    if (*parting == NULL) {
        return;
    }
    for (size_t i = 0; i < PLACES; i++) {
        if ((*parting)->places[i].fd >= 0) {
            close((*parting)->places[i].fd);
        }
    }
    close((*parting)->epoll_fd);
    free(*parting);
    *parting = NULL;
}

int parting_descriptor(const struct parting *parting)
{
    return parting->epoll_fd;
}

void parting_add(struct parting *parting, int socket_fd, int64_t now_ms)
{
    struct epoll_event event = {.events = EPOLLIN};

    for (size_t i = 0; i < PLACES; i++) {
        if (parting->places[i].fd >= 0) {
            continue;
        }
        int fd = fcntl(socket_fd, F_DUPFD_CLOEXEC, 0);
        if (fd >= 0 && epoll_ctl(parting->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0) {
            parting->places[i] = (struct place){.fd = fd, .until_ms = now_ms + LINGER_MS};
        } else if (fd >= 0) {
            close(fd);
        }
        return;
    }
}

/* False when there is nothing more to be done for this connection. */
static bool read_some(struct parting *parting, struct place *place)
{
    for (int i = 0; i < READS_MAX; i++) {
        ssize_t n = recv(place->fd, parting->dropped, READ_BYTES, MSG_DONTWAIT);
        if (n < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        place->bytes += (size_t)n;
        if (n == 0 || place->bytes > BYTES_MAX) {
            return false;
        }
    }
    return true;
}

int64_t parting_run(struct parting *parting, int64_t now_ms)
{
    int64_t next_ms = -1;

    for (size_t i = 0; i < PLACES; i++) {
        struct place *place = &parting->places[i];
        if (place->fd < 0) {
            continue;
        }
        if (now_ms >= place->until_ms || !read_some(parting, place)) {
            close(place->fd); /* leaves the epoll set with it */
            place->fd = -1;
        } else if (next_ms < 0 || place->until_ms < next_ms) {
            next_ms = place->until_ms;
        }
    }
    return next_ms;
}
