/* SPDX-License-Identifier: MIT */
/*
 * CURVE keys as files. See the header.
 */
#include "common/curve.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/crypt.h"
#include "common/file.h"
#include "common/keyfile.h"
#include "common/log.h"

static_assert(CURVE_TEXT_SIZE == CRYPT_BASE64_SIZE(CHANNEL_KEY_BYTES), "size of a key's text");
static_assert((int)KEYFILE_BYTES == (int)CHANNEL_KEY_BYTES, "size of a key");

enum { PATH_SIZE = 4096 };

void curve_text(char text[static CURVE_TEXT_SIZE], const uint8_t key[static CHANNEL_KEY_BYTES])
{
    crypt_base64(text, CURVE_TEXT_SIZE, key, CHANNEL_KEY_BYTES);
}

bool curve_read(uint8_t key[static CHANNEL_KEY_BYTES], const char *text, struct err *err)
{
    return crypt_base64_read(key, CHANNEL_KEY_BYTES, text, strlen(text), err);
}

static bool write_public(const struct channel_curve *curve, const char *folder, struct err *err)
{
    char path[PATH_SIZE];
    char text[CURVE_TEXT_SIZE + 1];
    struct bytes found = {0};
    struct err ignored;

    if (!path_join(path, sizeof(path), folder, "curve.pub", err)) {
        return false;
    }
    curve_text(text, curve->public_key);
    log_info("curve", "public_key=%s", text);
    text[CURVE_TEXT_SIZE - 1] = '\n';
    bool is_there = file_read(&found, path, CURVE_TEXT_SIZE, &ignored) &&
                    found.size_bytes == CURVE_TEXT_SIZE &&
                    memcmp(found.data, text, CURVE_TEXT_SIZE) == 0;
    bytes_free(&found);
    return is_there || file_write_durable(path, text, CURVE_TEXT_SIZE, 0644, err);
}

bool curve_keys_open(struct channel_curve *curve, const char *folder, struct err *err)
{
    if (!crypt_start(err) || !keyfile_open(curve->secret_key, folder, "curve.key", err)) {
        return false;
    }
    crypt_curve_public(curve->public_key, curve->secret_key);
    return write_public(curve, folder, err);
}

bool curve_client_open(struct curve_client *client, const char *endpoint, const char *folder,
                       const char *server_key, struct err *err)
{
    struct err reason;

    *client = (struct curve_client){.is_needed = channel_needs_curve(endpoint)};
    if (!client->is_needed) {
        return true;
    }
    if (folder[0] == '\0' || server_key[0] == '\0') {
        return err_set(err, ERR_CONFIG,
                       "%s is on the network: keys and broker_key are needed to reach it",
                       endpoint);
    }
    if (!curve_read(client->curve.server_key, server_key, &reason)) {
        return err_set(err, ERR_CONFIG, "broker_key '%s' is no key: %s", server_key, reason.text);
    }
    return curve_keys_open(&client->curve, folder, err);
}

bool curve_client_connect(struct channel **channel, struct channel_context *context,
                          enum channel_kind kind, const char *endpoint, size_t frame_max,
                          const struct curve_client *client, struct err *err)
{
    if (!client->is_needed) {
        return channel_open(channel, context, kind, endpoint, frame_max, err);
    }
    return channel_open_curve(channel, context, kind, endpoint, frame_max, &client->curve, err);
}
