/* SPDX-License-Identifier: MIT */
/*
 * `assay check`: validates a submission without labels, by the same reader as the service's. Ids
 * are looked up where a list of them is known; without one, everything else is checked.
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "client/commands.h"
#include "client/offline.h"
#include "scorer/data/categories.h"
#include "scorer/data/image_list.h"

struct check_arguments {
    const char *competition;
    const char *submission;
    const char *images;
};

static const struct argp_option options[] = {
    {"images", 'i', "FILE", 0, "CSV file of the image ids, such as a sample submission", 0},
    {0},
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct check_arguments *arguments = state->input;

    switch (key) {
    case 'i':
        arguments->images = text;
        return 0;
    case ARGP_KEY_ARG:
        return offline_take(&arguments->competition, &arguments->submission, text);
    case ARGP_KEY_END:
        if (arguments->submission == NULL) {
            argp_error(state, "which competition, and which submission?");
            return EINVAL;
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* The ids that are known: of the list, of the categories file; without one any id is valid. */
static bool make_catalog(struct catalog *catalog, const char *categories, const char *images,
                         const struct loading *loading, struct err *err)
{
    struct class_info classes = {0};
    struct image_list list = {0};

    if (categories[0] != '\0' && !categories_load(&classes, categories, loading, err)) {
        return false;
    }
    if (images[0] != '\0' && !image_list_load(&list, images, loading, err)) {
        return false;
    }
    const struct catalog_source source = {
        .n_ids = list.n,
        .ids = list.id,
        .numbers = list.number,
        .sizes = (const void *)list.size,
        .class_names = classes.name,
        .n_classes = classes.n_classes,
        .class_ids = classes.id,
        .is_open_classes = categories[0] == '\0',
        .is_open_images = images[0] == '\0',
    };
    return catalog_make(catalog, NULL, &source, loading->arena, err);
}

static enum exit_code open_catalog(struct catalog *catalog, const struct offline *offline,
                                   const char *images, struct arena *arena)
{
    struct loading loading = {.arena = arena, .problems = calloc(1, sizeof(*loading.problems))};
    enum exit_code code = EXIT_USAGE;
    struct err err = {0};

    if (loading.problems == NULL) {
        err_set(&err, ERR_SYSTEM, "no memory");
        return command_failed(&err);
    }
    if (arena_open(&loading.scratch, offline_memory_max, &err) &&
        make_catalog(catalog, offline->categories, images, &loading, &err)) {
        code = EXIT_DONE;
    } else if (loading.problems->n_all > 0) {
        offline_problems(offline->competition_path, loading.problems);
    } else {
        command_failed(&err);
    }
    arena_close(&loading.scratch);
    free(loading.problems);
    return code;
}

int command_check(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .parser = parse_option,
        .args_doc = "COMPETITION.yaml SUBMISSION",
        .doc = "Validates a submission without labels, as the service does.\vThe ids are looked up "
               "in the competition's list of images, or in --images; without one of them, all but "
               "the ids is checked.",
    };
    struct check_arguments arguments = {0};
    struct offline offline;
    struct arena *arena = NULL;
    struct catalog catalog;
    struct submission submission;
    struct err err = {0};

    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    enum exit_code code = offline_open(&offline, arguments.competition);
    if (code != EXIT_DONE) {
        return code;
    }
    const char *images = arguments.images != NULL ? arguments.images : offline.images;
    if (!arena_open(&arena, offline_memory_max, &err)) {
        return command_failed(&err);
    }
    code = open_catalog(&catalog, &offline, images, arena);
    if (code == EXIT_DONE) {
        code = offline_read(&submission, arguments.submission, &offline, &catalog, arena);
    }
    if (code == EXIT_DONE) {
        printf("%s: valid, %" PRIu64 " %s%s\n", arguments.submission, submission.n_rows,
               offline_rows_name(&offline.competition, submission.n_rows),
               images[0] == '\0' ? " (no image list: ids were not looked up)" : "");
    }
    arena_close(&arena);
    return code;
}
