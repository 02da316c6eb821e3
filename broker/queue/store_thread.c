/* SPDX-License-Identifier: MIT */
/*
 * Rings under one lock: calls that wait, those of workers for themselves, and calls that are done.
 * See the header.
 */
#include "broker/queue/store_thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/crashpoint.h"

enum { RING_MIN = 1024, URGENT_MAX = STORE_BATCH_MAX / 2 };

/* First in, first out; grows, never shrinks. */
struct ring {
    struct store_call **calls; /* owned */
    size_t capacity;           /* a power of two, or 0 */
    size_t first;
    size_t n_calls;
};

struct store_thread {
    struct store *store;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t has_calls;
    struct ring urgent;
    struct ring waiting;
    struct ring done;
    bool is_started;
    bool is_ending;
    uint64_t n_batches;
    int fd;
};

static bool ring_put(struct ring *ring, struct store_call *call)
{
    if (ring->n_calls == ring->capacity) {
        size_t capacity = ring->capacity == 0 ? RING_MIN : 2 * ring->capacity;
        struct store_call **calls = calloc(capacity, sizeof(struct store_call *));
        if (calls == NULL) {
            return false;
        }
        for (size_t i = 0; i < ring->n_calls; i++) {
            calls[i] = ring->calls[(ring->first + i) & (ring->capacity - 1)];
        }
        free(ring->calls);
        *ring = (struct ring){.calls = calls, .capacity = capacity, .n_calls = ring->n_calls};
    }
    ring->calls[(ring->first + ring->n_calls++) & (ring->capacity - 1)] = call;
    return true;
}

static size_t ring_take(struct ring *ring, struct store_call **calls, size_t n_max)
{
    size_t n_taken = ring->n_calls < n_max ? ring->n_calls : n_max;

    for (size_t i = 0; i < n_taken; i++) {
        calls[i] = ring->calls[(ring->first + i) & (ring->capacity - 1)];
    }
    ring->first += n_taken;
    ring->n_calls -= n_taken;
    return n_taken;
}

/* Waits for calls; 0 when the thread is to end. A flood of clients must not hold up leases and
 * results, nor the workers the clients: the urgent calls come first, in half of a batch. */
static size_t take_waiting(struct store_thread *thread, struct store_call **calls)
{
    pthread_mutex_lock(&thread->lock);
    while (thread->urgent.n_calls + thread->waiting.n_calls == 0 && !thread->is_ending) {
        pthread_cond_wait(&thread->has_calls, &thread->lock);
    }
    size_t n_calls = ring_take(&thread->urgent, calls, URGENT_MAX);
    n_calls += ring_take(&thread->waiting, calls + n_calls, STORE_BATCH_MAX - n_calls);
    pthread_mutex_unlock(&thread->lock);
    return n_calls;
}

static void give_back(struct store_thread *thread, struct store_call **calls, size_t n_calls)
{
    uint64_t one = 1;

    pthread_mutex_lock(&thread->lock);
    thread->n_batches++;
    for (size_t i = 0; i < n_calls; i++) {
        if (!ring_put(&thread->done, calls[i])) {
            abort(); /* what is committed could not be answered: only a new start is honest */
        }
    }
    pthread_mutex_unlock(&thread->lock);
    while (write(thread->fd, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
}

static void *run(void *context)
{
    struct store_thread *thread = context;
    struct store_call *calls[STORE_BATCH_MAX];
    size_t n_calls;

    while ((n_calls = take_waiting(thread, calls)) > 0) {
        store_batch(thread->store, calls, n_calls);
        CRASHPOINT("after the commit");
        give_back(thread, calls, n_calls);
    }
    return NULL;
}

bool store_thread_open(struct store_thread **thread, struct store *store, struct err *err)
{
    struct store_thread *opened = calloc(1, sizeof(*opened));

    if (opened == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for the store's thread");
    }
    opened->store = store;
    pthread_mutex_init(&opened->lock, NULL);
    pthread_cond_init(&opened->has_calls, NULL);
    opened->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (opened->fd < 0) {
        err_set(err, ERR_SYSTEM, "eventfd: %s", strerror(errno));
        goto fail;
    }
    int status = pthread_create(&opened->thread, NULL, run, opened);
    if (status != 0) {
        err_set(err, ERR_SYSTEM, "no thread for the store: %s", strerror(status));
        goto fail;
    }
    opened->is_started = true;
    *thread = opened;
    return true;
fail:
    store_thread_close(&opened);
    return false;
}

void store_thread_close(struct store_thread **thread)
{
    struct store_thread *closed = *thread;

    if (closed == NULL) {
        return;
    }
    if (closed->is_started) {
        pthread_mutex_lock(&closed->lock);
        closed->is_ending = true;
        pthread_cond_signal(&closed->has_calls);
        pthread_mutex_unlock(&closed->lock);
        pthread_join(closed->thread, NULL);
    }
    if (closed->fd >= 0) {
        close(closed->fd);
    }
    pthread_cond_destroy(&closed->has_calls);
    pthread_mutex_destroy(&closed->lock);
    free(closed->urgent.calls);
    free(closed->waiting.calls);
    free(closed->done.calls);
    free(closed);
    *thread = NULL;
}

bool store_thread_give(struct store_thread *thread, struct store_call *call, struct err *err)
{
    pthread_mutex_lock(&thread->lock);
    bool ok = ring_put(call->is_urgent ? &thread->urgent : &thread->waiting, call);
    pthread_cond_signal(&thread->has_calls);
    pthread_mutex_unlock(&thread->lock);
    return ok || err_set(err, ERR_SYSTEM, "no memory for a call");
}

uint64_t store_thread_batches(struct store_thread *thread)
{
    pthread_mutex_lock(&thread->lock);
    uint64_t n_batches = thread->n_batches;
    pthread_mutex_unlock(&thread->lock);
    return n_batches;
}

int store_thread_fd(const struct store_thread *thread)
{
    return thread->fd;
}

size_t store_thread_take(struct store_thread *thread,
                         struct store_call *calls[static STORE_BATCH_MAX])
{
    uint64_t count;

    pthread_mutex_lock(&thread->lock);
    size_t n_calls = ring_take(&thread->done, calls, STORE_BATCH_MAX);
    bool has_more = thread->done.n_calls > 0;
    pthread_mutex_unlock(&thread->lock);
    if (!has_more) { /* what is given back from here on makes it readable again */
        while (read(thread->fd, &count, sizeof(count)) < 0 && errno == EINTR) {
        }
    }
    return n_calls;
}
