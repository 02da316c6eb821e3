/* SPDX-License-Identifier: MIT */
/*
 * The listening socket of the HTTP server, by numeric address only: no name is looked up.
 */
#pragma once

#include "common/err.h"

enum { LISTEN_ADDRESS_SIZE = 96 };

/*
 * Opens a socket that listens and does not block.
 *
 *   fd       out, owned by the caller
 *   address  out, "http://127.0.0.1:8080" with the port that was picked
 *   where    "127.0.0.1:8080" or "[::1]:8080"; port 0 picks one
 *
 * Errors   ERR_CONFIG  no such address, or it cannot be bound
 *          ERR_SYSTEM  the system refused
 */
MUST_CHECK bool listen_open(int *fd, char address[static LISTEN_ADDRESS_SIZE], const char *where,
                            struct err *err);
