/* SPDX-License-Identifier: MIT */
/*
 * The real driver of the core: ZeroMQ sockets, the store's thread, the clocks. It never blocks on a
 * send: what cannot be sent is dropped, because its receiver asks again.
 */
#pragma once

#include "broker/queue/config.h"
#include "common/err.h"

struct loop;

/*
 * Opens keys, store and sockets; makes what the first start makes (master key, organizer's token)
 * and writes the public key file.
 *
 * Errors   ERR_CONFIG  an endpoint cannot be used, another broker runs, or the master key is gone
 *          ERR_STORE, ERR_SYSTEM
 * Owns     *loop is owned by the caller; end it with loop_close. The config is borrowed.
 */
MUST_CHECK bool loop_open(struct loop **loop, const struct broker_config *config, struct err *err);
void loop_close(struct loop **loop);

/*
 * Answers until `signal_fd` becomes readable; then finishes what the store has begun.
 *
 * Errors   ERR_SYSTEM
 */
MUST_CHECK bool loop_run(struct loop *loop, int signal_fd, struct err *err);
