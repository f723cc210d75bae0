# SPDX-License-Identifier: Apache-2.0
"""Each workload runs once to count its calls that change a disk; then again and again, struck at the n-th: killed, or with a
call that fails or does half. Whatever was struck, it ends clearly, and then all is finished as if nothing had been.

The short form strikes a few n, spread over all, or an earlier one when a run doesn't come so far; CF_CRASH_SEED=TEXT takes others. CF_CRASH_SECONDS=S goes on for S seconds in all, evenly:
it kills at every n once, then strikes in other ways at every n, as far as the time allows, and says how far it came."""

import collections
import os
import random
import shutil
import signal
import subprocess
import time

import pytest

from strike import KINDS, Strike
from workloads import ALL

SECONDS = float(os.environ.get("CF_CRASH_SECONDS", "0")) / len(ALL)
SHORT_FORM = ["kill", "EIO", "ENOSPC", "EINTR", "short"]
ENDS = {0, 1, 5, 7, -signal.SIGKILL}


class Stage:
    """What a workload begins with, made once and laid out anew for each run: in one place, since homes know their paths."""

    def __init__(self, workload_class, folder):
        self.workload_class = workload_class
        self.folder, self.kept = folder / "stage", folder / "kept"
        self.strike = Strike(folder / "strike")
        self.folder.mkdir()
        workload = workload_class(self.folder, self.strike)
        try:
            workload.prepare()
            self.line = workload.broker.line
            workload.broker.stop()
        finally:
            workload.end()
        subprocess.run(["cp", "-a", "--reflink=auto", self.folder, self.kept], check=True)

    def lay_out(self):
        shutil.rmtree(self.folder)
        subprocess.run(["cp", "-a", "--reflink=auto", self.kept, self.folder], check=True)
        workload = self.workload_class(self.folder, self.strike)
        workload.broker.line = self.line
        workload.broker.restart()
        for device in workload.devices:
            device.finish("sync")  # the copies are other files, with the same contents
        return workload


def run(stage, at, kind):
    """How many calls there were, and which was struck."""
    workload = stage.lay_out()
    strike = stage.strike
    try:
        strike.aim(at, kind)
        workload.act()
        count, call = strike.count, strike.call
        finish(workload, f"{stage.workload_class.__name__}, {kind} at {at} of {count} ({call})")
    finally:
        workload.end()
    return count, call


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
    assert workload.held(here) == workload.expected, what
    assert workload.held(there) == workload.expected, what
    quiet(workload, what)
    for device in (here, there):
        device.run("verify")
        assert not workload.left(device), what
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
    dice = random.Random(os.environ.get("CF_CRASH_SEED", "1"))
    if not SECONDS:
        for i, kind in enumerate(SHORT_FORM):
            yield 1 + (count * i + dice.randrange(count)) // len(SHORT_FORM), kind
        return
    end = time.monotonic() + SECONDS
    others = [kind for kind in KINDS if kind != "kill"]
    rounds = [[(at, "kill") for at in range(1, count + 1)], [(at, kind) for at in range(1, count + 1) for kind in others]]
    for chosen in rounds:
        dice.shuffle(chosen)
        for moment in chosen:
            if time.monotonic() > end:
                return
            yield moment


@pytest.mark.parametrize("workload_class", ALL)
def test_whatever_is_struck_is_finished_later(workload_class, tmp_path):
    stage = Stage(workload_class, tmp_path)
    count, _ = run(stage, 0, "kill")
    assert count > 10
    struck, missed = collections.Counter(), collections.Counter()
    for at, kind in moments(count):
        came, call = run(stage, at, kind)
        while not call and not SECONDS:
            missed[kind] += 1
            at = min(at - 1, came)
            assert at > 0, f"{kind} strikes no call of {workload_class.__name__}"
            came, call = run(stage, at, kind)
        (struck if call else missed)[kind] += 1
    kills = struck.pop("kill", 0)
    print(f"{workload_class.__name__}: killed at {kills} of {count} calls, {dict(struck)}; missed {dict(missed)}")
