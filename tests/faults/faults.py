# SPDX-License-Identifier: Apache-2.0
"""The faults of tests/faults/*.toml: a safety measure each, what takes its place, and the tests that should notice."""

import tomllib

from trials import ROOT, Rotten


class Fault:
    def __init__(self, table, area):
        unknown = set(table) - {"name", "why", "file", "old", "new", "tests", "survives"}
        missing = {"name", "why", "file", "old", "tests"} - set(table)
        if unknown or missing:
            raise Rotten(f"{area}: {table.get('name', '?')}: unknown {sorted(unknown)}, missing {sorted(missing)}")
        self.name, self.why, self.file, self.tests = table["name"], table["why"], table["file"], table["tests"]
        self.old, self.new = table["old"], table.get("new", "")
        self.survives = table.get("survives")  # why nothing notices

    def changed_source(self):
        text = (ROOT / self.file).read_text()
        count = text.count(self.old)
        if count != 1:
            raise Rotten(f"{self.name}: its text stands {count} times in {self.file}")
        if not self.file.endswith(".c"):
            raise Rotten(f"{self.name}: {self.file} is no source that is compiled by itself")
        return text.replace(self.old, self.new)


def read_faults():
    faults = []
    for path in sorted((ROOT / "tests/faults").glob("*.toml")):
        with open(path, "rb") as file:
            faults += [Fault(table, path.name) for table in tomllib.load(file).get("fault", [])]
    names = [fault.name for fault in faults]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise Rotten(f"two faults are called {', '.join(sorted(twice))}")
    return faults
