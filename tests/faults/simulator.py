#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The simulator (tests/sim) at length, and then every bug that is planted for it.

Usage: simulator.py [--seed N] [--count SEEDS] [--quick]; exits 1 when a seed fails or a bug survives.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("ASSAY_BIN", ROOT / "build" / "release" / "bin"))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--count", type=int, help="seeds (100000, quick: 5000)")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    count = options.count or (5000 if options.quick else 100000)
    print(f"simulator: seed {options.seed}, {count} seeds", flush=True)
    commands = [
        [BIN / "assay-sim", "--first", str(options.seed), "--seeds", str(count), "--jobs", str(os.cpu_count())],
        [sys.executable, "-B", ROOT / "tests" / "sim" / "planted.py"] + (["--quick"] if options.quick else []),
    ]
    return 1 if any([subprocess.run(command, check=False).returncode for command in commands]) else 0


if __name__ == "__main__":
    sys.exit(main())
