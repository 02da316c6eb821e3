/* SPDX-License-Identifier: MIT */
/*
 * Asking, trying again, and explaining refusals. See the header.
 */
#include "client/service.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/progress.h"
#include "client/terminal.h"
#include "common/text.h"

enum { HEADER_SIZE = 160, BACKOFF_FIRST_MS = 250, BACKOFF_LAST_MS = 15000, WAIT_MAX_MS = 60000 };

struct service {
    struct login login;
    struct fetch *fetch; /* NULL until the first question */
};

bool service_open_as(struct service **service, const struct login *login, struct err *err)
{
    struct service *made = calloc(1, sizeof(*made));

    if (made == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for a connection");
    }
    made->login = *login;
    *service = made;
    return true;
}

bool service_open(struct service **service, const char *url, const char *token_path,
                  struct err *err)
{
    struct login login;

    return login_find(&login, url, token_path, err) && service_open_as(service, &login, err);
}

void service_close(struct service **service)
{
    if (*service == NULL) {
        return;
    }
    fetch_close(&(*service)->fetch);
    crypt_wipe(&(*service)->login, sizeof((*service)->login));
    free(*service);
    *service = NULL;
}

const char *service_url(const struct service *service)
{
    return service->login.url;
}

/* ---- one request as HTTP ---- */

struct headers {
    char token[HEADER_SIZE];
    char content_type[HEADER_SIZE];
    char key[HEADER_SIZE];
    char wait[HEADER_SIZE];
    char offset[HEADER_SIZE];
    char complete[HEADER_SIZE];
};

static void add_header(struct fetch_request *http, char line[static HEADER_SIZE], const char *name,
                       const char *value)
{
    size_t n = 0;

    while (http->headers[n] != NULL) {
        n++;
    }
    snprintf(line, HEADER_SIZE, "%s%s", name, value);
    http->headers[n] = line;
}

static void add_headers(struct fetch_request *http, struct headers *lines,
                        const struct service *service, const struct service_request *request)
{
    if (service->login.token[0] != '\0') {
        add_header(http, lines->token, "Authorization: Bearer ", service->login.token);
    }
    if (request->content_type != NULL) {
        add_header(http, lines->content_type, "Content-Type: ", request->content_type);
    }
    if (request->idempotency_key != NULL) {
        add_header(http, lines->key, "Idempotency-Key: ", request->idempotency_key);
    }
    if (request->wait_seconds > 0) {
        char value[32];
        snprintf(value, sizeof(value), "wait=%d", request->wait_seconds);
        add_header(http, lines->wait, "Prefer: ", value);
    }
    if (request->is_piece) {
        char value[32];
        snprintf(value, sizeof(value), "%" PRId64, request->file_offset);
        add_header(http, lines->offset, "Upload-Offset: ", value);
        add_header(http, lines->complete, "Upload-Complete: ", "?1");
    }
}

/* The progress of a file, of which some was sent before. */
struct sending {
    struct progress progress;
    int64_t offset;
};

static void show_sent(void *context, int64_t sent_bytes)
{
    struct sending *sending = context;

    if (sent_bytes > 0) { /* not before it is connected */
        progress_show(&sending->progress, sending->offset + sent_bytes, time_boot_ms());
    }
}

/* One exchange with the progress of its file. */
static enum fetch_outcome exchange(struct service *service, struct fetch_answer *answer,
                                   const struct service_request *request, struct err *err)
{
    char url[LOGIN_URL_SIZE + SERVICE_PATH_SIZE];
    struct sending sending = {.offset = request->file_offset};
    struct headers lines;
    struct fetch_request http = {.method = request->method,
                                 .url = url,
                                 .body = request->body,
                                 .body_bytes = request->body_bytes,
                                 .file_path = request->file_path,
                                 .file_bytes = request->file_bytes,
                                 .file_offset = request->file_offset};

    if (service->fetch == NULL && !fetch_open(&service->fetch, err)) {
        return FETCH_FAILED;
    }
    snprintf(url, sizeof(url), "%s%s", service->login.url, request->path);
    add_headers(&http, &lines, service, request);
    if (request->has_progress) {
        sending.progress = progress_start(stderr, request->file_bytes, time_boot_ms());
        http.on_sent = show_sent;
        http.context = &sending;
    }
    enum fetch_outcome outcome = fetch_exchange(service->fetch, answer, &http, err);
    if (request->has_progress) {
        progress_end(&sending.progress);
    }
    crypt_wipe(&lines, sizeof(lines));
    return outcome;
}

/* ---- trying again ---- */

/* How long to wait before the next try: as the service says, else doubling with a random part. */
static int64_t wait_before(int n_tried, int64_t retry_after_ms)
{
    uint32_t random;
    int64_t backoff_ms = BACKOFF_FIRST_MS;

    for (int i = 1; i < n_tried && backoff_ms < BACKOFF_LAST_MS; i++) {
        backoff_ms *= 2;
    }
    backoff_ms = backoff_ms < BACKOFF_LAST_MS ? backoff_ms : BACKOFF_LAST_MS;
    crypt_random(&random, sizeof(random));
    int64_t wait_ms = retry_after_ms > backoff_ms ? retry_after_ms : backoff_ms;
    wait_ms = wait_ms < WAIT_MAX_MS ? wait_ms : WAIT_MAX_MS;
    return wait_ms + random % (wait_ms / 4 + 1);
}

static void sleep_ms(int64_t ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    while (nanosleep(&left, &left) < 0) {
    }
}

void service_pause(int n_tried, int64_t retry_after_ms, const char *why)
{
    int64_t wait_ms = wait_before(n_tried, retry_after_ms);

    fprintf(stderr, "assay: %s, trying again in %.1f s\n", why, (double)wait_ms / 1000);
    sleep_ms(wait_ms);
}

static enum fetch_outcome exchange_until(struct service *service, struct fetch_answer *answer,
                                         const struct service_request *request, struct err *err)
{
    int n_tries = request->n_tries > 1 ? request->n_tries : 1;

    for (int n_tried = 1;; n_tried++) {
        enum fetch_outcome outcome = exchange(service, answer, request, err);
        bool is_busy = outcome == FETCH_ANSWERED && answer->status == 503;
        if ((outcome != FETCH_UNREACHABLE && !is_busy) || n_tried == n_tries) {
            return outcome;
        }
        int64_t retry_after_ms = is_busy ? answer->retry_after_ms : -1;
        if (is_busy) {
            fetch_answer_free(answer);
        }
        service_pause(n_tried, retry_after_ms, is_busy ? "the service is busy" : err->text);
    }
}

/* ---- what an answer means ---- */

static int exit_code_of_status(long status)
{
    if (status >= 200 && status < 300) {
        return EXIT_DONE;
    }
    if (status == 400 || status == 404 || status == 405 || status == 415 || status == 422) {
        return EXIT_USAGE;
    }
    return status >= 401 && status < 500 ? EXIT_REFUSED : EXIT_UNREACHABLE;
}

void service_print_errors(const struct jvalue *object)
{
    const struct jvalue *errors = jvalue_member(object, "errors");

    for (size_t i = 0; i < jvalue_count(errors); i++) {
        const struct jvalue *error = jvalue_item(errors, i);
        int64_t line = service_int(error, "line");
        fputs("  ", stderr);
        if (line > 0) {
            fprintf(stderr, "%" PRId64 ":%" PRId64 ": ", line, service_int(error, "column"));
        }
        terminal_put(stderr, service_text(error, "detail"));
        putc('\n', stderr);
    }
}

void service_print_quota(const struct jvalue *object)
{
    const char *resets = service_text(object, "resets_at");
    int64_t today;
    int64_t total;

    if (!jvalue_int(&today, jvalue_member(object, "remaining_today"))) {
        return;
    }
    fprintf(stderr, "%" PRId64 " submission%s remaining today", today, today == 1 ? "" : "s");
    if (jvalue_int(&total, jvalue_member(object, "remaining_total"))) {
        fprintf(stderr, ", %" PRId64 " in total", total);
    }
    if (resets[0] != '\0') {
        fputs("; they return at ", stderr);
        terminal_put(stderr, resets);
    }
    putc('\n', stderr);
}

static void print_refusal(const struct service_answer *answer)
{
    const struct jvalue *root = service_root(answer);
    const char *detail = service_text(root, "detail");

    fputs("assay: ", stderr);
    if (detail[0] != '\0') {
        terminal_put(stderr, detail);
    } else {
        fprintf(stderr, "the service answered with status %ld", answer->http.status);
    }
    putc('\n', stderr);
    service_print_errors(root);
    service_print_quota(root);
}

/* JSON where the answer says that it is; a promise that is not kept is the service's fault. */
static bool read_json(struct service_answer *answer, struct err *err)
{
    const char *type = answer->http.content_type;
    const struct bytes *body = &answer->http.body;

    if (strncmp(type, "application/json", 16) != 0 &&
        strncmp(type, "application/problem+json", 24) != 0) {
        return true;
    }
    if (!jdoc_open(&answer->json, body->data == NULL ? (const void *)"" : body->data,
                   body->size_bytes, err)) {
        err->code = ERR_PEER;
        return false;
    }
    return true;
}

enum fetch_outcome service_try(struct service *service, struct service_answer *answer,
                               const struct service_request *request, struct err *err)
{
    *answer = (struct service_answer){0};
    enum fetch_outcome outcome = exchange(service, &answer->http, request, err);
    return outcome == FETCH_ANSWERED && !read_json(answer, err) ? FETCH_FAILED : outcome;
}

int service_judge(const struct service_answer *answer)
{
    int code = exit_code_of_status(answer->http.status);

    if (code != EXIT_DONE) {
        print_refusal(answer);
    }
    return code;
}

int service_ask(struct service *service, struct service_answer *answer,
                const struct service_request *request)
{
    struct err err;

    *answer = (struct service_answer){0};
    if (!crypt_start(&err)) {
        return command_failed(&err);
    }
    enum fetch_outcome outcome = exchange_until(service, &answer->http, request, &err);
    if (outcome != FETCH_ANSWERED) {
        return command_failed_in(outcome == FETCH_UNREACHABLE ? service->login.url : NULL, &err);
    }
    if (!read_json(answer, &err)) {
        return command_failed_in("the answer of the service", &err);
    }
    return service_judge(answer);
}

int service_get(struct service *service, struct service_answer *answer, const char *path)
{
    const struct service_request request = {.method = "GET", .path = path, .n_tries = 4};

    return service_ask(service, answer, &request);
}

void service_answer_free(struct service_answer *answer)
{
    jdoc_close(&answer->json);
    fetch_answer_free(&answer->http);
}

const struct jvalue *service_root(const struct service_answer *answer)
{
    return answer->json == NULL ? NULL : jdoc_root(answer->json);
}

void service_print_body(const struct service_answer *answer)
{
    const struct bytes *body = &answer->http.body;
    size_t size = body->size_bytes;

    while (size > 0 && (body->data[size - 1] == '\n' || body->data[size - 1] == '\r')) {
        size--;
    }
    if (size > 0) {
        terminal_write(stdout, body->data, size);
    }
    putchar('\n');
}

const char *service_text(const struct jvalue *object, const char *key)
{
    const char *text = jvalue_text(jvalue_member(object, key));

    return text == NULL ? "" : text;
}

int64_t service_int(const struct jvalue *object, const char *key)
{
    int64_t value;

    return jvalue_int(&value, jvalue_member(object, key)) ? value : 0;
}

bool service_bool(const struct jvalue *object, const char *key)
{
    bool value;

    return jvalue_bool(&value, jvalue_member(object, key)) && value;
}

/* ---- paths ---- */

bool service_path(char path[static SERVICE_PATH_SIZE], struct err *err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int n = vsnprintf(path, SERVICE_PATH_SIZE, format, args);
    va_end(args);
    return (n >= 0 && n < SERVICE_PATH_SIZE) ||
           err_set(err, ERR_LIMIT, "a path is longer than %d bytes", SERVICE_PATH_SIZE - 1);
}

bool service_query(char path[static SERVICE_PATH_SIZE], const char *key, const char *text,
                   struct err *err)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    size_t length = strlen(path);
    size_t room = SERVICE_PATH_SIZE - length;

    int n = snprintf(path + length, room, "%c%s=", strchr(path, '?') == NULL ? '?' : '&', key);
    for (; n >= 0 && *text != '\0' && (size_t)n + 4 <= room; text++) {
        bool is_plain = strchr(plain, *text) != NULL;
        n += snprintf(path + length + n, room - (size_t)n, is_plain ? "%c" : "%%%02X",
                      is_plain ? *text : (unsigned char)*text);
    }
    return *text == '\0' ||
           err_set(err, ERR_LIMIT, "a path is longer than %d bytes", SERVICE_PATH_SIZE - 1);
}

bool service_check_competition(const char *id, struct err *err)
{
    size_t length = strlen(id);

    if (length == 0 || length > 63 ||
        strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") != length) {
        return err_set(err, ERR_CONFIG,
                       "'%.80s' is no competition: expected letters a-z, digits, -", id);
    }
    return true;
}

bool service_check_submission(const char *id, struct err *err)
{
    if (strlen(id) != 32 || strspn(id, "0123456789abcdef") != 32) {
        return err_set(err, ERR_CONFIG, "'%.80s' is no submission: expected 32 digits 0-9 a-f", id);
    }
    return true;
}
