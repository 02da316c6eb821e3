/* SPDX-License-Identifier: MIT */
/*
 * The gateway process behind its main: HTTP on one side, the broker on the other, one thread and
 * one loop; only the syncs of uploads run beside it. It holds no key and no label; what it keeps in
 * memory may be lost at any time.
 */
#pragma once

#include "broker/gateway/settings.h"

struct gateway;

/*
 * Opens everything and writes the address file.
 *
 * Errors   ERR_CONFIG  an address or endpoint cannot be used
 *          ERR_STORE   the blob folder cannot be used
 *          ERR_SYSTEM  the system refused
 * Owns     *gateway is owned by the caller; end it with gateway_close
 */
MUST_CHECK bool gateway_open(struct gateway **gateway, const struct settings *settings,
                             struct err *err);
void gateway_close(struct gateway **gateway);

/* Serves until SIGTERM or SIGINT. Errors: ERR_SYSTEM. */
MUST_CHECK bool gateway_run(struct gateway *gateway, struct err *err);
