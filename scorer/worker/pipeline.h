/* SPDX-License-Identifier: MIT */
/*
 * One job through the processes of a worker: sheet from the scorer, columns from the reader, result
 * from the scorer, while the blob is hashed here beside them. Knows no network and no lease. Passes
 * descriptors on without mapping them. Every step has a deadline; what misses it is let go and
 * asked to be started again, and the job ends as FAILED.
 */
#pragma once

#include "common/channel.h"
#include "schemas/wire.h"
#include "scorer/worker/worker_settings.h"

enum pipeline_peer { PEER_SCORER, PEER_READER, N_PEERS };

struct pipeline;

/* Errors: ERR_SYSTEM. Owns: *pipeline is the caller's; settings are borrowed as long. */
MUST_CHECK bool pipeline_open(struct pipeline **pipeline, const struct worker_settings *settings,
                              struct err *err);
void pipeline_close(struct pipeline **pipeline);

/* Gives the pipeline the socket of a peer that was (re)started; taken. */
void pipeline_attach(struct pipeline *pipeline, enum pipeline_peer peer, int socket);

/* True when a job can be started at once: both peers are there and no job is under way. */
bool pipeline_is_ready(const struct pipeline *pipeline);

/* Starts the job of a frame that decodes as WIRE_JOB; the frame is copied. No job may be under way;
 * a peer that is missing is waited for. */
void pipeline_start(struct pipeline *pipeline, const void *frame, size_t size, int64_t now_ms);

/* What to wait for: the peers that are there. At most N_PEERS. */
size_t pipeline_waits(const struct pipeline *pipeline, struct channel_wait waits[static N_PEERS]);

/* How long pipeline_step can wait when no peer says anything; -1: for ever. */
int64_t pipeline_timeout_ms(const struct pipeline *pipeline, int64_t now_ms);

/*
 * Goes on as far as it can without waiting.
 *
 *   answer   out, the RESULT or FAILED frame of the job that ended; borrowed until the next start;
 *            empty where memory ran out
 *
 * Returns true once for every job: when it ended.
 */
MUST_CHECK bool pipeline_step(struct wire_bytes *answer, struct pipeline *pipeline, int64_t now_ms);

/* A peer that must be started again because it missed a deadline; told once. */
MUST_CHECK bool pipeline_wants_restart(enum pipeline_peer *peer, struct pipeline *pipeline);
