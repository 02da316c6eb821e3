# SPDX-License-Identifier: MIT
"""`assay score` and `assay check`: what they print, their exit codes, what they load."""
import json
import pathlib
import tempfile
import unittest

import harness

BOXES = "competition: boxes\ntask: detection\nmetric: AP\nsubmission: {format: boxes}\n"
TOPK = ("competition: topk\ntask: classification\nmetric: top5_error\n"
        "submission: {format: topk, k: 5}\n")
COCO = harness.GOLDEN / "detection" / "coco_val2014_100"

# What the authors of COCO publish for the official fake results on these 100 images.
COCO_NUMBERS = {
    "AP": 0.5045806987249628, "AP50": 0.6969727247299577, "AP75": 0.5729816669904824,
    "AP_small": 0.5856257209410443, "AP_medium": 0.5193996948036719,
    "AP_large": 0.5013978986347466, "AR1": 0.38681277964578054, "AR10": 0.5936795762842003,
    "AR100": 0.595352982877607, "AR_small": 0.6398109626113442, "AR_medium": 0.5664205978994309,
    "AR_large": 0.5642905982905982}

NETWORK_LIBRARIES = ("libzmq", "libcurl", "libmicrohttpd", "libgnutls", "libssl", "libpq")


class Files(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def golden(self, name):
        folder = harness.GOLDEN / "classification" / name
        return folder / "submission.csv", folder / "solution.csv"


class ScoreTest(Files):
    def test_json_holds_the_published_numbers(self):
        command = ("assay", "score", self.write("boxes.yaml", BOXES), COCO / "predictions.csv",
                   "--labels", COCO, "--json")
        done = harness.run(*command)
        self.assertEqual(done.stderr, "")
        self.assertEqual(done.stdout.count("\n"), 1)
        card = json.loads(done.stdout)
        self.assertEqual(card["schema"], "assay/scorecard/1")
        self.assertEqual(card["submission"]["rows"], 734)
        self.assertEqual(list(card["splits"]), ["public", "private", "all"])
        metrics = card["splits"]["all"]["metrics"]
        self.assertEqual(list(metrics), list(COCO_NUMBERS))
        for name, value in COCO_NUMBERS.items():
            self.assertAlmostEqual(metrics[name], value, delta=1e-12)
        curve = card["splits"]["all"]["curves"]["precision_iou50"]["all"]
        self.assertEqual(len(curve["precision"]), 101)
        self.assertAlmostEqual(curve["auc"], metrics["AP50"], delta=1e-12)
        self.assertEqual(harness.run(*command).stdout, done.stdout)

    def test_split(self):
        submission, solution = self.golden("edge_usage")
        competition = self.write("topk.yaml", TOPK)
        for split, names in (("public", ["public"]), ("private", ["private"]),
                             ("all", ["public", "private", "all"])):
            done = harness.run("assay", "score", competition, submission, "--labels", solution,
                               "--split", split, "--json")
            self.assertEqual(list(json.loads(done.stdout)["splits"]), names)

    def test_table(self):
        submission, solution = self.golden("edge_usage")
        done = harness.run("assay", "score", self.write("topk.yaml", TOPK), submission,
                           "--labels", solution)
        self.assertEqual(done.stderr, "")
        self.assertRegex(done.stdout, r"metric +public +private +all")
        self.assertRegex(done.stdout, r"top5_error \(ranks the board\) +0\.00000 +0\.50000 +0\.33333")

    def test_problems_have_file_line_and_column(self):
        submission, solution = self.golden("edge_short_rows")
        done = harness.run("assay", "score", self.write("topk.yaml", TOPK), submission,
                           "--labels", solution, "--json", check=1)
        self.assertEqual(done.stdout, "")
        self.assertEqual(done.stderr, f"{submission}:2:3: row has 1 class ids, expected 5\n"
                                      f"{submission}:3:3: row has 2 class ids, expected 5\n"
                                      f"{submission}: 2 errors\n")

    def test_usage_and_configuration_are_2(self):
        submission, solution = self.golden("edge_usage")
        good = self.write("topk.yaml", TOPK)
        bad = self.write("bad.yaml", TOPK.replace("top5_error", "top5_eror") + "titel: x\n")
        wrong = self.write("wrong.csv", "id,expected,usage\na,1,Public\na,2,Public\n")
        cases = (
            ((), "which competition"),
            ((good, submission), "which competition"),
            ((good, submission, "--labels", solution, "--split", "ignored"), "split 'ignored'"),
            ((bad, submission, "--labels", solution), f"{bad}:5:1: unknown key 'titel'"),
            ((self.folder / "none.yaml", submission, "--labels", solution), "none.yaml"),
            ((good, self.folder / "none.csv", "--labels", solution), "none.csv"),
            ((good, submission, "--labels", self.folder / "none.csv"), "none.csv"),
            ((good, submission, "--labels", wrong), f"{wrong}:3:1: "),
            ((good, self.folder, "--labels", solution), "is not a file"),
        )
        for arguments, text in cases:
            done = harness.run("assay", "score", *arguments, check=2)
            self.assertEqual(done.stdout, "")
            self.assertIn(text, done.stderr)

    def test_loads_no_network_library(self):
        submission, solution = self.golden("edge_usage")
        done = harness.run("assay", "score", self.write("topk.yaml", TOPK), submission,
                           "--labels", solution, "--json", env={"LD_DEBUG": "files"})
        self.assertIn("libc.so", done.stderr)
        for library in NETWORK_LIBRARIES:
            self.assertNotIn(library, done.stderr)


class CheckTest(Files):
    def check(self, text, *arguments, check=0, competition=TOPK):
        submission = self.write("submission.csv", text)
        return harness.run("assay", "check", self.write("competition.yaml", competition),
                           submission, *arguments, check=check)

    def test_without_a_list(self):
        done = self.check("id,predicted\na,1 2 3 4 5\nb,1 2 3 4 5\n")
        self.assertIn("valid, 2 rows (no image list", done.stdout)
        done = self.check("id,predicted\na,1 2 3 4 5\na,1 2 3 4\n", check=1)
        self.assertIn("submission.csv:3:1: id 'a' repeats", done.stderr)
        self.assertEqual(done.stdout, "")

    def test_with_a_list(self):
        self.write("sample.csv", "id,predicted\na,0 1 2 3 4\nb,0 1 2 3 4\n")
        ways = ((TOPK, ("--images", self.folder / "sample.csv")),
                (TOPK + "images: sample.csv\n", ()))
        for competition, arguments in ways:
            done = self.check("id,predicted\na,1 2 3 4 5\nb,1 2 3 4 5\n", *arguments,
                              competition=competition)
            self.assertTrue(done.stdout.endswith("valid, 2 rows\n"), done.stdout)
            done = self.check("id,predicted\na,1 2 3 4 5\nc,1 2 3 4 5\n", *arguments, check=1,
                              competition=competition)
            self.assertIn("submission.csv:3:1: id 'c' is not in the list of images", done.stderr)
            self.assertIn("submission.csv:4:1: 1 id is missing: 'b'", done.stderr)

    def test_classes(self):
        self.write("classes.csv", "category_id\n1\n2\n3\n4\n5\n")
        competition = TOPK + "categories: classes.csv\n"
        self.check("id,predicted\na,1 2 3 4 5\n", competition=competition)
        done = self.check("id,predicted\na,1 2 3 4 6\n", check=1, competition=competition)
        self.assertIn("submission.csv:2:11: '6' is not in the list of classes", done.stderr)

    def test_boxes(self):
        header = "image_id,category_id,score,x,y,width,height\n"
        done = self.check(header, competition=BOXES)
        self.assertIn("valid, 0 rows", done.stdout)
        done = self.check(header + "1,1,0.5,0,0,-1,5\n", check=1, competition=BOXES)
        self.assertIn("submission.csv:2:13: ", done.stderr)

    def test_usage_and_configuration_are_2(self):
        self.write("broken.csv", "name\na\n")
        cases = (((), "which competition"), (("a.yaml", "b.csv", "c.csv"), "arguments"))
        for arguments, text in cases:
            done = harness.run("assay", "check", *arguments, check=2)
            self.assertIn(text, done.stderr)
        done = self.check("id,predicted\n", "--images", self.folder / "broken.csv", check=2)
        self.assertIn("broken.csv", done.stderr)


if __name__ == "__main__":
    unittest.main()
