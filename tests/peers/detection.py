#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Our detection against the installed pycocotools on random cases, bit for bit.

    .venv/bin/python3 tests/peers/detection.py [--cases N] [--seed N] [--keep FOLDER]

Every case draws its own mixture of what decides by a hair: tied scores, crowds, areas on the bounds
of the ranges, boxes whose IoU is a threshold, more than 100 boxes on an image, classes without
truths or boxes, boxes on images without truths, ids up to 2^53. Precision, recall and score arrays
must be equal by SHA-256, the twelve numbers to 1e-12; for the classes as they are and for all
classes as one (useCats=0). `./dev peers` installs pycocotools; the program that prints our arrays is
build/release/bin/detection_arrays, or the one in $ASSAY_BIN.
"""
import argparse
import contextlib
import hashlib
import io
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

import numpy
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("ASSAY_BIN", ROOT / "build/release/bin")) / "detection_arrays"
BATCH = 100


class Case:
    """Rows of the four files, drawn from a seed."""

    def __init__(self, seed):
        self.seed = seed
        self.random = random.Random(seed)
        draw = self.random
        top = draw.choice([20, 1000, 2**53])
        self.images = draw.sample(range(1, top), draw.randint(1, 6))
        self.categories = sorted(draw.sample(range(1, min(top, 2**31)), draw.randint(1, 4)))
        self.is_whole = draw.random() < 0.4  # coordinates without a fraction
        self.score_digits = draw.choice([1, 1, 2, 6, 17])
        self.size = draw.choice([20, 40, 120, 400])
        self.p_crowd = draw.choice([0, 0, 0.1, 0.5])
        with_truths = [image for image in self.images if draw.random() < 0.8]
        truth_classes = [category for category in self.categories if draw.random() < 0.8]
        box_classes = [category for category in self.categories if draw.random() < 0.9]
        self.truths = []
        if with_truths and truth_classes:
            self.truths = [self.truth(draw.choice(with_truths), draw.choice(truth_classes))
                           for _ in range(draw.choice([1, 3, 10, 40]))]
        self.boxes = []
        if box_classes:
            self.boxes = [self.box(draw.choice(self.images), draw.choice(box_classes))
                          for _ in range(draw.choice([0, 1, 5, 30, 150, 700]))]

        if with_truths and truth_classes and draw.random() < 0.3:
            self.add_mirrored(draw.choice(with_truths), draw.choice(truth_classes))

    def add_mirrored(self, image, category):
        """Two truths that a box overlaps equally, and a second box that only one of them fits."""
        draw = self.random
        side = float(draw.randint(20, 60))
        shift = float(draw.randint(1, 5))
        place = float(draw.randint(0, self.size))
        for offset in draw.sample([-shift, shift], 2):
            self.truths.append([image, category, place + offset, 7.0, side, side, side * side, 0])
        self.boxes.append([image, category, 0.9, place, 7.0, side, side])
        self.boxes.append([image, category, 0.8, place + draw.choice([-2, 2]) * shift, 7.0, side, side])

    def number(self, low, high):
        if self.is_whole:
            return float(self.random.randint(int(low), int(high)))
        return round(self.random.uniform(low, high), self.random.choice([1, 2, 2, 5, 15]))

    def place(self):
        return [self.number(-5, self.size), self.number(-5, self.size)]

    def sides(self):
        draw = self.random
        if draw.random() < 0.25:  # areas on the bounds
            return draw.choice([[32.0, 32.0], [16.0, 64.0], [96.0, 96.0], [48.0, 192.0], [32.0, 96.0]])
        if draw.random() < 0.03:
            return draw.choice([[0.0, 5.0], [5.0, 0.0], [0.0, 0.0]])
        return [self.number(1, self.size), self.number(1, self.size)]

    def truth(self, image, category):
        draw = self.random
        if self.truths_of(image, category) and draw.random() < 0.15:
            place, sides = draw.choice(self.truths_of(image, category))
        else:
            place, sides = self.place(), self.sides()
        area = draw.choice([sides[0] * sides[1], sides[0] * sides[1] / 2, 1024.0, 9216.0,
                            1024.0000000000002, 9215.999999999998, 2e10])
        return [image, category, *place, *sides, area, int(draw.random() < self.p_crowd)]

    def truths_of(self, image, category):
        return [(row[2:4], row[4:6]) for row in getattr(self, "truths", [])
                if row[0] == image and row[1] == category]

    def box(self, image, category):
        draw = self.random
        near = self.truths_of(image, category)
        place, sides = draw.choice(near) if near and draw.random() < 0.8 else (self.place(), self.sides())
        sides = list(sides)
        kind = draw.random()
        if kind < 0.3:  # the IoU with the truth is a threshold, or nearly
            axis = draw.randint(0, 1)
            sides[axis] = sides[axis] * draw.randint(9, 20) / 20
        elif kind < 0.7:
            place = [place[0] + self.number(-3, 3), place[1] + self.number(-3, 3)]
            sides = [abs(side + self.number(-3, 3)) for side in sides]
        score = round(draw.uniform(-0.2, 1), self.score_digits)
        return [image, category, draw.choice([score, score, score, 0.0, -0.0, 0.5]), *place, *sides]

    def write(self, folder):
        folder.mkdir()
        for name, header, rows in (
                ("images", "image_id", [[image] for image in self.images]),
                ("categories", "category_id", [[category] for category in self.categories]),
                ("ground_truth", "image_id,category_id,x,y,width,height,area,iscrowd", self.truths),
                ("predictions", "image_id,category_id,score,x,y,width,height", self.boxes)):
            lines = [",".join(map(repr, row)) for row in rows]
            (folder / f"{name}.csv").write_text("\n".join([header, *lines, ""]))

    def peer(self, use_classes):
        """Arrays and numbers of pycocotools."""
        truth = COCO()
        truth.dataset = {
            "images": [{"id": image} for image in self.images],
            "categories": [{"id": category} for category in self.categories],
            "annotations": [{"id": n, "image_id": row[0], "category_id": row[1], "bbox": row[2:6],
                             "area": row[6], "iscrowd": row[7]} for n, row in enumerate(self.truths, 1)]}
        found = COCO()
        found.dataset = {
            "images": truth.dataset["images"], "categories": truth.dataset["categories"],
            "annotations": [{"id": n, "image_id": row[0], "category_id": row[1], "score": row[2],
                             "bbox": row[3:7], "area": row[5] * row[6], "iscrowd": 0}
                            for n, row in enumerate(self.boxes, 1)]}
        with contextlib.redirect_stdout(io.StringIO()):
            truth.createIndex()
            found.createIndex()
            evaluation = COCOeval(truth, found, "bbox")
            evaluation.params.useCats = int(use_classes)
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
        hashes = [hashlib.sha256(numpy.ascontiguousarray(evaluation.eval[name], "<f8")).hexdigest()
                  for name in ("precision", "recall", "scores")]
        return hashes, [float(number) for number in evaluation.stats]


def differences(case, line):
    """What of our line is not what the peer gives."""
    words = line.split()
    found = []
    for use_classes in (True, False):
        hashes, numbers = case.peer(use_classes)
        ours, words = words[:15], words[15:]
        names = [name for name, a, b in zip(("precision", "recall", "scores"), ours, hashes) if a != b]
        names += [f"number {i}" for i in range(12) if abs(float(ours[3 + i]) - numbers[i]) > 1e-12]
        found += [f"{name}{'' if use_classes else ', all classes as one'}" for name in names]
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=pathlib.Path, help="where cases that differ are kept")
    arguments = parser.parse_args()
    n_bad = 0
    for start in range(arguments.seed, arguments.seed + arguments.cases, BATCH):
        seeds = range(start, min(start + BATCH, arguments.seed + arguments.cases))
        with tempfile.TemporaryDirectory(prefix="assay-peers-") as name:
            folder = pathlib.Path(name)
            cases = [Case(seed) for seed in seeds]
            for case in cases:
                case.write(folder / str(case.seed))
            names = "".join(f"{folder / str(case.seed)}\n" for case in cases)
            done = subprocess.run([PROGRAM], input=names, text=True, capture_output=True, check=False)
            if done.returncode != 0:
                sys.exit(f"{PROGRAM.name}: {done.stderr}")
            for case, line in zip(cases, done.stdout.splitlines(), strict=True):
                what = differences(case, line)
                if what:
                    n_bad += 1
                    print(f"seed {case.seed}: {', '.join(what)}")
                    if arguments.keep:
                        shutil.copytree(folder / str(case.seed), arguments.keep / str(case.seed))
    print(f"{arguments.cases} cases from seed {arguments.seed}, {n_bad} differ")
    return 1 if n_bad else 0


if __name__ == "__main__":
    sys.exit(main())
