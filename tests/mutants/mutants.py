#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Deliberate mistakes in the detection metric, and (trust.py) in what checks receipts and logs: their
tests must go red for each.

    tests/mutants/mutants.py [NAME...]

A mistake is applied to a copy of the source, the tests are rebuilt and one must fail. One that
survives, or whose place in the source is gone, makes the exit code 1. About five minutes.

Those of the metric are the difference between pycocotools and something that looks the same: what
another implementation does, an off-by-one of a bound, a rounding. Two known mistakes are not here: numpy's blocks of pairwise sums (our sums have their own order, the
numbers agree to 1e-12), and matching beyond 100 boxes with the cut made later (it is equivalent).
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import trust

ROOT = pathlib.Path(__file__).resolve().parents[2]
TESTS = ("test_golden_detection", "test_detection", "test_match")
BUILD_SECONDS = 300
TEST_SECONDS = 60

MATCH = "scorer/metric/match.c"
CURVE = "scorer/metric/curve.c"
CLASS = "scorer/metric/boxclass.c"
WORK = "scorer/metric/boxwork.h"
MISS = "scorer/metric/boxmiss.c"
MEAN = "scorer/metric/detection.c"

IN_RANGE = "uint8_t in_range = match_size_areas[match_size(size)];"
COUNTED = ".counted = is_crowd ? 0 : match_size_areas[match_size(area)],"
IGNORED_OUT_OF_RANGE = """        if ((in_range >> area & 1) == 0) {
            verdict->ignored[area] |= (uint16_t)(~verdict->matched[area] & THRESHOLDS_ALL);
        }"""
FIND_LOOP = "    for (size_t i = 0; i < n_overlaps; i++) {"
SORT_HITS = """        items[i] = (struct sort_item){.key = hits[i].key, .index = (uint32_t)i};
    }
"""

# name: [(file, what stands there, what to put there), ...]
MUTANTS = {
    "recalls as r / 100": [
        (CURVE, "while (r < CURVE_POINTS && curve_recalls[r] <= recall)",
         "while (r < CURVE_POINTS && r / 100.0 <= recall)")],
    "thresholds as 0.5 + 0.05 i": [
        (MATCH, "    0x1.4cccccccccccdp-1,\n    0x1.6666666666666p-1,\n    0x1.8p-1,\n"
                "    0x1.999999999999ap-1,\n    0x1.b333333333333p-1,\n    0x1.cccccccccccccp-1,\n"
                "    0x1.e666666666666p-1,",
         "    0.5 + 0.05 * 3,\n    0.5 + 0.05 * 4,\n    0.5 + 0.05 * 5,\n    0.5 + 0.05 * 6,\n"
         "    0.5 + 0.05 * 7,\n    0.5 + 0.05 * 8,\n    0.5 + 0.05 * 9,")],
    "thresholds as literals": [
        (MATCH, "    0x1.b333333333333p-1,\n    0x1.cccccccccccccp-1,", "    0.85,\n    0.9,")],
    "no epsilon in the precision": [
        (CURVE, "((wrong + right) + EPSILON)", "(wrong + right)"),
        (CURVE, "#define EPSILON 0x1p-52\n", "")],
    "equal IoU: the first truth wins": [
        (MATCH, "is_taken || overlaps[i].iou < best)",
         "is_taken || overlaps[i].iou < best || (chosen != NULL && overlaps[i].iou <= best))")],
    "IoU above the threshold, not at it": [
        (MATCH, "n += iou >= match_thresholds[t];", "n += iou > match_thresholds[t];"),
        (MATCH, "is_taken || overlaps[i].iou < best)",
         "is_taken || overlaps[i].iou <= match_thresholds[t] || overlaps[i].iou < best)")],
    "ignored truths compete": [
        (MATCH, "        if ((truth->counted >> area & 1) != is_counted || is_taken",
         "        if (((truth->counted >> area & 1) != is_counted && !is_counted) || is_taken")],
    "a crowd is taken once": [
        (MATCH, "(truth->taken[area] >> t & 1) != 0 && !truth->is_crowd;",
         "(truth->taken[area] >> t & 1) != 0;"),
        (MATCH, "uint16_t taken = truth->is_crowd ? 0 : truth->taken[area];",
         "uint16_t taken = truth->taken[area];")],
    "a crowd's IoU is plain": [
        (MATCH, "truth->is_crowd ? size : (size + truth->size) - both",
         "(size + truth->size) - both")],
    "a crowd counts": [
        (MATCH, COUNTED, ".counted = match_size_areas[match_size(area)],")],
    "scores as float": [
        (WORK, "double plain = score + 0.0;", "double plain = (double)(float)score + 0.0;")],
    "boxes as float": [
        (MATCH, "double iou = both / either;",
         "double iou = (double)((float)both / (float)either);")],
    "top of a range excludes truths": [
        (MATCH, COUNTED, ".counted = is_crowd ? 0 : (uint8_t)(match_size_areas[match_size(area)] & "
                         "~(match_size(area) == 1 ? 2u : match_size(area) == 3 ? 4u : 0u)),")],
    "bottom of a range excludes truths": [
        (MATCH, COUNTED, ".counted = is_crowd ? 0 : (uint8_t)(match_size_areas[match_size(area)] & "
                         "~(match_size(area) == 1 ? 4u : match_size(area) == 3 ? 8u : 0u)),")],
    "bounds exclude unmatched boxes": [
        (CURVE, "        sum += (match_size_areas[size] >> area & 1) != 0 ? misses->count[size] : 0;",
         "        sum += (match_size_areas[size] >> area & 1) != 0 && (area == 0 || size % 2 == 0)"
         " ? misses->count[size] : 0;"),
        (MATCH, IN_RANGE, "uint8_t in_range = match_size(size) % 2 == 0 "
                          "? match_size_areas[match_size(size)] : 1;")],
    "unmatched boxes count in every range": [
        (CURVE, "(match_size_areas[size] >> area & 1) != 0 ? misses->count[size] : 0;",
         "(size < N_SIZES + area) ? misses->count[size] : 0;"),
        (MATCH, IGNORED_OUT_OF_RANGE, "        (void)in_range;")],
    "a match is ignored for its own area": [
        (MATCH, "(uint16_t)(~verdict->matched[area] & THRESHOLDS_ALL)", "THRESHOLDS_ALL")],
    "a truth's area is its box": [
        (MATCH, COUNTED,
         ".counted = is_crowd || area < 0 ? 0 : "
         "match_size_areas[match_size(box->width * box->height)],")],
    "ties by row, not by image": [
        (CLASS, SORT_HITS, """        items[i] = (struct sort_item){.key = hits[i].row, .index = (uint32_t)i};
    }
    sort_stable(items, other, n_hits);
    for (size_t i = 0; i < n_hits; i++) {
        items[i].key = hits[items[i].index].key;
    }
"""),
        (MISS, "hit->image != image ? hit->image < image : hit->row < row",
         "image == CATALOG_GONE || hit->row < row"),
        (MISS, "enum { STEPS_PER_HIT", "enum { CATALOG_GONE = INT32_MAX };\nenum { STEPS_PER_HIT")],
    "ties of an image reversed": [
        (CLASS, "    for (size_t i = 0; i < n_candidates; i++) {\n        uint32_t row = candidates[i];",
         "    for (size_t i = n_candidates; i-- > 0;) {\n        uint32_t row = candidates[i];")],
    "no envelope": [
        (CURVE, "precision[k - 1] < precision[k] ? precision[k] : precision[k - 1];",
         "precision[k - 1];")],
    "recalls beyond, not at": [
        (CURVE, "curve_recalls[r] <= recall", "curve_recalls[r] < recall")],
    "a class without truths counts as 0": [
        (MEAN, "            if (metric_get(&value, values, i)) {",
         "            if (!metric_get(&value, values, i)) {\n                counts[i]++;\n"
         "            } else {")],
    "a class without boxes is left out": [
        (MEAN, "job->labels->class_start[i] == job->labels->class_start[i + 1])",
         "job->labels->class_start[i] == job->labels->class_start[i + 1] ||\n"
         "            job->columns->class_start[i] == job->columns->class_start[i + 1])")],
    "-0.0 after 0.0": [
        (WORK, "double plain = score + 0.0;", "double plain = score;")],
    "the other order of a sum": [
        (MATCH, "(size + truth->size) - both", "size + (truth->size - both)")],
    "areas from corners": [
        (MATCH, "    double bottom = box->height + box->y;\n    size_t n = 0;",
         "    double bottom = box->height + box->y;\n    size_t n = 0;\n"
         "    size = (right - box->x) * (bottom - box->y);"),
        (MATCH, ".size = box->width * box->height,",
         ".size = ((box->width + box->x) - box->x) * ((box->height + box->y) - box->y),")],
    "i >= t u for i / u >= t": [
        (MATCH, "        if (iou >= match_thresholds[0]) {",
         "        for (int t = 0; t < N_THRESHOLDS; t++) {\n"
         "            if ((both >= match_thresholds[t] * either) != (iou >= match_thresholds[t])) {\n"
         "                iou = both >= match_thresholds[t] * either ? match_thresholds[t] : "
         "match_thresholds[t] - 1e-9;\n            }\n        }\n"
         "        if (iou >= match_thresholds[0]) {")],
    "fused multiply-add": [
        (MATCH, "(size + truth->size) - both",
         "__builtin_fma(-width, height, size + truth->size)")],
    "no cut at 100": [
        (CURVE, "{1, 10, 100}", "{1, 10, 250}"),
        (WORK, "enum { BOXES_MAX = 100,", "enum { BOXES_MAX = 250,")],
    "cut at 101": [
        (CURVE, "{1, 10, 100}", "{1, 10, 101}"),
        (WORK, "enum { BOXES_MAX = 100,", "enum { BOXES_MAX = 101,")],
    "no cut where there are no truths": [
        (WORK, "BOXES_FULL = BOXES_MAX + 1 }", "BOXES_FULL = 250 }")],
    "misses after a hit of their score": [
        (MISS, "bool is_before = hit_key < key;", "bool is_before = hit_key <= key;"),
        (MISS, "        if (hit_key == key) {", "        if (hit_key > key) {")],
    "the first limit is 2": [
        (CURVE, "{1, 10, 100}", "{2, 10, 100}")],
    "the split is not looked at": [
        (CURVE, "return of == CARD_ALL || split ==", "return of != CARD_PRIVATE || split !=")],
}


def run(command, seconds, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=seconds, check=False, **options)


SETS = ((TESTS, MUTANTS), (trust.TESTS, trust.MUTANTS))


def build(tree, tests):
    return run(["cmake", "--build", tree / "build", "-j", "2", "--target", *tests], BUILD_SECONDS)


def is_red(tree, tests):
    """True where a test fails, crashes or hangs."""
    for test in tests:
        try:
            if run([tree / "build" / "bin" / test], TEST_SECONDS).returncode != 0:
                return True
        except subprocess.TimeoutExpired:
            return True
    return False


def copy_source(tree):
    names = run(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard"], 60).stdout.split("\n")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)


def apply(tree, edits):
    """Puts a mistake in; returns how to take it out again, or None where its place is gone."""
    before = {}
    for name, old, new in edits:
        path = tree / name
        text = path.read_text()
        before.setdefault(path, text)
        if text.count(old) != 1:
            restore(before)
            return None
        path.write_text(text.replace(old, new))
    return before


def restore(before):
    for path, text in before.items():
        path.write_text(text)


def judge(tree, tests, edits):
    before = apply(tree, edits)
    if before is None:
        return "its place is gone"
    done = build(tree, tests)
    result = None
    if done.returncode != 0:
        result = "does not build\n" + done.stdout[-2000:]
    elif not is_red(tree, tests):
        result = "SURVIVED"
    restore(before)
    return result


def judge_set(tree, tests, mutants):
    """How many of them are not caught."""
    bad = 0
    if build(tree, tests).returncode != 0 or is_red(tree, tests):
        sys.exit("the source as it is does not build or is red\n" + build(tree, tests).stdout[-4000:])
    for name, edits in mutants.items():
        start = time.monotonic()
        problem = judge(tree, tests, edits)
        bad += problem is not None
        print(f"{problem or 'red':10} {time.monotonic() - start:5.1f} s  {name}", flush=True)
    return bad


def main():
    chosen = set(sys.argv[1:]) or {name for _, mutants in SETS for name in mutants}
    unknown = chosen - {name for _, mutants in SETS for name in mutants}
    if unknown:
        sys.exit(f"no such mistake: {', '.join(sorted(unknown))}")
    bad = 0
    with tempfile.TemporaryDirectory(prefix="assay-mutants-") as folder:
        tree = pathlib.Path(folder)
        copy_source(tree)
        configured = run(["cmake", "-G", "Ninja", "-S", tree, "-B", tree / "build",
                          "-DCMAKE_BUILD_TYPE=None", "-DCMAKE_C_FLAGS=-O1 -Wno-error"], BUILD_SECONDS)
        if configured.returncode != 0:
            sys.exit(configured.stdout[-4000:])
        for tests, mutants in SETS:
            some = {name: edits for name, edits in mutants.items() if name in chosen}
            bad += judge_set(tree, tests, some) if some else 0
    print(f"{len(chosen)} mistakes, {bad} not caught")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
