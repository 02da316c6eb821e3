/* SPDX-License-Identifier: MIT */
/*
 * An open hash table that doubles. Its hash is keyed by the address of the set, so that a file
 * cannot be written to make it slow.
 */
#include "scorer/data/id_set.h"

#include <stdint.h>
#include <string.h>

enum { SLOTS_MIN = 1 << 12, TEXTS_BYTES = 1 << 16 };

struct slot {
    const char *text; /* NULL: free */
    size_t size;
    uint64_t hash;
};

struct id_set {
    struct arena *arena;
    uint64_t key;
    struct slot *slots;
    size_t n_slots;
    size_t n_used;
    char *texts; /* room for the next copies */
    size_t texts_left;
};

bool id_set_open(struct id_set **set, struct arena *arena, struct err *err)
{
    struct id_set *opened = arena_alloc(arena, 1, sizeof(*opened), err);

    if (opened == NULL) {
        return false;
    }
    opened->arena = arena;
    opened->key = (uint64_t)(uintptr_t)opened * 0x9e3779b97f4a7c15;
    opened->slots = arena_alloc(arena, SLOTS_MIN, sizeof(*opened->slots), err);
    opened->n_slots = SLOTS_MIN;
    *set = opened;
    return opened->slots != NULL;
}

static uint64_t hash_of(const struct id_set *set, const char *text, size_t size)
{
    uint64_t hash = set->key ^ size;

    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3;
        hash ^= hash >> 29;
    }
    return hash;
}

/* The slot that holds the id, or the free one for it. */
static struct slot *find(const struct id_set *set, uint64_t hash, const char *text, size_t size)
{
    size_t at = hash & (set->n_slots - 1);

    while (set->slots[at].text != NULL &&
           (set->slots[at].hash != hash || set->slots[at].size != size ||
            memcmp(set->slots[at].text, text, size) != 0)) {
        at = (at + 1) & (set->n_slots - 1);
    }
    return &set->slots[at];
}

static bool grow(struct id_set *set, struct err *err)
{
    struct id_set larger = *set;

    larger.n_slots *= 4;
    larger.slots = arena_alloc(set->arena, larger.n_slots, sizeof(*larger.slots), err);
    if (larger.slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < set->n_slots; i++) {
        const struct slot *slot = &set->slots[i];
        if (slot->text != NULL) {
            *find(&larger, slot->hash, slot->text, slot->size) = *slot;
        }
    }
    *set = larger;
    return true;
}

static const char *copy(struct id_set *set, const char *text, size_t size, struct err *err)
{
    if (size > set->texts_left) {
        size_t room = size > TEXTS_BYTES ? size : TEXTS_BYTES;
        set->texts = arena_alloc(set->arena, room, 1, err);
        set->texts_left = set->texts == NULL ? 0 : room;
        if (set->texts == NULL) {
            return NULL;
        }
    }
    char *copied = set->texts;
    memcpy(copied, text, size);
    set->texts += size;
    set->texts_left -= size;
    return copied;
}

enum id_set_outcome id_set_add(struct id_set *set, const char *text, size_t size, struct err *err)
{
    if (2 * set->n_used >= set->n_slots && !grow(set, err)) {
        return ID_SET_FAILED;
    }
    uint64_t hash = hash_of(set, text, size);
    struct slot *slot = find(set, hash, text, size);
    if (slot->text != NULL) {
        return ID_SET_REPEATS;
    }
    const char *copied = copy(set, text, size, err);
    if (copied == NULL) {
        return ID_SET_FAILED;
    }
    *slot = (struct slot){.text = copied, .size = size, .hash = hash};
    set->n_used++;
    return ID_SET_ADDED;
}
