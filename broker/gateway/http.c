/* SPDX-License-Identifier: MIT */
/*
 * libmicrohttpd on its epoll descriptor inside our loop. What its handler calls mean depends on
 * the stage of the request:
 *   - without a body, an answer queued in the first call closes the connection: the head hook runs
 *     in the second call;
 *   - with a body, only the first call comes before "100 Continue" and the body; a connection
 *     suspended there gets the first call again when it is resumed;
 *   - an answer can be queued in the first and in the last call, never between them.
 */
#include "broker/gateway/http.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "broker/gateway/listen.h"
#include "broker/gateway/parting.h"
#include "common/log.h"
#include "common/text.h"

enum {
    CONNECTION_BYTES = 32 << 10,
    DRAIN_BYTES = 16 << 20, /* of a body without a length that was answered in the middle */
    CLOSE_ROUNDS = 100,
    CUT_HEAD_BYTES = 2048,
    RATE_LOOK_MS = 1000,
};

enum stage {
    STAGE_HEAD,      /* the head hook was not called yet */
    STAGE_HEAD_HELD, /* it holds the request */
    STAGE_BODY,      /* the body may come */
    STAGE_END_HELD,  /* the end hook holds the request */
    STAGE_ANSWERED,  /* the answer is with the library */
};

struct http_request {
    struct http_server *server;
    struct MHD_Connection *connection;
    struct http_request *next; /* in server->requests */
    struct http_request *previous;
    enum http_method method;
    char *path;
    uint64_t length;
    uint64_t drained_bytes;
    enum stage stage;
    bool is_held;
    bool is_suspended;
    bool is_answered;
    bool is_cut;           /* before its body was read to its end */
    bool is_cutting;       /* the answer goes out past the library */
    int64_t rate_since_ms; /* the stretch over which the body's rate is taken */
    uint64_t rate_bytes;
    unsigned status;               /* of the answer */
    struct MHD_Response *response; /* NULL where there was no memory for it */
    void *user;
};

struct http_server {
    struct http_hooks hooks;
    struct MHD_Daemon *daemon;
    struct http_request *requests;
    struct parting *parting;
    int epoll_fd; /* over the library's and that of the parting connections */
    int64_t parting_at_ms;
    uint64_t body_rate_min;
    int64_t body_rate_ms;
    int64_t rate_at_ms; /* when rates are looked at again */
    bool has_resumed;   /* the library does not wake its descriptor for these */
    char address[LISTEN_ADDRESS_SIZE];
};

/* ---- one request ---- */

static enum http_method read_method(const char *method)
{
    static const struct {
        const char *name;
        enum http_method method;
    } known[] = {{MHD_HTTP_METHOD_GET, HTTP_GET},
                 {MHD_HTTP_METHOD_HEAD, HTTP_GET},
                 {MHD_HTTP_METHOD_PUT, HTTP_PUT},
                 {MHD_HTTP_METHOD_POST, HTTP_POST},
                 {MHD_HTTP_METHOD_PATCH, HTTP_PATCH}};

    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (strcmp(known[i].name, method) == 0) {
            return known[i].method;
        }
    }
    return HTTP_OTHER;
}

/* A target may be "http://host/path" (RFC 9112, 3.2.2): what follows the authority. */
static const char *skip_authority(const char *url)
{
    for (size_t n = 7; n <= 8; n++) {
        if (strncasecmp(url, n == 7 ? "http://" : "https://", n) == 0) {
            const char *slash = strchr(url + n, '/');
            return slash == NULL ? "/" : slash;
        }
    }
    return url;
}

/* The library has checked that a Content-Length is a number. */
static uint64_t read_length(struct MHD_Connection *connection)
{
    if (MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
                                    MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL) {
        return HTTP_LENGTH_UNKNOWN;
    }
    const char *text =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return text == NULL ? 0 : strtoull(text, NULL, 10);
}

static struct http_request *request_start(struct http_server *server,
                                          struct MHD_Connection *connection, const char *url,
                                          const char *method)
{
    struct http_request *request = calloc(1, sizeof(*request));

    if (request == NULL) {
        return NULL;
    }
    *request = (struct http_request){.server = server,
                                     .connection = connection,
                                     .method = read_method(method),
                                     .path = strdup(skip_authority(url)),
                                     .length = read_length(connection),
                                     .next = server->requests};
    if (request->path == NULL) {
        free(request);
        return NULL;
    }
    if (request->next != NULL) {
        request->next->previous = request;
    }
    server->requests = request;
    return request;
}

static enum MHD_Result queue_answer(struct http_request *request)
{
    request->stage = STAGE_ANSWERED;
    if (request->response == NULL) {
        return MHD_NO;
    }
    return MHD_queue_response(request->connection, request->status, request->response);
}

static enum MHD_Result suspend(struct http_request *request, enum stage stage)
{
    request->stage = stage;
    request->is_suspended = true;
    MHD_suspend_connection(request->connection);
    return MHD_YES;
}

/* The last call, with or without a body before it. */
static enum MHD_Result step_end(struct http_request *request)
{
    struct http_hooks *hooks = &request->server->hooks;

    if (!request->is_answered) {
        hooks->end(hooks->context, request);
    }
    if (request->is_held) {
        return suspend(request, STAGE_END_HELD);
    }
    return request->is_answered ? queue_answer(request) : MHD_NO;
}

/* After the head hook: refuse now, or let the body come. */
static enum MHD_Result step_body(struct http_request *request)
{
    if (request->is_answered) {
        request->is_cut = request->length > 0;
        return queue_answer(request);
    }
    request->stage = STAGE_BODY;
    request->rate_since_ms = time_boot_ms();
    return request->length > 0 ? MHD_YES : step_end(request);
}

static enum MHD_Result step(struct http_request *request)
{
    struct http_hooks *hooks = &request->server->hooks;

    switch (request->stage) {
    case STAGE_HEAD:
        hooks->head(hooks->context, request);
        return request->is_held ? suspend(request, STAGE_HEAD_HELD) : step_body(request);
    case STAGE_HEAD_HELD:
        return step_body(request);
    case STAGE_BODY:
        return step_end(request);
    case STAGE_END_HELD:
        return request->is_answered ? queue_answer(request) : MHD_NO;
    case STAGE_ANSWERED:
        return MHD_YES;
    }
    return MHD_NO;
}

static enum MHD_Result take_body(struct http_request *request, const char *data, size_t size)
{
    struct http_hooks *hooks = &request->server->hooks;

    request->rate_bytes += size;
    if (request->is_cutting) {
        return MHD_NO;
    }
    if (!request->is_answered) {
        hooks->body(hooks->context, request, data, size);
        return MHD_YES;
    }
    request->drained_bytes += size;
    bool is_too_much =
        request->length == HTTP_LENGTH_UNKNOWN && request->drained_bytes > DRAIN_BYTES;
    return is_too_much ? MHD_NO : MHD_YES;
}

static enum MHD_Result on_call(void *context, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *data,
                               size_t *size, void **user)
{
    struct http_request *request = *user;

    (void)version;
    if (request == NULL) {
        request = request_start(context, connection, url, method);
        if (request == NULL) {
            return MHD_NO;
        }
        *user = request;
        if (request->length == 0) {
            return MHD_YES; /* an answer from here would close the connection */
        }
    }
    if (*size > 0) {
        size_t taken = *size;
        *size = 0;
        return take_body(request, data, taken);
    }
    return step(request);
}

/* The socket of a connection; -1 where the library does not say. */
static int socket_of(const struct http_request *request)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    return info == NULL ? -1 : info->connect_fd;
}

/* The answer is out, the library closes its descriptor next: ours stays a while. */
static void part(struct http_request *request)
{
    int fd = socket_of(request);

    if (fd >= 0) {
        parting_add(request->server->parting, fd, time_boot_ms());
        request->server->has_resumed = true;
    }
}

static void on_completed(void *context, struct MHD_Connection *connection, void **user,
                         enum MHD_RequestTerminationCode code)
{
    struct http_server *server = context;
    struct http_request *request = *user;

    (void)connection;
    (void)code;
    if (request == NULL) {
        return;
    }
    server->hooks.gone(server->hooks.context, request);
    if (request->is_cut) {
        part(request);
    }
    if (request->previous != NULL) {
        request->previous->next = request->next;
    } else {
        server->requests = request->next;
    }
    if (request->next != NULL) {
        request->next->previous = request->previous;
    }
    if (request->response != NULL) {
        MHD_destroy_response(request->response);
    }
    free(request->path);
    free(request);
    *user = NULL;
}

enum http_method http_request_method(const struct http_request *request)
{
    return request->method;
}

const char *http_request_path(const struct http_request *request)
{
    return request->path;
}

const char *http_request_header(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const char *http_request_query(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

uint64_t http_request_length(const struct http_request *request)
{
    return request->length;
}

void http_request_set_user(struct http_request *request, void *user)
{
    request->user = user;
}

void *http_request_user(const struct http_request *request)
{
    return request->user;
}

void http_hold(struct http_request *request)
{
    assert(!request->is_answered);
    request->is_held = true;
}

void http_go_on(struct http_request *request)
{
    request->is_held = false;
    if (request->is_suspended) {
        request->is_suspended = false;
        request->server->has_resumed = true;
        MHD_resume_connection(request->connection);
    }
}

static void let_go(void *content)
{
    struct content *held = content;

    content_release(&held);
}

bool http_cut(struct http_request *request)
{
    request->is_cutting =
        request->stage == STAGE_BODY && !request->is_held && !request->is_answered;
    return request->is_cutting;
}

/* Ends a connection whose body still comes: the library finds it closed, ours stays for a while. */
static void end_reading(struct http_request *request)
{
    int fd = socket_of(request);

    request->is_cut = true;
    if (fd >= 0) {
        shutdown(fd, SHUT_RD);
    }
    request->server->has_resumed = true;
}

/*
 * The library answers in the middle of a body at its end only. Nothing was sent on the connection
 * but "100 Continue", so that its buffer has room for the answer; where it has not, the client
 * sees the connection end.
 */
static void answer_past_library(struct http_request *request, const struct http_answer *answer)
{
    static const struct bytes none;
    const struct bytes *body = answer->content == NULL ? &none : &answer->content->bytes;
    char head[CUT_HEAD_BYTES];
    size_t size = 0;
    int fd = socket_of(request);

    int n = snprintf(head, sizeof(head), "HTTP/1.1 %u %s\r\nConnection: close\r\n", answer->status,
                     MHD_get_reason_phrase_for(answer->status));
    for (size_t i = 0; n > 0 && i < answer->n_fields; i++) {
        size += (size_t)n;
        n = size >= sizeof(head) ? -1
                                 : snprintf(head + size, sizeof(head) - size, "%s: %s\r\n",
                                            answer->fields[i].name, answer->fields[i].value);
    }
    size += n > 0 ? (size_t)n : sizeof(head);
    if (size < sizeof(head)) {
        n = snprintf(head + size, sizeof(head) - size, "Content-Length: %zu\r\n\r\n",
                     body->size_bytes);
        size += n > 0 ? (size_t)n : sizeof(head);
    }
    if (fd >= 0 && size < sizeof(head) &&
        send(fd, head, size, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)size &&
        body->size_bytes > 0) {
        (void)send(fd, body->data, body->size_bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    end_reading(request);
}

void http_answer(struct http_request *request, const struct http_answer *answer)
{
    struct content *content = answer->content;

    assert(!request->is_answered);
    request->is_answered = true;
    request->status = answer->status;
    if (request->is_cutting) {
        answer_past_library(request, answer);
        return;
    }
    if (content == NULL) {
        request->response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    } else {
        request->response = MHD_create_response_from_buffer_with_free_callback_cls(
            content->bytes.size_bytes, content->bytes.data, let_go, content_hold(content));
        if (request->response == NULL) {
            let_go(content);
        }
    }
    for (size_t i = 0; request->response != NULL && i < answer->n_fields; i++) {
        MHD_add_response_header(request->response, answer->fields[i].name, answer->fields[i].value);
    }
    http_go_on(request);
}

/* ---- the server ---- */

PRINTF_LIKE(2, 0)
static void on_log(void *context, const char *format, va_list args)
{
    char text[ERR_TEXT_MAX];

    (void)context;
    vsnprintf(text, sizeof(text), format, args);
    text[strcspn(text, "\n")] = '\0';
    log_debug("http library", "text=%s", text);
}

static bool watch(struct http_server *server, int fd, struct err *err)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    return epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0 ||
           err_set(err, ERR_SYSTEM, "epoll: %s", strerror(errno));
}

static bool start_daemon(struct http_server *server, const struct http_options *options, int fd,
                         struct err *err)
{
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_call,
        server, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, server, MHD_OPTION_CONNECTION_LIMIT,
        options->connections_max, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        options->connections_per_address_max, MHD_OPTION_CONNECTION_TIMEOUT, options->idle_seconds,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_STRICT_FOR_CLIENT,
        1, MHD_OPTION_END);
    if (server->daemon == NULL) {
        return err_set(err, ERR_SYSTEM, "the HTTP library does not start");
    }
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL || info->epoll_fd < 0) {
        return err_set(err, ERR_SYSTEM, "the HTTP library has no epoll descriptor");
    }
    return watch(server, info->epoll_fd, err) &&
           watch(server, parting_descriptor(server->parting), err);
}

static void free_server(struct http_server *server)
{
    parting_close(&server->parting);
    if (server->epoll_fd >= 0) {
        close(server->epoll_fd);
    }
    free(server);
}

bool http_open(struct http_server **server, const struct http_options *options,
               const struct http_hooks *hooks, struct err *err)
{
    struct http_server *opened = calloc(1, sizeof(*opened));
    int fd = -1;

    if (opened == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for an HTTP server");
    }
    opened->hooks = *hooks;
    opened->body_rate_min = options->body_rate_min;
    opened->body_rate_ms = 1000 * (int64_t)options->body_rate_seconds;
    opened->parting_at_ms = -1;
    opened->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (opened->epoll_fd < 0) {
        err_set(err, ERR_SYSTEM, "epoll: %s", strerror(errno));
        goto fail;
    }
    if (!parting_open(&opened->parting, err) ||
        !listen_open(&fd, opened->address, options->listen, err) ||
        !start_daemon(opened, options, fd, err)) {
        goto fail;
    }
    *server = opened;
    return true;
fail:
    if (opened->daemon != NULL) {
        MHD_stop_daemon(opened->daemon); /* closes the socket */
    } else if (fd >= 0) {
        close(fd);
    }
    free_server(opened);
    return false;
}

/* The library must not stop with suspended connections. */
static bool answer_held(struct http_server *server)
{
    const struct http_answer answer = {.status = MHD_HTTP_SERVICE_UNAVAILABLE,
                                       .n_fields = 1,
                                       .fields = {{MHD_HTTP_HEADER_RETRY_AFTER, "1"}}};
    bool had_one = false;

    for (struct http_request *request = server->requests; request != NULL;
         request = request->next) {
        if (request->is_held) {
            http_answer(request, &answer);
            had_one = true;
        }
    }
    return had_one;
}

void http_close(struct http_server **server)
{
    struct http_server *closed = *server;

    if (closed == NULL) {
        return;
    }
    MHD_socket listener = MHD_quiesce_daemon(closed->daemon);
    for (int i = 0; i < CLOSE_ROUNDS && answer_held(closed); i++) {
        MHD_run(closed->daemon);
    }
    MHD_run(closed->daemon);
    MHD_stop_daemon(closed->daemon);
    if (listener != MHD_INVALID_SOCKET) {
        close(listener);
    }
    free_server(closed);
    *server = NULL;
}

const char *http_address(const struct http_server *server)
{
    return server->address;
}

int http_descriptor(const struct http_server *server)
{
    return server->epoll_fd;
}

/* ---- slow bodies ---- */

/* Cuts a request whose body came too slowly over its stretch; else begins the next one. */
static void check_rate(struct http_server *server, struct http_request *request, int64_t now_ms)
{
    int64_t elapsed_ms = now_ms - request->rate_since_ms;

    if (elapsed_ms < server->body_rate_ms) {
        return;
    }
    if (request->rate_bytes >= server->body_rate_min * (uint64_t)elapsed_ms / 1000) {
        request->rate_since_ms = now_ms;
        request->rate_bytes = 0;
    } else if (request->is_answered) {
        end_reading(request);
    } else {
        server->hooks.slow(server->hooks.context, request);
    }
}

/* Looks at every body that comes, once a second. */
static void check_rates(struct http_server *server, int64_t now_ms)
{
    bool has_body = false;

    if (server->body_rate_min == 0 || now_ms < server->rate_at_ms) {
        return;
    }
    for (struct http_request *request = server->requests; request != NULL;
         request = request->next) {
        if (request->stage == STAGE_BODY && !request->is_held && !request->is_cut) {
            has_body = true;
            check_rate(server, request, now_ms);
        }
    }
    server->rate_at_ms = has_body ? now_ms + RATE_LOOK_MS : 0;
}

/* The nearer of two waits, -1 for ever. */
static int64_t nearer(int64_t a_ms, int64_t b_ms)
{
    return a_ms < 0 || (b_ms >= 0 && b_ms < a_ms) ? b_ms : a_ms;
}

/* From now to a time; -1 for a time that is not positive. */
static int64_t wait_for(int64_t at_ms, int64_t now_ms)
{
    return at_ms <= 0 ? -1 : at_ms > now_ms ? at_ms - now_ms : 0;
}

int64_t http_timeout_ms(const struct http_server *server)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms;
    int64_t now_ms = time_boot_ms();
    int64_t wait_ms =
        nearer(wait_for(server->parting_at_ms, now_ms), wait_for(server->rate_at_ms, now_ms));

    if (server->has_resumed) {
        return 0;
    }
    if (MHD_get_timeout(server->daemon, &timeout_ms) != MHD_YES) {
        return wait_ms;
    }
    return nearer(wait_ms, timeout_ms > INT32_MAX ? INT32_MAX : (int64_t)timeout_ms);
}

void http_run(struct http_server *server)
{
    server->has_resumed = false;
    MHD_run(server->daemon);
    check_rates(server, time_boot_ms());
    server->parting_at_ms = parting_run(server->parting, time_boot_ms());
}
