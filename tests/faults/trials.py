# SPDX-License-Identifier: Apache-2.0
"""Changed sources in a scratch directory: what is made of them is compiled and linked again, everything else is taken
from a build directory, which stays as it is; then the tests run with that."""

import json
import os
import re
import signal
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PLACE_MAX = 38  # bytes of the path of where tests write

# Tried for a fault only where it names them.
LONG = ("bench", "crash", "manual/", "power", "quickstart", "seeded_faults", "system_bench",
        "system_contest", "system_lease_contest", "worlds")

# Tests that start the real programs, which takes them a minute.
PROGRAMS = ("crash", "disks_", "power", "system_")


class Rotten(Exception):
    """A fault that doesn't fit the source, or names what isn't there."""


AT_THE_FIRST_FAILURE = {"CRITERION_FAIL_FAST": "1", "PYTEST_ADDOPTS": "-x"}


def kill_session(leader):
    """All that it has started, workers of Criterion as well, which are process groups of their own."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            session = (process / "stat").read_text().rpartition(")")[2].split()[3]
            if int(session) == leader:
                os.kill(int(process.name), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            pass


class Build:
    """What a build directory knows: how each file in it is made, and its tests."""

    def __init__(self, folder):
        self.folder = folder
        edges = json.loads(subprocess.run(["ninja", "-C", folder, "-t", "compdb", "-x"], check=True,
                                          capture_output=True, text=True).stdout)
        self.commands = {edge["output"]: edge["command"] for edge in edges
                         if edge["output"].endswith((".o", ".a")) or edge["command"].startswith(": &&")}
        self.inputs = {output: [word for word in command.split() if word in self.commands and word != output]
                       for output, command in self.commands.items()}
        listed = json.loads(subprocess.run(["ctest", "--test-dir", folder, "--show-only=json-v1"], check=True,
                                           capture_output=True, text=True).stdout)
        self.tests = {test["name"]: test for test in listed["tests"] if "command" in test}
        self.costs = self.read_costs()
        self.compiled_of = {}
        for output in filter(lambda output: output.endswith(".o"), self.commands):
            self.compiled_of.setdefault(self.commands[output].split()[-1], []).append(output)
        self.outputs_by_source = {}
        self.objects_by_test = {}
        self.symbols = {}
        self.needs = {}
        self.is_current = False

    def read_costs(self):
        try:
            lines = (self.folder / "Testing/Temporary/CTestCostData.txt").read_text().splitlines()
        except OSError:
            return {}
        return {words[0]: float(words[2]) for words in map(str.split, lines) if len(words) == 3}

    def bring_up_to_date(self, outputs, jobs="1"):
        """These, or all: nothing where the caller has said that all are."""
        if not self.is_current and (outputs is None or outputs):
            subprocess.run(["ninja", "-C", self.folder, "-j", jobs, *sorted(outputs or [])], check=True,
                           stdout=subprocess.DEVNULL)
        self.is_current = self.is_current or outputs is None

    def outputs_from(self, source):
        """All that is made, directly or not, from a source file."""
        if source in self.outputs_by_source:
            return self.outputs_by_source[source]
        found = set(self.compiled_of.get(str(ROOT / source), ()))
        grown = True
        while grown:
            more = {output for output, inputs in self.inputs.items() if not found.isdisjoint(inputs)} - found
            found |= more
            grown = bool(more)
        self.outputs_by_source[source] = found
        return found

    def programs_of(self, test):
        """The outputs that a test uses."""
        words = self.tests[test]["command"] + environment_of(self.tests[test])
        prefix = str(self.folder) + "/"
        paths = {path for word in words for path in re.findall(re.escape(prefix) + r"([^\s:;]+)", word)}
        return paths & set(self.commands)

    def is_built(self, test):
        return all((self.folder / program).exists() for program in self.programs_of(test))

    def sources_of(self, test):
        """Of a program with the suites of many tests: those of this one."""
        return [word for word in self.tests[test]["command"] if word.endswith(".c")]

    def read_symbols(self, outputs):
        """By object file: what others find in it, and what it takes from others, by their names."""
        unknown = sorted(outputs - self.symbols.keys())
        self.symbols.update((output, (set(), set())) for output in unknown)
        if not unknown:
            return
        output = unknown[0]
        for line in subprocess.run(["readelf", "-sW", *unknown], cwd=self.folder, capture_output=True, text=True,
                                   check=False).stdout.splitlines():  # a quarter of nm's time
            words = line.split()
            if line.startswith("File: "):
                output = line.removeprefix("File: ")
            elif len(words) == 8 and words[4] in ("GLOBAL", "WEAK"):
                self.symbols[output][words[6] == "UND"].add(words[7].removeprefix("__real_"))  # as ld has it of what it wraps

    def needs_in(self, program):
        """The object files that a program is linked of; and of each, and of those in its libraries, which ones it takes."""
        if program not in self.needs:
            own = {each for each in self.inputs[program] if each.endswith(".o")}
            parts = own.union(*(self.inputs[each] for each in self.inputs[program] if each.endswith(".a")))
            self.read_symbols(parts)
            places = {}
            for part in [*sorted(own), *sorted(parts - own)]:
                for symbol in self.symbols[part][0]:
                    places.setdefault(symbol, part)
            self.needs[program] = own, {part: {places[symbol] for symbol in self.symbols[part][1] if symbol in places} for part in parts}
        return self.needs[program]

    def objects_of(self, test):
        """The object files of a test: those of its sources, and what these take of the program and its libraries."""
        if test not in self.objects_by_test:
            found = set()
            for program in self.programs_of(test):
                own, needs = self.needs_in(program)
                work = [output for source in self.sources_of(test) for output in own & self.outputs_from(source)] or list(own)
                reached = set(work)
                while work:
                    more = needs[work.pop()] - reached
                    reached |= more
                    work += more
                found |= reached
            self.objects_by_test[test] = found
        return self.objects_by_test[test]

    def uses(self, test, outputs):
        """Of what is not built only its programs are known, not what it takes of them."""
        if self.programs_of(test).isdisjoint(outputs):
            return False
        return not self.is_built(test) or not self.objects_of(test).isdisjoint(outputs)

    def tests_of(self, outputs):
        """Those that use any of these, the cheapest first."""
        return sorted((test for test in self.tests if self.uses(test, outputs)),
                      key=lambda test: self.costs.get(test, 0))


def environment_of(test):
    for item in test.get("properties", []):
        if item["name"] == "ENVIRONMENT":
            return item["value"]
    return []


def property_of(test, name, otherwise):
    return next((item["value"] for item in test.get("properties", []) if item["name"] == name), otherwise)


class Trial:
    """Changed sources, {file: text}, in a scratch directory."""

    def __init__(self, build, sources, scratch):
        self.build, self.scratch = build, scratch
        self.affected = set().union(*map(build.outputs_from, sources))
        self.made = set()
        self.complaint = ""
        # For what is ended in the midst, and leaves something. A suite has room for 64 bytes of a path, and aborts else.
        self.left = tempfile.TemporaryDirectory(prefix="", ignore_cleanup_errors=True)
        os.chmod(self.left.name, 0o1777)
        if len(self.left.name) > PLACE_MAX:
            raise Rotten(f"{self.left.name} is too long a path: TMPDIR may be shorter")
        self.moved = {word: self.place(word) for word in self.affected}
        for word in [word for word in self.moved if word.endswith(".o")]:
            self.moved[word + ".d"] = self.moved[word] + ".d"
        for number, (file, text) in enumerate(sources.items()):
            changed = Path(self.place(f"{number}-{Path(file).name}"))
            changed.write_text(text)
            self.moved[str(ROOT / file)] = str(changed)

    def place(self, output):
        return str(self.scratch / output)

    def make(self, output):
        """With all that it is made from; False when it doesn't build."""
        if output in self.made:
            return True
        for needed in self.build.inputs[output]:
            if needed in self.affected and not self.make(needed):
                return False
        Path(self.place(output)).parent.mkdir(parents=True, exist_ok=True)
        words = [self.moved.get(word, word) for word in self.build.commands[output].split(" ")]
        if output.endswith(".o"):
            words.insert(words.index("-c"), "-w")  # what is removed may have been the only use of something
        done = subprocess.run(["sh", "-c", " ".join(words)], cwd=self.build.folder, capture_output=True, text=True,
                              check=False)
        if done.returncode:
            self.complaint = done.stdout + done.stderr
            return False
        self.made.add(output)
        return True

    def make_for(self, test):
        """What the test uses; False when it doesn't build."""
        programs = self.build.programs_of(test)
        self.build.bring_up_to_date(programs)
        return all(self.make(program) for program in programs & self.affected)

    def run(self, test, limit=None, extra=()):
        """What the test ends with, of a program that was made: "timeout" after so many seconds."""
        run = self.build.tests[test]
        moved = {f"{self.build.folder}/{program}": self.place(program)
                 for program in self.build.programs_of(test) & self.affected}
        moved[f"{self.build.folder}/tmp-{test}"] = self.place(f"tmp-{test}")
        pattern = re.compile("|".join(re.escape(path) + r"(?![\w/.-])" for path in moved))

        def in_scratch(word):
            return pattern.sub(lambda found: moved[found[0]], word)

        environment = dict(os.environ, CF_ALL_CASES="1") | dict(in_scratch(each).split("=", 1) for each in environment_of(run)) | dict(extra)
        environment["TMPDIR"] = self.left.name
        for name, value in AT_THE_FIRST_FAILURE.items():
            environment[name] = f"{environment.get(name, '')} {value}".strip()
        process = subprocess.Popen([in_scratch(word) for word in run["command"]], env=environment,
                                   cwd=property_of(run, "WORKING_DIRECTORY", self.build.folder),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            code = process.wait(limit or self.limit_of(test))
        except subprocess.TimeoutExpired:
            code = "timeout"
        kill_session(process.pid)
        process.wait()
        return code

    def limit_of(self, test):
        usual = self.build.costs.get(test)
        limit = property_of(self.build.tests[test], "TIMEOUT", 300)
        return min(limit, 60 + 10 * usual if usual else 300)

    def fails(self, test):
        """None when it doesn't build, else whether the test notices."""
        if not self.make_for(test):
            return None
        code = self.run(test)
        return code not in (0, property_of(self.build.tests[test], "SKIP_RETURN_CODE", None))
