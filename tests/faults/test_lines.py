# SPDX-License-Identifier: Apache-2.0
"""The lines that lines.py finds, and what becomes of the program when one of them is broken."""

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import halves
import lines

SOURCE = """
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
typedef struct {
    int at;
} place;
static const int limit = 3;
static bool is_small(int a)
{
    /* a note; with a semicolon */
    return a < limit;
}
static int twice(int a)
{
    const int begin = a;
    place here = {
        .at = begin,
    };

    here.at = begin +
              a;
    if (a > 100 &&
        is_small(a))
        puts("never");
    for (int i = 0; i < a; i++)
        if (i == 50)
            break;
        else
            continue;
    return here.at;
}
int main(int count, char **words)
{
    int given = 0;
    sscanf(words[1], "%d", &given);
    (void)count;
    printf("%d %d", is_small(given), twice(given));
    return 0;
}
"""


def found():
    code = halves.blanked(SOURCE)
    return [way for start in lines.statements(code) for way in lines.ways_to_break("x.c", SOURCE, code, start)]


def test_lines_that_do_something_are_found_with_each_way_to_break_them():
    assert [(line.line, line.how) for line in found()] == [
        (12, "the other way round"), (12, "< is <="), (16, "one more"), (21, "left out"),
        (23, "the other way round"), (23, "> is >="), (25, "left out"), (26, "< is <="), (27, "the other way round"),
        (30, "left out"), (31, "one more"), (36, "left out"), (39, "one more"),
    ]


def test_the_line_that_is_chosen_is_broken(tmp_path):
    all_lines = found()
    for number, line in enumerate(all_lines):
        line.number = number
    (tmp_path / "x.c").write_text(halves.instrumented("x.c", SOURCE, all_lines, len(all_lines)))
    subprocess.run(["cc", "-DNDEBUG", "-w", "-o", tmp_path / "x", tmp_path / "x.c"], check=True)

    def says(given, broken=None):
        environment = {**os.environ, **({} if broken is None else {"CF_HALF": str(broken)})}
        return subprocess.run([tmp_path / "x", given], env=environment, capture_output=True, text=True, check=True).stdout

    assert says("3") == "0 6" and says("2") == "1 4"
    assert says("3", 0) == "1 6", "answered the other way round"
    assert says("3", 1) == "1 6" and says("2", 1) == "1 4", "3 is small, too"
    assert says("3", 2) == "0 7", "one more than it is"
    assert says("3", 3) == "0 3", "left out: what was before"
    assert says("3", 4) == "never\n0 6"
    assert says("3", 10) == "0 7"


def test_a_seed_draws_the_same_lines(monkeypatch):
    monkeypatch.setattr(lines, "compiles", lambda build, line: True)
    files = ["codec/base32.c", "codec/pack.c"]

    def said(seed):
        return [str(line) for line in lines.drawn(None, 5, seed, files)]

    assert said("a") == said("a") != said("b")


def test_what_holds_the_very_line_is_tried_first(monkeypatch):
    """A fault of two lines further on, or of another file, says nothing of it."""
    text = "int a;\n    one();\n    two();\n    three();\n"

    class Root:
        def __truediv__(self, name):
            return self

        def read_text(self):
            return text

    def fault(file, old):
        return type("Fault", (), {"file": file, "old": old})

    monkeypatch.setattr(lines, "ROOT", Root())
    line = lines.Line("x.c", text, text.index("two"), "left out", [])
    assert [lines.is_in(line, fault(*of)) for of in (
        ("x.c", "    two();\n"), ("x.c", "    one();\n    two();"), ("x.c", "one();\n"), ("x.c", "    three();\n"),
        ("y.c", "    two();\n"), ("x.c", "four();"))] == [True, True, False, False, False, False]
