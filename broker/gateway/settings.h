/* SPDX-License-Identifier: MIT */
/*
 * The gateway's configuration file.
 */
#pragma once

#include "common/conftable.h"

enum { SETTINGS_TEXT_SIZE = 256 };

struct settings {
    char listen[SETTINGS_TEXT_SIZE];
    char address_file[SETTINGS_TEXT_SIZE]; /* "" for none */
    char metrics[SETTINGS_TEXT_SIZE];      /* "" for none */
    char broker[SETTINGS_TEXT_SIZE];
    char events[SETTINGS_TEXT_SIZE];
    char keys[SETTINGS_TEXT_SIZE];       /* "" for none */
    char broker_key[SETTINGS_TEXT_SIZE]; /* "" for none */
    char blobs[SETTINGS_TEXT_SIZE];
    int log; /* enum log_level */
    struct {
        int64_t connections;
        int64_t connections_per_address;
        int64_t upload_bytes;
        int64_t free_bytes;
        int64_t body_rate;
    } limits;
    struct {
        int64_t idle_seconds;
        int64_t body_seconds;
        int64_t answer_ms;
        int64_t commit_ms;
        int64_t wait_seconds;
        int64_t refresh_ms;
    } times;
    struct {
        int64_t round_seconds;
        int64_t age_seconds;
        int64_t part_seconds;
    } sweep;
};

extern const struct conf_table settings_table;
