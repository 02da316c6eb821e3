# SPDX-License-Identifier: MIT
"""The README's first submission, command by command: what it shows is what happens."""
import os
import re
import subprocess
import unittest

import harness

# what differs from run to run, and the progress that a terminal does not keep
VOLATILE = [
    (r"^\d+ %\n", ""),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
    (r"\b[0-9a-f]{32}\b", "ID"),
    (r"http://127\.0\.0\.1:\d+", "URL"),
    (r" +$", ""),
]


def steady(text):
    for pattern, word in VOLATILE:
        text = re.sub(pattern, word, text, flags=re.MULTILINE)
    return re.sub(r"(?<=TIME) +| {2,}", " ", text)


def console_blocks():
    text = (harness.ROOT / "README.md").read_text()
    return re.findall(r"^```console\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


class ReadmeTest(harness.SystemTest):
    def test_first_submission(self):
        (self.service.dir / "configs").symlink_to(harness.ROOT / "configs")
        (block,) = console_blocks()
        commands = [line[2:] for line in block.splitlines() if line.startswith("$ ")]
        script = "\n".join(f"echo {quote('$ ' + command)}\n{command}" for command in commands)
        env = {**os.environ, "PATH": f"{harness.BIN}:{os.environ['PATH']}",
               "ASSAY_CONFIG_DIR": str(self.service.dir / "config")}
        shown = subprocess.run(["bash", "-c", script], cwd=self.service.dir, env=env, text=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, timeout=harness.PATIENCE_SECONDS,
                               check=False)
        self.maxDiff = None
        self.assertEqual(steady(shown.stdout), steady(block))


def quote(text):
    return "'" + text.replace("'", "'\\''") + "'"


if __name__ == "__main__":
    unittest.main()
