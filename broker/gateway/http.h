/* SPDX-License-Identifier: MIT */
/*
 * The HTTP server as the rest of the gateway sees it: requests come in through four hooks, one
 * answer goes out. A request can be held while something else is asked. One thread; bodies are
 * handed on as they arrive and never collected here. The library's names stay in http.c.
 */
#pragma once

#include "broker/gateway/content.h"
#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

struct http_server;
struct http_request;

enum http_method { HTTP_GET, HTTP_PUT, HTTP_POST, HTTP_PATCH, HTTP_OTHER }; /* HEAD as GET */

#define HTTP_LENGTH_UNKNOWN UINT64_MAX

/*
 * What happens to a request, in this order. Every request ends with `gone`, whether it was
 * answered or its client left; a client that leaves while its request is held is noticed later.
 */
struct http_hooks {
    void *context;
    /* The head is there, no byte of the body was read. Answer, hold, or let the body come. */
    void (*head)(void *context, struct http_request *request);
    /* A piece of the body; not called after an answer. */
    void (*body)(void *context, struct http_request *request, const void *data, size_t size);
    /* The body is complete (or there is none). Answer or hold. */
    void (*end)(void *context, struct http_request *request);
    void (*gone)(void *context, struct http_request *request);
    /* The body comes too slowly: cut the request and answer. */
    void (*slow)(void *context, struct http_request *request);
};

struct http_options {
    const char *listen; /* "127.0.0.1:8080", "[::1]:8080"; port 0 picks one */
    unsigned connections_max;
    unsigned connections_per_address_max; /* 0: no limit */
    unsigned idle_seconds;
    /* A body must bring so many bytes a second, over every stretch of so many seconds. */
    uint64_t body_rate_min; /* 0: no limit */
    unsigned body_rate_seconds;
};

/*
 * Opens the server; requests come in http_run.
 *
 * Errors   ERR_CONFIG  the address is not one, or cannot be bound
 *          ERR_SYSTEM  the library refuses to start
 * Owns     *server is owned by the caller; end it with http_close, which answers what is held
 *          with 503
 */
MUST_CHECK bool http_open(struct http_server **server, const struct http_options *options,
                          const struct http_hooks *hooks, struct err *err);
void http_close(struct http_server **server);

/* "http://127.0.0.1:8080", with the port that was picked. */
const char *http_address(const struct http_server *server);

/* A descriptor that is readable when http_run has work. */
int http_descriptor(const struct http_server *server);

/* How long http_run may wait for the descriptor at most; -1: for ever. */
int64_t http_timeout_ms(const struct http_server *server);

/* Does what there is to do, without waiting. */
void http_run(struct http_server *server);

enum http_method http_request_method(const struct http_request *request);

/* Decoded, without scheme, authority and query; begins with '/'. */
const char *http_request_path(const struct http_request *request);

/* NULL where it is missing; borrowed until `gone`. */
const char *http_request_header(const struct http_request *request, const char *name);
const char *http_request_query(const struct http_request *request, const char *name);

/* Bytes of the body as announced: 0 without one, HTTP_LENGTH_UNKNOWN where it is chunked. */
uint64_t http_request_length(const struct http_request *request);

/* What the hooks keep with a request. */
void http_request_set_user(struct http_request *request, void *user);
void *http_request_user(const struct http_request *request);

/* Nothing more is read from the client until http_go_on or http_answer; in head and end only. */
void http_hold(struct http_request *request);
void http_go_on(struct http_request *request);

struct http_field {
    const char *name;
    const char *value;
};

enum { HTTP_FIELDS_MAX = 16 };

struct http_answer {
    unsigned status;
    size_t n_fields;
    struct http_field fields[HTTP_FIELDS_MAX]; /* copied */
    struct content *content;                   /* NULL: no body; held as long as it is needed */
};

/*
 * The answer that follows at once goes out now, in the middle of a body, and the connection ends
 * behind it. Only while the body comes; false where it does not, and nothing changes.
 */
MUST_CHECK bool http_cut(struct http_request *request);

/*
 * Answers, once. In the head, the body is not read any more and the connection closed after the
 * answer; a body that is answered in its middle is dropped up to its end.
 */
void http_answer(struct http_request *request, const struct http_answer *answer);
