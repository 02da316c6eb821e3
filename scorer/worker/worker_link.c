/* SPDX-License-Identifier: MIT */
/*
 * The link's loop. Times are of the clock that counts suspend: a worker that slept through its
 * lease must notice. A sent message counts for nothing: every question has a time to be asked
 * again.
 */
#include "scorer/worker/worker_link.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/crashpoint.h"
#include "common/curve.h"
#include "common/daemon.h"
#include "common/file.h"
#include "common/log.h"
#include "common/text.h"
#include "schemas/wire.h"
#include "schemas/worker_key.h"
#include "scorer/worker/packet.h"
#include "scorer/worker/pipeline.h"
#include "scorer/worker/sandbox.h"

enum {
    RETRY_MIN_MS = 10, /* a question that could not be sent, doubled up to */
    RETRY_MAX_MS = 500,
    CLAIM_GRACE_MS = 500, /* beyond the time that the broker may hold a claim */
    REPORT_MS = 1000,     /* a result without an answer is sent again */
    STOP_MS = 5000,       /* for the job under way when SIGTERM comes */
    LEASE_MIN_MS = 1000,
    BLOBS_MODE = 0750,
    COLUMNS_MODE = 0700,
};

enum link_state {
    LINK_IDLE,
    LINK_CLAIMED,
    LINK_WORKING,
    LINK_REPORTING,
    LINK_DISCARDING, /* the lease is lost: the pipeline finishes for nobody */
};

struct lease {
    uint64_t job_id;
    uint64_t fence;
    int64_t lease_ms;
    int64_t renew_at_ms;
    int64_t held_until_ms; /* without a confirmation the job is discarded then */
};

struct worker_link {
    const struct worker_settings *settings;
    struct worker_public_key key; /* that the scorer signs with */
    struct curve_client curve;
    struct channel_context *context;
    struct channel *channel;
    struct pipeline *pipeline;
    struct packet packet; /* from the supervisor */
    int control;
    int signals;
    enum link_state state;
    uint64_t request_id;
    int64_t next_ms; /* when to claim, to give a claim up, or to report again */
    int64_t retry_ms;
    int64_t stop_at_ms; /* INT64_MAX while nobody wants it to stop */
    int64_t started_ms; /* of the job, for the log */
    struct lease lease;
    struct wire_buffer frame;  /* to send */
    struct wire_buffer report; /* RESULT or FAILED, until the broker has it */
};

/* ---- sending ---- */

static bool send_message(struct worker_link *link, const struct wire_message *message)
{
    struct err err;

    return wire_encode(&link->frame, message, &err) &&
           channel_send(link->channel, NULL, link->frame.data, link->frame.size) == CHANNEL_DONE;
}

/* The time until the next try of what could not be sent. */
static int64_t back_off(struct worker_link *link)
{
    int64_t wait_ms = link->retry_ms;

    link->retry_ms = wait_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : wait_ms * 2;
    return wait_ms;
}

static void become_idle(struct worker_link *link, int64_t claim_at_ms)
{
    link->state = LINK_IDLE;
    link->next_ms = claim_at_ms;
}

static void claim(struct worker_link *link, int64_t now_ms)
{
    struct wire_message message = {
        .type = WIRE_CLAIM,
        .request_id = ++link->request_id,
        .claim = {.worker = wire_text(link->settings->name),
                  .build = wire_text(ASSAY_VERSION),
                  .wait_ms = (uint32_t)link->settings->claim_wait_ms},
    };

    memcpy(message.claim.key, link->key.sign, sizeof(message.claim.key));
    if (send_message(link, &message)) {
        link->state = LINK_CLAIMED;
        link->next_ms = now_ms + link->settings->claim_wait_ms + CLAIM_GRACE_MS;
    } else {
        link->next_ms = now_ms + back_off(link);
    }
}

static void renew(struct worker_link *link, int64_t now_ms)
{
    const struct wire_message message = {
        .type = WIRE_RENEW,
        .request_id = ++link->request_id,
        .renew = {.job_id = link->lease.job_id, .fence = link->lease.fence},
    };

    bool is_sent = send_message(link, &message);
    link->lease.renew_at_ms = now_ms + (is_sent ? link->lease.lease_ms / 9 : back_off(link));
}

static void report(struct worker_link *link, int64_t now_ms)
{
    bool is_sent =
        channel_send(link->channel, NULL, link->report.data, link->report.size) == CHANNEL_DONE;

    link->next_ms = now_ms + (is_sent ? REPORT_MS : back_off(link));
}

/* ---- leases ---- */

static void hold_lease(struct worker_link *link, uint32_t lease_ms, int64_t now_ms)
{
    struct lease *lease = &link->lease;

    lease->lease_ms = lease_ms < LEASE_MIN_MS ? LEASE_MIN_MS : lease_ms;
    lease->renew_at_ms = now_ms + lease->lease_ms / 3;
    lease->held_until_ms = now_ms + lease->lease_ms / 5 * 4;
}

static void lose_lease(struct worker_link *link, const char *why, int64_t now_ms)
{
    log_warn("lease lost", "job=%" PRIu64 " fence=%" PRIu64 " reason=\"%s\"", link->lease.job_id,
             link->lease.fence, why);
    if (link->state == LINK_WORKING) {
        link->state = LINK_DISCARDING;
    } else {
        become_idle(link, now_ms);
    }
}

static bool has_lease(const struct worker_link *link)
{
    return link->state == LINK_WORKING || link->state == LINK_REPORTING;
}

/* ---- what the broker says ---- */

static void on_job(struct worker_link *link, const struct wire_job *job, const void *frame,
                   size_t size, int64_t now_ms)
{
    bool is_free = link->state == LINK_IDLE || link->state == LINK_CLAIMED;

    if (!is_free) {
        log_warn("job dropped", "job=%" PRIu64 " reason=\"not free\"", job->job_id);
        return;
    }
    link->retry_ms = RETRY_MIN_MS;
    link->state = LINK_WORKING;
    link->started_ms = now_ms;
    link->lease.job_id = job->job_id;
    link->lease.fence = job->fence;
    hold_lease(link, job->lease_ms, now_ms);
    CRASHPOINT("worker has the job, did nothing");
    log_debug("job", "job=%" PRIu64 " submission=%.*s bytes=%" PRIu64, job->job_id,
              (int)job->submission.size, (const char *)job->submission.data, job->size_bytes);
    pipeline_start(link->pipeline, frame, size, now_ms);
}

static void on_renewed(struct worker_link *link, const struct wire_renewed *renewed, int64_t now_ms)
{
    if (!has_lease(link) || renewed->job_id != link->lease.job_id) {
        return;
    }
    if (renewed->is_held) {
        hold_lease(link, renewed->lease_ms, now_ms);
    } else {
        lose_lease(link, "the broker gave it to another", now_ms);
    }
}

static void on_taken(struct worker_link *link, const struct wire_result_taken *taken,
                     int64_t now_ms)
{
    static const char *const names[] = {"recorded", "repeated", "stale", "different"};
    const char *verdict = taken->verdict < ARRAY_SIZE(names) ? names[taken->verdict] : "unknown";
    bool is_awaited = link->state == LINK_REPORTING;

    if (taken->job_id != link->lease.job_id) {
        return;
    }
    log_info(is_awaited ? "job reported" : "late answer",
             "job=%" PRIu64 " fence=%" PRIu64 " verdict=%s ms=%" PRId64, taken->job_id,
             link->lease.fence, verdict, now_ms - link->started_ms);
    if (!is_awaited) {
        return;
    }
    CRASHPOINT("worker knows that the result is taken");
    link->retry_ms = RETRY_MIN_MS;
    become_idle(link, now_ms);
}

/* The broker is busy, or does not want what was sent. */
static void on_refused(struct worker_link *link, const struct wire_refused *refused, int64_t now_ms)
{
    int64_t wait_ms = refused->retry_after_ms;

    if (link->state == LINK_CLAIMED) {
        become_idle(link, now_ms + (wait_ms > 0 ? wait_ms : RETRY_MAX_MS));
    } else if (link->state == LINK_REPORTING && wait_ms > 0) {
        link->next_ms = now_ms + wait_ms;
    } else if (link->state == LINK_REPORTING) {
        log_error("report refused", "job=%" PRIu64 " text=\"%.*s\"", link->lease.job_id,
                  (int)refused->text.size, (const char *)refused->text.data);
        become_idle(link, now_ms + RETRY_MAX_MS);
    }
}

static void on_frame(struct worker_link *link, const void *frame, size_t size, int64_t now_ms)
{
    struct wire_message message;
    struct err err;

    if (!wire_decode(&message, FROM_BROKER, frame, size, &err)) {
        log_warn("frame dropped", "reason=\"%s\"", err.text);
        return;
    }
    if (message.type == WIRE_JOB) {
        on_job(link, &message.job, frame, size, now_ms);
    } else if (message.type == WIRE_NO_JOB && link->state == LINK_CLAIMED &&
               message.request_id == link->request_id) {
        link->retry_ms = RETRY_MIN_MS;
        become_idle(link, now_ms + message.no_job.retry_ms);
    } else if (message.type == WIRE_RENEWED) {
        on_renewed(link, &message.renewed, now_ms);
    } else if (message.type == WIRE_RESULT_TAKEN) {
        on_taken(link, &message.result_taken, now_ms);
    } else if (message.type == WIRE_REFUSED) {
        on_refused(link, &message.refused, now_ms);
    }
}

static void receive_frames(struct worker_link *link, int64_t now_ms)
{
    const unsigned char *frame;
    size_t size;

    for (;;) {
        switch (channel_receive(link->channel, NULL, &frame, &size)) {
        case CHANNEL_DONE:
            on_frame(link, frame, size, now_ms);
            break;
        case CHANNEL_TOO_LONG:
            log_warn("frame dropped", "reason=\"several parts\"");
            break;
        case CHANNEL_EMPTY:
        case CHANNEL_NO_PEER:
        case CHANNEL_FULL:
            return;
        }
    }
}

/* ---- what the pipeline and the supervisor say ---- */

static void on_answer(struct worker_link *link, struct wire_bytes answer, int64_t now_ms)
{
    struct wire_message message;
    struct err err;

    if (link->state != LINK_WORKING) {
        become_idle(link, now_ms);
        return;
    }
    if (answer.size == 0 || !wire_decode(&message, FROM_WORKER, answer.data, answer.size, &err) ||
        !wire_encode(&link->report, &message, &err)) {
        lose_lease(link, "no memory for the answer", now_ms);
        become_idle(link, now_ms + RETRY_MAX_MS);
        return;
    }
    if (message.type == WIRE_FAILED) {
        log_warn("job failed", "job=%" PRIu64 " reason=\"%.*s\"", link->lease.job_id,
                 (int)message.failed.reason.size, (const char *)message.failed.reason.data);
    }
    link->state = LINK_REPORTING;
    CRASHPOINT("worker has the result, not sent");
    report(link, now_ms);
    CRASHPOINT("worker sent the result");
}

static void ask_restarts(struct worker_link *link)
{
    enum pipeline_peer peer;
    struct err err;

    while (pipeline_wants_restart(&peer, link->pipeline)) {
        const unsigned char name = (unsigned char)peer;
        if (!packet_send(link->control, &name, 1, NULL, 0, &err)) {
            log_warn("restart not asked for", "reason=\"%s\"", err.text);
        }
    }
}

/* False when the supervisor is gone. */
static bool receive_control(struct worker_link *link)
{
    struct err err;

    if (packet_receive(&link->packet, link->control, &err) == PACKET_CLOSED) {
        return false;
    }
    if (link->packet.size == 1 && link->packet.data[0] < N_PEERS && link->packet.n_fds == 1) {
        pipeline_attach(link->pipeline, (enum pipeline_peer)link->packet.data[0],
                        packet_take_fd(&link->packet, 0));
    }
    return true;
}

/* ---- the loop ---- */

/* Does what is due. */
static void tick(struct worker_link *link, int64_t now_ms)
{
    if (has_lease(link) && now_ms >= link->lease.held_until_ms) {
        lose_lease(link, "not confirmed in time", now_ms);
    }
    if (has_lease(link) && now_ms >= link->lease.renew_at_ms) {
        renew(link, now_ms);
    }
    if (link->state == LINK_CLAIMED && now_ms >= link->next_ms) {
        become_idle(link, now_ms);
    }
    if (link->state == LINK_IDLE && now_ms >= link->next_ms && pipeline_is_ready(link->pipeline)) {
        claim(link, now_ms);
    }
    if (link->state == LINK_REPORTING && now_ms >= link->next_ms) {
        report(link, now_ms);
    }
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Until something is due; -1 for never. */
static int64_t timeout_ms(const struct worker_link *link, int64_t now_ms)
{
    int64_t pipeline_ms = pipeline_timeout_ms(link->pipeline, now_ms);
    int64_t due_ms = link->stop_at_ms;

    if (pipeline_ms >= 0) {
        due_ms = earlier(due_ms, now_ms + pipeline_ms);
    }
    if (has_lease(link)) {
        due_ms = earlier(due_ms, earlier(link->lease.held_until_ms, link->lease.renew_at_ms));
    }
    if (link->state == LINK_CLAIMED || link->state == LINK_REPORTING ||
        (link->state == LINK_IDLE && pipeline_is_ready(link->pipeline))) {
        due_ms = earlier(due_ms, link->next_ms);
    }
    return due_ms == INT64_MAX ? -1 : due_ms > now_ms ? due_ms - now_ms : 0;
}

static bool is_stopped(const struct worker_link *link, int64_t now_ms)
{
    bool is_busy = link->state == LINK_WORKING || link->state == LINK_REPORTING;

    return link->stop_at_ms != INT64_MAX && (!is_busy || now_ms >= link->stop_at_ms);
}

/* One turn: waits, hears everybody, does what is due. False at the end. */
static bool turn(struct worker_link *link, struct err *err)
{
    struct channel_wait waits[3 + N_PEERS] = {{.channel = link->channel}, {.fd = link->control}};
    size_t n_waits = 2 + pipeline_waits(link->pipeline, waits + 2);
    struct wire_bytes answer;
    bool is_stopping = link->stop_at_ms != INT64_MAX;

    if (!is_stopping) { /* a signal stays readable: it is heard once */
        waits[n_waits++] = (struct channel_wait){.fd = link->signals};
    }
    if (!channel_wait(waits, n_waits, timeout_ms(link, time_boot_ms()), err)) {
        return false;
    }
    int64_t now_ms = time_boot_ms();
    if (!is_stopping && waits[n_waits - 1].is_ready) {
        link->stop_at_ms = now_ms + STOP_MS;
    }
    if (waits[1].is_ready && !receive_control(link)) {
        return err_set(err, ERR_PEER, "the supervisor is gone");
    }
    receive_frames(link, now_ms);
    if (pipeline_step(&answer, link->pipeline, now_ms)) {
        on_answer(link, answer, now_ms);
    }
    ask_restarts(link);
    if (is_stopped(link, now_ms)) {
        return false;
    }
    tick(link, now_ms);
    return true;
}

/* Only blobs and kept columns can be opened from here on, and what resolving a host's name needs.
 */
static bool start(struct worker_link *link, struct err *err)
{
    const struct worker_settings *settings = link->settings;
    bool has_columns = settings->columns[0] != '\0';
    const struct sandbox_folder folders[] = {
        {settings->blobs, false}, {"/etc", false}, {settings->columns, true}};

    return folder_make(settings->blobs, BLOBS_MODE, err) &&
           (!has_columns || folder_make(settings->columns, COLUMNS_MODE, err)) &&
           daemon_signals_open(&link->signals, err) && crypt_start(err) &&
           worker_key_public(&link->key, settings->keys, settings->name, err) &&
           curve_client_open(&link->curve, settings->broker, settings->keys, settings->broker_key,
                             err) &&
           sandbox_files(folders, has_columns ? 3 : 2, (enum sandbox_policy)settings->sandbox,
                         err) &&
           pipeline_open(&link->pipeline, settings, err) &&
           channel_context_open(&link->context, err) &&
           curve_client_connect(&link->channel, link->context, CHANNEL_DEALER, settings->broker,
                                WIRE_FRAME_MAX, &link->curve, err);
}

int worker_link_run(int control, const struct worker_settings *settings)
{
    struct worker_link link = {.settings = settings,
                               .control = control,
                               .signals = -1,
                               .retry_ms = RETRY_MIN_MS,
                               .stop_at_ms = INT64_MAX};
    struct err err = {0};

    if (start(&link, &err)) {
        log_info("worker ready", "name=%s broker=%s", settings->name, settings->broker);
        while (turn(&link, &err)) {
        }
    }
    if (err.code != ERR_NONE) {
        log_error("link ends", "reason=\"%s\"", err.text);
    }
    channel_close(&link.channel);
    channel_context_close(&link.context);
    pipeline_close(&link.pipeline);
    packet_free(&link.packet);
    wire_buffer_free(&link.frame);
    wire_buffer_free(&link.report);
    if (link.signals >= 0) {
        close(link.signals);
    }
    return err.code == ERR_NONE ? EXIT_SUCCESS : EXIT_FAILURE;
}
