#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every part of the fault suite, one after the other: run.py [--quick] [--seed N] [--only PART]...

A part is a program beside this file: every .py file that starts with #!. It takes --seed N and
--quick, prints its seed and its counts, and exits non-zero on any loss; with 77, and the reason in
its last line, where this machine does not allow it. The seed of the whole is handed to each. A new
part needs no entry anywhere. Exits 1 when a part failed.
"""
import argparse
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
SKIPPED = 77
PARTS = sorted(path.stem for path in HERE.glob("*.py")
               if path.name != "run.py" and path.read_text().startswith("#!"))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=PARTS, action="append")
    options = parser.parse_args()
    failed, skipped = [], []
    print(f"faults: seed {options.seed}", flush=True)
    for part in options.only or PARTS:
        arguments = ["--seed", str(options.seed)] + (["--quick"] if options.quick else [])
        start = time.monotonic()
        done = subprocess.run([sys.executable, "-B", HERE / f"{part}.py", *arguments], check=False)
        print(f"faults: {part}: exit code {done.returncode}, {time.monotonic() - start:.0f} s", flush=True)
        if done.returncode == SKIPPED:
            skipped.append(part)
        elif done.returncode != 0:
            failed.append(part)
    print(f"faults: seed {options.seed}, failed: {', '.join(failed) or 'none'}, "
          f"not possible here: {', '.join(skipped) or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
