/* SPDX-License-Identifier: MIT */
/*
 * Finding and running sub-commands, and showing failures. See the header.
 */
#include "client/command.h"

#include <inttypes.h>
#include <string.h>

#include "common/text.h"

static const struct command *find_command(const struct command_group *group, const char *name)
{
    for (size_t i = 0; i < group->n_commands; i++) {
        if (strcmp(group->commands[i].name, name) == 0) {
            return &group->commands[i];
        }
    }
    return NULL;
}

/* The command whose name is nearest, NULL where none is near. */
static const char *nearest_command(const struct command_group *group, const char *name)
{
    size_t best = strlen(name) / 3 + 2;
    const char *found = NULL;

    for (size_t i = 0; i < group->n_commands; i++) {
        size_t edits = text_distance(group->commands[i].name, name);
        if (edits < best) {
            best = edits;
            found = group->commands[i].name;
        }
    }
    return found;
}

static int unknown_command(const struct command_group *group, const char *name)
{
    const char *near = nearest_command(group, name);
    struct err err;

    err_set(&err, ERR_CONFIG, "%s: no such command", name);
    fprintf(stderr, "%s: %s%s%s%s\n", group->name, err.text, near == NULL ? "" : ", did you mean '",
            near == NULL ? "" : near, near == NULL ? "" : "'?");
    fprintf(stderr, "Try `%s help'.\n", group->name);
    return EXIT_USAGE;
}

static int run_named(const struct command_group *group, const char *name, int argc, char **argv)
{
    const struct command *command = find_command(group, name);
    char full_name[64];

    if (command == NULL) {
        return unknown_command(group, name);
    }
    snprintf(full_name, sizeof(full_name), "%s %s", group->name, command->name);
    argv[0] = full_name;
    return command->run(argc, argv);
}

int command_run(const struct command_group *group, int argc, char **argv)
{
    static char help_option[] = "--help";

    if (argc < 2) {
        command_list(stderr, group);
        return EXIT_USAGE;
    }
    bool is_help = strcmp(argv[1], "help") == 0;
    if (is_help && argc >= 3) {
        char *help_argv[] = {argv[0], help_option, NULL};
        return run_named(group, argv[2], 2, help_argv);
    }
    if (is_help || strcmp(argv[1], help_option) == 0 || strcmp(argv[1], "-h") == 0) {
        command_list(stdout, group);
        return EXIT_DONE;
    }
    return run_named(group, argv[1], argc - 1, argv + 1);
}

void command_list(FILE *out, const struct command_group *group)
{
    fprintf(out, "Usage: %s COMMAND [OPTION...]\n\n", group->name);
    for (size_t i = 0; i < group->n_commands; i++) {
        fprintf(out, "  %-12s  %s\n", group->commands[i].name, group->commands[i].help);
    }
    fprintf(out, "\n`%s help COMMAND' explains one of them.\n", group->name);
    if (group->doc != NULL) {
        fprintf(out, "%s\n", group->doc);
    }
}

enum exit_code command_exit_code(const struct err *err)
{
    switch (err->code) {
    case ERR_NONE:
        return EXIT_DONE;
    case ERR_INPUT:
        return EXIT_INVALID;
    case ERR_PEER:
    case ERR_STORE:
        return EXIT_UNREACHABLE;
    case ERR_CONFIG:
    case ERR_LIMIT:
    case ERR_SYSTEM:
        break;
    }
    return EXIT_USAGE;
}

int command_failed_in(const char *file_name, const struct err *err)
{
    fputs("assay: ", stderr);
    if (file_name != NULL) {
        fprintf(stderr, "%s:%s", file_name, err->line == 0 ? " " : "");
    }
    if (err->line != 0) {
        fprintf(stderr, "%" PRIu64 ":%" PRIu32 ": ", err->line, err->column);
    }
    fprintf(stderr, "%s\n", err->text);
    return (int)command_exit_code(err);
}

int command_failed(const struct err *err)
{
    return command_failed_in(NULL, err);
}

void command_problems(const struct problems *problems)
{
    for (uint32_t i = 0; i < problems->n_kept; i++) {
        const struct problem *problem = &problems->kept[i];
        if (problem->line == 0) {
            fprintf(stderr, "  %s\n", problem->text);
        } else {
            fprintf(stderr, "  %" PRIu64 ":%" PRIu32 ": %s\n", problem->line, problem->column,
                    problem->text);
        }
    }
    if (problems->n_all > problems->n_kept) {
        fprintf(stderr, "  and %" PRIu64 " more\n", problems->n_all - problems->n_kept);
    }
}

int command_bad_config(const char *file_name, const struct problems *problems,
                       const struct err *err)
{
    if (problems->n_kept == 0) {
        command_failed(err);
    } else {
        fprintf(stderr, "assay: %s is not right:\n", file_name);
        command_problems(problems);
    }
    return EXIT_USAGE;
}
