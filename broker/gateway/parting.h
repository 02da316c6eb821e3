/* SPDX-License-Identifier: MIT */
/*
 * Connections that were answered before their body was read. Closed at once, the kernel would
 * reset them and the client might never see the answer: so what it still sends is read and thrown
 * away for a few seconds, and up to a number of bytes.
 */
#pragma once

#include "common/err.h"

struct parting;

/* Errors: ERR_SYSTEM. Owns: *parting is owned by the caller; end it with parting_close. */
MUST_CHECK bool parting_open(struct parting **parting, struct err *err);

/* Also closes the connections. */
void parting_close(struct parting **parting);

/* A descriptor that is readable when parting_run has something to read. */
int parting_descriptor(const struct parting *parting);

/* Keeps the connection of this socket open, through a descriptor of its own. */
void parting_add(struct parting *parting, int socket_fd, int64_t now_ms);

/* Reads without waiting; returns when to call again at the latest, -1 for never. */
int64_t parting_run(struct parting *parting, int64_t now_ms);
