/* SPDX-License-Identifier: MIT */
/*
 * The JSON bodies of requests, read and bounded. Hostile until here.
 */
#pragma once

#include "common/sha256.h"
#include "schemas/wire.h"

struct body_team {
    char name[101];
    char members[501]; /* user names separated by commas */
};

struct body_token {
    char name[101]; /* of the team */
    bool is_reader;
    int64_t days; /* 0: it does not expire */
};

struct body_selection {
    char submissions[3301]; /* ids separated by spaces */
};

struct body_promise {
    uint8_t sha256[SHA256_BYTES];
    int64_t bytes;
    char file_name[256];
    char message[501];
};

/* {"sha256":"…","bytes":N,"file_name":"…","message":"…"}; the last two may be missing. */
MUST_CHECK bool body_read_promise(struct body_promise *promise, const void *data, size_t size,
                                  struct err *err);

/*
 * {"name":"…","members":["…",…]}; members may be missing.
 *
 * Errors   ERR_INPUT  not such a body: the key that is wrong, or line and column of the JSON
 */
MUST_CHECK bool body_read_team(struct body_team *team, const void *data, size_t size,
                               struct err *err);

/* {"name":"…","read_only":false,"days":N}; the last two may be missing. Errors: as body_read_team.
 */
MUST_CHECK bool body_read_token(struct body_token *token, const void *data, size_t size,
                                struct err *err);

/* {"submissions":["ID",…]}. Errors: as body_read_team. */
MUST_CHECK bool body_read_selection(struct body_selection *selection, const void *data, size_t size,
                                    struct err *err);

/* {"move":"publish"|"freeze"|"reveal"}. Errors: as body_read_team. */
MUST_CHECK bool body_read_move(enum wire_move *move, const void *data, size_t size,
                               struct err *err);
