# SPDX-License-Identifier: Apache-2.0
"""Of many alike cases the short form takes some, each test others: CF_ALL_CASES=1 takes all of them.
Cases marked `whole` are no alike ones: all of them are taken."""

import os
import zlib

ALL = bool(os.environ.get("CF_ALL_CASES"))


def some(cases, count, of):
    """So many of these, in their order; which, its name says."""
    cases = list(cases)
    if ALL or len(cases) <= count:
        return cases
    first = zlib.crc32(str(of).encode())
    chosen = {(first + len(cases) * n // count) % len(cases) for n in range(count)}
    return [case for n, case in enumerate(cases) if n in chosen]


def costs_much(item):
    """A case with whole devices, or disks. Words are cheap."""
    return hasattr(item, "callspec") and {"make_device", "make_disk", "two"} & set(item.fixturenames) and not item.get_closest_marker("whole")


def cut(config, items, count):
    """Leaves of each test so many of its cases, but for those that were named by hand."""
    if config.option.keyword or any("::" in argument for argument in config.args):
        return
    cases = {}
    for item in filter(costs_much, items):
        cases.setdefault((item.path, item.originalname), []).append(item)
    chosen = {item for each in cases.values() for item in some(each, count, each[0].originalname)}
    left_out = [item for each in cases.values() for item in each if item not in chosen]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


def pytest_configure(config):
    config.addinivalue_line("markers", "whole: all cases of this test are taken")
