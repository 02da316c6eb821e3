/* SPDX-License-Identifier: MIT */
/*
 * assay-reopen STATE HOST [COMPETITION TEAM]: opens the broker's store of a state folder as the
 * broker does after a crash, and where the numbers of a competition and a team are given, takes a
 * submission of theirs twice: the first must be accepted with a proof, the second be the same one.
 * Exits 1 with the reason when anything is refused. It says nothing else and serves nobody.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/store/store.h"
#include "common/crypt.h"
#include "common/log.h"
#include "common/text.h"

enum { REOPEN_PATH_SIZE = 4096, LEASE_MS = 30000, BOOT_MS = 1000 };

static bool submit(struct store *store, const char *competition, const char *team,
                   enum store_outcome expected, struct err *err)
{
    struct store_call call = {.kind = CALL_SUBMIT};
    struct store_call *calls[] = {&call};
    int64_t now_ms = time_wall_ms();

    call.submit = (struct store_submit){.id = {1},
                                        .key = {2},
                                        .sha256 = {3},
                                        .competition = strtoll(competition, NULL, 10),
                                        .team = strtoll(team, NULL, 10),
                                        .received_ms = now_ms,
                                        .now_ms = now_ms,
                                        .file_name = wire_text(""),
                                        .message = wire_text("")};
    store_batch(store, calls, 1);
    bool ok = call.submit.outcome == expected && call.submit.proof.size > 0;
    enum store_outcome outcome = call.submit.outcome;
    store_call_free(&call);
    return ok || err_set(err, ERR_STORE, "a submission has outcome %d, not %d", outcome, expected);
}

static bool reopen(const char *state, const char *host, const char *competition, const char *team,
                   struct err *err)
{
    char database[REOPEN_PATH_SIZE];
    char keys_folder[REOPEN_PATH_SIZE];
    char signed_path[REOPEN_PATH_SIZE + 8];
    struct ledger_keys keys;
    struct store *store = NULL;

    snprintf(database, sizeof(database), "%s/broker/assay.db", state);
    snprintf(keys_folder, sizeof(keys_folder), "%s/broker/keys", state);
    snprintf(signed_path, sizeof(signed_path), "%s.signed", database);
    const struct store_settings settings = {
        .path = database,
        .logs = {.host = host, .signed_path = signed_path, .keys = &keys},
        .lease_ms = LEASE_MS};
    bool ok = crypt_start(err) &&
              ledger_keys_load(&keys, keys_folder, access(database, F_OK) < 0, err) &&
              store_open(&store, &settings, time_wall_ms(), BOOT_MS, err);
    ok = ok && (competition == NULL || (submit(store, competition, team, STORE_DONE, err) &&
                                        submit(store, competition, team, STORE_REPEATED, err)));
    store_close(&store);
    return ok;
}

int main(int argc, char **argv)
{
    struct err err;

    if (argc != 3 && argc != 5) {
        fprintf(stderr, "usage: assay-reopen STATE HOST [COMPETITION TEAM]\n");
        return 2;
    }
    log_start("reopen", LOG_LEVEL_WARN);
    if (!reopen(argv[1], argv[2], argc == 5 ? argv[3] : NULL, argc == 5 ? argv[4] : NULL, &err)) {
        fprintf(stderr, "%s: %s\n", err_code_name(err.code), err.text);
        return 1;
    }
    return 0;
}
