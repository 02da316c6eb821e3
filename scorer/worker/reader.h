/* SPDX-License-Identifier: MIT */
/*
 * The reader: a process without secrets that waits for jobs and forks one child for each. The child
 * locks itself in, parses the untrusted file and ends; what it leaves is a sealed column block. A
 * child that crashes, hangs or grows is this job's failure and nothing else's.
 */
#pragma once

#include "common/arena.h"
#include "scorer/worker/sheet.h"
#include "scorer/worker/worker_settings.h"

/* What a child parses. */
struct reader_input {
    int fd; /* the submission from its first byte; only read(2) works */
    uint64_t size_bytes;
    const struct sheet *sheet;
    struct arena *arena; /* of job_memory_bytes */
};

struct reader {
    const struct worker_settings *settings;

    /* Reads the input into columns or problems, which may borrow from the arena. Runs locked in:
     * see sandbox_reader. */
    bool (*parse)(struct columns *columns, const struct reader_input *input, struct err *err);
};

/* Parses by the format that the competition names. */
MUST_CHECK bool reader_parse(struct columns *columns, const struct reader_input *input,
                             struct err *err);

/*
 * Serves jobs until the other end of `socket` closes. Takes packets of a JOB frame with the
 * descriptors of blob and sheet; answers with an empty frame and the descriptor of a column block,
 * or with a FAILED frame.
 *
 * Returns the exit status of the process.
 */
int reader_run(int socket, const struct reader *reader);
