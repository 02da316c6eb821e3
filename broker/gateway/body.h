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

/* {0} … body_competition_free */
struct body_competition {
    char *yaml; /* owned */
    uint8_t label_root[SHA256_BYTES];
    uint8_t label_set[SHA256_BYTES];
    uint8_t ids[SHA256_BYTES];
    int64_t n_images;
    int64_t n_public;
    int64_t n_private;
    uint8_t organizer[SHA256_BYTES]; /* Ed25519 */
    uint8_t score_seed[SHA256_BYTES];
    char workers[3301]; /* separated by spaces */
};

/*
 * {"yaml":"…","labels":{"root":"HEX","set_sha256":"HEX","ids_sha256":"HEX","images":N,"public":N,
 * "private":N},"workers":["…",…],"organizer":"HEX","score_seed_sha256":"HEX"}, all of it.
 *
 * Errors   as body_read_team; ERR_SYSTEM
 */
MUST_CHECK bool body_read_competition(struct body_competition *competition, const void *data,
                                      size_t size, struct err *err);
void body_competition_free(struct body_competition *competition);

struct body_workers {
    char workers[3301]; /* separated by spaces */
};

/* {"workers":["…",…]}. Errors: as body_read_team. */
MUST_CHECK bool body_read_workers(struct body_workers *workers, const void *data, size_t size,
                                  struct err *err);

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

struct body_move {
    enum wire_move move;
    uint8_t order[64]; /* zeros where there is none */
};

/* {"move":"publish"|"freeze"|"reveal","order":"BASE64"}; the last may be missing. Errors: as
 * body_read_team. */
MUST_CHECK bool body_read_move(struct body_move *move, const void *data, size_t size,
                               struct err *err);

struct body_correction {
    int64_t labels; /* version */
    uint8_t label_root[SHA256_BYTES];
    uint8_t label_set[SHA256_BYTES];
    int64_t n_public;
    int64_t n_private;
    char reason[201];
    uint8_t proof[SHA256_BYTES];
    uint8_t order[64];
};

/* {"labels":N,"root":"HEX","set_sha256":"HEX","public":N,"private":N,"reason":"…",
 * "proof_sha256":"HEX","order":"BASE64"}. Errors: as body_read_team. */
MUST_CHECK bool body_read_correction(struct body_correction *correction, const void *data,
                                     size_t size, struct err *err);

struct body_disclosure {
    int64_t labels; /* version */
    uint8_t label_seed[SHA256_BYTES];
    uint8_t rows[SHA256_BYTES];
};

/* {"labels":N,"label_seed":"HEX","rows_sha256":"HEX"}. Errors: as body_read_team. */
MUST_CHECK bool body_read_disclosure(struct body_disclosure *disclosure, const void *data,
                                     size_t size, struct err *err);
