/* SPDX-License-Identifier: MIT */
/*
 * The counter lies in a page that is shared with every forked process, so that a worker's parts
 * count together and one that is started again does not die again. See the header.
 */
#include "common/crashpoint.h"

#ifdef ASSAY_CRASHPOINTS

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { NAME_SIZE = 80, PIECE_BYTES = 1 << 20 };

static const size_t MEMORY_MAX = (size_t)1 << 30;

struct plan {
    char name[NAME_SIZE];
    atomic_long n_left;
};

static struct plan *plan; /* NULL: nobody is to die */

/* Before main, and so before the first fork. */
__attribute__((constructor)) static void read_plan(void)
{
    const char *text = getenv("ASSAY_CRASHPOINT");
    const char *space = text == NULL ? NULL : strrchr(text, ' ');

    if (space == NULL || space - text >= NAME_SIZE) {
        return;
    }
    void *page =
        mmap(NULL, sizeof(*plan), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        return;
    }
    plan = page;
    memcpy(plan->name, text, (size_t)(space - text));
    atomic_store(&plan->n_left, strtol(space, NULL, 10));
}

void crashpoint_reach(const char *marked_name)
{
    const char *name = strchr(marked_name, ':') + 1;

    if (plan == NULL || strcmp(plan->name, name) != 0 || atomic_fetch_sub(&plan->n_left, 1) != 1) {
        return;
    }
    const char *parts[] = {"crashpoint reached: ", name, "\n"};
    for (int i = 0; i < 3; i++) {
        while (write(STDERR_FILENO, parts[i], strlen(parts[i])) < 0 && errno == EINTR) {
        }
    }
    raise(SIGKILL); /* where a sandbox forbids it, that is the end as well */
    __builtin_trap();
}

/* ---- misbehaviour ---- */

static void be_crash(void)
{
    __builtin_trap();
}

static void be_hang(void)
{
    volatile bool goes_on = true;

    while (goes_on) {
    }
}

static void be_memory(void)
{
    for (size_t n = 0; n < MEMORY_MAX / PIECE_BYTES; n++) { /* a bound, where nothing else is one */
        unsigned char *piece = malloc(PIECE_BYTES);
        if (piece == NULL) {
            break;
        }
        memset(piece, 1, PIECE_BYTES);
        __asm__ volatile("" : : "r"(piece) : "memory"); /* it is used */
    }
    __builtin_trap();
}

static void be_flood(void)
{
    static const unsigned char piece[PIECE_BYTES];

    while (write(STDOUT_FILENO, piece, sizeof(piece)) > 0) {
    }
    __builtin_trap();
}

static void be_fork(void)
{
    if (fork() == 0) {
        _exit(EXIT_SUCCESS);
    }
}

static void be_open(void)
{
    int fd = open("/etc/hostname", O_RDONLY | O_CLOEXEC);

    if (fd >= 0) {
        close(fd);
    }
}

void crashpoint_misbehave(const char *text)
{
    static const struct {
        const char *word;
        void (*act)(void);
    } acts[] = {{"misbehave:crash", be_crash},   {"misbehave:hang", be_hang},
                {"misbehave:memory", be_memory}, {"misbehave:flood", be_flood},
                {"misbehave:fork", be_fork},     {"misbehave:open", be_open}};

    for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
        if (strstr(text, acts[i].word) != NULL) {
            acts[i].act();
        }
    }
}

#endif
