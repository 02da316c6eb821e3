/* SPDX-License-Identifier: MIT */
/*
 * Lets further workers score a competition: its label sets are sealed anew, to them too, and their
 * keys go into its log. Workers that it knows already stay as they are.
 */
#include "client/competition_create.h"

#include <inttypes.h>
#include <stdio.h>

#include "client/options.h"
#include "client/organizer.h"
#include "client/service.h"

enum { BODY_BYTES_MAX = 64 << 10 };

struct workers_arguments {
    struct options options;
    struct organizer_arguments organizer;
};

static const struct argp_option list[] = {ORGANIZER_PLACES, {0}};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct workers_arguments *arguments = state->input;

    if (organizer_parse(&arguments->organizer, key, text)) {
        return 0;
    }
    switch (key) {
    case ARGP_KEY_INIT:
        options_share(state, &arguments->options);
        return 0;
    case ARGP_KEY_ARG:
        if (!options_take_competition(&arguments->options, text)) {
            argp_error(state, "one competition only: %s", text);
        }
        return 0;
    case ARGP_KEY_END:
        options_need_competition(&arguments->options, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* Every version that is there, from the first on. */
static bool seal_again(const struct organizer *organizer, const char *competition, struct err *err)
{
    struct label_file file;

    for (uint32_t version = LABEL_VERSION_FIRST;
         label_file_exists(organizer->label_folder, competition, version); version++) {
        if (!label_file_open(&file, organizer->label_folder, competition, version,
                             &organizer->key.seal, NULL, err)) {
            return false;
        }
        const struct bytes block = {.data = (unsigned char *)(uintptr_t)file.data,
                                    .size_bytes = file.size_bytes};
        bool ok = organizer_seal(organizer, competition, version, &block, err);
        label_file_close(&file);
        if (!ok) {
            return false;
        }
    }
    return true;
}

static int post_workers(struct service *service, const struct organizer *organizer,
                        const char *competition)
{
    char path[SERVICE_PATH_SIZE];
    struct service_answer answer = {0};
    struct jwriter writer;
    struct err err;

    jwriter_start(&writer, BODY_BYTES_MAX);
    jwriter_object(&writer);
    organizer_write_workers(&writer, organizer);
    jwriter_object_end(&writer);
    bool ok = jwriter_ok(&writer, &err) &&
              service_path(path, &err, "/v1/competitions/%s/workers", competition);
    const struct service_request request = {.method = "POST",
                                            .path = path,
                                            .content_type = "application/json",
                                            .body = writer.out.data,
                                            .body_bytes = writer.out.size_bytes};
    int code = ok ? service_ask(service, &answer, &request) : command_failed(&err);
    service_answer_free(&answer);
    jwriter_end(&writer);
    return code;
}

static int let_in(struct service *service, void *context)
{
    const struct workers_arguments *arguments = context;
    const char *competition = arguments->options.competition;
    struct organizer organizer = {0};
    struct err err;

    int code = service_check_competition(competition, &err) &&
                       organizer_open(&organizer, &arguments->organizer, &err) &&
                       seal_again(&organizer, competition, &err)
                   ? post_workers(service, &organizer, competition)
                   : command_failed(&err);
    if (code == EXIT_DONE) {
        fprintf(stderr, "%zu workers may score %s\n", organizer.n_workers, competition);
    }
    crypt_wipe(&organizer.key, sizeof(organizer.key));
    return code;
}

int competition_workers(int argc, char **argv)
{
    static const struct argp argp = {
        list,
        parse_option,
        "[COMP]",
        "Lets workers score a competition (organizer): seals its labels to those whose public keys "
        "are in the folder, and puts their keys into its log.",
        options_competition,
        NULL,
        NULL};
    struct workers_arguments arguments = {0};

    return options_run(argc, argv, &argp, &arguments, let_in);
}
