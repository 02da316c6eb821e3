#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Plants one bug after the other into a copy of the broker and asks the simulator to find it.

A check that has never failed proves nothing: every bug below must turn a seed red within the first
2,000. Usage: planted.py [--seed N] [--count SEEDS] [--quick] [--only NAME]; works in build/planted,
exits 1 when a bug survives.
"""
import argparse
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "build" / "planted"

# name, file, the line as it is, the line with the bug
BUGS = [
    ("answered before it is durable", "broker/store/store.c",
     "return db_commit(store->db, &err);", "db_rollback(store->db);\n        return true;"),
    ("a fence that stays the same", "broker/store/statements.def",
     '"UPDATE job SET state = 1, fence = fence + 1, due_boot_ms',
     '"UPDATE job SET state = 1, fence = max(fence, 1), due_boot_ms'),
    ("an idempotency key that is forgotten", "broker/store/statements.def",
     'WHERE team = $1 AND idempotency_key = $2")',
     'WHERE team = $1 AND idempotency_key = $2 AND state > 9")'),
    ("a gap in the log", "broker/store/statements.def",
     "SET next_entry = next_entry + 1 WHERE", "SET next_entry = next_entry + 2 WHERE"),
    ("leases that never run out", "broker/store/statements.def",
     'WHERE state IN (1, 2) AND due_boot_ms <= $1 "', 'WHERE state = 2 AND due_boot_ms <= $1 "'),
    ("a delay that never ends", "broker/store/statements.def",
     'WHERE state IN (1, 2) AND due_boot_ms <= $1 "', 'WHERE state = 1 AND due_boot_ms <= $1 "'),
    ("a poison file that is tried for ever", "broker/store/store_work.c",
     "job.n_fails + 1 >= STORE_FAILS_MAX", "job.n_fails + 1 >= 1000000"),
    ("parked at the first failure", "broker/store/store_work.c",
     "job.n_fails + 1 >= STORE_FAILS_MAX", "job.n_fails + 1 >= 1"),
    ("lost leases counted as failures", "broker/store/store_work.c",
     "job.n_lost + 1 >= STORE_LOST_MAX", "job.n_lost + 1 >= STORE_FAILS_MAX"),
    ("a finished job that stays in the queue", "broker/store/store_complete.c",
     "return db_run(store->db, DB_JOB_DELETE, err, db_int(job->number)) &&",
     "return db_run(store->db, DB_JOB_RELEASE, err, db_int(job->number), db_int(job->fence)) &&"),
    ("a late result taken from anybody", "broker/store/store_complete.c",
     "if (job.fence != (int64_t)result->fence || job.fence == 0) {", "if (job.fence == 0) {"),
    ("a failure counted twice when it is delivered twice", "broker/store/store_work.c",
     "if (!is_there || job.fence != call->fence || job.state != JOB_LEASED) {", "if (!is_there) {"),
    ("a score that belongs to nobody", "broker/queue/core_work.c",
     "*complete = (struct store_complete){.result = message, .now_ms = now->wall_ms};",
     "request->message.result.value = 0.5;\n"
     "    *complete = (struct store_complete){.result = message, .now_ms = now->wall_ms};"),
    ("a submission without its job", "broker/store/statements.def",
     '"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, 0, $9, \'\', 0, 0, \'\')")',
     '"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 3, 0, 0, $9, \'\', 0, 0, \'\')")'),
    ("a receipt with the time of its repetition", "broker/store/statements.def",
     'SELECT line, place FROM entry WHERE submission = $1 AND kind',
     'SELECT replace(line, \'2017\', \'2018\'), place FROM entry WHERE submission = $1 AND kind'),
    ("written without a sync", "broker/store/sqlite.c", "PRAGMA synchronous=FULL;", "PRAGMA synchronous=OFF;"),
    ("a full disk that nobody is told of", "broker/store/store.c",
     "for (size_t i = 0; i < n_calls && !ok; i++) {", "for (size_t i = 0; i < n_calls && !ok && !db_is_full(store->db); i++) {"),
    ("a board of the worst", "broker/store/statements.def",
     '"WHERE (excluded.sort_key, excluded.received_ms, excluded.submission) < "',
     '"WHERE (excluded.sort_key, excluded.received_ms, excluded.submission) > "'),
    ("a signature of another text", "broker/queue/core_submit.c",
     "receipt_sign(minisig, &core->keys->receipt, submit->entry, submit->entry_size);",
     "receipt_sign(minisig, &core->keys->receipt, submit->entry, submit->entry_size - 1);"),
    ("a promise that becomes another submission", "broker/store/store_promise.c",
     "memcpy(call->id, upload.id, sizeof(call->id));", ""),
]


def run(*command):
    return subprocess.run(command, cwd=WORK, text=True, capture_output=True, check=False)


def copy_tree():
    shutil.rmtree(WORK, ignore_errors=True)
    files = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True, capture_output=True, check=True)
    for name in files.stdout.split("\n"):
        if name and not name.startswith(("tests/golden/", "docs/")) and (ROOT / name).is_file():
            (WORK / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, WORK / name)
    configured = run("cmake", "--preset", "release", "-DCMAKE_C_FLAGS=-O1 -w")
    if configured.returncode != 0:
        sys.exit(configured.stderr)


def build():
    built = run("cmake", "--build", "build/release", "--target", "assay-sim")
    if built.returncode != 0:
        sys.exit(built.stdout[-2000:] + built.stderr[-2000:])


def simulate(first, seeds):
    return run("build/release/bin/assay-sim", "--first", str(first), "--seeds", str(seeds))


def plant(bug, first, seeds):
    name, file, right, wrong = bug
    path = WORK / file
    text = path.read_text()
    if text.count(right) != 1:
        sys.exit(f"planted: '{name}': {file} has its line {text.count(right)} times")
    path.write_text(text.replace(right, wrong))
    build()
    found = simulate(first, seeds)
    path.write_text(text)
    line = (found.stdout + found.stderr).strip().split("\n")[-1]
    print(f"{'caught' if found.returncode else 'SURVIVED'}: {name}: {line}", flush=True)
    return found.returncode != 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--quick", action="store_true", help="the first six bugs only")
    parser.add_argument("--only", action="append")
    options = parser.parse_args()
    copy_tree()
    build()
    right = simulate(options.seed, 100)
    if right.returncode != 0:
        sys.exit("the simulator fails without any bug: " + right.stdout)
    bugs = [bug for bug in (BUGS[:6] if options.quick else BUGS) if not options.only or bug[0] in options.only]
    survived = [bug[0] for bug in bugs if not plant(bug, options.seed, options.count)]
    print(f"planted: seed {options.seed}, {len(bugs)} planted, {len(bugs) - len(survived)} caught within "
          f"{options.count} seeds each")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
