# SPDX-License-Identifier: Apache-2.0
"""The sides of && and || that halves.py finds, and what becomes of the program when one of them is dropped."""

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import halves

SOURCE = """
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#define BOTH(a, b) ((a) && (b)) /* no && of a macro */
static int judge(int a, int b, int c)
{
    const char *text = "x && y"; // nor || of a comment
    assert(a && b);
    if (a && (b || c == '|'))
        return text[0] == 'x' ? 1 : a && b;
    for (int i = 0; i < a && !b; i++)
        c |= b;
    return c && !a;
}
int main(int count, char **words)
{
    (void)count;
    printf("%d", judge(atoi(words[1]), atoi(words[2]), atoi(words[3])));
}
"""


def test_each_file_that_decides_is_there():
    """A renamed one was not looked at for weeks, and nobody noticed."""
    assert not [name for name in (*halves.DECIDING, *halves.CARRYING) if not (halves.ROOT / name).exists()]


def test_each_file_with_the_name_of_one_that_decides_is_among_them():
    called = {str(path.relative_to(halves.ROOT)) for room in ("codec", "broker", "peer") for path in (halves.ROOT / room).rglob("*.c")
              if halves.NAMES_OF_DECIDING.search(path.name)}
    assert called - set(halves.deciding(None)) == set(halves.CARRYING)


def test_each_side_is_found_once():
    found = [(half.line, half.operand, half.operator) for half in halves.halves_in("x.c", SOURCE)]
    assert found == [
        (10, "a", "&&"), (10, "(b || c == '|')", "&&"), (10, "b", "||"), (10, "c == '|'", "||"),
        (11, "a", "&&"), (11, "b", "&&"), (12, "i < a", "&&"), (12, "!b", "&&"), (14, "c", "&&"), (14, "!a", "&&"),
    ]


def test_the_side_that_is_chosen_is_dropped_and_what_was_come_by_is_noted(tmp_path):
    found = halves.halves_in("x.c", SOURCE)
    for number, half in enumerate(found):
        half.number = number
    (tmp_path / "x.c").write_text(halves.instrumented("x.c", SOURCE, found, len(found)))
    subprocess.run(["cc", "-DNDEBUG", "-w", "-o", tmp_path / "x", tmp_path / "x.c"], check=True)
    seen = tmp_path / "seen"

    def judged(*words, **environment):
        return subprocess.run([tmp_path / "x", *words], env={**os.environ, **environment}, capture_output=True, text=True,
                              check=True).stdout

    assert judged("0", "1", "1") == "1" and judged("0", "1", "0") == "0" and judged("1", "0", "0") == "0"
    assert judged("0", "1", "0", CF_HALF="0") == "1", "without a, b is enough"
    assert judged("1", "0", "0", CF_HALF="1") == "1", "without what stands in the brackets, a is"
    assert judged("1", "1", "0", CF_HALF="2") == "0", "without b, c must be"
    assert judged("0", "1", "0", CF_HALF="8") == "1" and judged("1", "0", "1", CF_HALF="9") == "1"
    seen.write_bytes(bytes(len(found)))
    judged("0", "1", "0", CF_HALVES_SEEN=str(seen))
    assert [number for number, byte in enumerate(seen.read_bytes()) if byte] == [0, 6, 8]
