/* SPDX-License-Identifier: MIT */
/*
 * Running and measuring. See the header.
 */
#include "tests/bench/measure.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"

double measure_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int double_order(const void *left, const void *right)
{
    const double *a = left;
    const double *b = right;

    return (*a > *b) - (*a < *b);
}

double measure_median(double *values, size_t n)
{
    qsort(values, n, sizeof(*values), double_order);
    return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/* In the child: does not come back. */
static void become(const char *const *argv, const char *output_path,
                   const struct measure_limits *limits)
{
    struct rlimit memory = {limits->memory_bytes, limits->memory_bytes};
    int output = open(output_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    int errors = open("/dev/null", O_WRONLY | O_CLOEXEC);

    if (output < 0 || errors < 0 || dup2(output, STDOUT_FILENO) < 0 ||
        dup2(errors, STDERR_FILENO) < 0 || setrlimit(RLIMIT_AS, &memory) != 0) {
        _exit(126);
    }
    char *copy[32] = {NULL}; /* execv wants texts that it may change; it does not */
    for (size_t i = 0; argv[i] != NULL && i + 1 < ARRAY_SIZE(copy); i++) {
        copy[i] = strdup(argv[i]);
    }
    execv(copy[0], copy);
    _exit(127);
}

static double time_ms(struct timeval time)
{
    return (double)time.tv_sec * 1e3 + (double)time.tv_usec / 1e3;
}

/* Waits for a child, and kills it when its time is over. */
static bool wait_for(struct measure *run, pid_t pid, double wall_s, struct err *err)
{
    struct rusage usage;
    int status;
    int fd = pidfd_open(pid, 0);

    if (fd < 0) {
        err_set(err, ERR_SYSTEM, "pidfd of a child: %s", strerror(errno));
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        return false;
    }
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    bool is_late = poll(&wait, 1, (int)(wall_s * 1e3)) <= 0;
    if (is_late) {
        kill(pid, SIGKILL);
    }
    close(fd);
    if (wait4(pid, &status, 0, &usage) < 0) {
        return err_set(err, ERR_SYSTEM, "wait for a child: %s", strerror(errno));
    }
    *run = (struct measure){
        .cpu_ms = time_ms(usage.ru_utime) + time_ms(usage.ru_stime),
        .peak_mb = (double)usage.ru_maxrss * 1024 / 1e6,
        .is_late = is_late,
        .is_stopped = !WIFEXITED(status) || WEXITSTATUS(status) != 0,
    };
    return true;
}

static bool run_once(struct measure *run, const char *const *argv, const char *output_path,
                     const struct measure_limits *limits, struct err *err)
{
    double start_ms = measure_now_ms();
    pid_t pid = fork();

    if (pid < 0) {
        return err_set(err, ERR_SYSTEM, "fork: %s", strerror(errno));
    }
    if (pid == 0) {
        become(argv, output_path, limits);
    }
    bool ok = wait_for(run, pid, limits->wall_s, err);
    run->wall_ms = measure_now_ms() - start_ms;
    return ok;
}

bool measure_program(struct measure *measure, const char *const *argv, const char *output_path,
                     const struct measure_limits *limits, struct err *err)
{
    const double long_ms = 10e3;
    double wall[MEASURE_RUNS_MAX];
    double cpu[MEASURE_RUNS_MAX];
    double peak[MEASURE_RUNS_MAX];
    size_t n = 0;

    while (n < limits->n_runs) {
        struct measure run;
        if (!run_once(&run, argv, output_path, limits, err)) {
            return false;
        }
        if (run.is_stopped) {
            *measure = run;
            return true;
        }
        wall[n] = run.wall_ms;
        cpu[n] = run.cpu_ms;
        peak[n] = run.peak_mb;
        n++;
        if (run.wall_ms > long_ms) {
            break;
        }
    }
    *measure = (struct measure){.wall_ms = measure_median(wall, n),
                                .cpu_ms = measure_median(cpu, n),
                                .peak_mb = measure_median(peak, n)};
    measure->best_ms = wall[0]; /* sorted by now */
    return true;
}

/* What a child that runs a function sends back. */
struct report {
    bool is_done;
    struct err err;
    double times[MEASURE_TIMES_MAX];
};

static void report_runs(int fd, size_t n_times,
                        bool (*function)(double *times, void *data, struct err *err), void *data,
                        size_t n_runs)
{
    static double times[MEASURE_TIMES_MAX][MEASURE_RUNS_MAX];
    struct report report = {.is_done = true};
    struct err ignored;

    for (size_t run = 0; run < n_runs && report.is_done; run++) {
        report.is_done = function(report.times, data, &report.err);
        for (size_t i = 0; i < n_times; i++) {
            times[i][run] = report.times[i];
        }
    }
    for (size_t i = 0; i < n_times; i++) {
        report.times[i] = measure_median(times[i], n_runs);
    }
    _exit(write_full(fd, &report, sizeof(report), &ignored) ? 0 : 1);
}

bool measure_function(double *times, size_t n_times,
                      bool (*function)(double *times, void *data, struct err *err), void *data,
                      size_t n_runs, struct err *err)
{
    struct report report = {0};
    int ends[2];
    int status;

    if (pipe2(ends, O_CLOEXEC) != 0) {
        return err_set(err, ERR_SYSTEM, "pipe: %s", strerror(errno));
    }
    pid_t pid = fork();
    if (pid == 0) {
        report_runs(ends[1], n_times, function, data, n_runs);
    }
    close(ends[1]);
    bool ok = pid > 0 ? read_full(ends[0], &report, sizeof(report), err)
                      : err_set(err, ERR_SYSTEM, "fork: %s", strerror(errno));
    close(ends[0]);
    if (pid > 0) {
        waitpid(pid, &status, 0);
    }
    if (ok && !report.is_done) {
        *err = report.err;
        ok = false;
    }
    if (ok) {
        memcpy(times, report.times, n_times * sizeof(*times));
    }
    return ok;
}
