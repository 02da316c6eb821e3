#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The kill loop on a service with a planted mistake: it must report it, or it proves nothing.

Each mistake is patched into a copy of the source in build/faults-planted, compiled there and run
through kill_loop.py. Usage: controls.py [--seed N] [--count FAULTS] [--quick]; exits 1 when a
mistake goes unnoticed.
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
DAEMONS = ["assay", "assay-broker", "assay-gateway", "assay-worker"]

# name, what the loop has to say, (file, the text as it is, the text with the mistake)...
MISTAKES = [
    ("acknowledged before the commit", "lost:", [
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
    ]),
    ("a fence that nobody checks", "doubled:", [
        ("broker/store/store_complete.c",
         "if (job.fence != (int64_t)result->fence || job.fence == 0) {", "if (job.fence == 0) {"),
    ]),
    ("results taken whoever brings them, and again", "doubled:", [
        ("broker/store/store_complete.c",
         "if (job.fence != (int64_t)result->fence || job.fence == 0) {", "if (job.fence == 0) {"),
        ("broker/store/statements.def", '"DELETE FROM job WHERE number = $1"',
         '"UPDATE job SET state = 2, due_boot_ms = 0 WHERE number = $1"'),
        ("broker/store/statements.def", '"INSERT INTO finished ', '"INSERT OR REPLACE INTO finished '),
        ("broker/store/statements.def", '"INSERT INTO result ', '"INSERT OR REPLACE INTO result '),
    ]),
    ("receipts signed with the time of asking", "two receipts", [
        ("broker/queue/core_submit.c", "receipt_sign(minisig, &core->keys->receipt, submit->entry, submit->entry_size);",
         "receipt_sign(minisig, &core->keys->receipt, submit->entry, submit->entry_size - submit->outcome);"),
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
    built = run("cmake", "--build", "build/faults", "-j", os.environ.get("JOBS", "2"), "--target", *DAEMONS)
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


def try_one(mistake, seed, count):
    name, sign, changes = mistake
    texts = plant(changes)
    build()
    env = {**os.environ, "ASSAY_BIN": str(WORK / "build/faults/bin")}
    done = subprocess.run([sys.executable, "-B", HERE / "kill_loop.py", "--seed", str(seed), "--count", str(count)],
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
    parser.add_argument("--count", type=int)
    parser.add_argument("--quick", action="store_true", help="the first two mistakes only")
    parser.add_argument("--only")
    options = parser.parse_args()
    mistakes = [mistake for mistake in (MISTAKES[:2] if options.quick else MISTAKES)
                if options.only in (None, mistake[0])]
    print(f"controls: seed {options.seed}", flush=True)
    copy_tree()
    caught = [try_one(mistake, options.seed, options.count or 60) for mistake in mistakes]
    print(f"controls: {len(caught)} planted, {sum(caught)} caught")
    return 0 if all(caught) else 1


if __name__ == "__main__":
    sys.exit(main())
