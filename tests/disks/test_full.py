# SPDX-License-Identifier: Apache-2.0
"""A stick that is full, or can't be written to any more: what waits says so, and comes once it can."""

import os
import signal

import pytest

from counterfoil import broker, fill, make_device, tree, two, wait_until  # noqa: F401
from disks import MIB, disk, make_disk, of, run, stick  # noqa: F401

COUNT = 8


def made_full(disk):
    with open(disk.at / "ballast", "wb") as file:
        try:
            while True:
                os.write(file.fileno(), bytes(MIB))
        except OSError:
            pass
        try:
            while True:
                os.write(file.fileno(), bytes(512))
        except OSError:
            pass


TROUBLES = {
    "full": (made_full, lambda disk: os.unlink(disk.at / "ballast"), "this disk is full"),
    "read-only": (
        lambda disk: run("mount", "-o", "remount,ro", disk.at), lambda disk: run("mount", "-o", "remount,rw", disk.at),
        "this disk can't be written to",
    ),
}


@pytest.mark.parametrize("size", (200, 200_000))
@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("serves", (False, True), ids=("sync", "serve"))
@of("ext4")
def test_what_waits_for_its_disk_says_so_and_comes(disk, stick, trouble, serves, size):
    begin, end, words = TROUBLES[trouble]
    laptop, desktop = stick
    here = laptop.add("notes", {"first": "first\n"})
    for device in laptop, desktop:
        device.run("sync")
    there = desktop.add("notes", None, "--existing")
    desktop.run("sync")
    begin(disk)
    process = laptop.serve() if serves else None
    fill(there, {f"file {i}": os.urandom(size) for i in range(COUNT)})
    desktop.run("sync")

    def said():
        return laptop.finish("status" if serves else "sync")

    wait_until(lambda: said().stdout.count(words) == COUNT, words)
    told = said()
    assert ".counterfoil" not in told.stdout + told.stderr and (serves or told.returncode == 1)
    shown = laptop.finish("status").stdout
    assert shown.count(words) == COUNT and (serves or shown.count(f"it is new elsewhere; {words}") == COUNT)
    end(disk)
    wait_until(lambda: said().returncode == 0 and tree(here) == tree(there), "all of it comes")
    assert words not in laptop.finish("status").stdout
    if process:
        process.send_signal(signal.SIGTERM)
        lines = process.communicate(timeout=60)[1].splitlines()
        assert sum(words in line for line in lines) == 1 and process.returncode == 0, lines
        assert sum(line.endswith(f"{here}: its disk can be written to again") for line in lines) == 1, lines
