/* SPDX-License-Identifier: MIT */
/*
 * Re-scores: started, planned page by page as the queue empties, reported.
 */
#include "broker/queue/inside.h"

enum { PLAN_ROWS = 1000, PLAN_JOBS_MAX = 20000 };

static bool finish_plan(struct core *core, struct core_request *request, const struct core_now *now,
                        struct err *err)
{
    const struct store_rescore_plan *plan = &request->call.rescore_plan;

    request->contest->is_planning = false;
    if (plan->outcome != STORE_DONE && plan->outcome != STORE_EMPTY) {
        return err_set(err, ERR_STORE, "run %lld cannot be planned", (long long)plan->run);
    }
    if (plan->is_planned) {
        request->contest->open_run = 0;
    }
    return plan->outcome == STORE_EMPTY || core_wake(core, WAITERS_MAX, now, err);
}

bool core_plan(struct core *core, struct contest *contest, const struct core_now *now,
               struct err *err)
{
    if (contest->is_planning) {
        return true;
    }
    struct core_request *request = core_request_new();
    if (request == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for a request");
    }
    request->contest = contest;
    request->finish = finish_plan;
    request->call.kind = CALL_RESCORE_PLAN;
    request->call.rescore_plan = (struct store_rescore_plan){.run = contest->open_run,
                                                             .now_ms = now->wall_ms,
                                                             .page_rows = PLAN_ROWS,
                                                             .jobs_max = PLAN_JOBS_MAX};
    contest->is_planning = core_store_own(core, request, err);
    return contest->is_planning;
}

static bool reply_run(struct core *core, const struct core_request *request,
                      const struct wire_rescore *report, struct err *err)
{
    struct wire_message reply = {.type = WIRE_RESCORE, .rescore = *report};

    return core_reply(core, request, &reply, err);
}

static bool finish_rescore_start(struct core *core, struct core_request *request,
                                 const struct core_now *now, struct err *err)
{
    const struct store_rescore_start *start = &request->call.rescore_start;
    struct wire_rescore report = {.run = (uint64_t)start->run,
                                  .competition = wire_text(request->contest->rules.id)};

    if (start->outcome == STORE_CONFLICT) {
        return core_refuse(core, request, REFUSAL_CONFLICT, err,
                           "run %lld of this competition is not finished", (long long)start->run);
    }
    if (start->outcome == STORE_STALE) {
        return core_refuse(core, request, REFUSAL_CONFLICT, err,
                           "not everything is scored under the corrected labels yet");
    }
    if (start->outcome != STORE_DONE) {
        return core_refuse_store(core, request, start->outcome, err);
    }
    request->contest->open_run = start->run;
    return core_plan(core, request->contest, now, err) && reply_run(core, request, &report, err);
}

bool core_begin_rescore_start(struct core *core, struct core_request *request,
                              const struct core_now *now, struct err *err)
{
    bool is_found;

    if (!core_find_contest(core, request, request->message.rescore_start.competition, &is_found,
                           err) ||
        !is_found) {
        return !is_found;
    }
    request->finish = finish_rescore_start;
    request->call.kind = CALL_RESCORE_START;
    request->call.rescore_start = (struct store_rescore_start){
        .competition = request->contest->number, .now_ms = now->wall_ms};
    return core_store(core, request, err);
}

static bool finish_rescore_get(struct core *core, struct core_request *request,
                               const struct core_now *now, struct err *err)
{
    struct store_rescore_get *get = &request->call.rescore_get;

    (void)now;
    if (get->outcome == STORE_EMPTY) {
        return core_refuse(core, request, REFUSAL_NOT_FOUND, err, "there is no such run");
    }
    if (get->outcome != STORE_DONE) {
        return core_refuse_store(core, request, get->outcome, err);
    }
    get->report.competition = wire_text(get->competition);
    get->report.differences = wire_buffer_bytes(&get->differences);
    return reply_run(core, request, &get->report, err);
}

bool core_begin_rescore_get(struct core *core, struct core_request *request,
                            const struct core_now *now, struct err *err)
{
    uint64_t run = request->message.rescore_get.run;

    (void)now;
    request->finish = finish_rescore_get;
    request->call.kind = CALL_RESCORE_GET;
    request->call.rescore_get =
        (struct store_rescore_get){.run = run > INT64_MAX ? 0 : (int64_t)run};
    return core_store(core, request, err);
}
