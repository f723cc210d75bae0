# SPDX-License-Identifier: Apache-2.0
"""Each workload runs once to count its calls that change a disk; then again and again, struck at the n-th: killed, or with a
call that fails or does half. Whatever was struck, it ends clearly, and then all is finished as if nothing had been.

The short form strikes a few n, spread over all and others each day. CF_CRASH_SECONDS=S goes on for S seconds in all, evenly."""

import datetime
import os
import random
import signal
import time

import pytest

from counterfoil import tree
from strike import KINDS, Strike
from workloads import ALL

SECONDS = float(os.environ.get("CF_CRASH_SECONDS", "0")) / len(ALL)
SHORT_FORM = ["kill", "EIO", "ENOSPC", "short"]
ENDS = {0, 1, 5, 7, -signal.SIGKILL}


def run(workload_class, folder, at, kind):
    folder.mkdir()
    strike = Strike(folder / "strike")
    workload = workload_class(folder, strike)
    try:
        workload.prepare()
        strike.aim(at, kind)
        workload.act()
        count, call = strike.count, strike.call
        finish(workload, f"{workload_class.__name__}, {kind} at {at} of {count} ({call})")
    finally:
        workload.end()
    return count


def ended_clearly(code, messages):
    """Debian's RocksDB is built with assertions, some of which a failed write breaks: that ends the program as a kill does."""
    return code in ENDS or (code == -signal.SIGABRT and "rocksdb::" in messages)


def finish(workload, what):
    for arguments, code, messages in workload.codes:
        assert ended_clearly(code, messages), f"{what}: {arguments} ended with {code}\n{messages}"
    here, there = workload.here, workload.there
    workload.settle()
    for device in (here, there, here, there):
        done = device.finish("sync")
        assert done.returncode == 0, f"{what}: {device.name}: {done.returncode}\n{done.stdout}{done.stderr}"
    assert tree(here.source()) == workload.expected, what
    assert tree(there.source()) == workload.expected, what
    quiet(workload, what)
    for device in (here, there):
        device.run("verify")
        assert not list((device.source() / ".counterfoil" / "tmp").iterdir()), what
        assert device.json("status", "--check")["in_sync"], what
    workload.broker.stop()
    workload.broker.run("verify")


def quiet(workload, what):
    """Nothing more is published, and everybody has the same history."""
    before = [device.run("log", "-n", "100000") for device in workload.devices]
    for device in workload.devices:
        device.sync()
    assert [device.run("log", "-n", "100000") for device in workload.devices] == before, what


def moments(count):
    """(n, kind) to strike at."""
    dice = random.Random(str(datetime.date.today()))
    if not SECONDS:
        for i, kind in enumerate(SHORT_FORM):
            yield 1 + (count * i + dice.randrange(count)) // len(SHORT_FORM), kind
        return
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        yield dice.randint(1, count), dice.choice(list(KINDS))


@pytest.mark.parametrize("workload_class", ALL)
def test_whatever_is_struck_is_finished_later(workload_class, tmp_path):
    count = run(workload_class, tmp_path / "count", 0, "kill")
    assert count > 10
    for i, (at, kind) in enumerate(moments(count)):
        run(workload_class, tmp_path / f"{i} {at} {kind}", at, kind)
