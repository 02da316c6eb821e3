/* SPDX-License-Identifier: MIT */
/*
 * The supervisor. It holds nothing: no key, no label, no ZeroMQ, no thread, so that what it forks
 * starts empty. It sleeps until a child ends, the link asks for something or a signal comes.
 */
#include "scorer/worker/worker.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/daemon.h"
#include "common/log.h"
#include "common/text.h"
#include "scorer/worker/packet.h"
#include "scorer/worker/pipeline.h"
#include "scorer/worker/sandbox.h"
#include "scorer/worker/scorer.h"
#include "scorer/worker/worker_link.h"

enum {
    ROLE_LINK = N_PEERS, /* behind the peers of the pipeline */
    N_ROLES,
    STOP_MS = 8000,    /* for the link, which stops by itself earlier */
    RESTARTS_MAX = 20, /* in RESTARTS_MS: more is no accident */
    RESTARTS_MS = 60000,
    CHILD_SOCKET = 3,
};

static const char *const role_names[N_ROLES] = {
    [PEER_SCORER] = "scorer", [PEER_READER] = "reader", [ROLE_LINK] = "link"};

static const char *const process_names[N_ROLES] = {
    [PEER_SCORER] = "assay-scorer", [PEER_READER] = "assay-reader", [ROLE_LINK] = "assay-link"};

struct child {
    pid_t pid; /* 0 where none runs */
    int fd;    /* becomes readable when it ends */
};

struct worker {
    const struct reader *reader;
    pid_t pid; /* its own */
    int signals;
    int control; /* to the link */
    struct child children[N_ROLES];
    struct packet packet;
    unsigned n_restarts; /* since restarts_from_ms */
    int64_t restarts_from_ms;
    int64_t stop_at_ms; /* INT64_MAX while nobody wants it to stop */
};

/* ---- starting ---- */

/* In the child: one socket, and nothing else of the parent's. */
static _Noreturn void run_role(const struct worker *worker, int role, int socket)
{
    const struct worker_settings *settings = worker->reader->settings;
    int status = EXIT_FAILURE;

    sandbox_die_with(worker->pid);
    prctl(PR_SET_NAME, process_names[role]);
    log_start(role_names[role], (enum log_level)settings->log);
    if ((socket == CHILD_SOCKET || dup2(socket, CHILD_SOCKET) == CHILD_SOCKET) &&
        syscall(SYS_close_range, CHILD_SOCKET + 1, ~0U, 0) == 0) {
        status = role == PEER_SCORER   ? scorer_run(CHILD_SOCKET, settings)
                 : role == PEER_READER ? reader_run(CHILD_SOCKET, worker->reader)
                                       : worker_link_run(CHILD_SOCKET, settings);
    }
    _exit(status);
}

/* Forks a child and gives the other end of its socket. */
static bool start_child(int *socket, struct worker *worker, int role, struct err *err)
{
    struct child *child = &worker->children[role];
    int ends[2];

    if (!packet_pair(ends, err)) {
        return false;
    }
    fflush(NULL); /* nothing of ours is to be written twice */
    child->pid = fork();
    if (child->pid == 0) {
        run_role(worker, role, ends[1]);
    }
    close(ends[1]);
    child->fd = child->pid < 0 ? -1 : (int)syscall(SYS_pidfd_open, child->pid, 0);
    if (child->fd < 0) {
        err_set(err, ERR_SYSTEM, "start %s: %s", role_names[role], strerror(errno));
        close(ends[0]);
        return false;
    }
    *socket = ends[0];
    return true;
}

/* Starts a peer of the pipeline and hands its socket to the link. */
static bool start_peer(struct worker *worker, int role, struct err *err)
{
    const unsigned char name = (unsigned char)role;
    int socket = -1;

    if (!start_child(&socket, worker, role, err)) {
        return false;
    }
    struct err gone; /* a link that does not listen is ending, which is noticed next */
    if (!packet_send(worker->control, &name, 1, &socket, 1, &gone)) {
        log_warn("link does not listen", "reason=\"%s\"", gone.text);
    }
    close(socket);
    return true;
}

static bool start_all(struct worker *worker, struct err *err)
{
    const struct worker_settings *settings = worker->reader->settings;

    return daemon_harden(err) && (settings->sandbox == SANDBOX_BEST_EFFORT || sandbox_check(err)) &&
           daemon_signals_open(&worker->signals, err) &&
           start_child(&worker->control, worker, ROLE_LINK, err) &&
           start_peer(worker, PEER_READER, err) && start_peer(worker, PEER_SCORER, err);
}

/* ---- ending ---- */

static int reap(struct child *child)
{
    int status = 0;

    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR) {
    }
    close(child->fd);
    *child = (struct child){.fd = -1};
    return status;
}

static void kill_all(struct worker *worker)
{
    for (int role = 0; role < N_ROLES; role++) {
        if (worker->children[role].pid > 0) {
            kill(worker->children[role].pid, SIGKILL);
            reap(&worker->children[role]);
        }
    }
}

/* ---- the loop ---- */

/* False when it has happened too often lately. */
static bool restart_peer(struct worker *worker, int role, int64_t now_ms, struct err *err)
{
    int status = reap(&worker->children[role]);

    if (worker->stop_at_ms != INT64_MAX) {
        return true;
    }
    log_warn("process ended", "process=%s status=%d signal=%d", role_names[role],
             WIFEXITED(status) ? WEXITSTATUS(status) : -1,
             WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    if (now_ms - worker->restarts_from_ms > RESTARTS_MS) {
        worker->restarts_from_ms = now_ms;
        worker->n_restarts = 0;
    }
    if (++worker->n_restarts > RESTARTS_MAX) {
        return err_set(err, ERR_SYSTEM, "%s ended too often", role_names[role]);
    }
    return start_peer(worker, role, err);
}

/* The link wants a peer that hangs to be killed; its end then restarts it. */
static void on_control(struct worker *worker)
{
    struct err err;

    if (packet_receive(&worker->packet, worker->control, &err) == PACKET_DONE &&
        worker->packet.size == 1 && worker->packet.data[0] < N_PEERS) {
        kill(worker->children[worker->packet.data[0]].pid, SIGKILL);
    }
}

static bool link_ended(struct worker *worker, struct err *err)
{
    int status = reap(&worker->children[ROLE_LINK]);

    if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && worker->stop_at_ms != INT64_MAX) {
        return false;
    }
    return err_set(err, ERR_SYSTEM, "link ended: status %d, signal %d",
                   WIFEXITED(status) ? WEXITSTATUS(status) : -1,
                   WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

/* One turn; false at the end, with err where it is not the wanted one. */
static bool turn(struct worker *worker, struct err *err)
{
    struct pollfd waits[N_ROLES + 2];
    int64_t now_ms = time_boot_ms();
    int timeout_ms = worker->stop_at_ms == INT64_MAX ? -1
                     : worker->stop_at_ms <= now_ms  ? 0
                                                     : (int)(worker->stop_at_ms - now_ms);

    for (int role = 0; role < N_ROLES; role++) {
        waits[role] = (struct pollfd){.fd = worker->children[role].fd, .events = POLLIN};
    }
    waits[N_ROLES] = (struct pollfd){/* a signal stays readable: it is heard once */
                                     .fd = worker->stop_at_ms == INT64_MAX ? worker->signals : -1,
                                     .events = POLLIN};
    waits[N_ROLES + 1] = (struct pollfd){.fd = worker->control, .events = POLLIN};
    int n = poll(waits, ARRAY_SIZE(waits), timeout_ms);
    now_ms = time_boot_ms(); /* the wait may have been long */
    if (n < 0) {
        return errno == EINTR || err_set(err, ERR_SYSTEM, "poll: %s", strerror(errno));
    }
    if (waits[N_ROLES].revents != 0) {
        worker->stop_at_ms = now_ms + STOP_MS;
        kill(worker->children[ROLE_LINK].pid, SIGTERM);
    }
    if (waits[ROLE_LINK].revents != 0) {
        return link_ended(worker, err);
    }
    if (n == 0) {
        return err_set(err, ERR_SYSTEM, "link did not stop in time");
    }
    if (waits[N_ROLES + 1].revents != 0) {
        on_control(worker);
    }
    for (int role = 0; role < N_PEERS; role++) {
        if (waits[role].revents != 0 && !restart_peer(worker, role, now_ms, err)) {
            return false;
        }
    }
    return true;
}

int worker_run(const struct reader *reader)
{
    struct worker worker = {
        .reader = reader, .pid = getpid(), .signals = -1, .control = -1, .stop_at_ms = INT64_MAX};
    struct err err = {0};

    for (int role = 0; role < N_ROLES; role++) {
        worker.children[role].fd = -1;
    }
    log_start(reader->settings->name, (enum log_level)reader->settings->log);
    if (start_all(&worker, &err)) {
        while (turn(&worker, &err)) {
        }
    }
    if (err.code != ERR_NONE) {
        log_error("worker ends", "reason=\"%s\"", err.text);
    }
    kill_all(&worker);
    packet_free(&worker.packet);
    if (worker.signals >= 0) {
        close(worker.signals);
    }
    if (worker.control >= 0) {
        close(worker.control);
    }
    return err.code == ERR_NONE ? EXIT_SUCCESS : EXIT_FAILURE;
}
