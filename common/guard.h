/* SPDX-License-Identifier: MIT */
/*
 * Who may connect over TCP: the ZAP handler (RFC 27) of a process, answered by a thread of its own
 * from a table in memory, never from a database: it stands in the way of every handshake. The table
 * is a file, "ROLE NAME PUBLIC_KEY" a line, '#' begins a comment:
 *
 *   worker  gpu-1   vPRPd/X0nfPYC1u7vBXgPDzcxQ0bcfQ8dRWtKlPfVyI=
 *
 * A socket's domain is the role its peers must have. A peer whose key is not there is refused, and
 * so is everybody when the thread is gone: the sockets enforce that they are asked about. The
 * library cannot drop a peer that is in, so that every message is checked against the table again.
 */
#pragma once

#include "common/channel.h"

enum { GUARD_NAME_SIZE = 65 };

struct guard;

/*
 * Reads the table and starts the thread. To be opened before the first CURVE socket of the context,
 * and closed after the last.
 *
 * Errors   ERR_CONFIG  the file has a line that is none, or others than its owner may write it
 *          ERR_SYSTEM  it cannot be read, or there is no thread
 * Owns     *guard is owned by the caller; end it with guard_close
 */
MUST_CHECK bool guard_open(struct guard **guard, struct channel_context *context, const char *path,
                           struct err *err);
void guard_close(struct guard **guard);

/*
 * Reads the table again where the file has changed: to be called once a second. A file that is gone
 * allows nobody; one that is wrong leaves the table as it was and is logged.
 */
void guard_refresh(struct guard *guard);

/*
 * The name of a message's sender, as the table has it now; false where its key is not allowed in
 * this role any more.
 *
 *   user  what channel_user says
 */
MUST_CHECK bool guard_find(char name[static GUARD_NAME_SIZE], struct guard *guard, const char *role,
                           const char *user);

/*
 * Proves that a bound socket refuses: connects twice with a random key, waits until both were
 * refused, and sees that neither can send for a while after that.
 *
 *   endpoint    as channel_endpoint says
 *   server_key  the socket's public key
 *
 * Errors   ERR_CONFIG  the key was let in, or was not asked about within ten seconds
 *          ERR_SYSTEM
 */
MUST_CHECK bool guard_prove(struct guard *guard, struct channel_context *context,
                            const char *endpoint,
                            const uint8_t server_key[static CHANNEL_KEY_BYTES], struct err *err);
