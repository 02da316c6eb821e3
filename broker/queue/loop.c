/* SPDX-License-Identifier: MIT */
/*
 * One round: wait, take frames and finished calls, give each to the core, carry out its effects.
 * The store's thread commits the next batch meanwhile, and receipts are signed here. See the
 * header.
 */
#include "broker/queue/loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "broker/queue/backups.h"
#include "broker/queue/core.h"
#include "broker/queue/doors.h"
#include "broker/queue/store_thread.h"
#include "common/channel.h"
#include "common/crashpoint.h"
#include "common/crypt.h"
#include "common/daemon.h"
#include "common/file.h"
#include "common/log.h"
#include "common/text.h"

enum {
    TICK_MS = 100,
    SECOND_MS = 1000,
    TOKEN_FILE_MODE = 0600,
    KEY_FILE_MODE = 0644,
};

struct loop {
    const struct broker_config *config;
    struct ledger_keys keys;
    struct store *store;
    struct store_thread *thread;
    struct core *core;
    struct doors *doors;
    struct backups *backups;
    enum core_side side; /* whose frames are being taken */
    size_t n_given;      /* calls that the store's thread has */
    int64_t tick_boot_ms;
    int64_t second_boot_ms;
};

/* ---- time and random bytes ---- */

struct moment {
    struct core_now now;
    uint8_t random[CORE_RANDOM_BYTES];
};

static const struct core_now *moment_now(struct moment *moment)
{
    crypt_random(moment->random, sizeof(moment->random));
    moment->now = (struct core_now){
        .wall_ms = time_wall_ms(), .boot_ms = time_boot_ms(), .random = moment->random};
    return &moment->now;
}

/* ---- effects ---- */

/* Sends; true where the frame was a job whose peer is gone. */
static bool send_is_lost(struct loop *loop, const struct core_effect *effect)
{
    enum channel_outcome outcome =
        doors_send(loop->doors, &effect->peer, effect->frame.data, effect->frame.size);

    if (outcome != CHANNEL_DONE) {
        log_debug("answer dropped", "side=%d outcome=%d", effect->side, outcome);
    }
    return outcome != CHANNEL_DONE && effect->job != 0;
}

static void give(struct loop *loop, struct store_call *call)
{
    struct err err;

    if (!store_thread_give(loop->thread, call, &err)) {
        log_error("store", "text=\"%s\"", err.text);
        abort(); /* without room for a pointer nothing can be kept going */
    }
    loop->n_given++;
}

struct lost_job {
    int64_t job;
    int64_t fence;
};

/* Carries out what the core wants; at most `n_max` lost jobs are told, the rest wait for their
 * leases. */
static size_t carry_out(struct loop *loop, struct lost_job *lost, size_t n_max)
{
    size_t n_effects;
    size_t n_lost = 0;
    const struct core_effect *effects = core_effects(loop->core, &n_effects);

    for (size_t i = 0; i < n_effects; i++) {
        const struct core_effect *effect = &effects[i];
        switch (effect->kind) {
        case EFFECT_SEND:
            if (send_is_lost(loop, effect) && n_lost < n_max) {
                lost[n_lost++] = (struct lost_job){effect->job, effect->fence};
            }
            break;
        case EFFECT_PUBLISH:
            doors_publish(loop->doors, effect->frame.data, effect->frame.size);
            break;
        case EFFECT_STORE:
            give(loop, effect->call);
            break;
        case EFFECT_WARN:
            log_warn("broker", "%s", (const char *)effect->frame.data);
            break;
        case EFFECT_BACKUP:
            backups_start(loop->backups, (const char *)effect->frame.data);
            break;
        }
    }
    core_effects_clear(loop->core);
    return n_lost;
}

static void settle(struct loop *loop)
{
    struct lost_job lost[64];
    struct moment moment;
    size_t n_lost;

    while ((n_lost = carry_out(loop, lost, ARRAY_SIZE(lost))) > 0) {
        for (size_t i = 0; i < n_lost; i++) {
            core_unsent(loop->core, lost[i].job, lost[i].fence, moment_now(&moment));
        }
    }
}

/* ---- events ---- */

static void take_frame(void *context, const struct doors_frame *frame)
{
    struct loop *loop = context;
    struct moment moment;

    core_frame_named(loop->core, loop->side, &frame->peer, frame->name, frame->data, frame->size,
                     moment_now(&moment));
    settle(loop);
}

static void take_frames(struct loop *loop, enum core_side side)
{
    loop->side = side;
    doors_take(loop->doors, side, take_frame, loop);
}

static void take_calls(struct loop *loop)
{
    struct store_call *calls[STORE_BATCH_MAX];
    struct moment moment;
    size_t n_calls = store_thread_take(loop->thread, calls);

    for (size_t i = 0; i < n_calls; i++) {
        loop->n_given--;
        core_stored(loop->core, calls[i], moment_now(&moment));
        settle(loop);
    }
}

static void take_backup(struct loop *loop)
{
    struct backups_result result;
    struct moment moment;

    if (backups_take(loop->backups, &result)) {
        log_info("backup", "is_made=%d bytes=%lld", result.is_made, (long long)result.size_bytes);
        core_backed_up(loop->core, result.size_bytes, result.is_made ? NULL : result.err.text,
                       moment_now(&moment));
        settle(loop);
    }
}

static void measure_disk(struct loop *loop)
{
    struct statvfs info;
    char folder[BROKER_PATH_SIZE];
    struct err err;

    if (path_folder(folder, sizeof(folder), loop->config->database, &err) &&
        statvfs(folder, &info) == 0) {
        core_disk_free(loop->core, (int64_t)(info.f_bavail * info.f_frsize));
    }
}

static void tick(struct loop *loop)
{
    int64_t boot_ms = time_boot_ms();
    struct moment moment;

    if (boot_ms >= loop->second_boot_ms) {
        loop->second_boot_ms = boot_ms + SECOND_MS;
        measure_disk(loop);
        core_memory_used(loop->core, daemon_memory_bytes());
        core_commits(loop->core, store_thread_batches(loop->thread));
        doors_refresh(loop->doors);
    }
    if (boot_ms >= loop->tick_boot_ms) {
        loop->tick_boot_ms = boot_ms + TICK_MS;
        core_tick(loop->core, moment_now(&moment));
        settle(loop);
    }
}

/* What the store has begun is finished and answered, nothing new is taken. */
static bool finish(struct loop *loop, struct err *err)
{
    while (loop->n_given > 0) {
        struct channel_wait wait = {.fd = store_thread_fd(loop->thread)};
        if (!channel_wait(&wait, 1, TICK_MS, err)) {
            return false;
        }
        take_calls(loop);
    }
    return true;
}

bool loop_run(struct loop *loop, int signal_fd, struct err *err)
{
    for (;;) {
        struct channel_wait waits[3 + DOORS_MAX] = {{.fd = signal_fd},
                                                    {.fd = store_thread_fd(loop->thread)},
                                                    {.fd = backups_descriptor(loop->backups)}};
        size_t n_waits = 3 + doors_waits(loop->doors, waits + 3);
        if (!channel_wait(waits, n_waits, TICK_MS, err)) {
            return false;
        }
        if (waits[0].is_ready) {
            log_info("stopping", "pending=%zu", loop->n_given);
            return finish(loop, err);
        }
        take_calls(loop);
        take_backup(loop);
        take_frames(loop, CORE_WORKERS);
        take_frames(loop, CORE_GATEWAYS);
        tick(loop);
    }
}

/* ---- opening ---- */

/* The organizer's token, once: the file is there before the store knows its hash. */
static bool make_organizer(struct loop *loop, struct err *err)
{
    struct store_call call = {.kind = CALL_ORGANIZER_PUT};
    struct store_call *calls[] = {&call};
    struct store_organizer_put *put = &call.organizer_put;
    uint8_t random[CORE_RANDOM_BYTES];
    struct token token;
    char text[TOKEN_SIZE + 1];
    bool has_one;

    if (!store_has_organizer(loop->store, &has_one, err)) {
        return false;
    }
    if (has_one) {
        return true;
    }
    crypt_random(random, sizeof(random));
    token_make(&token, random);
    token_text(text, &token);
    memcpy(put->token_id, token.id, sizeof(put->token_id));
    token_hash(put->token_hash, &token, loop->keys.pepper);
    put->now_ms = time_wall_ms();
    text[TOKEN_SIZE - 1] = '\n';
    bool ok =
        file_write_durable(loop->config->organizer_token, text, TOKEN_SIZE, TOKEN_FILE_MODE, err);
    crypt_wipe(&token, sizeof(token));
    crypt_wipe(random, sizeof(random));
    crypt_wipe(text, sizeof(text));
    if (!ok) {
        return false;
    }
    CRASHPOINT("organizer's token written, not stored");
    store_batch(loop->store, calls, 1);
    return put->outcome == STORE_DONE ||
           err_set(err, ERR_STORE, "the organizer's token cannot be kept");
}

static bool write_public_key(const struct loop *loop, struct err *err)
{
    char text[RECEIPT_KEY_TEXT_SIZE];

    receipt_public_key_text(text, &loop->keys.receipt.public_key);
    return file_write_durable(loop->config->receipt_public_key, text, strlen(text), KEY_FILE_MODE,
                              err);
}

static bool write_beside(const struct loop *loop, const char *name, const char *text,
                         struct err *err)
{
    char folder[BROKER_PATH_SIZE];
    char path[BROKER_PATH_SIZE];

    return path_folder(folder, sizeof(folder), loop->config->receipt_public_key, err) &&
           path_join(path, sizeof(path), folder, name, err) &&
           file_write_durable(path, text, strlen(text), KEY_FILE_MODE, err);
}

/* What ssh-keygen checks receipts with, and the key of the logs, beside minisign's key. */
static bool write_other_keys(const struct loop *loop, struct err *err)
{
    char signer[SSHSIG_SIGNER_SIZE];
    char log[NOTE_KEY_TEXT_SIZE];

    ledger_signer(signer, &loop->keys, loop->config->host);
    ledger_log_key(log, &loop->keys, loop->config->host);
    return write_beside(loop, "allowed_signers", signer, err) &&
           write_beside(loop, "log.vkey", log, err);
}

/* The file that remembers what was signed. */
static bool find_signed(char path[static BROKER_PATH_SIZE], const struct broker_config *config,
                        struct err *err)
{
    if (config->signed_checkpoints[0] != '\0') {
        return text_copy(path, BROKER_PATH_SIZE, config->signed_checkpoints, err);
    }
    if (snprintf(path, BROKER_PATH_SIZE, "%s.signed", config->database) >= BROKER_PATH_SIZE) {
        return err_set(err, ERR_CONFIG, "path of the database is too long");
    }
    return true;
}

static bool open_keys(struct loop *loop, struct err *err)
{
    bool has_database = access(loop->config->database, F_OK) == 0;

    return ledger_keys_load(&loop->keys, loop->config->keys, !has_database, err);
}

static bool open_store(struct loop *loop, struct err *err)
{
    const struct broker_config *config = loop->config;
    char signed_path[BROKER_PATH_SIZE];
    const struct store_settings store_settings = {
        .path = config->database,
        .logs = {.host = config->host, .signed_path = signed_path, .keys = &loop->keys},
        .may_void = config->may_void,
        .lease_ms = config->lease_ms,
        .reserve_bytes = config->reserve_bytes};
    const struct core_settings settings = {.host = config->host,
                                           .lease_ms = config->lease_ms,
                                           .pending_max = config->pending_max,
                                           .ready_age_max_ms = config->ready_age_max_ms,
                                           .disk_free_min_bytes = config->disk_free_min_bytes,
                                           .memory_max_bytes = config->memory_max_bytes,
                                           .promise_ms = config->promise_ms,
                                           .rescore_percent = config->rescore_percent};

    return find_signed(signed_path, config, err) &&
           store_open(&loop->store, &store_settings, time_wall_ms(), time_boot_ms(), err) &&
           make_organizer(loop, err) && write_public_key(loop, err) &&
           write_other_keys(loop, err) &&
           core_open(&loop->core, &settings, &loop->keys, loop->store, err) &&
           store_thread_open(&loop->thread, loop->store, err) &&
           backups_open(&loop->backups, config, err);
}

bool loop_open(struct loop **loop, const struct broker_config *config, struct err *err)
{
    struct loop *opened = calloc(1, sizeof(*opened));

    if (opened == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for a loop");
    }
    opened->config = config;
    if (!crypt_start(err) || !open_keys(opened, err) || !open_store(opened, err) ||
        !doors_open(&opened->doors, config, err)) {
        loop_close(&opened);
        return false;
    }
    *loop = opened;
    return true;
}

void loop_close(struct loop **loop)
{
    struct loop *closed = *loop;

    if (closed == NULL) {
        return;
    }
    doors_close(&closed->doors);
    backups_close(&closed->backups);
    store_thread_close(&closed->thread);
    core_close(&closed->core);
    store_close(&closed->store);
    ledger_keys_wipe(&closed->keys);
    free(closed);
    *loop = NULL;
}
