/* SPDX-License-Identifier: MIT */
/*
 * Where the labels and the seal key are while a worker reads a submission: in the scorer's memory,
 * and in no other process of it. The control is the scorer itself, where the search must find them.
 */
#include "worker_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>

enum {
    N_IMAGES = 64,
    KEY_BYTES = 32,
    PIECE_BYTES = 1 << 20,
    OVERLAP_BYTES = 256,
    MAPPING_MAX = 256 << 20, /* larger ones are a sanitizer's, and empty */
};

/* Which class is true, in the scorer's own form; made at run time, so that no program holds it. */
static uint16_t truth[N_IMAGES];

/* Computes until it is killed, so that its memory can be looked at. */
static bool parse(struct columns *columns, const struct reader_input *input, struct err *err)
{
    volatile bool is_done = false;
    char first;

    (void)columns;
    while (read(input->fd, &first, 1) == 1 && !is_done) {
        while (!is_done) {
        }
    }
    return err_set(err, ERR_SYSTEM, "not reached");
}

static void shuffle_truth(void)
{
    uint64_t state = (uint64_t)time_wall_ms() | 1;

    for (size_t i = 0; i < N_IMAGES; i++) {
        truth[i] = (uint16_t)i;
    }
    for (size_t i = N_IMAGES - 1; i > 0; i--) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        size_t other = (state >> 33) % (i + 1);
        uint16_t kept = truth[i];
        truth[i] = truth[other];
        truth[other] = kept;
    }
}

static void install_labels(struct rig *rig)
{
    char solution[N_IMAGES * 32] = "id,expected,usage\n";
    char competition[RIG_PATH_SIZE];
    char labels[RIG_PATH_SIZE];
    size_t used = strlen(solution);

    shuffle_truth();
    for (size_t i = 0; i < N_IMAGES; i++) {
        used += (size_t)snprintf(solution + used, sizeof(solution) - used, "%zu,%u,%s\n", 1000 + i,
                                 truth[i], i % 2 == 0 ? "Public" : "Private");
    }
    rig_write(rig, "solution.csv", solution);
    rig_write(rig, "secrets.yaml",
              "competition: secrets\ntask: classification\nmetric: top1_error\n"
              "submission: {format: topk, k: 1}\n");
    rig_path(competition, rig, "secrets.yaml");
    rig_path(labels, rig, "solution.csv");
    rig_install(rig, competition, labels);
}

/* True where a readable mapping of the process holds these bytes. */
static bool search_mapping(int memory, uint64_t from, uint64_t to, const void *wanted, size_t size)
{
    static unsigned char piece[PIECE_BYTES + OVERLAP_BYTES];

    for (uint64_t at = from; at < to; at += PIECE_BYTES) {
        uint64_t left = to - at;
        size_t want = left < sizeof(piece) ? left : sizeof(piece);
        ssize_t n = pread(memory, piece, want, (off_t)at);
        if (n > 0 && memmem(piece, (size_t)n, wanted, size) != NULL) {
            return true;
        }
    }
    return false;
}

static bool search_process(pid_t pid, const void *wanted, size_t size)
{
    char path[64];
    char line[512];
    bool is_found = false;
    size_t n_mappings = 0;

    snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
    int memory = open(path, O_RDONLY | O_CLOEXEC);
    snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
    FILE *maps = fopen(path, "r");
    assert_true(memory >= 0);
    assert_non_null(maps);
    while (!is_found && fgets(line, sizeof(line), maps) != NULL) {
        char *end;
        uint64_t from = strtoull(line, &end, 16);
        uint64_t to = strtoull(end + 1, &end, 16);
        n_mappings++;
        is_found = end[1] == 'r' && to - from <= MAPPING_MAX && strstr(line, "[v") == NULL &&
                   search_mapping(memory, from, to, wanted, size);
    }
    fclose(maps);
    close(memory);
    assert_true(is_found || n_mappings > 10);
    return is_found;
}

/* Only root reads the memory of a process that is not dumpable. */
static bool may_read(pid_t pid)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
    int memory = open(path, O_RDONLY | O_CLOEXEC);
    if (memory >= 0) {
        close(memory);
    }
    return memory >= 0;
}

static int start(void **state)
{
    static struct rig rig;

    rig_start(&rig, parse);
    install_labels(&rig);
    *state = &rig;
    return 0;
}

static int stop(void **state)
{
    rig_stop(*state);
    return 0;
}

static void test_worker_secrets(void **state)
{
    struct rig *rig = *state;
    char path[RIG_PATH_SIZE];
    struct bytes key = {0};
    struct err err = {0};

    rig_give(rig, rig_job(rig, "secrets", "x", 1));
    pid_t reader = rig_await(rig->worker, "assay-reader");
    pid_t child = rig_await(reader, "assay-reader");
    pid_t link = rig_await(rig->worker, "assay-link");
    pid_t scorer = rig_await(rig->worker, "assay-scorer");
    rig_path(path, rig, "keys/seal.key");
    assert_true(file_read(&key, path, KEY_BYTES, &err));
    if (may_read(scorer)) {
        assert_true(search_process(scorer, truth, sizeof(truth)));
        assert_true(search_process(scorer, key.data, KEY_BYTES));
    } else {
        assert_int_equal(errno, EACCES);
    }
    const pid_t others[] = {child, reader, link, rig->worker};
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        assert_false(search_process(others[i], truth, sizeof(truth)));
        assert_false(search_process(others[i], key.data, KEY_BYTES));
    }
    assert_true(search_process(child, "top1_error", 10)); /* the sheet is there: it was reading */
    bytes_free(&key);
    kill(child, SIGKILL);
    rig_expect(rig, WIRE_FAILED);
    rig_take(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_worker_secrets, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
