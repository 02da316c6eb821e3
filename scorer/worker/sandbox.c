/* SPDX-License-Identifier: MIT */
/*
 * Resource limits, landlock and seccomp, by raw system calls: glibc has no wrappers for them and
 * the filters are a screen long. Landlock judges paths, the filters judge calls; either alone would
 * stop a reader from opening a file.
 */
#include "scorer/worker/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#error "name this processor's AUDIT_ARCH, so that the filters can tell its system calls"
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SHADOW_MEMORY 1 /* terabytes of addresses: a limit of them would stop every process */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SHADOW_MEMORY 1
#endif
#endif
#ifndef HAS_SHADOW_MEMORY
#define HAS_SHADOW_MEMORY 0
#endif

/* ---- landlock ---- */

enum { ABI_TRUNCATE = 3 };

/* Known to the kernel from ABI 1 on. */
#define RIGHTS_ABI_1                                                                               \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |   \
     LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR |                                 \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | \
     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |   \
     LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

#define RIGHTS_TO_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define RIGHTS_TO_WRITE                                                                            \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE |                              \
     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR)

#define RIGHT_TRUNCATE (UINT64_C(1) << 14) /* not yet in Debian 12's header */

static long landlock_abi(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

static bool has_killing_seccomp(void)
{
    uint32_t action = SECCOMP_RET_KILL_PROCESS;

    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

bool sandbox_check(struct err *err)
{
    const char *missing = landlock_abi() < 1       ? "landlock"
                          : !has_killing_seccomp() ? "seccomp with KILL_PROCESS"
                                                   : NULL;

    return missing == NULL ||
           err_set(err, ERR_SYSTEM, "this kernel has no %s; `sandbox: best_effort` runs without",
                   missing);
}

static bool allow_folder(int rules, const struct sandbox_folder *folder, uint64_t handled,
                         struct err *err)
{
    const char *path = folder->path;
    struct landlock_path_beneath_attr rule = {
        .allowed_access = handled & (RIGHTS_TO_READ |
                                     (folder->is_writable ? RIGHTS_TO_WRITE | RIGHT_TRUNCATE : 0)),
        .parent_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC),
    };

    if (rule.parent_fd < 0) {
        return err_set(err, ERR_SYSTEM, "open folder %s: %s", path, strerror(errno));
    }
    bool ok = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0 ||
              err_set(err, ERR_SYSTEM, "landlock rule for %s: %s", path, strerror(errno));
    close(rule.parent_fd);
    return ok;
}

bool sandbox_files(const struct sandbox_folder *folders, size_t n, enum sandbox_policy policy,
                   struct err *err)
{
    long abi = landlock_abi();

    if (abi < 1) {
        return policy == SANDBOX_BEST_EFFORT ||
               err_set(err, ERR_SYSTEM, "landlock: %s", strerror(errno));
    }
    struct landlock_ruleset_attr handled = {
        .handled_access_fs = RIGHTS_ABI_1 | (abi >= ABI_TRUNCATE ? RIGHT_TRUNCATE : 0)};
    int rules = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0);
    if (rules < 0) {
        return err_set(err, ERR_SYSTEM, "landlock rules: %s", strerror(errno));
    }
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++) {
        ok = allow_folder(rules, &folders[i], handled.handled_access_fs, err);
    }
    if (ok && syscall(SYS_landlock_restrict_self, rules, 0) < 0) {
        ok = err_set(err, ERR_SYSTEM, "landlock: %s", strerror(errno));
    }
    close(rules);
    return ok;
}

/* ---- seccomp ---- */

#define LOAD(member) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define LOAD_ARG(index) /* its lower half, all that the kernel looks at in these arguments */      \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[index]))
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, action)
#define IF_EQUAL(value, then_skip, else_skip)                                                      \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, then_skip, else_skip)
#define IF_ANY_BIT(bits, then_skip, else_skip)                                                     \
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, then_skip, else_skip)

/* A program starts with the check of the architecture and holds the call's number from then on. */
#define BEGIN LOAD(arch), IF_EQUAL(NATIVE_ARCH, 1, 0), RETURN(SECCOMP_RET_KILL_PROCESS), LOAD(nr)
#define END RETURN(SECCOMP_RET_KILL_PROCESS)

#define ALLOW(call) IF_EQUAL(SYS_##call, 0, 1), RETURN(SECCOMP_RET_ALLOW)
#define REFUSE(call, error) IF_EQUAL(SYS_##call, 0, 1), RETURN(SECCOMP_RET_ERRNO | (error))
#define ALLOW_ARG_EQUAL(call, index, value)                                                        \
    IF_EQUAL(SYS_##call, 0, 4), LOAD_ARG(index), IF_EQUAL(value, 0, 1), RETURN(SECCOMP_RET_ALLOW), \
        LOAD(nr)
#define ALLOW_WITHOUT_BITS(call, index, bits)                                                      \
    IF_EQUAL(SYS_##call, 0, 4), LOAD_ARG(index), IF_ANY_BIT(bits, 1, 0),                           \
        RETURN(SECCOMP_RET_ALLOW), LOAD(nr)
#define ALLOW_WITH_BITS(call, index, bits)                                                         \
    IF_EQUAL(SYS_##call, 0, 4), LOAD_ARG(index), IF_ANY_BIT(bits, 0, 1),                           \
        RETURN(SECCOMP_RET_ALLOW), LOAD(nr)
#define ALLOW_MMAP_ANONYMOUS                                                                       \
    IF_EQUAL(SYS_mmap, 0, 6), LOAD_ARG(2), IF_ANY_BIT(PROT_EXEC, 3, 0), LOAD_ARG(3),               \
        IF_ANY_BIT(MAP_ANONYMOUS, 0, 1), RETURN(SECCOMP_RET_ALLOW), LOAD(nr)

static const struct sock_filter reader_filter[] = {
    BEGIN,
    ALLOW_ARG_EQUAL(read, 0, STDIN_FILENO),
    ALLOW_ARG_EQUAL(write, 0, STDOUT_FILENO),
    ALLOW_ARG_EQUAL(write, 0, STDERR_FILENO), /* closed, but for sanitizers */
    ALLOW_MMAP_ANONYMOUS,
    ALLOW(munmap),
    ALLOW(mremap),
    ALLOW(madvise),
    ALLOW(brk),
    ALLOW(rt_sigreturn),
#if HAS_SHADOW_MEMORY
    ALLOW(sigaltstack), /* the sanitizers' own, at the end of a process */
#endif
    ALLOW(exit),
    ALLOW(exit_group),
    END,
};

static const struct sock_filter scorer_filter[] = {
    BEGIN,
    ALLOW(read),
    ALLOW(write),
    ALLOW(recvmsg),
    ALLOW(sendmsg),
    ALLOW(sendto),
#ifdef SYS_poll
    ALLOW(poll),
#endif
    ALLOW(ppoll),
    ALLOW(close),
    ALLOW(futex),
    ALLOW_WITHOUT_BITS(mmap, 2, PROT_EXEC),
    ALLOW_WITHOUT_BITS(mprotect, 2, PROT_EXEC),
    ALLOW(munmap),
    ALLOW(mremap),
    ALLOW(madvise),
    ALLOW(brk),
    ALLOW(mlock),
    ALLOW(memfd_create),
    ALLOW(fcntl),
    ALLOW(openat),
    ALLOW(lseek),
    ALLOW(pread64),
    ALLOW(fstat),
    ALLOW(newfstatat),
#ifdef SYS_access
    ALLOW(access),
#endif
    ALLOW(faccessat),
    ALLOW(getdents64),
    ALLOW_WITH_BITS(clone, 0, CLONE_THREAD),
    REFUSE(clone3, ENOSYS), /* its flags are out of a filter's sight; glibc then uses clone */
    ALLOW(set_robust_list),
    ALLOW(rseq),
    ALLOW(sched_getaffinity),
    ALLOW(sched_yield),
    ALLOW(sysinfo), /* how qsort of the C library sizes its memory */
    ALLOW(clock_gettime),
    ALLOW(getrandom),
    ALLOW(sysinfo), /* qsort asks how much memory there is */
    ALLOW(getpid),
    ALLOW(gettid),
    ALLOW(rt_sigaction),
    ALLOW(rt_sigprocmask),
    ALLOW(rt_sigreturn),
    ALLOW(sigaltstack),
    ALLOW(restart_syscall),
    ALLOW(exit),
    ALLOW(exit_group),
    END,
};

static bool filter_calls(const struct sock_filter *filter, size_t n, enum sandbox_policy policy,
                         struct err *err)
{
    const struct sock_fprog program = {.len = (unsigned short)n,
                                       .filter = (struct sock_filter *)(uintptr_t)filter};

    if (policy == SANDBOX_BEST_EFFORT && !has_killing_seccomp()) {
        return true;
    }
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0 ||
           err_set(err, ERR_SYSTEM, "seccomp: %s", strerror(errno));
}

/* ---- processes ---- */

void sandbox_die_with(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(EXIT_FAILURE);
    }
}

static bool limit_to(int resource, rlim_t value, rlim_t grace, struct err *err)
{
    const struct rlimit bound = {.rlim_cur = value, .rlim_max = value + grace};

    return setrlimit((__rlimit_resource_t)resource, &bound) == 0 ||
           err_set(err, ERR_SYSTEM, "limit %d to %llu: %s", resource, (unsigned long long)value,
                   strerror(errno));
}

static bool limit(int resource, rlim_t value, struct err *err)
{
    return limit_to(resource, value, 0, err);
}

bool sandbox_reader(const struct sandbox_limits *limits, enum sandbox_policy policy,
                    struct err *err)
{
    return (HAS_SHADOW_MEMORY || limit(RLIMIT_AS, limits->memory_bytes, err)) &&
           limit(RLIMIT_FSIZE, limits->output_bytes, err) &&
           limit_to(RLIMIT_CPU, limits->cpu_seconds, 1, err) && /* SIGXCPU before SIGKILL */
           limit(RLIMIT_NPROC, 0, err) && limit(RLIMIT_CORE, 0, err) &&
           sandbox_files(NULL, 0, policy, err) && limit(RLIMIT_NOFILE, 0, err) &&
           filter_calls(reader_filter, ARRAY_SIZE(reader_filter), policy, err);
}

bool sandbox_scorer(enum sandbox_policy policy, struct err *err)
{
    return limit(RLIMIT_CORE, 0, err) &&
           filter_calls(scorer_filter, ARRAY_SIZE(scorer_filter), policy, err);
}
