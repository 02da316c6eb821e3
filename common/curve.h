/* SPDX-License-Identifier: MIT */
/*
 * CURVE keys of a process as files: FOLDER/curve.key (0600), made at the first start, and beside it
 * FOLDER/curve.pub, the public part as one line of base64, which the other end is configured with.
 */
#pragma once

#include "common/channel.h"

/* Room for a public key's text with its NUL. */
enum { CURVE_TEXT_SIZE = 45 };

void curve_text(char text[static CURVE_TEXT_SIZE], const uint8_t key[static CHANNEL_KEY_BYTES]);

/* Reads what curve_text writes. Errors: ERR_INPUT. */
MUST_CHECK bool curve_read(uint8_t key[static CHANNEL_KEY_BYTES], const char *text,
                           struct err *err);

/*
 * Reads or makes the keys of this process; logs the public one.
 *
 *   curve  out, secret_key and public_key
 *
 * Errors   ERR_SYSTEM, ERR_LIMIT, ERR_CONFIG, as keyfile_open
 */
MUST_CHECK bool curve_keys_open(struct channel_curve *curve, const char *folder, struct err *err);

/* What a connecting process needs, before it locks itself in. */
struct curve_client {
    bool is_needed; /* false: its endpoints stay within the machine */
    struct channel_curve curve;
};

/*
 * Opens what `endpoint` needs: nothing for ipc, keys for tcp.
 *
 *   folder      of the process's keys
 *   server_key  the text of the other end's public key, "" where none was configured
 *
 * Errors   ERR_CONFIG  the endpoint is tcp, and folder or server_key is missing or wrong
 *          ERR_SYSTEM  as keyfile_open
 */
MUST_CHECK bool curve_client_open(struct curve_client *client, const char *endpoint,
                                  const char *folder, const char *server_key, struct err *err);

/* Connects, with CURVE where it is needed. Errors: as channel_open_curve. */
MUST_CHECK bool curve_client_connect(struct channel **channel, struct channel_context *context,
                                     enum channel_kind kind, const char *endpoint, size_t frame_max,
                                     const struct curve_client *client, struct err *err);
