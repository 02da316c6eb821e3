/* SPDX-License-Identifier: MIT */
/*
 * A disk that fills up: a file system of a few megabytes of our own (skipped where none may be
 * mounted). What was accepted is finished in the reserve, new work is refused, nothing is damaged,
 * and all goes on when there is room again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#include "broker/store/reserve.h"
#include "tests/unit/store_fixture.h"

enum { RESERVE_BYTES = 16 << 20, DISK_MIB = 80, SUBMISSIONS_MAX = 200000 };

/* A mount namespace of our own, so that the file system goes away with us. */
static bool mount_disk(const char *folder)
{
    char options[64];
    int flags = geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS;

    snprintf(options, sizeof(options), "size=%dm", DISK_MIB);
    return unshare(flags) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", folder, "tmpfs", 0, options) == 0;
}

static struct store_call numbered_submission(const struct world *world, uint32_t number)
{
    struct store_call call = submit_call(world, 0, 1, 1);

    memcpy(call.submit.key, &number, sizeof(number));
    memcpy(call.submit.id, &number, sizeof(number));
    call.submit.id[15] = 1;
    return call;
}

/* Takes all room but a little. */
static int fill(const struct world *world, size_t rest_bytes)
{
    char path[128];
    char block[4096] = {0};

    snprintf(path, sizeof(path), "%s/filler", world->folder);
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    while (write(fd, block, sizeof(block)) == (ssize_t)sizeof(block)) {
    }
    off_t size = lseek(fd, 0, SEEK_END);
    assert_int_equal(ftruncate(fd, size - (off_t)rest_bytes), 0);
    return fd;
}

static void unlink_filler(const struct world *world)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/filler", world->folder);
    assert_int_equal(unlink(path), 0);
}

static void make_world(struct world *world, const char *folder)
{
    struct store_call competition = competition_call("demo", "competition: demo");

    *world = (struct world){.engine = &engines[0], .boot_ms = 5000, .reserve_bytes = RESERVE_BYTES};
    snprintf(world->folder, sizeof(world->folder), "%s", folder);
    engines[0].path(world->path, sizeof(world->path), folder);
    ledger_keys_derive(&world->keys, (const uint8_t[CRYPT_KEY_BYTES]){7});
    snprintf(world->signed_path, sizeof(world->signed_path), "%s/signed", folder);
    reopen(world);
    competition.competition_put.per_day = SUBMISSIONS_MAX;
    competition.competition_put.has_total = false;
    run(world, &competition);
    world->competition = competition.competition_put.competition;
    struct store_call team = team_call(world, "owls", 'a');
    run(world, &team);
    world->teams[0] = team.team_put.team;
}

static void fill_and_finish(const char *folder)
{
    struct world world;
    uint32_t n_accepted = 0;
    uint32_t n_finished = 0;
    struct store_call call;

    make_world(&world, folder);
    store_close(&world.store);
    int fd = fill(&world, 0);
    reopen(&world); /* what the start needs is in the reserve, too */
    close(fd);
    unlink_filler(&world);
    reopen(&world);
    fd = fill(&world, 1 << 20);
    do {
        call = numbered_submission(&world, n_accepted + 1);
        run(&world, &call);
        n_accepted += call.submit.outcome == STORE_DONE;
    } while (call.submit.outcome == STORE_DONE && n_accepted < SUBMISSIONS_MAX);
    assert_int_equal(call.submit.outcome, STORE_FULL);
    assert_true(n_accepted > 10);
    while (n_finished < n_accepted) { /* in the room of the reserve */
        struct store_call job = claim(&world);
        assert_int_equal(job.claim.outcome, STORE_DONE);
        assert_int_equal(complete_as(&world, job.claim.job.job_id, job.claim.job.fence,
                                     OUTCOME_SCORED, 0.5, NULL),
                         STORE_DONE);
        n_finished++;
    }
    call = numbered_submission(&world, n_accepted + 1);
    run(&world, &call);
    assert_int_equal(call.submit.outcome, STORE_FULL);
    reopen(&world); /* a start without room */
    run(&world, &call);
    assert_int_equal(call.submit.outcome, STORE_FULL);
    assert_int_equal(ftruncate(fd, 0), 0);
    close(fd);
    run(&world, &call);
    assert_int_equal(call.submit.outcome, STORE_DONE);
    reopen(&world);
    assert_int_equal(claim(&world).claim.outcome, STORE_DONE);
    assert_int_equal(claim(&world).claim.outcome, STORE_EMPTY);
    store_close(&world.store);
}

static void test_full_disk(void **state)
{
    (void)state;
    char folder[] = "/tmp/assay-full-XXXXXX";
    int status = 0;

    assert_non_null(mkdtemp(folder));
    pid_t pid = fork();
    if (pid == 0) {
        if (!mount_disk(folder)) {
            _exit(77);
        }
        fill_and_finish(folder);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    rmdir(folder);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) {
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
