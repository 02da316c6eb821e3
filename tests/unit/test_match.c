/* SPDX-License-Identifier: MIT */
/*
 * Matching, where the last bit decides: quotients beside a threshold, areas on a bound. The IoU of
 * these boxes is what pycocotools 2.0.11's mask.iou gives.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/macros.h"
#include "scorer/metric/match.h"

static void test_match_box_rounds_every_step(void **state)
{
    (void)state;
    static const struct {
        struct box box;
        struct box truth;
        unsigned reach; /* thresholds that are reached; a fused multiply-add gives another */
    } cases[] = {
        {{13.87, 3.25, 33.15, 201.83}, {13.87, 3.25, 44.2, 201.83}, 5},   /* 0x1.7fffffffffffep-1 */
        {{26.44, 3.25, 25.5, 288.75}, {26.44, 3.25, 42.5, 288.75}, 3},    /* 0x1.3333333333333p-1 */
        {{48.47, 3.25, 110.75, 379.54}, {48.47, 3.25, 221.5, 379.54}, 0}, /* 0x1.ffffffffffffep-2 */
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct truth truth;
        struct overlap overlap;
        struct verdict verdict = {0};
        truth_set(&truth, &cases[i].truth, 5000, false);
        bool is_match = match_box(&verdict, &cases[i].box, &truth, 1, &overlap);
        assert_int_equal(is_match, cases[i].reach > 0);
        assert_int_equal(verdict.matched[AREA_ALL], (1u << cases[i].reach) - 1);
    }
}

static void test_match_size(void **state)
{
    (void)state;
    enum { A = 1 << AREA_ALL, S = 1 << AREA_SMALL, M = 1 << AREA_MEDIUM, L = 1 << AREA_LARGE };
    static const struct {
        double area;
        unsigned areas;
    } cases[] = {{-1, 0},
                 {-0.0, A | S},
                 {0, A | S},
                 {0x1.fffffffffffffp9, A | S},
                 {1024, A | S | M},
                 {0x1.0000000000001p10, A | M},
                 {0x1.1ffffffffffffp13, A | M},
                 {9216, A | M | L},
                 {0x1.2000000000001p13, A | L},
                 {1e10, A | L},
                 {1e11, 0}};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(match_size_areas[match_size(cases[i].area)], cases[i].areas);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_match_box_rounds_every_step),
        cmocka_unit_test(test_match_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
