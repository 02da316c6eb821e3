/* SPDX-License-Identifier: MIT */
/*
 * The number grammar: what it takes, strtod and strtoll take whole and with the same bits.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "scorer/data/number.h"
#include "tests/fuzz/fuzz.h"

static void check_double(const char *copy, size_t size)
{
    double value;
    char *end;
    enum number_status status = number_double(&value, copy, size);
    double expected = strtod(copy, &end);

    if (status == NUMBER_OK) {
        FUZZ_CHECK(end == copy + size);
        FUZZ_CHECK(memcmp(&value, &expected, sizeof(value)) == 0);
    } else if (status == NUMBER_RANGE) {
        FUZZ_CHECK(isinf(expected));
    } else {
        FUZZ_CHECK(size == 0 || size > NUMBER_BYTES_MAX || end != copy + size ||
                   strspn(copy, "+-0123456789eE.") != size || copy[size - 1] == '.' ||
                   strchr(copy, '.') != NULL);
    }
}

static void check_int64(const char *copy, size_t size)
{
    int64_t value;
    char *end;
    enum number_status status = number_int64(&value, copy, size);

    errno = 0;
    long long expected = strtoll(copy, &end, 10);
    if (status == NUMBER_OK) {
        FUZZ_CHECK(errno == 0 && end == copy + size && value == expected);
    } else if (status == NUMBER_RANGE) {
        FUZZ_CHECK(errno == ERANGE);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size + 1);

    FUZZ_CHECK(copy != NULL);
    memcpy(copy, data, size);
    copy[size] = '\0';
    check_double(copy, size);
    check_int64(copy, size);
    free(copy);
    return 0;
}
