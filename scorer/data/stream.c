/* SPDX-License-Identifier: MIT */
/*
 * Streams. See the header.
 */
#include "scorer/data/stream.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static bool read_fd(int fd, char *to, size_t size, size_t *n_read, struct err *err)
{
    size_t n = 0;

    while (n < size) {
        ssize_t got = read(fd, to + n, size - n);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return err_set(err, ERR_SYSTEM, "read: %s", strerror(errno));
        }
        if (got == 0) {
            break;
        }
        n += (size_t)got;
    }
    *n_read = n;
    return true;
}

bool stream_peek(struct stream *stream, char head[static STREAM_HEAD_BYTES], size_t *n,
                 struct err *err)
{
    if (stream->data != NULL) {
        *n = stream->size < STREAM_HEAD_BYTES ? stream->size : STREAM_HEAD_BYTES;
        memcpy(head, stream->data, *n);
        return true;
    }
    if (!read_fd(stream->fd, stream->head, STREAM_HEAD_BYTES, &stream->n_head, err)) {
        return false;
    }
    *n = stream->n_head;
    memcpy(head, stream->head, *n);
    return true;
}

bool stream_read(void *data, char *to, size_t size, size_t *n_read, struct err *err)
{
    struct stream *stream = data;
    size_t left =
        stream->data != NULL ? stream->size - stream->at : stream->n_head - stream->n_head_used;
    size_t n = left < size ? left : size;

    if (stream->data != NULL) {
        memcpy(to, stream->data + stream->at, n);
        stream->at += n;
        *n_read = n;
        return true;
    }
    memcpy(to, stream->head + stream->n_head_used, n);
    stream->n_head_used += n;
    if (!read_fd(stream->fd, to + n, size - n, n_read, err)) {
        return false;
    }
    *n_read += n;
    return true;
}
