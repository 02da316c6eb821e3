/* SPDX-License-Identifier: MIT */
/* The arena: limits, alignment, zeroing after a reset. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/arena.h"

static void test_arena_alloc_respects_the_limit(void **state)
{
    (void)state;
    struct arena *arena = NULL;
    struct err err = {0};

    assert_true(arena_open(&arena, 4096, &err));
    assert_non_null(arena_alloc(arena, 1, 4000, &err));
    assert_null(arena_alloc(arena, 1, 200, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_null(arena_alloc(arena, SIZE_MAX / 2, 4, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    arena_close(&arena);
    assert_null(arena);
    arena_close(&arena);
}

static void test_arena_alloc_aligns(void **state)
{
    (void)state;
    struct arena *arena = NULL;
    struct err err = {0};

    assert_true(arena_open(&arena, 64 << 20, &err));
    for (int i = 0; i < 100; i++) {
        assert_int_equal((uintptr_t)arena_alloc(arena, 3, 7, &err) % 64, 0);
    }
    assert_int_equal((uintptr_t)arena_alloc(arena, 1, 100000, &err) % 4096, 0);
    arena_close(&arena);
}

static void test_arena_reset_gives_zeroed_memory_again(void **state)
{
    (void)state;
    struct arena *arena = NULL;
    struct err err = {0};

    assert_true(arena_open(&arena, 64 << 20, &err));
    unsigned char *first = arena_alloc(arena, 1, 300000, &err);
    memset(first, 0xff, 300000);
    arena_reset(arena);
    assert_int_equal(arena_used_bytes(arena), 0);
    unsigned char *again = arena_alloc(arena, 1, 200000, &err);
    assert_ptr_equal(first, again);
    for (size_t i = 0; i < 200000; i++) {
        assert_int_equal(again[i], 0);
    }
    arena_close(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena_alloc_respects_the_limit),
        cmocka_unit_test(test_arena_alloc_aligns),
        cmocka_unit_test(test_arena_reset_gives_zeroed_memory_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
