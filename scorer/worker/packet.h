/* SPDX-License-Identifier: MIT */
/*
 * What the processes of one worker say to each other over a socketpair: a wire frame, which may be
 * empty, and up to two file descriptors. A transfer that has begun ends within
 * PACKET_PATIENCE_MS, so that a peer that stands still cannot hold the other.
 */
#pragma once

#include "common/err.h"

#include <stddef.h>

enum { PACKET_FDS_MAX = 2, PACKET_PATIENCE_MS = 5000 };

/* A received packet; {0} … packet_free. Reused by the next receive. */
struct packet {
    unsigned char *data; /* owned; the frame */
    size_t size;
    size_t capacity;
    int fds[PACKET_FDS_MAX]; /* owned; a taken one is set to -1 */
    size_t n_fds;
};

enum packet_outcome {
    PACKET_DONE,
    PACKET_CLOSED, /* the peer ended, or broke the form or the time: its reason is in err */
};

/* Closes the descriptors that were not taken. */
void packet_close_fds(struct packet *packet);
void packet_free(struct packet *packet);

/* Takes a descriptor out of a packet: it is then the caller's. -1 where there is none. */
int packet_take_fd(struct packet *packet, size_t index);

/*
 * Makes the two ends. Errors: ERR_SYSTEM. Owns: both ends are the caller's.
 */
MUST_CHECK bool packet_pair(int ends[static 2], struct err *err);

/*
 * Sends one packet; waits at most PACKET_PATIENCE_MS for room.
 *
 *   fds   sent as copies; the caller keeps its own
 *
 * Errors   ERR_PEER  the peer ended or does not read
 */
MUST_CHECK bool packet_send(int socket, const void *frame, size_t size, const int *fds,
                            size_t n_fds, struct err *err);

/*
 * Receives one packet, whose beginning should be there already (poll first).
 *
 *   packet   in and out: its old contents end
 *   err      set with PACKET_CLOSED: ERR_PEER, or ERR_SYSTEM without memory
 */
MUST_CHECK enum packet_outcome packet_receive(struct packet *packet, int socket, struct err *err);
