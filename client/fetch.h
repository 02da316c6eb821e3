/* SPDX-License-Identifier: MIT */
/*
 * One HTTP exchange at a time over libcurl, which is opened when the first one starts: commands
 * that work offline load no network library. No redirects (a token goes to one address only), only
 * http and https, answers bounded, a stalled connection given up after a minute.
 */
#pragma once

#include "common/file.h"

struct fetch;

enum { FETCH_HEADERS_MAX = 8, FETCH_CONTENT_TYPE_SIZE = 64 };

struct fetch_request {
    const char *method;
    const char *url;
    const char *headers[FETCH_HEADERS_MAX]; /* "Name: value", ends with NULL */
    const void *body;                       /* or NULL */
    size_t body_bytes;
    const char *file_path; /* streamed as the body instead, or NULL */
    int64_t file_bytes;
    int64_t file_offset; /* only what follows is sent */
    /* told how much of the file was sent, or NULL */
    void (*on_sent)(void *context, int64_t sent_bytes);
    void *context;
};

struct fetch_answer {
    long status;
    struct bytes body; /* owned */
    char content_type[FETCH_CONTENT_TYPE_SIZE];
    int64_t retry_after_ms; /* -1 where the service did not say */
    int64_t upload_offset;  /* likewise */
};

enum fetch_outcome {
    FETCH_ANSWERED,    /* with whatever status */
    FETCH_UNREACHABLE, /* not connected, or broken before the whole answer: may be tried again */
    FETCH_FAILED,      /* trying again would not help */
};

/*
 * Opens the library.
 *
 * Errors   ERR_SYSTEM  libcurl is not installed, or no memory
 */
MUST_CHECK bool fetch_open(struct fetch **fetch, struct err *err);
void fetch_close(struct fetch **fetch);

/* Frees an answer's body. */
void fetch_answer_free(struct fetch_answer *answer);

/*
 * Makes one exchange. Only FETCH_ANSWERED fills *answer; the caller frees it.
 *
 * Errors   ERR_PEER    with FETCH_UNREACHABLE
 *          ERR_CONFIG, ERR_SYSTEM, ERR_LIMIT  with FETCH_FAILED
 */
MUST_CHECK enum fetch_outcome fetch_exchange(struct fetch *fetch, struct fetch_answer *answer,
                                             const struct fetch_request *request, struct err *err);
