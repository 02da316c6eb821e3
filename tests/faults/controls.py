#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The other parts on a service with a planted mistake: they must report it, or they prove nothing.

Each mistake is patched into a copy of the source in build/faults-planted, compiled there and run
through the part that has to notice it. Usage: controls.py [--seed N] [--quick] [--only TEXT]...; exits
1 when a mistake goes unnoticed.
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WORK = ROOT / "build" / "faults-planted"
TARGETS = ["assay", "assay-broker", "assay-gateway", "assay-worker", "assay-recorder", "assay-reopen", "wall_clock"]
KILLS, CUTS = ["kill_loop.py", "--count", "60"], ["power_loss.py", "--no-controls", "--count", "300"]
JUMPS, POISON = ["clock_jumps.py", "--count", "30"], ["poison.py", "--quick", "--only"]

ACKNOWLEDGED_EARLY = [
    ("broker/store/store.c", "        return db_commit(store->db, &err);",
     "        return store_is_late || db_commit(store->db, &err);"),
    ("broker/store/store.c", "/* False where nothing of the batch was kept. */",
     "bool store_is_late;\nvoid store_commit_late(struct store *store);\n"
     "void store_commit_late(struct store *store)\n{\n    struct err err;\n    (void)db_commit(store->db, &err);\n}\n"),
    ("broker/queue/store_thread.c", "        store_batch(thread->store, calls, n_calls);\n",
     "        extern bool store_is_late;\n        store_is_late = true;\n"
     "        store_batch(thread->store, calls, n_calls);\n"),
    ("broker/queue/store_thread.c", "        give_back(thread, calls, n_calls);\n",
     "        give_back(thread, calls, n_calls);\n        extern void store_commit_late(struct store *);\n"
     "        usleep(20000);\n        store_commit_late(thread->store);\n"),
]

# name, the program that has to find it and what it has to say, (file, the text as it is, the text with
# the mistake)...
MISTAKES = [
    # The clients miss it (lost:), or the broker does first and does not start (--void-lost:).
    ("acknowledged before the commit", KILLS, "lost:", ACKNOWLEDGED_EARLY),
    ("a fence that nobody checks", KILLS, "doubled:", [
        ("broker/store/store_complete.c",
         "if (job.fence != (int64_t)result->fence || job.fence == 0) {", "if (job.fence == 0) {"),
    ]),
    ("results taken whoever brings them, and again", KILLS, "doubled:", [
        ("broker/store/store_complete.c",
         "if (job.fence != (int64_t)result->fence || job.fence == 0) {", "if (job.fence == 0) {"),
        ("broker/store/statements.def", '"DELETE FROM job WHERE number = $1"',
         '"UPDATE job SET state = 2, due_boot_ms = 0 WHERE number = $1"'),
        ("broker/store/statements.def", '"INSERT INTO finished ', '"INSERT OR REPLACE INTO finished '),
        ("broker/store/statements.def", '"INSERT INTO result ', '"INSERT OR REPLACE INTO result '),
    ]),
    ("receipts signed with the time of asking", KILLS, "two receipts", [
        ("broker/queue/core_submit.c", "receipt_sign(minisig, &core->keys->receipt, submit->entry, submit->entry_size);",
         "receipt_sign(minisig, &core->keys->receipt, submit->entry, submit->entry_size - submit->outcome);"),
    ]),
    ("acknowledged before the commit, and the power is cut", CUTS, "lost:", ACKNOWLEDGED_EARLY),
    ("the database's log is synced now and then", CUTS, "lost:", [
        ("broker/store/sqlite.c", "PRAGMA synchronous=FULL;", "PRAGMA synchronous=NORMAL;"),
    ]),
    ("the folder of a file is not synced", CUTS, "without its file", [
        ("broker/store/blobs.c", "        ok = fsync(shelf) == 0 ||", "        ok = shelf >= 0 ||"),
    ]),
    ("a file is not synced", CUTS, "without its file", [
        ("broker/store/blobs.c", "    if (fsync(upload->fd) < 0) {", "    if (upload->fd < 0) {"),
    ]),
    ("connections that are kept for ever", ["chaos.py", "--count", "200"], "descriptors", [
        ("broker/gateway/http.c", "MHD_OPTION_CONNECTION_TIMEOUT, options->idle_seconds",
         "MHD_OPTION_CONNECTION_TIMEOUT, 0"),
    ]),
    ("leases by the wall clock", JUMPS, "leases were lost", [
        ("broker/queue/loop.c", ".wall_ms = time_wall_ms(), .boot_ms = time_boot_ms()",
         ".wall_ms = time_wall_ms(), .boot_ms = time_wall_ms()"),
    ]),
    ("receive times as the gateway's clock says", JUMPS, "was received", [
        ("broker/queue/core_submit.c", "clamp(message->received_ms, now->wall_ms - RECEIVED_SKEW_MS, now->wall_ms);",
         "message->received_ms;"),
    ]),
    ("parked a failure too early", [*POISON, "crash"], "is parked after 2 failures", [
        ("broker/store/store.h", "STORE_FAILS_MAX = 3", "STORE_FAILS_MAX = 2"),
    ]),
    ("a reader without a limit of memory", [*POISON, "memory"], "assay-reader took", [
        ("scorer/worker/sandbox.c", "(HAS_SHADOW_MEMORY || limit(RLIMIT_AS, limits->memory_bytes, err))", "true"),
    ]),
]


def run(*command):
    return subprocess.run(command, cwd=WORK, text=True, capture_output=True, check=False)


def copy_tree():
    shutil.rmtree(WORK, ignore_errors=True)
    files = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True,
                           capture_output=True, check=True)
    for name in files.stdout.split("\n"):
        if name and not name.startswith(("tests/golden/", "docs/")) and (ROOT / name).is_file():
            (WORK / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, WORK / name)
    configured = run("cmake", "--preset", "faults", "-DCMAKE_C_FLAGS=-O1 -w")
    if configured.returncode != 0:
        sys.exit(configured.stderr)


def build():
    built = run("cmake", "--build", "build/faults", "-j", os.environ.get("JOBS", "2"), "--target", *TARGETS)
    if built.returncode != 0:
        sys.exit(built.stdout[-3000:] + built.stderr[-3000:])


def plant(changes):
    """Patches them in; the texts as they were."""
    texts = {}
    for file, right, wrong in changes:
        path = WORK / file
        text = path.read_text()
        texts.setdefault(path, text)
        if text.count(right) != 1:
            sys.exit(f"controls: {file} has '{right}' {text.count(right)} times")
        path.write_text(text.replace(right, wrong))
    return texts


def try_one(mistake, seed):
    name, program, sign, changes = mistake
    texts = plant(changes)
    build()
    env = {**os.environ, "ASSAY_BIN": str(WORK / "build/faults/bin")}
    done = subprocess.run([sys.executable, "-B", HERE / program[0], *program[1:], "--seed", str(seed)],
                          env=env, text=True, capture_output=True, check=False, timeout=1800)
    for path, text in texts.items():
        path.write_text(text)
    is_caught = done.returncode == 1 and sign in done.stdout
    print(f"{'caught' if is_caught else 'UNNOTICED'}: {name}: {(done.stdout.strip().splitlines() or [''])[-1]}", flush=True)
    if not is_caught:
        print(done.stdout[-3000:] + done.stderr[-3000:], flush=True)
    return is_caught


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--quick", action="store_true", help="the first two mistakes only")
    parser.add_argument("--only", action="append")
    options = parser.parse_args()
    mistakes = [mistake for mistake in (MISTAKES[:2] if options.quick else MISTAKES)
                if not options.only or any(text in mistake[0] for text in options.only)]
    print(f"controls: seed {options.seed}", flush=True)
    copy_tree()
    caught = [try_one(mistake, options.seed) for mistake in mistakes]
    print(f"controls: {len(caught)} planted, {sum(caught)} caught")
    return 0 if all(caught) else 1


if __name__ == "__main__":
    sys.exit(main())
