# SPDX-License-Identifier: Apache-2.0
"""Power cuts while a broker and two devices, all on one disk, do their work: whatever a `sync` had said was in sync is there
afterwards on both devices, whole, and everything else is finished by the next `sync`.

CF_POWER_SECONDS=S goes on for S seconds with each kind of file system: cuts while the work goes on, until the disk is half full, checks for as
long, and then anew on another disk. It prints how many cuts they were a second."""

import concurrent.futures
import contextlib
import os
import random
import threading
import time

import pytest

import counterfoil
from counterfoil import Device, fill, tree
from counterfoild import Broker
from disk import Disk, NotAllowed
from records import Shelf

SECONDS = float(os.environ.get("CF_POWER_SECONDS", "0"))
ROUNDS, CHECKS = 4, 5
CUTS_EACH_SECOND = 10  # at least, in the long form


@contextlib.contextmanager
def a_disk(folder, kind):
    folder.mkdir()
    made = Disk(folder, kind)
    try:
        try:
            made.begin()
        except (NotAllowed, PermissionError, FileNotFoundError) as error:
            pytest.skip(f"loop mounts are not allowed here: {error}")
        yield made
    finally:
        made.end()


class Scene:
    def __init__(self, disk):
        self.disk = disk
        self.random = random.Random(20261120)
        self.broker = Broker(str(disk.at / "broker"))
        self.here, self.there = Device(disk.at, "here"), Device(disk.at, "there")
        self.shelf = Shelf([self.here, self.there], self.random)
        self.done = []  # (what `here` held when both devices were in sync, what was saved, how many cuts had begun)
        self.begun = self.made = 0

    def prepare(self):
        self.broker.start()
        self.here.init(self.broker.run("invite").strip())
        self.here.pair(self.there)
        self.here.add("notes", {"first": b"first\n", "large": self.random.randbytes(1_500_000)})
        self.here.sync()
        self.there.sync()
        self.there.add("notes", None, "--existing")
        self.there.sync()
        self.shelf.prepare()
        self.here.sync()

    def work(self, number):
        """A round of edits of every kind, synced on both."""
        source = self.here.source()
        large = bytearray((source / "large").read_bytes())
        at = self.random.randrange(len(large))
        large[at:at + 100] = self.random.randbytes(120)
        fill(source, {f"round {number}/{i}": self.random.randbytes(self.random.choice([0, 50, 90_000])) for i in range(8)})
        fill(source, {"large": bytes(large)})
        if number > 1:
            os.rename(source / f"round {number - 1}", source / f"kept {number - 1}")
        if number > 2:
            os.unlink(source / f"kept {number - 2}" / "0")
        self.shelf.edit(number)
        held, saved = tree(source), self.shelf.count()
        for device in (self.here, self.there, self.here):
            device.sync()
        self.done.append((held, saved, self.begun))

    def stop(self):
        self.shelf.close()
        self.broker.process.kill()
        self.broker.process.communicate()
        self.broker.process = None

    def check(self, index):
        """After the power is back."""
        self.disk.go_back_to(index)
        self.broker.restart()
        try:
            for device in (self.here, self.there, self.here, self.there):
                device.run("sync")
            held = tree(self.here.source())
            assert held == tree(self.there.source())
            assert not [path for path in held if "conflict" in path]
            self.must_hold(held, index)
            for device in (self.here, self.there):
                device.run("verify")
                assert device.json("status", "--check")["in_sync"]
        finally:
            self.stop()
        self.broker.run("verify")

    def must_hold(self, held, index):
        """All that was in sync when the cut began, unless a later round moved or edited it."""
        before = [(state, saved) for state, saved, begun in self.done if begun <= index]
        state, saved = before[-1] if before else ({}, {})
        self.shelf.check(saved, f"cut {index}")
        contents = list(held.values())
        for path, content in state.items():
            if content is not None and path != "large":
                later = path not in held and path.startswith("kept") and path.endswith("/0")
                assert content in contents or later, f"cut {index}: {path} is lost"


def cutter(scene, stop):
    while not stop.is_set():
        number = scene.begun
        scene.begun += 1
        scene.disk.cut(number)
        scene.made += 1
        stop.wait(0.03)


@contextlib.contextmanager
def cutting(scene):
    """Cuts are made meanwhile; what goes wrong with them is raised here."""
    stop = threading.Event()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        cuts = pool.submit(cutter, scene, stop)
        try:
            yield cuts
        finally:
            stop.set()
            cuts.result()


def work(scene, end):
    """How many cuts were made in each round, and in how many seconds in all."""
    rounds, begun = [], time.monotonic()
    with cutting(scene) as cuts:
        while not cuts.done() and (len(rounds) < ROUNDS or (time.monotonic() < end and scene.disk.is_half_empty())):
            before = scene.made
            scene.work(len(rounds) + 1)
            rounds.append(scene.made - before)
    return rounds, time.monotonic() - begun


def cut_and_check(disk, end):
    """How many cuts were made, in how many seconds, and how many were checked."""
    scene = Scene(disk)
    scene.prepare()
    try:
        rounds, seconds = work(scene, (time.monotonic() + end) / 2)
    finally:
        scene.stop()
    print(f"{disk.kind}: {scene.made} cuts in {seconds:.0f} s, {scene.made / seconds:.1f} a second; "
          f"{len(rounds)} rounds with {min(rounds)} to {max(rounds)}; {len(disk.cuts)} cuts kept")
    assert scene.made > CHECKS and all(rounds), "a round without a cut"
    chosen, checked = scene.random.sample(list(disk.cuts), len(disk.cuts) if SECONDS else CHECKS), 0
    enough = time.monotonic() + seconds
    for index in chosen:
        scene.check(index)
        checked += 1
        if SECONDS and time.monotonic() > enough:
            break
    print(f"{disk.kind}: {checked} checked")
    return scene.made, seconds, checked


@pytest.mark.parametrize("kind, takes_flags", [("ext4", True), ("xfs", True), ("ext4", False)])
def test_what_was_in_sync_survives_a_power_cut(kind, takes_flags, tmp_path, monkeypatch):
    if not takes_flags:  # of rename, as on most of FUSE
        monkeypatch.setitem(counterfoil.CLEAN, "LD_PRELOAD", os.environ["CF_FLAGLESS_LIBRARY"])
    end, done = time.monotonic() + SECONDS, []
    while not done or time.monotonic() < end:
        with a_disk(tmp_path / f"{len(done)}", kind) as disk:
            done.append(cut_and_check(disk, end))
    made, seconds, checked = map(sum, zip(*done))
    print(f"{kind}: {made} cuts in all, {made / seconds:.1f} a second, {checked} checked")
    assert not SECONDS or made >= CUTS_EACH_SECOND * seconds
