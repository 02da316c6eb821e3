/* SPDX-License-Identifier: MIT */
/*
 * The lines of an audit's report: what became of a check, its name, what was found.
 */
#include "client/audit/audit.h"

#include <stdarg.h>
#include <stdio.h>

PRINTF_LIKE(3, 0)
static void print_line(const char *outcome, const char *what, const char *format, va_list arguments)
{
    char text[512];

    vsnprintf(text, sizeof(text), format, arguments);
    err_make_printable(text);
    printf("%-8s %-12s %s\n", outcome, what, text);
}

void audit_passed(const char *what, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_line("ok", what, format, arguments);
    va_end(arguments);
}

void audit_skipped(const char *what, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_line("not seen", what, format, arguments);
    va_end(arguments);
}

void audit_failed(struct audit *audit, const char *what, const char *format, ...)
{
    va_list arguments;

    audit->n_failed++;
    va_start(arguments, format);
    print_line("FAILED", what, format, arguments);
    va_end(arguments);
}
