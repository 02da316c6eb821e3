/* SPDX-License-Identifier: MIT */
/*
 * One shelf after the other, evenly over a round. What the broker does not know is old enough to
 * have been committed long ago, and is looked at again under a lock before it goes.
 */
#include "broker/gateway/sweep.h"

#include <stdlib.h>

#include "common/log.h"
#include "common/text.h"

enum { HASHES_A_QUESTION = 1000, ANSWER_MS = 10000, LOOK_MS = 1000 };

struct sweep {
    struct gateway_parts *parts; /* borrowed */
    int64_t due_ms;
    unsigned shelf;
    uint8_t *hashes; /* owned; of the shelf that is being looked at */
    size_t n_hashes;
    size_t n_asked;
    uint64_t ask_id; /* 0: nothing is being asked */
};

bool sweep_open(struct sweep **sweep, struct gateway_parts *parts, struct err *err)
{
    struct sweep *opened = calloc(1, sizeof(*opened));

    if (opened == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for a sweep");
    }
    opened->parts = parts;
    *sweep = opened;
    return true;
}

void sweep_close(struct sweep **sweep)
{
    if (*sweep != NULL) {
        link_forget((*sweep)->parts->link, (*sweep)->ask_id);
        free((*sweep)->hashes);
        free(*sweep);
        *sweep = NULL;
    }
}

static void drop_shelf(struct sweep *sweep)
{
    free(sweep->hashes);
    sweep->hashes = NULL;
    sweep->n_hashes = 0;
    sweep->n_asked = 0;
}

/* Removes what is unknown of the hashes that were asked about. */
static void remove_unknown(struct sweep *sweep, struct wire_bytes are_known)
{
    const struct settings *settings = &sweep->parts->settings;
    size_t first = sweep->n_asked - are_known.size;

    for (size_t i = 0; i < are_known.size; i++) {
        const uint8_t *sha256 = sweep->hashes + (first + i) * SHA256_BYTES;
        char text[SHA256_HEX_SIZE];
        bool is_removed = false;
        struct err err;

        if (are_known.data[i] != 0) {
            continue;
        }
        hex_text(text, sha256, SHA256_BYTES);
        if (!blobs_remove(&is_removed, sweep->parts->blobs, sha256, settings->sweep.age_seconds,
                          &err)) {
            log_error("sweep", "error=%s", err.text);
        } else if (is_removed) {
            log_info("file without a submission removed", "sha256=%s", text);
        }
    }
}

static void on_known(void *context, const struct wire_message *reply)
{
    struct sweep *sweep = context;
    size_t n_before = sweep->n_asked > 0 ? (sweep->n_asked - 1) / HASHES_A_QUESTION : 0;
    size_t n_expected = sweep->n_asked - n_before * HASHES_A_QUESTION;

    sweep->ask_id = 0;
    if (reply == NULL || reply->type != WIRE_BLOBS || reply->blobs.are_known.size != n_expected) {
        log_warn("sweep", "text=\"the broker does not say which files are known\"");
        drop_shelf(sweep);
        return;
    }
    remove_unknown(sweep, reply->blobs.are_known);
    if (sweep->n_asked == sweep->n_hashes) {
        drop_shelf(sweep);
    }
}

/* Asks about the next hashes of the shelf. */
static void ask(struct sweep *sweep, int64_t now_ms)
{
    const struct link_times times = {.patience_ms = ANSWER_MS};
    const struct link_waiter waiter = {.on_reply = on_known, .context = sweep};
    struct wire_message message = {.type = WIRE_BLOBS_GET};
    size_t n = sweep->n_hashes - sweep->n_asked;
    struct err err;

    n = n < HASHES_A_QUESTION ? n : HASHES_A_QUESTION;
    message.blobs_get.hashes = (struct wire_bytes){
        .data = sweep->hashes + sweep->n_asked * SHA256_BYTES, .size = n * SHA256_BYTES};
    sweep->n_asked += n;
    if (!link_ask(&sweep->ask_id, sweep->parts->link, &message, times, waiter, now_ms, &err)) {
        log_error("sweep", "error=%s", err.text);
        drop_shelf(sweep);
    }
}

int64_t sweep_tick(struct sweep *sweep, int64_t now_ms)
{
    const struct settings *settings = &sweep->parts->settings;
    struct err err;

    if (settings->sweep.round_seconds == 0) {
        return -1;
    }
    if (sweep->ask_id != 0) {
        return now_ms + LOOK_MS;
    }
    if (sweep->n_hashes > 0) {
        ask(sweep, now_ms);
        return sweep->due_ms;
    }
    if (now_ms < sweep->due_ms) {
        return sweep->due_ms;
    }
    sweep->due_ms = now_ms + 1 + 1000 * settings->sweep.round_seconds / BLOBS_SHELVES;
    blobs_sweep_parts(sweep->parts->blobs, settings->sweep.part_seconds);
    if (!blobs_list(&sweep->hashes, &sweep->n_hashes, sweep->parts->blobs, sweep->shelf++,
                    settings->sweep.age_seconds, &err)) {
        log_error("sweep", "error=%s", err.text);
        drop_shelf(sweep);
    } else if (sweep->n_hashes > 0) {
        ask(sweep, now_ms);
    }
    return sweep->due_ms;
}
