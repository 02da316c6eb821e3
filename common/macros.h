/* SPDX-License-Identifier: MIT */
/*
 * The few macros that every room uses. No function, no state.
 */
#pragma once

#include <stddef.h>

/* The result must be looked at; every function that can fail carries it. */
#define MUST_CHECK __attribute__((warn_unused_result))

#define PRINTF_LIKE(format_at, args_at) __attribute__((format(printf, format_at, args_at)))

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
