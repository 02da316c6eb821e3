/* SPDX-License-Identifier: MIT */
/*
 * Files that entries name: a line of scores is written the same way again, rows of labels cover
 * their file, and rows in the order of the tree have a root.
 */
#include <string.h>

#include "schemas/label_list.h"
#include "schemas/opening.h"
#include "tests/fuzz/fuzz.h"

static void read_opening(const uint8_t *data, size_t size)
{
    char line[OPENING_LINE_SIZE];
    struct opening opening;
    struct err err;

    if (opening_read(&opening, data, size, &err)) {
        FUZZ_CHECK(opening_write(line, &opening) == size && memcmp(line, data, size) == 0);
        FUZZ_CHECK(opening.labels > 0);
    } else {
        FUZZ_CHECK(err.code == ERR_INPUT);
    }
}

static void read_rows(const char *data, size_t size)
{
    static const uint8_t seed[COMMITMENT_SEED_BYTES] = {1};
    const char *at = data;
    struct label_list_row row;
    struct label_list_sum sum;
    struct err err;
    size_t n = 0;

    while (at < data + size && label_list_next(&row, &at, data + size, &err)) {
        FUZZ_CHECK(row.line + row.line_size == at && at <= data + size && at[-1] == '\n');
        FUZZ_CHECK(strlen(row.row.split) + row.row.label_size + row.row.id_size + 3 ==
                   row.line_size);
        n++;
    }
    if (label_list_check(&sum, data, size, seed, "fuzz", &err)) {
        FUZZ_CHECK(sum.n == n && sum.n_public + sum.n_private <= n && at == data + size);
    } else {
        FUZZ_CHECK(err.code == ERR_INPUT);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_opening(data, size);
    read_rows((const char *)data, size);
    return 0;
}
