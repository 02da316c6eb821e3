#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks what CONVENTIONS asks of the source and no compiler sees.

Reads the files git tracks or would track (without git: all but build/) and prints one line a
finding, `path:line: rule: text`; exits 1 if there is any. `/* tidy: reason */` (in scripts
`# tidy: reason`) on a line excuses that line. It knows C by clang-format's layout (a function's
braces stand alone in column 0), not by parsing it, so the format check comes first.
"""
import argparse
import collections
import pathlib
import re
import subprocess
import sys

LINES_MAX = 70  # of a function, signature and braces included, tables in it left out
LINES_WARN = 40
MAIN_LINES_MAX = 40
FILE_BYTES_MAX = 1 << 20
GOLDEN_BYTES_MAX = 3 << 20  # real data that tests need

# A room may include itself and these rooms or single headers.
ROOMS = {
    "common": [],
    "schemas": ["common"],
    "scorer/metric": ["schemas", "common"],
    "scorer/data": ["scorer/metric", "schemas", "common"],
    "scorer/worker": ["scorer/data", "scorer/metric", "schemas", "common"],
    "broker/ledger": ["schemas", "common"],
    "broker/board": ["schemas", "common"],
    "broker/store": ["broker/ledger", "broker/board", "schemas", "common"],
    "broker/queue": ["broker/store", "broker/ledger", "broker/board", "schemas", "common"],
    "broker/gateway": ["broker/store/blobs.h", "broker/store/finisher.h", "schemas", "common"],  # the folder, not the store
    "client": ["scorer/data", "scorer/metric", "schemas", "common"],
}

LIBRARIES = {
    "libarchive": r"archive(_entry)?\.h",
    "libcsv": r"csv\.h",
    "libcurl": r"curl/.*",
    "gnutls": r"gnutls/.*",
    "jansson": r"jansson\.h",
    "libmicrohttpd": r"microhttpd\.h",
    "nettle": r"nettle/.*",
    "libpq": r"libpq-fe\.h",
    "libsodium": r"sodium(/.*)?\.h",
    "sqlite": r"sqlite3\.h",
    "libyaml": r"yaml\.h",
    "libzmq": r"zmq\.h",
    "zlib": r"zlib\.h",
    "cmocka": r"cmocka\.h",
}

BANNED = {
    "strcpy": "unbounded", "strcat": "unbounded", "sprintf": "unbounded", "vsprintf": "unbounded",
    "gets": "unbounded", "strtok": "hidden state", "alloca": "unbounded stack",
    "atoi": "no errors", "atol": "no errors", "atoll": "no errors", "atof": "no errors",
    "system": "a shell", "popen": "a shell", "rand": "not random", "srand": "not random",
    "tmpnam": "a race", "mktemp": "a race", "asctime": "hidden state", "ctime": "hidden state",
    "gmtime": "hidden state", "localtime": "hidden state", "setlocale": "numbers change",
}
STDOUT = re.compile(r"(?<![\w.>])(v?printf|puts|putchar)\s*\("
                    r"|\b(fputs|v?fprintf|fwrite|f?putc)\s*\([^;]*\bstdout\b")
EXIT = re.compile(r"(?<![\w.>])exit\s*\(")
PURE = re.compile(r"(?<![\w.>])(malloc|calloc|realloc|free|fopen|open|read|write|time|clock_gettime"
                  r"|log_(debug|info|warn|error))\s*\(")

MARKS = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")
MACHINE_PATHS = re.compile(r"(?<![\w.~])/(work|root|home/\w+|tmp/wt)/")
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')
EXCUSE = re.compile(r"(/\*|#) tidy: \S")
SPDX = "SPDX-License-Identifier: MIT"
NEEDS_SPDX = (".c", ".h", ".def", ".py", ".sql", ".cmake", ".S")


def strip(text):
    """The text with comments and the insides of strings blanked, line breaks kept."""

    def blank(match):
        found = match.group(0)
        if found[0] in "\"'":
            return found[0] + re.sub(r"[^\n]", " ", found[1:-1]) + found[-1]
        return re.sub(r"[^\n]", " ", found)

    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    return re.sub(pattern, blank, text, flags=re.S)


def table_lines(code):
    """How many of a function's lines are the rows of its tables."""
    count, end = 0, None
    for line in code:
        if end and re.match(end, line):
            end = None
        elif end:
            count += 1
        elif line.endswith("= {"):
            end = re.match(r" *", line).group(0) + "}"
    return count


def functions(code):
    """(name, first line, length in lines) of every function, by clang-format's layout."""
    start = name = None
    for at, line in enumerate(code, 1):
        if line == "{":
            start = at - 1
            while start > 1 and code[start - 2].strip() and not re.match(r"[#}]|.*;\s*$", code[start - 2]):
                start -= 1
            named = re.search(r"(\w+)\s*\(", " ".join(code[start - 1 : at - 1]))
            name = named.group(1) if named else None
        elif line == "}" and name:
            yield name, start, at - start + 1 - table_lines(code[start - 1 : at])
            name = None


def room_of(path):
    return next((room for room in ROOMS if path.startswith(room + "/")), None)


class Tidy:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.findings = []
        self.warnings = []
        self.includers = collections.defaultdict(list)
        self.texts = {}

    def lines(self, path):
        return self.texts[path].split("\n")

    def found(self, path, line, rule, text):
        lines = self.lines(path) if path in self.texts else []
        if not (0 < line <= len(lines) and EXCUSE.search(lines[line - 1])):
            self.findings.append(f"{path}:{line}: {rule}: {text}")

    def files(self):
        try:
            listed = subprocess.run(
                ["git", "-C", self.root, "ls-files", "-z", "-co", "--exclude-standard"],
                check=True, capture_output=True, text=True).stdout
            names = [name for name in listed.split("\0") if name]
        except (OSError, subprocess.CalledProcessError):
            names = [str(path.relative_to(self.root)) for path in self.root.rglob("*")]
            names = [name for name in names if not name.startswith(("build/", ".git/"))]
        return sorted({name for name in names if (self.root / name).is_file()})

    def check(self):
        for path in self.files():
            self.check_file(path)
        self.check_includers()

    def check_file(self, path):
        size = (self.root / path).stat().st_size
        limit = GOLDEN_BYTES_MAX if path.startswith("tests/golden/") else FILE_BYTES_MAX
        if size > limit:
            self.found(path, 1, "size", f"{size} bytes, limit is {limit}")
        if path.startswith(("tests/golden/", "tests/fuzz/corpus/")):
            return
        data = (self.root / path).read_bytes()
        if b"\0" in data:
            return
        self.texts[path] = data.decode(errors="replace")
        self.check_text(path)
        if path.endswith((".c", ".h")):
            self.check_c(path)

    def check_text(self, path):
        lines = self.lines(path)
        is_script = lines[0].startswith("#!")
        is_source = is_script or path.endswith(NEEDS_SPDX) or path.endswith("CMakeLists.txt")
        if is_source and SPDX not in lines[1 if is_script and len(lines) > 1 else 0]:
            self.found(path, 1, "spdx", f"no {SPDX}")
        for at, line in enumerate(lines, 1):
            if MARKS.search(line):
                self.found(path, at, "mark", "unfinished work has no place here")
            if MACHINE_PATHS.search(line):
                self.found(path, at, "path", "a path of one machine")

    def check_c(self, path):
        code = strip(self.texts[path]).split("\n")
        self.check_head(path)
        self.check_comments(path)
        self.check_includes(path)
        self.check_calls(path, code)
        self.check_functions(path, code)

    def check_head(self, path):
        lines = self.lines(path)
        head = re.sub(r"^/\* SPDX[^\n]*\n", "", self.texts[path])
        opening = re.match(r"\s*/\*(.*?)\*/", head, flags=re.S)
        if not opening or not re.search(r"\w{2}", opening.group(1)):
            self.found(path, 1, "head", "no paragraph that says what the file is")
        if path.endswith(".h") and "#pragma once" not in lines:
            self.found(path, 1, "once", "no #pragma once")

    def check_comments(self, path):
        text = re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'',
                      lambda match: re.sub(r"[^\n]", " ", match.group(0)), self.texts[path], flags=re.S)
        for at, line in enumerate(text.split("\n"), 1):
            if "//" in line:
                self.found(path, at, "comment", "a // comment")

    def check_includes(self, path):
        room = room_of(path)
        for at, line in enumerate(self.lines(path), 1):
            include = INCLUDE.match(line)
            if not include or EXCUSE.search(line):
                continue
            kind, name = include.groups()
            if kind == "<":
                self.note_library(path, at, name)
            elif room and not self.may_include(room, name):
                self.found(path, at, "layer", f"{room} may not include {name}")

    def may_include(self, room, name):
        there = room_of(name)
        if there is None:  # generated into the build folder, or not from the root
            return "/" not in name and not (self.root / room / name).is_file()
        return there == room or there in ROOMS[room] or name in ROOMS[room]

    def note_library(self, path, line, name):
        if path.startswith("tests/"):
            return
        for library, pattern in LIBRARIES.items():
            if re.fullmatch(pattern, name):
                self.includers[library].append((path, line))

    def check_includers(self):
        for library, places in self.includers.items():
            files = sorted({path for path, _ in places})
            for path, line in places:
                if path.endswith(".h"):
                    self.found(path, line, "library", f"{library} in a header")
                elif library == "cmocka":
                    self.found(path, line, "library", "cmocka outside tests/")
                elif path != files[0]:
                    self.found(path, line, "library", f"{library} is already included by {files[0]}")

    def check_calls(self, path, code):
        is_test = path.startswith("tests/")
        rules = []
        if not is_test:  # the sanitizers watch those
            rules = [(re.compile(rf"(?<![\w.>]){call}\s*\("), "banned", f"{call}: {why}")
                     for call, why in BANNED.items()]
            rules.append((re.compile(r"^\s*typedef\b"), "typedef", "structs and enums keep their tags"))
        if not is_test and not path.endswith("main.c"):
            rules.append((EXIT, "banned", "exit outside main.c"))
        if not path.startswith(("tests/", "client/")):
            rules.append((STDOUT, "banned", "stdout belongs to the client"))
        if path.startswith("scorer/metric/"):
            rules.append((PURE, "pure", "metrics do no I/O, clock, malloc or log"))
        for at, line in enumerate(code, 1):
            for pattern, rule, text in rules:
                if pattern.search(line):
                    self.found(path, at, rule, text)

    def check_functions(self, path, code):
        for name, line, length in functions(code):
            limit = MAIN_LINES_MAX if name == "main" else LINES_MAX
            if length > limit:
                self.found(path, line, "length", f"{name} has {length} lines, limit is {limit}")
            elif length > LINES_WARN:
                self.warnings.append(f"{path}:{line}: look again: {name} has {length} lines")

    def check_headers(self, compiler):
        """Every header of the project compiles alone."""
        flags = ["-std=c17", "-D_GNU_SOURCE", '-DASSAY_VERSION="0"', "-Wall", "-Werror", "-I", self.root]
        for path in self.texts:
            if path.endswith(".h") and room_of(path):
                done = subprocess.run([*compiler, *flags, "-fsyntax-only", "-include", self.root / path,
                                       "-x", "c", "/dev/null"], capture_output=True, text=True)
                if done.returncode != 0:
                    self.found(path, 1, "alone", done.stderr.strip().split("\n")[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("root", nargs="?", default=pathlib.Path(__file__).resolve().parents[2])
    parser.add_argument("--cc", default="cc", help="the compiler that checks headers (cc)")
    parser.add_argument("--warn", action="store_true", help=f"also list functions over {LINES_WARN} lines")
    options = parser.parse_args()
    tidy = Tidy(options.root)
    tidy.check()
    tidy.check_headers([options.cc])
    for line in tidy.findings + (tidy.warnings if options.warn else []):
        print(line)
    print(f"tidy: {len(tidy.texts)} files, {len(tidy.findings)} findings, "
          f"{len(tidy.warnings)} functions over {LINES_WARN} lines", file=sys.stderr)
    return 1 if tidy.findings else 0


if __name__ == "__main__":
    sys.exit(main())
