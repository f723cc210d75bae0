# SPDX-License-Identifier: Apache-2.0
"""Of many alike cases the short form takes some, each test others, and each commit: CF_ALL_CASES=1 takes all of them. A test
that fails says by which CF_CASES the same ones are taken again. Cases marked `whole` are no alike ones: all of them are taken."""

import functools
import os
import pathlib
import subprocess
import zlib

ALL = bool(os.environ.get("CF_ALL_CASES"))
TELLING = "exfat"  # the disk that keeps least is always one of those that are taken


@functools.cache
def turn():
    """What chooses the cases: the commit, so that each of them is taken now and then; without git always the same ones."""
    if "CF_CASES" not in os.environ:
        asked = ["git", "-C", str(pathlib.Path(__file__).parent), "rev-parse", "--short", "HEAD"]
        try:
            os.environ["CF_CASES"] = subprocess.run(asked, capture_output=True, text=True, timeout=30).stdout.strip()
        except OSError:
            os.environ["CF_CASES"] = ""
    return os.environ["CF_CASES"]


def some(cases, count, of):
    """So many of these, in their order; which, its name says."""
    cases = list(cases)
    if ALL or len(cases) <= count:
        return cases
    first = zlib.crc32(f"{turn()} {of}".encode())
    chosen = {(first + len(cases) * n // count) % len(cases) for n in range(count)}
    return [case for n, case in enumerate(cases) if n in chosen]


def costs_much(item):
    """A case with whole devices, or disks. Words are cheap."""
    return hasattr(item, "callspec") and {"make_device", "make_disk", "two"} & set(item.fixturenames) and not item.get_closest_marker("whole")


def some_items(items, count):
    telling = [item for item in items if TELLING in item.name][:1]
    rest = [item for item in items if item not in telling]
    return telling + some(rest, count - len(telling), items[0].originalname)


def cut(config, items, count):
    """Leaves of each test so many of its cases, but for those that were named by hand."""
    if config.option.keyword or any("::" in argument for argument in config.args):
        return
    cases = {}
    for item in filter(costs_much, items):
        cases.setdefault((item.path, item.originalname), []).append(item)
    chosen = {item for each in cases.values() for item in some_items(each, count)}
    left_out = [item for each in cases.values() for item in each if item not in chosen]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


def pytest_configure(config):
    config.addinivalue_line("markers", "whole: all cases of this test are taken")


def pytest_terminal_summary(terminalreporter):
    if not ALL and terminalreporter.stats.keys() & {"failed", "error"}:
        terminalreporter.write_line(f"CF_CASES={turn()} takes the same cases of each test again")
