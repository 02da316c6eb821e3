/* SPDX-License-Identifier: MIT */
/*
 * The error value. See the header.
 */
#include "common/err.h"

#include <stdarg.h>
#include <stdio.h>

#undef err_set /* the header's words to clang's analyzer */
#undef err_set_at

void err_make_printable(char *text)
{
    for (char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            *c = '?';
        }
    }
}

PRINTF_LIKE(5, 0)
static void fill(struct err *err, enum err_code code, uint64_t line, uint32_t column,
                 const char *format, va_list args)
{
    err->code = code;
    err->line = line;
    err->column = column;
    vsnprintf(err->text, sizeof(err->text), format, args);
    err_make_printable(err->text);
}

bool err_set(struct err *err, enum err_code code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fill(err, code, 0, 0, format, args);
    va_end(args);
    return false;
}

bool err_set_at(struct err *err, enum err_code code, uint64_t line, uint32_t column,
                const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fill(err, code, line, column, format, args);
    va_end(args);
    return false;
}

const char *err_code_name(enum err_code code)
{
    switch (code) {
    case ERR_NONE:
        return "none";
    case ERR_INPUT:
        return "input";
    case ERR_CONFIG:
        return "config";
    case ERR_LIMIT:
        return "limit";
    case ERR_PEER:
        return "peer";
    case ERR_STORE:
        return "store";
    case ERR_SYSTEM:
        return "system";
    }
    return "unknown";
}
