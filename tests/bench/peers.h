/* SPDX-License-Identifier: MIT */
/*
 * The other engines, in Python, that `./dev peers` installs into .venv: what they need for a
 * workload, and how they are started.
 */
#pragma once

#include "tests/bench/workload.h"

struct peer {
    const char *name;
    const char *script; /* in tests/bench/peers */
    const char *module; /* its folder in site-packages */
    bool is_topk;
    double bytes_per_cell; /* measured: memory for each image and class; 0 where it is flat */
    double us_per_cell;    /* measured: time for each image and class */
};

extern const struct peer peers[];
extern const size_t n_peers;

/* Classes of a workload. */
size_t peer_n_classes(const struct workload *workload);

/* Expected peak memory and time, from what smaller sizes took. */
double peer_bytes(const struct peer *peer, const struct workload *workload);
double peer_seconds(const struct peer *peer, const struct workload *workload);

/* Whether it takes part: right task, and installed. */
bool peer_is_ready(const struct peer *peer, const struct workload *workload);

/* The command: fills argv, NULL-terminated, with texts that last until the next call. */
void peer_command(const char *argv[static 5], const struct peer *peer,
                  const struct workload *workload, const struct workload_files *files);
