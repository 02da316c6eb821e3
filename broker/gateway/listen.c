/* SPDX-License-Identifier: MIT */
/*
 * The listening socket. See the header.
 */
#include "broker/gateway/listen.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 511 };

/* One to five digits up to 65535: getaddrinfo takes 65536 for 0. */
static bool is_port(const char *text)
{
    size_t length = strlen(text);

    return length > 0 && length <= 5 && strspn(text, "0123456789") == length &&
           strtol(text, NULL, 10) <= UINT16_MAX;
}

/* "host:port", "[host]:port" */
static bool split_address(char host[static LISTEN_ADDRESS_SIZE],
                          char port[static LISTEN_ADDRESS_SIZE], const char *where, struct err *err)
{
    const char *colon = strrchr(where, ':');
    bool is_bracketed = where[0] == '[';

    if (colon == NULL || colon == where || (is_bracketed && colon[-1] != ']') ||
        strlen(where) >= LISTEN_ADDRESS_SIZE || !is_port(colon + 1)) {
        return err_set(err, ERR_CONFIG, "'%s' is not an address such as 127.0.0.1:8080", where);
    }
    snprintf(host, LISTEN_ADDRESS_SIZE, "%.*s", (int)(colon - where) - 2 * is_bracketed,
             where + is_bracketed);
    snprintf(port, LISTEN_ADDRESS_SIZE, "%s", colon + 1);
    return true;
}

static bool bind_and_listen(int fd, const struct addrinfo *address)
{
    int on = 1;

    return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
           bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0;
}

static bool name_address(char address[static LISTEN_ADDRESS_SIZE], int fd, struct err *err)
{
    struct sockaddr_storage bound;
    socklen_t size = sizeof(bound);
    char host[LISTEN_ADDRESS_SIZE / 2];
    char port[8];

    if (getsockname(fd, (struct sockaddr *)&bound, &size) < 0 ||
        getnameinfo((struct sockaddr *)&bound, size, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        return err_set(err, ERR_SYSTEM, "the bound address cannot be read");
    }
    bool is_v6 = strchr(host, ':') != NULL;
    snprintf(address, LISTEN_ADDRESS_SIZE, "http://%s%s%s:%s", is_v6 ? "[" : "", host,
             is_v6 ? "]" : "", port);
    return true;
}

bool listen_open(int *fd, char address[static LISTEN_ADDRESS_SIZE], const char *where,
                 struct err *err)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    char host[LISTEN_ADDRESS_SIZE];
    char port[LISTEN_ADDRESS_SIZE];
    struct addrinfo *found = NULL;

    *fd = -1;
    if (!split_address(host, port, where, err)) {
        return false;
    }
    if (getaddrinfo(host, port, &hints, &found) != 0) {
        return err_set(err, ERR_CONFIG, "'%s' is not an address such as 127.0.0.1:8080", where);
    }
    int opened = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool ok = opened >= 0 && bind_and_listen(opened, found);
    freeaddrinfo(found);
    if (!ok) {
        err_set(err, ERR_CONFIG, "listen on %s: %s", where, strerror(errno));
        goto fail;
    }
    if (!name_address(address, opened, err)) {
        goto fail;
    }
    *fd = opened;
    return true;
fail:
    if (opened >= 0) {
        close(opened);
    }
    return false;
}
