/* SPDX-License-Identifier: MIT */
/*
 * What becomes of a promised file: its bytes come in time, or it expires. A promise is in flight
 * for the quota from its first row on, so nothing is counted twice when it is kept.
 */
#include "broker/store/inside.h"

#include <string.h>

#include "common/text.h"

bool store_keep_promise(struct store *store, struct store_submit *call,
                        const struct store_rules *rules, struct err *err)
{
    struct store_upload upload = store_upload_of_key(store);

    if (call->received_ms > upload.until_ms) {
        call->outcome = STORE_STALE;
        return true;
    }
    memcpy(call->id, upload.id, sizeof(call->id));
    call->received_ms = upload.received_ms;
    call->state = SUBMISSION_ACCEPTED;
    call->outcome = STORE_DONE;
    return store_quota(store, &call->quota, &rules->limits, call->team, call->received_ms, err) &&
           db_run(store->db, DB_SUBMISSION_MOVE, err, db_int(call->number),
                  db_int(SUBMISSION_ACCEPTED), db_text(wire_text(""))) &&
           store_append_receipt(store, call, ENTRY_SUBMISSION, rules, err) &&
           store_add_job(store, call, true, err);
}

bool store_do_upload_get(struct store *store, struct store_upload_get *call, struct err *err)
{
    struct db *db = store->db;
    bool has_row;

    if (!db_find(db, DB_UPLOAD_ROW, &has_row, err, db_blob(call->id, sizeof(call->id)),
                 db_int(call->team))) {
        return false;
    }
    int64_t until_ms = has_row ? db_column_int(db, DB_UPLOAD_ROW, 6) : 0;
    call->outcome = until_ms > 0 ? STORE_DONE : STORE_EMPTY;
    if (until_ms == 0) {
        return true;
    }
    call->upload = (struct store_upload){
        .state = (enum wire_submission_state)db_column_int(db, DB_UPLOAD_ROW, 0),
        .size_bytes = db_column_int(db, DB_UPLOAD_ROW, 4),
        .received_ms = db_column_int(db, DB_UPLOAD_ROW, 5),
        .until_ms = until_ms,
    };
    memcpy(call->upload.id, call->id, sizeof(call->id));
    wire_text_copy(call->competition, sizeof(call->competition),
                   db_column_bytes(db, DB_UPLOAD_ROW, 1));
    db_column_copy(db, DB_UPLOAD_ROW, 2, call->key, sizeof(call->key));
    db_column_copy(db, DB_UPLOAD_ROW, 3, call->upload.sha256, sizeof(call->upload.sha256));
    return true;
}

/* ---- what is not kept ---- */

enum { EXPIRE_MAX = 100 };

bool store_expire_promises(struct store *store, uint32_t *n_expired, int64_t before_ms,
                           uint32_t n_max, struct err *err)
{
    struct {
        int64_t number;
        int64_t team;
        int64_t received_ms;
    } due[EXPIRE_MAX];
    struct db *db = store->db;
    bool has_row;

    *n_expired = 0;
    n_max = n_max < EXPIRE_MAX ? n_max : EXPIRE_MAX;
    if (!db_find(db, DB_PROMISE_DUE, &has_row, err, db_int(before_ms), db_int(n_max))) {
        return false;
    }
    while (has_row && *n_expired < n_max) {
        due[*n_expired].number = db_column_int(db, DB_PROMISE_DUE, 0);
        due[*n_expired].team = db_column_int(db, DB_PROMISE_DUE, 1);
        due[*n_expired].received_ms = db_column_int(db, DB_PROMISE_DUE, 2);
        *n_expired += 1;
        if (!db_row(db, DB_PROMISE_DUE, &has_row, err)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < *n_expired; i++) {
        if (!db_run(db, DB_SUBMISSION_MOVE, err, db_int(due[i].number), db_int(SUBMISSION_EXPIRED),
                    db_text(wire_text("the promised bytes did not come in time"))) ||
            !store_count(store, due[i].team, due[i].received_ms, -1, 0, err)) {
            return false;
        }
    }
    return true;
}
