# SPDX-License-Identifier: Apache-2.0
"""`rm -r` is rarely one look: what vanishes bit by bit is judged with all that vanishes with it."""

import re
import shutil
import time

import pytest

from counterfoil import broker, make_device, tree, two, wait_until  # noqa: F401
from test_guard_told import Said, kinds

FOLDERS, FILES = 6, 90
ALL = FOLDERS * (FILES + 1)


@pytest.fixture
def served(two):
    """The files are the laptop's; the desktop deletes them. Both serve."""
    laptop, desktop = two
    here = laptop.add("notes", {f"d{d}/file {i:03}": f"{d} {i}\n" for d in range(FOLDERS) for i in range(FILES)})
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    said = Said(laptop.serve()), Said(desktop.serve())
    for device in laptop, desktop:
        wait_until(lambda: device.json("status")["broker"]["connected"], f"{device.name} is connected")
    return laptop, desktop, here, there, *said


def test_folders_that_go_one_after_the_other_are_held_together(served):
    laptop, desktop, here, there, _, said = served
    for d in range(FOLDERS):
        shutil.rmtree(there / f"d{d}")
        time.sleep(0.05)
    said.wait_for(rf"{ALL} of {ALL} items")
    time.sleep(4)
    assert len(tree(here)) == ALL


def test_a_slow_removal_is_held_whole(served):
    laptop, desktop, here, there, _, said = served
    for d in range(FOLDERS):
        for i in range(FILES):
            (there / f"d{d}" / f"file {i:03}").unlink()
            time.sleep(0.02)
        (there / f"d{d}").rmdir()
    said.wait_for(rf"{ALL} of {ALL} items")
    assert len(tree(here)) == ALL
