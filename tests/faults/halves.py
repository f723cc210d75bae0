# SPDX-License-Identifier: Apache-2.0
"""Drops one side of each && and || of the files that decide, and lists what no test notices.

All sides of a file are in one program, of which CF_HALF chooses the one that is dropped: `a && b` is compiled as
`(half(1) || (a)) && (half(2) || (b))`, `a || b` as `(!half(3) && (a)) || (!half(4) && (b))`. So each file is compiled
once, and each test linked once; each suite in C runs once to learn which sides it comes by, and each side is tried with
these only, the quickest first."""

import concurrent.futures
import os
import random
import re
import tempfile
import time
import tomllib
from pathlib import Path

from faults import Rotten
from trials import LONG, PROGRAMS, ROOT, Trial, property_of

# The files that decide; of a folder, all.
DECIDING = ("broker/leases", "broker/log/acceptance.c", "broker/management", "broker/members/registry.c",
            "broker/members/registry_epochs.c", "broker/members/registry_nodes.c", "broker/members/registry_validity.c",
            "peer/bindings/binding_guard.c", "peer/bindings/guard.c", "peer/merge", "peer/records/list_merge.c",
            "peer/records/record_claims.c", "peer/records/record_exclude.c", "peer/records/record_family.c",
            "peer/records/record_give_way.c", "peer/records/record_resolve.c", "peer/records/record_stand.c",
            "peer/records/record_when.c", "peer/records/row_alike.c", "peer/records/row_same.c",
            "peer/sources/context/lock_guard.c", "peer/sources/files/apply_guard.c", "peer/sources/files/older_copy.c",
            "peer/sources/records/database_undone.c", "peer/sources/records/record_cleared.c")
# By their names such files decide; these carry out, or carry along.
NAMES_OF_DECIDING = re.compile(r"acceptance|guard|judge|plan|merge|leases|registry")
CARRYING = ("broker/link/link_leases.c", "broker/wire/connect_guard.c", "broker/wire/inflow_guard.c",
            "peer/sources/files/files_source_merge.c")
SECONDS_MAX = 60  # of a suite: what takes longer is not tried
QUICK_SECONDS = 5  # of all suites that are tried first
SAID_EACH = 50  # halves that were tried

PROLOGUE = """
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
static int half_now = -1;
static char *half_seen;
static __attribute__((constructor)) void half_begin(void)
{
    const char *now = getenv("CF_HALF"), *seen = getenv("CF_HALVES_SEEN");
    int file = seen ? open(seen, O_RDWR | O_CLOEXEC) : -1;
    if (now)
        half_now = atoi(now);
    if (file >= 0) {
        half_seen = mmap(NULL, HALF_COUNT, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (half_seen == MAP_FAILED)
            half_seen = NULL;
        close(file);
    }
}
static inline int half(int number)
{
    if (half_seen)
        half_seen[number] = 1;
    return number == half_now;
}
"""

SKIPPED = re.compile(r"""/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|^[ \t]*\#(?:\\\n|[^\n])*""",
                     re.DOTALL | re.MULTILINE)
ASSERTS = re.compile(r"\b(?:assert|static_assert|_Static_assert)\s*\(")
# What an expression doesn't go beyond.
ENDS = re.compile(r"[,;?:{}]|(?<![=!<>])=(?!=)|\b(?:return|case|else|do|goto)\b")


class Half:
    def __init__(self, file, text, operator, start, end):
        self.file, self.operator, self.start, self.end = file, operator, start, end
        self.line = text.count("\n", 0, start) + 1
        self.operand = " ".join(text[start:end].split())
        self.number = None

    def inserts(self):
        """[(where, order there, text)] that drop it when it is chosen."""
        before = f"(half({self.number}) || (" if self.operator == "&&" else f"(!half({self.number}) && ("
        return [(self.start, (1, -self.end), before), (self.end, (0, -self.start), "))")]

    def __str__(self):
        return f"{self.file}:{self.line}: without {self.operand} ({self.operator})"


def blanked(text):
    """The same places, without what is no code, and without what is only compiled with asserts."""
    def blank(found):
        return re.sub(r"[^\n]", "x" if found[0][0] in "\"'" else " ", found[0])

    text = SKIPPED.sub(blank, text)
    for found in reversed(list(ASSERTS.finditer(text))):
        end = closing(text, found.end() - 1) + 1
        text = text[: found.start()] + re.sub(r"[^\n]", " ", text[found.start() : end]) + text[end:]
    return text


def closing(text, at):
    """Where the bracket at this place is closed."""
    depth = 0
    for place in range(at, len(text)):
        depth += (text[place] in "([{") - (text[place] in ")]}")
        if not depth:
            return place
    return len(text)


def expressions(code, start, end):
    """[(start, end)] of those at this level of brackets, and of those within its brackets."""
    found, inner, begin, at = [], [], start, start
    while at < end:
        if code[at] in "([{":
            close = closing(code, at)
            inner.append((at + 1, close))
            if code[at] == "{":
                found.append((begin, at))
                begin = close + 1
            at = close + 1
            continue
        stop = ENDS.match(code, at)
        if stop and (at == 0 or not (code[at].isalpha() and (code[at - 1].isalnum() or code[at - 1] == "_"))):
            found.append((begin, at))
            at = begin = stop.end()
        else:
            at += 1
    found.append((begin, end))
    for place in inner:
        found += expressions(code, *place)
    return found


def operands(code, start, end, operator):
    """[(start, end)] of what stands between these operators, outside of brackets."""
    parts, begin, at = [], start, start
    while at < end:
        if code[at] in "([{":
            at = closing(code, at) + 1
        elif code.startswith(operator, at, end):
            parts.append((begin, at))
            at = begin = at + 2
        else:
            at += 1
    return parts + [(begin, end)]


def halves_in(file, text):
    code = blanked(text)
    found = []

    def add(start, end, operator):
        size = len(code[start:end])
        start += size - len(code[start:end].lstrip())
        end -= len(code[start:end]) - len(code[start:end].rstrip())
        found.append(Half(file, text, operator, start, end))

    for start, end in expressions(code, 0, len(code)):
        either = operands(code, start, end, "||")
        for part in either:
            if len(either) > 1:
                add(*part, "||")
            both = operands(code, *part, "&&")
            for each in both:
                if len(both) > 1:
                    add(*each, "&&")
    return sorted(found, key=lambda half: (half.start, -half.end))


def instrumented(file, text, halves, count):
    inserts = [each for half in halves for each in half.inserts()]
    parts, last = [f"#define HALF_COUNT {count}", PROLOGUE, f'#line 1 "{ROOT / file}"\n'], 0
    for place, _, insert in sorted(inserts, key=lambda each: each[:2]):
        parts += [text[last:place], insert]
        last = place
    return "".join(parts) + text[last:]


def known():
    """What nobody can notice, or needn't: {(file, operand, count from 1 of these in the file): why}."""
    with open(ROOT / "tests/faults/halves.toml", "rb") as file:
        tables = tomllib.load(file).get("half", [])
    return {(table["file"], table["without"], table.get("nth", 1)): table["why"] for table in tables}


def deciding(files):
    for file in files or sorted(str(file.relative_to(ROOT)) for name in DECIDING
                                for file in (ROOT.glob(f"{name}/*.c") if (ROOT / name).is_dir() else [ROOT / name])):
        if not (ROOT / file).is_file():
            raise Rotten(f"there is no file {file}")
        yield file


def named(halves):
    """{(file, operand, nth): half}"""
    names, counts = {}, {}
    for half in halves:
        key = (half.file, half.operand)
        counts[key] = counts.get(key, 0) + 1
        names[(*key, counts[key])] = half
    return names


def check():
    """Each that is known to survive is in its file."""
    there = named(half for file in deciding(None) for half in halves_in(file, (ROOT / file).read_text()))
    gone = [f"{file}: there is no half {operand} (nth = {nth})" for file, operand, nth in known()
            if (file, operand, nth) not in there]
    if gone:
        raise Rotten("\n".join(gone))


class Campaign:
    def __init__(self, build, halves, left_out, scratch):
        self.build, self.scratch = build, scratch
        self.halves, self.left_out = halves, left_out
        self.texts = {half.file: (ROOT / half.file).read_text() for half in halves}
        for number, half in enumerate(self.halves):
            half.number = number
        self.seconds, self.seen = {}, {}

    def prepare(self, suites, only_fast=False):
        """Compiles, links, and learns what each suite comes by whose name matches."""
        sources = {file: instrumented(file, text, [half for half in self.halves if half.file == file], len(self.halves))
                   for file, text in self.texts.items()}
        trial = self.trial = Trial(self.build, sources, self.scratch)
        tests = [test for test in self.build.tests_of(trial.affected)
                 if not test.startswith(LONG + PROGRAMS) and self.is_in_c(test) and re.search(suites, test) and
                 (not only_fast or self.is_fast(test))]
        print(f"{len(self.halves)} places in {len(self.texts)} files: makes the programs of {len(tests)} suites", flush=True)
        self.build.bring_up_to_date(set().union(*map(self.build.programs_of, tests)), str(os.cpu_count()))
        for test in list(tests):
            if not trial.make_for(test):
                print(f"{test} is not tried: it does not build: {trial.complaint.strip()[-300:]}", flush=True)
                tests.remove(test)
        print(f"runs each of {len(tests)} suites once, to learn which halves it comes by", flush=True)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(self.learn, tests))

    def is_fast(self, test):
        """By its label, or by what ctest knows of its time."""
        return "fast" in property_of(self.build.tests[test], "LABELS", []) or self.build.costs.get(test, SECONDS_MAX) < QUICK_SECONDS

    def is_in_c(self, test):
        return any(word.endswith("run_criterion") for word in self.build.tests[test]["command"])

    def learn(self, test):
        place = Path(self.trial.place(f"seen-{test}"))
        place.write_bytes(bytes(len(self.halves)))
        place.chmod(0o666)
        began = time.monotonic()
        if self.trial.run(test, SECONDS_MAX, {"CF_HALVES_SEEN": str(place)}) == 0:
            self.seconds[test] = time.monotonic() - began
            self.seen[test] = place.read_bytes()
        else:
            print(f"{test} is not tried: it takes more than {SECONDS_MAX} s, or fails as it is", flush=True)

    def tests_of(self, half):
        return sorted((test for test, seen in self.seen.items() if seen[half.number]), key=self.seconds.get)

    def outcome(self, half, tests):
        for test in tests:
            if self.trial.run(test, 10 + 5 * self.seconds[test], {"CF_HALF": str(half.number)}) != 0:
                return f"caught by {test}"
        if not self.tests_of(half):
            return "SURVIVED, and no suite comes by it"
        return "SURVIVED" if tests == self.tests_of(half) or tests == self.rest(half) else "left"

    def quick(self, tests):
        """The first of them, for what most halves are caught by."""
        chosen, seconds = [], 0
        for test in tests:
            seconds += self.seconds[test]
            if chosen and seconds > QUICK_SECONDS:
                break
            chosen.append(test)
        return chosen

    def rest(self, half):
        tests = self.tests_of(half)
        return tests[len(self.quick(tests)) :]

    def run(self, seconds, seed):
        """{half: outcome}: of all by the quick suites, then of what these don't notice by the others; "left": there was no
        time for that."""
        order = [half for half in self.halves if half not in self.left_out]
        random.Random(seed).shuffle(order)
        end = time.monotonic() + seconds if seconds else None
        outcomes, tried = {}, []

        def one(half, tests):
            if not end or time.monotonic() < end:
                outcomes[half] = self.outcome(half, tests)
                tried.append(half)
                if len(tried) % SAID_EACH == 0:
                    print(f"{len(tried)} tried", flush=True)

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(lambda half: one(half, self.quick(self.tests_of(half))), order))
            left = [half for half in order if outcomes.get(half) == "left"]
            print(f"{len(outcomes)} tried, {len(left)} not caught by the quick suites", flush=True)
            list(pool.map(lambda half: one(half, self.rest(half)), left))
        return outcomes


def campaign(build, options):
    found = [half for file in deciding(options.names) for half in halves_in(file, (ROOT / file).read_text())]
    why = known()
    with tempfile.TemporaryDirectory(prefix="halves.") as scratch:
        os.chmod(scratch, 0o755)
        left_out = {half: why[key] for key, half in named(found).items() if key in why}
        it = Campaign(build, found, left_out, Path(scratch))
        it.prepare(options.suites)
        outcomes = it.run(options.seconds, options.seed)
    survived = {half: outcome for half, outcome in outcomes.items() if outcome.startswith("SURVIVED")}
    left = list(outcomes.values()).count("left")
    print(f"{len(outcomes) - left} halves of {len(it.halves)}: {len(outcomes) - left - len(survived)} caught, "
          f"{len(survived)} survived; no time for the slower suites of {left}; "
          f"{len(it.left_out)} are known to survive (tests/faults/halves.toml)")
    for half in sorted(survived, key=lambda half: (half.file, half.line)):
        print(f"{half}: {survived[half]}")
    return 1 if survived else 0
