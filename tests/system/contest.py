# SPDX-License-Identifier: MIT
"""A small competition for the tests beside this file: twenty images, five guesses each, halves of
them public and private, and submissions whose scores are known beforehand."""
import json

ID = "birds"
N_IMAGES = 20
YAML = """competition: birds
task: classification
metric: top1_error
submission: {format: topk, k: 5}
title: Birds
limits: {per_day: 1000, final_selections: 2}
board: {decimals: 4}
"""


def solution():
    """Image i is of class i % 7; even images are public."""
    rows = [f"{i},{i % 7},{'Public' if i % 2 == 0 else 'Private'}" for i in range(N_IMAGES)]
    return "id,expected,usage\n" + "".join(f"{row}\n" for row in rows)


def submission(wrong_public=0, wrong_private=0):
    """That many public and private images are wrong at the first place: each is an error of 0.1."""
    rows = []
    for i in range(N_IMAGES):
        wrong = wrong_public if i % 2 == 0 else wrong_private
        guesses = [(i % 7 + shift) % 7 for shift in range(5)]
        if i // 2 < wrong:
            guesses = guesses[1:] + guesses[:1]
        rows.append(f"{i},{' '.join(map(str, guesses))}")
    return "id,predicted\n" + "".join(f"{row}\n" for row in rows)


class Contest:
    """The competition at a service, with its teams."""

    def __init__(self, test, service=None, yaml=YAML):
        self.test, self.service = test, service or test.service
        self.folder = self.service.dir
        (self.folder / "birds.yaml").write_text(yaml)
        (self.folder / "solution.csv").write_text(solution())
        self.tokens = {}
        self.n_files = 0
        self.service.run("competition", "create", "birds.yaml", "--labels", "solution.csv")

    def team(self, name, *members):
        options = [word for member in members for word in ("--member", member)]
        self.service.run("team", "create", "-c", ID, name, *options, "--token-file", f"{name}.token")
        self.tokens[name] = (self.folder / f"{name}.token").read_text().strip()
        return self.tokens[name]

    def publish(self):
        self.service.run("leaderboard", "publish", "-c", ID)

    def file(self, text):
        self.n_files += 1
        path = self.folder / f"submission{self.n_files}.csv"
        path.write_text(text)
        return path

    def submit(self, team, text, *options, check=0, message="a test"):
        """Runs `assay submit`; returns the finished process."""
        return self.service.run("submit", "-c", ID, "-f", self.file(text), "-m", message, *options,
                                token=self.tokens[team], check=check)

    def submit_id(self, team, text, *options, check=0):
        """The id of a new submission."""
        return self.submit(team, text, *options, check=check).stdout.split("\n")[0]

    def status(self, team, submission_id):
        done = self.service.run("status", submission_id, "--json", token=self.tokens[team])
        return json.loads(done.stdout)

    def wait(self, team, submission_id, check=0):
        done = self.service.run("status", submission_id, "--wait", "--json", token=self.tokens[team],
                                check=check)
        return json.loads(done.stdout)

    def board(self, *options, token=None):
        done = self.service.run("leaderboard", "-c", ID, "--json", *options, token=token)
        return json.loads(done.stdout)

    def ranks(self, *options, token=None):
        return [(row["rank"], row["team"], row["score"]) for row in self.board(*options, token=token)["rows"]]
