/* SPDX-License-Identifier: MIT */
/*
 * The counter lies in a page that is shared with every forked process, so that a worker's parts
 * count together and one that is started again does not die again. See the header.
 */
#include "common/crashpoint.h"

#ifdef ASSAY_CRASHPOINTS

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { NAME_SIZE = 80 };

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

#endif
