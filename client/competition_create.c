/* SPDX-License-Identifier: MIT */
/*
 * The organizer's command. The labels go from here into the workers' folder, sealed; the service
 * gets the competition file and what commits to them. All is checked before anything is written.
 */
#include "client/competition_create.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/leak.h"
#include "client/options.h"
#include "client/organizer.h"
#include "client/service.h"
#include "common/jwriter.h"
#include "common/text.h"
#include "scorer/data/label_rows.h"

enum { BODY_BYTES_MAX = 1 << 20 };

struct create_arguments {
    struct options options;
    struct organizer_arguments organizer;
    const char *path;
};

/* What was read, and what is made of it. */
struct creation {
    struct organizer organizer;
    struct competition competition;
    struct bytes yaml;
    struct labels *labels;
    struct label_seeds seeds;
    struct bytes block;
    struct tree_hash root;
    bool is_new; /* the label set was not there before */
};

static const struct argp_option list[] = {ORGANIZER_OPTIONS, {0}};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct create_arguments *arguments = state->input;

    if (organizer_parse(&arguments->organizer, key, text)) {
        return 0;
    }
    switch (key) {
    case ARGP_KEY_INIT:
        options_share(state, &arguments->options);
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->path != NULL) {
            argp_error(state, "one competition only: %s", text);
        }
        arguments->path = text;
        return 0;
    case ARGP_KEY_END:
        if (arguments->path == NULL || arguments->organizer.labels == NULL) {
            argp_error(state, arguments->path == NULL ? "which competition file?"
                                                      : "which labels? --labels PATH says it");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void print_summary(const struct creation *creation)
{
    static const char *const names[] = {"public", "private", "ignored"};
    const struct labels *labels = creation->labels;
    bool is_boxes = labels->task == TASK_DETECTION;
    size_t counts[N_SPLITS];

    label_rows_count(counts, labels);
    printf("%s: %s, ranked by %s\n", creation->competition.id,
           is_boxes ? "detection" : "classification", creation->competition.metric);
    for (size_t s = 0; s < N_SPLITS; s++) {
        printf("  %-8s %9zu images\n", names[s], counts[s]);
    }
    printf("  classes  %9" PRIu32 "\n", labels->catalog.n_classes);
    if (is_boxes) {
        printf("  boxes    %9zu\n", labels->boxes.n_rows);
    }
    const struct leak_labels hidden = {.n_public = counts[SPLIT_PUBLIC],
                                       .n_classes = is_boxes ? 0 : labels->catalog.n_classes};
    const struct leak leak = leak_of(&creation->competition, &hidden);
    leak_print(&leak);
    for (size_t s = SPLIT_PUBLIC; s <= SPLIT_PRIVATE; s++) {
        if (counts[s] == 0) {
            fprintf(stderr, "assay: no image is %s: the %s board will have no score\n", names[s],
                    names[s]);
        }
    }
}

/* SHA-256 over the ids of all images in the order of the catalog, a line each. */
static void hash_ids(char text[static SHA256_HEX_SIZE], const struct catalog *catalog)
{
    uint8_t digest[SHA256_BYTES];
    struct sha256 hash;

    sha256_start(&hash);
    for (uint32_t i = 0; i < catalog->n_images; i++) {
        char id[CATALOG_ID_BYTES_MAX + 1];
        size_t size = catalog_image_id(id, catalog, i);
        id[size] = '\n';
        sha256_add(&hash, id, size + 1);
    }
    sha256_finish(&hash, digest);
    hex_text(text, digest, sizeof(digest));
}

static void write_commitment(struct jwriter *writer, const struct creation *creation)
{
    char hex[SHA256_HEX_SIZE];
    uint8_t digest[SHA256_BYTES];
    size_t counts[N_SPLITS];

    label_rows_count(counts, creation->labels);
    hex_text(hex, creation->root.bytes, sizeof(creation->root.bytes));
    jwriter_object(writer);
    jwriter_key_text(writer, "root", hex);
    sha256_of(digest, creation->block.data, creation->block.size_bytes);
    hex_text(hex, digest, sizeof(digest));
    jwriter_key_text(writer, "set_sha256", hex);
    hash_ids(hex, &creation->labels->catalog);
    jwriter_key_text(writer, "ids_sha256", hex);
    jwriter_key_int(writer, "images", creation->labels->catalog.n_images);
    jwriter_key_int(writer, "public", (int64_t)counts[SPLIT_PUBLIC]);
    jwriter_key_int(writer, "private", (int64_t)counts[SPLIT_PRIVATE]);
    jwriter_object_end(writer);
}

static void write_body(struct jwriter *writer, const struct creation *creation)
{
    uint8_t seed[SHA256_BYTES];
    char hex[SHA256_HEX_SIZE];

    jwriter_object(writer);
    jwriter_key(writer, "yaml");
    jwriter_text_n(writer, creation->yaml.data, creation->yaml.size_bytes);
    jwriter_key(writer, "labels");
    write_commitment(writer, creation);
    organizer_write_workers(writer, &creation->organizer);
    hex_text(hex, creation->organizer.key.sign, sizeof(creation->organizer.key.sign));
    jwriter_key_text(writer, "organizer", hex);
    sha256_of(seed, creation->seeds.score, sizeof(creation->seeds.score));
    hex_text(hex, seed, sizeof(seed));
    jwriter_key_text(writer, "score_seed_sha256", hex);
    jwriter_object_end(writer);
}

static int post_competition(struct service *service, const struct creation *creation)
{
    struct service_answer answer = {0};
    struct jwriter writer;
    struct err err;

    jwriter_start(&writer, BODY_BYTES_MAX);
    write_body(&writer, creation);
    const struct service_request request = {.method = "POST",
                                            .path = "/v1/competitions",
                                            .content_type = "application/json",
                                            .body = writer.out.data,
                                            .body_bytes = writer.out.size_bytes};
    int code =
        jwriter_ok(&writer, &err) ? service_ask(service, &answer, &request) : command_failed(&err);
    service_answer_free(&answer);
    jwriter_end(&writer);
    return code;
}

static bool make_block(struct creation *creation, struct err *err)
{
    const struct label_block_source source = {.version = LABEL_VERSION_FIRST,
                                              .seeds = &creation->seeds,
                                              .organizer = creation->organizer.key.sign,
                                              .yaml = creation->yaml.data,
                                              .yaml_size = creation->yaml.size_bytes,
                                              .labels = creation->labels};

    return label_block_make(&creation->block, &source, err);
}

/*
 * The block as it will be sealed. A set that is there already must be the same, and gives its
 * seeds: a command that is repeated commits to the same root.
 */
static bool make_set(struct creation *creation, struct err *err)
{
    const struct organizer *organizer = &creation->organizer;
    const char *id = creation->competition.id;
    struct label_file file = {0};

    creation->is_new = !label_file_exists(organizer->label_folder, id, LABEL_VERSION_FIRST);
    if (creation->is_new) {
        crypt_random(&creation->seeds, sizeof(creation->seeds));
        return make_block(creation, err);
    }
    if (!label_file_open(&file, organizer->label_folder, id, LABEL_VERSION_FIRST,
                         &organizer->key.seal, NULL, err)) {
        return false;
    }
    creation->seeds = *file.block.seeds;
    bool ok = make_block(creation, err);
    if (ok && (file.size_bytes != creation->block.size_bytes ||
               memcmp(file.data, creation->block.data, file.size_bytes) != 0)) {
        ok = err_set(err, ERR_CONFIG,
                     "%s/%s/%d.sealed holds another competition file or other "
                     "labels",
                     organizer->label_folder, id, LABEL_VERSION_FIRST);
    }
    label_file_close(&file);
    return ok;
}

/* The labels first: a competition that takes submissions must have them. */
static int install_and_post(struct service *service, struct creation *creation)
{
    const char *id = creation->competition.id;
    const char *folder = creation->organizer.label_folder;
    struct err err;

    if (!make_set(creation, &err) ||
        !label_rows_root(&creation->root, creation->labels, id, creation->seeds.label, &err) ||
        !organizer_seal(&creation->organizer, id, LABEL_VERSION_FIRST, &creation->block, &err)) {
        return command_failed(&err);
    }
    if (creation->organizer.n_workers == 0) {
        fprintf(stderr,
                "assay: no worker has a key yet: `assay competition workers' lets some in\n");
    }
    int code = post_competition(service, creation);
    if (code == EXIT_DONE) {
        fprintf(stderr,
                "Created %s at %s, its labels are sealed to %zu workers in %s/%s/%d.sealed\n", id,
                service_url(service), creation->organizer.n_workers, folder, id,
                LABEL_VERSION_FIRST);
    } else if (code != EXIT_UNREACHABLE && creation->is_new &&
               !label_file_remove(folder, id, LABEL_VERSION_FIRST, &err)) {
        command_failed(&err);
    }
    return code;
}

static int create(struct service *service, void *context)
{
    const struct create_arguments *arguments = context;
    struct creation creation = {0};
    struct err err;

    int code = organizer_open(&creation.organizer, &arguments->organizer, &err)
                   ? organizer_load(&creation.competition, &creation.yaml, &creation.labels,
                                    arguments->path, arguments->organizer.labels)
                   : command_failed(&err);
    if (code == EXIT_DONE) {
        print_summary(&creation);
        code = install_and_post(service, &creation);
    }
    labels_close(&creation.labels);
    bytes_free(&creation.yaml);
    bytes_free(&creation.block);
    crypt_wipe(&creation.seeds, sizeof(creation.seeds));
    crypt_wipe(&creation.organizer.key, sizeof(creation.organizer.key));
    return code;
}

int competition_create(int argc, char **argv)
{
    static const struct argp argp = {
        list,
        parse_option,
        "COMPETITION.yaml",
        "Creates a competition (organizer): checks the file and the labels, seals the labels for "
        "the workers and yourself into the workers' folder, and sends the competition file and "
        "what commits to the labels to the service. The labels never pass the service.",
        options_service,
        NULL,
        NULL};
    struct create_arguments arguments = {0};

    return options_run(argc, argv, &argp, &arguments, create);
}
