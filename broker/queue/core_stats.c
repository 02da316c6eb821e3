/* SPDX-License-Identifier: MIT */
/*
 * Numbers for operators. Jobs are counted at most once in a while, because counting reads an index
 * entry a job, and the queue may be long; everything else is known here.
 */
#include "broker/queue/inside.h"

enum { COUNT_AGAIN_MS = 5000 };

static void fill_counts(struct wire_stats *stats, const struct core *core)
{
    const struct core_counts *counts = &core->counts;

    stats->n_accepted = counts->n_accepted;
    stats->n_recorded = counts->n_recorded;
    stats->n_failed = counts->n_failed;
    stats->n_stale = counts->n_stale;
    stats->n_different = counts->n_different;
    stats->n_lost = counts->n_lost;
    stats->n_refused_busy = counts->n_refused_busy;
    stats->n_refused_quota = counts->n_refused_quota;
    stats->n_refused_other = counts->n_refused_other;
    stats->n_calls = counts->n_calls;
    stats->n_commits = counts->n_commits;
    stats->n_pending = (uint64_t)core->n_pending;
    stats->disk_free_bytes = core->disk_free_bytes;
    stats->memory_bytes = core->memory_bytes;
    stats->backup_ms = core->backup_ms;
}

static bool finish_stats(struct core *core, struct core_request *request,
                         const struct core_now *now, struct err *err)
{
    const struct store_stats *call = &request->call.stats;
    struct wire_message reply = {.type = WIRE_STATS};

    if (call->outcome != STORE_DONE) {
        return core_refuse_store(core, request, call->outcome, err);
    }
    if (call->is_counted) {
        core->counted = call->stats;
        core->counted_boot_ms = now->boot_ms;
    }
    if (request->message.stats_get.kind == STATS_ALL) {
        reply.stats = core->counted;
        reply.stats.n_workers += core_workers(core);
        reply.stats.uptime_ms = now->boot_ms - core->start_boot_ms;
        fill_counts(&reply.stats, core);
    }
    reply.stats.oldest_ready_ms = call->stats.oldest_ready_ms;
    reply.stats.is_busy = core_is_full(core) || core_is_behind(core);
    return core_reply(core, request, &reply, err);
}

bool core_begin_stats_get(struct core *core, struct core_request *request,
                          const struct core_now *now, struct err *err)
{
    bool is_old =
        core->counted_boot_ms == 0 || now->boot_ms - core->counted_boot_ms >= COUNT_AGAIN_MS;

    request->finish = finish_stats;
    request->call.kind = CALL_STATS;
    request->call.stats =
        (struct store_stats){.now_ms = now->wall_ms,
                             .is_counted = request->message.stats_get.kind == STATS_ALL && is_old};
    return core_store(core, request, err);
}
