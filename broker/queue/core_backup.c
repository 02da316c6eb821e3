/* SPDX-License-Identifier: MIT */
/*
 * Backups as the organizer asks for them: one at a time, and what came of the last one.
 */
#include "broker/queue/inside.h"

#include <stdio.h>
#include <string.h>

#include "common/text.h"

static bool reply_backup(struct core *core, const struct core_request *request, struct err *err)
{
    const struct core_backup *backup = &core->backup;
    struct wire_message reply = {.type = WIRE_BACKUP};

    reply.backup.state = (uint8_t)backup->state;
    reply.backup.name = wire_text(backup->name);
    reply.backup.size_bytes = (uint64_t)backup->size_bytes;
    reply.backup.started_ms = backup->started_ms;
    reply.backup.finished_ms = backup->finished_ms;
    reply.backup.text = wire_text(backup->text);
    return core_reply(core, request, &reply, err);
}

/* "assay-20261127T145310Z.db", of "2026-11-27T14:53:10…" */
static void name_backup(char name[static sizeof(CORE_BACKUP_NAME)], int64_t now_ms)
{
    char time[TIME_TEXT_SIZE];

    time_text(time, now_ms);
    snprintf(name, sizeof(CORE_BACKUP_NAME), "assay-%.4s%.2s%.2sT%.2s%.2s%.2sZ.db", time, time + 5,
             time + 8, time + 11, time + 14, time + 17);
}

bool core_begin_backup_put(struct core *core, struct core_request *request,
                           const struct core_now *now, struct err *err)
{
    struct core_backup *backup = &core->backup;

    if (backup->state == BACKUP_RUNNING) {
        return reply_backup(core, request, err);
    }
    struct core_effect *effect = core_effect_new(core, EFFECT_BACKUP);
    if (effect == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for an effect");
    }
    *backup = (struct core_backup){.state = BACKUP_RUNNING, .started_ms = now->wall_ms};
    name_backup(backup->name, now->wall_ms);
    const struct wire_bytes name = {.data = (const unsigned char *)backup->name,
                                    .size = sizeof(backup->name)};
    if (!wire_buffer_set(&effect->frame, name, err)) {
        core->n_effects--;
        backup->state = BACKUP_NONE;
        return false;
    }
    return reply_backup(core, request, err);
}

bool core_begin_backup_get(struct core *core, struct core_request *request,
                           const struct core_now *now, struct err *err)
{
    (void)now;
    return reply_backup(core, request, err);
}

void core_backed_up(struct core *core, int64_t size_bytes, const char *failure,
                    const struct core_now *now)
{
    struct core_backup *backup = &core->backup;

    backup->state = failure == NULL ? BACKUP_DONE : BACKUP_FAILED;
    backup->size_bytes = size_bytes;
    backup->finished_ms = now->wall_ms;
    snprintf(backup->text, sizeof(backup->text), "%s", failure == NULL ? "" : failure);
    core->backup_ms = failure == NULL ? now->wall_ms : core->backup_ms;
    if (failure != NULL) {
        core_warn(core, "backup failed: %s", failure);
    }
}
