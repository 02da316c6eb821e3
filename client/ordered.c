/* SPDX-License-Identifier: MIT */
/*
 * An ordered set. See the header.
 */
#include "client/ordered.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

struct walk {
    void (*visit)(const void *item, void *context);
    void *context;
};

bool ordered_keep(void **set, const void *item, size_t size,
                  int (*compare)(const void *a, const void *b), struct err *err)
{
    void *copy = malloc(size);
    void *const *found = NULL;

    if (copy != NULL) {
        memcpy(copy, item, size);
        found = tsearch(copy, set, compare);
    }
    if (found != NULL && *found == copy) {
        return true;
    }
    free(copy);
    return found == NULL ? err_set(err, ERR_SYSTEM, "no memory for the entries")
                         : err_set(err, ERR_INPUT, "the log has the same twice");
}

const void *ordered_find(void *const *set, const void *key,
                         int (*compare)(const void *a, const void *b))
{
    void *const *found = tfind(key, set, compare);

    return found == NULL ? NULL : *found;
}

static void walk_node(const void *node, VISIT when, void *context)
{
    const struct walk *walk = context;

    if (when == postorder || when == leaf) { /* postorder: behind the left one, before the right */
        walk->visit(*(void *const *)node, walk->context);
    }
}

void ordered_walk(const void *set, void (*visit)(const void *item, void *context), void *context)
{
    struct walk walk = {.visit = visit, .context = context};

    twalk_r(set, walk_node, &walk);
}

void ordered_free(void **set)
{
    tdestroy(*set, free);
    *set = NULL;
}
