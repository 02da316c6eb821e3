/* SPDX-License-Identifier: MIT */
/* The leak budget, against numbers worked out by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/leak.h"
#include "common/conftable.h"
#include "common/text.h"

#define DAY INT64_C(86400000)

static void test_leak_of(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t opens_ms;
        int64_t closes_ms;
        int64_t per_day;
        int64_t total;
        int64_t decimals;
        struct leak_labels labels;
        bool is_daily;
        double score_bits;
        double label_bits;
    } cases[] = {
        {"no end", CONF_NULL, CONF_NULL, 5, CONF_NULL, 5, {7, 4}, true, 15, 14},
        {"a total", CONF_NULL, CONF_NULL, 5, 100, 5, {7, 4}, false, 300, 14},
        {"ninety days", 0, 90 * DAY, 5, CONF_NULL, 5, {1023, 2}, false, 4500, 1023},
        {"a day begun counts", DAY - 1, DAY + 1, 5, CONF_NULL, 5, {7, 2}, false, 30, 7},
        {"a total within the days", 0, 90 * DAY, 5, 10, 5, {1023, 2}, false, 100, 1023},
        {"few decimals", 0, DAY, 1, CONF_NULL, 0, {1000000, 2}, false, 1, 1000000},
        {"boxes", 0, DAY, 1, CONF_NULL, 0, {100, 0}, false, 1, 0},
        {"no power of two",
         0,
         DAY,
         1,
         CONF_NULL,
         5,
         {9, 10},
         false,
         3.3219280948873623,
         29.897352853986263},
        {"one class", 0, DAY, 1, CONF_NULL, 5, {3, 1}, false, 2, 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct competition competition = {.opens_ms = cases[i].opens_ms,
                                          .closes_ms = cases[i].closes_ms};
        competition.limits.per_day = cases[i].per_day;
        competition.limits.total = cases[i].total;
        competition.board.decimals = cases[i].decimals;
        struct leak leak = leak_of(&competition, &cases[i].labels);
        if (leak.is_daily != cases[i].is_daily ||
            fabs(leak.score_bits - cases[i].score_bits) > 1e-9 ||
            fabs(leak.label_bits - cases[i].label_bits) > 1e-9) {
            fail_msg("%s: %g bits of %g", cases[i].name, leak.score_bits, leak.label_bits);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_leak_of)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
