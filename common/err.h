/* SPDX-License-Identifier: MIT */
/*
 * What a failed call tells its caller: who must act, where in the input, and one line of text.
 * A fixed-size value, so that reporting a failure can never fail itself.
 */
#pragma once

#include "common/macros.h"

#include <stdbool.h>
#include <stdint.h>

enum err_code {
    ERR_NONE,
    ERR_INPUT,  /* what the caller's user sent is wrong: the user mends it */
    ERR_CONFIG, /* a configuration or an argument is wrong: the operator mends it */
    ERR_LIMIT,  /* a stated limit was passed */
    ERR_PEER,   /* another process answered wrongly or not at all */
    ERR_STORE,  /* the database or the blob store failed */
    ERR_SYSTEM, /* the operating system refused */
};

enum { ERR_TEXT_MAX = 240 };

struct err {
    enum err_code code;
    uint64_t line;   /* 1-based, 0 where there is no position */
    uint32_t column; /* 1-based, in bytes */
    char text[ERR_TEXT_MAX];
};

/*
 * Fills `err` and returns false, so that a failing function can end with `return err_set(…)`.
 * The text is one line in lower case, with the value and the limit, built from the input and
 * never from a label. Longer texts are cut; bytes below 0x20 become '?'.
 */
bool err_set(struct err *err, enum err_code code, const char *format, ...) PRINTF_LIKE(3, 4);

/* As err_set, with a position in the input. */
bool err_set_at(struct err *err, enum err_code code, uint64_t line, uint32_t column,
                const char *format, ...) PRINTF_LIKE(5, 6);

#ifdef __clang_analyzer__ /* reads one file at a time: it cannot see that the result is false */
#define err_set(...) (err_set(__VA_ARGS__) && false)
#define err_set_at(...) (err_set_at(__VA_ARGS__) && false)
#endif

/* Puts '?' for every control byte of `text`: what goes to a terminal or a log holds none. */
void err_make_printable(char *text);

/* The short name of a code ("input", "config", …), for logs and for JSON. */
const char *err_code_name(enum err_code code);
