/* SPDX-License-Identifier: MIT */
/*
 * One request on its way through the gateway, as the handlers see it: its arguments, the questions
 * it asks the broker, and the one answer it gets. A handler answers, or asks and answers in what
 * it named for the reply. Handlers know neither sockets nor the HTTP library.
 */
#pragma once

#include "broker/gateway/copies.h"
#include "broker/gateway/http.h"
#include "broker/gateway/link.h"
#include "broker/gateway/metrics.h"
#include "broker/gateway/router.h"
#include "broker/gateway/settings.h"
#include "broker/store/finisher.h"

/* What the handlers share. */
struct gateway_parts {
    struct settings settings;
    struct http_server *http;
    struct link *link;
    struct copies *copies;
    struct blobs *blobs;
    struct finisher *finisher;
    struct sweep *sweep;
    struct metrics metrics;
    struct exchange *uploads; /* those that add to a promised file; see upload.h */
    struct exchange *pollers; /* those that wait for a submission to change; see poll.h */
};

enum { EXCHANGE_BODY_MAX = 64 << 10, EXCHANGE_KEY_BYTES = 16 };

/* A file that is arriving; see upload.h. */
struct exchange_upload {
    struct exchange *next;     /* in parts->uploads */
    struct blobs_upload *blob; /* owned */
    uint64_t bytes_max;
    int64_t received_ms;
    uint8_t key[EXCHANGE_KEY_BYTES];
    char competition[ROUTE_ARG_SIZE];
    bool is_promised;
    uint8_t id[BLOBS_PART_ID_BYTES]; /* of the promise */
    int64_t until_ms;
    uint64_t size_bytes; /* of the whole file; known where it was promised, and at its end */
    uint64_t offset;     /* a piece: where it begins */
    bool is_last;
    void (*on_done)(struct exchange *exchange); /* the job is back */
    struct finisher_job job;                    /* holds the SHA-256: as promised, and at its end */
};

/* A wait for a submission to change; see poll.h. */
struct exchange_poll {
    struct exchange *next; /* in parts->pollers */
    void (*look)(struct exchange *exchange);
    bool is_woken; /* an event came while the broker was being asked */
    int64_t until_ms;
    int64_t look_at_ms; /* 0: the broker is being asked */
};

struct exchange {
    struct gateway_parts *parts;  /* borrowed */
    struct http_request *request; /* borrowed */
    const struct route *route;    /* borrowed; NULL: none */
    struct route_args args;
    int64_t started_ms;
    bool is_page; /* its errors are pages too */
    bool is_answered;
    struct bytes body; /* owned; of a BODY_SMALL */
    void (*on_body)(struct exchange *exchange, const void *data, size_t size); /* BODY_UPLOAD */
    void (*on_end)(struct exchange *exchange);
    uint64_t ask_id;         /* 0: nothing was asked */
    enum wire_type expected; /* 0: whatever comes */
    void (*on_reply)(struct exchange *exchange, const struct wire_message *reply);
    void (*on_copy)(struct exchange *exchange, struct copy *copy);
    struct copies_waiter waiter;
    struct exchange_upload upload;
    struct exchange_poll poll;
    int64_t list_rows;       /* a list of submissions: asked for */
    struct wire_buffer kept; /* owned; an answer of the broker that the next one is shown with */
};

/* Errors: ERR_SYSTEM (no memory). Owns: *exchange is owned by the caller. */
MUST_CHECK bool exchange_open(struct exchange **exchange, struct gateway_parts *parts,
                              struct http_request *request, struct err *err);

/* Forgets what it still waits for, and drops an upload that was not finished. */
void exchange_close(struct exchange **exchange);

/* ---- the request ---- */

/* The bearer token, empty where there is none; borrowed. Never log it. */
struct wire_bytes exchange_token(const struct exchange *exchange);

/* A query parameter, NULL where it is missing; borrowed. */
const char *exchange_query(const struct exchange *exchange, const char *name);

/*
 * Reads a number from the query.
 *
 * Errors   ERR_INPUT  it is no number in min to max
 */
MUST_CHECK bool exchange_query_int(int64_t *value, const struct exchange *exchange,
                                   const char *name, int64_t fallback, int64_t min, int64_t max,
                                   struct err *err);

/* ---- questions to the broker ---- */

/*
 * Asks; `on_reply` is called with an answer of type `expected` only, everything else is answered
 * to the client here. A question that changes nothing, or nothing twice, may be repeated.
 */
void exchange_ask(struct exchange *exchange, struct wire_message *message, enum wire_type expected,
                  void (*on_reply)(struct exchange *exchange, const struct wire_message *reply));
void exchange_ask_once(struct exchange *exchange, struct wire_message *message,
                       enum wire_type expected,
                       void (*on_reply)(struct exchange *exchange,
                                        const struct wire_message *reply));

/* Asks for so long, again and again; `on_reply` gets every reply, NULL where none came. */
void exchange_ask_long(struct exchange *exchange, struct wire_message *message, int64_t patience_ms,
                       void (*on_reply)(struct exchange *exchange,
                                        const struct wire_message *reply));

/* Gets a copy; refusals are answered to the client here. */
void exchange_get_copy(struct exchange *exchange, enum copy_kind kind, const char *competition,
                       void (*on_copy)(struct exchange *exchange, struct copy *copy));

/* ---- the answer ---- */

/* Takes the written bytes as the answer's body. */
void exchange_answer(struct exchange *exchange, unsigned status, struct jwriter *writer,
                     const char *type);

/* As exchange_answer, with header fields (borrowed for the call). */
void exchange_answer_with(struct exchange *exchange, unsigned status, struct jwriter *writer,
                          const char *type, const struct http_field *fields, size_t n_fields);

/* A content that others get too: with its ETag, or 304 where the client has it already. */
void exchange_answer_shared(struct exchange *exchange, struct content *content,
                            const char *cache_control);

/* An error of ours or of the client's: problem+json, or a page for a page. */
void exchange_fail(struct exchange *exchange, unsigned status, const char *code,
                   const char *detail);

/* The same with header fields (borrowed for the call). */
void exchange_fail_with(struct exchange *exchange, unsigned status, const char *code,
                        const char *detail, const struct http_field *fields, size_t n_fields);

/* Come again after so many seconds. */
void exchange_fail_busy(struct exchange *exchange, int64_t seconds, const char *detail);

/* 405 with the methods that there are. */
void exchange_fail_method(struct exchange *exchange, const char *allowed);

/* 400, with the position of the error. */
void exchange_fail_input(struct exchange *exchange, const struct err *err);

/* What an error of ours or of the input means to the client. */
void exchange_fail_err(struct exchange *exchange, const struct err *err);

/* What the broker refused, or (NULL) did not answer, or answered wrongly. */
void exchange_fail_reply(struct exchange *exchange, const struct wire_message *reply);
