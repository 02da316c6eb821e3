/* SPDX-License-Identifier: MIT */
/*
 * The YAML loader through the competition file: what it accepts, it prints so that it reads back to
 * the same values; what it refuses has at least one problem with a position.
 */
#include <string.h>

#include "schemas/competition.h"
#include "tests/fuzz/fuzz.h"

static void check_round_trip(const struct competition *first)
{
    static struct problems problems;
    static struct competition again;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    FUZZ_CHECK(out != NULL);
    conf_print(out, &competition_table, first);
    fclose(out);
    problems = (struct problems){0};
    FUZZ_CHECK(competition_load(&again, text, size, &problems));
    FUZZ_CHECK(memcmp(first, &again, sizeof(again)) == 0);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct problems problems;
    static struct competition competition;

    if (size > CONF_FILE_MAX) {
        return 0;
    }
    problems = (struct problems){0};
    if (competition_load(&competition, data, size, &problems)) {
        FUZZ_CHECK(problems.n_all == 0);
        check_round_trip(&competition);
    } else {
        FUZZ_CHECK(problems.n_kept > 0 && problems.kept[0].line > 0);
    }
    return 0;
}
