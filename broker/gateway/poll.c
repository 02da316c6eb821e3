/* SPDX-License-Identifier: MIT */
/*
 * Long polls: a list, at most one entry a connection. See the header.
 */
#include "broker/gateway/poll.h"

#include <string.h>

enum { LOOK_AGAIN_MS = 5000 };

void poll_join(struct exchange *exchange, int64_t until_ms, void (*look)(struct exchange *exchange))
{
    int64_t n = 0;

    for (struct exchange *other = exchange->parts->pollers; other != NULL;
         other = other->poll.next) {
        n++;
    }
    if (2 * n >= exchange->parts->settings.limits.connections) {
        return;
    }
    exchange->poll = (struct exchange_poll){
        .next = exchange->parts->pollers, .look = look, .until_ms = until_ms};
    exchange->parts->pollers = exchange;
}

void poll_leave(struct exchange *exchange)
{
    for (struct exchange **place = &exchange->parts->pollers; *place != NULL;
         place = &(*place)->poll.next) {
        if (*place == exchange) {
            *place = exchange->poll.next;
            break;
        }
    }
    exchange->poll = (struct exchange_poll){0};
}

static void look(struct exchange *exchange)
{
    exchange->poll.look_at_ms = 0;
    exchange->poll.is_woken = false;
    exchange->poll.look(exchange);
}

bool poll_wait(struct exchange *exchange, int64_t now_ms)
{
    struct exchange_poll *poll = &exchange->poll;

    if (poll->look == NULL || now_ms >= poll->until_ms) {
        return false;
    }
    if (poll->is_woken) {
        look(exchange);
        return true;
    }
    poll->look_at_ms =
        poll->until_ms - now_ms < LOOK_AGAIN_MS ? poll->until_ms : now_ms + LOOK_AGAIN_MS;
    return true;
}

void poll_wake(struct gateway_parts *parts, const char *submission)
{
    struct exchange *next;

    for (struct exchange *exchange = parts->pollers; exchange != NULL; exchange = next) {
        next = exchange->poll.next;
        if (strcmp(exchange->args.text[0], submission) != 0) {
            continue;
        }
        if (exchange->poll.look_at_ms != 0) {
            look(exchange);
        } else {
            exchange->poll.is_woken = true;
        }
    }
}

int64_t poll_tick(struct gateway_parts *parts, int64_t now_ms)
{
    int64_t next_ms = -1;
    struct exchange *next;

    for (struct exchange *exchange = parts->pollers; exchange != NULL; exchange = next) {
        int64_t due_ms = exchange->poll.look_at_ms;
        next = exchange->poll.next;
        if (due_ms != 0 && due_ms <= now_ms) {
            look(exchange);
        } else if (due_ms != 0 && (next_ms < 0 || due_ms < next_ms)) {
            next_ms = due_ms;
        }
    }
    return next_ms;
}
