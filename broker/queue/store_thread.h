/* SPDX-License-Identifier: MIT */
/*
 * The one thread that writes: it takes the calls that wait, up to a batch, and commits them
 * together. It never waits for more, so that a lone call costs one sync and a crowd shares it.
 */
#pragma once

#include "broker/store/store.h"
#include "common/err.h"

enum { STORE_BATCH_MAX = 256 };

struct store_thread;

/*
 * Starts the thread.
 *
 *   store  borrowed, and the thread's alone until store_thread_close
 *
 * Errors   ERR_SYSTEM
 * Owns     *thread is owned by the caller; end it with store_thread_close
 */
MUST_CHECK bool store_thread_open(struct store_thread **thread, struct store *store,
                                  struct err *err);

/* Ends the thread; every call must have been taken back before. */
void store_thread_close(struct store_thread **thread);

/* Gives it calls, in their order. Errors: ERR_SYSTEM (no memory; none was given). */
MUST_CHECK bool store_thread_give(struct store_thread *thread, struct store_call *call,
                                  struct err *err);

/* Batches that were run since the start. */
uint64_t store_thread_batches(struct store_thread *thread);

/* Readable when calls can be taken back. */
int store_thread_fd(const struct store_thread *thread);

/*
 * Takes back what is committed, in the order it was given: up to STORE_BATCH_MAX calls.
 */
size_t store_thread_take(struct store_thread *thread,
                         struct store_call *calls[static STORE_BATCH_MAX]);
