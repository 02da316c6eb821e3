/* SPDX-License-Identifier: MIT */
/*
 * The ZAP handler. See the header. The thread and its callers share the table under one lock, held
 * for a walk over at most PEERS_MAX keys.
 */
#include "common/guard.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/crypt.h"
#include "common/curve.h"
#include "common/file.h"
#include "common/log.h"
#include "common/text.h"

enum {
    PEERS_MAX = 1024,
    ROLE_SIZE = 16,
    FILE_BYTES_MAX = 256 << 10,
    PROVE_MS = 10000,
    PROVE_LOOK_MS = 10,
    PROVE_LOOKS = 10, /* after the last refusal */
    N_PROBES = 2,
    N_REQUEST_PARTS = 7,
    N_REPLY_PARTS = 6,
    LAST_LOGGED = 16,
};

/* The parts of a request that matter here. */
enum { PART_VERSION, PART_REQUEST, PART_DOMAIN, PART_ADDRESS, PART_MECHANISM = 5, PART_KEY };

struct guard_peer {
    char role[ROLE_SIZE];
    char name[GUARD_NAME_SIZE];
    uint8_t key[CHANNEL_KEY_BYTES];
};

struct table {
    size_t n_peers;
    struct guard_peer peers[PEERS_MAX];
};

struct guard {
    char path[4096];
    struct stat seen; /* of the file, when it was read */
    struct channel *zap;
    pthread_t thread;
    bool is_started;
    int stop_fd;
    pthread_mutex_t lock; /* of what follows */
    struct table *table;  /* owned */
    uint8_t refused[LAST_LOGGED][CHANNEL_KEY_BYTES];
    size_t next_refused;
    uint8_t probe[CHANNEL_KEY_BYTES]; /* of guard_prove */
    bool has_probe;
    unsigned n_probe_refusals;
};

/* ---- the file ---- */

static bool is_name(const char *text)
{
    return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(text);
}

static bool read_line(struct table *table, char *line, struct err *err)
{
    char *rest = NULL;
    line[strcspn(line, "#")] = '\0';
    char *role = strtok_r(line, " \t\r", &rest);
    char *name = strtok_r(NULL, " \t\r", &rest);
    char *key = strtok_r(NULL, " \t\r", &rest);

    if (role == NULL) {
        return true;
    }
    if (name == NULL || key == NULL || strtok_r(NULL, " \t\r", &rest) != NULL) {
        return err_set(err, ERR_CONFIG, "expected: worker|gateway NAME PUBLIC_KEY");
    }
    if (strcmp(role, "worker") != 0 && strcmp(role, "gateway") != 0) {
        return err_set(err, ERR_CONFIG, "'%.20s' is no role: worker or gateway", role);
    }
    if (!is_name(name) || strlen(name) >= GUARD_NAME_SIZE) {
        return err_set(err, ERR_CONFIG, "'%.70s' is no name: a-z, 0-9 and - are allowed", name);
    }
    if (table->n_peers == PEERS_MAX) {
        return err_set(err, ERR_CONFIG, "more than %d keys", PEERS_MAX);
    }
    struct guard_peer *peer = &table->peers[table->n_peers++];
    snprintf(peer->role, sizeof(peer->role), "%s", role);
    snprintf(peer->name, sizeof(peer->name), "%s", name);
    return curve_read(peer->key, key, err);
}

static bool read_lines(struct table *table, const char *path, char *text, struct err *err)
{
    char *rest = text;
    unsigned number = 0;
    struct err reason;

    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        number++;
        if (!read_line(table, line, &reason)) {
            return err_set(err, ERR_CONFIG, "%s:%u: %s", path, number, reason.text);
        }
    }
    return true;
}

/* An absent file is an empty table. */
static bool read_table(struct table **table, struct stat *seen, const char *path, struct err *err)
{
    struct bytes text = {0};
    struct table *made = calloc(1, sizeof(*made));
    bool ok = false;

    if (made == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for the allowed keys");
    }
    memset(seen, 0, sizeof(*seen));
    if (stat(path, seen) == 0) {
        if ((seen->st_mode & (S_IWGRP | S_IWOTH)) != 0) {
            err_set(err, ERR_CONFIG, "%s may be written by others than its owner", path);
            goto out;
        }
        if (!file_read(&text, path, FILE_BYTES_MAX, err) ||
            !read_lines(made, path, (char *)text.data, err)) {
            goto out;
        }
    } else if (errno != ENOENT) {
        err_set(err, ERR_SYSTEM, "stat %s: %s", path, strerror(errno));
        goto out;
    }
    *table = made;
    made = NULL;
    ok = true;
out:
    bytes_free(&text);
    free(made);
    return ok;
}

static bool is_unchanged(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

void guard_refresh(struct guard *guard)
{
    struct stat now;
    struct table *table = NULL;
    struct err err;

    if (stat(guard->path, &now) < 0) {
        memset(&now, 0, sizeof(now));
    }
    if (is_unchanged(&now, &guard->seen)) {
        return;
    }
    if (!read_table(&table, &guard->seen, guard->path, &err)) {
        log_error("allowed keys not read", "kept=\"as they were\" text=\"%s\"", err.text);
        return;
    }
    log_info("allowed keys read", "path=%s keys=%zu", guard->path, table->n_peers);
    pthread_mutex_lock(&guard->lock);
    struct table *old = guard->table;
    guard->table = table;
    guard->next_refused = 0;
    memset(guard->refused, 0, sizeof(guard->refused));
    pthread_mutex_unlock(&guard->lock);
    free(old);
}

/* ---- the table ---- */

/* Under the lock. */
static const struct guard_peer *find_key(const struct guard *guard, const char *role,
                                         const uint8_t key[static CHANNEL_KEY_BYTES])
{
    for (size_t i = 0; i < guard->table->n_peers; i++) {
        const struct guard_peer *peer = &guard->table->peers[i];
        if (strcmp(peer->role, role) == 0 && memcmp(peer->key, key, CHANNEL_KEY_BYTES) == 0) {
            return peer;
        }
    }
    return NULL;
}

bool guard_find(char name[static GUARD_NAME_SIZE], struct guard *guard, const char *role,
                const char *user)
{
    uint8_t key[CHANNEL_KEY_BYTES];
    struct err ignored;

    if (!curve_read(key, user, &ignored)) {
        return false;
    }
    pthread_mutex_lock(&guard->lock);
    const struct guard_peer *peer = find_key(guard, role, key);
    if (peer != NULL) {
        memcpy(name, peer->name, GUARD_NAME_SIZE);
    }
    pthread_mutex_unlock(&guard->lock);
    return peer != NULL;
}

/* A peer that is refused tries again each second: its key is logged once. Under the lock. */
static bool is_new_refusal(struct guard *guard, const uint8_t key[static CHANNEL_KEY_BYTES])
{
    for (size_t i = 0; i < LAST_LOGGED; i++) {
        if (memcmp(guard->refused[i], key, CHANNEL_KEY_BYTES) == 0) {
            return false;
        }
    }
    memcpy(guard->refused[guard->next_refused++ % LAST_LOGGED], key, CHANNEL_KEY_BYTES);
    return true;
}

static void note_refusal(struct guard *guard, const struct channel_part *parts,
                         const uint8_t key[static CHANNEL_KEY_BYTES], const char *role)
{
    char text[CURVE_TEXT_SIZE];
    bool is_probe = guard->has_probe && memcmp(guard->probe, key, CHANNEL_KEY_BYTES) == 0;

    if (is_probe) {
        guard->n_probe_refusals++;
    } else if (is_new_refusal(guard, key)) {
        curve_text(text, key);
        log_warn("peer refused", "role=%s public_key=%s address=%.*s", role, text,
                 (int)parts[PART_ADDRESS].size, (const char *)parts[PART_ADDRESS].data);
    }
}

/* ---- the thread ---- */

static void set_part(struct channel_part *part, const char *text)
{
    part->size = strlen(text);
    memcpy(part->data, text, part->size);
}

static bool is_text(const struct channel_part *part, const char *text)
{
    return part->size == strlen(text) && memcmp(part->data, text, part->size) == 0;
}

/* Whether the sender of the request may connect; its key's text is its user id. */
static bool is_allowed(struct guard *guard, const struct channel_part *parts,
                       char user[static CURVE_TEXT_SIZE])
{
    char role[CHANNEL_PART_MAX + 1];

    if (!is_text(&parts[PART_VERSION], "1.0") || !is_text(&parts[PART_MECHANISM], "CURVE") ||
        parts[PART_KEY].size != CHANNEL_KEY_BYTES) {
        return false;
    }
    memcpy(role, parts[PART_DOMAIN].data, parts[PART_DOMAIN].size);
    role[parts[PART_DOMAIN].size] = '\0';
    pthread_mutex_lock(&guard->lock);
    bool is_known = find_key(guard, role, parts[PART_KEY].data) != NULL;
    if (is_known) {
        curve_text(user, parts[PART_KEY].data);
    } else {
        note_refusal(guard, parts, parts[PART_KEY].data, role);
    }
    pthread_mutex_unlock(&guard->lock);
    return is_known;
}

static void answer(struct guard *guard)
{
    struct channel_part parts[N_REQUEST_PARTS] = {0};
    struct channel_part reply[N_REPLY_PARTS] = {0};
    char user[CURVE_TEXT_SIZE] = "";
    enum channel_outcome outcome = channel_receive_parts(guard->zap, parts, N_REQUEST_PARTS);

    if (outcome == CHANNEL_EMPTY) {
        return;
    }
    bool is_let_in = outcome == CHANNEL_DONE && is_allowed(guard, parts, user);
    set_part(&reply[0], "1.0");
    reply[1] = parts[PART_REQUEST];
    /* 300 closes without a word, after which the peer tries again and gets in once it is allowed;
     * 400 would make its library give up for good */
    set_part(&reply[2], is_let_in ? "200" : "300");
    set_part(&reply[3], is_let_in ? "OK" : "not allowed");
    set_part(&reply[4], user);
    if (channel_send_parts(guard->zap, reply, N_REPLY_PARTS) != CHANNEL_DONE) {
        log_warn("peer not answered", "reason=\"it is gone\"");
    }
}

static void *run(void *context)
{
    struct guard *guard = context;
    struct err err;

    for (;;) {
        struct channel_wait waits[] = {{.channel = guard->zap}, {.fd = guard->stop_fd}};
        if (!channel_wait(waits, ARRAY_SIZE(waits), -1, &err)) {
            log_error("nobody can connect any more", "text=\"%s\"", err.text);
            return NULL;
        }
        if (waits[1].is_ready) {
            return NULL;
        }
        answer(guard);
    }
}

bool guard_open(struct guard **guard, struct channel_context *context, const char *path,
                struct err *err)
{
    struct guard *opened = calloc(1, sizeof(*opened));

    if (opened == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for a guard");
    }
    pthread_mutex_init(&opened->lock, NULL);
    opened->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (opened->stop_fd < 0) {
        err_set(err, ERR_SYSTEM, "eventfd: %s", strerror(errno));
        goto fail;
    }
    if (!text_copy(opened->path, sizeof(opened->path), path, err) ||
        !read_table(&opened->table, &opened->seen, path, err) ||
        !channel_open(&opened->zap, context, CHANNEL_ZAP, "inproc://zeromq.zap.01",
                      CHANNEL_PART_MAX, err)) {
        goto fail;
    }
    int status = pthread_create(&opened->thread, NULL, run, opened);
    if (status != 0) {
        err_set(err, ERR_SYSTEM, "no thread for the guard: %s", strerror(status));
        goto fail;
    }
    opened->is_started = true;
    *guard = opened;
    return true;
fail:
    guard_close(&opened);
    return false;
}

void guard_close(struct guard **guard)
{
    struct guard *closed = *guard;

    if (closed == NULL) {
        return;
    }
    if (closed->is_started) {
        (void)eventfd_write(closed->stop_fd, 1); /* cannot fill up */
        pthread_join(closed->thread, NULL);
    }
    channel_close(&closed->zap);
    if (closed->stop_fd >= 0) {
        close(closed->stop_fd);
    }
    pthread_mutex_destroy(&closed->lock);
    free(closed->table);
    free(closed);
    *guard = NULL;
}

/* ---- the proof ---- */

static unsigned probe_refusals(struct guard *guard)
{
    pthread_mutex_lock(&guard->lock);
    unsigned n_refusals = guard->n_probe_refusals;
    pthread_mutex_unlock(&guard->lock);
    return n_refusals;
}

static void set_probe(struct guard *guard, const uint8_t *key)
{
    pthread_mutex_lock(&guard->lock);
    guard->has_probe = key != NULL;
    guard->n_probe_refusals = 0;
    if (key != NULL) {
        memcpy(guard->probe, key, CHANNEL_KEY_BYTES);
    }
    pthread_mutex_unlock(&guard->lock);
}

/* A dealer can send only when its handshake is done. */
static bool wait_for_refusals(struct guard *guard, struct channel *const *channels,
                              const char *endpoint, struct err *err)
{
    int64_t until_ms = time_boot_ms() + PROVE_MS;

    for (int n_looks = 0; n_looks < PROVE_LOOKS;) {
        for (int i = 0; i < N_PROBES; i++) {
            if (channel_send(channels[i], NULL, "", 0) == CHANNEL_DONE) {
                return err_set(err, ERR_CONFIG, "%s lets in a key that nobody allowed", endpoint);
            }
        }
        if (probe_refusals(guard) >= N_PROBES) {
            n_looks++;
        } else if (time_boot_ms() > until_ms) {
            return err_set(err, ERR_CONFIG, "%s was not seen to refuse an unknown key", endpoint);
        }
        if (!channel_wait(NULL, 0, PROVE_LOOK_MS, err)) {
            return false;
        }
    }
    return true;
}

bool guard_prove(struct guard *guard, struct channel_context *context, const char *endpoint,
                 const uint8_t server_key[static CHANNEL_KEY_BYTES], struct err *err)
{
    struct channel_curve curve;
    struct channel *channels[N_PROBES] = {NULL};
    bool ok = true;

    crypt_random(curve.secret_key, sizeof(curve.secret_key));
    crypt_curve_public(curve.public_key, curve.secret_key);
    memcpy(curve.server_key, server_key, sizeof(curve.server_key));
    set_probe(guard, curve.public_key);
    for (int i = 0; i < N_PROBES && ok; i++) {
        ok = channel_open_curve(&channels[i], context, CHANNEL_DEALER, endpoint, CHANNEL_PART_MAX,
                                &curve, err);
    }
    ok = ok && wait_for_refusals(guard, channels, endpoint, err);
    for (int i = 0; i < N_PROBES; i++) {
        channel_close(&channels[i]);
    }
    set_probe(guard, NULL);
    return ok;
}
