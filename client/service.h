/* SPDX-License-Identifier: MIT */
/*
 * Questions to the service: who asks (address and token), what is asked, and what a refusal means.
 * A refusal is shown here, as the service explains it (problem+json), so that a command only has to
 * pass the exit code on.
 */
#pragma once

#include "client/command.h"
#include "client/fetch.h"
#include "client/login.h"
#include "common/jdoc.h"

enum { SERVICE_PATH_SIZE = 4096, SERVICE_KEY_SIZE = 33 };

struct service; /* an address, a token, a connection that is opened by the first question */

/* What is asked. */
struct service_request {
    const char *method; /* "GET" */
    const char *path;   /* "/v1/competitions" */
    const char *content_type;
    const void *body;
    size_t body_bytes;
    const char *file_path; /* the body, instead */
    int64_t file_bytes;
    bool is_piece; /* what follows file_offset of a promised file, to its end */
    int64_t file_offset;
    const char *idempotency_key; /* or NULL */
    int wait_seconds;            /* "Prefer: wait=N", 0 without */
    int n_tries; /* more than 1 only for what may be asked again: the service cannot be told apart
                    from a broken connection */
    bool has_progress; /* show how much of the file was sent */
};

/* What was answered: JSON where the service said so, and the bytes. */
struct service_answer {
    struct fetch_answer http;
    struct jdoc *json; /* NULL where the answer is no JSON */
};

/*
 * Finds address and token as login_find does.
 *
 * Errors   as login_find
 * Owns     *service is owned by the caller; end it with service_close
 */
MUST_CHECK bool service_open(struct service **service, const char *url, const char *token_path,
                             struct err *err);

/* As service_open, with a login that is not kept yet. */
MUST_CHECK bool service_open_as(struct service **service, const struct login *login,
                                struct err *err);
void service_close(struct service **service);

/* The address, for links. */
const char *service_url(const struct service *service);

/*
 * Asks. EXIT_DONE and *answer filled when the service did as it was asked; otherwise everything
 * there is to say stands on stderr and the result is the command's exit code. A broken connection
 * and a 503 are tried again (n_tries), honouring Retry-After.
 */
MUST_CHECK int service_ask(struct service *service, struct service_answer *answer,
                           const struct service_request *request);

/*
 * Asks once and explains nothing: FETCH_ANSWERED with *answer filled, whatever its status.
 *
 * Errors   as fetch_exchange; ERR_PEER (the answer's JSON is none) with FETCH_FAILED
 */
MUST_CHECK enum fetch_outcome service_try(struct service *service, struct service_answer *answer,
                                          const struct service_request *request, struct err *err);

/* The exit code of an answer; a refusal is shown. */
MUST_CHECK int service_judge(const struct service_answer *answer);

/* Tells why, and sleeps before the next try: as the service says (-1: it does not), else doubling
 * with a random part. */
void service_pause(int n_tried, int64_t retry_after_ms, const char *why);

/* What the team has left, as the answer tells it: a line on stderr, or nothing. */
void service_print_quota(const struct jvalue *object);

/* As service_ask of "GET path". */
MUST_CHECK int service_get(struct service *service, struct service_answer *answer,
                           const char *path);
void service_answer_free(struct service_answer *answer);

/* The root of the JSON; NULL without any. */
const struct jvalue *service_root(const struct service_answer *answer);

/* Prints the answer's bytes with a line end behind them, safe for a terminal. */
void service_print_body(const struct service_answer *answer);

/* A member's text, "" where there is none; a member's number, 0 where there is none. */
const char *service_text(const struct jvalue *object, const char *key);
int64_t service_int(const struct jvalue *object, const char *key);
bool service_bool(const struct jvalue *object, const char *key);

/* The file's errors of an answer: "LINE:COLUMN: text" each, on stderr. */
void service_print_errors(const struct jvalue *object);

/*
 * Adds printf-style text to a path; with `%s` only for what was checked to need no escape.
 * Errors: ERR_LIMIT.
 */
MUST_CHECK bool service_path(char path[static SERVICE_PATH_SIZE], struct err *err,
                             const char *format, ...) PRINTF_LIKE(3, 4);

/* Adds "?key=" or "&key=" and the percent-encoded text. Errors: ERR_LIMIT. */
MUST_CHECK bool service_query(char path[static SERVICE_PATH_SIZE], const char *key,
                              const char *text, struct err *err);

/* Errors: ERR_CONFIG (not [a-z0-9-], 1 to 63 characters). */
MUST_CHECK bool service_check_competition(const char *id, struct err *err);

/* Errors: ERR_CONFIG (not 32 lower-case hexadecimal digits). */
MUST_CHECK bool service_check_submission(const char *id, struct err *err);
