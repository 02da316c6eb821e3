/* SPDX-License-Identifier: MIT */
/*
 * A board of many teams behind a real gateway, for a command that measures it: it gets the
 * gateway's address as ASSAY_URL, and its exit code is the load's.
 */
#include "tests/load/load.h"

static struct load load;

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

    load_open(&load, n_teams);
    submit_range(&load, "accepts", 0, n_teams, WINDOW);
    work_all(&load, n_teams, WINDOW);
    publish();
    printf("%zu teams on the board, broker %" PRId64 " KiB\n", n_teams, load_memory_kib(&load));
    pid_t gateway = start_gateway(address, sizeof(address));
    int code = run_command(command, address, gateway);
    kill(gateway, SIGTERM);
    waitpid(gateway, NULL, 0);
    load_close(&load);
    return code;
}
