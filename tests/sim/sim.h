/* SPDX-License-Identifier: MIT */
/*
 * A world in one thread: virtual time, a lossy network, clients that submit, workers that score,
 * and one broker made of the real core and the real store. A seed decides everything that happens,
 * so that a failing seed fails again.
 */
#pragma once

#include "broker/queue/core.h"
#include "common/sha256.h"
#include "tests/unit/attester.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
    CLIENTS = 4,
    WORKERS = 3,
    SUBMISSIONS_EACH = 5,
    SUBMISSIONS_MAX = CLIENTS * SUBMISSIONS_EACH,
    GRANTS_MAX = 20000,
    PATH_BYTES = 256,
    STORM_MS = 15000,
    CALM_MS = 60000,  /* within this after the last fault everything must drain */
    FULL_SEEDS = 100, /* every so many seeds one runs on real files with real signatures */
};

enum fault_kind {
    FAULT_BROKER,       /* killed */
    FAULT_POWER,        /* the same, and what it did not sync may be gone */
    FAULT_BROKER_PAUSE, /* beyond a lease */
    FAULT_WORKER,       /* killed */
    FAULT_PAUSE,        /* of a worker, beyond a lease */
    FAULT_CUT,          /* a node cannot send, or not receive, or neither */
    FAULT_CLOCK,        /* the broker's wall clock jumps, up to an hour both ways */
    FAULT_SKEW,         /* the same of a gateway's */
    FAULT_DISK,         /* it is full for a while */
    FAULTS_N,
    FAULT_DISK_END = FAULTS_N, /* what ends a fault */
    FAULT_WORKER_UP,
    FAULT_BROKER_UP,
};

/* The faults of one seed: each seed draws its own. */
struct faults {
    unsigned loss_per_mille;
    unsigned duplicate_per_mille;
    unsigned delay_max_ms;     /* of a message: reorders them */
    unsigned counts[FAULTS_N]; /* in the stormy phase */
    unsigned fail_per_mille;   /* a worker reports a failure of its own */
    unsigned poison_per_mille; /* of the submissions: every worker fails on them */
};

enum node_kind { NODE_CLIENT, NODE_WORKER };

/* What one client sends, in order; it goes on when the answer is there. */
struct wish {
    uint8_t key[16];
    uint8_t sha256[SHA256_BYTES];
    bool is_poison;
    bool is_promised;     /* before its bytes */
    char promised_id[33]; /* empty until the promise was acknowledged */
    int64_t failed_fence; /* of the last failure that a worker reported */
    unsigned n_failures;  /* reported, each fence once */
    bool is_acked;
    bool is_settled; /* scored or parked, as far as it was looked at */
    char id[33];
    unsigned char entry[ENTRY_SIZE];
    size_t entry_size;
    struct checkpoint checkpoint; /* that proved the entry */
    int64_t received_ms;          /* as the entry has it */
    uint64_t number;              /* of the submission, known when it is scored */
};

struct client {
    struct wish wishes[SUBMISSIONS_EACH];
    unsigned next;
    uint64_t request_id;
    int64_t retry_ms;
    int64_t skew_ms; /* of its gateway's clock */
    char token[96];
};

struct worker {
    bool is_down;
    int64_t wake_ms; /* paused until then */
    uint64_t request_id;
    int64_t retry_ms;
    bool has_job;
    int64_t done_ms; /* when the job under way is scored */
    struct wire_job job;
    uint64_t job_request_id; /* requests about it are later ones */
    char submission[33];
    bool has_failed;  /* a failure was reported */
    bool is_reported; /* the result was sent, its answer is awaited */
};

struct grant {
    int64_t job;
    int64_t fence;
};

struct event; /* in the heap */

/* What every seed starts from: a competition and its teams. */
struct start {
    char paths[2][PATH_BYTES]; /* of the databases: on real files, in memory */
    char organizer[96];
    char tokens[CLIENTS][96];
};

struct world {
    uint64_t seed;
    uint64_t rng;
    struct faults faults;
    int64_t now_ms; /* virtual, since the start: the boot clock */
    int64_t wall_offset_ms;
    uint64_t n_events;
    bool is_tracing;
    bool is_calm; /* the faults are over: everything must drain */
    bool is_disk_full;
    bool is_fast;         /* without real files and signatures */
    int checkpoint_pages; /* of the WAL */
    unsigned n_clients;   /* that take part */
    unsigned n_each;      /* submissions */
    unsigned n_workers;
    int64_t broker_wake_ms;                     /* paused until then */
    int64_t cut_until_ms[CLIENTS + WORKERS][2]; /* to the broker, from it */
    struct event **heap;
    size_t n_heap;
    size_t heap_capacity;
    struct client clients[CLIENTS];
    struct worker workers[WORKERS];
    /* the broker */
    char path[PATH_BYTES];
    struct ledger_keys keys;
    struct store *store;
    struct core *core;
    uint64_t incarnation; /* messages and commits of an earlier one are gone */
    struct store_call *queued[4096];
    size_t n_queued;
    bool is_commit_due;
    struct grant grants[GRANTS_MAX];
    size_t n_grants;
    /* what happened */
    unsigned n_acks;
    unsigned n_crashes;
    char failure[256]; /* empty while all invariants hold */
};

/* ---- world.c: chance, time, the network, the broker's driver ---- */

/* A number below n, and a chance of so many in a thousand. */
uint64_t world_below(struct world *world, uint64_t n);
bool world_chance(struct world *world, unsigned per_mille);
void world_bytes(struct world *world, void *data, size_t size);

/* Notes the first broken invariant. */
void world_fail(struct world *world, const char *format, ...) PRINTF_LIKE(2, 3);

/* Runs one seed to its end; false where an invariant broke, told in world->failure. */
bool world_run(struct world *world, const struct start *start);

/* Sends a frame from a node to the broker, through the network. */
void world_send(struct world *world, enum node_kind kind, unsigned node,
                const struct wire_message *message);

/* A wish by its number, below world_wishes. */
unsigned world_wishes(const struct world *world);
struct wish *world_wish(struct world *world, unsigned number);

/* ---- template.c: what a seed starts from ---- */

/* Makes both databases; start->paths are set. */
MUST_CHECK bool template_make(struct start *start, struct err *err);

/* Lays a copy of it for the seed. */
MUST_CHECK bool template_lay(const struct world *world, const struct start *start, struct err *err);

/* ---- fast_sign.c: signatures that cost nothing ---- */

void fast_sign_use(bool is_used);

/* ---- nodes.c: what clients and workers do ---- */

/* A frame arrived at a node. */
void client_receive(struct world *world, unsigned node, const struct wire_message *message);
void worker_receive(struct world *world, unsigned node, const struct wire_message *message);

/* Time passed. */
void client_tick(struct world *world, unsigned node);
void worker_tick(struct world *world, unsigned node);

/* The value that the file of this hash always gets. */
double score_of(const uint8_t sha256[static SHA256_BYTES]);

/* ---- checks.c: what must hold ---- */

/* After every crash: what was acknowledged is there, with the same entry. */
void check_acked(struct world *world);

/* A receipt that just came: its signature and its proof hold. */
void check_receipt(struct world *world, struct wish *wish,
                   const struct wire_submit_accepted *accepted);

/* At the end: everything drained, once, right and in order. */
void check_end(struct world *world, const struct start *start);

/* True when nothing is left to do. */
bool check_is_drained(struct world *world);
