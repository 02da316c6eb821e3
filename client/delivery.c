/* SPDX-License-Identifier: MIT */
/*
 * Sends, and after every break asks how much has come. Tries without a step forward are counted;
 * a step forward begins the count anew, so that a bad line costs time and nothing else.
 */
#include "client/delivery.h"

enum { N_TRIES = 10 };

/* How much is there, as far as the service says so; else what was known. */
static int64_t ask_offset(struct service *service, const char *path,
                          const struct delivery *delivery, int64_t known)
{
    const struct service_request request = {.method = "GET", .path = path};
    struct service_answer answer = {0};
    struct err ignored;

    int64_t offset = known;
    if (service_try(service, &answer, &request, &ignored) == FETCH_ANSWERED) {
        offset = answer.http.upload_offset;
    }
    service_answer_free(&answer);
    return offset >= 0 && offset <= delivery->file_bytes ? offset : known;
}

/* True for what may be better at the next try. */
static bool is_passing(enum fetch_outcome outcome, const struct fetch_answer *answer)
{
    return outcome == FETCH_UNREACHABLE ||
           (outcome == FETCH_ANSWERED && (answer->status == 503 || answer->status == 408 ||
                                          (answer->status == 409 && answer->upload_offset >= 0)));
}

/* What went wrong, in a few words. */
static const char *reason_of(enum fetch_outcome outcome, const struct fetch_answer *answer,
                             const struct err *err)
{
    if (outcome != FETCH_ANSWERED) {
        return err->text;
    }
    return answer->status == 503   ? "the service is busy"
           : answer->status == 408 ? "the upload was too slow"
                                   : "the service has another part of the file";
}

int delivery_send(struct service *service, struct service_answer *answer,
                  const struct delivery *delivery)
{
    char path[SERVICE_PATH_SIZE];
    struct service_request request = {.method = "PATCH",
                                      .path = path,
                                      .content_type = "application/partial-upload",
                                      .file_path = delivery->file_path,
                                      .file_bytes = delivery->file_bytes,
                                      .is_piece = true,
                                      .has_progress = delivery->has_progress};
    struct err err;

    if (!service_path(path, &err, "/v1/uploads/%s", delivery->id) || !crypt_start(&err)) {
        return command_failed(&err);
    }
    request.file_offset = delivery->is_begun ? ask_offset(service, path, delivery, 0) : 0;
    for (int n_tried = 1;; n_tried++) {
        enum fetch_outcome outcome = service_try(service, answer, &request, &err);
        if (!is_passing(outcome, &answer->http) || n_tried == N_TRIES) {
            return outcome == FETCH_ANSWERED ? service_judge(answer) : command_failed(&err);
        }
        service_pause(n_tried, outcome == FETCH_ANSWERED ? answer->http.retry_after_ms : -1,
                      reason_of(outcome, &answer->http, &err));
        service_answer_free(answer);
        int64_t offset = ask_offset(service, path, delivery, request.file_offset);
        n_tried = offset > request.file_offset ? 0 : n_tried;
        request.file_offset = offset;
    }
}
