#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every number of a report against golden arrays (pycocotools, tests/golden) and a second computation (reference.py)."""
import csv
import json
import random
import statistics
import unittest

import harness
import reference
import schema

RANKS = ("kingdom", "phylum", "class", "order", "family", "genus")
PAPER = ("AP", "AP50", "AP75", "AR1", "AR10")
SCHEMA = json.loads((harness.ROOT / "schemas" / "report.schema.json").read_text())


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class ReportTest(harness.SystemTest):
    def write(self, name, header, rows):
        path = self.dir / name
        path.parent.mkdir(exist_ok=True)
        with open(path, "w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows([header, *rows])
        return path

    def report(self, competition, submission, labels, *options):
        (self.dir / "competition.yaml").write_text(competition)
        out = harness.run("assay", "report", self.dir / "competition.yaml", submission, "--labels", labels,
                          "--format", "json", *options).stdout
        numbers = json.loads(out)
        schema.check(numbers, SCHEMA)
        return numbers

    def same(self, ours, expected, what):
        if expected is None or ours is None:
            self.assertEqual(ours, expected, what)
        else:
            self.assertAlmostEqual(ours, expected, 12, what)


class DetectionTest(ReportTest):
    """inat_small, with names, training images and two splits of our own."""
    golden = harness.GOLDEN / "detection" / "inat_small"
    yaml = "{competition: d, task: detection, metric: AP, submission: {format: boxes}}"

    def setUp(self):
        super().setUp()
        self.super_of = {int(row["category_id"]): f"S{row['supercategory_id']}"
                         for row in rows_of(self.golden / "categories.csv")}
        self.train = {category: category * 31 % 1500 for category in self.super_of if category % 17}
        self.usage = {int(row["image_id"]): ("Public", "Private", "Private", "Ignored")[int(row["image_id"]) % 4]
                      for row in rows_of(self.golden / "images.csv")}
        box = "x", "y", "width", "height"
        self.truths = [(int(row["image_id"]), int(row["category_id"]), tuple(float(row[name]) for name in box),
                        float(row["area"]), row["iscrowd"] == "1") for row in rows_of(self.golden / "ground_truth.csv")]
        self.boxes = [(int(row["image_id"]), int(row["category_id"]), float(row["score"]),
                       tuple(float(row[name]) for name in box)) for row in rows_of(self.golden / "predictions.csv")]

    def labels(self):
        self.write("labels/categories.csv", ("category_id", "supercategory", "train_images"),
                   [(category, name, self.train.get(category, "")) for category, name in self.super_of.items()])
        self.write("labels/images.csv", ("image_id", "usage"), self.usage.items())
        self.write("labels/ground_truth.csv", ("image_id", "category_id", "x", "y", "width", "height", "area", "iscrowd"),
                   [(image, category, *map(repr, box), repr(area), int(is_crowd))
                    for image, category, box, area, is_crowd in self.truths])
        return self.dir / "labels"

    def check(self, numbers, images, truths):
        """Tables 5 and 6, sizes and figure 6 of the images of a split."""
        classes = reference.detect(self.boxes, truths, images, lambda category: category)
        supers = reference.detect(self.boxes, truths, images, self.super_of.get)
        any_class = reference.detect(self.boxes, truths, images, lambda category: 0)
        for level, found in (("class", classes), ("supercategory", supers), ("any", any_class)):
            row = numbers["table6"][level]
            self.assertEqual(row["classes"], sum(metrics["AP"] is not None for metrics, _ in found.values()))
            for name in PAPER:
                self.same(row[name], reference.mean(metrics[name] for metrics, _ in found.values()), (level, name))
            for name, value in numbers["sizes"][level].items():
                self.same(value, reference.mean(metrics[name] for metrics, _ in found.values()), (level, name))
        curves = {curve["supercategory"]: curve for curve in numbers["figure6"]}
        self.assertEqual([row["supercategory"] for row in numbers["table5"]], sorted(set(self.super_of.values())))
        for row in [*numbers["table5"], {"supercategory": ""}]:
            name = row["supercategory"]
            own = [found for category, found in classes.items() if name in ("", self.super_of[category])]
            if name:
                counts = [count for category, count in self.train.items() if self.super_of[category] == name]
                self.same(row["mean_train_images"], reference.mean(counts), name)
                for metric in PAPER:
                    self.same(row[metric], reference.mean(metrics[metric] for metrics, _ in own), (name, metric))
            points = [reference.mean(point) for point in zip(*(curve for _, curve in own if curve is not None))]
            self.assertEqual(bool(points), name in curves)
            if points:
                self.same(curves[name]["auc"], statistics.fmean(points), name)
                for ours, point in zip(curves[name]["precision"], points):
                    self.same(ours, point, name)

    def test_reference_is_pycocotools(self):
        expected = json.loads((self.golden / "expected.json").read_text())
        sizes = {"s": "_small", "m": "_medium", "l": "_large"}
        names = [name[:-1] + sizes.get(name[-1], name[-1]) for name in expected["per_category_columns"][1:]]
        found = reference.detect(self.boxes, self.truths, self.usage, lambda category: category)
        for category, *values in expected["per_category"]:
            metrics = found.get(category, ({}, None))[0]
            for name, value in zip(names, values):
                self.same(metrics.get(name), None if value == -1 else value, (category, name))
        points = [reference.mean(point) for point in zip(*(curve for _, curve in found.values() if curve))]
        for ours, point in zip(points, expected["pr50_mean_over_categories"]["100"]):
            self.same(ours, point, "curve")

    def test_splits(self):
        labels = self.labels()
        for split, usages in (("public", {"Public"}), ("private", {"Private"}), ("all", {"Public", "Private"})):
            images = [image for image, usage in self.usage.items() if usage in usages]
            numbers = self.report(self.yaml, self.golden / "predictions.csv", labels, "--split", split)
            self.check(numbers, images, self.truths)
        self.assertEqual(numbers["figure2"]["counts"], sorted(self.train.values(), reverse=True))
        self.assertEqual(numbers["figure2"]["median"], statistics.median(self.train.values()))

    def test_rules(self):
        self.truths = [row for row in self.truths if row[0] % 5]  # images with boxes, but no object
        labels = self.labels()
        n_boxes = {}
        for image, *_ in self.truths:
            n_boxes[image] = n_boxes.get(image, 0) + 1
        half = [(image, category, box, 0.5 * box[2] * box[3], is_crowd)
                for image, category, box, _, is_crowd in self.truths]
        public = [image for image, usage in self.usage.items() if usage == "Public"]
        numbers = self.report(self.yaml, self.golden / "predictions.csv", labels, "--single-instance")
        self.check(numbers, [image for image in public if n_boxes.get(image) == 1], self.truths)
        # areas that are not the half of a box, until the rule makes them so
        self.truths = [(*row[:3], row[3] * 1.7, row[4]) for row in self.truths]
        plain = self.report(self.yaml, self.golden / "predictions.csv", self.labels())
        self.check(plain, public, self.truths)
        numbers = self.report(self.yaml, self.golden / "predictions.csv", self.labels(), "--half-area")
        self.check(numbers, public, half)
        self.assertNotEqual(plain["sizes"], numbers["sizes"])
        # without the column it is the rule anyway
        self.write("labels/ground_truth.csv", ("image_id", "category_id", "x", "y", "width", "height", "iscrowd"),
                   [(image, category, *map(repr, box), int(is_crowd)) for image, category, box, _, is_crowd in half])
        without = self.report(self.yaml, self.golden / "predictions.csv", labels)
        self.assertEqual(without["sizes"], numbers["sizes"])


class ClassificationTest(ReportTest):
    """inat_like_20000, with a tree of life, training images and an unknown class of our own."""
    golden = harness.GOLDEN / "classification" / "inat_like_20000"
    yaml = ("{competition: c, task: classification, metric: top5_error, submission: {format: topk, k: 5},"
            " categories: categories.csv}")
    unknown = 17
    splits = {"public": {"Public"}, "private": {"Private"}, "all": {"Public", "Private"}}

    def setUp(self):
        super().setUp()
        draw = random.Random(3)
        self.super_of = {int(row["class"]): f"S{row['supercategory']}" for row in rows_of(self.golden / "classes.csv")}
        self.train = {category: draw.choice((0, 1, 1)) * int(draw.lognormvariate(4, 1.5))
                      for category in self.super_of if category % 13}  # the others' are not known
        # few names, so that equal ones stand below different taxa
        self.tree = {category: (*(f"{rank}{draw.randrange(3)}" for rank in RANKS), str(category))
                     for category in self.super_of}
        self.write("categories.csv", ("category_id", "supercategory", "train_images", *RANKS),
                   [(category, name, self.train.get(category, ""), *self.tree[category][:-1])
                    for category, name in self.super_of.items()])
        self.truth = {row["id"]: (int(row["expected"]), row["usage"]) for row in rows_of(self.golden / "solution.csv")}
        self.guess = {row["id"]: [int(guess) for guess in row["predicted"].split()]
                      for row in rows_of(self.golden / "submission.csv")}

    def images(self, split):
        """(truth, guesses) of the split's images"""
        return [(expected, self.guess[image]) for image, (expected, usage) in self.truth.items()
                if usage in self.splits[split]]

    def by_class(self, split):
        """class -> [right first, right in five] of its images"""
        out = {}
        for expected, guesses in self.images(split):
            out.setdefault(expected, []).append((guesses[0] == expected, expected in guesses))
        return out

    def test_all(self):
        numbers = {split: self.report(self.yaml, self.golden / "submission.csv", self.golden / "solution.csv",
                                      "--split", split, "--unknown", self.unknown) for split in self.splits}
        for split, own in numbers.items():
            self.check_accuracy(own["table3"][split], split)
            self.check_groups(own, split)
            self.check_bins(own, split)
            self.check_tree(own["taxonomic"][split], split)
            self.check_world(own["open_world"][split], split)
        self.check_counts(numbers["all"]["figure2"])

    def check_accuracy(self, table, split):
        images = self.images(split)
        self.assertEqual(table["images"], len(images))
        self.same(table["top1_accuracy"], statistics.fmean(guesses[0] == expected for expected, guesses in images), split)
        self.same(table["top5_accuracy"], statistics.fmean(expected in guesses for expected, guesses in images), split)

    def check_groups(self, numbers, split):
        by_class = self.by_class(split)
        self.assertEqual([row["supercategory"] for row in numbers["table4"]], sorted(set(self.super_of.values())))
        for row in numbers["table4"]:
            name = row["supercategory"]
            own = [right for category, right in by_class.items() if self.super_of[category] == name]
            self.assertEqual((row["classes"], row["images"]), (len(own), sum(map(len, own))))
            for place, metric in enumerate(("top1_accuracy", "top5_accuracy")):
                self.same(row[metric], reference.mean(statistics.fmean(one[place] for one in right) for right in own), name)
            self.same(row["mean_train_images"], reference.mean(
                count for category, count in self.train.items() if self.super_of[category] == name), name)

    def check_bins(self, numbers, split):
        low = 0
        accuracy = {category: statistics.fmean(first for first, _ in right)
                    for category, right in self.by_class(split).items()}
        for row, high in zip(numbers["figure5"], (20, 50, 100, 200, 500, 1000, 10 ** 9), strict=True):
            values = [value for category, value in accuracy.items() if low <= self.train.get(category, -1) <= high]
            low = high + 1
            self.assertEqual(row["classes"], len(values))
            for name, value in (reference.box_plot(values) if values else {}).items():
                if name == "outside":
                    self.assertEqual(row[name], value)
                else:
                    self.same(row[name], value, (row["train_images"], name))

    def check_tree(self, numbers, split):
        first, nearest = [0] * 8, [0] * 8
        for expected, guesses in self.images(split):
            heights = [reference.height(self.tree[expected], self.tree[guess]) for guess in guesses]
            first[heights[0]] += 1
            nearest[min(heights)] += 1
        for name, counts in (("first", first), ("nearest_of_five", nearest)):
            self.assertEqual(numbers[name]["images_by_height"], counts)
            self.same(numbers[name]["error"], sum(h * n for h, n in enumerate(counts)) / (7 * sum(counts)), name)

    def check_world(self, numbers, split):
        images = [(expected == self.unknown or self.train.get(expected) == 0, expected, guesses)
                  for expected, guesses in self.images(split)]
        known = [(guesses[0] == expected, expected in guesses) for new, expected, guesses in images if not new]
        told = [new for new, _, guesses in images if guesses[0] == self.unknown]
        self.assertEqual((numbers["known_images"], numbers["unknown_images"]), (len(known), len(images) - len(known)))
        self.same(numbers["known_top1_accuracy"], statistics.fmean(first for first, _ in known), split)
        self.same(numbers["known_top5_accuracy"], statistics.fmean(five for _, five in known), split)
        self.same(numbers["unknown_recall"], sum(told) / (len(images) - len(known)), split)
        self.same(numbers["unknown_precision"], reference.mean(told), split)

    def check_counts(self, figure):
        counts = sorted(self.train.values(), reverse=True)
        self.assertEqual((figure["classes"], figure["images"]), (len(counts), sum(counts)))
        self.assertEqual((figure["counts"], figure["median"]), (counts, statistics.median(counts)))
        self.same(figure["top_percent_share"], sum(counts[:-(-len(counts) // 100)]) / sum(counts), "share")


if __name__ == "__main__":
    unittest.main()
