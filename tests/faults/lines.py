# SPDX-License-Identifier: Apache-2.0
"""Breaks lines of the product that are drawn at random, each by itself, and lists those that no test notices.

A line is broken as a hand slips: a call or an assignment is left out, what is asked is answered the other way round, a
comparison or a number is off by one. All that were drawn are in one program, of which CF_HALF breaks one, as in
halves.py; a line is tried with the suites in C that come by it, then with what the faults of its file and folder name."""

import concurrent.futures
import os
import random
import re
import subprocess
import tempfile
import time
from pathlib import Path

import halves
from faults import Rotten, read_faults
from trials import LONG, ROOT

SECONDS_OF_A_LINE = 240
SKIPPED = 77  # what a test ends with that was not run
AREAS = ("codec", "broker", "peer")
# What only tells, or ends: nothing of it is done otherwise.
TELLS = re.compile(r"\bcf_(?:log|print|say|explain)\w*\(|\bcf_error_\w+\(|\bcf_fail\(|_(?:release|destroy|free|close|wipe)\(|\bclose_\w+\(|\bfree\(|\bprintf\(|"
                   r"^\(void\)|^if \(!?status\)|^(?:goto|case|default|break)\b|^return(?: status| error)?\s*;")
NUMBER = r"(?:const )?(?:size_t|uint\d+_t|int\d+_t|int|unsigned|off_t)"
DECLARED = re.compile(r"(?:(?:const|static|struct|enum|union|unsigned|extern|typedef)\s+)*\w+\s*(?:\([^;]*\)\s*)?[\s*]+(?:const\s+)?\w+\s*(?:[=;,\[(:]|$)")
COMPARED = re.compile(r"(?<![-<>=])([<>])(?![<>])(=?)")
OTHER = {"<": "<=", ">": ">=", "<=": "<", ">=": ">"}


class Line:
    """One way to break one line: `texts` are [(where, order there, text)], %d the number of this one."""

    def __init__(self, file, text, start, how, texts):
        self.file, self.how, self.texts = file, how, texts
        self.line = text.count("\n", 0, start) + 1
        self.said = " ".join(text[start : text.find("\n", start)].split())
        self.number = None

    def inserts(self):
        return [(place, order, text.replace("%d", str(self.number))) for place, order, text in self.texts]

    def __str__(self):
        return f"{self.file}:{self.line}: {self.how}: {self.said}"


def around(start, end, before, after):
    return [(start, (1, -end), before), (end, (0, -start), after)]


def statements(code):
    """Where those of functions begin: the line before is at its end, or asks."""
    ended = False
    for found in re.finditer(r"^[ \t]*([^\n]*?)[ \t]*$", code, re.MULTILINE):
        line = found[1]
        if not line:
            continue
        if ended and found.start(1) > found.start() and re.match(r"[A-Za-z_*(]", line):
            yield found.start(1)
        ended = line[-1] in ";{}:" or re.search(r"^(?:\} )?(?:else|do)$", line) or asks(code, found)


def asks(code, found):
    """Whether a line is the last one of an if, a loop or a switch."""
    if found[1][-1] != ")":
        return False
    depth, at = 0, found.end(1)
    while at > 0:
        at -= 1
        depth += (code[at] == ")") - (code[at] == "(")
        if not depth:
            break
    return re.search(r"\b(?:if|while|for|switch|for_each\w*)\s*$", code[max(0, at - 20) : at]) is not None


def end_of(code, start):
    """Of the statement that begins here: its semicolon; -1 where a block begins, or it is none."""
    at = start
    while at < len(code):
        if code[at] in "([":
            at = halves.closing(code, at)
        elif code[at] in "{})]":
            return -1
        elif code[at] == ";":
            return at
        at += 1
    return -1


def returns(code, start):
    """What the function returns that this place is in."""
    heads = list(re.finditer(r"^(?:static )?(?:inline )?([\w ]+?[ *]+)\w+\([^;]*?\)\n\{", code[:start], re.MULTILINE))
    return heads[-1][1].strip() if heads else ""


def off_by_one(file, text, code, start, first, last):
    """Each comparison of numbers within."""
    for begin, end in halves.expressions(code, first, last):
        for either in halves.operands(code, begin, end, "||"):
            for part in halves.operands(code, *either, "&&"):
                flat = re.sub(r"\([^()]*\)", lambda found: "_" * len(found[0]), code[slice(*part)])
                compared = list(COMPARED.finditer(flat))
                if len(compared) != 1 or "(" in flat:
                    continue
                operator = compared[0][1] + compared[0][2]
                piece = text[slice(*part)]
                other = piece[: compared[0].start()] + OTHER[operator] + piece[compared[0].end() :]
                yield Line(file, text, start, f"{operator} is {OTHER[operator]}",
                           around(*part, f"(half(%d) ? ({other}) : (", "))"))


def is_filled_in(code, start, end):
    """What is declared is handed to a call that fills it in before anything reads it."""
    name = re.search(r"(\w+) = (?:0|false|true)$", code[start:end])
    used = name and re.search(rf"(&)?\b{name[1]}\b", code[end:])
    return bool(used and used[1])


def ways_to_break(file, text, code, start):
    if TELLS.match(code[start : code.find("\n", start)]):
        return
    asked = re.compile(r"(if|while)\s*\(").match(code, start)
    looped = re.compile(r"for\s*\(").match(code, start)
    if asked or looped:
        first = (asked or looped).end() - 1
        last = halves.closing(code, first)
        if asked:
            yield Line(file, text, start, "the other way round", around(first + 1, last, "half(%d) != !!(", ")"))
        yield from off_by_one(file, text, code, start, first + 1, last)
        return
    end = end_of(code, start)
    if end < 0 or TELLS.search(code[start : end + 1]):
        return
    returned = re.compile(r"return\b").match(code, start)
    if returned:
        type_ = returns(code, start)
        if type_.endswith("bool"):
            yield Line(file, text, start, "the other way round", around(returned.end(), end, " half(%d) != !!(", ")"))
        elif re.search(rf"\b{NUMBER}$", type_):
            yield Line(file, text, start, "one more", around(returned.end(), end, " half(%d) + (", ")"))
        yield from off_by_one(file, text, code, start, returned.end(), end)
        return
    declared = re.compile(rf"(?:const )?(?:bool|{NUMBER}) \w+ = ").match(code, start)
    if declared and is_filled_in(code, start, end):
        return
    if declared and "," not in re.sub(r"\([^()]*\)", "", code[declared.end() : end]):
        if "bool " in declared[0]:
            yield Line(file, text, start, "the other way round", around(declared.end(), end, "half(%d) != !!(", ")"))
        else:
            yield Line(file, text, start, "one more", around(declared.end(), end, "half(%d) + (", ")"))
        return
    if not DECLARED.match(code, start) or re.match(r"\w+\s*\(", code[start:]):
        yield Line(file, text, start, "left out", around(start, end + 1, "{ if (!half(%d)) ", " }"))


def drawable(files):
    """[[each way to break a line] of each line] of these, or of the product."""
    for file in files or sorted(str(path.relative_to(ROOT)) for area in AREAS for path in (ROOT / area).rglob("*.c")):
        text = (ROOT / file).read_text()
        code = halves.blanked(text)
        for start in statements(code):
            ways = list(ways_to_break(file, text, code, start))
            if ways:
                yield ways


def compiles(build, line):
    """Whether the changed line does by itself."""
    text = (ROOT / line.file).read_text()
    line.number = 0
    made = next((output for output in sorted(build.outputs_from(line.file)) if output.endswith(".o")), None)
    if not made:
        return False
    with tempfile.NamedTemporaryFile("w", suffix=".c") as changed:
        changed.write(halves.instrumented(line.file, text, [line], 1))
        changed.flush()
        words = build.commands[made].split(" ")
        words = [changed.name if word == str(ROOT / line.file) else word for word in words[: words.index("-o")]]
        command = " ".join([*words, "-w", "-fsyntax-only", "-x", "c", changed.name])
        return subprocess.run(["sh", "-c", command], cwd=build.folder, capture_output=True, check=False).returncode == 0


def drawn(build, count, seed, files):
    """So many, no two in one line, each with one way to break it, by this seed."""
    chance = random.Random(seed)
    lines = list(drawable(files))
    if len(lines) < count:
        raise Rotten(f"there are {len(lines)} lines to break there")
    chance.shuffle(lines)
    chosen = []
    for ways in lines:
        line = chance.choice(ways)
        if compiles(build, line):
            chosen.append(line)
        if len(chosen) == count:
            break
    return chosen


def named_by_faults(line, faults, build):
    """What is no suite in C: the tests that the faults of its file name, then of its folder, most often named first."""
    found = {}
    for weight, beside in ((1000, lambda file: file == line.file),
                           (1, lambda file: Path(file).parent == Path(line.file).parent)):
        for fault in faults:
            for test in fault.tests if beside(fault.file) else ():
                found[test] = found.get(test, 0) + weight
    return sorted((test for test in found if test in build.tests and not test.startswith(LONG)), key=lambda test: -found[test])


def is_in(line, fault):
    """Whether the fault takes out, or changes, this line."""
    text = (ROOT / line.file).read_text() if fault.file == line.file else ""
    start = text.find(fault.old) if text else -1
    return start >= 0 and 0 <= line.line - 1 - text.count("\n", 0, start) <= fault.old.rstrip("\n").count("\n")


def order_of(it, line, faults):
    """What faults of this very line name; the fast suites in C that come by it, first those that faults of its file
    name; then what else these name, and those of its folder."""
    known = [test for fault in faults if is_in(line, fault) for test in fault.tests if test in it.build.tests]
    named = named_by_faults(line, faults, it.build)
    suites = it.tests_of(line)
    near = [test for test in named if test in suites]
    others = [test for test in named if test not in it.seconds]
    return list(dict.fromkeys([*known, *near, *suites, *others]))


def outcome_of(it, line, tests, seconds):
    end, tried = time.monotonic() + seconds, 0
    for test in tests:
        if time.monotonic() > end:
            break
        if not it.trial.make_for(test):
            continue
        tried += 1
        usual = it.seconds.get(test)
        code = it.trial.run(test, 30 + 10 * usual if usual else None, {"CF_HALF": str(line.number)})
        if code not in (0, SKIPPED):
            return f"caught by {test}{' (it hangs)' if code == 'timeout' else ''}"
    if tried < len(tests):
        return f"undecided: {tried} tests of {len(tests)} in {seconds:.0f} s"
    return f"SURVIVED {tried} tests"


def campaign(build, options):
    faults = read_faults()
    lines = drawn(build, options.lines, options.seed, options.names)
    if options.suites == "none":
        print(*lines, sep="\n")
        return 0
    with tempfile.TemporaryDirectory(prefix="lines.") as scratch:
        os.chmod(scratch, 0o755)
        it = halves.Campaign(build, lines, {}, Path(scratch))
        it.prepare(options.suites, True)

        def one(line):
            outcome = outcome_of(it, line, order_of(it, line, faults), options.seconds or SECONDS_OF_A_LINE)
            print(f"{line}: {outcome}", flush=True)
            return outcome

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            outcomes = list(pool.map(one, lines))
    survived = sum(outcome.startswith("SURVIVED") for outcome in outcomes)
    undecided = sum(outcome.startswith("undecided") for outcome in outcomes)
    print(f"{len(outcomes)} lines of seed {options.seed}: {len(outcomes) - survived - undecided} caught, "
          f"{survived} survived, {undecided} undecided")
    return 1 if survived or undecided else 0
