# SPDX-License-Identifier: Apache-2.0
"""Times that a disk has no room for, or sets itself: what comes to it keeps its time elsewhere, and a time that is set on it
is sent."""

import os

import pytest

from counterfoil import both, broker, make_device, two  # noqa: F401
from disks import disk, make_disk, of, stick  # noqa: F401

EARLY, LATE, LATER, USUAL = 86_400, 2_524_608_000, 6_000_000_000, 1_500_000_002
TIMES = {"early": EARLY, "late": LATE, "in/later": LATER, "in/usual": USUAL}
KINDS = ("ext4", "ext2", "exfat", "fusefat", "ntfs", "bindfs")


def stamp(path, second):
    os.utime(path, (second, second))


def times(folder):
    return {name: int((folder / name).stat().st_mtime) for name in TIMES}


def unmounted_and_back(disk, laptop, desktop):
    """Twice: what a disk shows until it is unmounted may be more than it keeps."""
    both(laptop, desktop)
    before = len(desktop.json("log"))
    for _ in range(2):
        disk.remount()
        both(laptop, desktop)
    return len(desktop.json("log")) - before


@pytest.fixture
def known(stick):
    laptop, desktop = stick
    there = desktop.add("notes", {name: f"{name}\n" for name in TIMES})
    for name, second in TIMES.items():
        stamp(there / name, second)
    desktop.sync()
    here = laptop.add("notes", None, "--existing")
    both(laptop, desktop)
    return laptop, desktop, here, there


@of(*KINDS)
def test_what_comes_to_it_keeps_its_time_elsewhere(disk, known):
    laptop, desktop, _, there = known
    assert unmounted_and_back(disk, laptop, desktop) == 0
    assert times(there) == TIMES
    wanted = {"early": EARLY + 7, "late": LATE + 7, "in/later": EARLY, "in/usual": LATER}
    for name, second in wanted.items():
        stamp(there / name, second)
    both(laptop, desktop)
    assert unmounted_and_back(disk, laptop, desktop) == 0
    assert times(there) == wanted
    (there / "early").rename(there / "moved")
    both(laptop, desktop)
    (there / "moved").rename(there / "early")
    assert unmounted_and_back(disk, laptop, desktop) == 0
    assert times(there) == wanted


@of("ext4", "ext2", "exfat")
def test_a_time_that_is_set_there_is_sent(disk, known):
    laptop, desktop, here, there = known
    disk.remount()
    for at, name in enumerate(TIMES):
        stamp(here / name, USUAL + 100 * at)
    both(laptop, desktop)
    wanted = {name: USUAL + 100 * at for at, name in enumerate(TIMES)}
    assert times(there) == wanted
    assert unmounted_and_back(disk, laptop, desktop) == 0
    assert times(there) == wanted


@of("exfat", "ext2")
def test_what_was_there_before_is_no_change(disk, known):
    laptop, desktop, here, there = known
    disk.remount()
    laptop.run("remove", here)
    laptop.run("add", here, "--existing", "--collection", "notes")
    both(laptop, desktop)
    assert unmounted_and_back(disk, laptop, desktop) == 0
    assert times(there) == TIMES
