/* SPDX-License-Identifier: MIT */
/*
 * The zygote and its children. Forking a small process costs about 0.3 ms a job; in return a
 * submission that takes over the parser cannot touch the next one. The zygote confines itself
 * too: it opens no file after its start.
 */
#include "scorer/worker/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/crashpoint.h"
#include "common/file.h"
#include "common/log.h"
#include "common/text.h"
#include "scorer/data/unpack.h"
#include "scorer/worker/packet.h"
#include "scorer/worker/report.h"
#include "scorer/worker/sandbox.h"

enum {
    CHILD_UNWRITTEN = 3, /* exit status: the block could not be written */
};

#if defined(__SANITIZE_ADDRESS__)
enum { FIRST_CLOSED = STDERR_FILENO + 1 }; /* keeps the sanitizer's report */
#else
enum { FIRST_CLOSED = STDERR_FILENO };
#endif

struct zygote {
    const struct reader *reader;
    int socket;
    pid_t pid;         /* its own */
    size_t base_bytes; /* addresses that this process has before a job */
    struct packet packet;
    struct wire_buffer answer;
};

/* ---- the child ---- */

/* Descriptors 0 and 1 become blob and output; a failure is then written there and nowhere else. */
static void arrange_descriptors(int blob, int output)
{
    if (dup2(blob, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0) {
        _exit(EXIT_FAILURE);
    }
}

static bool close_others(struct err *err)
{
    return syscall(SYS_close_range, FIRST_CLOSED, ~0U, 0) == 0 ||
           err_set(err, ERR_SYSTEM, "close descriptors: %s", strerror(errno));
}

static bool lock_in(const struct zygote *zygote, const struct sealed *map, struct err *err)
{
    const struct worker_settings *settings = zygote->reader->settings;
    size_t memory = (size_t)settings->job_memory_bytes;
    const struct sandbox_limits limits = {
        .memory_bytes = zygote->base_bytes + map->size_bytes + memory,
        .output_bytes = memory,
        .cpu_seconds = (unsigned)settings->job_seconds,
    };

    return sandbox_reader(&limits, (enum sandbox_policy)settings->sandbox, err);
}

static bool parse(struct columns *columns, const struct zygote *zygote, const struct sheet *sheet,
                  uint64_t size_bytes, struct err *err)
{
    struct arena *arena = NULL;

    if (!arena_open(&arena, (size_t)zygote->reader->settings->job_memory_bytes, err)) {
        return false;
    }
    const struct reader_input input = {
        .fd = STDIN_FILENO, .size_bytes = size_bytes, .sheet = sheet, .arena = arena};
    return zygote->reader->parse(columns, &input, err); /* the arena ends with the process */
}

static _Noreturn void run_child(const struct zygote *zygote, int blob, int sheet_fd, int output,
                                uint64_t size_bytes)
{
    static struct sheet sheet; /* holds a competition: too large for a stack in good conscience */
    struct columns columns;
    struct sealed map = {0};
    struct err err = {0};

    sandbox_die_with(zygote->pid);
    arrange_descriptors(blob, output);
    bool ok = sheet_open(&sheet, &map, sheet_fd, &err) && close_others(&err) &&
              lock_in(zygote, &map, &err) && parse(&columns, zygote, &sheet, size_bytes, &err);
    if (!ok) {
        columns = (struct columns){.kind = COLUMNS_FAILURE, .failure = &err};
    }
    struct err unwritten;
    _exit(columns_write(STDOUT_FILENO, &columns, &sheet.frame, &unwritten) ? 0 : CHILD_UNWRITTEN);
}

/* ---- the zygote ---- */

/* Waits until the child ends, the time is over, or nobody waits for the answer any more. */
static bool wait_for_end(const struct zygote *zygote, int child_fd, struct err *err)
{
    int64_t seconds = zygote->reader->settings->job_seconds;
    int64_t end_ms = time_boot_ms() + seconds * 1000;
    struct pollfd waits[] = {{.fd = child_fd, .events = POLLIN}, {.fd = zygote->socket}};

    for (;;) {
        int64_t left_ms = end_ms - time_boot_ms();
        int n = left_ms <= 0 ? 0 : poll(waits, ARRAY_SIZE(waits), (int)left_ms);
        if (n < 0 && errno != EINTR) {
            return err_set(err, ERR_SYSTEM, "poll: %s", strerror(errno));
        }
        if (n == 0) {
            return err_set(err, ERR_LIMIT, "reading took longer than %" PRId64 " s", seconds);
        }
        if (n > 0 && waits[0].revents != 0) {
            return true;
        }
        if (n > 0 && waits[1].revents != 0) {
            return err_set(err, ERR_PEER, "nobody waits for the columns");
        }
    }
}

static bool explain_end(const struct zygote *zygote, int status, struct err *err)
{
    const struct worker_settings *settings = zygote->reader->settings;

    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU) {
        return err_set(err, ERR_LIMIT, "reading took more than %" PRId64 " s of the processor",
                       settings->job_seconds);
    }
    if (WIFSIGNALED(status)) {
        return err_set(err, ERR_SYSTEM, "reader crashed: signal %d (%s)", WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
    }
    if (WEXITSTATUS(status) == CHILD_UNWRITTEN) {
        return err_set(err, ERR_LIMIT, "columns are larger than the limit of %" PRId64 " bytes",
                       settings->job_memory_bytes);
    }
    return WEXITSTATUS(status) == 0 ||
           err_set(err, ERR_SYSTEM, "reader ended with status %d", WEXITSTATUS(status));
}

/* Ends the child one way or the other; true where it ended well by itself. */
static bool await_child(const struct zygote *zygote, pid_t child, struct err *err)
{
    int status = 0;
    int child_fd = (int)syscall(SYS_pidfd_open, child, 0);
    bool ok = child_fd >= 0 ? wait_for_end(zygote, child_fd, err)
                            : err_set(err, ERR_SYSTEM, "pidfd: %s", strerror(errno));

    if (!ok) {
        kill(child, SIGKILL);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (child_fd >= 0) {
        close(child_fd);
    }
    return ok && explain_end(zygote, status, err);
}

/* Makes the columns of one job in *output, which stays the caller's. */
static bool read_job(struct zygote *zygote, const struct wire_job *job, int output, struct err *err)
{
    if (zygote->packet.n_fds != 2) {
        return err_set(err, ERR_PEER, "job without its descriptors");
    }
    pid_t child = fork();
    if (child < 0) {
        return err_set(err, ERR_SYSTEM, "fork: %s", strerror(errno));
    }
    if (child == 0) {
        run_child(zygote, zygote->packet.fds[0], zygote->packet.fds[1], output, job->size_bytes);
    }
    packet_close_fds(&zygote->packet);
    CRASHPOINT("reader started on the file");
    return await_child(zygote, child, err) && sealed_finish(output, err);
}

/* Answers one packet; false when the link is gone. */
static bool serve(struct zygote *zygote, struct err *err)
{
    struct wire_message message;
    int output = -1;

    if (!report_read_job(&message, zygote->packet.data, zygote->packet.size, err)) {
        return false;
    }
    bool ok =
        sealed_make(&output, "assay-columns", err) && read_job(zygote, &message.job, output, err);
    CRASHPOINT("file read, columns not handed over");
    if (ok) {
        ok = packet_send(zygote->socket, NULL, 0, &output, 1, err);
    } else {
        struct err reason = *err;
        ok = report_failure(&zygote->answer, &message, zygote->reader->settings->name, reason.text,
                            err) &&
             packet_send(zygote->socket, zygote->answer.data, zygote->answer.size, NULL, 0, err);
    }
    if (output >= 0) {
        close(output);
    }
    return ok;
}

/* The addresses in use, from the first number of /proc/self/statm. */
static bool count_addresses(size_t *bytes, struct err *err)
{
    FILE *file = fopen("/proc/self/statm", "re");
    char text[32] = "";

    if (file == NULL || fgets(text, sizeof(text), file) == NULL) {
        err_set(err, ERR_SYSTEM, "/proc/self/statm: %s", strerror(errno));
    }
    if (file != NULL) {
        fclose(file);
    }
    *bytes = strtoull(text, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
    return *bytes > 0;
}

int reader_run(int socket, const struct reader *reader)
{
    struct zygote zygote = {.reader = reader, .socket = socket, .pid = getpid()};
    struct err err = {0};
    bool ok = unpack_rehearse(&err) && count_addresses(&zygote.base_bytes, &err) &&
              sandbox_files(NULL, 0, (enum sandbox_policy)reader->settings->sandbox, &err);
    bool is_closed = false;

    while (ok && !is_closed) {
        struct pollfd wait = {.fd = socket, .events = POLLIN};
        if (poll(&wait, 1, -1) < 0) { /* idle: no job waits */
            continue;
        }
        is_closed = packet_receive(&zygote.packet, socket, &err) == PACKET_CLOSED;
        ok = is_closed || serve(&zygote, &err);
    }
    ok = ok || err.code == ERR_PEER; /* the link is gone: the usual end */
    if (!ok) {
        log_error("reader ends", "reason=\"%s\"", err.text);
    }
    packet_free(&zygote.packet);
    wire_buffer_free(&zygote.answer);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
