/* SPDX-License-Identifier: MIT */
/*
 * The moving window. See the header.
 */
#include "scorer/data/window.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { CARRY_ROOM_MIN = 64 << 10, CARRY_ROOM_SMALL = 4 << 10, CHUNK_STEP = 16 << 10 };

void window_start(struct window *window, uint64_t begin, uint64_t limit)
{
    window->next = begin;
    window->limit = limit;
    window->is_ended = false;
}

bool window_read_at(const struct window_source *source, char *to, uint64_t offset, size_t size,
                    struct err *err)
{
    size_t n = 0;

    if (source->data != NULL) {
        memcpy(to, source->data + offset, size);
        return true;
    }
    while (n < size) {
        ssize_t got = pread(source->fd, to + n, size - n, (off_t)(offset + n));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return err_set(err, ERR_SYSTEM, "read: %s", strerror(errno));
        }
        if (got == 0) {
            return err_set(err, ERR_SYSTEM, "file became shorter while it was read");
        }
        n += (size_t)got;
    }
    return true;
}

/* A buffer with room for `kept` bytes and at least as many behind them, so that a long row is
 * looked at again a few times only. Where all that is `left` fits, it is no larger than that takes:
 * a small file then costs no more than its own pages. */
static bool make_room(struct window *window, size_t kept, uint64_t left, struct err *err)
{
    bool is_small = left < WINDOW_CHUNK;
    size_t carry_room = is_small ? CARRY_ROOM_SMALL : CARRY_ROOM_MIN;
    size_t chunk_room = is_small ? ((size_t)left / CHUNK_STEP + 1) * CHUNK_STEP : WINDOW_CHUNK;

    if (window->buffer != NULL && kept + WINDOW_PAD <= window->carry_room &&
        chunk_room <= window->chunk_room) {
        return true;
    }
    while (carry_room < kept + WINDOW_PAD) {
        carry_room *= 2;
    }
    if (!is_small && chunk_room < carry_room) {
        chunk_room = carry_room;
    }
    char *buffer = window->alloc(window->alloc_data, carry_room + chunk_room + WINDOW_PAD, err);
    if (buffer == NULL) {
        return false;
    }
    window->buffer = buffer;
    window->carry_room = carry_room;
    window->chunk_room = chunk_room;
    return true;
}

bool window_fill(struct window *window, const char **data, size_t *size, size_t kept,
                 struct err *err)
{
    const char *kept_at = kept == 0 ? NULL : *data + (*size - kept);
    uint64_t left = window->limit - window->next;

    if (!make_room(window, kept, left, err)) {
        return false;
    }
    size_t wanted = left < window->chunk_room ? (size_t)left : window->chunk_room;
    size_t n_read = wanted;
    char *chunk = window->buffer + window->carry_room;
    char *start = chunk - kept;
    if (kept > 0) {
        memmove(start, kept_at, kept);
    }
    const struct window_source *source = window->source;
    if (source->read != NULL ? !source->read(source->read_data, chunk, wanted, &n_read, err)
                             : !window_read_at(source, chunk, window->next, wanted, err)) {
        return false;
    }
    window->next += n_read;
    window->is_ended = source->read != NULL ? n_read < wanted : window->next == window->limit;
    *data = start;
    *size = kept + n_read;
    return true;
}
