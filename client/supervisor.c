/* SPDX-License-Identifier: MIT */
/*
 * Children lead process groups of their own, so that Ctrl-C on the terminal reaches only the
 * supervisor, and so that what a dead child leaves behind can be killed with its group. A dead
 * child is a zombie until then: its number cannot go to anybody else. See the header.
 */
#include "client/supervisor.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "common/text.h"

enum {
    DELAY_FIRST_MS = 100,
    DELAY_LAST_MS = 30000,
    STEADY_MS = 60000, /* a child that ran so long begins with the first delay again */
    DEATHS_MAX = 3,    /* before the start is over */
    EXIT_CONFIG = 2,
};

struct child {
    char program[SUPERVISOR_PATH_SIZE];
    char config[SUPERVISOR_PATH_SIZE];
    int stop_phase;
    pid_t pid; /* 0: not running */
    unsigned n_deaths;
    int64_t started_ms;
    int64_t start_at_ms; /* when pid is 0 */
};

struct supervisor {
    int signal_fd;
    sigset_t old_mask;
    bool is_ready;
    bool is_stopping;
    size_t n_children;
    struct child children[SUPERVISOR_CHILDREN_MAX];
};

bool supervisor_open(struct supervisor **supervisor, struct err *err)
{
    struct supervisor *made = calloc(1, sizeof(*made));
    sigset_t mask;

    if (made == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for a supervisor");
    }
    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGHUP);
    sigprocmask(SIG_BLOCK, &mask, &made->old_mask);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    made->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    if (made->signal_fd < 0) {
        err_set(err, ERR_SYSTEM, "signalfd: %s", strerror(errno));
        supervisor_close(&made);
        return false;
    }
    *supervisor = made;
    return true;
}

/* In the child: nothing of the supervisor's but standard error. */
static void become(const struct child *child, const struct supervisor *supervisor, pid_t parent)
{
    static char config_option[] = "--config";
    char *argv[] = {strdup(child->program), config_option, strdup(child->config), NULL};

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent) {
        _exit(1); /* it died before the line above */
    }
    int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null_fd >= 0) {
        dup2(null_fd, STDIN_FILENO);
    }
    dup2(STDERR_FILENO, STDOUT_FILENO); /* our standard output is for results */
    sigprocmask(SIG_SETMASK, &supervisor->old_mask, NULL);
    execv(child->program, argv);
    log_error("cannot start", "program=%s error=\"%s\"", child->program, strerror(errno));
    _exit(EXIT_CONFIG);
}

static bool start_child(struct supervisor *supervisor, struct child *child, struct err *err)
{
    pid_t parent = getpid();
    pid_t pid = fork();

    if (pid < 0) {
        return err_set(err, ERR_SYSTEM, "fork: %s", strerror(errno));
    }
    if (pid == 0) {
        become(child, supervisor, parent);
    }
    setpgid(pid, pid); /* both sides, so that neither is too late */
    child->pid = pid;
    child->started_ms = time_boot_ms();
    return true;
}

bool supervisor_add(struct supervisor *supervisor, const char *program, const char *config,
                    int stop_phase, struct err *err)
{
    struct child *child = &supervisor->children[supervisor->n_children];

    if (supervisor->n_children == SUPERVISOR_CHILDREN_MAX) {
        return err_set(err, ERR_LIMIT, "more than %d processes", SUPERVISOR_CHILDREN_MAX);
    }
    *child = (struct child){.stop_phase = stop_phase};
    if (!text_copy(child->program, sizeof(child->program), program, err) ||
        !text_copy(child->config, sizeof(child->config), config, err) ||
        !start_child(supervisor, child, err)) {
        return false;
    }
    supervisor->n_children++;
    return true;
}

void supervisor_ready(struct supervisor *supervisor)
{
    supervisor->is_ready = true;
}

static struct child *find_child(struct supervisor *supervisor, pid_t pid)
{
    for (size_t i = 0; i < supervisor->n_children; i++) {
        if (supervisor->children[i].pid == pid) {
            return &supervisor->children[i];
        }
    }
    return NULL;
}

/* Notes a death; true when the start has failed by it. */
static bool bury(struct supervisor *supervisor, struct child *child, int status)
{
    int64_t now_ms = time_boot_ms();
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    pid_t pid = child->pid;

    child->pid = 0;
    if (supervisor->is_stopping) {
        return false;
    }
    child->n_deaths = now_ms - child->started_ms >= STEADY_MS ? 1 : child->n_deaths + 1;
    int64_t delay_ms = DELAY_FIRST_MS;
    for (unsigned i = 1; i < child->n_deaths && delay_ms < DELAY_LAST_MS; i++) {
        delay_ms *= 2;
    }
    delay_ms = delay_ms < DELAY_LAST_MS ? delay_ms : DELAY_LAST_MS;
    child->start_at_ms = now_ms + delay_ms;
    log_warn("process ended", "program=%s pid=%ld exit=%d signal=%d again_in_ms=%ld",
             strrchr(child->program, '/') == NULL ? child->program
                                                  : strrchr(child->program, '/') + 1,
             (long)pid, code, WIFSIGNALED(status) ? WTERMSIG(status) : 0, (long)delay_ms);
    return !supervisor->is_ready && (code == EXIT_CONFIG || child->n_deaths >= DEATHS_MAX);
}

/* Collects every dead process below us; true when the start has failed by one of them. */
static bool reap(struct supervisor *supervisor)
{
    bool has_failed = false;

    for (;;) {
        siginfo_t info = {0};
        int status;
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0) {
            return has_failed;
        }
        struct child *child = find_child(supervisor, info.si_pid);
        if (child != NULL) {
            kill(-info.si_pid, SIGKILL); /* what it left behind */
        }
        if (waitpid(info.si_pid, &status, 0) == info.si_pid && child != NULL) {
            has_failed = bury(supervisor, child, status) || has_failed;
        }
    }
}

/* Reads what arrived; true when one of them asks to stop. */
static bool take_signals(struct supervisor *supervisor)
{
    struct signalfd_siginfo info;
    bool is_stop = false;

    while (read(supervisor->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        is_stop = is_stop || info.ssi_signo != SIGCHLD;
    }
    return is_stop;
}

/* Starts what is due; the time until the next one is due, -1 for none. */
static int64_t start_due(struct supervisor *supervisor)
{
    int64_t now_ms = time_boot_ms();
    int64_t wait_ms = -1;
    struct err err;

    for (size_t i = 0; i < supervisor->n_children; i++) {
        struct child *child = &supervisor->children[i];
        if (child->pid != 0) {
            continue;
        }
        if (child->start_at_ms <= now_ms && !start_child(supervisor, child, &err)) {
            log_error("cannot start", "error=\"%s\"", err.text);
            child->start_at_ms = now_ms + DELAY_LAST_MS;
        }
        if (child->pid == 0 && (wait_ms < 0 || child->start_at_ms - now_ms < wait_ms)) {
            wait_ms = child->start_at_ms - now_ms;
        }
    }
    return wait_ms;
}

static void wait_for_signal(const struct supervisor *supervisor, int64_t timeout_ms)
{
    struct pollfd wait = {.fd = supervisor->signal_fd, .events = POLLIN};

    (void)poll(&wait, 1, timeout_ms > INT32_MAX ? INT32_MAX : (int)timeout_ms);
}

enum supervisor_event supervisor_step(struct supervisor *supervisor, int64_t timeout_ms)
{
    int64_t due_ms = start_due(supervisor);

    wait_for_signal(supervisor,
                    due_ms >= 0 && (timeout_ms < 0 || due_ms < timeout_ms) ? due_ms : timeout_ms);
    bool is_stop = take_signals(supervisor);
    if (reap(supervisor)) {
        return SUPERVISOR_FAILED;
    }
    return is_stop ? SUPERVISOR_STOP : SUPERVISOR_NOTHING;
}

/* Sends a signal to the children of a phase; false when none of them runs. */
static bool signal_phase(struct supervisor *supervisor, int phase, int number)
{
    bool is_running = false;

    for (size_t i = 0; i < supervisor->n_children; i++) {
        const struct child *child = &supervisor->children[i];
        if (child->pid != 0 && child->stop_phase == phase) {
            is_running = true;
            if (number != 0) {
                kill(child->pid, number);
            }
        }
    }
    return is_running;
}

static int last_phase(const struct supervisor *supervisor)
{
    int phase = 0;

    for (size_t i = 0; i < supervisor->n_children; i++) {
        if (supervisor->children[i].stop_phase > phase) {
            phase = supervisor->children[i].stop_phase;
        }
    }
    return phase;
}

void supervisor_stop(struct supervisor *supervisor, int64_t patience_ms)
{
    supervisor->is_stopping = true;
    for (int phase = 0; phase <= last_phase(supervisor); phase++) {
        int64_t end_ms = time_boot_ms() + patience_ms;
        signal_phase(supervisor, phase, SIGTERM);
        while (signal_phase(supervisor, phase, 0)) {
            int64_t left_ms = end_ms - time_boot_ms();
            if (left_ms <= 0) {
                log_warn("process killed", "it did not end within %ld ms", (long)patience_ms);
                signal_phase(supervisor, phase, SIGKILL);
                left_ms = -1;
            }
            wait_for_signal(supervisor, left_ms);
            if (take_signals(supervisor)) {
                patience_ms = 0;
                end_ms = 0;
            }
            (void)reap(supervisor);
        }
    }
}

void supervisor_close(struct supervisor **supervisor)
{
    struct supervisor *ended = *supervisor;

    if (ended == NULL) {
        return;
    }
    supervisor_stop(ended, 0);
    if (ended->signal_fd >= 0) {
        close(ended->signal_fd);
    }
    sigprocmask(SIG_SETMASK, &ended->old_mask, NULL);
    free(ended);
    *supervisor = NULL;
}
