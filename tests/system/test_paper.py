#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""assay split and assay report as commands: files, exit codes, and what is missing when gnuplot is."""
import json
import pathlib
import random
import shutil
import stat
import unittest

import harness

GOLDEN = pathlib.Path(__file__).parent.parent / "golden" / "detection" / "inat_small"


def photo_list():
    """3,000 photos of 12 taxa by 60 observers; taxon 11 is too rare. Lines behind the header."""
    draw = random.Random(5)
    lines = []
    for observation in range(2000):
        taxon = 11 if observation < 10 else draw.randrange(11)
        observer = draw.randrange(60)
        for _ in range(draw.choice((1, 2))):
            lines.append(f"p{len(lines)},{taxon},{observer},{observation}")
    return lines


def reference(lines):
    """The rule of section 3.2, written a second time: photo -> train, val or test."""
    taxa = {}
    for line in lines:
        photo, taxon, observer, observation = line.split(",")
        taxa.setdefault(taxon, {}).setdefault(observer, []).append((photo, observation))
    parts = {}
    for observers in taxa.values():
        seen = {observer: {o for _, o in photos} for observer, photos in observers.items()}
        kept = len(observers) >= 20 and sum(map(len, seen.values())) >= 20
        order = sorted(observers, key=lambda observer: (len(seen[observer]), observer.encode()))
        n_test = len(order) * 40 // 100
        n_train_val = sum(len(observers[observer]) for observer in order[n_test:])
        n_val = 0
        for place, observer in enumerate(order):
            part = "test" if place < n_test else "train"
            if part == "train" and not (n_val > 30 or n_val >= 0.33 * n_train_val):
                part = "val"
                n_val += len(observers[observer])
            parts.update((photo, part if kept else "left-out") for photo, _ in observers[observer])
    return parts


class SplitTest(harness.SystemTest):
    def split(self, lines, *options, check=0):
        path = self.dir / "photos.csv"
        path.write_text("\n".join(["photo,taxon,observer,observation", *lines]) + "\n")
        return harness.run("assay", "split", path, "--out", self.dir / "out", *options, check=check)

    def rows(self, name):
        return [line.split(",") for line in (self.dir / "out" / name).read_text().split()[1:]]

    def test_example(self):
        self.assertIn("8 test, 8 train, 4 validation", harness.run("assay", "split", "--example").stdout)

    def test_files(self):
        lines = photo_list()
        answer = self.split(lines)
        self.assertIn("11 kept, 1 left out", answer.stdout)
        parts = {photo: part for photo, _, part in self.rows("split.csv")}
        self.assertEqual({photo: part.split("-p")[0] for photo, part in parts.items()}, reference(lines))
        solution = {photo: usage for photo, _, usage in self.rows("solution.csv")}
        self.assertEqual(solution, {photo: part[5:].capitalize() for photo, part in parts.items()
                                    if part.startswith("test-")})
        n_train = sum(part == "train" for part in parts.values())
        self.assertEqual(sum(int(count) for _, _, count in self.rows("categories.csv")), n_train)
        for name, mode in (("split.csv", 0o600), ("solution.csv", 0o600), ("categories.csv", 0o644)):
            self.assertEqual(stat.S_IMODE((self.dir / "out" / name).stat().st_mode) & 0o077, mode & 0o077)

    def test_order_changes_nothing_and_the_seed_does(self):
        lines = photo_list()
        self.split(lines)
        first = (self.dir / "out" / "split.csv").read_bytes()
        random.Random(1).shuffle(lines)
        self.split(lines)
        self.assertEqual((self.dir / "out" / "split.csv").read_bytes(), first)
        self.split(lines, "--seed", "3")
        self.assertNotEqual((self.dir / "out" / "split.csv").read_bytes(), first)

    def test_problems(self):
        answer = self.split(["1,2,3,4", "1,2,3,4"], check=1)
        self.assertIn("3:1: photo '1' stands in line 2", answer.stderr)
        self.split(["1,2,3,4"], "--seed", "x", check=2)


class ReportTest(harness.SystemTest):
    yaml = "{competition: d, task: detection, metric: AP, submission: {format: boxes}}"

    def setUp(self):
        super().setUp()
        self.competition = self.dir / "competition.yaml"
        self.competition.write_text(self.yaml)
        self.counts = self.dir / "counts.csv"
        ids = [line.split(",")[0] for line in (GOLDEN / "categories.csv").read_text().split()[1:]]
        self.counts.write_text("category_id,train_images\n" + "".join(f"{i},{10 + int(i)}\n" for i in ids))

    def report(self, *options, check=0, **keywords):
        return harness.run("assay", "report", self.competition, GOLDEN / "predictions.csv", "--labels", GOLDEN,
                           *options, check=check, **keywords)

    def test_json(self):
        numbers = json.loads(self.report("--format", "json", "--train", self.counts).stdout)
        self.assertAlmostEqual(numbers["table6"]["any"]["AP50"], 0.8430672283217666, 12)
        self.assertEqual(numbers["figure2"]["classes"], 2854)
        private = json.loads(self.report("--format", "json", "--split", "private").stdout)
        self.assertIsNone(private["table6"]["class"]["AP"])

    def test_page(self):
        page = self.report("--format", "html", "--train", self.counts).stdout
        if shutil.which("gnuplot"):
            self.assertEqual(page.count("<svg"), 2)
            self.assertEqual(page.count("<figure role=img aria-label=\"Figure "), 2)
            picture = self.report("--format", "svg", "--train", self.counts).stdout
            self.assertEqual(picture.count("<svg"), 1)
            self.assertIn("Figure 2: training images of the classes", picture)
            self.assertIn(">all classes  66.23<", picture)

    def test_without_gnuplot(self):
        answer = self.report("--format", "html", "--out", self.dir / "page.html", env={"PATH": "/nowhere"})
        self.assertIn("gnuplot is not installed", answer.stderr)
        page = (self.dir / "page.html").read_text()
        self.assertIn("gnuplot is not installed", page)
        self.assertIn("Table 6", page)
        self.assertNotIn("<svg", page)
        self.report("--format", "svg", env={"PATH": "/nowhere"}, check=2)

    def test_usage(self):
        self.report("--format", "pdf", check=2)
        self.assertIn("--unknown is for classifications", self.report("--unknown", 1, check=2).stderr)
        self.competition.write_text(
            "{competition: c, task: classification, metric: top5_error, submission: {format: topk, k: 5}}")
        for option in ("--half-area", "--single-instance"):
            self.assertIn(f"{option} is for detections", self.report(option, check=2).stderr)
        self.competition.write_text(self.yaml)
        self.report("--train", self.dir / "none.csv", check=2)
        self.counts.write_text("category_id,train_images\n1,many\n")
        self.assertIn("2:3: counts.csv: 'many' is no count of images",
                      self.report("--train", self.counts, check=2).stderr)


if __name__ == "__main__":
    unittest.main()
