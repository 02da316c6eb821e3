#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Branch coverage of the code that receipts, logs and commitments are checked with, by its unit tests.

    tests/coverage/coverage.py BUILD | --tests

BUILD is a build with gcov's counters (`./dev coverage` makes it). Runs the tests, then counts every
branch of every file below as gcc made it, without optimisation. Lines of asserts are left out: their
other side is a programmer's mistake. Prints what was not reached, and exits 1 where there is any.
--tests lists the tests.
"""
import collections
import gzip
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TESTS = ("test_commitment", "test_correction", "test_crypt", "test_ledger", "test_note",
         "test_opening", "test_receipt", "test_scoreseal", "test_seal", "test_statement", "test_tree",
         "test_trust_forms", "test_trust_memory", "test_verify", "test_worker_key")
SOURCES = ("common/crypt.c", "common/sha256.c", "schemas/commitment.c", "schemas/correction.c", "schemas/entry.c",
           "schemas/history.c", "schemas/label_list.c", "schemas/note.c", "schemas/opening.c", "schemas/order.c",
           "schemas/receipt.c", "schemas/scoreseal.c", "schemas/sshsig.c", "schemas/statement.c", "schemas/tree.c",
           "schemas/worker_key.c", "scorer/worker/seal.c")


def run_tests(build):
    for counters in build.rglob("*.gcda"):
        counters.unlink()
    for name in TESTS:
        done = subprocess.run([build / "bin" / name], check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            sys.exit(f"{name}:\n{done.stdout.decode(errors='replace')}")


def branches_of(build, source):
    """{line: [times each branch was taken]} of a file."""
    (counters,) = (path for path in build.rglob(f"{pathlib.Path(source).name}.gcda")
                   if str(path).endswith(f"{source.rpartition('/')[0]}/CMakeFiles/{path.parent.name}/{path.name}"))
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["gcov", "--json-format", "--branch-probabilities", counters], cwd=folder, check=True,
                       stdout=subprocess.DEVNULL)
        (report,) = pathlib.Path(folder).glob("*.gcov.json.gz")
        files = json.loads(gzip.decompress(report.read_bytes()))["files"]
    lines = collections.defaultdict(list)
    for file in files:
        if file["file"].endswith(source):
            for line in file["lines"]:
                lines[line["line_number"]] += [branch["count"] for branch in line["branches"]]
    return lines


def main():
    if sys.argv[1] == "--tests":
        print("\n".join(TESTS))
        return
    build = pathlib.Path(sys.argv[1]).resolve()
    run_tests(build)
    n_all = n_reached = 0
    for source in SOURCES:
        text = (ROOT / source).read_text().splitlines()
        lines = {number: counts for number, counts in branches_of(build, source).items()
                 if counts and "assert(" not in text[number - 1]}
        of_file = [count for counts in lines.values() for count in counts]
        reached = sum(count > 0 for count in of_file)
        n_all, n_reached = n_all + len(of_file), n_reached + reached
        print(f"{source:28} {reached:4} of {len(of_file):4} branches")
        for number, counts in sorted(lines.items()):
            if 0 in counts:
                print(f"  {number}: {text[number - 1].strip()}  {counts}")
    print(f"{'all':28} {n_reached:4} of {n_all:4} branches")
    sys.exit(n_reached < n_all)


if __name__ == "__main__":
    main()
