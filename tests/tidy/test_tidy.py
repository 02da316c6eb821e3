#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Plants each violation in a small clean tree and expects tidy to name it, and nothing else."""
import pathlib
import tempfile
import unittest

import tidy

HEAD = "/* SPDX-License-Identifier: MIT */\n/*\n * What the file is.\n */\n"
CLEAN = {
    "common/thing.h": HEAD + "#pragma once\n\n#include <stdint.h>\n\nint32_t thing_make(int32_t seed);\n",
    "common/thing.c": HEAD + '#include "common/thing.h"\n\n#include <stdio.h>\n\n#include <zmq.h>\n\n'
    "int32_t thing_make(int32_t seed)\n{\n    return seed; /* not // a comment */\n}\n",
    "client/main.c": HEAD + '#include <stdio.h>\n\n#include "common/thing.h"\n\nint main(void)\n{\n'
    '    puts("printf(x) // strcpy(a, b)");\n    return thing_make(1);\n}\n',
    "tests/unit/test_thing.c": HEAD + "#include <cmocka.h>\n\n#include <zmq.h>\n",
}


def body(name, lines):
    """A function of that many lines, signature and braces included."""
    return f"int {name}(void)\n{{\n" + "    ;\n" * (lines - 4) + "    return 0;\n}\n"


# name, file, what is put at its end (or, with \0 before it, its whole text), the rule that must bite
PLANTED = [
    ("long function", "common/thing.c", body("thing_long", 71), "length"),
    ("long behind a table", "common/thing.c",
     "int f(void)\n{\n    int a[] = {\n        1,\n    };\n" + "    ;\n" * 66 + "}\n", "length"),
    ("long main", "client/main.c", "\0" + HEAD + body("main", 41), "length"),
    ("strcpy", "common/thing.c", "void f(char *a)\n{\n    strcpy(a, a);\n}\n", "banned"),
    ("sprintf", "common/thing.c", "void f(char *a)\n{\n    sprintf(a, a);\n}\n", "banned"),
    ("system", "client/main.c", "int f(void)\n{\n    return system(NULL);\n}\n", "banned"),
    ("printf in a room", "common/thing.c", "void f(void)\n{\n    printf(\"x\");\n}\n", "banned"),
    ("fputs to stdout", "common/thing.c", "void f(void)\n{\n    fputs(\"x\", stdout);\n}\n", "banned"),
    ("exit in a room", "common/thing.c", "void f(void)\n{\n    exit(1);\n}\n", "banned"),
    ("malloc in a metric", "scorer/metric/top.c", "\0" + HEAD + "void f(void)\n{\n    malloc(1);\n}\n", "pure"),
    ("typedef", "common/thing.c", "typedef int number;\n", "typedef"),
    ("second includer", "schemas/wire.c", "\0" + HEAD + "#include <zmq.h>\n", "library"),
    ("library in a header", "common/more.h", "\0" + HEAD + "#pragma once\n#include <yaml.h>\n", "library"),
    ("cmocka in a room", "common/thing.c", "#include <cmocka.h>\n", "library"),
    ("upwards", "common/thing.c", '#include "schemas/wire.h"\n', "layer"),
    ("sideways", "broker/queue/job.c", "\0" + HEAD + '#include "scorer/data/rows.h"\n', "layer"),
    ("sideways, the other way", "scorer/data/rows.c", "\0" + HEAD + '#include "broker/queue/job.h"\n', "layer"),
    ("not from the root", "common/more.c", "\0" + HEAD + '#include "thing.h"\n', "layer"),
    ("gateway and store", "broker/gateway/web.c", "\0" + HEAD + '#include "broker/store/store.h"\n', "layer"),
    ("no SPDX", "common/more.c", "\0/*\n * What the file is.\n */\n", "spdx"),
    ("no SPDX in a script", "run", "\0#!/bin/sh\necho\n", "spdx"),
    ("no paragraph", "common/more.c", "\0/* SPDX-License-Identifier: MIT */\nint x;\n", "head"),
    ("no pragma once", "common/more.h", "\0" + HEAD, "once"),
    ("line comment", "common/thing.c", "int x; // here\n", "comment"),
    ("mark", "docs/GUIDE.md", "\0later: TO" "DO\n", "mark"),
    ("machine path", "docs/GUIDE.md", "\0see /root" "/notes\n", "path"),
    ("large file", "docs/large.bin", "\0" + "x" * ((1 << 20) + 1), "size"),
    ("header not alone", "common/more.h", "\0" + HEAD + "#pragma once\n\nsize_t more(void);\n", "alone"),
]

# What looks like a violation and is none.
INNOCENT = [
    ("excused", "common/thing.c", "typedef int number; /* tidy: a callback's type */\n"),
    ("longest function", "common/thing.c", body("thing_long", 70)),
    ("excused in a script", "run", f"\0#!/bin/sh\n# {tidy.SPDX}\nls /root" "/x # tidy: an example\n"),
    ("long table", "common/thing.c",
     "int f(void)\n{\n    int a[] = {\n" + "        1,\n" * 90 + "    };\n    return a[0];\n}\n"),
    ("sprintf in a test", "tests/unit/test_thing.c", "void f(char *a)\n{\n    sprintf(a, a);\n}\n"),
    ("in a string", "common/thing.c", 'const char *s = "strcpy(a, b) // \\" exit(1)";\n'),
    ("in a comment", "common/thing.c", "/* typedef: strcpy(a, b), see http://example.org */\n"),
    ("a member", "common/thing.c", "void f(struct s *s)\n{\n    s->exit(1);\n    s->system(2);\n}\n"),
    ("longer name", "common/thing.c", "void f(void)\n{\n    my_exit(1);\n    snprintf(a, 1, b);\n}\n"),
    ("mkstemp", "tests/unit/test_thing.c", 'char t[] = "/tmp/x-XX' 'XXXX";\n'),
    ("golden data", "tests/golden/big.csv", "\0" + "x" * ((1 << 20) + 1)),
]


class TidyTest(unittest.TestCase):
    def rules(self, path=None, text=""):
        """The rules that bite when `text` is planted in `path` of the clean tree."""
        with tempfile.TemporaryDirectory() as root:
            for name, clean in CLEAN.items():
                self.write(root, name, clean)
            if path:
                self.write(root, path, text[1:] if text[0] == "\0" else CLEAN[path] + text)
            checker = tidy.Tidy(root)
            checker.check()
            checker.check_headers(["cc"])
            return {line.split(": ")[1] for line in checker.findings}

    @staticmethod
    def write(root, name, text):
        path = pathlib.Path(root) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def test_clean_tree(self):
        self.assertEqual(self.rules(), set())

    def test_planted(self):
        for name, path, text, rule in PLANTED:
            with self.subTest(name):
                self.assertEqual(self.rules(path, text), {rule})

    def test_innocent(self):
        for name, path, text in INNOCENT:
            with self.subTest(name):
                self.assertEqual(self.rules(path, text), set())

    def test_functions(self):
        code = "#define X 1\nstatic int\none(int a,\n    int b)\n{\n}\n\nstruct s {\n    int a;\n};\nint two(void)\n{\n    ;\n}"
        found = list(tidy.functions(code.split("\n")))
        self.assertEqual(found, [("one", 2, 5), ("two", 11, 4)])


if __name__ == "__main__":
    unittest.main()
