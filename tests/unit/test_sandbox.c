/* SPDX-License-Identifier: MIT */
/* What a locked-in process can still do, tried one by one, each in a child of its own. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/macros.h"
#include "scorer/worker/sandbox.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER true /* its shadow memory knows no limit of addresses */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SANITIZER true
#endif
#endif
#ifndef HAS_SANITIZER
#define HAS_SANITIZER false
#endif

enum { MEGABYTE = 1 << 20, LOCK_FAILED = 99 };

static const struct sandbox_limits limits = {
    .memory_bytes = 512 * MEGABYTE, .output_bytes = 4096, .cpu_seconds = 1};

/* ---- things to try; 0 is what the case expects ---- */

static int read_input(void)
{
    char text[4] = "";

    return read(STDIN_FILENO, text, 3) == 3 && strcmp(text, "abc") == 0 ? 0 : 1;
}

static int write_output(void)
{
    return write(STDOUT_FILENO, "x", 1) == 1 ? 0 : 1;
}

static int write_too_much(void)
{
    static char page[4096];

    ssize_t n = write(STDOUT_FILENO, page, sizeof(page));
    return n > 0 && write(STDOUT_FILENO, page, sizeof(page)) < 0 && errno == EFBIG ? 0 : 1;
}

static int get_memory(void)
{
    char *memory = malloc(16 * MEGABYTE);

    if (memory == NULL) {
        return 1;
    }
    memset(memory, 1, 16 * MEGABYTE);
    free(memory);
    return 0;
}

static int get_too_much_memory(void)
{
    void *memory =
        mmap(NULL, limits.memory_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return memory == MAP_FAILED && errno == ENOMEM ? 0 : 1;
}

static int compute_for_ever(void)
{
    volatile bool is_done = false;

    while (!is_done) {
    }
    return 1;
}

static int open_file(void)
{
    return open("/etc/passwd", O_RDONLY);
}

static int open_old_way(void)
{
#ifdef SYS_open
    return (int)syscall(SYS_open, "/etc/passwd", O_RDONLY);
#else
    return open_file();
#endif
}

static int make_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0);
}

static int make_process(void)
{
    return (int)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

static void *do_nothing(void *nothing)
{
    return nothing;
}

static int make_thread(void)
{
    pthread_t thread;

    return pthread_create(&thread, NULL, do_nothing, NULL) == 0 ? pthread_join(thread, NULL) : 1;
}

static int run_program(void)
{
    char *const nothing[] = {NULL};

    return execve("/bin/true", nothing, nothing);
}

static int kill_parent(void)
{
    return kill(getppid(), 0);
}

static int kill_itself(void)
{
    return (int)syscall(SYS_kill, 1, 0);
}

static int trace(void)
{
    return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static int map_executable(void)
{
    mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return 1;
}

static int map_file(void)
{
    mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, STDIN_FILENO, 0);
    return 1;
}

static int make_executable(void)
{
    static char page[8192];

    return mprotect((void *)(((uintptr_t)page + 4095) & ~(uintptr_t)4095), 4096,
                    PROT_READ | PROT_EXEC);
}

static int read_another_descriptor(void)
{
    char byte;

    return (int)read(5, &byte, 1);
}

static int write_another_descriptor(void)
{
    return (int)write(5, "x", 1);
}

static int receive_message(void)
{
    struct msghdr message = {0};

    return (int)recvmsg(STDIN_FILENO, &message, 0);
}

static int control_itself(void)
{
    return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

/* ---- the harness ---- */

/* Runs one try in a child; its status as of waitpid. */
static int try_in_child(int (*lock_in)(void), int (*what)(void))
{
    int status = 0;
    int input[2];
    int output = memfd_create("output", MFD_CLOEXEC);

    assert_true(output >= 0);
    assert_int_equal(pipe(input), 0);
    assert_int_equal(write(input[1], "abc", 3), 3);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGXFSZ, SIG_IGN);
        dup2(input[0], STDIN_FILENO);
        dup2(output, STDOUT_FILENO);
        dup2(output, 5);
        if (lock_in() != 0) {
            _exit(LOCK_FAILED);
        }
        _exit(what());
    }
    close(input[0]);
    close(input[1]);
    close(output);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static int lock_reader(void)
{
    struct err err;

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                   sandbox_reader(&limits, SANDBOX_REQUIRED, &err)
               ? 0
               : 1;
}

static int lock_scorer(void)
{
    struct err err;

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && sandbox_scorer(SANDBOX_REQUIRED, &err)
               ? 0
               : 1;
}

struct
try {
    const char *name;
    int (*what)(void);
    int signal; /* that must end it; 0: it must end well */
    bool is_limit_of_addresses;
};

static void run_tries(int (*lock_in)(void), const struct try *tries, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (tries[i].is_limit_of_addresses && HAS_SANITIZER) {
            continue;
        }
        int status = try_in_child(lock_in, tries[i].what);
        bool ok = tries[i].signal == 0 ? WIFEXITED(status) && WEXITSTATUS(status) == 0
                                       : WIFSIGNALED(status) && WTERMSIG(status) == tries[i].signal;
        if (!ok) {
            fail_msg("%s: status %#x", tries[i].name, (unsigned)status);
        }
    }
}

static void test_sandbox_reader(void **state)
{
    (void)state;
    static const struct try tries[] = {
        {"read the input", read_input, 0, false},
        {"write the output", write_output, 0, false},
        {"get memory", get_memory, 0, false},
        {"write more than allowed", write_too_much, 0, false},
        {"get more memory than allowed", get_too_much_memory, 0, true},
        {"compute for ever", compute_for_ever, SIGXCPU, false},
        {"open a file", open_file, SIGSYS, false},
        {"open a file the old way", open_old_way, SIGSYS, false},
        {"make a socket", make_socket, SIGSYS, false},
        {"make a process", make_process, SIGSYS, false},
        {"make a thread", make_thread, SIGSYS, false},
        {"run a program", run_program, SIGSYS, false},
        {"signal the parent", kill_parent, SIGSYS, false},
        {"signal another", kill_itself, SIGSYS, false},
        {"be traced", trace, SIGSYS, false},
        {"map executable memory", map_executable, SIGSYS, false},
        {"map a file", map_file, SIGSYS, false},
        {"make memory executable", make_executable, SIGSYS, false},
        {"read another descriptor", read_another_descriptor, SIGSYS, false},
        {"write another descriptor", write_another_descriptor, SIGSYS, false},
        {"receive descriptors", receive_message, SIGSYS, false},
        {"change its own rights", control_itself, SIGSYS, false},
    };

    run_tries(lock_reader, tries, ARRAY_SIZE(tries));
}

static void test_sandbox_scorer(void **state)
{
    (void)state;
    static const struct try tries[] = {
        {"get memory", get_memory, 0, false},
        {"make a thread", make_thread, 0, false},
        {"make a socket", make_socket, SIGSYS, false},
        {"make a process", make_process, SIGSYS, false},
        {"run a program", run_program, SIGSYS, false},
        {"signal another", kill_itself, SIGSYS, false},
        {"be traced", trace, SIGSYS, false},
        {"map executable memory", map_executable, SIGSYS, false},
        {"make memory executable", make_executable, SIGSYS, false},
        {"change its own rights", control_itself, SIGSYS, false},
    };

    run_tries(lock_scorer, tries, ARRAY_SIZE(tries));
}

static char folder[] = "/tmp/assay-sandbox-XXXXXX";

static int lock_files(void)
{
    const struct sandbox_folder readable[] = {{folder, false}};
    struct err err;

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                   sandbox_files(readable, 1, SANDBOX_REQUIRED, &err)
               ? 0
               : 1;
}

static char file_inside[sizeof(folder) + 8];

static int use_files(void)
{
    bool reads_inside = open(file_inside, O_RDONLY) >= 0;
    bool writes_inside = open(file_inside, O_WRONLY) >= 0;
    bool cuts_inside = truncate(file_inside, 0) == 0;
    bool reads_outside = open("/etc/passwd", O_RDONLY) >= 0;
    bool makes_outside = open("/tmp/assay-sandbox-new", O_WRONLY | O_CREAT, 0600) >= 0;

    return reads_inside && !writes_inside && !cuts_inside && !reads_outside && !makes_outside ? 0
                                                                                              : 1;
}

static int lock_files_but_one(void)
{
    const struct sandbox_folder writable[] = {{folder, true}};
    struct err err;

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                   sandbox_files(writable, 1, SANDBOX_REQUIRED, &err)
               ? 0
               : 1;
}

static int change_files(void)
{
    char made[sizeof(folder) + 8];
    char renamed[sizeof(folder) + 8];

    snprintf(made, sizeof(made), "%s/made", folder);
    snprintf(renamed, sizeof(renamed), "%s/name", folder);
    bool makes_inside = open(made, O_WRONLY | O_CREAT | O_TRUNC, 0600) >= 0;
    bool renames_inside = rename(made, renamed) == 0;
    bool removes_inside = unlink(renamed) == 0;
    bool makes_outside = open("/tmp/assay-sandbox-new", O_WRONLY | O_CREAT, 0600) >= 0;

    return makes_inside && renames_inside && removes_inside && !makes_outside ? 0 : 1;
}

static void test_sandbox_files(void **state)
{
    (void)state;
    static const struct try tries[] = {{"use files", use_files, 0, false}};
    static const struct try changes[] = {{"change files", change_files, 0, false}};
    struct err err = {0};
    const struct sandbox_folder missing[] = {{"/nowhere/at/all", false}};

    assert_non_null(mkdtemp(folder));
    snprintf(file_inside, sizeof(file_inside), "%s/file", folder);
    int fd = open(file_inside, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), 1);
    close(fd);
    run_tries(lock_files, tries, ARRAY_SIZE(tries));
    run_tries(lock_files_but_one, changes, ARRAY_SIZE(changes));
    assert_false(sandbox_files(missing, 1, SANDBOX_REQUIRED, &err));
    assert_int_equal(err.code, ERR_SYSTEM);
    assert_int_equal(unlink(file_inside), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void test_sandbox_check(void **state)
{
    (void)state;
    struct err err = {0};

    assert_true(sandbox_check(&err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sandbox_check),
        cmocka_unit_test(test_sandbox_reader),
        cmocka_unit_test(test_sandbox_scorer),
        cmocka_unit_test(test_sandbox_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
