/* SPDX-License-Identifier: MIT */
/*
 * `assay split`: the sets of a competition from a list of photos. Writes three files into a folder:
 * split.csv, every photo with its part; solution.csv, what the organizer gives to the competition;
 * categories.csv, what everybody may see.
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/command.h"
#include "client/commands.h"
#include "common/file.h"
#include "scorer/data/number.h"
#include "scorer/data/photos.h"

static const uint64_t seed_default = 2017;
static const size_t memory_max = (size_t)64 << 30;

struct split_arguments {
    const char *photos;
    const char *folder;
    uint64_t seed;
    bool is_example;
};

/* The photos, how they were divided, and the class id of every taxon. */
struct result {
    struct photos photos;
    struct test_split split;
    int64_t *category_id;
};

static const struct argp_option options[] = {
    {"out", 'o', "FOLDER", 0, "where the three files go; made if it is missing", 0},
    {"seed", 's', "N", 0, "draws the public half of the test photos (default: 2017)", 0},
    {"example", 'e', NULL, 0, "divides the paper's own example and prints the counts", 0},
    {0},
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct split_arguments *arguments = state->input;
    int64_t seed;

    switch (key) {
    case 'o':
        arguments->folder = text;
        return 0;
    case 's':
        if (number_int64(&seed, text, strlen(text)) != NUMBER_OK || seed < 0) {
            argp_error(state, "seed '%s' is no number from 0 on", text);
            return EINVAL;
        }
        arguments->seed = (uint64_t)seed;
        return 0;
    case 'e':
        arguments->is_example = true;
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->photos != NULL) {
            return ARGP_ERR_UNKNOWN; /* one list only */
        }
        arguments->photos = text;
        return 0;
    case ARGP_KEY_END:
        if (!arguments->is_example && (arguments->photos == NULL || arguments->folder == NULL)) {
            argp_error(state, "which photos, and --out which folder?");
            return EINVAL;
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* As a field of a CSV row. */
static void print_field(FILE *out, const struct photo_id *id)
{
    bool is_plain = true;

    for (size_t i = 0; i < id->size; i++) {
        is_plain = is_plain && strchr(",\"\r\n", id->text[i]) == NULL;
    }
    if (is_plain) {
        fwrite(id->text, 1, id->size, out);
        return;
    }
    fputc('"', out);
    for (size_t i = 0; i < id->size; i++) {
        if (id->text[i] == '"') {
            fputc('"', out);
        }
        fputc(id->text[i], out);
    }
    fputc('"', out);
}

/* Class ids are numbers: the taxa's own where all are, else their place in byte order. */
static bool categories_number(struct result *result, struct arena *arena, struct err *err)
{
    size_t n_taxa = result->photos.columns.n_taxa;
    bool are_numbers = true;

    result->category_id = arena_alloc(arena, n_taxa, sizeof(int64_t), err);
    if (result->category_id == NULL) {
        return false;
    }
    for (size_t i = 0; are_numbers && i < n_taxa; i++) {
        const struct photo_id *taxon = &result->photos.taxon[i];
        /* "01" and "+1" are ids of their own, and would be the number 1 */
        bool is_plain = taxon->text[0] >= '0' && taxon->text[0] <= '9' &&
                        (taxon->text[0] != '0' || taxon->size == 1);
        are_numbers =
            is_plain &&
            number_int64(&result->category_id[i], taxon->text, taxon->size) == NUMBER_OK &&
            result->category_id[i] >= 0;
    }
    for (size_t i = 0; !are_numbers && i < n_taxa; i++) {
        result->category_id[i] = (int64_t)i;
    }
    return true;
}

static void write_split(FILE *out, const struct result *result)
{
    fprintf(out, "photo,taxon,split\n");
    for (size_t i = 0; i < result->photos.columns.n_photos; i++) {
        print_field(out, &result->photos.photo[i]);
        fputc(',', out);
        print_field(out, &result->photos.taxon[result->photos.columns.taxon[i]]);
        fprintf(out, ",%s\n", test_split_word(result->split.part[i]));
    }
}

static void write_solution(FILE *out, const struct result *result)
{
    fprintf(out, "id,expected,usage\n");
    for (size_t i = 0; i < result->photos.columns.n_photos; i++) {
        uint8_t part = result->split.part[i];
        if (part == PART_TEST_PUBLIC || part == PART_TEST_PRIVATE) {
            print_field(out, &result->photos.photo[i]);
            fprintf(out, ",%" PRId64 ",%s\n", result->category_id[result->photos.columns.taxon[i]],
                    part == PART_TEST_PUBLIC ? "Public" : "Private");
        }
    }
}

/* Taxa in byte order; those that were left out are not among the categories. */
static bool write_categories(FILE *out, const struct result *result, struct arena *arena,
                             struct err *err)
{
    const struct photo_columns *columns = &result->photos.columns;
    uint64_t *n_train = arena_alloc(arena, columns->n_taxa, sizeof(*n_train), err);
    bool *is_kept = n_train == NULL ? NULL : arena_alloc(arena, columns->n_taxa, 1, err);

    if (is_kept == NULL) {
        return false;
    }
    for (size_t i = 0; i < columns->n_photos; i++) {
        n_train[columns->taxon[i]] += result->split.part[i] == PART_TRAIN;
        is_kept[columns->taxon[i]] = result->split.part[i] != PART_LEFT_OUT;
    }
    fprintf(out, "category_id,name,train_images\n");
    for (size_t i = 0; i < columns->n_taxa; i++) {
        if (is_kept[i]) {
            fprintf(out, "%" PRId64 ",", result->category_id[i]);
            print_field(out, &result->photos.taxon[i]);
            fprintf(out, ",%" PRIu64 "\n", n_train[i]);
        }
    }
    return true;
}

enum output { OUTPUT_SPLIT, OUTPUT_SOLUTION, OUTPUT_CATEGORIES, N_OUTPUTS };

/* Opens a file to write; only its owner can read what holds labels. */
static FILE *output_open(const char *path, bool is_secret, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, is_secret ? 0600 : 0644);
    FILE *out = fd < 0 ? NULL : fdopen(fd, "w");

    if (out == NULL) {
        err_set(err, ERR_SYSTEM, "open %s: %s", path, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
    }
    return out;
}

static bool write_output(enum output output, const char *folder, const struct result *result,
                         struct arena *arena, struct err *err)
{
    static const char *const names[N_OUTPUTS] = {"split.csv", "solution.csv", "categories.csv"};
    char path[4096];
    bool ok = true;

    if (!path_join(path, sizeof(path), folder, names[output], err)) {
        return false;
    }
    FILE *out = output_open(path, output != OUTPUT_CATEGORIES, err);
    if (out == NULL) {
        return false;
    }
    switch (output) {
    case OUTPUT_SPLIT:
        write_split(out, result);
        break;
    case OUTPUT_SOLUTION:
        write_solution(out, result);
        break;
    case OUTPUT_CATEGORIES:
    case N_OUTPUTS:
        ok = write_categories(out, result, arena, err);
        break;
    }
    bool is_written = ferror(out) == 0;
    if (fclose(out) != 0 || !is_written) {
        return err_set(err, ERR_SYSTEM, "write %s: %s", path, strerror(errno));
    }
    return ok;
}

static void print_summary(const struct result *result)
{
    const struct test_split *split = &result->split;

    printf("taxa         %zu kept, %zu left out (under %d observations or %d observers)\n",
           split->n_taxa - split->n_taxa_left_out, split->n_taxa_left_out, SPLIT_OBSERVATIONS_MIN,
           SPLIT_OBSERVERS_MIN);
    for (int part = 0; part < N_PARTS; part++) {
        printf("%-12s %zu photos\n", test_split_word(part), split->n_photos[part]);
    }
    if (split->n_taxa_untrained > 0) {
        fprintf(stderr, "assay: %zu taxa have no photo for training: one observer took most\n",
                split->n_taxa_untrained);
    }
}

static bool split_run(const struct split_arguments *arguments, struct problems *problems,
                      struct arena *arena, struct err *err)
{
    struct result result = {0};

    if (!photos_read(&result.photos, arguments->photos, problems, arena, err) ||
        !test_split_make(&result.split, &result.photos.columns, arguments->seed, arena, err) ||
        !categories_number(&result, arena, err) || !folder_make(arguments->folder, 0755, err)) {
        return false;
    }
    for (enum output output = 0; output < N_OUTPUTS; output++) {
        if (!write_output(output, arguments->folder, &result, arena, err)) {
            return false;
        }
    }
    print_summary(&result);
    return true;
}

/* The paper's example: 20 observers with one photo each. */
static bool example_run(struct arena *arena, struct err *err)
{
    enum { N_OBSERVERS = 20 };
    uint32_t taxon[N_OBSERVERS] = {0};
    uint32_t own[N_OBSERVERS];
    struct test_split split;

    for (uint32_t i = 0; i < N_OBSERVERS; i++) {
        own[i] = i;
    }
    struct photo_columns photos = {N_OBSERVERS, 1, taxon, own, own};
    if (!test_split_make(&split, &photos, seed_default, arena, err)) {
        return false;
    }
    printf("a species with %d observers of one photo each: %zu test, %zu train, %zu validation\n",
           N_OBSERVERS, split.n_photos[PART_TEST_PUBLIC] + split.n_photos[PART_TEST_PRIVATE],
           split.n_photos[PART_TRAIN], split.n_photos[PART_VAL]);
    return true;
}

int command_split(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse_option,
        "PHOTOS.csv --out FOLDER\n--example",
        "Divides photos into train, val, test-public and test-private by observer, as section 3.2 "
        "of "
        "the iNaturalist 2017 paper does. PHOTOS.csv has the columns photo, taxon, observer and "
        "observation.\v"
        "FOLDER gets three files: split.csv (photo,taxon,split), for the organizer, it holds the "
        "test labels; solution.csv (id,expected,usage), the labels of the competition; "
        "categories.csv (category_id,name,train_images), for everybody.",
        NULL,
        NULL,
        NULL};
    struct split_arguments arguments = {.seed = seed_default};
    struct problems problems = {0};
    struct arena *arena = NULL;
    struct err err;

    if (argp_parse(&argp, argc, argv, 0, NULL, &arguments) != 0) {
        return EXIT_USAGE;
    }
    bool ok = arena_open(&arena, memory_max, &err) &&
              (arguments.is_example ? example_run(arena, &err)
                                    : split_run(&arguments, &problems, arena, &err));
    arena_close(&arena);
    if (ok) {
        return EXIT_DONE;
    }
    if (problems.n_all > 0) {
        fprintf(stderr, "assay: %s is not valid:\n", arguments.photos);
        command_problems(&problems);
        return EXIT_INVALID;
    }
    return command_failed(&err);
}
