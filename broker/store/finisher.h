/* SPDX-License-Identifier: MIT */
/*
 * Finishes uploads on threads of its own, because a sync waits for the disk and a loop must not.
 * Several syncs at a time also share the disk's work: one by one, a burst would queue behind them.
 */
#pragma once

#include "broker/store/blobs.h"

enum finisher_work {
    FINISHER_FINISH,    /* whatever it is: sha256 is set */
    FINISHER_FINISH_AS, /* what sha256 says: else is_other is set */
    FINISHER_REHASH,    /* a part: so that bytes can be added */
};

/* One upload to be worked on, embedded in what waits for it. */
struct finisher_job {
    struct blobs_upload *upload; /* borrowed until the job is taken back */
    void *context;
    enum finisher_work work;
    bool is_done; /* out: else err is set */
    bool is_other;
    uint8_t sha256[SHA256_BYTES];
    struct err err;
    struct finisher_job *next; /* of the finisher's own */
};

struct finisher;

/* Errors: ERR_SYSTEM. Owns: *finisher is owned by the caller; end it with finisher_close. */
MUST_CHECK bool finisher_open(struct finisher **finisher, unsigned n_threads, struct err *err);

/* Waits for what runs, and leaves what has not begun; touches no job afterwards. */
void finisher_close(struct finisher **finisher);

/* Readable while finished jobs wait to be taken. */
int finisher_descriptor(const struct finisher *finisher);

/* Hands a job over; upload and context are set. */
void finisher_add(struct finisher *finisher, struct finisher_job *job);

/* Takes one finished job back; NULL where there is none. */
struct finisher_job *finisher_take(struct finisher *finisher);
