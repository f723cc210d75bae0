# SPDX-License-Identifier: Apache-2.0
"""Each workload runs once to count its calls that change a disk; then again and again, struck at the n-th: killed, or with a
call that fails or does half. Whatever was struck, it ends clearly, and then all is finished as if nothing had been.

The short form strikes at two n, or at an earlier one when a run doesn't come so far: it kills, and makes one of the other four kinds of
trouble, which differs from workload to workload; CF_CRASH_SEED=TEXT takes others. What ends well after a strike ends well without one:
the run that counts is not finished there; of the workloads whose disk takes no flags of rename it takes a folder's and a table's.
CF_ALL_CASES=1 takes all, and finishes that run, too. CF_CRASH_SECONDS=S does so as well, and goes on for S seconds in all, evenly:
it kills at every n once, then strikes in all other ways at every n, as far as the time allows, and says how far it came."""

import collections
import os
import random
import shutil
import signal
import subprocess
import time

import pytest

from counterfoil import WAIT
from strike import KINDS, Strike
from workloads import ALL

SECONDS = float(os.environ.get("CF_CRASH_SECONDS", "0")) / len(ALL)
LONG = bool(SECONDS or os.environ.get("CF_ALL_CASES"))
WORKLOADS = [one for one in ALL if LONG or not one.flagless] + [one for one in ALL if one.flagless and not LONG][:2]
SEED = os.environ.get("CF_CRASH_SEED", "1")
OTHERS = [kind for kind in KINDS if kind != "kill"]
ENDS = {0, 1, 5, 7, -signal.SIGKILL}


class Stage:
    """What workloads begin with that are prepared alike, made once and laid out anew for each run: in one place, since homes
    know their paths."""

    def __init__(self, workload_class, folder):
        self.workload_class = workload_class
        self.folder, self.kept = folder / "stage", folder / "kept"
        folder.mkdir()
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


@pytest.fixture(scope="module")
def stage_of(tmp_path_factory):
    made = {}

    def of(workload_class):
        alike = workload_class.prepare, workload_class.join, str(workload_class.files)
        if alike not in made:
            made[alike] = Stage(workload_class, tmp_path_factory.mktemp("crash") / "of")
        made[alike].workload_class = workload_class
        return made[alike]

    return of


def run(stage, at, kind):
    """How many calls there were, and which was struck."""
    workload = stage.lay_out()
    strike = stage.strike
    try:
        strike.aim(at, kind)
        workload.act()
        count, call = strike.count, strike.call
        if at or LONG:
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
    for device in (here, there, here):
        done = device.finish("sync", "--timeout", f"{WAIT - 20}s")
        assert done.returncode == 0, f"{what}: {device.name}: {done.returncode}\n{done.stdout}{done.stderr}"
    expect_rest(workload, what)
    for device in (here, there):
        assert workload.held(device) == workload.expected, what
        device.run("verify")
        assert not workload.left(device), what
    workload.broker.stop()
    workload.broker.run("verify")


def expect_rest(workload, what):
    """Nothing more is published or comes, and everybody has the same history."""
    for device in reversed(workload.devices):
        told = device.sync()
        assert told["in_sync"] and not told["traffic"]["entries_sent"] and not told["traffic"]["entries_received"], f"{what}: {told}"
    logs = [device.run("log", "-n", "100000") for device in workload.devices]
    assert logs[0] == logs[1], what


def short_form(workload_class):
    """The kinds of a workload, in an order of their own: each of the others comes to every fourth."""
    dice = random.Random(f"{SEED} {workload_class.__name__}")
    first = ALL.index(workload_class) + random.Random(SEED).randrange(len(OTHERS))
    kinds = ["kill", OTHERS[first % len(OTHERS)]]
    dice.shuffle(kinds)
    return kinds, dice


def moments(workload_class, count):
    """(n, kind) to strike at."""
    if not SECONDS:
        kinds, dice = short_form(workload_class)
        for i, kind in enumerate(kinds):
            yield 1 + (count * i + dice.randrange(count)) // len(kinds), kind
        return
    dice = random.Random(SEED)
    end = time.monotonic() + SECONDS
    rounds = [[(at, "kill") for at in range(1, count + 1)], [(at, kind) for at in range(1, count + 1) for kind in OTHERS]]
    for chosen in rounds:
        dice.shuffle(chosen)
        for moment in chosen:
            if time.monotonic() > end:
                return
            yield moment


@pytest.mark.parametrize("workload_class", WORKLOADS)
def test_whatever_is_struck_is_finished_later(workload_class, stage_of):
    stage = stage_of(workload_class)
    count, _ = run(stage, 0, "kill")
    assert count > 10
    struck, missed = collections.Counter(), collections.Counter()
    for at, kind in moments(workload_class, count):
        came, call = run(stage, at, kind)
        while not call and not SECONDS:
            missed[kind] += 1
            at = min(at * 3 // 4, came)
            assert at > 0, f"{kind} strikes no call of {workload_class.__name__}"
            came, call = run(stage, at, kind)
        (struck if call else missed)[kind] += 1
    kills = struck.pop("kill", 0)
    print(f"{workload_class.__name__}: killed at {kills} of {count} calls, {dict(struck)}; missed {dict(missed)}")
