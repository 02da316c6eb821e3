/* SPDX-License-Identifier: MIT */
/*
 * What every seed starts from, made once by the broker itself: a competition and its teams, on real
 * files with real signatures, and the same in memory.
 */
#include "tests/sim/inside.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/text.h"
#include "tests/sim/disk.h"

enum { FILE_BYTES_MAX = 1 << 24 };

static const uint8_t master[CRYPT_KEY_BYTES] = {1};

void database_remove(const char *path)
{
    static const char *const ends[] = {"", "-wal", "-shm", ".lock", ".signed", ".signed.start"};
    char name[PATH_BYTES + 16];

    for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
        snprintf(name, sizeof(name), "%s%s", path, ends[i]);
        unlink(name);
    }
}

static bool copy_file(const char *from, const char *to, struct err *err)
{
    struct bytes data = {0};

    if (!file_read(&data, from, FILE_BYTES_MAX, err)) {
        return false;
    }
    int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 ? write_full(fd, data.data, data.size_bytes, err)
                      : err_set(err, ERR_SYSTEM, "%s cannot be made", to);
    if (fd >= 0) {
        close(fd);
    }
    bytes_free(&data);
    return ok;
}

bool template_lay(const struct world *world, const struct start *start, struct err *err)
{
    char from[PATH_BYTES + 16];
    char to[PATH_BYTES + 16];

    snprintf(from, sizeof(from), "%s.signed.start", start->paths[world->is_fast]);
    snprintf(to, sizeof(to), "%s.signed", world->path);
    return copy_file(from, to, err) &&
           (world->is_fast || copy_file(start->paths[false], world->path, err));
}

static bool make_teams(struct world *world, struct start *start, struct err *err)
{
    static const char yaml[] = "competition: sim\ntask: classification\nmetric: top1_accuracy\n"
                               "submission: {format: topk, k: 1}\nlimits: {per_day: 1000000}\n";
    struct wire_buffer reply = {0};
    struct wire_message answer;
    struct wire_message put = {.type = WIRE_COMPETITION_PUT};
    bool ok;

    put.competition_put.token = wire_text(start->organizer);
    put.competition_put.yaml = wire_text(yaml);
    attester_commit(&put.competition_put);
    ok = broker_ask(world, &put, &reply, &answer, err) && answer.type == WIRE_DONE;
    for (unsigned i = 0; i < CLIENTS && ok; i++) {
        struct wire_message team = {.type = WIRE_TEAM_PUT};
        char name[16];
        snprintf(name, sizeof(name), "team %u", i);
        team.team_put.token = wire_text(start->organizer);
        team.team_put.competition = wire_text("sim");
        team.team_put.name = wire_text(name);
        ok = broker_ask(world, &team, &reply, &answer, err) && answer.type == WIRE_TEAM_MADE;
        if (ok) {
            wire_text_copy(start->tokens[i], sizeof(start->tokens[i]), answer.team_made.token);
        }
    }
    wire_buffer_free(&reply);
    return ok || err_set(err, ERR_STORE, "the template cannot be made");
}

static void make_organizer(struct world *world, struct start *start)
{
    struct store_call call = {.kind = CALL_ORGANIZER_PUT};
    struct store_call *calls[] = {&call};
    struct token token;
    uint8_t random[64];

    world_bytes(world, random, sizeof(random));
    token_make(&token, random);
    token_text(start->organizer, &token);
    memcpy(call.organizer_put.token_id, token.id, sizeof(token.id));
    token_hash(call.organizer_put.token_hash, &token, world->keys.pepper);
    store_batch(world->store, calls, 1);
}

static bool make_one(struct start *start, bool is_fast, struct err *err)
{
    struct world *world = calloc(1, sizeof(*world));
    char from[PATH_BYTES + 16];
    char to[PATH_BYTES + 16];

    if (world == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory");
    }
    world->rng = 1;
    world->is_fast = is_fast;
    world->checkpoint_pages = 1000;
    disk_use(is_fast);
    fast_sign_use(is_fast);
    ledger_keys_derive(&world->keys, master);
    snprintf(world->path, sizeof(world->path), "%s", start->paths[is_fast]);
    broker_start(world);
    bool ok = world->failure[0] == '\0';
    if (ok) {
        make_organizer(world, start);
        broker_drop(world); /* the next core knows the organizer */
        broker_start(world);
        ok = world->failure[0] == '\0';
    }
    ok = ok ? make_teams(world, start, err) : err_set(err, ERR_STORE, "%s", world->failure);
    broker_drop(world);
    if (is_fast) {
        disk_keep();
    }
    snprintf(from, sizeof(from), "%s.signed", world->path);
    snprintf(to, sizeof(to), "%s.signed.start", world->path);
    ok = ok && copy_file(from, to, err);
    free(world->heap);
    free(world);
    return ok;
}

bool template_make(struct start *start, struct err *err)
{
    return make_one(start, false, err) && make_one(start, true, err);
}
