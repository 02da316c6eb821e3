#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every part of the fault suite, one after the other: run.py [--quick] [--seed N].

A part is a program beside this file that takes --seed N and --quick, prints its counts and exits
non-zero on any loss. The seed of the whole is handed to each. Exits 1 when a part failed.
"""
import argparse
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
PARTS = ["kill_loop", "crash_points", "controls"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=PARTS, action="append")
    options = parser.parse_args()
    failed = []
    print(f"faults: seed {options.seed}", flush=True)
    for part in options.only or PARTS:
        arguments = ["--seed", str(options.seed)] + (["--quick"] if options.quick else [])
        start = time.monotonic()
        done = subprocess.run([sys.executable, "-B", HERE / f"{part}.py", *arguments], check=False)
        print(f"faults: {part}: exit code {done.returncode}, {time.monotonic() - start:.0f} s", flush=True)
        if done.returncode != 0:
            failed.append(part)
    print(f"faults: seed {options.seed}, failed: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
