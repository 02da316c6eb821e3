/* SPDX-License-Identifier: MIT */
/*
 * The broker's decisions, and nothing else: an event and the time go in, effects come out. No
 * system call, clock, thread or random source inside, so that a simulator can run the same code as
 * the real loop. What must survive is in the store; the core keeps what can be made again.
 *
 * A driver gives every event to one of the functions below, then carries out core_effects in their
 * order and calls core_effects_clear. Store calls must be answered in the order they were given.
 */
#pragma once

#include "broker/ledger/ledger.h"
#include "broker/store/store.h"
#include "common/channel.h"
#include "common/err.h"
#include "schemas/wire.h"

#include <stddef.h>
#include <stdint.h>

struct core;

enum core_side { CORE_GATEWAYS, CORE_WORKERS };

enum { CORE_RANDOM_BYTES = 64 };

/* Now: wall clock for what people see, boot clock for leases. Random bytes for ids and tokens. */
struct core_now {
    int64_t wall_ms;
    int64_t boot_ms;
    const uint8_t *random; /* CORE_RANDOM_BYTES, used once */
};

struct core_settings {
    const char *host; /* of the logs' names; borrowed as long as the core lives */
    int64_t lease_ms;
    int64_t pending_max;         /* store calls under way; beyond it new submissions are refused */
    int64_t ready_age_max_ms;    /* of the oldest waiting live job; beyond it the same; 0: never */
    int64_t disk_free_min_bytes; /* below it the same */
    int64_t memory_max_bytes;    /* of the process; beyond it the same; 0: never */
    int64_t promise_ms;          /* how long the bytes of a promise may take */
    int64_t rescore_percent;     /* of the claims look at re-scores first; 0: none */
};

enum core_effect_kind {
    EFFECT_SEND,    /* frame to peer of side */
    EFFECT_PUBLISH, /* frame to whoever listens */
    EFFECT_STORE,   /* run call, then core_stored; calls of one round may share a commit */
    EFFECT_WARN,    /* frame is a line for the log */
    EFFECT_BACKUP,  /* make the backup that frame names, then core_backed_up */
};

struct core_effect {
    enum core_effect_kind kind;
    enum core_side side;
    struct channel_peer peer;
    struct wire_buffer frame;
    struct store_call *call; /* borrowed until it is given to core_stored */
    int64_t job;             /* a frame that hands out this job; else 0 */
    int64_t fence;
};

/*
 * Opens a core and loads its directory from the store.
 *
 *   keys   borrowed as long as the core lives
 *
 * Errors   ERR_STORE, ERR_SYSTEM
 * Owns     *core is owned by the caller; end it with core_close
 */
MUST_CHECK bool core_open(struct core **core, const struct core_settings *settings,
                          const struct ledger_keys *keys, struct store *store, struct err *err);

/* Ends the core; calls that were not answered must have been given back before. */
void core_close(struct core **core);

/* A frame arrived. What is no request of that side is dropped with a warning. */
void core_frame(struct core *core, enum core_side side, const struct channel_peer *peer,
                const void *frame, size_t size, const struct core_now *now);

/* The same from a peer whose key has a name ("" for none): it speaks as that worker only. */
void core_frame_named(struct core *core, enum core_side side, const struct channel_peer *peer,
                      const char *name, const void *frame, size_t size, const struct core_now *now);

/* The store has run a call, and its commit is durable (or the outcome says otherwise). */
void core_stored(struct core *core, struct store_call *call, const struct core_now *now);

/* A frame with a job could not be sent: its peer is gone. */
void core_unsent(struct core *core, int64_t job, int64_t fence, const struct core_now *now);

/* Time has passed; to be called at least once a second. */
void core_tick(struct core *core, const struct core_now *now);

/* A backup was made; with `failure` it was not, and that is why. */
#define CORE_BACKUP_NAME "assay-00000000T000000Z.db"
void core_backed_up(struct core *core, int64_t size_bytes, const char *failure,
                    const struct core_now *now);

/* Free bytes where the database lies. */
void core_disk_free(struct core *core, int64_t free_bytes);

/* Bytes of memory that the process holds. */
void core_memory_used(struct core *core, int64_t used_bytes);

/* Commits that the store has made since the start. */
void core_commits(struct core *core, uint64_t n_commits);

/* What is to be done, in this order; borrowed until the next call of any of these functions. */
const struct core_effect *core_effects(const struct core *core, size_t *n_effects);
void core_effects_clear(struct core *core);
