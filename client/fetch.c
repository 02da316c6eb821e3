/* SPDX-License-Identifier: MIT */
/*
 * libcurl behind a table of the functions that are used. See the header.
 */
#include "client/fetch.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

enum { ANSWER_MAX = 256 << 20, CONNECT_SECONDS = 10, STALL_SECONDS = 60 };

struct library {
    void *handle;
    __typeof__(curl_global_init) *global_init;
    __typeof__(curl_global_cleanup) *global_cleanup;
    __typeof__(curl_easy_init) *easy_init;
    __typeof__(curl_easy_reset) *easy_reset;
    __typeof__(curl_easy_cleanup) *easy_cleanup;
    __typeof__(curl_easy_setopt) *easy_setopt;
    __typeof__(curl_easy_perform) *easy_perform;
    __typeof__(curl_easy_getinfo) *easy_getinfo;
    __typeof__(curl_easy_strerror) *easy_strerror;
    __typeof__(curl_slist_append) *slist_append;
    __typeof__(curl_slist_free_all) *slist_free_all;
};

struct fetch {
    struct library curl;
    CURL *easy;
    bool is_global;
};

/* One exchange under way, as the callbacks see it. */
struct exchange {
    const struct fetch_request *request;
    struct fetch_answer *answer;
    size_t capacity_bytes;
    int fd; /* of the file that is sent, or -1 */
    bool is_too_long;
    bool is_head_whole; /* libcurl takes an answer that ends in its head for one without a body */
};

static bool find_functions(struct library *library, struct err *err)
{
    const struct {
        const char *name;
        void *place;
    } functions[] = {
        {"curl_global_init", &library->global_init},
        {"curl_global_cleanup", &library->global_cleanup},
        {"curl_easy_init", &library->easy_init},
        {"curl_easy_reset", &library->easy_reset},
        {"curl_easy_cleanup", &library->easy_cleanup},
        {"curl_easy_setopt", &library->easy_setopt},
        {"curl_easy_perform", &library->easy_perform},
        {"curl_easy_getinfo", &library->easy_getinfo},
        {"curl_easy_strerror", &library->easy_strerror},
        {"curl_slist_append", &library->slist_append},
        {"curl_slist_free_all", &library->slist_free_all},
    };
    for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
        void *found = dlsym(library->handle, functions[i].name);
        if (found == NULL) {
            return err_set(err, ERR_SYSTEM, "libcurl has no %s", functions[i].name);
        }
        memcpy(functions[i].place, &found, sizeof(found));
    }
    return true;
}

static bool open_library(struct library *library, struct err *err)
{
    static const char *const names[] = {"libcurl-gnutls.so.4", "libcurl.so.4"};

    for (size_t i = 0; i < ARRAY_SIZE(names) && library->handle == NULL; i++) {
        library->handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    }
    if (library->handle == NULL) {
        return err_set(err, ERR_SYSTEM, "libcurl is missing: install libcurl3-gnutls");
    }
    return find_functions(library, err);
}

bool fetch_open(struct fetch **fetch, struct err *err)
{
    struct fetch *made = calloc(1, sizeof(*made));

    if (made == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for a connection");
    }
    if (!open_library(&made->curl, err)) {
        goto failed;
    }
    made->is_global = made->curl.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    made->easy = made->is_global ? made->curl.easy_init() : NULL;
    if (made->easy == NULL) {
        err_set(err, ERR_SYSTEM, "libcurl does not start");
        goto failed;
    }
    *fetch = made;
    return true;
failed:
    fetch_close(&made);
    return false;
}

void fetch_close(struct fetch **fetch)
{
    struct fetch *ended = *fetch;

    if (ended == NULL) {
        return;
    }
    if (ended->easy != NULL) {
        ended->curl.easy_cleanup(ended->easy);
    }
    if (ended->is_global) {
        ended->curl.global_cleanup();
    }
    free(ended); /* the library stays open: TLS libraries do not like to be unloaded */
    *fetch = NULL;
}

void fetch_answer_free(struct fetch_answer *answer)
{
    bytes_free(&answer->body);
    *answer = (struct fetch_answer){0};
}

static size_t take_body(char *data, size_t size, size_t n, void *context)
{
    struct exchange *exchange = context;
    struct bytes *body = &exchange->answer->body;
    size_t n_bytes = size * n;

    if (n_bytes > ANSWER_MAX - body->size_bytes) {
        exchange->is_too_long = true;
        return 0;
    }
    if (body->size_bytes + n_bytes + 1 > exchange->capacity_bytes) {
        size_t capacity = (body->size_bytes + n_bytes + 1) * 2;
        unsigned char *grown = realloc(body->data, capacity);
        if (grown == NULL) {
            return 0;
        }
        body->data = grown;
        exchange->capacity_bytes = capacity;
    }
    memcpy(body->data + body->size_bytes, data, n_bytes);
    body->size_bytes += n_bytes;
    body->data[body->size_bytes] = '\0';
    return n_bytes;
}

/* The value of a header line "Name: value\r\n" into value[64]; false where the name is another. */
static bool header_value(char value[static FETCH_CONTENT_TYPE_SIZE], const char *line, size_t size,
                         const char *name)
{
    size_t skip = strlen(name);

    if (size <= skip || strncasecmp(line, name, skip) != 0 || line[skip] != ':') {
        return false;
    }
    skip++;
    while (skip < size && line[skip] == ' ') {
        skip++;
    }
    while (size > skip && (line[size - 1] == '\r' || line[size - 1] == '\n')) {
        size--;
    }
    snprintf(value, FETCH_CONTENT_TYPE_SIZE, "%.*s", (int)(size - skip), line + skip);
    return true;
}

static size_t take_header(char *line, size_t size, size_t n, void *context)
{
    struct exchange *exchange = context;
    struct fetch_answer *answer = exchange->answer;
    char value[FETCH_CONTENT_TYPE_SIZE];

    exchange->is_head_whole = size * n <= 2; /* the empty line, until another answer begins */
    if (header_value(value, line, size * n, "Content-Type")) {
        memcpy(answer->content_type, value, sizeof(value));
    } else if (header_value(value, line, size * n, "Retry-After")) {
        char *end;
        long seconds = strtol(value, &end, 10);
        if (end != value && *end == '\0' && seconds >= 0 && seconds <= 86400) {
            answer->retry_after_ms = seconds * 1000;
        }
    } else if (header_value(value, line, size * n, "Upload-Offset") && value[0] != '\0' &&
               strlen(value) <= 15 && strspn(value, "0123456789") == strlen(value)) {
        answer->upload_offset = strtoll(value, NULL, 10);
    }
    return size * n;
}

static size_t give_body(char *data, size_t size, size_t n, void *context)
{
    struct exchange *exchange = context;
    ssize_t n_read;

    do {
        n_read = read(exchange->fd, data, size * n);
    } while (n_read < 0 && errno == EINTR);
    return n_read < 0 ? CURL_READFUNC_ABORT : (size_t)n_read;
}

/* libcurl begins again where a kept connection turns out to be closed. */
static int seek_body(void *context, curl_off_t offset, int origin)
{
    struct exchange *exchange = context;

    if (origin == SEEK_SET) {
        offset += exchange->request->file_offset;
    }
    return lseek(exchange->fd, offset, origin) < 0 ? CURL_SEEKFUNC_FAIL : CURL_SEEKFUNC_OK;
}

static int show_progress(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                         curl_off_t up)
{
    const struct exchange *exchange = context;

    (void)down_total;
    (void)down;
    (void)up_total;
    exchange->request->on_sent(exchange->request->context, up);
    return 0;
}

static void set_limits(struct fetch *fetch, const struct exchange *exchange, char *error_text)
{
    __typeof__(curl_easy_setopt) *set = fetch->curl.easy_setopt;

    fetch->curl.easy_reset(fetch->easy);
    set(fetch->easy, CURLOPT_NOSIGNAL, 1L);
    set(fetch->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    set(fetch->easy, CURLOPT_FOLLOWLOCATION, 0L);
    set(fetch->easy, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    set(fetch->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    set(fetch->easy, CURLOPT_LOW_SPEED_TIME, (long)STALL_SECONDS);
    set(fetch->easy, CURLOPT_USERAGENT, "assay/" ASSAY_VERSION);
    set(fetch->easy, CURLOPT_ERRORBUFFER, error_text);
    set(fetch->easy, CURLOPT_WRITEFUNCTION, take_body);
    set(fetch->easy, CURLOPT_WRITEDATA, exchange);
    set(fetch->easy, CURLOPT_HEADERFUNCTION, take_header);
    set(fetch->easy, CURLOPT_HEADERDATA, exchange);
}

static void set_request(struct fetch *fetch, const struct exchange *exchange,
                        struct curl_slist *headers)
{
    __typeof__(curl_easy_setopt) *set = fetch->curl.easy_setopt;
    const struct fetch_request *request = exchange->request;

    set(fetch->easy, CURLOPT_URL, request->url);
    set(fetch->easy, CURLOPT_HTTPHEADER, headers);
    if (request->file_path != NULL) {
        set(fetch->easy, CURLOPT_UPLOAD, 1L);
        set(fetch->easy, CURLOPT_INFILESIZE_LARGE,
            (curl_off_t)(request->file_bytes - request->file_offset));
        set(fetch->easy, CURLOPT_READFUNCTION, give_body);
        set(fetch->easy, CURLOPT_READDATA, exchange);
        set(fetch->easy, CURLOPT_SEEKFUNCTION, seek_body);
        set(fetch->easy, CURLOPT_SEEKDATA, exchange);
    } else if (request->body != NULL) {
        set(fetch->easy, CURLOPT_POSTFIELDS, request->body);
        set(fetch->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_bytes);
    }
    if (request->on_sent != NULL) {
        set(fetch->easy, CURLOPT_NOPROGRESS, 0L);
        set(fetch->easy, CURLOPT_XFERINFOFUNCTION, show_progress);
        set(fetch->easy, CURLOPT_XFERINFODATA, exchange);
    }
    set(fetch->easy, CURLOPT_CUSTOMREQUEST, request->method);
}

/* What a failed transfer means for the caller. */
static enum fetch_outcome failed_outcome(const struct fetch *fetch, CURLcode code,
                                         const struct exchange *exchange, const char *error_text,
                                         struct err *err)
{
    const char *text = error_text[0] != '\0' ? error_text : fetch->curl.easy_strerror(code);

    if (exchange->is_too_long) {
        err_set(err, ERR_LIMIT, "the answer is longer than %d bytes", ANSWER_MAX);
        return FETCH_FAILED;
    }
    if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL ||
        code == CURLE_PEER_FAILED_VERIFICATION) {
        err_set(err, ERR_CONFIG, "%s", text);
        return FETCH_FAILED;
    }
    if (code == CURLE_OUT_OF_MEMORY || code == CURLE_ABORTED_BY_CALLBACK ||
        code == CURLE_READ_ERROR || code == CURLE_WRITE_ERROR) {
        err_set(err, ERR_SYSTEM, "%s", text);
        return FETCH_FAILED;
    }
    err_set(err, ERR_PEER, "%s", text);
    return FETCH_UNREACHABLE;
}

static bool make_headers(const struct fetch *fetch, struct curl_slist **headers,
                         const char *const *lines, struct err *err)
{
    for (size_t i = 0; i < FETCH_HEADERS_MAX && lines[i] != NULL; i++) {
        struct curl_slist *longer = fetch->curl.slist_append(*headers, lines[i]);
        if (longer == NULL) {
            return err_set(err, ERR_SYSTEM, "no memory for a request");
        }
        *headers = longer;
    }
    return true;
}

static enum fetch_outcome perform(struct fetch *fetch, struct exchange *exchange,
                                  struct curl_slist *headers, struct err *err)
{
    char error_text[CURL_ERROR_SIZE] = "";

    set_limits(fetch, exchange, error_text);
    set_request(fetch, exchange, headers);
    CURLcode code = fetch->curl.easy_perform(fetch->easy);
    fetch->curl.easy_setopt(fetch->easy, CURLOPT_ERRORBUFFER, NULL);
    if (code != CURLE_OK) {
        return failed_outcome(fetch, code, exchange, error_text, err);
    }
    if (!exchange->is_head_whole) {
        err_set(err, ERR_PEER, "the answer ended in its head");
        return FETCH_UNREACHABLE;
    }
    fetch->curl.easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &exchange->answer->status);
    return FETCH_ANSWERED;
}

enum fetch_outcome fetch_exchange(struct fetch *fetch, struct fetch_answer *answer,
                                  const struct fetch_request *request, struct err *err)
{
    struct exchange exchange = {.request = request, .answer = answer, .fd = -1};
    struct curl_slist *headers = NULL;
    enum fetch_outcome outcome = FETCH_FAILED;

    *answer = (struct fetch_answer){.retry_after_ms = -1, .upload_offset = -1};
    if (request->file_path != NULL) {
        exchange.fd = open(request->file_path, O_RDONLY | O_CLOEXEC);
        if (exchange.fd < 0) {
            err_set(err, ERR_SYSTEM, "open %s: %s", request->file_path, strerror(errno));
            return FETCH_FAILED;
        }
        if (lseek(exchange.fd, request->file_offset, SEEK_SET) < 0) {
            err_set(err, ERR_SYSTEM, "seek in %s: %s", request->file_path, strerror(errno));
            close(exchange.fd);
            return FETCH_FAILED;
        }
    }
    if (make_headers(fetch, &headers, request->headers, err)) {
        outcome = perform(fetch, &exchange, headers, err);
    }
    if (outcome != FETCH_ANSWERED) {
        fetch_answer_free(answer);
    }
    fetch->curl.slist_free_all(headers);
    if (exchange.fd >= 0) {
        close(exchange.fd);
    }
    return outcome;
}
