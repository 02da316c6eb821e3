# SPDX-License-Identifier: MIT
"""Plays a whole competition up to the reveal, then looks for its labels, seeds and private scores
in everything that the service's side keeps: database, write-ahead log, blobs, backup, logs, and the
memory of broker and gateway. Controls plant each of them where it must be found."""
import base64
import contextlib
import pathlib
import resource
import signal
import struct
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "system"))
import contest  # noqa: E402
import harness  # noqa: E402
import sodium  # noqa: E402

N_PUBLIC, N_PRIVATE = 11, 29  # errors of the private split are k / 29: no other number here is one
N_IMAGES = N_PUBLIC + N_PRIVATE
CLASSES = [70000 + 37 * i for i in range(N_IMAGES)]  # every image is of a class of its own
PIECE, EMPTY = 1 << 16, bytes(1 << 16)
SEED_BYTES = slice(16, 80)  # of a label block: the two seeds, behind magic, version and task


def image(i):
    return f"img{i:03}q"


def usage(i):
    return "Public" if i < N_PUBLIC else "Private"


def label(i, version):
    """Version 2 has two images of the same kind changed for each other."""
    return CLASSES[{0: 1, 1: 0}.get(i, i) if version == 2 else i]


def solution(version):
    return "id,expected,usage\n" + "".join(f"{image(i)},{label(i, version)},{usage(i)}\n" for i in range(N_IMAGES))


def submission(wrong_private):
    """So many private images are guessed wrong; what is right is among the guesses of other images, too."""
    rows = []
    for i in range(N_IMAGES):
        first = i if i < N_PUBLIC or i - N_PUBLIC >= wrong_private else i + 7
        rows.append(f"{image(i)},{' '.join(str(CLASSES[(first + k) % N_IMAGES]) for k in range(5))}")
    return "id,predicted\n" + "\n".join(rows) + "\n"


def scores(wrong):
    """An error of `wrong` private images in the forms that it could be left in."""
    value = wrong / N_PRIVATE
    return {f"score {wrong} text": repr(value).encode(), f"score {wrong} rounded": f"{value:.7f}".encode(),
            f"score {wrong} bits": struct.pack("<d", value), f"score {wrong} bits, turned": struct.pack(">d", value)}


class SecretsTest(harness.SystemTest):
    options = ("--workers", "2")
    yaml = contest.YAML.replace("decimals: 4", "decimals: 7")

    def play(self):
        """Everything but the reveal."""
        self.write("birds.yaml", self.yaml)
        self.write("solution.csv", solution(1))
        self.write("corrected.csv", solution(2))
        harness.wait_for(lambda: self.service.log().count("worker ready") == 2, "both workers are there")
        self.service.run("competition", "create", "birds.yaml", "--labels", "solution.csv")
        self.service.run("team", "create", "-c", contest.ID, "owl", "--token-file", "owl.token")
        token = (self.dir / "owl.token").read_text().strip()
        self.service.run("leaderboard", "publish", "-c", contest.ID)
        self.wrong = (3, 5, 12, 17)
        for wrong in self.wrong:
            self.write("guesses.csv", submission(wrong))
            self.service.run("submit", "-c", contest.ID, "-f", "guesses.csv", "-m", "x", "--wait", token=token)
        self.write("guesses.csv", "id,predicted\nnone,1 2 3 4 5\n")
        self.service.run("submit", "-c", contest.ID, "-f", "guesses.csv", "-m", "x", "--wait", token=token, check=1)
        self.service.run("rescore", "-c", contest.ID)
        self.service.run("competition", "correct", "birds.yaml", "--labels", "corrected.csv", "--reason", "mistaken")
        self.service.run("rescore", "-c", contest.ID)
        self.service.run("leaderboard", "freeze", "-c", contest.ID)
        harness.run("assay", "backup", "--state", self.service.state, "--out", self.dir / "backup.db")

    def blocks(self):
        """The label blocks as workers open them."""
        master = (self.dir / "config" / "organizer.key").read_bytes()
        folder = self.service.state / "worker" / "labels" / contest.ID
        return [sodium.unseal((folder / f"{version}.sealed").read_bytes(), master) for version in (1, 2)]

    def needles(self):
        found = {}
        for version, block in enumerate(self.blocks(), 1):
            seeds = block[SEED_BYTES]
            for name, seed in (("label seed", seeds[:32]), ("score seed", seeds[32:])):
                found[name] = seed
                found[f"{name} in hex"] = seed.hex().encode()
                found[f"{name} in base64"] = base64.b64encode(seed)[:40]
            truth = struct.pack(f"<{N_IMAGES}H", *(CLASSES.index(label(i, version)) for i in range(N_IMAGES)))
            self.assertIn(truth, block)  # the form that a label block has
            found[f"answers {version}"] = truth[:24]
            found[f"answers {version}, private"] = truth[-24:]
            found[f"labels {version} as numbers"] = struct.pack("<6q", *(label(i, version) for i in range(20, 26)))
            for i in (*range(3), *range(15, N_IMAGES)):
                found[f"row of {image(i)}, {version}"] = f"{image(i)},{label(i, version)},".encode()
                found[f"published row of {image(i)}, {version}"] = f"\t{label(i, version)}\t{image(i)}\n".encode()
        for wrong in self.wrong:
            found.update(scores(wrong))
        return found

    def find(self, needles, data):
        return sorted(name for name, needle in needles.items() if needle in data)

    def files(self):
        """What the service's side keeps: everything of the state but the workers' part, and the backup."""
        state = self.service.state
        kept = [path for path in state.rglob("*") if path.is_file() and state / "worker" not in path.parents
                and path.name != "organizer.key"]
        return [*kept, self.dir / "backup.db", self.service.log_path]

    @staticmethod
    def memory(pid):
        """Every page of a process that can be read: what a core file would hold, and more."""
        pages = []
        with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            for line in maps:
                bounds, rights = line.split()[:2]
                first, end = (int(number, 16) for number in bounds.split("-"))
                is_shadow = end - first > 1 << 30  # of a sanitizer, which marks memory and holds none
                if "r" in rights and not is_shadow and not line.rstrip().endswith("[vvar]"):
                    try:
                        memory.seek(first)
                        area = memory.read(end - first)
                        pieces = (area[at:at + PIECE] for at in range(0, len(area), PIECE))
                        pages += [piece for piece in pieces if piece != EMPTY]
                    except (OSError, ValueError, OverflowError):
                        pass
        return b"".join(pages)

    def test_nothing_is_left(self):
        self.play()
        needles = self.needles()
        self.assertGreater(len(needles), 120)
        paths = self.files()
        names = {path.name for path in paths}
        self.assertLessEqual({"assay.db", "assay.db-wal", "backup.db", "service.log"}, names)
        for path in paths:
            self.assertEqual(self.find(needles, path.read_bytes()), [], path)
        self.assertEqual(sum(path.parent.parent.name == "blobs" for path in paths), len(self.wrong) + 1)
        (broker,), (gateway,) = self.service.daemons("assay-broker"), self.service.daemons("assay-gateway")
        for process in (broker, gateway):
            memory = self.memory(process.pid)
            self.assertIn(contest.ID.encode(), memory)  # it is the memory of that process
            self.assertEqual(self.find(needles, memory), [], process.name())
        self.check_controls(needles)
        self.check_core_files(needles, (broker, gateway))

    def check_controls(self, needles):
        """Each of them is found where it is planted, and in the one process that may hold it."""
        planted = self.service.state / "broker" / "planted"
        for name, needle in needles.items():
            planted.write_bytes(b"x" * 77 + needle + b"y" * 77)
            self.assertIn(planted, self.files())
            self.assertIn(name, self.find(needles, planted.read_bytes()))
        planted.unlink()
        wanted = {name: needles[name] for name in ("score seed", "label seed", "answers 2")}
        held = set()
        for worker in self.service.daemons("assay-worker"):
            for process in (worker, *harness.descendants(worker.pid)):
                held.update(self.find(wanted, self.memory(process.pid)))
        self.assertEqual(held, {*wanted})

    def check_core_files(self, needles, processes):
        """Started with any limit they leave no core file; one that root forces out of them holds nothing either."""
        before = set(self.dir.rglob("*"))
        for process in processes:
            self.assertEqual(resource.prlimit(process.pid, resource.RLIMIT_CORE), (0, 0))
            with contextlib.suppress(PermissionError):  # nobody may raise it here
                resource.prlimit(process.pid, resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            process.signal(signal.SIGABRT)
            harness.wait_for(lambda process=process: not process.is_alive(), "it is dead")
        for path in set(self.dir.rglob("*")) - before:
            if path.name.startswith("core"):
                self.assertEqual(self.find(needles, path.read_bytes()), [], path)


if __name__ == "__main__":
    unittest.main()
