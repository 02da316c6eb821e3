/* SPDX-License-Identifier: MIT */
/*
 * A board of many teams behind a real gateway, for a command that measures it: it gets the
 * gateway's address as ASSAY_URL, and its exit code is the load's.
 */
#include "tests/load/load.h"

static struct load load;

/* A team of its own for every submission, scored at once. */
static void fill(size_t n_teams)
{
    char token[TOKEN_SIZE];
    char name[64];

    for (size_t i = 1; i < n_teams; i++) {
        snprintf(name, sizeof(name), "owls of the wood %zu", i);
        fixture_make_team(&load.fixture, "load", name, token);
        struct wire_message submission = fixture_submission("load", token, i, i);
        if (fixture_ask(&load.fixture, submission).type != WIRE_SUBMIT_ACCEPTED) {
            fixture_fail("not accepted");
        }
        struct wire_message job = fixture_claim(&load.fixture, 1000);
        struct wire_message result =
            fixture_result(job.job.job_id, job.job.fence, (double)(i * 7919 % 99991) / 99991);
        if (job.type != WIRE_JOB || fixture_work(&load.fixture, result).type != WIRE_RESULT_TAKEN) {
            fixture_fail("not scored");
        }
    }
}

static void publish(void)
{
    struct wire_message request = {.type = WIRE_BOARD_MOVE};

    request.board_move.token = wire_text(load.fixture.organizer);
    request.board_move.competition = wire_text("load");
    request.board_move.move = BOARD_PUBLISH;
    if (fixture_ask(&load.fixture, request).type != WIRE_DONE) {
        fixture_fail("not published");
    }
}

static pid_t start_gateway(char *address, size_t address_size)
{
    char path[128];
    struct bytes text = {0};
    struct err err;
    const struct timespec pause = {.tv_nsec = 20000000};

    snprintf(path, sizeof(path), "%s/gateway.yaml", load.fixture.folder);
    FILE *file = fopen(path, "w");
    fprintf(file,
            "listen: 127.0.0.1:0\naddress_file: %s/address\nbroker: ipc://%s/gateways.sock\n"
            "events: ipc://%s/events.sock\nblobs: %s/blobs\nlog: warn\n",
            load.fixture.folder, load.fixture.folder, load.fixture.folder, load.fixture.folder);
    fclose(file);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl(ASSAY_BIN "/assay-gateway", "assay-gateway", "--config", path, (char *)NULL);
        _exit(3);
    }
    snprintf(path, sizeof(path), "%s/address", load.fixture.folder);
    for (int i = 0; i < 500 && !file_read(&text, path, address_size - 1, &err); i++) {
        nanosleep(&pause, NULL);
    }
    if (text.data == NULL) {
        fixture_fail("the gateway does not listen");
    }
    memcpy(address, text.data, text.size_bytes + 1);
    bytes_free(&text);
    return pid;
}

static int run_command(char **command, const char *address, pid_t gateway)
{
    char pid_text[16];
    int status = -1;

    snprintf(pid_text, sizeof(pid_text), "%d", (int)gateway);
    setenv("ASSAY_URL", address, 1);
    setenv("ASSAY_GATEWAY_PID", pid_text, 1);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        execvp(command[0], command);
        _exit(127);
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int load_board(size_t n_teams, char **command)
{
    char address[256];

    load_open(&load, 1);
    int64_t start_us = now_us();
    fill(n_teams);
    publish();
    printf("%zu teams in %.0f s, broker %" PRId64 " KiB\n", n_teams,
           1e-6 * (double)(now_us() - start_us), load_memory_kib(&load));
    pid_t gateway = start_gateway(address, sizeof(address));
    int code = run_command(command, address, gateway);
    kill(gateway, SIGTERM);
    waitpid(gateway, NULL, 0);
    load_close(&load);
    return code;
}
